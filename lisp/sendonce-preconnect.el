;;; sendonce-preconnect.el --- A line ready before the message is  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns when a line is opened ahead: with `sendonce-mode', as soon as a
;; draft is there, and once more at its first step of sending, so that
;; the send itself is one round trip.  The engine does the rest; it opens
;; nothing where a line waits already.
;;
;; Nobody is asked anything: an account that cannot be told, or whose
;; password must be typed or unlocked, waits for the send.  Nothing is
;; told either.  With the last draft of an account its unused line goes.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-account)
(require 'sendonce-compose)
(require 'sendonce-credential)
(require 'sendonce-header)
(require 'sendonce-recipient)
(require 'seq)

(declare-function sendonce--mod-open-ahead "ext:sendonce-module"
                  (engine settings))
(declare-function sendonce--mod-drop-ahead "ext:sendonce-module"
                  (engine settings))
(declare-function sendonce-wl--own "sendonce-wl" (sender recipients))

(defvar-local sendonce-preconnect--settings nil
  "Settings text of the line that was opened for the draft in this buffer.")

(defun sendonce-preconnect--own (fields from)
  "Return the account that the draft in this buffer asks for, or nil.
FIELDS are of its header, FROM is its sender."
  (if (derived-mode-p 'wl-draft-mode)
      (and (fboundp 'sendonce-wl--own) (sendonce-wl--own from nil))
    (sendonce-account-of-method
     (sendonce-header-value fields "x-message-smtp-method"))))

(defun sendonce-preconnect--account ()
  "Return the account for the draft in this buffer."
  (save-restriction
    (widen)
    (let* ((fields (sendonce-header-parse
                    (encode-coding-string
                     (sendonce-compose--header-text
                      (car (sendonce-compose--body-start)))
                     'utf-8)))
           (from (or (sendonce-recipient-from fields) user-mail-address)))
      (sendonce-account-for from (sendonce-preconnect--own fields from)))))

(defun sendonce-preconnect--kept-p (account)
  "Return non-nil if lines to ACCOUNT are kept at all."
  (string-match-p "^keep-alive=" (sendonce-account-settings account)))

(defun sendonce-preconnect-now ()
  "Open a line for the draft in this buffer, unless there is one.
Never waits, never asks, and tells of no problem."
  (when (and sendonce-preconnect
             (bound-and-true-p sendonce-mode)
             (not noninteractive))
    (sendonce-credential--without-asking
      (let ((account (sendonce-preconnect--account))
            (engine (sendonce-engine)))
        (when (sendonce-preconnect--kept-p account)
          (setq sendonce-preconnect--settings
                (sendonce-account-settings account))
          (add-hook 'kill-buffer-hook #'sendonce-preconnect--drop nil t)
          (sendonce--mod-open-ahead engine sendonce-preconnect--settings))))))

(defun sendonce-preconnect--wanted-p (settings)
  "Return non-nil if another draft is for the account of SETTINGS."
  (seq-some (lambda (buffer)
              (and (not (eq buffer (current-buffer)))
                   (equal settings
                          (buffer-local-value 'sendonce-preconnect--settings
                                              buffer))))
            (buffer-list)))

(defun sendonce-preconnect--drop ()
  "End the line that was opened for this draft, if nothing went by it."
  (let ((settings sendonce-preconnect--settings)
        (engine (sendonce-engine-p)))
    (when (and settings engine
               (not (sendonce-preconnect--wanted-p settings)))
      (ignore-errors
        (sendonce--mod-drop-ahead engine settings)))))

(defun sendonce-preconnect-draft ()
  "Open a line for the draft that is being made in this buffer.
On the hooks of the modes in which mail is written.  It has no header
yet: that is waited for."
  (let ((buffer (current-buffer)))
    (run-at-time 0 nil
                 (lambda ()
                   (when (buffer-live-p buffer)
                     (with-current-buffer buffer
                       (sendonce-preconnect-now)))))))

(provide 'sendonce-preconnect)

;;; sendonce-preconnect.el ends here
