;;; dovecot-tests.el --- Looking for what is in doubt  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Live: a message in doubt is looked for at a real IMAP server
;; (test/servers/dovecot.sh), is found or not, and is settled only if found.

;;; Code:

(require 'sendonce-test-helper)
(require 'sendonce-imap)

(defun dovecot-test-account (&rest imap)
  "Have the account's IMAP server be Dovecot, with IMAP besides."
  (sendonce-test-account
   :imap (append imap (list :host "localhost" :user (getenv "DOVECOT_USER")
                            :port (string-to-number
                                   (getenv "DOVECOT_IMAPS_PORT"))))))

(defun dovecot-test-authinfo (password)
  "Have PASSWORD found for the user at Dovecot."
  (sendonce-test-write
   "authinfo" (format "machine localhost port %s login %s password %s\n"
                      (getenv "DOVECOT_IMAPS_PORT") (getenv "DOVECOT_USER")
                      password)))

(defun dovecot-test-file (message-id)
  "File a message with MESSAGE-ID among the sent mail."
  (let ((name (make-temp-name
               (expand-file-name "1." (getenv "DOVECOT_SENT")))))
    (write-region (format "Message-ID: %s\nSubject: x\n\nHello\n" message-id)
                  nil name nil 'quiet)
    (set-file-modes name #o644)))

(defmacro dovecot-test-with-doubt (&rest body)
  "Evaluate BODY with an entry in doubt, `entry', and Dovecot to ask."
  (declare (indent 0) (debug t))
  `(sendonce-test-with-peer (:scenario "at EOD: drop\n")
     (let ((gnutls-trustfiles (list (getenv "DOVECOT_CA"))))
       (dovecot-test-account)
       (dovecot-test-authinfo (getenv "DOVECOT_PASSWORD"))
       (should (eq 'sendonce-in-doubt (car (sendonce-test-send))))
       (let ((entry (car (sendonce-entries))))
         ,@body))))

(defun dovecot-test-look (entry)
  "Resolve ENTRY as a user who chooses to look; return its state then."
  (cl-letf (((symbol-function 'sendonce-outbox--ask) (lambda (_) 'check)))
    (sendonce-resolve (plist-get entry :id)
                      (sendonce-outbox--read-resolution
                       (plist-get entry :id))))
  (plist-get (car (sendonce-entries)) :state))

(ert-deftest dovecot-found-is-sent ()
  (dovecot-test-with-doubt
    (dovecot-test-file (plist-get entry :message-id))
    (should (eq 'sent (dovecot-test-look entry)))))

(ert-deftest dovecot-absence-proves-nothing ()
  (dovecot-test-with-doubt
    (dovecot-test-file "<another@here.example>")
    (should (eq 'in-doubt (dovecot-test-look entry)))))

(ert-deftest dovecot-changes-nothing ()
  (dovecot-test-with-doubt
    (dovecot-test-file (plist-get entry :message-id))
    (let ((files (directory-files (getenv "DOVECOT_SENT"))))
      (dovecot-test-look entry)
      (should (equal files (directory-files (getenv "DOVECOT_SENT")))))))

(ert-deftest dovecot-cannot-be-asked ()
  (dovecot-test-with-doubt
    (dovecot-test-account :port 1)
    (should-error (dovecot-test-look entry) :type 'sendonce-error)
    (should (eq 'in-doubt (plist-get (car (sendonce-entries)) :state)))))

(provide 'dovecot-tests)

;;; dovecot-tests.el ends here
