;;; sendonce-server-battery.el --- What every real server must show  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The scripts of test/servers start a real server and say in SERVER_* of
;; the environment where it is (see exim.sh).  Loading this file defines
;; the tests that are the same for all of them: from several mail clients,
;; over each way to use TLS, into mailboxes that are compared.

;;; Code:

(require 'sendonce-client-message)
(require 'sendonce-client-mail)
(require 'sendonce-client-wl)
(require 'qp)

(defvar wl-draft-send-mail-function)

(defun sendonce-server-modes ()
  "Return the ways to use TLS at the server: a list of symbols."
  (mapcar #'intern (split-string (getenv "SERVER_TLS"))))

(defun sendonce-server-account (mode &rest more)
  "Return an account for the server with TLS as MODE says, and MORE."
  (append
   more
   (list :name "server" :host (getenv "SERVER_HOST")
         :port (string-to-number
                (getenv (if (eq mode 'implicit) "SERVER_SMTPS_PORT"
                          "SERVER_SUBMISSION_PORT")))
         :tls (and (not (eq mode 'none)) mode)
         :trust-files (list (getenv "SERVER_CA")))
   (and (not (eq mode 'none)) (list :user (getenv "SERVER_USER")))))

(defun sendonce-server-password (password)
  "Have `auth-source' know PASSWORD for the server."
  (sendonce-test-write
   "authinfo" (format "machine %s login %s password %S\n"
                      (getenv "SERVER_HOST") (getenv "SERVER_USER") password))
  (set-file-modes (sendonce-test-file "authinfo") #o600))

(defmacro sendonce-server-in-each-mode (&rest body)
  "Evaluate BODY in a place of its own for each way to use TLS.
It is in the variable `mode'; the account is set."
  (declare (indent 0) (debug t))
  `(progn
     (skip-unless (getenv "SERVER_NAME"))
     (dolist (mode (sendonce-server-modes))
       (ert-info ((format "%s, %s" (getenv "SERVER_NAME") mode)
                  :prefix "server: ")
         (sendonce-test-in-place
           (setq sendonce-accounts (list (sendonce-server-account mode)))
           (sendonce-server-password (getenv "SERVER_PASSWORD"))
           ,@body)))))

(defun sendonce-server-box (name)
  "Return the messages in the mailbox NAME, bytes."
  (let ((directory (expand-file-name (concat name "/new")
                                     (getenv "SERVER_MAIL"))))
    (and (file-directory-p directory)
         (mapcar #'sendonce-test-read
                 (directory-files directory t "\\`[^.]")))))

(defun sendonce-server-find (name mark)
  "Return the messages with MARK in the mailbox NAME; wait for the first."
  (let ((deadline (+ (float-time) 60))
        found)
    (while (and (null (setq found (seq-filter
                                   (lambda (message)
                                     (string-search mark message))
                                   (sendonce-server-box name))))
                (< (float-time) deadline))
      (accept-process-output nil 0.05))
    found))

(defun sendonce-server-mark ()
  "Return a text that no other message has."
  (format "mark-%x-%x" (random most-positive-fixnum) (emacs-pid)))

(defun sendonce-server-address (name)
  "Return the address of the mailbox NAME."
  (concat name "@" (getenv "SERVER_DOMAIN")))

(defun sendonce-server-wl-send (fields body)
  "Send FIELDS and BODY from Wanderlust, if it is there; return the error."
  (sendonce-client-wl--load)
  (sendonce-client-wl--settings)
  (setq wl-draft-send-mail-function #'wl-draft-send-mail-with-sendonce)
  (save-window-excursion
    (sendonce-client-wl-send fields body)))

(defun sendonce-server-clients ()
  "Return the send functions of the clients that are there."
  (append '(sendonce-client-message-send sendonce-client-mail-send)
          (and sendonce-client-wl-there '(sendonce-server-wl-send))))

(defconst sendonce-server-body
  (concat ".\n..dots\n\nFrom here\n"
          (make-string 900 ?l)
          "\ntrailing blank \n\ttab\n.\n")
  "A body with what servers stumble over.")

(defun sendonce-server-text (message)
  "Return the text in the body of MESSAGE, whose client may have encoded it."
  (let ((body (sendonce-client-body message)))
    (if (string-match-p "^Content-Transfer-Encoding: quoted-printable"
                        (sendonce-client-header message))
        (quoted-printable-decode-string body)
      body)))

(defun sendonce-server-check-delivery (client)
  "Send from CLIENT to all three mailboxes; compare what arrives there."
  (let ((mark (sendonce-server-mark)))
    (should-not (funcall client
                         `(("To" . ,(format "Tō <%s>"
                                            (sendonce-server-address "to")))
                           ("Cc" . ,(sendonce-server-address "cc"))
                           ("Bcc" . ,(sendonce-server-address "bcc"))
                           ("Subject" . ,(concat mark " Grüße 日本")))
                         sendonce-server-body))
    (should (equal 'sent (plist-get (car (sendonce-entries)) :state)))
    (dolist (name '("to" "cc" "bcc"))
      (let ((found (sendonce-server-find name mark)))
        (should (= 1 (length found)))
        (should-not (string-match-p "^[Bb][Cc][Cc]:" (car found)))
        (should (equal sendonce-server-body
                       (sendonce-server-text (car found))))))))

(ert-deftest sendonce-server-receives-from-each-client ()
  (sendonce-server-in-each-mode
    (dolist (client (sendonce-server-clients))
      (ert-info ((format "%s" client) :prefix "client: ")
        (sendonce-server-check-delivery client)))))

(ert-deftest sendonce-server-refuses-a-wrong-password ()
  (skip-unless (not (equal "none" (getenv "SERVER_TLS"))))
  (sendonce-server-in-each-mode
    (sendonce-server-password "not the password")
    (let* ((mark (sendonce-server-mark))
           (err (sendonce-client-message-send
                 `(("To" . ,(sendonce-server-address "to"))
                   ("Subject" . ,mark))
                 "Hello\n")))
      (should (eq 'sendonce-refused (car err)))
      (should (eq 'auth-failed (plist-get (cddr err) :cause)))
      (should-not (seq-some (lambda (message) (string-search mark message))
                            (sendonce-server-box "to"))))))

(ert-deftest sendonce-server-refuses-one-recipient-of-three ()
  (sendonce-server-in-each-mode
    (let* ((mark (sendonce-server-mark))
           (nobody (sendonce-server-address "nobody-there"))
           (err (sendonce-client-message-send
                 `(("To" . ,(concat (sendonce-server-address "to") ", " nobody
                                    ", " (sendonce-server-address "cc")))
                   ("Subject" . ,mark))
                 "Hello\n")))
      (should (eq 'sendonce-refused (car err)))
      (should (string-search nobody (cadr err)))
      (should (equal '(sent failed sent)
                     (mapcar (lambda (recipient) (plist-get recipient :state))
                             (plist-get (car (sendonce-entries))
                                        :recipients))))
      (dolist (name '("to" "cc"))
        (should (= 1 (length (sendonce-server-find name mark))))))))

(ert-deftest sendonce-server-forgets-a-refused-message ()
  "The only recipient mistyped, and corrected, on the line that was kept."
  (sendonce-server-in-each-mode
    (setq sendonce-accounts
          (list (sendonce-server-account mode :keep-alive 60)))
    (let ((mark (sendonce-server-mark))
          (nobody (sendonce-server-address "nobody-there")))
      (should (eq 'sendonce-refused
                  (car (sendonce-client-message-send
                        `(("To" . ,nobody) ("Subject" . ,mark))
                        "Hello\n"))))
      (should-not (sendonce-client-message-send
                   `(("To" . ,(sendonce-server-address "to"))
                     ("Subject" . ,mark))
                   "Hello\n"))
      (should (eq 'sent (plist-get (car (sendonce-entries)) :state)))
      (should (= 1 (length (sendonce-server-find "to" mark)))))))

(ert-deftest sendonce-server-takes-a-large-message ()
  (sendonce-server-in-each-mode
    (let* ((mark (sendonce-server-mark))
           (lines (concat "." (make-string 70 ?x) "\n"))
           (body (apply #'concat (make-list 30000 lines))))
      (should-not (sendonce-client-message-send
                   `(("To" . ,(sendonce-server-address "to"))
                     ("Subject" . ,mark))
                   body))
      (should (equal (secure-hash 'sha256 body)
                     (secure-hash 'sha256
                                  (sendonce-client-body
                                   (car (sendonce-server-find "to" mark)))))))))

(ert-deftest sendonce-server-gets-a-draft-once ()
  (sendonce-server-in-each-mode
    (let ((mark (sendonce-server-mark)))
      (sendonce-test-with-draft
          (format "From: Me <me@here.example>\nTo: %s\nSubject: %s\n\nHello\n"
                  (sendonce-server-address "to") mark)
        (should-not (sendonce-test-send-again))
        (should-not (sendonce-test-send-again)))
      ;; Another message after it: what came before it has come.
      (let ((last (sendonce-server-mark)))
        (should-not (sendonce-client-message-send
                     `(("To" . ,(sendonce-server-address "to"))
                       ("Subject" . ,last))
                     "Hello\n"))
        (should (sendonce-server-find "to" last)))
      (should (= 1 (length (sendonce-server-find "to" mark)))))))

(provide 'sendonce-server-battery)

;;; sendonce-server-battery.el ends here
