;;; sendonce-client-mail.el --- mail-mode for the tests  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Writes and sends mail in mail-mode, as with `mail-user-agent' set to
;; `sendmail-user-agent'.

;;; Code:

(require 'sendonce-client)
(require 'sendmail)

(defun sendonce-client-mail-compose (fields body)
  "Begin a mail-mode draft with the header FIELDS and BODY; return its buffer."
  (let ((mail-signature nil)
        (mail-setup-with-from nil))
    (mail 'new)
    (goto-char (point-min))
    (dolist (empty '("To" "Subject"))
      (when (re-search-forward (format "^%s: *\n" empty) nil t)
        (replace-match "")))
    (goto-char (point-min))
    (pcase-dolist (`(,field . ,value) fields)
      (insert field ": " value "\n"))
    (mail-text)
    (delete-region (point) (point-max))
    (insert body)
    (current-buffer)))

(defun sendonce-client-mail-send-draft ()
  "Send the draft in this buffer; return the error, or nil."
  (condition-case err
      (progn (mail-send) nil)
    (sendonce-error err)))

(defun sendonce-client-mail-send (fields body)
  "Write mail with the header FIELDS and BODY in mail-mode and send it.
Return nil, or the error; the draft is killed in any case."
  (save-window-excursion
    (with-current-buffer (sendonce-client-mail-compose fields body)
      (unwind-protect
          (sendonce-client-mail-send-draft)
        (set-buffer-modified-p nil)
        (delete-auto-save-file-if-necessary t)
        (kill-buffer)))))

(provide 'sendonce-client-mail)

;;; sendonce-client-mail.el ends here
