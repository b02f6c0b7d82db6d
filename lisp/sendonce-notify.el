;;; sendonce-notify.el --- Telling what happened unseen  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns what the user is told without having asked: the mark in the mode
;; line while anything is unsent, warnings for what failed, is in doubt,
;; is late, or needs the user, and the line that a message left unseen
;; went out.  Dispatch calls it from its timer.  It also owns the words
;; in which an entry is told of, which submit and outbox use as well.
;;
;; The mark is put into `global-mode-string' when the engine starts, and
;; is empty while all is sent.
;;
;; It never asks and never changes an entry but to note a warning given.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-dispatch)
(require 'sendonce-advice)
(require 'seq)
(require 'subr-x)

(declare-function sendonce--mod-tally "ext:sendonce-module" (engine))
(declare-function sendonce--mod-set-warned "ext:sendonce-module" (engine id))

;;;; Words for an entry

(defun sendonce-notify-subject (entry)
  "Return what ENTRY is called: its subject, or its recipients."
  (let ((subject (or (plist-get entry :subject) "")))
    (format "“%s”"
            (if (string-empty-p subject)
                (mapconcat (lambda (r) (plist-get r :address))
                           (plist-get entry :recipients) ", ")
              subject))))

(defun sendonce-notify-ago (time)
  "Return how long ago TIME, seconds since the epoch, was: \"3 minutes ago\"."
  (let ((seconds (max 0 (- (float-time) time))))
    (pcase-let ((`(,limit ,unit ,name)
                 (seq-find (lambda (row) (< seconds (car row)))
                           '((90 1 "second") (5400 60 "minute")
                             (129600 3600 "hour") (1.0e+INF 86400 "day")))))
      (ignore limit)
      (let ((count (round (/ seconds unit))))
        (format "%d %s%s ago" count name (if (= count 1) "" "s"))))))

(defun sendonce-notify-when (time)
  "Return TIME, seconds since the epoch, for people: hour, or date."
  (format-time-string
   (if (< (abs (- time (float-time))) (* 20 60 60)) "%H:%M" "%d %b %H:%M")
   time))

(defun sendonce-notify-recipients (entry &rest states)
  "Return the recipients of ENTRY whose state is one of STATES."
  (seq-filter (lambda (recipient)
                (memq (plist-get recipient :state) states))
              (plist-get entry :recipients)))

(defun sendonce-notify-addresses (recipients)
  "Return the addresses of RECIPIENTS, as text."
  (mapconcat (lambda (recipient) (plist-get recipient :address))
             recipients ", "))

(defun sendonce-notify--reason (recipient)
  "Return what was said to RECIPIENT, or its state if nothing was."
  (let ((reply (sendonce-advice-reply (plist-get recipient :code)
                                      (plist-get recipient :reply))))
    (if (string-empty-p reply)
        (symbol-name (plist-get recipient :state))
      reply)))

