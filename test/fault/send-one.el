;;; send-one.el --- Send one small message, to be watched from outside  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Environment: SEND_PORT, SEND_TLS (implicit, starttls), PEER_CA, SEND_USER, SEND_PASSWORD.

;;; Code:

(require 'message)
(require 'sendonce)

(defvar auth-sources)
(defvar sendonce-accounts)
(defvar sendonce-wait)

(defun send-one-authinfo ()
  "Write the password where auth-source finds it; return the file's name."
  (let ((file (make-temp-file "authinfo")))
    (write-region (format "machine localhost port %s login %s password %s\n" (getenv "SEND_PORT")
                          (getenv "SEND_USER") (getenv "SEND_PASSWORD"))
                  nil file nil 'silent)
    file))

(defun send-one-set-up ()
  "Tell sendonce of the server that the environment names."
  (setq auth-sources (list (send-one-authinfo))
        sendonce-wait t
        sendonce-accounts
        (list (list :name "far" :from "aoi@far.example" :host "localhost"
                    :port (string-to-number (getenv "SEND_PORT")) :tls (intern (getenv "SEND_TLS"))
                    :user (getenv "SEND_USER") :trust-files (list (getenv "PEER_CA"))))
        message-send-mail-function #'sendonce-send-it))

(defun send-one ()
  "Send a message of 10 KB, then print its state and transcript."
  (send-one-set-up)
  (with-temp-buffer
    (insert "From: aoi@far.example\nTo: to@far.example\nSubject: far\n" mail-header-separator "\n")
    (dotimes (_ 160)
      (insert "Sixty-four columns of text, one line as good as any other one..\n"))
    (message-mode)
    (message-send))
  (let ((entry (car (sendonce-entries))))
    (message "%s" (sendonce-transcript-string (plist-get entry :id)))
    (kill-emacs (if (eq (plist-get entry :state) 'sent) 0 1))))

(provide 'send-one)
;;; send-one.el ends here
