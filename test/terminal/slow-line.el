;;; slow-line.el --- The Emacs that slow-line.sh drives in a terminal  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A message with an attachment of 20 MB stands ready in a draft buffer; a timer counts in the mode line,
;; so that a frozen Emacs is one whose count stands still.  Environment: as for send-one.el.

;;; Code:

(require 'message)
(require 'send-one)
(require 'sendonce)

(defvar slow-line-count 0
  "How often the timer ran.")

(defun slow-line-tick ()
  "Count, and show it."
  (setq slow-line-count (1+ slow-line-count))
  (force-mode-line-update t))

(defun slow-line-attachment ()
  "Make a file of 20 MB; return its name."
  (let ((file (make-temp-file "attachment" nil ".bin")))
    (call-process "head" nil `(:file ,file) nil "-c" "20971520" "/dev/urandom")
    file))

(defun slow-line-set-up ()
  "Show the draft and start to count."
  (setq-default mode-line-format
                '(" count=" (:eval (number-to-string slow-line-count)) " %b" mode-line-misc-info))
  (setq inhibit-startup-screen t
        ring-bell-function #'ignore
        message-confirm-send nil
        user-full-name "Aoi"
        user-mail-address "aoi@far.example")
  (send-one-set-up)
  (sendonce-mode)
  (message-mail "to@far.example" "twenty megabytes")
  (goto-char (point-max))
  (insert "See the attachment.\n")
  (mml-attach-file (slow-line-attachment) "application/octet-stream" nil "attachment")
  (run-with-timer 0 0.1 #'slow-line-tick))

(provide 'slow-line)
;;; slow-line.el ends here