(defun sendonce-notify-reasons (entry &rest states)
  "Return who of ENTRY is in one of STATES, and what was said: as text.
Those to whom the same was said are named together."
  (mapconcat
   (lambda (group)
     (format "%s: %s" (sendonce-notify-addresses (cdr group)) (car group)))
   (seq-group-by #'sendonce-notify--reason
                 (apply #'sendonce-notify-recipients entry states))
   "; "))

(defun sendonce-notify-sent-line (entry)
  "Return the line to tell that ENTRY is sent."
  (let* ((sent (sendonce-notify-recipients entry 'sent))
         (code (plist-get (car sent) :code)))
    (format "Sent to %d (%s)" (length sent)
            (if (and code (<= 200 code 299))
                (sendonce-advice-reply code (plist-get (car sent) :reply))
              "as you said"))))

(defun sendonce-notify-deferred-line (entry)
  "Return the line to tell that ENTRY is deferred, why, and till when."
  (format "Not sent yet, next try at %s: %s"
          (sendonce-notify-when (or (plist-get entry :next-try) 0))
          (sendonce-notify-reasons entry 'deferred 'queued)))

(defun sendonce-notify-with-remedy (entry text)
  "Return TEXT with what mends the trouble of ENTRY, if that is known."
  (let ((remedy (sendonce-advice-for-entry entry)))
    (if remedy (format "%s: %s" text remedy) text)))

;;;; Warnings

(defun sendonce-notify-warn (format &rest args)
  "Warn the user with FORMAT and ARGS."
  (display-warning 'sendonce (apply #'format format args)))

(defun sendonce-notify--failed (entry)
  "Warn that ENTRY failed."
  (sendonce-notify-warn
   "%s was not sent: %s.  M-x sendonce-edit makes a draft of it."
   (sendonce-notify-subject entry)
   (sendonce-notify-with-remedy
    entry (sendonce-notify-reasons entry 'failed))))

(defun sendonce-notify--doubt (entry)
  "Warn that ENTRY is in doubt."
  (sendonce-notify-warn
   "%s may or may not have gone out to %s: the server had all of it, and \
the line broke before its answer.  It is not sent again by itself; \
M-x sendonce-resolve settles it."
   (sendonce-notify-subject entry)
   (sendonce-notify-addresses
    (sendonce-notify-recipients entry 'in-doubt))))

(defun sendonce-notify--deferred (entry always)
  "Tell that ENTRY is deferred, if that is news, or ALWAYS."
  (cond ((memq (plist-get entry :id) sendonce-dispatch--declined)
         (sendonce-notify-warn
          "%s waits for your password; M-x sendonce-flush asks for it."
          (sendonce-notify-subject entry)))
        ((or always (= (plist-get entry :attempts) 1))
         (message "%s: %s" (sendonce-notify-subject entry)
                  (sendonce-notify-deferred-line entry)))))

(defun sendonce-notify-ended (id &optional always)
  "Tell how an attempt at entry ID ended that no send function waited for.
ALWAYS: tell as well what is no news."
  (let* ((entry (sendonce-dispatch-entry id))
         (states (mapcar (lambda (r) (plist-get r :state))
                         (plist-get entry :recipients))))
    (cond ((memq 'in-doubt states) (sendonce-notify--doubt entry))
          ((memq 'failed states) (sendonce-notify--failed entry))
          ((memq 'deferred states)
           (sendonce-notify--deferred entry always))
          ((memq 'sent states)
           (message "%s: %s" (sendonce-notify-subject entry)
                    (sendonce-notify-sent-line entry))))))

(defun sendonce-notify-late (id)
  "Warn, once, that entry ID is still unsent."
  (let ((entry (sendonce-dispatch-entry id)))
    (when entry
      (sendonce--mod-set-warned (sendonce-engine) id)
      (sendonce-notify-warn
       "%s of %s is still not sent; it is tried until %s.  %s"
       (sendonce-notify-subject entry)
       (sendonce-notify-when (plist-get entry :created))
       (sendonce-notify-when (+ (plist-get entry :created)
                                (or sendonce-give-up-after
                                    sendonce-engine--never)))
       (sendonce-notify-with-remedy
        entry (sendonce-notify-reasons entry 'deferred 'queued))))))

;;;; The mode line

(defvar sendonce-notify-mode-line ""
  "What the mode line says of mail unsent; \"\" for nothing.")
(put 'sendonce-notify-mode-line 'risky-local-variable t)

(defvar sendonce-notify--map
  (let ((map (make-sparse-keymap)))
    (define-key map [mode-line mouse-1] #'sendonce-outbox)
    map)
  "Keymap of the mark in the mode line.")

(defun sendonce-notify--mark (unsent doubt)
  "Return the mark in the mode line for UNSENT entries and DOUBT in doubt."
  (if (and (zerop unsent) (zerop doubt))
      ""
    (propertize (concat " Mail:"
                        (unless (zerop unsent) (number-to-string unsent))
                        (unless (zerop doubt) (format "?%d" doubt)))
                'face (if (zerop doubt) 'mode-line-emphasis 'warning)
                'help-echo "Mail not sent yet, ? in doubt; \
mouse-1: show the outbox"
                'mouse-face 'mode-line-highlight
                'local-map sendonce-notify--map)))

(defvar sendonce-notify-functions nil
  "Functions called, without arguments, when the outbox has changed.")

(defun sendonce-notify-update ()
  "Bring all views of the outbox up to date, the mode line first."
  (when (sendonce-engine-p)
    (pcase-let ((`(,unsent ,doubt . ,_)
                 (sendonce--mod-tally (sendonce-engine-p))))
      (setq sendonce-notify-mode-line
            (sendonce-notify--mark unsent doubt))))
  (force-mode-line-update t)
  (run-hooks 'sendonce-notify-functions))

(defun sendonce-notify-start ()
  "Put the mark into the mode line."
  (let ((entry '(:eval sendonce-notify-mode-line)))
    (unless global-mode-string
      (setq global-mode-string '("")))
    (unless (member entry global-mode-string)
      (setq global-mode-string
            (append (ensure-list global-mode-string) (list entry)))))
  (sendonce-notify-update))

(provide 'sendonce-notify)

;;; sendonce-notify.el ends here
