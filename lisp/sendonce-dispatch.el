;;; sendonce-dispatch.el --- What the engine tells and asks  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the way of an event: module's filter calls
;; `sendonce-dispatch-event', which notes it and returns at once.  What
;; belongs to an entry that somebody waits for in the foreground is left
;; for the waiting loop (sendonce-wait.el), questions included; all else
;; is done a moment later from a timer, as the background.
;;
;; So nothing ever prompts inside a process filter, and nothing in the
;; background prompts at all: a question that auth-source cannot answer
;; quietly is declined, and the user is told how to go on.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-account)
(require 'sendonce-credential)

(declare-function sendonce--mod-answer "ext:sendonce-module"
                  (engine question answer))
(declare-function sendonce--mod-entries "ext:sendonce-module" (engine id))
(declare-function sendonce--mod-cancel "ext:sendonce-module" (engine id))
(declare-function sendonce--mod-set-next-try "ext:sendonce-module"
                  (engine id time))
(declare-function sendonce-notify-ended "sendonce-notify" (id &optional always))
(declare-function sendonce-notify-late "sendonce-notify" (id))
(declare-function sendonce-notify-warn "sendonce-notify" (format &rest args))
(declare-function sendonce-notify-update "sendonce-notify" ())

;;;; State

(defvar sendonce-dispatch--foreground nil
  "Entries that somebody waits for, the innermost wait first.")

(defvar sendonce-dispatch--progress nil
  "Alist of (ID PHASE DONE TOTAL TEXT): how far the attempts are.")

(defvar sendonce-dispatch--questions nil
  "Questions for those who wait, oldest first.")

(defvar sendonce-dispatch--checks nil
  "Alist of (NUMBER . STEPS): what checkups have told, newest first.")

(defvar sendonce-dispatch--stored nil
  "Alist of (NUMBER . OUTCOME): large messages that were stored, or not.
OUTCOME is (ID) or (CONDITION TEXT CAUSE).")

(defvar sendonce-dispatch--background nil
  "Events to be seen to in the background, newest first.")

(defvar sendonce-dispatch--timer nil
  "Timer that sees to `sendonce-dispatch--background', or nil.")

(defvar sendonce-dispatch--declined nil
  "Entries for whom a password was wanted in the background in vain.")

(defvar sendonce-dispatch--told nil
  "Alist of (ID . ATTEMPTS): whose end the one who waited has told.")

(defvar sendonce-dispatch--settings nil
  "Alist of (ID . SETTINGS) for the next try, as the user has just said.")

;;;; Events

(defun sendonce-dispatch-event (event)
  "Note EVENT, as the module gives it; never wait, never ask."
  (pcase event
    (`(progress ,id . ,how)
     (setf (alist-get id sendonce-dispatch--progress) how))
    (`(question ,_ ,id . ,_)
     (if (memq id sendonce-dispatch--foreground)
         (setq sendonce-dispatch--questions
               (append sendonce-dispatch--questions (list event)))
       (sendonce-dispatch--later event)))
    (`(ended ,id)
     (setf (alist-get id sendonce-dispatch--progress nil t) nil)
     (sendonce-dispatch--later
      (if (memq id sendonce-dispatch--foreground)
          (list 'watched id)
        event)))
    (`(checked ,number . ,step)
     (sendonce-dispatch--note-check number step))
    (`(check-ended ,number ,transcript)
     (sendonce-dispatch--note-check number (list 'ended transcript)))
    (`(,(or 'stored 'not-stored) ,number . ,outcome)
     (push (cons number outcome) sendonce-dispatch--stored))
    (_ (sendonce-dispatch--later event))))

(defun sendonce-dispatch--note-check (number step)
  "Note STEP of the checkup NUMBER, if anybody waits for it."
  (when (memq number sendonce-dispatch--foreground)
    (push step (alist-get number sendonce-dispatch--checks))))

