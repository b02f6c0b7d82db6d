;;; sendonce-client.el --- What the tests of mail clients share  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Each mail client has a file of tests here, sendonce-client-NAME-tests.el,
;; that drives the real package as its user would.  What is the same for
;; all is below: a table of headers and of the recipients that they mean,
;; which every client must send to byte for byte, and what to ask the peer
;; afterwards.

;;; Code:

(require 'sendonce-test-helper)

;;;; What is installed

(defun sendonce-client-add-package (library &rest directories)
  "Make LIBRARY loadable from DIRECTORIES, wildcards; non-nil if it is.
Debian puts packages where `emacs -Q' does not look."
  (or (locate-library library)
      (progn
        (dolist (directory (mapcan #'file-expand-wildcards directories))
          (when (file-directory-p directory)
            (add-to-list 'load-path directory t)))
        (locate-library library))))

;;;; The same envelope from all

(defconst sendonce-client-envelopes
  '((plain (("To" . "you@there.example"))
           "you@there.example")
    (named (("To" . "You There <you@there.example>")
            ("Cc" . "\"Last, First\" <last.first@there.example>")
            ("Bcc" . "hidden@elsewhere.example"))
           "you@there.example" "last.first@there.example"
           "hidden@elsewhere.example")
    (comment (("To" . "you@there.example (You, (or not) There)"))
             "you@there.example")
    (group (("To" . "Friends: a@one.example, B <b@two.example>;, c@three.example"))
           "a@one.example" "b@two.example" "c@three.example")
    (empty-group (("To" . "undisclosed-recipients:;")
                  ("Bcc" . "a@one.example, b@two.example"))
                 "a@one.example" "b@two.example")
    (bcc-only (("Bcc" . "hidden@elsewhere.example"))
              "hidden@elsewhere.example")
    (quoted (("To" . "\"a b\"@there.example, \"x,y\"@there.example"))
            "\"a b\"@there.example" "\"x,y\"@there.example")
    (repeated (("To" . "a@one.example, A <a@ONE.example>")
               ("Cc" . "a@one.example, b@two.example"))
              "a@one.example" "b@two.example")
    (folded (("To" . "a@one.example,\n b@two.example,\n\tC C <c@three.example>"))
            "a@one.example" "b@two.example" "c@three.example")
    (japanese (("To" . "山田太郎 <yamada@there.example>, 鈴木 花子 <suzuki@there.example>"))
              "yamada@there.example" "suzuki@there.example")
    (domain (("To" . "Kunde <kunde@bücher.example>"))
            "kunde@xn--bcher-kva.example")
    (route (("To" . "You <@relay.example,@other.example:you@there.example>"))
           "you@there.example"))
  "List of (NAME FIELDS RECIPIENT...): who gets mail with the header FIELDS.
FIELDS is an alist of (FIELD . VALUE), both strings as a user types them.")

(defun sendonce-client-recipients (envelope)
  "Return the recipients in ENVELOPE, as `sendonce-test-envelopes' gives it."
  (let ((start 0) recipients)
    (while (string-match "^to <\\(.*\\)>" envelope start)
      (push (match-string 1 envelope) recipients)
      (setq start (match-end 0)))
    (nreverse recipients)))

(defun sendonce-client-header (message)
  "Return the header of MESSAGE, bytes, with line ends LF."
  (let ((text (string-replace "\r\n" "\n" message)))
    (substring text 0 (1+ (string-search "\n\n" text)))))

(defun sendonce-client-body (message)
  "Return the body of MESSAGE, bytes, with line ends LF."
  (let ((text (string-replace "\r\n" "\n" message)))
    (substring text (+ 2 (string-search "\n\n" text)))))

(defun sendonce-client-check-envelopes (send)
  "Check that SEND, a client, sends to those whom the header names.
SEND is called with an alist of header fields (without From and
Subject-less ones get one) and a body, and sends that with the client's
own commands; it returns nil, or the error.  To be called within
`sendonce-test-with-peer'; the peer must offer SMTPUTF8 or not care."
  (pcase-dolist (`(,name ,fields . ,recipients) sendonce-client-envelopes)
    (ert-info ((format "%s" name) :prefix "envelope: ")
      (let ((before (length (sendonce-test-envelopes))))
        (should-not (funcall send
                             (append fields
                                     (list (cons "Subject"
                                                 (format "Envelope %s" name))))
                             (format "Hello from %s.\n" name)))
        (should (= (1+ before) (length (sendonce-test-envelopes))))
        (should (equal recipients
                       (sendonce-client-recipients
                        (car (last (sendonce-test-envelopes))))))
        (should-not
         (string-match-p
          "^\\(?:bcc\\|resent-bcc\\|fcc\\|x-message-smtp-method\\):"
          (downcase (sendonce-client-header
                     (car (last (sendonce-test-accepted)))))))))))

(provide 'sendonce-client)

;;; sendonce-client.el ends here
