;;; sendonce-client-tour-tests.el --- The manual's set-up of each client  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Evaluates the very lines of README.org, section "Mail clients", each in
;; an Emacs of its own, and sends with that client.

;;; Code:

(require 'sendonce-client)

(defconst sendonce-client-tour-readme
  (expand-file-name "../../README.org"
                    (file-name-directory
                     (or load-file-name buffer-file-name)))
  "The manual.")

(defconst sendonce-client-tour-clients
  '(("message-mode and Gnus" sendonce-client-message
     sendonce-client-message-send)
    ("mail-mode and Rmail" sendonce-client-mail sendonce-client-mail-send)
    ("Wanderlust" sendonce-client-wl sendonce-client-tour-wl)
    ("mu4e" sendonce-client-mu4e sendonce-client-tour-mu4e)
    ("notmuch" sendonce-client-notmuch sendonce-client-tour-notmuch))
  "List of (HEADING LIBRARY SEND): how to send with each client.")

(defun sendonce-client-tour-lines (heading)
  "Return the lines of Lisp under HEADING of the manual."
  (with-temp-buffer
    (insert-file-contents sendonce-client-tour-readme)
    (re-search-forward (format "^\\*\\* %s$" (regexp-quote heading)))
    (let ((end (save-excursion
                 (or (and (re-search-forward "^\\*" nil t) (point))
                     (point-max)))))
      (re-search-forward "^#\\+begin_src emacs-lisp\n" end)
      (let ((start (point)))
        (re-search-forward "^#\\+end_src" end)
        (split-string (buffer-substring start (match-beginning 0))
                      "\n" t)))))

(defun sendonce-client-tour-evaluate (lines)
  "Evaluate LINES, as an init file would be."
  (with-temp-buffer
    (dolist (line lines)
      (insert line "\n"))
    (eval-buffer)))

(defun sendonce-client-tour-in-emacs (heading)
  "Set up and send with the client under HEADING in a new Emacs.
Return what it prints."
  (with-temp-buffer
    (let ((status
           (call-process
            (expand-file-name invocation-name invocation-directory)
            nil t nil "-Q" "--batch"
            "--eval" (format "(setq load-path '%S)" load-path)
            "-l" "sendonce-client-tour-tests"
            "--eval" (format "(sendonce-client-tour-send %S)" heading))))
      (list status (buffer-string)))))

(defun sendonce-client-tour-send (heading)
  "Set up the client under HEADING as the manual says; send one message.
Runs in an Emacs of its own; SENDONCE_TOUR_PORT is the peer's."
  (sendonce-client-tour-evaluate (sendonce-client-tour-lines heading))
  (pcase-let ((`(,_ ,library ,send)
               (assoc heading sendonce-client-tour-clients))
              (by-mail send-mail-function)
              (by-message message-send-mail-function))
    (require library)
    (sendonce-test-in-place
      (setq sendonce-accounts
            (list (list :name "peer" :host "127.0.0.1"
                        :port (string-to-number (getenv "SENDONCE_TOUR_PORT"))
                        :tls 'implicit
                        :trust-files (list (getenv "SENDONCE_TOUR_CA")))))
      (let* ((send-mail-function by-mail)
             (message-send-mail-function by-message)
             (err (funcall send '(("To" . "you@there.example")
                                  ("Subject" . "A tour"))
                           "Hello\n")))
        (when err
          (error "Not sent: %S" err))))))

;;; What follows runs in the Emacs that tests.

(defun sendonce-client-tour-check (heading)
  "Check the manual's lines under HEADING: at most three, and they send."
  (let ((lines (sendonce-client-tour-lines heading)))
    (should (<= 1 (length lines) 3)))
  (let ((process-environment
         (append (list (format "SENDONCE_TOUR_PORT=%d" sendonce-test-port)
                       (concat "SENDONCE_TOUR_CA="
                               (sendonce-test-file "peer/ca.pem")))
                 process-environment)))
    (should (equal '(0 "sent")
                   (pcase-let ((`(,status ,output)
                                (sendonce-client-tour-in-emacs heading)))
                     (list status (if (eq status 0) "sent" output))))))
  (should (= 1 (length (sendonce-test-accepted)))))

(ert-deftest sendonce-client-tour-message-and-gnus ()
  (sendonce-test-with-peer ()
    (sendonce-client-tour-check "message-mode and Gnus")))

(ert-deftest sendonce-client-tour-mail-and-rmail ()
  (sendonce-test-with-peer ()
    (sendonce-client-tour-check "mail-mode and Rmail")))

(ert-deftest sendonce-client-tour-wanderlust ()
  (skip-unless (file-directory-p "/usr/share/emacs/site-lisp/wl"))
  (sendonce-test-with-peer ()
    (sendonce-client-tour-check "Wanderlust")))

(ert-deftest sendonce-client-tour-mu4e-there ()
  (require 'sendonce-client-mu4e)
  (skip-unless sendonce-client-mu4e-there)
  (sendonce-test-with-peer ()
    (sendonce-client-tour-check "mu4e")))

(ert-deftest sendonce-client-tour-notmuch-there ()
  (require 'sendonce-client-notmuch)
  (skip-unless sendonce-client-notmuch-there)
  (sendonce-test-with-peer ()
    (sendonce-client-tour-check "notmuch")))

(ert-deftest sendonce-client-tour-is-complete ()
  "Each client of the manual's section is in the table above."
  (with-temp-buffer
    (insert-file-contents sendonce-client-tour-readme)
    (re-search-forward "^\\* Mail clients$")
    (let ((end (save-excursion (re-search-forward "^\\* ") (point)))
          headings)
      (while (re-search-forward "^\\*\\* \\(.*\\)$" end t)
        (push (match-string 1) headings))
      (should (equal (mapcar #'car sendonce-client-tour-clients)
                     (nreverse headings))))))

;;;; Clients that need more than a draft

(declare-function sendonce-client-wl--load "sendonce-client-wl" ())
(declare-function sendonce-client-wl--settings "sendonce-client-wl" ())
(declare-function sendonce-client-wl-send "sendonce-client-wl" (fields body))
(declare-function sendonce-client-mu4e--start "sendonce-client-mu4e" ())
(declare-function sendonce-client-mu4e-send "sendonce-client-mu4e"
                  (fields body))
(declare-function sendonce-client-notmuch--start "sendonce-client-notmuch" ())
(declare-function sendonce-client-notmuch-send "sendonce-client-notmuch"
                  (fields body))
(defvar sendonce-client-mu4e-there)
(defvar sendonce-client-notmuch-there)

(defun sendonce-client-tour-wl (fields body)
  "Send FIELDS and BODY with Wanderlust, set up before it is loaded."
  (sendonce-client-wl--load)
  (sendonce-client-wl--settings)
  (sendonce-client-wl-send fields body))

(defun sendonce-client-tour-mu4e (fields body)
  "Send FIELDS and BODY with mu4e, set up before it is loaded."
  (sendonce-client-mu4e--start)
  (let ((message-kill-buffer-on-exit t))
    (sendonce-client-mu4e-send fields body)))

(defun sendonce-client-tour-notmuch (fields body)
  "Send FIELDS and BODY with notmuch, set up before it is loaded."
  (sendonce-client-notmuch--start)
  (sendonce-client-notmuch-send fields body))

(provide 'sendonce-client-tour-tests)

;;; sendonce-client-tour-tests.el ends here
