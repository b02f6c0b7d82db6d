;;; sendonce-identity.el --- Is this the same message?  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns what makes two submissions the same: the identity of a draft, the
;; fingerprint of its content, and the table that says what to do when
;; one comes again.  message-mode makes a new Message-ID and Date at
;; every C-c C-c, so neither can be the identity.
;;
;; THE DRAFT IDENTITY is an id in the buffer-local variable
;; `message-sendonce-draft-id', set by `message-send-hook' in the draft.
;; Its name begins with "message", so `message-clone-locals' hands it to
;; the temporary buffers in which mail clients encode.
;;
;; It must outlive a crash of Emacs as well: then a draft comes back from
;; its auto-save file, from Gnus' drafts group, or from the folder in
;; which mu4e keeps drafts, under another name and perhaps edited.  Only
;; the draft's own text survives all of these.  But a header field put
;; into the buffer would show, and would leak into Gcc copies and out
;; through other senders.  So the field X-Sendonce-Draft is put into the
;; *file*, never into the buffer: `write-region-annotate-functions' adds
;; it whenever the draft is saved or auto-saved, and stamping writes the
;; auto-save file at once, before anything is sent, and marks the file
;; that was saved before (mu4e saves just before).  A draft reopened
;; from such a file has the field in its text; the next stamping takes it
;; out and is the same draft again; where a client sends straight from
;; the file, without the hook, compose finds it.  It is never sent.
;; Where there is no file at all, the fingerprint is what is left.
;;
;; THE FINGERPRINT is SHA-256 over the envelope, the header without what
;; changes at every try, its order neither, and the body with MIME
;; boundaries numbered.
;; Drafts that mml signs or encrypts have a new body at every try; for
;; these the fingerprint is taken of the draft's source, in the hook, with
;; the contents of the files it attaches.  The parts that message.el makes
;; of a large message have in them what changes at every try; for these it
;; is taken of the whole.
;;
;; THE TABLE is DESIGN.md's, as a pure function of facts: nothing here
;; asks, sends, or looks into the outbox.  Submit acts on what it says.

;;; Code:

