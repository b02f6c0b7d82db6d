;;; sendonce-client-mu4e.el --- mu4e for the tests  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Starts Debian's mu4e over mail of the test's own, composes and sends
;; with its own commands, and looks at what it has left behind.

;;; Code:

(require 'sendonce-client)

(defvar mu4e-mu-home)
(defvar mu4e-mu-binary)
(defvar mu4e-sent-folder)
(defvar mu4e-drafts-folder)
(defvar mu4e-trash-folder)
(defvar mu4e-sent-messages-behavior)
(defvar mu4e-confirm-quit)
(defvar mu4e-error-func)
(defvar mu4e-hide-index-messages)
(defvar mu4e-update-interval)
(defvar mu4e-compose-signature)
(declare-function mu4e "ext:mu4e" t t)
(declare-function mu4e-quit "ext:mu4e" t t)
(declare-function mu4e-running-p "ext:mu4e-server" ())
(declare-function mu4e-root-maildir "ext:mu4e-helpers" t t)
(declare-function mu4e-compose-new "ext:mu4e-compose" t t)

(defconst sendonce-client-mu4e-there
  (and (executable-find "mu")
       (sendonce-client-add-package
        "mu4e" "/usr/share/emacs/site-lisp/elpa/mu4e-*"
        "/usr/share/emacs/site-lisp/elpa-src/mu4e-*"
        "/usr/share/emacs/site-lisp/mu4e"))
  "Non-nil if mu4e is installed.")

(defconst sendonce-client-mu4e-question
  "From: Friend <friend@there.example>
To: me@here.example
Subject: Question
Message-ID: <question@there.example>
Date: Mon, 23 Nov 2026 10:00:00 +0000

What now?
"
  "A message to reply to.")

(defun sendonce-client-mu4e--mu (&rest arguments)
  "Run mu with ARGUMENTS."
  (with-temp-buffer
    (unless (eq 0 (apply #'call-process "mu" nil t nil arguments))
      (error "Command `mu %S' failed: %s" arguments (buffer-string)))))

(defun sendonce-client-mu4e-wait (what predicate)
  "Wait until PREDICATE returns non-nil, and return that; WHAT names it."
  (let ((deadline (+ (float-time) 30))
        result)
    (while (and (not (setq result (funcall predicate)))
                (< (float-time) deadline))
      (accept-process-output nil 0.1))
    (or result (error "In vain waited for: %s" what))))

(defun sendonce-client-mu4e--start ()
  "Make a Maildir and its index; start mu4e over them."
  (require 'mu4e)
  (dolist (folder '("inbox" "sent" "drafts" "trash"))
    (dolist (part '("cur" "new" "tmp"))
      (make-directory (sendonce-test-file (format "mail/%s/%s" folder part))
                      t)))
  (sendonce-test-write "mail/inbox/cur/1.question:2,S"
                       sendonce-client-mu4e-question)
  (setq mu4e-mu-home (sendonce-test-file "mu")
        mu4e-mu-binary (executable-find "mu")
        mu4e-sent-folder "/sent"
        mu4e-drafts-folder "/drafts"
        mu4e-trash-folder "/trash"
        mu4e-sent-messages-behavior 'sent
        mu4e-confirm-quit nil
        ;; Files may be gone before mu has read them; in batch mode an error
        ;; in its filter would end Emacs.
        mu4e-error-func (lambda (&rest err) (message "mu: %S" err))
        mu4e-hide-index-messages t
        mu4e-update-interval nil
        mu4e-compose-signature nil)
  (sendonce-client-mu4e--mu "init" "--muhome" mu4e-mu-home
                            "--maildir" (sendonce-test-file "mail")
                            "--my-address" "me@here.example")
  (sendonce-client-mu4e--mu "index" "--quiet" "--muhome" mu4e-mu-home)
  (mu4e 'background)
  (sendonce-client-mu4e-wait
   "the mu server"
   (lambda ()
     ;; What a server of an earlier test said is still there.
     (equal (ignore-errors (file-name-as-directory (mu4e-root-maildir)))
            (sendonce-test-file "mail/")))))

(defun sendonce-client-mu4e--stop ()
  "Quit mu4e, and wait for the end of the mu server: it still writes."
  (let ((servers (seq-filter (lambda (process)
                               (equal (list mu4e-mu-binary "server")
                                      (seq-take (process-command process) 2)))
                             (process-list))))
    (mu4e-quit)
    (sendonce-client-mu4e-wait
     "the end of mu" (lambda () (not (seq-some #'process-live-p servers))))))

(defmacro sendonce-client-mu4e-with-peer (options &rest body)
  "Evaluate BODY with mu4e, one message in its index, and a peer.
OPTIONS are as for `sendonce-test-with-peer'."
  (declare (indent 1) (debug t))
  `(progn
     (skip-unless sendonce-client-mu4e-there)
     (sendonce-test-with-peer ,options
       (require 'mu4e)
       (let ((message-kill-buffer-on-exit t)
             (message-fcc-handler-function message-fcc-handler-function)
             (user-full-name "Me")
             (inhibit-message t))
         (save-window-excursion
           (unwind-protect
               (progn (sendonce-client-mu4e--start) ,@body)
             (sendonce-client-mu4e--kill-drafts)
             (sendonce-client-mu4e--stop)))))))

(defun sendonce-client-mu4e-drafts ()
  "Return the buffers with drafts."
  (seq-filter (lambda (buffer)
                (with-current-buffer buffer
                  (derived-mode-p 'mu4e-compose-mode)))
              (buffer-list)))

(defun sendonce-client-mu4e--kill-drafts ()
  "Kill the drafts that are left."
  (dolist (buffer (sendonce-client-mu4e-drafts))
    (with-current-buffer buffer
      (set-buffer-modified-p nil)
      (kill-buffer))))

(defun sendonce-client-mu4e--draft ()
  "Wait for the draft that mu4e opens; select its buffer."
  (switch-to-buffer
   (sendonce-client-mu4e-wait
    "the draft" (lambda () (car (sendonce-client-mu4e-drafts))))))

(defun sendonce-client-mu4e-compose (fields body)
  "Begin a draft with the header FIELDS and BODY."
  (mu4e-compose-new)
  (sendonce-client-mu4e--draft)
  (message-goto-body)
  (delete-region (point) (point-max))
  (insert body)
  (message-remove-header "To")
  (pcase-dolist (`(,field . ,value) fields)
    (message-remove-header field)
    (message-goto-eoh)
    (beginning-of-line)
    (insert field ": " value "\n")))

(defun sendonce-client-mu4e-send-draft ()
  "Send the draft in this buffer and leave it; return the error, or nil.
Waits until mu4e has done all that follows a send."
  (condition-case err
      (cl-letf (((symbol-function 'y-or-n-p) #'always))
        (message-send-and-exit)
        (sendonce-client-mu4e-wait
         "the end of the draft"
         (lambda () (and (null (sendonce-client-mu4e-drafts))
                         (null (sendonce-client-mu4e-folder "drafts")))))
        nil)
    (sendonce-error err)))

(defun sendonce-client-mu4e-send (fields body)
  "Write mail with the header FIELDS and BODY and send it."
  (sendonce-client-mu4e-compose fields body)
  (sendonce-client-mu4e-send-draft))

(defun sendonce-client-mu4e-folder (name)
  "Return the files of the messages in the folder NAME."
  (mapcan (lambda (part)
            (directory-files (sendonce-test-file
                              (format "mail/%s/%s" name part))
                             t "\\`[^.]"))
          (list "cur" "new")))

(defun sendonce-client-mu4e-flags ()
  "Return the flags of the question, a string."
  (let ((file (car (sendonce-client-mu4e-folder "inbox"))))
    (and (string-match ":2,\\(.*\\)\\'" file)
         (match-string 1 file))))

(defun sendonce-client-mu4e-find-question ()
  "Show the question in mu4e's headers, with point on it."
  (mu4e-search "msgid:question@there.example")
  (switch-to-buffer
   (sendonce-client-mu4e-wait
    "the headers"
    (lambda ()
      (seq-find (lambda (buffer)
                  (with-current-buffer buffer
                    (and (derived-mode-p 'mu4e-headers-mode)
                         (progn (goto-char (point-min))
                                (mu4e-message-at-point 'noerror)))))
                (buffer-list))))))

(declare-function mu4e-search "ext:mu4e-search" t t)
(declare-function mu4e-message-at-point "ext:mu4e-message" t t)
(declare-function mu4e-compose-reply "ext:mu4e-compose" t t)

(defconst sendonce-client-mu4e-hello
  '(("To" . "You <you@there.example>") ("Subject" . "Hello"))
  "The header of a simple message.")

(provide 'sendonce-client-mu4e)

;;; sendonce-client-mu4e.el ends here
