;;; sendonce-client-message-tests.el --- message-mode  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; message-mode as its user drives it: C-x m, fields filled in, C-c C-c.

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

(ert-deftest sendonce-client-message-envelopes ()
  (sendonce-test-with-peer ()
    (sendonce-client-check-envelopes #'sendonce-client-message-send)))

;;; sendonce-client-message-tests.el ends here
