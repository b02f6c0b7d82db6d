;;; sendonce-remedy.el --- Mending the set-up  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns changes to the user's set-up that the user has said yes to: which
;; change mends what (pure), and how it is made, in `sendonce-accounts' or
;; in the smtpmail-* variables, whichever the account comes from.  Submit
;; offers a change when a send has failed for it, the doctor as a button.
;;
;; What Customize has saved is saved by Customize again.  A setting in an
;; init file cannot be edited safely: it is changed for this session, and
;; the form to put there is shown.

;;; Code:

(require 'sendonce)
(require 'sendonce-account)
(require 'cl-lib)
(require 'subr-x)

;;;; What mends what

(defconst sendonce-remedy--table
  '((not-tls nil (:tls starttls) "greets in the clear: it wants STARTTLS")
    (implicit-tls nil (:tls implicit) "speaks TLS from the start")
    (auth-unavailable "only under TLS" (:tls starttls)
                      "offers sign-in only under TLS"))
  "List of (CAUSE REGEXP CHANGES WORDS): how a port wants to be spoken to.
REGEXP, if not nil, must match what was said.")

(defun sendonce-remedy-for (cause text)
  "Return (CHANGES . WORDS) of what mends CAUSE, said in TEXT; or nil.
CHANGES is a plist of keys as in `sendonce-accounts'."
  (pcase (cl-find-if (lambda (row)
                       (and (eq cause (car row))
                            (or (null (nth 1 row))
                                (string-match-p (nth 1 row) (or text "")))))
                     sendonce-remedy--table)
    (`(,_ ,_ ,changes ,words) (cons changes words))))

;;;; Names of settings

(defconst sendonce-remedy--smtpmail
  '((:host . smtpmail-smtp-server)
    (:port . smtpmail-smtp-service)
    (:tls . smtpmail-stream-type)
    (:user . smtpmail-smtp-user))
  "Alist of (KEY . VARIABLE) for what smtpmail can say, too.")

(defun sendonce-remedy--smtpmail-value (key value)
  "Return what smtpmail has in place of VALUE of KEY."
  (if (eq key :tls)
      (pcase value
        ('implicit 'ssl)
        ('starttls 'starttls)
        ((or 'auto 'opportunistic) nil)
        ('nil 'plain))
    value))

(defun sendonce-remedy--smtpmail-p (changes)
  "Return non-nil if smtpmail's variables can say all of CHANGES."
  (cl-loop for (key _) on changes by #'cddr
           always (assq key sendonce-remedy--smtpmail)))

(defun sendonce-remedy-words (changes)
  "Return CHANGES as the user would write them: \":tls starttls\"."
  (cl-loop for (key value) on changes by #'cddr
           collect (format "%s %S" key value) into words
           finally return (string-join words " ")))

;;;; Making a change

(defun sendonce-remedy--quoted (value)
  "Return VALUE as it is written in a form."
  (if (or (keywordp value) (memq value '(nil t)) (not (or (symbolp value)
                                                          (consp value))))
      (format "%S" value)
    (format "'%S" value)))

(defun sendonce-remedy-set (variable value)
  "Set VARIABLE to VALUE; return the form that the init file wants, or nil.
nil: Customize has saved it."
  (set variable value)                  ; where it is buffer-local or bound
  (cond ((and (get variable 'saved-value)
              (ignore-errors (customize-save-variable variable value) t))
         nil)
        (t (set-default-toplevel-value variable value)
           (format "(setq %s %s)" variable
                   (sendonce-remedy--quoted value)))))

(defun sendonce-remedy--account (account changes)
  "Return ACCOUNT with CHANGES made."
  (let ((account (copy-sequence account)))
    (cl-loop for (key value) on changes by #'cddr
             do (setq account (plist-put account key value)))
    account))

(defun sendonce-remedy--change-account (account changes)
  "Make CHANGES to ACCOUNT, one of `sendonce-accounts'.
Return the form for the init file, or nil."
  (let ((changed (sendonce-remedy--account account changes)))
    (and (sendonce-remedy-set
          'sendonce-accounts
          (mapcar (lambda (each) (if (eq each account) changed each))
                  sendonce-accounts))
         (format "%S in `sendonce-accounts'" changed))))

(defun sendonce-remedy--change-smtpmail (changes)
  "Make CHANGES to the smtpmail-* variables.
Return the form for the init file, or nil."
  (require 'smtpmail)
  (let ((forms (cl-loop for (key value) on changes by #'cddr
                        collect (sendonce-remedy-set
                                 (cdr (assq key sendonce-remedy--smtpmail))
                                 (sendonce-remedy--smtpmail-value key value)))))
    (and (delq nil forms)
         (string-join (delq nil forms) " "))))

(defun sendonce-remedy--add-account (settings changes)
  "Make the account of the text SETTINGS, with CHANGES, one of our own.
For what the smtpmail-* variables cannot say.  Return the form for the
init file, or nil."
  (let ((account (sendonce-remedy--account
                  (sendonce-account-from-settings settings) changes)))
    (and (sendonce-remedy-set 'sendonce-accounts
                              (append sendonce-accounts (list account)))
         (format "(add-to-list 'sendonce-accounts '%S)" account))))

(defun sendonce-remedy-apply (name settings changes)
  "Make CHANGES, a plist, to the account NAME with the text SETTINGS.
They hold for this session at once; if Customize had saved the option,
or saves it now, for later ones, too.  Return the form that the user
must put into the init file, or nil if there is no need to."
  (let ((account (sendonce-account-named name)))
    (cond (account (sendonce-remedy--change-account account changes))
          ((sendonce-remedy--smtpmail-p changes)
           (sendonce-remedy--change-smtpmail changes))
          (t (sendonce-remedy--add-account settings changes)))))

(defun sendonce-remedy-tell (form)
  "Tell the user that FORM, if not nil, belongs into the init file."
  (if form
      (message "Changed for this session; to keep it, write in your init \
file: %s" form)
    (message "Changed and saved")))

(provide 'sendonce-remedy)

;;; sendonce-remedy.el ends here
