;;; sendonce-identity-tests.el --- Is this the same message?  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure: the draft's identity and its way through files, fingerprints, and
;; the whole table of what to do when a message comes again.

;;; Code:

(require 'sendonce-test-helper)

;;;; Fingerprints

(defun sendonce-test-fingerprint (text)
  "Return the fingerprint of TEXT, bytes."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert text)
    (let ((mail-header-separator ""))
      (sendonce-identity-fingerprint (sendonce-compose)))))

(defun sendonce-test-same (&rest texts)
  "Return non-nil if all TEXTS have one fingerprint."
  (null (cdr (seq-uniq (mapcar #'sendonce-test-fingerprint texts)))))

(ert-deftest sendonce-identity-volatile-fields ()
  (should (sendonce-test-same
           "From: a@b.c\nTo: d@e.f\nMessage-ID: <1@x>\nDate: Mon\nUser-Agent: x\nLines: 3\n\nBody\n"
           "From: a@b.c\nDate: Tue\nTo: d@e.f\nMessage-ID: <2@x>\nUser-Agent: y\n\nBody\n"
           "From: a@b.c\nTo: d@e.f\n\nBody\n"
           "From: a@b.c\nTo:\n d@e.f\n\nBody\n")))

(ert-deftest sendonce-identity-reply-from-its-file ()
  "Its References came back with the draft, In-Reply-To did not."
  (should (sendonce-test-same
           "From: a@b.c\nTo: d@e.f\nReferences: <1@x>\nIn-Reply-To: <1@x>\n\nBody\n"
           "From: a@b.c\nTo: d@e.f\nReferences: <1@x>\n\nBody\n"))
  (should-not (sendonce-test-same
               "From: a@b.c\nTo: d@e.f\nReferences: <1@x>\n\nBody\n"
               "From: a@b.c\nTo: d@e.f\nReferences: <2@x>\n\nBody\n")))

(ert-deftest sendonce-identity-order-of-fields ()
  "At its second try message-mode puts References behind In-Reply-To."
  (should (sendonce-test-same
           "From: a@b.c\nTo: d@e.f\nReferences: <1@x>\nIn-Reply-To: <1@x>\n\nBody\n"
           "From: a@b.c\nTo: d@e.f\nIn-Reply-To: <1@x>\nReferences: <1@x>\n\nBody\n"))
  ;; Between fields of one name it means something.
  (should-not (sendonce-test-same
               "From: a@b.c\nTo: d@e.f\nComments: 1\nComments: 2\n\nBody\n"
               "From: a@b.c\nTo: d@e.f\nComments: 2\nComments: 1\n\nBody\n")))

(ert-deftest sendonce-identity-what-counts ()
  (let ((texts '("From: a@b.c\nTo: d@e.f\n\nBody\n"
                 "From: a@b.c\nTo: d@e.g\n\nBody\n"
                 "From: a@b.d\nTo: d@e.f\n\nBody\n"
                 "From: a@b.c\nTo: d@e.f\nBcc: g@h.i\n\nBody\n"
                 "From: a@b.c\nTo: d@e.f\nSubject: x\n\nBody\n"
                 "From: a@b.c\nTo: d@e.f\n\nbody\n"
                 "From: a@b.c\nTo: d@e.f\n\nBody\n\n")))
    (should (equal (length texts)
                   (length (seq-uniq
                            (mapcar #'sendonce-test-fingerprint texts)))))))

(defun sendonce-test-multipart (outer inner)
  "Return a nested multipart message with the boundaries OUTER and INNER."
  (format "From: a@b.c
To: d@e.f
MIME-Version: 1.0
Content-Type: multipart/mixed;
 boundary=\"%1$s\"

--%1$s
Content-Type: multipart/alternative; boundary=\"%2$s\"

--%2$s
Content-Type: text/plain

plain
--%2$s
Content-Type: text/html

html
--%2$s--

--%1$s
Content-Type: text/plain

--not one
boundary=untouched
--%1$s--
" outer inner))

(ert-deftest sendonce-identity-boundaries ()
  (should (sendonce-test-same (sendonce-test-multipart "=-=-=" "==-=-=")
                              (sendonce-test-multipart "abc 1" "zz9"))))

(ert-deftest sendonce-identity-boundaries-are-no-wildcard ()
  (let ((text (sendonce-test-multipart "A" "B")))
    (should-not (sendonce-test-same
                 text (string-replace "--not one" "--not two" text)))
    (should-not (sendonce-test-same
                 text (string-replace "=untouched" "=touched" text)))
    (should-not (sendonce-test-same
                 text (string-replace "plain\n--B" "plane\n--B" text)))))

(ert-deftest sendonce-identity-text-about-boundaries ()
  (should-not (sendonce-test-same
               "From: a@b.c\nTo: d@e.f\n\nboundary=a\n--a\n"
               "From: a@b.c\nTo: d@e.f\n\nboundary=b\n--b\n")))

(ert-deftest sendonce-identity-message-mode-regenerates ()
  "What message-mode makes of one draft at two tries has one fingerprint."
  (sendonce-test-with-draft "From: me@here.example
To: you@there.example
Subject: Grüße

Grüße <#part type=text/plain disposition=attachment>
attached
<#/part>
"
    (let* ((one (sendonce-test-letter))
           (two (sendonce-test-letter)))
      (should-not (equal (sendonce-letter-message-id one)
                         (sendonce-letter-message-id two)))
      (should (equal (sendonce-identity-fingerprint one)
                     (sendonce-identity-fingerprint two))))))

;;;; Drafts that mml makes anew

(defun sendonce-test-source (text)
  "Return the source hash that stamping a draft of TEXT makes."
  (sendonce-test-with-draft text
    (sendonce-identity-stamp)
    message-sendonce-draft-source))

(ert-deftest sendonce-identity-source-only-if-volatile ()
  (should-not (sendonce-test-source sendonce-test-draft))
  (should-not (sendonce-test-source
               (concat sendonce-test-draft "<#part filename=\"x\"><#/part>\n")))
  (dolist (tag '("<#secure method=pgpmime mode=sign>"
                 "<#secure method=smime mode=encrypt>"
                 "<#part type=text/plain sign=pgpmime>"
                 "<#multipart type=mixed encrypt=pgpmime>"))
    (should (sendonce-test-source (concat sendonce-test-draft tag "\n")))))

(ert-deftest sendonce-identity-source-is-stable ()
  (let ((text "From: me@here.example\nTo: you@there.example\n%sSubject: x\n\n\
<#secure method=pgpmime mode=sign>\nBody%s\n"))
    (should (equal (sendonce-test-source (format text "" ""))
                   (sendonce-test-source
                    (format text "Message-ID: <1@x>\nDate: Mon\n" ""))))
    (should-not (equal (sendonce-test-source (format text "" ""))
                       (sendonce-test-source (format text "" " more"))))))

(ert-deftest sendonce-identity-source-survives-a-try ()
  "What message-mode adds to the draft at the first try changes nothing."
  (sendonce-test-with-draft "To: you@there.example
Subject: x
References: <0@x>

<#secure method=pgpmime mode=sign>
Body
"
    (sendonce-identity-stamp)
    (let ((before message-sendonce-draft-source)
          (text (buffer-string))
          (user-mail-address "me@here.example"))
      (message-generate-headers '(From Date Message-ID User-Agent
                                       (optional . In-Reply-To)))
      (should-not (equal (buffer-string) text))
      (sendonce-identity-stamp)
      (should (equal message-sendonce-draft-source before)))))

(ert-deftest sendonce-identity-source-has-attachments ()
  (let* ((file (make-temp-file "attached" nil nil "one"))
         (text (format "From: a@b.c\nTo: d@e.f\n\n<#secure method=pgpmime mode=sign>\n\
<#part type=\"text/plain\" filename=\"%s\" disposition=attachment>\n<#/part>\n" file))
         (before (sendonce-test-source text)))
    (unwind-protect
        (progn
          (should (equal before (sendonce-test-source text)))
          (with-temp-file file (insert "two"))
          (should-not (equal before (sendonce-test-source text))))
      (delete-file file))))

(ert-deftest sendonce-identity-source-stands-for-the-body ()
  (let* ((one (make-sendonce-letter :sender "a@b.c" :recipients '("d@e.f")
                                    :fields nil :body "signed once"))
         (two (make-sendonce-letter :sender "a@b.c" :recipients '("d@e.f")
                                    :fields nil :body "signed twice"))
         (more (make-sendonce-letter :sender "a@b.c"
                                     :recipients '("d@e.f" "g@h.i")
                                     :fields nil :body "signed twice")))
    (should-not (equal (sendonce-identity-fingerprint one)
                       (sendonce-identity-fingerprint two)))
    (should (equal (sendonce-identity-fingerprint one "source")
                   (sendonce-identity-fingerprint two "source")))
    (should-not (equal (sendonce-identity-fingerprint two "source")
                       (sendonce-identity-fingerprint more "source")))))

;;;; The draft's identity

(ert-deftest sendonce-identity-survives-clone ()
  (sendonce-test-with-draft sendonce-test-draft
    (sendonce-identity-stamp)
    (let* ((id message-sendonce-draft-id)
           (clone (message-generate-new-buffer-clone-locals " clone")))
      (unwind-protect
          (with-current-buffer clone
            (should (equal message-sendonce-draft-id id)))
        (kill-buffer clone)))))

(ert-deftest sendonce-identity-stays ()
  (sendonce-test-with-draft sendonce-test-draft
    (sendonce-identity-stamp)
    (let ((id message-sendonce-draft-id)
          (text (buffer-string)))
      (sendonce-identity-stamp)
      (should (equal message-sendonce-draft-id id))
      (should (equal (buffer-string) text))
      (should (string-match-p "\\`[0-9a-f]\\{32\\}\\'" id)))))

(ert-deftest sendonce-identity-is-unique ()
  (should-not (equal (sendonce-identity-new) (sendonce-identity-new))))

(ert-deftest sendonce-identity-survives-a-crash ()
  "The auto-save file, written before anything is sent, has the identity."
  (let* ((file (make-temp-file "auto-save"))
         (id (sendonce-test-with-draft (concat sendonce-test-draft "Grüße\n")
               (setq buffer-auto-save-file-name file)
               (sendonce-identity-stamp)
               (should-not (save-excursion
                             (goto-char (point-min))
                             (search-forward "X-Sendonce" nil t)))
               (prog1 message-sendonce-draft-id
                 (setq buffer-auto-save-file-name nil)))))
    (unwind-protect
        (with-temp-buffer
          (let ((coding-system-for-read 'utf-8-emacs-unix))
            (insert-file-contents file))
          (let ((message-auto-save-directory nil))
            (message-mode))
          (should (string-search (concat "X-Sendonce-Draft: " id)
                                 (buffer-string)))
          (should (string-search "Grüße" (buffer-string)))
          (sendonce-identity-stamp)
          (should (equal message-sendonce-draft-id id))
          (should-not (string-search "X-Sendonce" (buffer-string)))
          (set-buffer-modified-p nil))
      (delete-file file))))

(ert-deftest sendonce-identity-survives-later-auto-saves ()
  (let ((file (make-temp-file "auto-save")))
    (unwind-protect
        (sendonce-test-with-draft sendonce-test-draft
          (setq buffer-auto-save-file-name file)
          (sendonce-identity-stamp)
          (goto-char (point-max))
          (insert "more\n")
          (do-auto-save t t)
          (let ((saved (with-temp-buffer
                         (insert-file-contents file)
                         (buffer-string))))
            (should (string-search "more\n" saved))
            (should (string-search message-sendonce-draft-id saved)))
          (setq buffer-auto-save-file-name nil))
      (delete-file file))))

(ert-deftest sendonce-identity-saving-leaves-no-auto-save-file ()
  (sendonce-test-in-place
    (make-directory sendonce-test-directory t)
    (let ((make-backup-files nil)
          (auto-save (sendonce-test-file "auto-save")))
      (sendonce-test-with-draft sendonce-test-draft
        (setq buffer-file-name (sendonce-test-file "draft")
              buffer-auto-save-file-name auto-save)
        (set-buffer-modified-p t)
        (sendonce-identity-stamp)
        (should (file-exists-p auto-save))
        (save-buffer)
        (should-not (file-exists-p auto-save))
        (setq buffer-file-name nil)))))

(ert-deftest sendonce-identity-stamped-in-the-file ()
  "A client's draft gets an identity once, and keeps its bytes and modes."
  (sendonce-test-in-place
    (let ((file (sendonce-test-write "1" "To: ü@b.c\n\nX-Sendonce-Draft: no\n"))
          (bytes (encode-coding-string
                  "To: ü@b.c\n\nX-Sendonce-Draft: no\n" 'utf-8)))
      (set-file-modes file #o640)
      (dotimes (_ 2)
        (sendonce-identity-stamp-file file)
        (should (string-match-p
                 (concat "\\`X-Sendonce-Draft: [0-9a-f]\\{32\\}\n"
                         (regexp-quote bytes) "\\'")
                 (sendonce-test-read file))))
      (should (sendonce-test-modes-p #o640 file))
      (should (equal '("1") (directory-files sendonce-test-directory nil
                                             "\\`1")))
      (sendonce-identity-stamp-file (sendonce-test-file "none"))
      (should-not (file-exists-p (sendonce-test-file "none"))))))

(ert-deftest sendonce-identity-survives-saving ()
  (let ((file (make-temp-file "draft")))
    (unwind-protect
        (sendonce-test-with-draft sendonce-test-draft
          (sendonce-identity-stamp)
          (let ((make-backup-files nil)
                (buffer-file-name file))
            (set-visited-file-modtime)
            (save-buffer))
          (should (equal (length (with-temp-buffer
                                   (insert-file-contents file)
                                   (split-string (buffer-string)
                                                 "X-Sendonce-Draft")))
                         2)))
      (delete-file file))))

(ert-deftest sendonce-identity-of-a-draft-saved-before ()
  "A client may save the draft just before it is stamped: mark that file."
  (let* ((coding-system-for-write 'utf-8-unix)
         (file (make-temp-file "draft" nil nil "To: a@b.c\n\nfile é\n")))
    (unwind-protect
        (sendonce-test-with-draft sendonce-test-draft
          (set-file-modes file #o640)
          (setq buffer-file-name file)
          (set-visited-file-modtime)
          (dotimes (_ 2)
            (sendonce-identity-stamp))
          (should (equal (with-temp-buffer
                           (insert-file-contents file)
                           (buffer-string))
                         (format "X-Sendonce-Draft: %s\nTo: a@b.c\n\nfile é\n"
                                 message-sendonce-draft-id)))
          (should (sendonce-test-modes-p #o640 file))
          (should (verify-visited-file-modtime))
          (should (buffer-modified-p))
          (sendonce-identity-settle "0123abcd")
          (should (string-prefix-p "X-Sendonce-Draft: 0123abcd\nTo: "
                                   (sendonce-test-read file)))
          (setq buffer-file-name nil))
      (delete-file file))))

(ert-deftest sendonce-identity-of-a-file-with-lines-of-windows ()
  "The line that marks a file ends as its others do."
  (sendonce-test-in-place
    (let* ((text "To: a@b.c\r\n\r\nfile\r\n")
           (marked (concat "\\`X-Sendonce-Draft: [0-9a-f]\\{32\\}\r\n"
                           (regexp-quote text) "\\'"))
           (coding-system-for-write 'no-conversion)
           (file (sendonce-test-file "draft")))
      (write-region text nil file nil 'quiet)
      (dotimes (_ 2)
        (sendonce-identity-stamp-file file)
        (should (string-match-p marked (sendonce-test-read file))))
      (write-region text nil file nil 'quiet)
      (sendonce-test-with-draft sendonce-test-draft
        (setq buffer-file-name file)
        (set-visited-file-modtime)
        (dotimes (_ 2)
          (sendonce-identity-stamp))
        (should (string-match-p marked (sendonce-test-read file)))
        (setq buffer-file-name nil)))))

(ert-deftest sendonce-identity-of-a-file-changed-by-others ()
  "A file that is not what this buffer saved is left alone."
  (let* ((coding-system-for-write 'utf-8-unix)
         (file (make-temp-file "draft" nil nil "To: a@b.c\n\nfile\n")))
    (unwind-protect
        (sendonce-test-with-draft sendonce-test-draft
          (setq buffer-file-name file)
          (set-visited-file-modtime '(1 0))
          (sendonce-identity-stamp)
          (should (equal (sendonce-test-read file) "To: a@b.c\n\nfile\n"))
          (setq buffer-file-name nil))
      (delete-file file))))

(ert-deftest sendonce-identity-first-draft-of-a-session ()
  "The first send finds the draft that message-mode encoded from."
  (let ((message-send-hook nil)
        draft id)
    (sendonce-test-with-draft sendonce-test-draft
      (let ((send-mail-function
             (lambda ()
               (setq id (sendonce-identity-draft (sendonce-compose))))))
        (message-send)
        (setq draft message-sendonce-draft-id)))
    (should id)
    (should (equal id draft))
    (should (memq #'sendonce-identity-stamp
                  (default-value 'message-send-hook)))))

(ert-deftest sendonce-identity-first-of-a-session-reopened ()
  "The identity that a reopened draft has in it is not filed either."
  (let ((message-send-hook nil)
        (file (make-temp-name (expand-file-name "fcc"
                                                temporary-file-directory))))
    (unwind-protect
        (sendonce-test-with-draft
            (format "X-Sendonce-Draft: 0123abcd\nFcc: %s\n%s"
                    file sendonce-test-draft)
          (let ((send-mail-function
                 (lambda () (sendonce-identity-draft (sendonce-compose))))
                (message-fcc-handler-function
                 (lambda (file)
                   (let ((coding-system-for-write 'utf-8-unix))
                     (write-region nil nil file nil 'quiet)))))
            (message-send))
          (should (equal message-sendonce-draft-id "0123abcd"))
          (let ((filed (sendonce-test-read file)))
            (should (string-search "Subject: Hello\n" filed))
            (should-not (string-search "X-Sendonce" filed))))
      (delete-file file))))

(ert-deftest sendonce-identity-straight-from-a-file ()
  "A client that sends a saved draft without the hook sends the same draft."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert "X-Sendonce-Draft: 0123abcd\nFrom: a@b.c\nTo: d@e.f\n\nBody\n")
    (let* ((mail-header-separator "")
           (letter (sendonce-compose)))
      (should (equal (sendonce-identity-draft letter) "0123abcd"))
      (should-not (string-search "0123abcd"
                                 (sendonce-letter-bytes letter))))))

(ert-deftest sendonce-identity-parts ()
  (with-temp-buffer
    (setq message-sendonce-draft-id "abc")
    (should (equal (sendonce-identity-draft
                    (make-sendonce-letter :part "2"))
                   "abc/2"))
    (should (equal (sendonce-identity-draft (make-sendonce-letter))
                   "abc"))))

;;;; The table

(defun sendonce-test-entry (id draft fingerprint &rest states)
  "Return entry ID of DRAFT and FINGERPRINT with recipients in STATES."
  (list :id id :draft draft :fingerprint fingerprint
        :recipients
        (seq-map-indexed (lambda (state place)
                           (list :address (format "r%d@x" place)
                                 :state state))
                         states)))

(ert-deftest sendonce-identity-summaries ()
  (pcase-dolist (`(,summary . ,states)
                 '((sent sent) (sent sent sent)
                   (live queued) (live sending) (live deferred)
                   (live deferred failed) (live queued cancelled)
                   (live-partly sent deferred) (live-partly sent queued failed)
                   (partly sent failed) (partly sent cancelled)
                   (dead failed) (dead cancelled) (dead failed cancelled)
                   (doubt in-doubt) (doubt in-doubt sent)
                   (doubt in-doubt deferred) (doubt in-doubt failed)))
    (should (eq summary (sendonce-identity-summary
                         (apply #'sendonce-test-entry 1 "d" "f" states))))))

(defconst sendonce-test-table
  '(;; same draft, same content
    ("d" "f" (sent) already)
    ("d" "f" (sent sent) already)
    ("d" "f" (queued) join)
    ("d" "f" (sending) join)
    ("d" "f" (deferred) join)
    ("d" "f" (sent deferred) join)
    ("d" "f" (sent failed) rest)
    ("d" "f" (sent cancelled) rest)
    ("d" "f" (in-doubt) ask-doubt)
    ("d" "f" (sent in-doubt) ask-doubt)
    ("d" "f" (failed) replace)
    ("d" "f" (cancelled) replace)
    ;; another draft, same content
    ("e" "f" (sent) ask-again)
    ("e" "f" (queued) join)
    ("e" "f" (sending) join)
    ("e" "f" (deferred) join)
    ("e" "f" (sent deferred) join)
    ("e" "f" (sent failed) rest)
    ("e" "f" (in-doubt) ask-doubt)
    ("e" "f" (failed) replace)
    ("e" "f" (cancelled) replace)
    ;; same draft, other content
    ("d" "g" (sent) ask-whom)
    ("d" "g" (sent failed) ask-whom)
    ("d" "g" (sent deferred) ask-whom)
    ("d" "g" (queued) replace)
    ("d" "g" (sending) replace)
    ("d" "g" (deferred) replace)
    ("d" "g" (failed) replace)
    ("d" "g" (cancelled) replace)
    ("d" "g" (in-doubt) ask-doubt-changed)
    ("d" "g" (sent in-doubt) ask-doubt-changed)
    ;; nothing in common
    ("e" "g" (sent) new)
    ("e" "g" (in-doubt) new))
  "List of (DRAFT FINGERPRINT STATES ACTION) beside an entry d, f.")

(ert-deftest sendonce-identity-whole-table ()
  (pcase-dolist (`(,draft ,fingerprint ,states ,action) sendonce-test-table)
    (let ((entry (apply #'sendonce-test-entry 7 "d" "f" states)))
      (ert-info ((format "%S" (list draft fingerprint states)))
        (should (equal (sendonce-identity-decide draft fingerprint
                                                 (list entry))
                       (if (eq action 'new) '(new) (cons action entry))))))))

(ert-deftest sendonce-identity-empty-outbox ()
  (should (equal (sendonce-identity-decide "d" "f" nil) '(new))))

(ert-deftest sendonce-identity-several-entries ()
  (let ((sent-old (sendonce-test-entry 1 "d" "f" 'sent))
        (failed-new (sendonce-test-entry 2 "d" "g" 'failed))
        (sent-new (sendonce-test-entry 3 "d" "g" 'sent))
        (copy (sendonce-test-entry 4 "e" "f" 'deferred)))
    ;; Edited, refused, edited back: the first version went out.
    (should (equal (sendonce-identity-decide "d" "f" (list failed-new sent-old))
                   (cons 'already sent-old)))
    ;; Edited once more: some have a version.
    (should (equal (sendonce-identity-decide "d" "h" (list failed-new sent-old))
                   (cons 'ask-whom sent-old)))
    ;; The same draft counts more than a copy, the same content most.
    (should (equal (sendonce-identity-decide
                    "d" "f" (list copy sent-new sent-old))
                   (cons 'already sent-old)))
    ;; Among equals the newest.
    (should (equal (sendonce-identity-decide
                    "d" "g" (list sent-new failed-new))
                   (cons 'already sent-new)))
    (should (equal (sendonce-identity-decide "x" "f" (list copy sent-old))
                   (cons 'join copy)))))

(ert-deftest sendonce-identity-holders ()
  (should (equal (sendonce-identity-holders
                  "d" (list (sendonce-test-entry 3 "d" "h" 'failed 'failed)
                            (sendonce-test-entry 2 "e" "g" 'sent)
                            (sendonce-test-entry 1 "d" "f" 'in-doubt 'sent)))
                 '("r1@x"))))

(ert-deftest sendonce-identity-every-action-is-there ()
  (dolist (row sendonce-identity--table)
    (dolist (cell (cdr row))
      (should (fboundp (alist-get (cdr cell) sendonce-submit--actions))))))

(provide 'sendonce-identity-tests)

;;; sendonce-identity-tests.el ends here
