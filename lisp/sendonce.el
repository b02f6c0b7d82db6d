;;; sendonce.el --- Mail that goes out once  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors

;; Author: The sendonce authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: mail, comm
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce, which is free software: you can
;; redistribute it and/or modify it under the terms of the GNU General
;; Public License as published by the Free Software Foundation, either
;; version 3 of the License, or (at your option) any later version.

;;; Commentary:

;; sendonce sends mail from Emacs: never an automatic duplicate, never a
;; silent loss, never a frozen Emacs.  One line sets it up for
;; message-mode, Gnus, mail-mode, Rmail, mu4e and notmuch:
;;
;;     (setq send-mail-function #'sendonce-send-it)
;;
;; or `M-x sendonce-mode', which sets the send functions of whatever is
;; loaded and restores them when it is switched off.  What was sent, and
;; what was not and why, is in `M-x sendonce-outbox'; what was said to the
;; server, in `M-x sendonce-transcript'.
;;
;; This file owns the options, the error conditions, the functions that
;; mail clients call, and the minor mode.  Mail clients and the user call
;; it; every other file of the package requires it.  It never composes,
;; never asks, and never talks to the module: the work is autoloaded from
;; the file whose concern it is, so that loading this one costs nothing.

;;; Code:

(declare-function sendonce-submit-buffer "sendonce-submit" ())
(declare-function sendonce-identity-stamp "sendonce-identity" ())
(declare-function sendonce-identity-note-whole "sendonce-identity" ())
(declare-function sendonce-notify-update "sendonce-notify" ())
(declare-function smtpmail-send-it "smtpmail" ())
(declare-function message-field-value "message" (header &optional first-only))

(defvar message-send-mail-function)
(defvar message-this-is-mail)

(defconst sendonce-version "0.1.0"
  "Version of sendonce; the module must have the same.")

;;;; Options

(defgroup sendonce nil
  "Mail that goes out once."
  :group 'mail
  :link '(info-link "(sendonce)Top")
  :link '(emacs-commentary-link "sendonce")
  :link '(function-link sendonce-outbox)
  :prefix "sendonce-")

(defcustom sendonce-accounts nil
  "Accounts to send with: a list of property lists.
If it is nil, the variables `smtpmail-smtp-server' and the like are
honoured as they are.  Otherwise the first account whose `:from'
matches the From of the message is used, else the first one without
a `:from'.

`:name'       what it is called in the outbox; default: the host.
`:from'       an address, a domain, a regexp, or a list of those.
`:host'       the server.
`:port'       number or service name; default by `:tls'.
`:tls'        `implicit', `starttls', `auto' (default) or nil for none.
`:user'       sign in as this user; without it no sign-in.
`:auth'       mechanism or list of mechanisms to choose from.
`:tls-host'   name that the certificate must prove; default `:host'.
`:trust-files' files of certificate authorities trusted besides.
`:local-name' name to greet the server with.
`:timeout'    seconds that any phase may take, but the last reply.
`:keep-alive' seconds that a line is kept for another message, which
              then takes one round trip (60); nil or 0 for none.
`:window'     messages that may be on their way on one line without the
              server's word (1): so many would be in doubt, should the
              line break.
`:chunking', `:pipelining' nil not to use these extensions.
`:plain-sign-in' t to sign in with a plain-text mechanism, no TLS.
`:imap'       server that files sent mail, to be asked about what is in
              doubt: its name, or a list (:host NAME :port N :stream ssl
              :user USER :mailbox NAME).

The password comes from `auth-source', never from here."
  :type '(repeat
          (plist :tag "Account"
                 :options
                 ((:name (string :tag "Name"))
                  (:from (choice (string :tag "Address, domain or regexp")
                                 (repeat :tag "Any of" string)))
                  (:host (string :tag "Server"))
                  (:port (choice (integer :tag "Port number")
                                 (string :tag "Service name")))
                  (:tls (choice (const :tag "TLS from the start" implicit)
                                (const :tag "STARTTLS, required" starttls)
                                (const :tag "Find out" auto)
                                (const :tag "None" nil)))
                  (:user (string :tag "User"))
                  (:auth (choice (string :tag "Mechanism")
                                 (repeat :tag "Any of" string)))
                  (:tls-host (string :tag "Name in the certificate"))
                  (:trust-files (repeat :tag "Trusted authorities" file))
                  (:local-name (string :tag "Own name"))
                  (:timeout (number :tag "Seconds for a phase"))
                  (:keep-alive (number :tag "Seconds to keep the line"))
                  (:window (natnum :tag "Messages without the server's word"))
                  (:chunking (boolean :tag "Use CHUNKING"))
                  (:pipelining (boolean :tag "Use PIPELINING"))
                  (:plain-sign-in (boolean :tag "Sign in without TLS"))
                  (:imap (choice (string :tag "IMAP server of the sent mail")
                                 (plist :tag "IMAP server in full"))))))
  :link '(info-link "(sendonce)Accounts"))

(defcustom sendonce-preconnect t
  "Non-nil to open the line to the server while a draft is being written.
The send itself is one round trip then.  Only with `sendonce-mode', and
only where the password is at hand: nobody is asked for it.  An unused
line goes with its draft, or after five minutes; accounts whose
`:keep-alive' is nil have none."
  :type 'boolean)

(defcustom sendonce-directory (locate-user-emacs-file "sendonce/")
  "Directory that holds the outbox, `outbox.sqlite'.
Several Emacsen may share it; it must be on a local disk.  Takes
effect when the outbox is opened, at the first send."
  :type 'directory)

(defcustom sendonce-wait 5
  "Seconds to wait for the end of a send before it goes on unseen.
A number of seconds, t to wait for ever, nil not to wait at all.
While Emacs waits, \\[keyboard-quit] moves the send to the background.
In batch mode the end of one whole attempt is always waited for."
  :type '(choice (number :tag "Seconds")
                 (const :tag "For ever" t)
                 (const :tag "Not at all" nil)))

