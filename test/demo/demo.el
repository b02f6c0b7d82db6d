;;; demo.el --- Send one message, as a person would, and show the transcript  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Run by test/demo/demo.sh, which starts the server.  The set-up is what someone with smtpmail has
;; already, and one line more.

;;; Code:

(require 'message)
(require 'sendonce)
(require 'smtpmail)

(defvar auth-sources)
(defvar gnutls-trustfiles)

(defun demo-set-up ()
  "Set up mail as a user of smtpmail has it, then add the one line."
  (setq user-full-name "Aoi"
        user-mail-address "aoi@demo.example"
        smtpmail-smtp-server "localhost"
        smtpmail-smtp-service (string-to-number (getenv "PEER_PORT"))
        smtpmail-smtp-user (getenv "DEMO_USER")
        smtpmail-stream-type 'ssl
        gnutls-trustfiles (list (getenv "PEER_CA"))
        auth-sources (list (demo-authinfo)))
  (setq send-mail-function #'sendonce-send-it))

(defun demo-authinfo ()
  "Write the password where auth-source finds it; return the file's name."
  (let ((file (expand-file-name "authinfo" (getenv "DEMO_DIR"))))
    (with-file-modes #o600
      (write-region (format "machine localhost port %s login %s password %s\n" (getenv "PEER_PORT")
                            (getenv "DEMO_USER") (getenv "DEMO_PASSWORD"))
                    nil file nil 'silent))
    file))

(defun demo-compose ()
  "Write a message in `message-mode', with an attachment."
  (message-mail "Murasaki <murasaki@demo.example>" "夜半の月" '((Bcc . "archive@demo.example")))
  (goto-char (point-max))
  (insert "めぐりあひて見しやそれともわかぬ間に雲がくれにし夜半の月かな\n\nThe licence is attached.\n")
  (mml-attach-file (expand-file-name "LICENSE") "text/plain" "the GNU GPL" "attachment"))

(defun demo-show-transcript ()
  "Print the transcript of what was sent last."
  (let* ((entry (car (sendonce-entries)))
         (transcript (string-trim (sendonce-transcript-string (plist-get entry :id)))))
    (message "\nThe message is %s.  M-x sendonce-transcript shows:\n" (plist-get entry :state))
    (message "%s" (replace-regexp-in-string "^" "    " transcript))))

(defun demo-run ()
  "Compose, send, show."
  (demo-set-up)
  (message "\nsendonce sends a message with an attachment to localhost, port %s (implicit TLS).\n"
           (getenv "PEER_PORT"))
  (demo-compose)
  (message-send-and-exit)
  (demo-show-transcript))

(provide 'demo)
;;; demo.el ends here
