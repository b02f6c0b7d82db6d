;;; sendonce-transcript.el --- What was said to the server  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the view of an entry's transcript: the module's text, one heading
;; an attempt, with the outcome and a hint put after it.  Secrets are not
;; in it because the module never writes them there.
;;
;; The user calls it, and the outbox for the entry at point.  It changes
;; nothing in the outbox.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-dispatch)
(require 'sendonce-notify)
(require 'sendonce-advice)
(require 'outline)

(declare-function sendonce--mod-entries "ext:sendonce-module" (engine id))
(declare-function sendonce--mod-transcript "ext:sendonce-module" (engine id))

;;;; Faces

(defface sendonce-transcript-client
  '((t :inherit font-lock-function-name-face))
  "Face for what we said."
  :group 'sendonce)

(defface sendonce-transcript-server
  '((t :inherit font-lock-string-face))
  "Face for what the server said."
  :group 'sendonce)

(defface sendonce-transcript-refusal
  '((t :inherit error))
  "Face for refusals of the server."
  :group 'sendonce)

(defface sendonce-transcript-note
  '((t :inherit font-lock-comment-face))
  "Face for what happened besides the dialogue."
  :group 'sendonce)

;;;; The text

(defun sendonce-transcript--outcome (entry)
  "Return how ENTRY stands, a line for each recipient, and what to do."
  (concat
   (format "* Outcome: %s\n" (plist-get entry :state))
   (mapconcat
    (lambda (recipient)
      (format "%s: %s%s\n" (plist-get recipient :address)
              (plist-get recipient :state)
              (let ((reply (sendonce-advice-reply
                            (plist-get recipient :code)
                            (plist-get recipient :reply))))
                (if (string-empty-p reply) "" (concat ", " reply)))))
    (plist-get entry :recipients) "")
   (let ((remedy (and (not (eq (plist-get entry :state) 'sent))
                      (sendonce-advice-for-entry entry))))
     (if remedy (format "Hint: %s\n" remedy) ""))))

;;;###autoload
(defun sendonce-transcript-string (id)
  "Return the transcript of entry ID as text, the outcome at its end.
Secrets are never in it.  Signal `sendonce-error' if there is no such
entry."
  (let ((entry (sendonce-dispatch-entry id)))
    (unless entry
      (signal 'sendonce-error
              (list (format "There is no entry %s in the outbox" id))))
    (concat (sendonce--mod-transcript (sendonce-engine) id)
            (sendonce-transcript--outcome entry))))

;;;; The mode

(defconst sendonce-transcript--time "^[0-9][0-9:.]+ "
  "Regexp for the time that begins a line.")

(defconst sendonce-transcript--keywords
  `(("^\\* .*" . 'outline-1)
    (,(concat "\\(" sendonce-transcript--time "\\)\\(?:S: \\)?\\([45][0-9][0-9]\\b.*\\)")
     (1 'shadow) (2 'sendonce-transcript-refusal))
    (,(concat "\\(" sendonce-transcript--time "\\)\\(C: .*\\)")
     (1 'shadow) (2 'sendonce-transcript-client))
    (,(concat "\\(" sendonce-transcript--time "\\)\\(S: .*\\)")
     (1 'shadow) (2 'sendonce-transcript-server))
    (,(concat "\\(" sendonce-transcript--time "\\)\\(\\* .*\\)")
     (1 'shadow) (2 'sendonce-transcript-note))
    ("^Hint: .*" . 'warning))
  "What `sendonce-transcript-mode' highlights.")

(defvar-local sendonce-transcript--id nil
  "Entry whose transcript is in this buffer.")

(defvar sendonce-transcript-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map "n" #'outline-next-visible-heading)
    (define-key map "p" #'outline-previous-visible-heading)
    (define-key map (kbd "TAB") #'outline-toggle-children)
    map)
  "Keymap of `sendonce-transcript-mode'.")

(define-derived-mode sendonce-transcript-mode special-mode "Transcript"
  "Major mode for the transcript of a message's way to the server.
\\{sendonce-transcript-mode-map}"
  (setq-local font-lock-defaults '(sendonce-transcript--keywords t)
              outline-regexp "\\* "
              outline-level (lambda () 1)
              revert-buffer-function #'sendonce-transcript--revert)
  (outline-minor-mode 1))

(defun sendonce-transcript--revert (&rest _)
  "Show the transcript in this buffer as it is now."
  (let ((inhibit-read-only t)
        (place (point)))
    (erase-buffer)
    (insert (sendonce-transcript-string sendonce-transcript--id))
    (goto-char (min place (point-max)))))

;;;; Commands

(defun sendonce-transcript--last ()
  "Return the id of the newest entry, or signal if the outbox is empty."
  (let ((engine (sendonce-engine)))
    (or (plist-get (car (sendonce--mod-entries engine nil)) :id)
        (user-error "The outbox is empty: nothing has been sent"))))

;;;###autoload
(defun sendonce-transcript (&optional id)
  "Show the transcript of entry ID of the outbox, by default the last one."
  (interactive)
  (let ((buffer (get-buffer-create "*sendonce transcript*")))
    (with-current-buffer buffer
      (sendonce-transcript-mode)
      (setq sendonce-transcript--id (or id (sendonce-transcript--last)))
      (sendonce-transcript--revert)
      (goto-char (point-min)))
    (pop-to-buffer buffer)))

(provide 'sendonce-transcript)

;;; sendonce-transcript.el ends here
