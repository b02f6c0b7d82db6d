;;; sendonce-client-message.el --- message-mode for the tests  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Writes and sends mail in message-mode, as C-x m does.

;;; Code:

(require 'sendonce-client)

(defun sendonce-client-message-compose (fields body)
  "Begin a draft with the header FIELDS and BODY, as \\[compose-mail] does."
  (let ((message-signature nil))
    (message-mail nil nil)
    (message-goto-body)
    (insert body)
    (pcase-dolist (`(,field . ,value) fields)
      (message-remove-header field)
      (message-goto-eoh)
      (beginning-of-line)
      (insert field ": " value "\n"))))

(defun sendonce-client-message-send (fields body)
  "Write mail with the header FIELDS and BODY and send it.
Return nil, or the error; then the draft is killed."
  (save-window-excursion
    (sendonce-client-message-compose fields body)
    (let ((draft (current-buffer))
          (message-kill-buffer-on-exit t))
      (condition-case err
          ;; message-mode asks whether an empty group is meant.
          (cl-letf (((symbol-function 'y-or-n-p) #'always))
            (message-send-and-exit)
            nil)
        (sendonce-error
         (with-current-buffer draft
           (set-buffer-modified-p nil)
           (kill-buffer))
         err)))))

(provide 'sendonce-client-message)

;;; sendonce-client-message.el ends here
