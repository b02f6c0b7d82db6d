;;; sendonce-check.el --- One account, from name to sign-in  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the call of a checkup: it has the module go the way of a send up to
;; the sign-in, with no mail sent, and waits for the end with Emacs alive.
;; The doctor calls it, for the account as it is and for others that might
;; do better.  It draws no conclusions.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-dispatch)
(require 'sendonce-wait)
(require 'cl-lib)

(declare-function sendonce--mod-check "ext:sendonce-module" (engine settings))
(declare-function sendonce--mod-cancel "ext:sendonce-module" (engine id))

(cl-defstruct (sendonce-check (:copier nil))
  "How a checkup went.
STEPS is a list of (STEP ok DETAIL), the last one perhaps (STEP
problem TEXT CAUSE REPLY); see module/emacs/INTERFACE.org.  COMPLETE
is nil if it was given up before its end."
  steps transcript complete)

(defun sendonce-check--over-p (number)
  "Return non-nil if the checkup NUMBER has come to its end."
  (assq 'ended (sendonce-dispatch-check number)))

(defun sendonce-check--wait (number seconds)
  "Wait for the end of the checkup NUMBER, at most SECONDS.
Questions are put to the user, and their time does not count."
  (let ((deadline (sendonce-wait--deadline seconds))
        left)
    (while (and (not (sendonce-check--over-p number))
                (setq left (sendonce-wait--time-left deadline)))
      (sendonce-wait--show number)
      (sendonce-engine-wait left)
      (when (sendonce-wait--answer)
        (setq deadline (sendonce-wait--deadline seconds))))))

(defun sendonce-check--result (number)
  "Return how the checkup NUMBER went, as a `sendonce-check'."
  (let* ((told (sendonce-dispatch-check number))
         (ended (assq 'ended told)))
    (make-sendonce-check :steps (remq ended told)
                         :transcript (nth 1 ended)
                         :complete (and ended t))))

(defun sendonce-check (settings seconds)
  "Check the account of the text SETTINGS; wait at most SECONDS.
Return a `sendonce-check'.  No mail is sent.  The user is asked for
what a send would ask for; quitting ends it."
  (let* ((engine (sendonce-engine))
         (number (sendonce--mod-check engine settings)))
    (sendonce-dispatch-watch number)
    (unwind-protect
        (progn
          (sendonce-check--wait number seconds)
          (sendonce-check--result number))
      (unless (sendonce-check--over-p number)
        (sendonce--mod-cancel engine number))
      (sendonce-dispatch-release number)
      (sendonce-dispatch-forget-check number))))

(provide 'sendonce-check)

;;; sendonce-check.el ends here
