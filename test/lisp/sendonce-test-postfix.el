;;; sendonce-test-postfix.el --- One send through a Postfix  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; For the tests of mechanisms at the servers that the scripts in
;; test/servers start: sends a message with an account that names the
;; mechanism, and waits for it in the mailbox.

;;; Code:

(require 'sendonce-test-helper)

(defun sendonce-test-postfix-account (auth &rest more)
  "Have mail sent to Postfix with AUTH, nil for any, and MORE."
  (setq sendonce-accounts
        (list (append more
                      (and auth (list :auth auth))
                      (list :name "postfix" :host (getenv "POSTFIX_HOST")
                            :port (sendonce-test-postfix-port)
                            :tls 'starttls
                            :user (getenv "POSTFIX_USER")
                            :trust-files (list (getenv "POSTFIX_CA")))))))

(defun sendonce-test-postfix-port ()
  "Return the submission port."
  (string-to-number (getenv "POSTFIX_SUBMISSION_PORT")))

(defun sendonce-test-postfix-authinfo (user password)
  "Have PASSWORD found for USER at Postfix."
  (sendonce-test-write
   "authinfo" (format "machine %s port %d login %s password %S\n"
                      (getenv "POSTFIX_HOST") (sendonce-test-postfix-port)
                      user password)))

(defun sendonce-test-postfix--arrived-p (mark)
  "Non-nil if a message with MARK is in the mailbox of \"to\"."
  (let ((directory (expand-file-name "to/new" (getenv "POSTFIX_MAIL"))))
    (and (file-directory-p directory)
         (cl-some (lambda (file)
                    (string-search mark (sendonce-test-read file)))
                  (directory-files directory t "\\`[^.]")))))

(defun sendonce-test-postfix-send ()
  "Send a message to a mailbox of Postfix; return the transcript.
It must arrive there."
  (let ((mark (format "mark-%x-%x" (random most-positive-fixnum) (emacs-pid)))
        (deadline (+ (float-time) 30)))
    (should-not
     (sendonce-test-send
      (format "From: Me <me@here.example>\nTo: to@%s\nSubject: %s\n\nHello\n"
              (getenv "POSTFIX_DOMAIN") mark)))
    (should (equal '(sent) (sendonce-test-states)))
    (while (and (not (sendonce-test-postfix--arrived-p mark))
                (< (float-time) deadline))
      (accept-process-output nil 0.05))
    (should (sendonce-test-postfix--arrived-p mark))
    (sendonce-transcript-string (plist-get (car (sendonce-entries)) :id))))

(defun sendonce-test-postfix-check (transcript auth &optional password)
  "Check that TRANSCRIPT shows one sign-in by AUTH, and no PASSWORD."
  (should (string-match-p (format "C: AUTH %s\\(?: <redacted>\\)?$" auth)
                          transcript))
  (should (= 1 (cl-count-if (lambda (line) (string-search "C: AUTH " line))
                            (split-string transcript "\n"))))
  (should (string-search "S: 235 " transcript))
  (when password
    (should-not (string-search password transcript))
    (should-not (string-search
                 (base64-encode-string (encode-coding-string password 'utf-8) t)
                 transcript))))

(defun sendonce-test-postfix-send-as (auth user password)
  "Send a message with AUTH as USER with PASSWORD; return the transcript.
It shows AUTH, or any if AUTH is nil."
  (sendonce-test-in-place
    (sendonce-test-postfix-authinfo user password)
    (sendonce-test-postfix-account auth :user user)
    (let ((transcript (sendonce-test-postfix-send)))
      (sendonce-test-postfix-check transcript (or auth "[A-Z0-9-]+") password)
      transcript)))

(defmacro sendonce-test-postfix-deftests (prefix send &rest mechanisms)
  "For each of MECHANISMS define the test PREFIX-MECHANISM, which calls SEND."
  (declare (indent 2))
  `(progn
     ,@(mapcar (lambda (auth)
                 `(ert-deftest ,(intern (format "%s-%s" prefix (downcase auth))) ()
                    (,send ,auth)))
               mechanisms)))

(provide 'sendonce-test-postfix)

;;; sendonce-test-postfix.el ends here
