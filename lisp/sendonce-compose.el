;;; sendonce-compose.el --- From a draft buffer to a letter  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the way from the current buffer, as a mail client hands it over,
;; to a `sendonce-letter': envelope and exact bytes.  Submit calls it.
;;
;; The header is taken apart as a list of fields (sendonce-header.el) and
;; only fields are added or left out; the body is copied and never looked
;; into: mml may have signed it.  Four kinds of buffer come here:
;;
;; - unibyte ones, from message-mode and everything built on it: already
;;   MIME-encoded, only to be addressed;
;; - multibyte ones that are encoded, from Wanderlust, which says so;
;; - multibyte ones, from mail-mode and Rmail, which leave encoding, From,
;;   Message-ID, Date and Fcc to the sender.  These are the user's own
;;   draft: we work on copies only;
;; - multibyte ones, from nngateway and of what Rmail resends, that are
;;   encoded all the same.
;;
;; It never changes the current buffer, never asks, never sends.

;;; Code:

(require 'sendonce)
(require 'sendonce-header)
(require 'sendonce-recipient)
(require 'sendonce-spool)
(require 'cl-lib)
(require 'seq)

(declare-function message-make-message-id "message" ())
(declare-function message-make-date "message" (&optional now))
(declare-function expand-mail-aliases "mailalias"
                  (beg end &optional exclude))
(declare-function mail-encode-header "sendmail" (beg end))
(declare-function mail-insert-from-field "sendmail" ())
(declare-function mail-do-fcc "sendmail" (header-end))

(defvar mail-header-separator)
(defvar mail-aliases)
(defvar mail-send-nonascii)

(cl-defstruct (sendonce-letter (:copier nil))
  "What is to be sent, ready for the outbox.
FIELDS and BODY make up its bytes.  BODY is a string of bytes, or a
`sendonce-region' where it is large; SPOOL then holds all, once it is
wanted.  FCC is a list of files to keep a copy
in, which only `mail-mode' leaves to the sender.  PART is the number of
this message if `message-mode' split one, else nil.  DRAFT is the
identity that a draft sent straight from its file has in it, or nil.
METHOD is what X-Message-SMTP-Method asks for, or nil."
  sender recipients from message-id subject fields body fcc part draft method
  spool)

;;;; Taking the buffer apart

(defconst sendonce-compose--no-field
  "^\\(?:[:\n]\\|[^: \t\n]+[ \t\n]\\)"
  "Regexp for the beginning of a line that is in no header.
It is that of `rfc822-goto-eoh'.")

(defun sendonce-compose--separator ()
  "Return the beginning of the separator line after the header, or nil.
What is quoted in a body may look like one: before the real one there
are fields only, and blank lines where the user left some."
  (unless (string-empty-p mail-header-separator)
    (save-excursion
      (goto-char (point-min))
      (let ((regexp (concat "^" (regexp-quote mail-header-separator)
                            "\\(?:\n\\|\\'\\)")))
        (while (and (re-search-forward sendonce-compose--no-field nil t)
                    (progn (goto-char (match-beginning 0))
                           (looking-at "\n")))
          (forward-line 1))
        (and (looking-at regexp) (point))))))

(defun sendonce-compose--body-start ()
  "Return the places of header and body: (HEADER-END . BODY-START)."
  (save-excursion
    (let ((separator (sendonce-compose--separator)))
      (goto-char (or separator (point-min)))
      (cond (separator
             (forward-line 1)
             (cons separator (point)))
            ((looking-at "\n") (cons (point) (1+ (point))))
            ((search-forward "\n\n" nil t) (cons (1- (point)) (point)))
            (t (cons (point-max) (point-max)))))))

(defun sendonce-compose--header-text (end)
  "Return the header before END, without blank lines, ending in a newline."
  (let ((text (replace-regexp-in-string
               "\n\n+" "\n"
               (buffer-substring-no-properties (point-min) end))))
    (if (or (string-empty-p text) (string-suffix-p "\n" text))
        text
      (concat text "\n"))))

(defun sendonce-compose--with-newline (text)
  "Return TEXT with a newline at its end."
  (if (or (string-empty-p text) (string-suffix-p "\n" text))
      text
    (concat text "\n")))

;;;; What mail-mode leaves to the sender

(defun sendonce-compose--raw-bytes-p ()
  "Return non-nil if the current buffer has bytes that are no characters.
No coding system but the user would know what they are: they go as is."
  (save-excursion
    (goto-char (point-min))
    (re-search-forward "[\x3fff80-\x3fffff]" nil t)))

(defun sendonce-compose--coding ()
  "Return the coding system for the current draft's text."
  (let ((coding (if (sendonce-compose--raw-bytes-p) 'utf-8
                  (select-message-coding-system))))
    (coding-system-change-eol-conversion
     (if (or (null coding) (not (coding-system-get coding :mime-charset)))
         'utf-8
       coding)
     'unix)))

(defun sendonce-compose--edit-header (header function)
  "Return HEADER, a string, after FUNCTION has edited it in a buffer.
User and coding are those of the current buffer."
  (let ((address user-mail-address)
        (coding buffer-file-coding-system))
    (with-temp-buffer
      (setq-local user-mail-address address)
      (setq buffer-file-coding-system coding)
      (insert header)
      (goto-char (point-min))
      (funcall function)
      (buffer-string))))

(defun sendonce-compose--expand-aliases (header)
  "Return HEADER with the user's mail aliases expanded."
  (if (bound-and-true-p mail-aliases)
      (sendonce-compose--edit-header
       header (lambda () (expand-mail-aliases (point-min) (point-max))))
    header))

(defun sendonce-compose--add-from (header)
  "Return HEADER with a From if it has none."
  (if (assoc "from" (sendonce-header-parse header))
      header
    (sendonce-compose--edit-header header #'mail-insert-from-field)))

(defun sendonce-compose--encode-header (header)
  "Return HEADER encoded as RFC 2047 wants it, as bytes."
  (encode-coding-string
   (sendonce-compose--edit-header
    header (lambda () (mail-encode-header (point-min) (point-max))))
   'utf-8))

(defun sendonce-compose--drop-empty-subject (fields)
  "Return FIELDS without an empty Subject."
  (if (equal (sendonce-header-value fields "subject") "")
      (sendonce-header-without fields "subject")
    fields))

(defun sendonce-compose--add-mime (fields body coding)
  "Return FIELDS with MIME fields for BODY, text, in CODING if it needs them."
  (if (or (assoc "mime-version" fields)
          (not (eq (bound-and-true-p mail-send-nonascii) 'mime))
          (string-match-p "\\`[[:ascii:]]*\\'" body))
      fields
    (append
     fields
     (sendonce-header-parse
      (format "MIME-Version: 1.0
Content-Type: text/plain; charset=%s
Content-Transfer-Encoding: 8bit\n"
              (coding-system-get coding :mime-charset))))))

