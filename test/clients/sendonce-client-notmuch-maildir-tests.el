;;; sendonce-client-notmuch-maildir-tests.el --- notmuch, its files  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; notmuch with its real command on a Maildir and a database of the
;; test's own.  It tags the message replied to, and the draft it saved as
;; deleted, in `message-send-hook': before anything is sent, whoever
;; sends, and whether or not that succeeds.

;;; Code:

(require 'sendonce-client-maildir)

(sendonce-client-add-package
 "notmuch" "/usr/share/emacs/site-lisp/elpa*/notmuch-*")
(require 'notmuch nil t)

(defvar notmuch-command)
(defvar notmuch-draft-id)
(defvar notmuch-fcc-dirs)
(defvar notmuch-identities)
(defvar notmuch-maildir-use-notmuch-insert)
(declare-function notmuch-draft-postpone "ext:notmuch-draft" t)
(declare-function notmuch-draft-save "ext:notmuch-draft" t)
(declare-function notmuch-mua-new-mail "ext:notmuch-mua" t)
(declare-function notmuch-mua-send-and-exit "ext:notmuch-mua" t)
(declare-function notmuch-show "ext:notmuch-show" t)
(declare-function notmuch-show-forward-message "ext:notmuch-show" t)
(declare-function notmuch-show-reply-sender "ext:notmuch-show" t)
(declare-function notmuch-show-resume-message "ext:notmuch-show" t)

;;;; The database

(defun sendonce-client-notmuch-run (&rest arguments)
  "Run notmuch with ARGUMENTS; return the lines it says."
  (with-temp-buffer
    (unless (eq 0 (apply #'call-process "notmuch" nil t nil arguments))
      (error "Command notmuch %s: %s" arguments (buffer-string)))
    (split-string (buffer-string) "\n" t)))

(defun sendonce-client-notmuch-index ()
  "Make the Maildir and the database of this test."
  (sendonce-client-make-maildir "inbox" "sent")
  (sendonce-test-write
   "notmuch-config"
   (format "[database]
path=%s
[user]
name=Me
primary_email=me@here.example
other_email=me@work.example
[new]
tags=inbox;
[search]
exclude_tags=deleted;
" (sendonce-test-file "Maildir")))
  (sendonce-client-notmuch-run "new"))

(defun sendonce-client-notmuch-kill ()
  "Kill the buffers of notmuch."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (or (derived-mode-p 'notmuch-message-mode 'notmuch-show-mode)
                (string-prefix-p "*notmuch" (buffer-name)))
        (set-buffer-modified-p nil)
        (kill-buffer)))))

(defmacro sendonce-client-notmuch-with (options &rest body)
  "Evaluate BODY with a peer that has OPTIONS, and notmuch."
  (declare (indent 1) (debug t))
  `(progn
     (skip-unless (featurep 'notmuch))
     (skip-unless (executable-find "notmuch"))
     (sendonce-test-with-peer ,options
       (let* ((sendonce-client-kit sendonce-client-notmuch-kit)
              (process-environment
               (cons (concat "NOTMUCH_CONFIG="
                             (sendonce-test-file "notmuch-config"))
                     process-environment))
              (notmuch-fcc-dirs "sent -inbox")
              (message-kill-buffer-on-exit t)
              (message-signature nil)
              (user-full-name "Me"))
         (sendonce-client-notmuch-index)
         (unwind-protect
             (save-window-excursion ,@body)
           (sendonce-client-notmuch-kill))))))

;;;; What its user does

(defun sendonce-client-notmuch-compose (fields body)
  "Begin a draft with the header FIELDS and BODY."
  (notmuch-mua-new-mail)
  (sendonce-client-fill fields body))

(defun sendonce-client-notmuch-reply (body)
  "Begin a reply with BODY to the message in the inbox."
  (notmuch-show "id:parent@there.example")
  (notmuch-show-reply-sender)
  (sendonce-client-fill nil body))

(defun sendonce-client-notmuch-forward (body)
  "Begin to forward the message in the inbox with BODY."
  (notmuch-show "id:parent@there.example")
  (notmuch-show-forward-message)
  (message-goto-body)
  (insert body)
  (sendonce-client-fill '(("To" . "other@there.example"))
                        (buffer-substring (point) (point-max))))

(defun sendonce-client-notmuch-drafts ()
  "Return the files of the drafts that are not tagged deleted."
  (sendonce-client-notmuch-run "search" "--output=files" "--exclude=false"
                               "tag:draft and not tag:deleted"))

(defun sendonce-client-notmuch-flags ()
  "Return the tags of the message in the inbox."
  (sendonce-client-notmuch-run "search" "--output=tags"
                               "id:parent@there.example"))

(defconst sendonce-client-notmuch-kit
  (make-sendonce-client-kit
   :compose #'sendonce-client-notmuch-compose
   :reply #'sendonce-client-notmuch-reply
   :forward #'sendonce-client-notmuch-forward
   :send #'notmuch-mua-send-and-exit
   :settle #'ignore
   :sent (lambda () (sendonce-client-files "sent"))
   :drafts #'sendonce-client-notmuch-drafts
   :flags #'sendonce-client-notmuch-flags
   :replied "replied" :forwarded '("forwarded") :early t))

;;;; Tests

(ert-deftest sendonce-client-notmuch-reply ()
  (sendonce-client-notmuch-with ()
    (sendonce-client-check-reply)))

(ert-deftest sendonce-client-notmuch-forward ()
  (sendonce-client-notmuch-with ()
    (sendonce-client-check-forward)))

(ert-deftest sendonce-client-notmuch-refused ()
  (sendonce-client-notmuch-with (:scenario sendonce-client-refusal)
    (sendonce-client-check-refused)))

(ert-deftest sendonce-client-notmuch-wrong-tls ()
  (sendonce-client-notmuch-with ("--tls" "starttls")
    (sendonce-client-check-wrong-tls)))

(ert-deftest sendonce-client-notmuch-sign-in ()
  (sendonce-client-notmuch-with ("--user" "alice:right" "--require-auth")
    (sendonce-client-check-sign-in)))

(ert-deftest sendonce-client-notmuch-offline ()
  (sendonce-client-notmuch-with ()
    (sendonce-client-check-offline)))

(ert-deftest sendonce-client-notmuch-hooks ()
  (sendonce-client-notmuch-with ()
    (sendonce-client-check-hooks)))

(ert-deftest sendonce-client-notmuch-files-itself ()
  "Without notmuch insert."
  (sendonce-client-notmuch-with ()
    (let ((notmuch-maildir-use-notmuch-insert nil)
          (notmuch-fcc-dirs "sent"))
      (sendonce-client-check-reply))))

(ert-deftest sendonce-client-notmuch-files-nothing ()
  (sendonce-client-notmuch-with ()
    (let ((notmuch-fcc-dirs nil))
      (should-not (sendonce-client-check-new '(("To" . "you@there.example"))
                                             "Not filed.\n"))
      (should (= 1 (length (sendonce-test-accepted))))
      (sendonce-client-check-filed 0))))

(ert-deftest sendonce-client-notmuch-filing-fails ()
  "The folder is missing, and the user would rather not say what now."
  (sendonce-client-notmuch-with ()
    (let ((ask (symbol-function 'read-char-choice)))
      (sendonce-client-check-filing
       (lambda ()
         (delete-directory (sendonce-client-folder "sent") t)
         (fset 'read-char-choice (lambda (&rest _) (error "Quit"))))
       (lambda ()
         (fset 'read-char-choice ask)
         (sendonce-client-make-maildir "sent"))))))

(ert-deftest sendonce-client-notmuch-filing-creates ()
  "The folder is missing, and the user has it created when asked."
  (sendonce-client-notmuch-with ()
    (delete-directory (sendonce-client-folder "sent") t)
    (cl-letf (((symbol-function 'read-char-choice) (lambda (&rest _) ?c)))
      (sendonce-client-check-reply))))

;;; sendonce-client-notmuch-maildir-tests.el ends here
