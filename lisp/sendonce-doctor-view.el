;;; sendonce-doctor-view.el --- The doctor's findings, with buttons  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the buffer of M-x sendonce-doctor: a line each as it is found, a
;; button where a finding can be mended, and a report to paste, without
;; names and addresses of the user.  The checks are in sendonce-doctor.el.

;;; Code:

(require 'sendonce)
(require 'sendonce-doctor)
(require 'button)
(require 'seq)
(require 'subr-x)

(defface sendonce-doctor-ok '((t :inherit success))
  "Face for what is well."
  :group 'sendonce)

(defface sendonce-doctor-note '((t :inherit warning))
  "Face for what is worth knowing."
  :group 'sendonce)

(defface sendonce-doctor-problem '((t :inherit error))
  "Face for what must be mended."
  :group 'sendonce)

(defvar-local sendonce-doctor--findings nil
  "What was found, newest first.")

(defvar sendonce-doctor-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "TAB") #'forward-button)
    (define-key map (kbd "<backtab>") #'backward-button)
    (define-key map "w" #'sendonce-doctor-report)
    map)
  "Keymap of the doctor's buffer.")

(define-derived-mode sendonce-doctor-mode special-mode "Mail doctor"
  "Mode of the doctor's buffer.
\\{sendonce-doctor-mode-map}"
  (setq-local revert-buffer-function
              (lambda (&rest _) (sendonce-doctor))))

;;;; Lines

(defun sendonce-doctor--face (state)
  "Return the face for STATE."
  (pcase state
    ('ok 'sendonce-doctor-ok)
    ('note 'sendonce-doctor-note)
    (_ 'sendonce-doctor-problem)))

(defun sendonce-doctor--push (button)
  "Do what BUTTON is for, then look again."
  (funcall (button-get button 'sendonce-fix))
  (sendonce-doctor))

(defun sendonce-doctor--insert-fix (finding)
  "Insert the button for the fix of FINDING, if it has one."
  (when (sendonce-finding-fix finding)
    (insert "\n         ")
    (insert-text-button (format "[%s]" (or (sendonce-finding-label finding)
                                           "mend it"))
                        'action #'sendonce-doctor--push
                        'follow-link t
                        'help-echo "RET, mouse-1: do it, and look again"
                        'sendonce-fix (sendonce-finding-fix finding))))

(defun sendonce-doctor--insert (finding)
  "Insert FINDING at the end of the current buffer."
  (let ((inhibit-read-only t)
        (start (goto-char (point-max))))
    (insert (sendonce-doctor-line finding))
    (put-text-property start (+ start (length (symbol-name
                                               (sendonce-finding-state finding))))
                       'font-lock-face
                       (sendonce-doctor--face (sendonce-finding-state finding)))
    (sendonce-doctor--insert-fix finding)
    (insert "\n")))

(defun sendonce-doctor--show (buffer finding)
  "Show FINDING in BUFFER, at once."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (push finding sendonce-doctor--findings)
      (sendonce-doctor--insert finding))
    (unless noninteractive
      (redisplay))))

(defun sendonce-doctor--head (text)
  "Make TEXT the first line of the current buffer."
  (let ((inhibit-read-only t))
    (save-excursion
      (goto-char (point-min))
      (delete-region (point-min) (line-end-position))
      (insert (propertize text 'font-lock-face 'bold)))))

(defun sendonce-doctor--prepare ()
  "Return the doctor's buffer, empty."
  (with-current-buffer (get-buffer-create "*sendonce doctor*")
    (sendonce-doctor-mode)
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert "Looking…\n\n"))
    (current-buffer)))

(defun sendonce-doctor--examine (buffer)
  "Make all checks, showing them in BUFFER; return the line at its head."
  (condition-case nil
      (let ((sendonce-doctor-tell (apply-partially #'sendonce-doctor--show
                                                   buffer)))
        (sendonce-doctor-examine)
        (concat (sendonce-doctor-summary
                 (buffer-local-value 'sendonce-doctor--findings buffer))
                ".  g looks again, w copies a report."))
    (quit "Stopped.  g looks again.")))

;;;###autoload
(defun sendonce-doctor ()
  "Check the set-up, from the module to the sign-in, and say what is wrong.
No mail is sent.  Where something can be mended there is a button that
does it."
  (interactive)
  (let ((buffer (sendonce-doctor--prepare)))
    (pop-to-buffer buffer)
    (let ((head (sendonce-doctor--examine buffer)))
      (when (buffer-live-p buffer)
        (with-current-buffer buffer
          (sendonce-doctor--head head)
          (goto-char (point-min))
          (ignore-errors (forward-button 1))))
      (message "%s" head))))

;;;; The report

(defun sendonce-doctor--names ()
  "Return the texts that tell who the user is, longest first."
  (let ((names (append (list user-mail-address (user-login-name)
                             (user-full-name) (system-name)
                             (bound-and-true-p smtpmail-smtp-user)
                             (expand-file-name "~"))
                       (mapcar (lambda (account) (plist-get account :user))
                               (seq-filter #'consp sendonce-accounts))
                       (mapcan (lambda (account)
                                 (copy-sequence
                                  (ensure-list (plist-get account :from))))
                               (seq-filter #'consp sendonce-accounts)))))
    (sort (seq-filter (lambda (name) (and (stringp name)
                                          (> (length name) 2)))
                      (delete-dups names))
          (lambda (a b) (> (length a) (length b))))))

(defun sendonce-doctor-redact (text)
  "Return TEXT without the names and addresses of the user."
  (dolist (name (sendonce-doctor--names))
    (setq text (replace-regexp-in-string
                (concat "\\_<" (regexp-quote name) "\\_>") "<user>" text t t)))
  (replace-regexp-in-string "[^] \t\n<>:\"'(),;[]+@" "<user>@" text))

(defun sendonce-doctor-report-text (findings)
  "Return a report of FINDINGS to be pasted where others read it."
  (sendonce-doctor-redact
   (concat
    (format "sendonce %s, Emacs %s, %s\n\n" sendonce-version emacs-version
            system-configuration)
    (mapconcat #'sendonce-doctor-line findings "\n")
    "\n"
    (mapconcat (lambda (finding)
                 (let ((transcript (sendonce-finding-transcript finding)))
                   (if transcript (concat "\n" transcript) "")))
               findings ""))))

(defun sendonce-doctor-report ()
  "Copy a report of what was found, to be pasted where others read it.
It has no password, and neither names nor addresses of yours."
  (interactive nil sendonce-doctor-mode)
  (kill-new (sendonce-doctor-report-text
             (reverse sendonce-doctor--findings)))
  (message "The report is in the kill ring; look it over before you paste it"))

(provide 'sendonce-doctor-view)

;;; sendonce-doctor-view.el ends here