(defun sendonce-dispatch--later (event)
  "Have EVENT seen to in the background."
  (push event sendonce-dispatch--background)
  (unless sendonce-dispatch--timer
    (setq sendonce-dispatch--timer
          (run-at-time 0 nil #'sendonce-dispatch--run))))

(defconst sendonce-dispatch--slice 0.02
  "Seconds for which events of the background are seen to at a time.
A queue that drains has more of them than Emacs has time for.")

(defvar sendonce-dispatch--changed nil
  "Non-nil if the views of the outbox are to be brought up to date.")

(defun sendonce-dispatch--run ()
  "See to the events of the background, oldest first, as long as is fair."
  (let ((events (nreverse sendonce-dispatch--background))
        (until (+ (float-time) sendonce-dispatch--slice)))
    (setq sendonce-dispatch--timer nil
          sendonce-dispatch--background nil)
    (while (and events (< (float-time) until))
      (condition-case err
          (sendonce-dispatch--see-to (pop events))
        ((error quit)
         (message "sendonce: %s" (error-message-string err)))))
    (when sendonce-dispatch--changed
      (setq sendonce-dispatch--changed nil)
      (with-demoted-errors "sendonce: %S"
        (sendonce-notify-update)))
    (sendonce-dispatch--leave events)))

(defun sendonce-dispatch--leave (events)
  "Have EVENTS, oldest first, seen to a moment later."
  (setq sendonce-dispatch--background
        (append sendonce-dispatch--background (reverse events)))
  (when (and events (not sendonce-dispatch--timer))
    (setq sendonce-dispatch--timer
          (run-at-time 0.005 nil #'sendonce-dispatch--run))))

(defun sendonce-dispatch--see-to (event)
  "Do what EVENT wants, in the background."
  (pcase event
    (`(question . ,_) (sendonce-dispatch-answer event nil))
    (`(ended ,id)
     (sendonce-dispatch--end id)
     (unless (sendonce-dispatch--told-p id)
       (sendonce-notify-ended id)))
    (`(watched ,id) (sendonce-dispatch--end id))
    (`(signed-in ,_ ,host ,port ,user)
     (sendonce-dispatch--save host port user))
    (`(late ,id) (sendonce-notify-late id))
    (`(notice ,text) (sendonce-notify-warn "%s" text))))

(defun sendonce-dispatch--end (id)
  "See to the end of an attempt at entry ID, all but the telling."
  (sendonce-dispatch--replan id)
  (sendonce-dispatch--run-ended id)
  (setq sendonce-dispatch--changed t))

(defun sendonce-dispatch--run-ended (id)
  "Run `sendonce-ended-functions' for entry ID, whatever they signal."
  (when sendonce-ended-functions
    (let ((entry (sendonce-dispatch-entry id)))
      (when entry
        (with-demoted-errors "sendonce-ended-functions: %S"
          (run-hook-with-args 'sendonce-ended-functions entry))))))

(defun sendonce-dispatch--save (host port user)
  "Save the password that USER typed for HOST and PORT, once it is quiet.
Saving asks; not in the middle of something else."
  (if noninteractive
      (sendonce-credential-proven host port user)
    (run-with-idle-timer 1 nil #'sendonce-credential-proven host port user)))

;;;; Entries

(defun sendonce-dispatch-entry (id)
  "Return the entry ID of the outbox as a plist, or nil."
  (let ((engine (sendonce-engine)))
    (car (sendonce--mod-entries engine id))))

(defun sendonce-dispatch-states (id)
  "Return the states of the recipients of entry ID."
  (mapcar (lambda (recipient) (plist-get recipient :state))
          (plist-get (sendonce-dispatch-entry id) :recipients)))

(defun sendonce-dispatch-withdraw (id)
  "Withdraw what is left of entry ID; return nil if some is just going out.
From then on nothing of it goes out but that."
  (let ((engine (sendonce-engine)))
    (or (sendonce--mod-cancel engine id)
        (not (memq 'sending (sendonce-dispatch-states id))))))

(defun sendonce-dispatch--replan (id)
  "Ask the user's `sendonce-retry-schedule', a function, about entry ID."
  (when (functionp sendonce-retry-schedule)
    (let ((entry (sendonce-dispatch-entry id)))
      (when (eq (plist-get entry :state) 'deferred)
        (sendonce--mod-set-next-try
         (sendonce-engine) id
         (funcall sendonce-retry-schedule
                  (plist-get entry :created)
                  (plist-get entry :last-try)
                  (float-time)))))))

;;;; Those who wait

(defun sendonce-dispatch-watch (id)
  "Note that entry ID is waited for in the foreground."
  (push id sendonce-dispatch--foreground)
  (setq sendonce-dispatch--declined (delq id sendonce-dispatch--declined)))

(defun sendonce-dispatch-release (id)
  "Note that nobody waits for entry ID any more.
Its questions go to the background."
  (setq sendonce-dispatch--foreground
        (remq id sendonce-dispatch--foreground))
  (dolist (question sendonce-dispatch--questions)
    (when (eq id (nth 2 question))
      (sendonce-dispatch--later question)))
  (setq sendonce-dispatch--questions
        (seq-remove (lambda (question) (eq id (nth 2 question)))
                    sendonce-dispatch--questions)))

(defun sendonce-dispatch-told (entry)
  "Note that the end of ENTRY is told by who waited.
The outbox knows of an end before its event comes."
  (setf (alist-get (plist-get entry :id) sendonce-dispatch--told)
        (plist-get entry :attempts)))

(defun sendonce-dispatch--told-p (id)
  "Return non-nil if the last end of an attempt at ID is told already."
  (equal (alist-get id sendonce-dispatch--told)
         (plist-get (sendonce-dispatch-entry id) :attempts)))

(defun sendonce-dispatch-progress (id)
  "Return how far the attempt at ID is: (PHASE DONE TOTAL TEXT), or nil."
  (alist-get id sendonce-dispatch--progress))

(defun sendonce-dispatch-check (number)
  "Return what the checkup NUMBER has told, oldest first: (STEP . REST).
The last one is (ended TRANSCRIPT)."
  (reverse (alist-get number sendonce-dispatch--checks)))

(defun sendonce-dispatch-forget-check (number)
  "Forget what the checkup NUMBER has told."
  (setf (alist-get number sendonce-dispatch--checks nil t) nil))

(defun sendonce-dispatch-take-stored (number)
  "Return what became of the large message NUMBER, once; nil: nothing yet.
See `sendonce-dispatch--stored'."
  (prog1 (alist-get number sendonce-dispatch--stored)
    (setf (alist-get number sendonce-dispatch--stored nil t) nil)))

(defun sendonce-dispatch-question ()
  "Return the next question for those who wait, or nil; it is taken."
  (pop sendonce-dispatch--questions))

;;;; Answers

(defun sendonce-dispatch--give (question answer)
  "Answer QUESTION, a number, with ANSWER; nobody may be asking any more."
  (when (sendonce-engine-p)
    (sendonce--mod-answer (sendonce-engine-p) question answer)))

(defun sendonce-dispatch-answer (event foreground)
  "Answer the question EVENT.
FOREGROUND: the user waits for it and may be asked."
  (pcase event
    (`(question ,question ,id account ,name ,settings)
     (sendonce-dispatch--give-account question id name settings))
    (`(question ,question ,id password . ,about)
     (sendonce-dispatch--give-secret question id about foreground))
    (`(question ,question ,_ certificate ,host ,port ,status)
     (sendonce-dispatch--judge question host port status foreground))
    (`(question ,question . ,_)
     (sendonce-dispatch--give question nil))))

(defun sendonce-dispatch--give-account (question id name settings)
  "Answer QUESTION what the account NAME of entry ID is today.
SETTINGS are its old ones, which hold if the answer is quit."
  (let (answer)
    (unwind-protect
        (setq answer (or (sendonce-dispatch--take-settings id)
                         (sendonce-account-renew name settings)))
      ;; Whatever happened, the engine is not left waiting.
      (sendonce-dispatch--give question answer))))

(defun sendonce-dispatch--judge (question host port status foreground)
  "Answer QUESTION whether HOST at PORT, of which STATUS is known, is trusted.
FOREGROUND: the user may be asked."
  (require 'sendonce-trust)
  (let (answer)
    (unwind-protect
        (condition-case err
            (setq answer (and (sendonce-trust-accept-p host port status
                                                       foreground)
                              "yes"))
          (error (message "sendonce: %s" (error-message-string err))))
      (sendonce-dispatch--give question answer))))

(defun sendonce-dispatch--give-secret (question id about foreground)
  "Answer QUESTION about entry ID with a secret.
ABOUT is (HOST PORT USER REPLY KIND); these and FOREGROUND are as in
`sendonce-credential-secret'."
  (let (secret)
    (unwind-protect
        (condition-case err
            (pcase-let ((`(,host ,port ,user ,reply ,kind) about))
              (setq secret (sendonce-credential-secret
                            kind host port user reply foreground)))
          (error (message "sendonce: no password: %s"
                          (error-message-string err))))
      ;; Whatever happened, the engine is not left waiting.
      (unless secret
        (push id sendonce-dispatch--declined))
      (sendonce-dispatch--give question secret)
      (when secret
        (clear-string secret)))))

(defun sendonce-dispatch-use-settings (id settings)
  "Have the next try of entry ID use the text SETTINGS."
  (setf (alist-get id sendonce-dispatch--settings) settings))

(defun sendonce-dispatch--take-settings (id)
  "Return what `sendonce-dispatch-use-settings' gave for ID, once; or nil."
  (prog1 (alist-get id sendonce-dispatch--settings)
    (setf (alist-get id sendonce-dispatch--settings nil t) nil)))

(provide 'sendonce-dispatch)

;;; sendonce-dispatch.el ends here
