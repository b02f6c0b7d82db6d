;;; sendonce-wait.el --- Waiting, with Emacs alive  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the foreground wait: the loop in which a send function stays
;; until an attempt is over, with a live line in the echo area, timers
;; and redisplay running, questions answered, and C-g moving the send to
;; the background.  Submit and the outbox commands call it.
;;
;; It waits on the engine's pipe, not by the clock; the half second in
;; between is for redisplay and for an outbox that another Emacs works on.
;; It never decides what an outcome means.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-dispatch)
(require 'subr-x)

(declare-function sendonce--mod-tally "ext:sendonce-module" (engine))
(declare-function sendonce--mod-running "ext:sendonce-module" (engine))

;;;; The live line

(defconst sendonce-wait--phases
  '((resolve . "looking up the server") (connect . "connecting")
    (greeting . "waiting for the greeting") (hello . "saying hello")
    (starttls . "starting TLS") (tls . "starting TLS")
    (sign-in . "signing in") (mail . "naming the sender")
    (recipients . "naming the recipients")
    (data . "announcing the message") (body . "sending")
    (end-of-data . "waiting for the server's word")
    (reset . "going on") (quit . "saying goodbye"))
  "Alist of (PHASE . WORDS).")

(defun sendonce-wait--percent (done total)
  "Return \"43 %\" for DONE of TOTAL bytes, nil if there is nothing to say."
  (and (numberp total) (> total 0) (numberp done) (> done 0)
       (format "%d %%" (/ (* 100 done) total))))

