;;; sendonce-client-notmuch.el --- notmuch for the tests  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Starts Debian's notmuch over mail of the test's own, composes and sends
;; with its own commands, and looks at what it has left behind.

;;; Code:

(require 'sendonce-client)

(defvar notmuch-fcc-dirs)
(defvar notmuch-command)
(defvar notmuch-mua-user-agent-function)
(defvar notmuch-draft-folder)
(defvar notmuch-identities)
(declare-function notmuch-mua-new-mail "ext:notmuch-mua" t t)
(declare-function notmuch-mua-new-reply "ext:notmuch-mua" t t)
(declare-function notmuch-mua-send-and-exit "ext:notmuch-mua" t t)
(declare-function notmuch-draft-save "ext:notmuch-draft" ())
(declare-function notmuch-draft-postpone "ext:notmuch-draft" ())
(declare-function notmuch-draft-resume "ext:notmuch-draft" (id))

(defconst sendonce-client-notmuch-there
  (and (executable-find "notmuch")
       (sendonce-client-add-package
        "notmuch" "/usr/share/emacs/site-lisp/elpa/notmuch-*"
        "/usr/share/emacs/site-lisp/elpa-src/notmuch-*"))
  "Non-nil if notmuch is installed.")

(defconst sendonce-client-notmuch-question
  "From: Friend <friend@there.example>
To: me@here.example
Subject: Question
Message-ID: <question@there.example>
Date: Mon, 23 Nov 2026 10:00:00 +0000

What now?
"
  "A message to reply to.")

(defun sendonce-client-notmuch (&rest arguments)
  "Run notmuch with ARGUMENTS; return what it prints, without the last newline."
  (with-temp-buffer
    (unless (eq 0 (apply #'call-process "notmuch" nil '(t nil) nil arguments))
      (error "Command `notmuch %S' failed: %s" arguments (buffer-string)))
    (string-trim-right (buffer-string))))

(defun sendonce-client-notmuch--start ()
  "Make a Maildir with one message, and notmuch's database of it."
  (setenv "NOTMUCH_CONFIG"
          (sendonce-test-write "notmuch" (format "[database]
path=%s
[user]
name=Me
primary_email=me@here.example
" (sendonce-test-file "mail"))))
  (dolist (directory '("mail/inbox/cur" "mail/inbox/new" "mail/inbox/tmp"
                       "mail/sent/cur" "mail/sent/new" "mail/sent/tmp"))
    (make-directory (sendonce-test-file directory) t))
  (sendonce-test-write "mail/inbox/new/1.question"
                       sendonce-client-notmuch-question)
  (sendonce-client-notmuch "new" "--quiet")
  (require 'notmuch)
  (require 'notmuch-draft)
  (setq notmuch-fcc-dirs "sent +sent -inbox -unread"
        notmuch-draft-folder "drafts"))

(defmacro sendonce-client-notmuch-with-peer (options &rest body)
  "Evaluate BODY with notmuch, one message in its database, and a peer.
OPTIONS are as for `sendonce-test-with-peer'."
  (declare (indent 1) (debug t))
  `(progn
     (skip-unless sendonce-client-notmuch-there)
     (sendonce-test-with-peer ,options
       (let ((message-kill-buffer-on-exit t))
         (sendonce-client-notmuch--start)
         (save-window-excursion
           (unwind-protect
               (progn ,@body)
             (sendonce-client-notmuch--kill-drafts)))))))

(defun sendonce-client-notmuch-drafts ()
  "Return the buffers with drafts."
  (seq-filter (lambda (buffer)
                (with-current-buffer buffer
                  (derived-mode-p 'notmuch-message-mode)))
              (buffer-list)))

(defun sendonce-client-notmuch--kill-drafts ()
  "Kill the drafts that are left."
  (dolist (buffer (sendonce-client-notmuch-drafts))
    (with-current-buffer buffer
      (set-buffer-modified-p nil)
      (kill-buffer))))

(defun sendonce-client-notmuch-set (fields)
  "Fill FIELDS into the header of the draft."
  (pcase-dolist (`(,field . ,value) fields)
    (message-remove-header field)
    (message-goto-eoh)
    (beginning-of-line)
    (insert field ": " value "\n")))

(defun sendonce-client-notmuch-compose (fields body)
  "Begin a draft with the header FIELDS and BODY."
  (notmuch-mua-new-mail)
  (message-goto-body)
  (insert body)
  (message-remove-header "To")
  (sendonce-client-notmuch-set fields))

(defun sendonce-client-notmuch-send-draft ()
  "Send the draft in this buffer and leave it; return the error, or nil."
  (condition-case err
      (cl-letf (((symbol-function 'y-or-n-p) #'always))
        (notmuch-mua-send-and-exit)
        nil)
    (sendonce-error err)))

(defun sendonce-client-notmuch-send (fields body)
  "Write mail with the header FIELDS and BODY and send it."
  (sendonce-client-notmuch-compose fields body)
  (sendonce-client-notmuch-send-draft))

(defun sendonce-client-notmuch-filed ()
  "Return the messages in the folder sent, bytes."
  (mapcar #'sendonce-test-read
          (split-string (sendonce-client-notmuch
                         "search" "--output=files" "folder:sent")
                        "\n" t)))

(defun sendonce-client-notmuch-replied-p ()
  "Return non-nil if the question is tagged as replied to."
  (equal "1" (sendonce-client-notmuch
              "count" "id:question@there.example" "and" "tag:replied")))

(defconst sendonce-client-notmuch-hello
  '(("To" . "You <you@there.example>") ("Subject" . "Hello"))
  "The header of a simple message.")

(provide 'sendonce-client-notmuch)

;;; sendonce-client-notmuch.el ends here
