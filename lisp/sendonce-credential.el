;;; sendonce-credential.el --- User names and passwords  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the talk with auth-source and with the user about user names and
;; passwords.  Account asks it for a user at submission; dispatch hands
;; it the module's questions: in the foreground it may prompt, in the
;; background it must not, and batch Emacs never does.
;;
;; A password that the user typed is saved only after the server took it,
;; one that the server refused is forgotten and asked for anew.  Our own
;; copies are wiped as soon as they are answered with.  A password never
;; goes into a message, an error, or a variable that outlives the answer;
;; of a refused one a salted hash is kept, to know it when auth-source
;; gives the same again.

;;; Code:

(require 'sendonce)
(require 'auth-source)
(require 'epg)
(require 'seq)

;;;; State

(defvar sendonce-credential--salt (secure-hash 'sha256 (format "%S%S" (random t) (current-time)))
  "What the hashes of refused passwords are salted with; this Emacs only.")

(defvar sendonce-credential--given nil
  "Alist of ((HOST PORT USER) . HASH) of passwords last answered with.")

(defvar sendonce-credential--savers nil
  "Alist of ((HOST PORT USER) . FUNCTION) to save what is proven right.")

(defun sendonce-credential--hash (secret)
  "Return what is kept of SECRET to know it again."
  (secure-hash 'sha256 (concat sendonce-credential--salt
                               (encode-coding-string secret 'utf-8))))

(defun sendonce-credential--put (alist-symbol key value)
  "Set KEY in the alist in ALIST-SYMBOL to VALUE, nil to remove it."
  (setf (alist-get key (symbol-value alist-symbol) nil t #'equal) value))

;;;; Other holders of passwords

(defvar sendonce-password-functions nil
  "Functions that know passwords which `auth-source' does not have.
Each is called with WHAT, HOST, PORT and USER.  WHAT is `get', to
return the password or nil without asking anybody, or `forget', since
the server refused what it gave.")

(defun sendonce-credential--held (host port user)
  "Return the password of USER at HOST and PORT that somebody else holds."
  (let ((secret (run-hook-with-args-until-success
                 'sendonce-password-functions 'get host port user)))
    (sendonce-credential--usable (and secret (list :secret secret))
                                 (list host port user))))

;;;; Asking auth-source

(defun sendonce-credential--ports (port)
  "Return the names under which `auth-source' may know PORT, best first."
  (cons (number-to-string port)
        (append (pcase port
                  (25 '("smtp"))
                  (465 '("smtps" "submissions" "smtp"))
                  (587 '("submission" "smtp"))
                  (_ '("smtp"))))))

(defconst sendonce-credential--prompts
  '((user . "SMTP user name at %h")
    (secret . "SMTP password for %u@%h"))
  "What `auth-source' asks with; see `auth-source-creation-prompts'.")

(defun sendonce-credential--search (host port user &rest more)
  "Return the first entry for HOST, PORT and USER that `auth-source' has.
MORE are further arguments of `auth-source-search'.  That there was none
is not remembered: the user may add one any moment."
  (let* ((auth-source-creation-prompts sendonce-credential--prompts)
         (spec (append (list :max 1 :host host
                             :port (sendonce-credential--ports port))
                       (and user (list :user user))
                       more))
         (found (car (apply #'auth-source-search spec))))
    (unless found
      (auth-source-forget spec))
    found))

(defun sendonce-credential--secret (entry)
  "Return the secret of the `auth-source' ENTRY, or nil.
A token that a plugin put there may end in a newline; no password does."
  (let* ((secret (plist-get entry :secret))
         (text (if (functionp secret) (funcall secret) secret)))
    (and (stringp text)
         (replace-regexp-in-string "[\r\n]+\\'" "" text))))

(defun sendonce-credential--forget (host port user)
  "Make who remembers it forget the password of USER at HOST and PORT."
  (run-hook-with-args 'sendonce-password-functions 'forget host port user)
  (dolist (name (sendonce-credential--ports port))
    (auth-source-forget+ :host host :port name)))

;;;; The user's name

(defun sendonce-credential-user (host port required)
  "Return a plist of :user and :auth to sign in at HOST and PORT with.
nil if `auth-source' knows no user, and none is REQUIRED.  If one is,
the user is asked; in batch mode that is a `sendonce-config-error'."
  (let* ((entry (sendonce-credential--search host port nil))
         (user (or (plist-get entry :user)
                   (and required (sendonce-credential-ask-user host port)))))
    (and user
         (append (list :user user) (sendonce-credential--manner entry)))))

(defun sendonce-credential--manner (entry)
  "Return a plist of what the `auth-source' ENTRY says about the sign-in.
:auth is a mechanism, :client-key and :client-cert files or URIs."
  (let ((auth (or (plist-get entry :smtp-auth) (plist-get entry :auth)))
        (key (plist-get entry :key))
        (cert (plist-get entry :cert)))
    (append (and auth (list :auth (format "%s" auth)))
            (and key (list :client-key key))
            (and key cert (list :client-cert cert)))))

(defun sendonce-credential-manner (host port user quietly)
  "Return what `auth-source' says of how USER signs in at HOST and PORT.
See `sendonce-credential--manner'.  QUIETLY: ask nobody for a passphrase."
  (if quietly
      (sendonce-credential--without-asking
        (sendonce-credential-manner host port user nil))
    (sendonce-credential--manner
     (sendonce-credential--search host port user))))

(defmacro sendonce-credential--without-asking (&rest body)
  "Evaluate BODY; nil if it fails or would have to ask anybody.
A file encrypted with a key that is locked now counts as empty."
  (declare (indent 0) (debug t))
  `(let ((epg-pinentry-mode 'error)
         (inhibit-interaction t))
     (ignore-errors ,@body)))

(defun sendonce-credential-user-quietly (host port)
  "Return a plist of :user and :auth for HOST and PORT, or nil; never ask."
  (sendonce-credential--without-asking
    (sendonce-credential-user host port nil)))

(defun sendonce-credential-ask-user (host port)
  "Ask for the name to sign in with at HOST and PORT; return it."
  (when noninteractive
    (signal 'sendonce-config-error
            (list (format "%s wants a sign-in, and no user is known: add \
\"machine %s port %d login USER password PASSWORD\" to ~/.authinfo.gpg, \
or set `smtpmail-smtp-user'" host host port)
                  :cause 'auth-unavailable)))
  (let ((default (or user-mail-address (user-login-name))))
    (read-string (format-prompt "User name at %s" default host)
                 nil nil default)))

;;;; The password

(defun sendonce-credential--usable (entry key)
  "Return the secret of ENTRY unless it is the one refused for KEY."
  (let ((secret (and entry (sendonce-credential--secret entry))))
    (and secret
         (not (equal (sendonce-credential--hash secret)
                     (alist-get key sendonce-credential--given
                                nil nil #'equal)))
         secret)))

(defun sendonce-credential--lookup (host port user)
  "Return the secret `auth-source', or another, has for HOST, PORT and USER.
Never one that the server has just refused."
  (or (sendonce-credential--usable
       (sendonce-credential--search host port user :require '(:user :secret))
       (list host port user))
      (sendonce-credential--held host port user)))

(defun sendonce-credential--create (host port user)
  "Ask the user for a new password for USER at HOST and PORT.
It is saved, if the user wants, when the server has taken it."
  (let* ((entry (sendonce-credential--search
                 host port user :require '(:user :secret) :create t)))
    (sendonce-credential--put 'sendonce-credential--savers
                              (list host port user)
                              (plist-get entry :save-function))
    (sendonce-credential--usable entry (list host port user))))

(defun sendonce-credential--replace (host port user)
  "Ask for a password in place of the one refused for USER at HOST, PORT.
`auth-source' cannot replace what a file holds; that is for the user,
who is told after the server took the new one."
  (sendonce-credential--put
   'sendonce-credential--savers (list host port user)
   (lambda ()
     (message "The password of %s at %s that auth-source holds is out of \
date: change it there" user host)))
  (read-passwd (format "New SMTP password for %s@%s: " user host)))

(defun sendonce-credential--prompt (host port user refused)
  "Return a password for USER at HOST and PORT from the user, or nil.
REFUSED is non-nil if the server has refused one."
  (if (and refused
           (sendonce-credential--search host port user
                                        :require '(:user :secret)))
      (sendonce-credential--replace host port user)
    (sendonce-credential--create host port user)))

(defun sendonce-credential--quietly (host port user)
  "Return the secret for USER at HOST and PORT without asking anybody."
  (sendonce-credential--without-asking
    (sendonce-credential--lookup host port user)))

(defun sendonce-credential--find (host port user refused foreground)
  "Return the secret for USER at HOST and PORT, or nil.
REFUSED: the server refused the last one.  FOREGROUND: may ask the user."
  (cond ((and foreground (not noninteractive))
         (or (sendonce-credential--lookup host port user)
             (sendonce-credential--prompt host port user refused)))
        (noninteractive (sendonce-credential--lookup host port user))
        (t (sendonce-credential--quietly host port user))))

(defun sendonce-credential-secret (kind host port user reply foreground)
  "Return the secret of KIND for USER at HOST and PORT as UTF-8 bytes, or nil.
KIND is `password', `token' (for OAuth, which nobody can type), or
`key': the passphrase of a client key's file, or the PIN of its token,
whose name is USER.  REPLY is what was said to the last one, \"\" if
there was none.  If FOREGROUND is non-nil the user may be asked;
quitting gives nil.  The caller wipes what it gets, a copy of its own."
  (pcase kind
    ('key (sendonce-credential--key user reply foreground))
    ('token (sendonce-credential-password host port user reply nil))
    (_ (sendonce-credential-password host port user reply foreground))))

(defun sendonce-credential--key (name reply foreground)
  "Return what opens the client key NAME, or nil.
REPLY is \"\" unless the last answer was wrong.  FOREGROUND: may ask."
  (when (and foreground (not noninteractive))
    (condition-case nil
        (encode-coding-string
         (read-passwd (format "%sPIN or passphrase of %s: "
                              (if (string-empty-p reply) "" "Wrong.  ")
                              name))
         'utf-8)
      (quit nil))))

(defun sendonce-credential-password (host port user reply foreground)
  "Return the password for USER at HOST and PORT as UTF-8 bytes, or nil.
REPLY and FOREGROUND are as in `sendonce-credential-secret'."
  (let ((refused (not (string-empty-p reply)))
        (key (list host port user)))
    (if refused
        (progn
          (sendonce-credential--put 'sendonce-credential--savers key nil)
          (sendonce-credential--forget host port user))
      (sendonce-credential--put 'sendonce-credential--given key nil))
    (when (and refused foreground (not noninteractive))
      (message "%s refused the password of %s: %s" host user reply))
    (let ((secret (condition-case nil
                      (sendonce-credential--find host port user refused
                                                 foreground)
                    (quit nil))))
      (when secret
        (sendonce-credential--put 'sendonce-credential--given key
                                  (sendonce-credential--hash secret))
        (encode-coding-string secret 'utf-8)))))

(defun sendonce-credential-proven (host port user)
  "Note that USER has signed in at HOST and PORT: save what was typed.
Return non-nil if there was anything to save."
  (let* ((key (list host port user))
         (save (alist-get key sendonce-credential--savers nil nil #'equal)))
    (sendonce-credential--put 'sendonce-credential--savers key nil)
    (sendonce-credential--put 'sendonce-credential--given key nil)
    (when (functionp save)
      (funcall save)
      t)))

(defun sendonce-credential-line (host port user)
  "Return the line for USER at HOST and PORT to add to ~/.authinfo."
  (format "machine %s port %s login %s password PASSWORD" host port user))

(provide 'sendonce-credential)

;;; sendonce-credential.el ends here