(defcustom sendonce-warn-after (* 4 60 60)
  "Seconds after which you are warned of a message still unsent.
The default is four hours.  nil: never."
  :type '(choice (integer :tag "Seconds") (const :tag "Never" nil)))

(defcustom sendonce-give-up-after (* 5 24 60 60)
  "Seconds after which a message that cannot be sent has failed.
The default is five days."
  :type '(integer :tag "Seconds"))

(defcustom sendonce-retry-schedule 'quadratic
  "When a deferred message is tried again.
`quadratic', or (quadratic C): at birth + (C + sqrt(age))^2 seconds,
age being that of the message at its last try; C is 10 seconds^(1/2)
unless given.  (constant SECONDS): always after that time.  A list of
numbers: after so many seconds each, the last one repeated.  A
function: called with three times in seconds since the epoch, of
birth, last try and now, it returns the time of the next try."
  :type '(choice (const :tag "Quadratic, C = 10" quadratic)
                 (list :tag "Quadratic" (const quadratic) (number :tag "C"))
                 (list :tag "Constant" (const constant)
                       (number :tag "Seconds"))
                 (repeat :tag "Intervals" (number :tag "Seconds"))
                 (function :tag "Function of birth, last try, now")))

(defcustom sendonce-retain-days 30
  "Days that settled entries and their transcripts stay in the outbox.
While an entry stays, the same message is not sent a second time
without asking.  nil: for ever.  What is in doubt always stays."
  :type '(choice (number :tag "Days") (const :tag "For ever" nil)))

(defvar sendonce-ended-functions nil
  "Functions called whenever an attempt at an entry has ended.
Each gets the entry, as `sendonce-entries' gives it; its :state may be
`deferred', and then another attempt follows.")

;;;; Errors

;; The data of each are (TEXT :cause SYM :phase SYM :reply STRING :hint
;; STRING :id N), where known: TEXT is all that the user need read.
(define-error 'sendonce-error "Mail not sent")
(define-error 'sendonce-refused "Mail refused" 'sendonce-error)
(define-error 'sendonce-deferred "Mail deferred" 'sendonce-error)
(define-error 'sendonce-in-doubt "Mail in doubt" 'sendonce-error)
(define-error 'sendonce-config-error "Mail set-up" 'sendonce-error)
(define-error 'sendonce-module-error "Mail module" 'sendonce-error)

;;;; What mail clients call

;;;###autoload
(defun sendonce-send-it ()
  "Send the message in the current buffer.
This is a value for `send-mail-function' and, as well, for
`message-send-mail-function'.  It returns when the message is sent or
safe in the outbox; otherwise it signals a `sendonce-error', and the
draft stays as it was."
  (sendonce--take-over)
  (when (sendonce--hook-is-ours-p)
    (run-hooks 'message-send-mail-hook))
  (sendonce--send))

;;;###autoload
(defun message-send-mail-with-sendonce ()
  "Send the message that `message-mode' prepared in the current buffer.
A value for `message-send-mail-function', and what a header
\"X-Message-SMTP-Method: sendonce\" calls."
  (sendonce--take-over)
  (run-hooks 'message-send-mail-hook)
  (sendonce--send))

(defun sendonce--send ()
  "Send the message in the current buffer, or have it queued.
Whoever set `smtpmail-queue-mail', as mu4e does, wants it to wait in
smtpmail's queue, which `smtpmail-send-queued-mail' sends through us."
  (if (bound-and-true-p smtpmail-queue-mail)
      (smtpmail-send-it)
    (sendonce-submit-buffer)))

(defun sendonce--hook-is-ours-p ()
  "Return non-nil if nobody has run `message-send-mail-hook' before us.
So it is where `message-mode' calls `sendonce-send-it' directly; by
way of `send-mail-function' it has run the hook itself."
  (and (bound-and-true-p message-this-is-mail)
       (eq (bound-and-true-p message-send-mail-function)
           #'sendonce-send-it)))

;;;; X-Message-SMTP-Method

;; message.el looks at this field, which `message-server-alist' and Gnus'
;; posting styles insert, before it calls the user's send function: "smtp
;; HOST PORT USER" goes to smtpmail, whoever sends else.  Where the user
;; sends with sendonce, the field is for us to honour.

(defun sendonce--user-sends-p ()
  "Return non-nil if mail of `message-mode' goes through sendonce."
  (memq (if (memq (bound-and-true-p message-send-mail-function)
                  '(nil message--default-send-mail-function
                        message-use-send-mail-function
                        message-send-mail-with-mailclient))
            (bound-and-true-p send-mail-function)
          message-send-mail-function)
        '(sendonce-send-it message-send-mail-with-sendonce)))

(defun sendonce--method-ours-p (method)
  "Return non-nil if METHOD, of X-Message-SMTP-Method, is for us to honour."
  (pcase (car (split-string (or method "")))
    ("sendonce" t)
    ("smtp" (sendonce--user-sends-p))))

(defun sendonce--multi-smtp (send)
  "Advice around `message-multi-smtp-send-mail', SEND.
What X-Message-SMTP-Method leaves to us goes out through us; the field
is still there then, for sendonce-account.el to read."
  (if (sendonce--method-ours-p (message-field-value "X-Message-SMTP-Method"))
      (message-send-mail-with-sendonce)
    (funcall send)))

(defun sendonce--send-queued (send)
  "Advice around `smtpmail-send-queued-mail', SEND: through us, if we send."
  (if (or (sendonce--user-sends-p)
          (eq (bound-and-true-p send-mail-function) #'sendonce-send-it))
      (sendonce-import-flush)
    (funcall send)))

(defvar sendonce--took-over nil
  "Non-nil once `sendonce--take-over' has seen to it.")

(defun sendonce--take-over ()
  "See to it that nothing bypasses us from now on where we are to send.
That is X-Message-SMTP-Method and smtpmail's queue."
  (unless sendonce--took-over
    (setq sendonce--took-over t)
    (with-eval-after-load 'message
      (when sendonce--took-over
        (advice-add 'message-multi-smtp-send-mail
                    :around #'sendonce--multi-smtp)))
    (with-eval-after-load 'smtpmail
      (when sendonce--took-over
        (advice-add 'smtpmail-send-queued-mail
                    :around #'sendonce--send-queued)))))

(defun sendonce--give-back ()
  "Undo `sendonce--take-over'."
  (setq sendonce--took-over nil)
  (advice-remove 'message-multi-smtp-send-mail #'sendonce--multi-smtp)
  (advice-remove 'smtpmail-send-queued-mail #'sendonce--send-queued))

;;;; The mode

(defconst sendonce--draft-hooks
  '(message-mode-hook mail-mode-hook wl-draft-mode-hook)
  "Hooks that run where a draft is being made.")

(defconst sendonce--send-hooks
  '(message-send-hook mail-send-hook wl-draft-send-hook)
  "Hooks that run in a draft when it is to be sent.")

(defun sendonce--hook-preconnect (change)
  "CHANGE (`add-hook' or `remove-hook') what opens lines ahead."
  (let ((early (and (eq change #'add-hook) '(-90))))
    (dolist (hook sendonce--draft-hooks)
      (funcall change hook #'sendonce-preconnect-draft))
    (dolist (hook sendonce--send-hooks)
      (apply change hook #'sendonce-preconnect-now early))))

(defvar sendonce--replaced nil
  "Alist of (VARIABLE . VALUE): what `sendonce-mode' has replaced.")

(defconst sendonce--send-functions
  '((simple send-mail-function sendonce-send-it)
    (message message-send-mail-function message-send-mail-with-sendonce)
    (wl-vars wl-draft-send-mail-function wl-draft-send-mail-with-sendonce))
  "List of (FEATURE VARIABLE FUNCTION): who sends, once FEATURE is there.")

(defun sendonce--replace (variable function)
  "Make FUNCTION the value of VARIABLE, remembering the old one.
Does nothing where `sendonce-mode' is off or has done so before."
  (when (and (bound-and-true-p sendonce-mode)
             (boundp variable)
             (not (assq variable sendonce--replaced)))
    (push (cons variable (symbol-value variable)) sendonce--replaced)
    (set variable function)))

(defun sendonce--restore ()
  "Give back what `sendonce-mode' replaced, unless changed since."
  (pcase-dolist (`(,_ ,variable ,function) sendonce--send-functions)
    (let ((old (assq variable sendonce--replaced)))
      (when (and old (eq (symbol-value variable) function))
        (set variable (cdr old)))))
  (setq sendonce--replaced nil))

(defun sendonce--install ()
  "Take over the send functions, of packages loaded now or later."
  (sendonce--take-over)
  (sendonce--hook-preconnect #'add-hook)
  (add-hook 'message-send-hook #'sendonce-identity-stamp 90)
  (with-eval-after-load 'wl-draft
    (when (bound-and-true-p sendonce-mode)
      (sendonce-wl-setup)))
  (add-hook 'message-send-mail-hook #'sendonce-identity-note-whole 90)
  (with-eval-after-load 'gnus-draft
    (require 'sendonce-gnus))
  (pcase-dolist (`(,feature ,variable ,function) sendonce--send-functions)
    (if (boundp variable)
        (sendonce--replace variable function)
      (with-eval-after-load feature
        (sendonce--replace variable function)))))

;;;###autoload
(define-minor-mode sendonce-mode
  "Send all mail through sendonce.
Sets `send-mail-function', `message-send-mail-function' and
`wl-draft-send-mail-function', of packages loaded now or later, and
restores them when switched off.  X-Message-SMTP-Method is honoured.
While anything is unsent the mode line says so."
  :global t
  :group 'sendonce
  (if sendonce-mode
      (sendonce--install)
    (sendonce--give-back)
    (sendonce--hook-preconnect #'remove-hook)
    (remove-hook 'message-send-hook #'sendonce-identity-stamp)
    (remove-hook 'message-send-mail-hook #'sendonce-identity-note-whole)
    (remove-hook 'wl-draft-send-hook 'sendonce-wl-stamp)
    (remove-hook 'mail-send-hook 'sendonce-wl-a-labels)
    (sendonce--restore))
  (when (featurep 'sendonce-notify)
    (sendonce-notify-update)))

;;;; Where the rest is

(autoload 'sendonce-submit-buffer "sendonce-submit")
(autoload 'sendonce-identity-stamp "sendonce-identity")
(autoload 'sendonce-wl-setup "sendonce-wl")
(autoload 'sendonce-preconnect-draft "sendonce-preconnect")
(autoload 'sendonce-preconnect-now "sendonce-preconnect")
;;;###autoload
(autoload 'wl-draft-send-mail-with-sendonce "sendonce-wl")
(autoload 'sendonce-import-smtpmail "sendonce-import" nil t)
(autoload 'sendonce-import-flush "sendonce-import")
(autoload 'sendonce-identity-note-whole "sendonce-identity")
(autoload 'sendonce-build-module "sendonce-engine" nil t)
(autoload 'sendonce-entries "sendonce-outbox")
(autoload 'sendonce-wait-idle "sendonce-wait")
(autoload 'sendonce-outbox "sendonce-outbox" nil t)
(autoload 'sendonce-flush "sendonce-outbox" nil t)
(autoload 'sendonce-retry "sendonce-outbox" nil t)
(autoload 'sendonce-cancel "sendonce-outbox" nil t)
(autoload 'sendonce-edit "sendonce-outbox" nil t)
(autoload 'sendonce-resolve "sendonce-outbox" nil t)
(autoload 'sendonce-doctor "sendonce-doctor-view" nil t)
(autoload 'sendonce-doctor-batch "sendonce-doctor")
(autoload 'sendonce-transcript "sendonce-transcript" nil t)
(autoload 'sendonce-transcript-string "sendonce-transcript")

(provide 'sendonce)

;;; sendonce.el ends here