(defun sendonce-compose--encode (header body)
  "Return (FIELDS . BYTES) for HEADER and BODY, text not encoded yet."
  (let ((coding (sendonce-compose--coding)))
    (cons (sendonce-compose--add-mime
           (sendonce-compose--drop-empty-subject
            (sendonce-header-parse
             (sendonce-compose--encode-header
              (sendonce-compose--add-from header))))
           body coding)
          (encode-coding-string body coding))))

(defun sendonce-compose--bytes-p (text)
  "Return non-nil if TEXT is ASCII but for raw bytes."
  (string-match-p "\\`[[:ascii:]\x3fff80-\x3fffff]*\\'" text))

(defun sendonce-compose--encoded-p (header body)
  "Return non-nil if HEADER and BODY, in characters, are encoded already.
So nngateway has what message.el made, and Rmail what it resends, which
is another's: with raw bytes beyond ASCII, and with a From."
  (and (sendonce-compose--bytes-p header)
       (sendonce-compose--bytes-p body)
       (let ((fields (sendonce-header-parse header)))
         (and (assoc "from" fields)
              (or (assoc "mime-version" fields)
                  (sendonce-recipient--resent-p fields))))))

(defun sendonce-compose--plain (header body)
  "Return (FIELDS . BODY) for HEADER and BODY, bytes, as they are."
  (cons (sendonce-header-parse header) body))

;;;; The letter

(defconst sendonce-compose--private
  '("bcc" "resent-bcc" "fcc" "x-message-smtp-method" "x-sendonce-draft")
  "Fields that never leave this machine.")