(require 'sendonce)
(require 'sendonce-header)
(require 'sendonce-compose)
(require 'sendonce-engine)
(require 'sendonce-spool)
(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(declare-function sendonce--mod-spool-hash "ext:sendonce-module" (spool))
(declare-function sendonce--mod-stable-hash "ext:sendonce-module"
                  (bytes boundary))

(defvar message-encoded-mail-cache)
(defvar message-this-is-mail)
(defvar message-send-mail-partially-limit)

;;;; State

(defvar-local message-sendonce-draft-id nil
  "Identity of the draft in this buffer, as sendonce knows it.
The name is chosen for `message-clone-locals'.")

(defvar-local message-sendonce-draft-source nil
  "Hash of the source of this draft, if mml makes its body anew each time.")

;;;; The draft's identity

(defconst sendonce-identity--field "X-Sendonce-Draft"
  "Field by which files hold the identity of the draft in them.")

(defun sendonce-identity-new ()
  "Return a new identity: 32 hexadecimal digits."
  (substring (secure-hash 'sha256
                          (format "%S %S %S %S" (random t) (random)
                                  (current-time) (emacs-pid)))
             0 32))

(defun sendonce-identity--take-field ()
  "Remove the identity field from the draft; return what it said, or nil."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (let ((case-fold-search t)
            (end (car (sendonce-compose--body-start))))
        (when (re-search-forward
               (format "^%s: *\\([0-9a-f]+\\)\r?\n" sendonce-identity--field)
               end t)
          (prog1 (match-string-no-properties 1)
            (let ((inhibit-read-only t))
              (replace-match ""))))))))

(defun sendonce-identity--line (id)
  "Return the line that says a draft is ID."
  (format "%s: %s\n" sendonce-identity--field id))

(defun sendonce-identity--line-of-file (id)
  "Return the line that says a draft is ID, as the file in this buffer has lines.
The buffer holds its bytes.  With another end this one would make Emacs
take the ends of all for a part of them."
  (save-excursion
    (goto-char (point-min))
    (end-of-line)
    (concat (string-trim-right (sendonce-identity--line id))
            (if (eq ?\r (char-before)) "\r\n" "\n"))))

(defun sendonce-identity--annotate (start _end)
  "Add the identity field to what is written of the draft from START on.
An element of `write-region-annotate-functions'."
  (and message-sendonce-draft-id
       (or (null start)
           (and (integerp start) (= start 1)))
       (list (cons 1 (sendonce-identity--line message-sendonce-draft-id)))))

(defun sendonce-identity--mark (id)
  "Make the first line of this buffer, a file's bytes, say that it is ID.
Return nil if it did already."
  (goto-char (point-min))
  (let ((line (sendonce-identity--line-of-file id)))
    (unless (looking-at-p (regexp-quote line))
      (when (looking-at (format "%s: .*\n" sendonce-identity--field))
        (replace-match ""))
      (insert line)
      t)))

(defun sendonce-identity--replace-file (file)
  "Make FILE, which is there, hold the bytes in this buffer, all or nothing."
  (let ((new (make-temp-name (concat file ".")))
        (coding-system-for-write 'no-conversion))
    (unwind-protect
        (progn
          (write-region nil nil new nil 'quiet)
          (set-file-modes new (file-modes file))
          (rename-file new file t))
      (when (file-exists-p new)
        (delete-file new)))))

(defun sendonce-identity--mark-file ()
  "Put the identity of this draft into the file that it was saved in."
  (let ((id message-sendonce-draft-id)
        (file (and buffer-file-name (file-truename buffer-file-name))))
    (when (and file (file-exists-p file) (verify-visited-file-modtime)
               (with-temp-buffer
                 (set-buffer-multibyte nil)
                 (insert-file-contents-literally file)
                 (when (sendonce-identity--mark id)
                   (sendonce-identity--replace-file file)
                   t)))
      (set-visited-file-modtime))))

(defun sendonce-identity--persist ()
  "See to it that the identity of this draft is on disk."
  (ignore-errors
    (sendonce-identity--mark-file))
  (add-hook 'write-region-annotate-functions
            #'sendonce-identity--annotate nil t)
  (when buffer-auto-save-file-name
    (let ((coding-system-for-write 'utf-8-emacs-unix))
      (ignore-errors
        (write-region nil nil buffer-auto-save-file-name nil 'quiet)
        (set-buffer-auto-saved)))))

(defun sendonce-identity--adopt ()
  "Give this draft its identity: the one it has, or had, or a new one."
  (let ((old (sendonce-identity--take-field)))
    (unless message-sendonce-draft-id
      (setq message-sendonce-draft-id (or old (sendonce-identity-new)))
      (sendonce-identity--persist))))

;;;; Drafts that clients make buffers of

(defun sendonce-identity-stamp-file (file)
  "See to it that FILE, a draft, has an identity in it.
If it cannot be written, it stays as it is."
  (ignore-errors
    (with-temp-buffer
      (set-buffer-multibyte nil)
      (insert-file-contents-literally file)
      (unless (sendonce-identity--take-field)
        (goto-char (point-min))
        (insert (sendonce-identity--line-of-file (sendonce-identity-new)))
        (sendonce-identity--replace-file file)))))

(defun sendonce-identity-inherit ()
  "Give this draft the identity that is in its text, just read from a file."
  (let ((id (sendonce-identity--take-field)))
    (when (and id (not message-sendonce-draft-id))
      (setq message-sendonce-draft-id id)
      (add-hook 'write-region-annotate-functions
                #'sendonce-identity--annotate nil t))))

;;;###autoload
(defun sendonce-identity-stamp ()
  "Stamp the draft in the current buffer with its identity.
On `message-send-hook', after whatever else is there."
  (sendonce-identity--adopt)
  (setq message-sendonce-draft-source
        (and (sendonce-identity--volatile-p)
             (sendonce-identity--source))))

(defun sendonce-identity-settle (id)
  "Make ID the identity of the draft in this buffer."
  (setq message-sendonce-draft-id id)
  (sendonce-identity--persist))

;;;; Drafts that mml signs or encrypts

(defun sendonce-identity--volatile-p ()
  "Return non-nil if mml will make the body of this draft anew each time."
  (save-excursion
    (goto-char (point-min))
    (re-search-forward
     "^<#\\(secure\\b\\|\\(part\\|multipart\\|mml\\)\\b[^>]* \\(sign\\|encrypt\\)=\\)"
     nil t)))

(defun sendonce-identity--attached ()
  "Return the files that the mml draft in this buffer attaches."
  (save-excursion
    (goto-char (point-min))
    (let (files)
      (while (re-search-forward "^<#part\\b[^>]* filename=\\(\"[^\"\n]+\"\\|[^ >\n]+\\)" nil t)
        (push (string-trim (match-string-no-properties 1) "\"" "\"") files))
      (nreverse files))))

(defun sendonce-identity--file-hash (file)
  "Return a hash of the contents of FILE, or its name if it has none."
  (if (file-readable-p file)
      (with-temp-buffer
        (set-buffer-multibyte nil)
        (insert-file-contents-literally file)
        (secure-hash 'sha256 (current-buffer)))
    file))

(defconst sendonce-identity--written
  '("to" "cc" "bcc" "subject" "reply-to" "resent-to" "resent-cc" "resent-bcc")
  "Fields that the user writes.
To the others `message-mode' adds at the first try, in the draft, and
the sender is in the envelope.")

(defun sendonce-identity--written-p (field)
  "Return non-nil if FIELD is one that the user writes."
  (member (car field) sendonce-identity--written))

(defun sendonce-identity--source ()
  "Return a hash of the draft in this buffer as the user wrote it."
  (pcase-let ((`(,end . ,start) (sendonce-compose--body-start)))
    (secure-hash
     'sha256
     (encode-coding-string
      (concat (sendonce-identity--stable-header
               (seq-filter #'sendonce-identity--written-p
                           (sendonce-header-parse
                            (sendonce-compose--header-text end))))
              "\n"
              (buffer-substring-no-properties start (point-max))
              (mapconcat #'sendonce-identity--file-hash
                         (sendonce-identity--attached) "\n"))
      'utf-8))))

;;;; Messages that message.el splits

(defvar-local message-sendonce-whole nil
  "Hash of the message that this buffer holds, or holds a part of.
Noted where message.el splits it; the buffers of its parts inherit it.")

(defun sendonce-identity--to-split-p ()
  "Return non-nil if message.el is to split the message in this buffer."
  (let ((limit (bound-and-true-p message-send-mail-partially-limit)))
    (and limit (>= (buffer-size) limit))))

(defun sendonce-identity-note-whole ()
  "Note what the message in this buffer is, if it is to be split.
On `message-send-mail-hook', which runs in the whole message first and
then, perhaps, in each part."
  (when (and (not message-sendonce-whole)
             (sendonce-identity--to-split-p))
    (pcase-let* ((mail-header-separator "")
                 (`(,end . ,start) (sendonce-compose--body-start))
                 (fields (sendonce-header-parse
                          (sendonce-compose--header-text end))))
      (unless (sendonce-compose--part fields)
        (setq message-sendonce-whole
              (secure-hash
               'sha256
               (format "%s %s %s %s"
                       message-sendonce-draft-id
                       message-send-mail-partially-limit
                       (secure-hash 'sha256 (sendonce-identity--stable-header
                                             fields))
                       (secure-hash 'sha256 (current-buffer)
                                    start (point-max)))))))))

(defun sendonce-identity-whole (letter)
  "Return the hash of the message that LETTER is a part of, or nil."
  (and (sendonce-letter-part letter) message-sendonce-whole))

(defun sendonce-identity--name-whole (field name)
  "Return FIELD; if it says what the whole is called, that is NAME."
  (if (equal (car field) "content-type")
      (cons (car field)
            (replace-regexp-in-string
             "\\bid=\\(\"[^\"]*\"\\|[^ ;\t\n]+\\)"
             (format "id=\"%s\"" name) (cdr field) t t))
    field))

(defun sendonce-identity-steady (letter)
  "Have LETTER, if it is a part, call the whole the same at every try.
message.el calls it anew at each, and then receivers could not put
together what went out at one with what went out at the next."
  (let ((whole (sendonce-identity-whole letter)))
    (when whole
      (let ((name (concat (substring whole 0 32) "@sendonce")))
        (setf (sendonce-letter-fields letter)
              (mapcar (lambda (field)
                        (sendonce-identity--name-whole field name))
                      (sendonce-letter-fields letter)))))))

;;;; The first draft of a session

(defun sendonce-identity--message-id ()
  "Return the Message-ID in the header of the current buffer, or nil."
  (save-restriction
    (widen)
    (sendonce-header-value
     (sendonce-header-parse
      (sendonce-compose--header-text (car (sendonce-compose--body-start))))
     "message-id")))

(defun sendonce-identity--draft-of-p (buffer message-id)
  "Return non-nil if BUFFER is the draft with MESSAGE-ID."
  (and (not (eq buffer (current-buffer)))
       (with-current-buffer buffer
         (and (derived-mode-p 'message-mode)
              (equal message-id (sendonce-identity--message-id))))))

(defun sendonce-identity--origin ()
  "Return the draft of which the current buffer is a clone, or nil.
message.el tells nobody, but it puts the Message-ID into the draft too."
  (let ((message-id (and (bound-and-true-p message-this-is-mail)
                         (sendonce-identity--message-id))))
    (and message-id
         (seq-find (lambda (buffer)
                     (sendonce-identity--draft-of-p buffer message-id))
                   (buffer-list)))))

(defun sendonce-identity--clean-cache ()
  "Remove the identity field from what message.el files of this draft.
It encoded the draft, once for sending and filing, with the field in it."
  (when (stringp message-encoded-mail-cache)
    (setq message-encoded-mail-cache
          (let ((case-fold-search t))
            (replace-regexp-in-string
             (format "\\`\\(\\(?:.+\n\\)*?\\)%s:.*\n"
                     sendonce-identity--field)
             "\\1" message-encoded-mail-cache t)))))

(defun sendonce-identity--stamp-origin ()
  "Stamp the draft that the current buffer was made from, if it is found.
Needed once a session at most, where the first send loaded sendonce too
late for `message-send-hook'."
  (let ((draft (sendonce-identity--origin)))
    (when draft
      (pcase-let ((`(,id ,source)
                   (with-current-buffer draft
                     (sendonce-identity-stamp)
                     (sendonce-identity--clean-cache)
                     (list message-sendonce-draft-id
                           message-sendonce-draft-source))))
        (setq message-sendonce-draft-id id
              message-sendonce-draft-source source)))))

(defun sendonce-identity--hook ()
  "Have drafts stamped from now on."
  (unless (and (boundp 'message-send-hook)
               (memq #'sendonce-identity-stamp
                     (default-value 'message-send-hook)))
    (unless message-sendonce-draft-id
      (sendonce-identity--stamp-origin))
    (add-hook 'message-send-hook #'sendonce-identity-stamp 90)
    (add-hook 'message-send-mail-hook #'sendonce-identity-note-whole 90)
    (with-eval-after-load 'gnus-draft
      (require 'sendonce-gnus))))

(defun sendonce-identity--own-draft-p ()
  "Return non-nil if the current buffer is the user's draft, not a clone.
So it is where `mail-mode' calls the sender."
  (and enable-multibyte-characters
       (not (bound-and-true-p message-this-is-mail))))

(defun sendonce-identity-draft (letter)
  "Return the identity of the draft that became LETTER in this buffer.
A part of a split message has one of its own."
  (sendonce-identity--hook)
  (when (sendonce-identity--own-draft-p)
    (sendonce-identity--adopt))
  (let ((id (or message-sendonce-draft-id
                (sendonce-letter-draft letter)
                (sendonce-identity-new)))
        (part (sendonce-letter-part letter)))
    (if part (concat id "/" part) id)))

;;;; The fingerprint

(defconst sendonce-identity--volatile
  '("message-id" "date" "resent-message-id" "resent-date" "user-agent"
    "x-mailer" "lines" "cancel-lock" "cancel-key" "x-hashcash" "x-payment"
    "hashcash" "x-sendonce-draft" "x-draft-from" "gcc" "fcc" "in-reply-to")
  "Fields that change from try to try, or do not go out.
In-Reply-To `message-mode' makes when it sends, of what a draft that
comes back from its file has lost; References is there from the start.")

(defconst sendonce-identity--boundary
  "\\bboundary=\\(\"[^\"]*\"\\|[^ ;\t\n]+\\)"
  "Regexp for the parameter that names a MIME boundary.")

(defun sendonce-identity--boundary-in (text)
  "Return the MIME boundary that a Content-Type in TEXT names, or nil."
  (let ((case-fold-search t))
    (and (string-match sendonce-identity--boundary text)
         (string-trim (match-string 1 text) "\"" "\""))))

(defconst sendonce-identity--partial-id
  "\\(\\`message/partial;.*\\bid=\\)\\(?:\"[^\"]*\"\\|[^ ;\t\n]+\\)"
  "Regexp for a Content-Type up to the id of a message that was split.
It is the Message-ID of the whole, another at each try.")

(defun sendonce-identity--stable-field (field)
  "Return FIELD on one line, without the MIME boundary or id it may name."
  (let ((case-fold-search t))
    (if (car field)
        (format "%s:%s\n" (car field)
                (replace-regexp-in-string
                 sendonce-identity--partial-id "\\1"
                 (replace-regexp-in-string
                  sendonce-identity--boundary "boundary="
                  (sendonce-header--value (cdr field)))))
      (cdr field))))

(defun sendonce-identity--before-p (one other)
  "Return non-nil if the name of the field ONE is before that of OTHER."
  (string< (or (car one) "") (or (car other) "")))

(defun sendonce-identity--stable-header (fields)
  "Return what stays the same of FIELDS from try to try, as text.
The order does not: `message-generate-headers' moves fields."
  (mapconcat #'sendonce-identity--stable-field
             (sort (copy-sequence
                    (apply #'sendonce-header-without
                           fields sendonce-identity--volatile))
                   #'sendonce-identity--before-p)
             ""))

(defun sendonce-identity--boundary-of (letter)
  "Return the boundary of the parts of LETTER, or nil."
  (sendonce-identity--boundary-in
   (or (sendonce-header-value (sendonce-letter-fields letter) "content-type")
       "")))

(defun sendonce-identity-spool (letter)
  "Return the spool that holds LETTER, a large one; fill it if there is none.
The header of LETTER is not to be changed any more."
  (or (sendonce-letter-spool letter)
      (setf (sendonce-letter-spool letter)
            (sendonce-spool-make (sendonce-letter-header letter)
                                 (sendonce-letter-body letter)
                                 (sendonce-identity--boundary-of letter)))))

(defun sendonce-identity--stable-body (letter)
  "Return a hash of LETTER's body that does not depend on MIME boundaries.
The module numbers them: inner ones are found in the parts' headers, so
that text which merely looks like one is left alone."
  (if (sendonce-letter-large-p letter)
      (let ((spool (sendonce-identity-spool letter)))
        (sendonce--mod-spool-hash spool))
    (sendonce-engine-ensure)
    (sendonce--mod-stable-hash (sendonce-identity--part-body letter)
                               (sendonce-identity--boundary-of letter))))

(defun sendonce-identity--part-body (letter)
  "Return the body of LETTER as it is from try to try.
The first part of a message that was split begins with its header."
  (let ((body (sendonce-letter-body letter)))
    (if (not (equal "1" (sendonce-letter-part letter)))
        body
      (let ((end (or (string-search "\n\n" body) (length body))))
        (concat (sendonce-identity--stable-header
                 (sendonce-header-parse (substring body 0 end)))
                (substring body end))))))

(defun sendonce-identity--content (letter source)
  "Return the content of LETTER, the same from try to try, as text.
SOURCE is the hash of the draft's source where the body is not stable."
  (or source
      (concat (sendonce-identity--stable-header (sendonce-letter-fields letter))
              "\n"
              (sendonce-identity--stable-body letter))))

(defun sendonce-identity-fingerprint (letter &optional source)
  "Return the fingerprint of LETTER, hexadecimal.
SOURCE is `message-sendonce-draft-source' of the draft it comes from."
  (secure-hash
   'sha256
   (encode-coding-string
    (format "%s\n%s\n%s\n%s"
            (sendonce-letter-sender letter)
            (string-join (sort (copy-sequence
                                (sendonce-letter-recipients letter))
                               #'string<)
                         "\n")
            (or (sendonce-letter-part letter) "")
            (string-to-multibyte
             (sendonce-identity--content letter source)))
    'utf-8)))

;;;; The table

(defun sendonce-identity-states (entry)
  "Return the states of the recipients of ENTRY."
  (mapcar (lambda (recipient) (plist-get recipient :state))
          (plist-get entry :recipients)))

(defun sendonce-identity-summary (entry)
  "Return how ENTRY stands, one of the columns of `sendonce-identity--table'."
  (let* ((states (sendonce-identity-states entry))
         (some-sent (memq 'sent states)))
    (cond ((memq 'in-doubt states) 'doubt)
          ((seq-intersection '(queued sending deferred) states)
           (if some-sent 'live-partly 'live))
          ((seq-every-p (lambda (state) (eq state 'sent)) states) 'sent)
          (some-sent 'partly)
          (t 'dead))))

(defconst sendonce-identity--table
  '((same    (sent . already)   (partly . rest)  (live . join)
             (live-partly . join) (doubt . ask-doubt) (dead . replace))
    (copy    (sent . ask-again) (partly . rest)  (live . join)
             (live-partly . join) (doubt . ask-doubt) (dead . replace))
    (changed (sent . ask-whom)  (partly . ask-whom)  (live . replace)
             (live-partly . ask-whom) (doubt . ask-doubt-changed)
             (dead . replace)))
  "What to do by relation and by how the earlier entry stands.
Relations: `same' draft and content; `copy', the same content from
another draft; `changed' content of the same draft.  Actions:
`already'   nothing: it went out
`ask-again' ask whether to send an identical message again
`join'      try the earlier entry now and wait for it
`rest'      try those recipients of it that have not got it
`replace'   withdraw it and send this
`ask-whom'  ask: only those who have no version yet, or all
`ask-doubt', `ask-doubt-changed' ask what became of the earlier one
and, where there is no earlier entry, `new'.")

(defun sendonce-identity--relation (entry draft fingerprint)
  "Return how ENTRY is related to a draft: DRAFT, FINGERPRINT; or nil."
  (let ((same-draft (equal draft (plist-get entry :draft)))
        (same-content (equal fingerprint (plist-get entry :fingerprint))))
    (cond ((and same-draft same-content) 'same)
          (same-draft 'changed)
          (same-content 'copy))))

(defun sendonce-identity--rank (relation entry)
  "Return how much ENTRY with RELATION matters; 0 matters most.
What nobody got and nobody will get matters least."
  (+ (pcase relation ('same 0) ('changed 1) (_ 2))
     (if (eq (sendonce-identity-summary entry) 'dead) 3 0)))

(defun sendonce-identity-decide (draft fingerprint entries)
  "Return (ACTION . ENTRY) for a message of identity DRAFT and FINGERPRINT.
ENTRIES are those of the outbox, newest first.  Pure: see
`sendonce-identity--table' for the actions."
  (let (best)
    (dolist (entry entries)
      (let* ((relation (sendonce-identity--relation entry draft fingerprint))
             (rank (and relation
                        (sendonce-identity--rank relation entry))))
        (when (and rank (or (null best) (< rank (car best))))
          (setq best (list rank relation entry)))))
    (pcase best
      ('nil '(new))
      (`(,_ ,relation ,entry)
       (cons (alist-get (sendonce-identity-summary entry)
                        (alist-get relation sendonce-identity--table))
             entry)))))

(defun sendonce-identity-holders (draft entries)
  "Return the addresses that have some version of DRAFT, after ENTRIES."
  (cl-loop for entry in entries
           when (equal draft (plist-get entry :draft))
           append (cl-loop for recipient in (plist-get entry :recipients)
                           when (eq (plist-get recipient :state) 'sent)
                           collect (plist-get recipient :address))))

(provide 'sendonce-identity)

;;; sendonce-identity.el ends here
