;;; sendonce-submit.el --- One submission, from buffer to outcome  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the acting half of DESIGN.md's two tables: what is done when the
;; same message comes again (sendonce-identity.el decides, here it is
;; done, with prompts, or signals in batch), and what the send function
;; returns, asks or signals for each outcome.  `sendonce-send-it' and its
;; like call `sendonce-submit-buffer'.
;;
;; Mail clients take a return as "it is safe now" and a signal as "the
;; draft stays".  So it returns only if the message is sent, or durable in
;; the outbox and nothing is known against it.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-account)
(require 'sendonce-compose)
(require 'sendonce-identity)
(require 'sendonce-dispatch)
(require 'sendonce-spool)
(require 'sendonce-wait)
(require 'sendonce-notify)
(require 'sendonce-advice)
(require 'sendonce-credential)
(require 'sendonce-remedy)
(require 'cl-lib)
(require 'seq)

(declare-function sendonce--mod-enqueue "ext:sendonce-module"
                  (engine submission message))
(declare-function sendonce--mod-entries "ext:sendonce-module" (engine id))
(declare-function sendonce--mod-find "ext:sendonce-module"
                  (engine draft fingerprint))
(declare-function sendonce--mod-flush "ext:sendonce-module" (engine id))
(declare-function sendonce--mod-settle "ext:sendonce-module"
                  (engine id from to))

(cl-defstruct (sendonce-submission (:copier nil))
  "A letter on its way: its account and settings, and what identifies it."
  letter account settings draft fingerprint)

;;;; Signals

(defun sendonce-submit--signal (condition text &optional entry)
  "Signal CONDITION with TEXT and what is known of ENTRY."
  (sendonce-submit--echo text)
  (signal condition
          (cons text
                (and entry
                     (list :cause (sendonce-advice--cause
                                   (plist-get entry :cause))
                           :phase (plist-get entry :phase)
                           :reply (plist-get entry :reply)
                           :hint (sendonce-advice-for-entry entry)
                           :id (plist-get entry :id))))))

(defun sendonce-submit--echo (text)
  "Show TEXT when the command that sends is over.
Mail clients end with a message of their own, and the command loop
shows an error with all its data."
  (unless noninteractive
    (run-at-time 0 nil (lambda ()
                         (let ((message-log-max nil))
                           (message "%s" text))))))

(defun sendonce-submit--say (text)
  "Tell the user TEXT, now and when the command that sends is over."
  (message "%s" text)
  (sendonce-submit--echo text))

;;;; Asking

(defun sendonce-submit--ask (prompt choices)
  "Ask PROMPT; return the value of what is chosen of CHOICES.
CHOICES are lists (KEY NAME DESCRIPTION VALUE).  Quitting gives nil."
  (condition-case nil
      (let ((key (car (read-multiple-choice
                       prompt
                       (mapcar (lambda (choice) (seq-take choice 3))
                               choices)))))
        (nth 3 (assq key choices)))
    (quit nil)))

(defun sendonce-submit--about (entry)
  "Return what is known of ENTRY whose outcome is in doubt: a sentence."
  (format "%s went to %s at %s (Message-ID %s), and the line broke before \
the server answered"
          (sendonce-notify-subject entry)
          (or (sendonce-account-setting (or (plist-get entry :settings) "")
                                        "host")
              (plist-get entry :account))
          (sendonce-notify-when (or (plist-get entry :last-try)
                                    (plist-get entry :created)))
          (plist-get entry :message-id)))

(defun sendonce-submit--leave-in-doubt (entry)
  "Signal that ENTRY stays in doubt."
  (sendonce-submit--signal
   'sendonce-in-doubt
   (format "In doubt: %s.  It is not sent again by itself; look whether it \
arrived, then M-x sendonce-resolve" (sendonce-submit--about entry))
   entry))

;;;; New entries

(defun sendonce-submit--enqueue (submission &optional recipients)
  "Put SUBMISSION into the outbox, for RECIPIENTS if given; return the id.
A quit in here counts in the wait that follows: the entry is durable."
  (let* ((letter (sendonce-submission-letter submission))
         (spool (and (sendonce-letter-large-p letter)
                     (sendonce-identity-spool letter)))
         (engine (sendonce-engine))
         (inhibit-quit t)
         (what (vector (sendonce-account-name
                        (sendonce-submission-account submission))
                       (sendonce-submission-settings submission)
                       (sendonce-letter-sender letter)
                       (or recipients (sendonce-letter-recipients letter))
                       (sendonce-letter-message-id letter)
                       (sendonce-letter-subject letter)
                       (sendonce-submission-draft submission)
                       (sendonce-submission-fingerprint submission))))
    (prog1
        (if spool
            (sendonce-spool-store what spool)
          (sendonce--mod-enqueue engine what (sendonce-letter-bytes letter)))
      (setf (sendonce-letter-spool letter) nil)
      (sendonce-notify-update)
      (setq sendonce-wait-quit (and quit-flag t)
            quit-flag nil))))

;;;; Actions, one for each in `sendonce-identity--table'

;; Each gets SUBMISSION and the earlier ENTRY, and returns one of
;; (wait ID ATTEMPTS)  wait for the end of an attempt at ID
;; (done ID)           nothing is left to do
;; (again)             the earlier entry has changed: decide anew

(defun sendonce-submit--new (submission _entry)
  "Enqueue SUBMISSION."
  (list 'wait (sendonce-submit--enqueue submission) 0))

(defun sendonce-submit--already (_submission entry)
  "Say that ENTRY went out, and do nothing."
  (sendonce-submit--say
   (format "Not sent again: this message went out %s (%s)"
           (sendonce-notify-ago (or (plist-get entry :last-try)
                                    (plist-get entry :created)))
           (sendonce-notify-addresses
            (sendonce-notify-recipients entry 'sent))))
  (list 'done (plist-get entry :id)))

(defun sendonce-submit--ask-again (submission entry)
  "Ask whether SUBMISSION is to go out though it is identical to ENTRY."
  (let ((text (format "An identical message went out %s"
                      (sendonce-notify-ago
                       (or (plist-get entry :last-try)
                           (plist-get entry :created))))))
    (if (and (not noninteractive)
             (y-or-n-p (concat text "; send again? ")))
        (sendonce-submit--new submission entry)
      (sendonce-submit--signal
       'sendonce-error (concat "Not sent: " (downcase (substring text 0 1))
                               (substring text 1))
       entry))))

(defun sendonce-submit--join (_submission entry)
  "Try ENTRY now and wait for it."
  (let ((id (plist-get entry :id)))
    (sendonce--mod-flush (sendonce-engine) id)
    (list 'wait id (sendonce-submit--attempts-before entry))))

(defun sendonce-submit--attempts-before (entry)
  "Return after how many attempts at ENTRY the next one to end is new.
One that runs now counts already."
  (if (eq (plist-get entry :state) 'sending)
      (1- (plist-get entry :attempts))
    (plist-get entry :attempts)))

(defun sendonce-submit--settle (entry from to)
  "Settle the recipients of ENTRY that are FROM, a state, as TO."
  (sendonce--mod-settle (sendonce-engine) (plist-get entry :id) from to))

(defun sendonce-submit--rest (submission entry)
  "Try those recipients of ENTRY that have not got it.
SUBMISSION says the same, and its account as it is now is used."
  (dolist (state '(failed cancelled))
    (sendonce-submit--settle entry state 'queued))
  (sendonce-dispatch-use-settings
   (plist-get entry :id) (sendonce-submission-settings submission))
  (sendonce-submit--join submission entry))

(defun sendonce-submit--withdraw (entry)
  "Withdraw what is left of ENTRY; return nil if some is just going out."
  (sendonce-dispatch-withdraw (plist-get entry :id)))

(defun sendonce-submit--replace (submission entry)
  "Withdraw ENTRY, which nobody has, and enqueue SUBMISSION.
If ENTRY has just gone too far, its end is waited for first."
  (if (sendonce-submit--withdraw entry)
      (sendonce-submit--new submission entry)
    (sendonce-submit--outlast entry)
    '(again)))

(defun sendonce-submit--outlast (entry)
  "Wait for ENTRY, which is beyond the commit point; signal if it lasts."
  (let ((id (plist-get entry :id)))
    (unless (sendonce-wait-for id (sendonce-submit--attempts-before entry))
      (sendonce-submit--signal
       'sendonce-error
       "Not sent: the earlier version of this message is just going out; \
try again in a moment"
       entry))))

(defun sendonce-submit--left (submission)
  "Return the recipients of SUBMISSION that have no version of it yet."
  (let ((holders (mapcar #'sendonce-recipient--key
                         (sendonce-identity-holders
                          (sendonce-submission-draft submission)
                          (sendonce--mod-entries (sendonce-engine) nil)))))
    (seq-remove (lambda (address)
                  (member (sendonce-recipient--key address) holders))
                (sendonce-letter-recipients
                 (sendonce-submission-letter submission)))))

(defun sendonce-submit--whom (submission left)
  "Ask whom SUBMISSION is to go to: `left' or `all'; LEFT are those left."
  (unless noninteractive
    (sendonce-submit--ask
     "An earlier version of this message went out to some.  Send this one to"
     (append
      (and left
           `((?l "those left" ,(format "Only to %s, who have no version yet"
                                       (string-join left ", "))
                 left)))
      `((?a "all" ,(string-join (sendonce-letter-recipients
                                 (sendonce-submission-letter submission))
                                ", ")
            all)
        (?n "nobody" "Send nothing; the draft stays" nil))))))

(defun sendonce-submit--ask-whom (submission entry)
  "Ask whom to send SUBMISSION to, as some have ENTRY, an earlier version."
  (let* ((left (sendonce-submit--left submission))
         (whom (sendonce-submit--whom submission left)))
    (cond ((null whom)
           (sendonce-submit--signal
            'sendonce-error
            (format "Not sent: an earlier version of this message went out \
to %s" (sendonce-notify-addresses (sendonce-notify-recipients entry 'sent)))
            entry))
          ((not (sendonce-submit--withdraw entry))
           (sendonce-submit--outlast entry)
           '(again))
          (t (list 'wait
                   (sendonce-submit--enqueue submission
                                             (and (eq whom 'left) left))
                   0)))))

(defun sendonce-submit--doubt (entry choices)
  "Ask what became of ENTRY; act on what is chosen of CHOICES.
Each is (KEY NAME DESCRIPTION FUNCTION); FUNCTION gets ENTRY."
  (let ((choice (unless noninteractive
                  (sendonce-submit--ask
                   (concat (sendonce-submit--about entry) ".  What now?")
                   choices))))
    (funcall (or choice #'sendonce-submit--leave-in-doubt) entry)))

(defun sendonce-submit--mark-sent (entry)
  "Mark ENTRY as sent, on the user's word; decide anew what is left."
  (sendonce-submit--settle entry 'in-doubt 'sent)
  (sendonce-notify-update)
  '(again))

(defun sendonce-submit--resend (entry)
  "Send the very bytes of ENTRY again, on the user's word."
  (sendonce-submit--settle entry 'in-doubt 'queued)
  (sendonce-submit--join nil entry))

(defun sendonce-submit--drop (entry)
  "Count ENTRY as gone nowhere, on the user's word; decide anew."
  (sendonce-submit--settle entry 'in-doubt 'cancelled)
  '(again))

(defconst sendonce-submit--doubt-leave
  '(?l "leave it" "Send nothing; it stays in doubt, and the draft stays"
       sendonce-submit--leave-in-doubt)
  "The choice to do nothing about what is in doubt.")

(defconst sendonce-submit--doubt-sent
  '(?s "mark as sent" "It arrived, or may be taken to have arrived"
       sendonce-submit--mark-sent)
  "The choice to take what is in doubt for sent.")

(defun sendonce-submit--ask-doubt (_submission entry)
  "Ask what became of ENTRY, the same message."
  (sendonce-submit--doubt
   entry
   (list sendonce-submit--doubt-sent
         '(?r "resend" "Send the same bytes again, same Message-ID: \
receivers that drop repeats can"
              sendonce-submit--resend)
         sendonce-submit--doubt-leave)))

(defun sendonce-submit--ask-doubt-changed (_submission entry)
  "Ask what became of ENTRY, an earlier version of this draft."
  (sendonce-submit--doubt
   entry
   (list sendonce-submit--doubt-sent
         '(?n "not sent" "The earlier version went nowhere: send this one"
              sendonce-submit--drop)
         sendonce-submit--doubt-leave)))

(defconst sendonce-submit--actions
  '((new . sendonce-submit--new)
    (already . sendonce-submit--already)
    (ask-again . sendonce-submit--ask-again)
    (join . sendonce-submit--join)
    (rest . sendonce-submit--rest)
    (replace . sendonce-submit--replace)
    (ask-whom . sendonce-submit--ask-whom)
    (ask-doubt . sendonce-submit--ask-doubt)
    (ask-doubt-changed . sendonce-submit--ask-doubt-changed))
  "Alist of (ACTION . FUNCTION).")

(defun sendonce-submit--decide (submission)
  "Return (ACTION . ENTRY) for SUBMISSION as the outbox is now."
  (let* ((draft (sendonce-submission-draft submission))
         (fingerprint (sendonce-submission-fingerprint submission))
         (engine (sendonce-engine))
         (found (sendonce--mod-find engine draft fingerprint)))
    (if (or (car found) (cdr found))
        (sendonce-identity-decide
         draft fingerprint (sendonce--mod-entries engine nil))
      '(new))))

(defun sendonce-submit--act (submission)
  "Do what SUBMISSION's history asks for; return (wait ID ATTEMPTS) or (done ID)."
  (let ((step '(again)))
    (while (equal step '(again))
      (pcase-let ((`(,action . ,entry) (sendonce-submit--decide submission)))
        (setq step (funcall (alist-get action sendonce-submit--actions)
                            submission entry))))
    step))

;;;; Outcomes

;; Each gets ENTRY and returns one of
;; nil                 the send function may return
;; (wait ID ATTEMPTS)  something was done: wait again

(defun sendonce-submit--sent (entry)
  "Say that ENTRY is sent."
  (sendonce-submit--say (sendonce-notify-sent-line entry))
  nil)

(defun sendonce-submit--failed (entry)
  "Signal that ENTRY failed for somebody, unless it can be mended now."
  (or (sendonce-submit--offer-sign-in entry)
      (sendonce-submit--offer-remedy entry)
      (let ((sent (sendonce-notify-recipients entry 'sent))
            (waiting (sendonce-notify-recipients entry 'deferred 'queued)))
        (sendonce-submit--signal
         'sendonce-refused
         (concat
          "Not sent: "
          (sendonce-notify-with-remedy
           entry (sendonce-notify-reasons entry 'failed 'cancelled))
          (and sent (format ".  Sent to %s" (sendonce-notify-addresses sent)))
          (and waiting (format ".  Tried again for %s"
                               (sendonce-notify-addresses waiting))))
         entry))))

(defun sendonce-submit--wants-sign-in-p (entry)
  "Return non-nil if ENTRY failed because we did not sign in.
So servers say with 530, or by not carrying mail for strangers."
  (and (null (sendonce-account-setting (plist-get entry :settings) "user"))
       (not (sendonce-notify-recipients entry 'sent))
       (string-match-p "530\\b\\|\\b55[0-4]\\b.*relay"
                       (or (plist-get entry :reply) ""))))

(defun sendonce-submit--offer-sign-in (entry)
  "If ENTRY failed for lack of a sign-in, ask for a user and try again.
Return (wait ID ATTEMPTS), or nil if that is not it or the user quits."
  (when (and (not noninteractive) (sendonce-submit--wants-sign-in-p entry))
    (let* ((settings (plist-get entry :settings))
           (user (condition-case nil
                     (sendonce-credential-ask-user
                      (sendonce-account-setting settings "host")
                      (string-to-number
                       (sendonce-account-setting settings "port")))
                   (quit nil))))
      (when user
        (sendonce-submit--settle entry 'failed 'queued)
        (sendonce-dispatch-use-settings
         (plist-get entry :id)
         (sendonce-account-with settings "user" user))
        (sendonce-submit--join nil entry)))))

(defun sendonce-submit--remedy-question (entry changes words)
  "Return the question whether to make CHANGES, because of WORDS, for ENTRY."
  (let ((settings (plist-get entry :settings)))
    (format "Port %s of %s %s.  Set %s for the account %s and send again? "
            (sendonce-account-setting settings "port")
            (sendonce-account-setting settings "host")
            words
            (sendonce-remedy-words changes)
            (plist-get entry :account))))

(defun sendonce-submit--offer-remedy (entry)
  "If a change of the set-up mends what ENTRY failed for, offer it.
Return (wait ID ATTEMPTS), or nil if there is none or the user says no."
  (pcase-let ((`(,changes . ,words)
               (sendonce-remedy-for (sendonce-advice--cause
                                     (plist-get entry :cause))
                                    (plist-get entry :reply))))
    (when (and changes
               (not noninteractive)
               (not (sendonce-notify-recipients entry 'sent))
               (y-or-n-p (sendonce-submit--remedy-question
                          entry changes words)))
      (sendonce-submit--mend entry changes))))

(defun sendonce-submit--mend (entry changes)
  "Make CHANGES to the account of ENTRY and try it again.
Return (wait ID ATTEMPTS)."
  (let ((settings (plist-get entry :settings)))
    (sendonce-remedy-tell
     (sendonce-remedy-apply (plist-get entry :account) settings changes))
    (cl-loop for (key value) on changes by #'cddr
             do (setq settings (sendonce-account-with
                                settings (substring (symbol-name key) 1)
                                (format "%s" (or value "none")))))
    (sendonce-submit--settle entry 'failed 'queued)
    (sendonce-dispatch-use-settings (plist-get entry :id) settings)
    (sendonce-submit--join nil entry)))

(defun sendonce-submit--needs-user-p (entry)
  "Return non-nil if ENTRY was held up by a password nobody gave."
  (or (memq (plist-get entry :id) sendonce-dispatch--declined)
      (equal (format "%s" (plist-get entry :cause)) "declined")))

(defun sendonce-submit--secret-remedy (settings)
  "Return how to have a secret given for the account of the text SETTINGS."
  (let ((user (sendonce-account-setting settings "user")))
    (concat "Send again to be asked"
            (and user
                 (format ", or add \"%s\" to ~/.authinfo.gpg"
                         (sendonce-credential-line
                          (sendonce-account-setting settings "host")
                          (sendonce-account-setting settings "port")
                          user))))))

(defun sendonce-submit--declined (entry)
  "Withdraw ENTRY, for which the user gave no secret, and signal."
  (let* ((settings (plist-get entry :settings))
         (what (plist-get (car (sendonce-notify-recipients
                                entry 'deferred 'failed))
                          :reply)))
    (sendonce-submit--withdraw entry)
    (sendonce-notify-update)
    (sendonce-submit--signal
     (if noninteractive 'sendonce-config-error 'sendonce-refused)
     (format "Not sent: %s.  %s" (or what "no password was given")
             (sendonce-submit--secret-remedy settings))
     entry)))

(defun sendonce-submit--deferred (entry)
  "Say that ENTRY is deferred; in batch mode signal it."
  (cond ((sendonce-submit--needs-user-p entry)
         (sendonce-submit--declined entry))
        (noninteractive
         (sendonce-submit--signal
          'sendonce-deferred
          (sendonce-notify-with-remedy
           entry (sendonce-notify-deferred-line entry))
          entry))
        (t (sendonce-submit--say (sendonce-notify-deferred-line entry))
           nil)))

(defun sendonce-submit--in-doubt (entry)
  "Ask what became of ENTRY; in batch mode signal that it is in doubt."
  (let ((step (sendonce-submit--ask-doubt nil entry)))
    (if (equal step '(again))
        (list 'wait (plist-get entry :id) -1)
      step)))

(defun sendonce-submit--going (_entry)
  "Say that the send is in the background now."
  (sendonce-submit--say "sendonce: continuing in the background")
  nil)

(defun sendonce-submit--outcome (entry)
  "Act upon the outcome of ENTRY, nil if there is none yet.
Return nil if the send function may return, or (wait ID ATTEMPTS)."
  (let ((states (sendonce-identity-states entry)))
    (funcall
     (cond ((null entry) #'sendonce-submit--going)
           ((memq 'in-doubt states) #'sendonce-submit--in-doubt)
           ((or (memq 'failed states) (memq 'cancelled states))
            #'sendonce-submit--failed)
           ((memq 'deferred states) #'sendonce-submit--deferred)
           (t #'sendonce-submit--sent))
     entry)))

(defun sendonce-submit--follow (step)
  "Wait after STEP, (wait ID ATTEMPTS) or (done ID), until there is an outcome.
Return the id of the entry."
  (let ((id (nth 1 step)))
    (while (eq (car step) 'wait)
      (setq id (nth 1 step)
            step (sendonce-submit--outcome
                  (sendonce-wait-for id (nth 2 step)))))
    id))

;;;; The whole

(defvar-local message-sendonce-filed nil
  "Fingerprints of what was filed by Fcc from this draft.")

(defun sendonce-submit--file (submission)
  "File the copies that SUBMISSION's Fcc asks for, each content once."
  (let ((fingerprint (sendonce-submission-fingerprint submission)))
    (unless (member fingerprint message-sendonce-filed)
      (sendonce-compose-file-copies (sendonce-submission-letter submission))
      (push fingerprint message-sendonce-filed))))

(defun sendonce-submit--submission (letter own draft)
  "Return the submission of LETTER from the current buffer.
OWN is the account that the mail client itself describes, or nil; DRAFT
the identity of the draft."
  (sendonce-identity-steady letter)
  (let ((account (sendonce-account-for
                  (sendonce-letter-from letter)
                  (or (sendonce-account-of-method
                       (sendonce-letter-method letter))
                      own))))
    (make-sendonce-submission
     :letter letter
     :account account
     :settings (sendonce-account-settings account)
     :draft draft
     :fingerprint (sendonce-identity-fingerprint
                   letter (or (sendonce-identity-whole letter)
                              message-sendonce-draft-source)))))

(defun sendonce-submit-letter (letter &optional own)
  "Send LETTER, made of the current buffer; return its entry's id.
OWN is the account that the mail client itself describes, or nil.
Return or signal as DESIGN's table for the send function has it."
  (let* ((submission (sendonce-submit--submission
                      letter own (sendonce-identity-draft letter)))
         (id (sendonce-submit--follow (sendonce-submit--act submission))))
    (sendonce-submit--file submission)
    id))

(defun sendonce-submit-deposit (letter own draft)
  "Put LETTER into the outbox, unless it is there, and do not wait for it.
OWN is the account it names, or nil; DRAFT its identity.  Return non-nil
if the outbox has it.  Where an identical message has gone out before,
or may have, the user is asked; in batch mode the answer is no: nil."
  (let ((submission (sendonce-submit--submission letter own draft)))
    (pcase-let ((`(,action . ,entry) (sendonce-submit--decide submission)))
      (cond ((equal draft (plist-get entry :draft)) t)
            ((or (eq action 'new)
                 (and (not noninteractive)
                      (y-or-n-p
                       (format "%s: an identical message went to the outbox \
%s (%s); send this one? "
                               (sendonce-notify-subject entry)
                               (sendonce-notify-ago
                                (plist-get entry :created))
                               (plist-get entry :state)))))
             (sendonce-submit--enqueue submission)
             t)))))

(defun sendonce-submit-buffer ()
  "Send the message in the current buffer; the work of `sendonce-send-it'."
  (sendonce-submit-letter (sendonce-compose)))

(provide 'sendonce-submit)

;;; sendonce-submit.el ends here
