;;; sendonce-gnus.el --- Gnus' drafts and its queue  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns two things about the messages that Gnus keeps in nndraft groups
;; (drafts, the agent's queue, delayed ones) and sends from there unseen.
;;
;; WHICH DRAFT IT IS.  Gnus makes a new buffer of the file, with nothing
;; to say where it came from, and deletes the file once that is sent.  If
;; Emacs crashes in between, the file comes again as another draft.  So
;; before the buffer is made the file gets an identity, if it has none
;; (sendonce-identity.el), which the buffer inherits.
;;
;; ONE ERROR IS NOT THAT OF ALL.  Gnus stops at the first message that
;; cannot be sent, and at the same one the next time, so that those
;; behind it never go.  With this, the others go; those that failed stay
;; where they were, with no second draft of them left about; and then
;; their errors are signalled as one.  Delayed messages are sent when new
;; news is asked for, which an error would prevent: these give a warning.
;;
;; Gnus has no hooks in these places, so its functions are advised, when
;; sendonce is to send and Gnus' drafts are loaded.  While another
;; function sends, the advice only keeps our field out of what that gets.

;;; Code:

(require 'sendonce)
(require 'sendonce-identity)
(require 'subr-x)

(declare-function sendonce-submit--echo "sendonce-submit" (text))
(declare-function gnus-summary-mark-article "gnus-sum"
                  (&optional article mark no-expire))
(declare-function nndraft-auto-save-file-name "nndraft" (file))
(declare-function message-disassociate-draft "message" ())
(declare-function message-do-actions "message" (actions))

(defvar gnus-unread-mark)
(defvar message-kill-actions)
(defvar message-send-mail-function)
(defvar nndraft-directory)

(defun sendonce-gnus--sends-p ()
  "Return non-nil if it is sendonce that sends mail."
  (or (memq message-send-mail-function
            '(sendonce-send-it message-send-mail-with-sendonce))
      (eq send-mail-function #'sendonce-send-it)))

;;;; Which draft it is

(defvar sendonce-gnus--draft nil
  "Buffer that Gnus has made of the draft it is sending.")

(defun sendonce-gnus--file (article group)
  "Return the file that nndraft would read ARTICLE of GROUP from."
  (let* ((file (expand-file-name
                (number-to-string article)
                (expand-file-name (string-remove-prefix "nndraft:" group)
                                  nndraft-directory)))
         (auto-save (nndraft-auto-save-file-name file)))
    (if (file-newer-than-file-p file auto-save) file auto-save)))

(defun sendonce-gnus--setup (function article group &rest more)
  "Call FUNCTION, `gnus-draft-setup', with ARTICLE, GROUP and MORE.
The buffer that it makes has the identity of its file, but not in its
text, whoever sends that."
  (when (sendonce-gnus--sends-p)
    (sendonce-identity-stamp-file (sendonce-gnus--file article group)))
  (prog1 (apply function article group more)
    (sendonce-identity-inherit)
    (setq sendonce-gnus--draft (current-buffer))))

;;;; One error is not that of all

(defvar sendonce-gnus--sending nil
  "Non-nil while several drafts are being sent.")

(defvar sendonce-gnus--failures nil
  "List of (ARTICLE . ERROR): which of several drafts were not sent.")

(defun sendonce-gnus--forget (draft)
  "Kill the buffer DRAFT and what is on disk of it: its file stays."
  (when (buffer-live-p draft)
    (with-current-buffer draft
      (let ((actions message-kill-actions))
        (set-buffer-modified-p nil)
        (delete-auto-save-file-if-necessary t)
        (message-disassociate-draft)
        (kill-buffer draft)
        (message-do-actions actions)))))

(defun sendonce-gnus--send (function article &rest more)
  "Call FUNCTION, `gnus-draft-send', with ARTICLE and MORE.
While several are being sent, an error is noted and does not end it."
  (if (not sendonce-gnus--sending)
      (apply function article more)
    (let ((buffer (current-buffer))
          (sendonce-gnus--draft nil))
      (condition-case err
          (apply function article more)
        (sendonce-error
         (push (cons article err) sendonce-gnus--failures)
         (sendonce-gnus--forget sendonce-gnus--draft)
         (set-buffer buffer)
         nil)))))

(defun sendonce-gnus--collect (function arguments)
  "Call FUNCTION, one that sends several drafts, with ARGUMENTS.
Return the failures, as in `sendonce-gnus--failures', oldest first."
  (let ((sendonce-gnus--sending (sendonce-gnus--sends-p))
        (sendonce-gnus--failures nil))
    (apply function arguments)
    (nreverse sendonce-gnus--failures)))

(defun sendonce-gnus--text (failures)
  "Return what there is to say of FAILURES, a line for each."
  (mapconcat (lambda (failure) (format "%s" (nth 2 failure)))
             failures "\n"))

(defun sendonce-gnus--signal (failures)
  "Signal the first of FAILURES, if any, with the texts of all.
Those are what is said last, after the drafts that went."
  (when failures
    (pcase-let ((`(,condition ,_ . ,more) (cdar failures))
                (text (sendonce-gnus--text failures)))
      (sendonce-submit--echo text)
      (signal condition (cons text more)))))

(defun sendonce-gnus--send-queue (function &rest arguments)
  "Call FUNCTION, `gnus-group-send-queue', with ARGUMENTS."
  (sendonce-gnus--signal (sendonce-gnus--collect function arguments)))

(defun sendonce-gnus--send-drafts (function &rest arguments)
  "Call FUNCTION, `gnus-draft-send-message', with ARGUMENTS.
It marks as sent whatever it has tried."
  (let ((failures (sendonce-gnus--collect function arguments)))
    (dolist (failure failures)
      (gnus-summary-mark-article (car failure) gnus-unread-mark))
    (sendonce-gnus--signal failures)))

(defun sendonce-gnus--send-due (function &rest arguments)
  "Call FUNCTION, `gnus-delay-send-queue', with ARGUMENTS."
  (let ((failures (sendonce-gnus--collect function arguments)))
    (when failures
      (display-warning 'sendonce (concat "Delayed messages: "
                                         (sendonce-gnus--text failures))))))

;;;; Gnus

(advice-add 'gnus-draft-setup :around #'sendonce-gnus--setup)
(advice-add 'gnus-draft-send :around #'sendonce-gnus--send)
(advice-add 'gnus-group-send-queue :around #'sendonce-gnus--send-queue)
(advice-add 'gnus-draft-send-message :around #'sendonce-gnus--send-drafts)
(advice-add 'gnus-delay-send-queue :around #'sendonce-gnus--send-due)

(provide 'sendonce-gnus)

;;; sendonce-gnus.el ends here