(defun sendonce-compose--check-private (fields)
  "Signal if a line of FIELDS was meant for a Bcc, and is no field.
It would go out, for all to read."
  (dolist (field fields)
    (when (and (null (car field))
               (let ((case-fold-search t))
                 (string-match-p "\\`[ \t]*\\(?:resent-\\)?bcc\\>"
                                 (sendonce-header-decode (cdr field)))))
      (signal 'sendonce-config-error
              (list (format "This line of the header has no colon: \"%s\"; \
nothing was sent.  Mend it and send again"
                            (string-trim (sendonce-header-decode (cdr field))))
                    :cause 'bad-argument)))))

(defun sendonce-compose--complete (fields)
  "Return FIELDS with a Message-ID and a Date, if they lack them."
  (require 'message)
  (sendonce-header-with
   (if (assoc "message-id" fields)
       fields
     (sendonce-header-with fields "Message-ID"
                           (sendonce-compose--message-id fields)))
   "Date" (message-make-date)))

(defun sendonce-compose--message-id (fields)
  "Return a new Message-ID for FIELDS.
message.el looks at the header for it, and would take a buffer without a
separator for one header, however large."
  (let ((text (sendonce-header-text fields)))
    (with-temp-buffer
      (insert text)
      (message-make-message-id))))

(defun sendonce-compose--part (fields)
  "Return the number of the part if FIELDS are of a message/partial."
  (let ((type (sendonce-header-value fields "content-type")))
    (and type
         (string-match "\\`message/partial;.*\\bnumber=\\([0-9]+\\)" type)
         (match-string 1 type))))

(defun sendonce-compose--draft (fields)
  "Return the identity of the draft that FIELDS have, or nil.
In a message that is resent it would be somebody else's."
  (and (not (sendonce-recipient--resent-p fields))
       (sendonce-header-value fields "x-sendonce-draft")))

(defun sendonce-compose--letter (fields body sender recipients)
  "Return the letter that FIELDS and BODY, bytes, make.
SENDER and RECIPIENTS, if given, are the envelope's."
  (sendonce-compose--check-private fields)
  (let ((whole (sendonce-compose--complete fields)))
    (make-sendonce-letter
     :sender (or sender (sendonce-recipient-sender whole))
     :recipients (or recipients (sendonce-recipient-list whole))
     :from (or (sendonce-recipient-from whole) "")
     :message-id (sendonce-header-value whole "message-id")
     :subject (sendonce-header-decode
               (or (sendonce-header-value whole "subject") ""))
     :fcc (sendonce-header-values whole "fcc")
     :part (sendonce-compose--part whole)
     :draft (sendonce-compose--draft whole)
     :method (sendonce-header-value whole "x-message-smtp-method")
     :fields (apply #'sendonce-header-without
                    whole sendonce-compose--private)
     :body body)))

(defun sendonce-compose--parts (header body encoded)
  "Return (FIELDS . BYTES) for the texts HEADER and BODY.
ENCODED: the mail client has encoded them, raw bytes among characters."
  (cond ((not enable-multibyte-characters)
         (sendonce-compose--plain header body))
        ((or encoded (sendonce-compose--encoded-p header body))
         (sendonce-compose--plain (encode-coding-string header 'utf-8)
                                  (encode-coding-string body 'utf-8)))
        (t (sendonce-compose--encode header body))))

(defun sendonce-compose--large-p (start encoded fields)
  "Return non-nil if the body from START on is to go piece by piece.
ENCODED as in `sendonce-compose'.  FIELDS are its header's; a part of a
split message is looked into as a whole."
  (and (>= (- (point-max) start) sendonce-spool-threshold)
       (or encoded (not enable-multibyte-characters))
       (not (sendonce-compose--part fields))))

(defun sendonce-compose--taken-apart (header start encoded)
  "Return (FIELDS . BODY) for the text HEADER and what follows START.
ENCODED as in `sendonce-compose'."
  (let ((fields (sendonce-header-parse
                 (if enable-multibyte-characters
                     (encode-coding-string header 'utf-8)
                   header))))
    (if (sendonce-compose--large-p start encoded fields)
        (cons fields
              (sendonce-spool-region start (point-max)
                                     enable-multibyte-characters))
      (sendonce-compose--parts
       header
       (sendonce-compose--with-newline
        (buffer-substring-no-properties start (point-max)))
       encoded))))

(cl-defun sendonce-compose (&key encoded sender recipients)
  "Return the letter in the current buffer, which stays as it is.
ENCODED: it is MIME-encoded, though the buffer be multibyte.  SENDER
and RECIPIENTS, if given, are the envelope's, whatever the header says.
Signal `sendonce-config-error' if it cannot be addressed.  A large
letter needs the buffer until it is in the outbox."
  (save-restriction
    (widen)
    (pcase-let* ((`(,end . ,start) (sendonce-compose--body-start))
                 (header (sendonce-compose--expand-aliases
                          (sendonce-compose--header-text end)))
                 (`(,fields . ,body)
                  (sendonce-compose--taken-apart header start encoded)))
      (sendonce-compose--letter fields body sender recipients))))

(defun sendonce-letter-header (letter)
  "Return the header of LETTER with the blank line after it, as bytes."
  (concat (encode-coding-string (sendonce-header-text
                                 (sendonce-letter-fields letter))
                                'utf-8)
          "\n"))

(defun sendonce-letter-large-p (letter)
  "Return non-nil if LETTER goes to the outbox by a spool."
  (sendonce-region-p (sendonce-letter-body letter)))

(defun sendonce-letter-bytes (letter)
  "Return LETTER as bytes for the wire, line ends LF."
  (concat (sendonce-letter-header letter)
          (if (sendonce-letter-large-p letter)
              (sendonce-spool-string (sendonce-letter-body letter))
            (sendonce-letter-body letter))))

;;;; Fcc

(defun sendonce-compose-file-copies (letter)
  "Append a copy of LETTER to the files that its Fcc fields named.
Call it once, after LETTER was accepted."
  (when (sendonce-letter-fcc letter)
    (require 'sendmail)
    (with-temp-buffer
      (set-buffer-multibyte nil)
      (insert (sendonce-letter-bytes letter))
      (goto-char (point-min))
      (dolist (file (sendonce-letter-fcc letter))
        (insert "Fcc: " (encode-coding-string file 'utf-8) "\n"))
      (search-forward "\n\n" nil 'move)
      (let ((coding-system-for-write 'no-conversion))
        (mail-do-fcc (copy-marker (1- (point))))))))

(provide 'sendonce-compose)

;;; sendonce-compose.el ends here