(defun sendonce-wait--words (phase done total)
  "Return what is done in PHASE, when DONE of TOTAL bytes have gone out.
With PIPELINING the message goes out while the reply to MAIL is still
awaited; what the user wants to know is how far the message is."
  (let ((moving (and (numberp done) (> done 0))))
    (alist-get (cond ((not moving) phase)
                     ((< done total) 'body)
                     (t 'end-of-data))
               sendonce-wait--phases "waiting")))

(defun sendonce-wait-line (progress)
  "Return the live line for PROGRESS: (PHASE DONE TOTAL TEXT)."
  (pcase-let* ((`(,phase ,done ,total ,text) progress)
               (words (sendonce-wait--words phase done total)))
    (concat "sendonce: "
            (string-join
             (delq nil (list (and text (not (string-empty-p text)) text)
                             (concat words "…")
                             (sendonce-wait--percent done total)))
             ", "))))

(defun sendonce-wait--show (id)
  "Show in the echo area how far entry ID is, unless in batch mode."
  (unless noninteractive
    (let ((message-log-max nil)
          (line (sendonce-wait-line (sendonce-dispatch-progress id))))
      (unless (equal line (current-message))
        (message "%s" line)))
    (redisplay)))

;;;; The loop

(defconst sendonce-wait--interval 0.5
  "Seconds between looks, when nothing is told.")

(defun sendonce-wait--rested-p (entry attempts)
  "Return non-nil if nothing of ENTRY is to be tried or being tried now.
After more than ATTEMPTS one that is due goes on at once: so it is where
the server takes only some of the recipients at a time."
  (not (or (memq (plist-get entry :state) '(queued sending))
           (and (> (plist-get entry :attempts) attempts)
                (sendonce-wait--due-p entry)))))

(defun sendonce-wait--over (id attempts)
  "Return entry ID if an attempt after the first ATTEMPTS is over, else nil."
  (let ((entry (sendonce-dispatch-entry id)))
    (and entry
         (sendonce-wait--rested-p entry attempts)
         (or (not (eq (plist-get entry :state) 'deferred))
             (> (plist-get entry :attempts) attempts))
         entry)))

(defun sendonce-wait--answer ()
  "Answer the questions that wait; return non-nil if there were any."
  (let (question any)
    (while (setq question (sendonce-dispatch-question))
      (setq any t)
      (sendonce-dispatch-answer question t))
    any))

(defun sendonce-wait--deadline (seconds)
  "Return the time SECONDS from now; nil if SECONDS is t, for ever."
  (if (numberp seconds) (+ (float-time) seconds)))

(defun sendonce-wait--time-left (deadline)
  "Return the seconds to wait next before DEADLINE, or nil if it passed."
  (let ((left (if deadline (- deadline (float-time))
                sendonce-wait--interval)))
    (and (> left 0) (min left sendonce-wait--interval))))

(defun sendonce-wait--loop (id attempts seconds)
  "Wait for the end of an attempt at ID, the first after ATTEMPTS.
Return the entry, or nil after SECONDS.  Time in which the user was
asked something does not count."
  (let ((deadline (sendonce-wait--deadline seconds))
        entry left)
    (while (and (not (setq entry (sendonce-wait--over id attempts)))
                (setq left (sendonce-wait--time-left deadline)))
      (sendonce-wait--show id)
      (sendonce-engine-wait left)
      (when (sendonce-wait--answer)
        (setq deadline (sendonce-wait--deadline seconds))))
    entry))

(defun sendonce-wait-seconds ()
  "Return how long a send is waited for: seconds, t for ever, or nil.
In batch mode for ever, since nothing goes on after the end of Emacs."
  (or noninteractive sendonce-wait))

(defvar sendonce-wait-quit nil
  "Non-nil if the user quit while a message was made durable.
It counts in the wait that follows.")

(defun sendonce-wait--quit-before-p ()
  "Return non-nil if the user quit before this wait; forget it."
  (prog1 sendonce-wait-quit
    (setq sendonce-wait-quit nil)))

(defun sendonce-wait-for (id attempts)
  "Wait for the end of an attempt at entry ID, the first after ATTEMPTS.
Return the entry, or nil if it is still going after `sendonce-wait'
or the user quit: then it goes on in the background."
  (when (and (not (sendonce-wait--quit-before-p))
             (sendonce-wait-seconds))
    (sendonce-dispatch-watch id)
    (unwind-protect
        (let ((entry (condition-case nil
                         (sendonce-wait--loop id attempts
                                              (sendonce-wait-seconds))
                       (quit nil))))
          (when entry
            (sendonce-dispatch-told entry))
          entry)
      (sendonce-dispatch-release id))))

;;;; Waiting for more

(defun sendonce-wait-for-each (waits)
  "Wait for each of WAITS, conses of (ID . ATTEMPTS), as `sendonce-wait-for'.
All are in the foreground from the beginning: the user is asked what
any of them needs.  Return those entries that are over."
  (unwind-protect
      (progn
        (dolist (wait waits)
          (sendonce-dispatch-watch (car wait)))
        (delq nil (mapcar (lambda (wait)
                            (sendonce-wait-for (car wait) (cdr wait)))
                          waits)))
    (dolist (wait waits)
      (sendonce-dispatch-release (car wait)))))

(defun sendonce-wait--until (done seconds)
  "Wait until the function DONE is satisfied, at most SECONDS.
Return its last value."
  (let ((deadline (sendonce-wait--deadline seconds))
        result left)
    (while (and (not (setq result (funcall done)))
                (setq left (sendonce-wait--time-left deadline)))
      (sendonce-engine-wait left))
    result))

(defun sendonce-wait--idle-p ()
  "Return non-nil if no attempt is under way or about to be.
What the engine has told of those that are over is seen to first."
  (let ((engine (sendonce-engine)))
    (sendonce-engine-drain)
    (and (zerop (car (sendonce--mod-running engine)))
         (null sendonce-dispatch--background)
         (zerop (nth 2 (sendonce--mod-tally engine))))))

(defun sendonce-wait--due-p (entry)
  "Return non-nil if ENTRY is being tried or is due to be."
  (pcase (plist-get entry :state)
    ((or 'queued 'sending) t)
    ('deferred (<= (or (plist-get entry :next-try) 0) (float-time)))))

;;;###autoload
(defun sendonce-wait-idle (seconds)
  "Wait until no attempt is under way, at most SECONDS.
Return t, or nil on time-out."
  (and (sendonce-wait--until #'sendonce-wait--idle-p seconds) t))

(defun sendonce-wait-committed (seconds)
  "Wait, at most SECONDS, until no message is between commit point and reply.
Return t, or nil on time-out or if the user quits."
  (condition-case nil
      (with-temp-message "sendonce: waiting for the server's word…"
        (and (sendonce-wait--until
              (lambda () (zerop (sendonce-engine--committing))) seconds)
             t))
    (quit nil)))

(provide 'sendonce-wait)

;;; sendonce-wait.el ends here
