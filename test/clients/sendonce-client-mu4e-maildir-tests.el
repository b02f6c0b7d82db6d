;;; sendonce-client-mu4e-maildir-tests.el --- mu4e, its files  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; mu4e with its real server, `mu', on a Maildir and an index of the
;; test's own.  Versions 1.8 and 1.12 differ in how a draft comes to be
;; (1.8 asks the server and gets it later), hence the waits.

;;; Code:

(require 'sendonce-client-maildir)
(require 'sendonce-import)

(sendonce-client-add-package
 "mu4e" "/usr/share/emacs/site-lisp/mu4e" "/usr/share/emacs/site-lisp/elpa*/mu4e-*")
(require 'mu4e nil t)

(defvar mu4e-change-filenames-when-moving)
(defvar mu4e-compose-context-policy)
(defvar mu4e-confirm-quit)
(defvar mu4e-context-policy)
(defvar mu4e-contexts)
(defvar mu4e-drafts-folder)
(defvar mu4e-headers-found-hook)
(defvar mu4e-mu-home)
(defvar mu4e-refile-folder)
(defvar mu4e-sent-folder)
(defvar mu4e-sent-messages-behavior)
(defvar mu4e-trash-folder)
(defvar mu4e--server-process)
(declare-function mu4e "ext:mu4e" t)
(declare-function smtpmail-send-queued-mail "smtpmail" ())
(declare-function mu4e-quit "ext:mu4e" t t)
(declare-function mu4e-compose-new "ext:mu4e-compose" t)
(declare-function mu4e-compose-reply "ext:mu4e-compose" t)
(declare-function mu4e-compose-forward "ext:mu4e-compose" t)
(declare-function mu4e-compose-edit "ext:mu4e-compose" t t)
(declare-function mu4e-context-switch "ext:mu4e-context" t)
(declare-function make-mu4e-context "ext:mu4e-context" t t)
(declare-function mu4e-message-at-point "ext:mu4e-message" t)
(declare-function mu4e-search "ext:mu4e-search" t)
(declare-function mu4e--main-toggle-mail-sending-mode "ext:mu4e-main" t)
(declare-function mu4e--server-ping "ext:mu4e-server" t)

;;;; mu and its server

(defun sendonce-client-mu4e-run (&rest arguments)
  "Run mu with ARGUMENTS."
  (with-temp-buffer
    (unless (eq 0 (apply #'call-process "mu" nil t nil arguments))
      (error "Command mu %s: %s" arguments (buffer-string)))))

(defun sendonce-client-mu4e-index ()
  "Make the Maildir and the index of this test."
  (sendonce-client-make-maildir "inbox" "sent" "drafts" "trash")
  (let ((home (concat "--muhome=" mu4e-mu-home)))
    (sendonce-client-mu4e-run "init" home "--my-address=me@here.example"
                              (concat "--maildir="
                                      (sendonce-test-file "Maildir")))
    (sendonce-client-mu4e-run "index" "--quiet" home)))

(defun sendonce-client-mu4e-ping ()
  "Return when the server has answered all that it was asked before."
  (let* (answered
         (note (lambda (&rest _) (setq answered t))))
    (advice-add 'mu4e--pong-handler :before note)
    (unwind-protect
        (progn
          (mu4e--server-ping)
          (sendonce-client-wait (lambda () answered) "mu's answer"))
      (advice-remove 'mu4e--pong-handler note))))

(defun sendonce-client-mu4e-settle ()
  "Return when the server has nothing to do any more.
An answer may make mu4e ask something else, no deeper than this."
  (dotimes (_ 4)
    (sendonce-client-mu4e-ping)))

(defun sendonce-client-mu4e-start ()
  "Start mu4e."
  (mu4e t)
  (sendonce-client-mu4e-settle))

(defun sendonce-client-mu4e-stop ()
  "Stop mu4e and its server."
  (let ((server mu4e--server-process))
    (mu4e-quit)
    (dolist (buffer (buffer-list))
      (with-current-buffer buffer
        (when (derived-mode-p 'mu4e-compose-mode)
          (set-buffer-modified-p nil)
          (kill-buffer))))
    (when server
      (sendonce-client-wait (lambda () (not (process-live-p server)))
                            "mu's end"))))

(defmacro sendonce-client-mu4e-with (options &rest body)
  "Evaluate BODY with a peer that has OPTIONS, and mu4e."
  (declare (indent 1) (debug t))
  `(progn
     (skip-unless (featurep 'mu4e))
     (skip-unless (executable-find "mu"))
     (sendonce-test-with-peer ,options
       (let ((sendonce-client-kit sendonce-client-mu4e-kit)
             (mu4e-mu-home (sendonce-test-file "mu"))
             (mu4e-sent-folder "/sent")
             (mu4e-drafts-folder "/drafts")
             (mu4e-trash-folder "/trash")
             (mu4e-refile-folder "/inbox")
             (mu4e-confirm-quit nil)
             (message-kill-buffer-on-exit t)
             (message-signature nil)
             (user-full-name "Me"))
         (sendonce-client-mu4e-index)
         (unwind-protect
             (save-window-excursion
               (sendonce-client-mu4e-start)
               ,@body)
           (sendonce-client-mu4e-stop))))))

;;;; What its user does

(defun sendonce-client-mu4e-compose (fields body)
  "Begin a draft with the header FIELDS and BODY."
  (mu4e-compose-new)
  (sendonce-client-fill fields body))

(defun sendonce-client-mu4e-search (query)
  "Show what QUERY finds, point at the first."
  (let* (found
         (mu4e-headers-found-hook (list (lambda () (setq found t)))))
    (mu4e-search query)
    (sendonce-client-wait (lambda () found) "headers")
    (goto-char (point-min))
    (mu4e-message-at-point)))

(defun sendonce-client-mu4e-draft-p (buffer)
  "Return non-nil if BUFFER is a draft of mu4e's."
  (with-current-buffer buffer
    (derived-mode-p 'mu4e-compose-mode)))

(defun sendonce-client-mu4e-answer (command query)
  "Call COMMAND at what QUERY finds; make the draft it makes current."
  (sendonce-client-mu4e-search query)
  (let ((before (seq-filter #'sendonce-client-mu4e-draft-p (buffer-list)))
        draft)
    (funcall command)
    (sendonce-client-wait
     (lambda ()
       (setq draft (seq-find (lambda (buffer)
                               (and (sendonce-client-mu4e-draft-p buffer)
                                    (not (memq buffer before))))
                             (buffer-list))))
     "the draft")
    (set-buffer draft)))

(defun sendonce-client-mu4e-reply (body)
  "Begin a reply with BODY to the message in the inbox."
  (sendonce-client-mu4e-answer #'mu4e-compose-reply "maildir:/inbox")
  (sendonce-client-fill nil body))

(defun sendonce-client-mu4e-forward (body)
  "Begin to forward the message in the inbox with BODY."
  (sendonce-client-mu4e-answer #'mu4e-compose-forward "maildir:/inbox")
  (sendonce-client-fill '(("To" . "other@there.example")) body))

(defun sendonce-client-mu4e-flags ()
  "Return the flags of the message in the inbox."
  (let ((file (car (sendonce-client-files "inbox"))))
    (split-string (substring file (1+ (string-search "," file))) "" t)))

(defconst sendonce-client-mu4e-kit
  (make-sendonce-client-kit
   :compose #'sendonce-client-mu4e-compose
   :reply #'sendonce-client-mu4e-reply
   :forward #'sendonce-client-mu4e-forward
   :send #'message-send-and-exit
   :settle #'sendonce-client-mu4e-settle
   :sent (lambda () (sendonce-client-files "sent"))
   :drafts (lambda () (sendonce-client-files "drafts"))
   :flags #'sendonce-client-mu4e-flags
   ;; 1.12 adds In-Reply-To to what it forwards, and takes it for a reply.
   :replied "R" :forwarded '("P" "R")))

;;;; Tests

(ert-deftest sendonce-client-mu4e-reply ()
  (sendonce-client-mu4e-with ()
    (sendonce-client-check-reply)))

(ert-deftest sendonce-client-mu4e-forward ()
  (sendonce-client-mu4e-with ()
    (sendonce-client-check-forward)))

(ert-deftest sendonce-client-mu4e-refused ()
  (sendonce-client-mu4e-with (:scenario sendonce-client-refusal)
    (sendonce-client-check-refused)))

(ert-deftest sendonce-client-mu4e-wrong-tls ()
  (sendonce-client-mu4e-with ("--tls" "starttls")
    (sendonce-client-check-wrong-tls)))

(ert-deftest sendonce-client-mu4e-sign-in ()
  (sendonce-client-mu4e-with ("--user" "alice:right" "--require-auth")
    (sendonce-client-check-sign-in)))

(ert-deftest sendonce-client-mu4e-offline ()
  (sendonce-client-mu4e-with ()
    (sendonce-client-check-offline)))

(ert-deftest sendonce-client-mu4e-hooks ()
  (sendonce-client-mu4e-with ()
    (sendonce-client-check-hooks)))

(ert-deftest sendonce-client-mu4e-sent-messages-behavior ()
  (sendonce-client-mu4e-with ()
    (dolist (behavior '(delete trash sent))
      (let ((mu4e-sent-messages-behavior behavior))
        (should-not (sendonce-client-check-new
                     '(("To" . "you@there.example"))
                     (format "To %s.\n" behavior)))))
    (should (= 3 (length (sendonce-test-accepted))))
    (sendonce-client-check-filed 1)
    (should (= 1 (length (sendonce-client-files "trash"))))
    (should-not (sendonce-client-files "drafts"))))

(ert-deftest sendonce-client-mu4e-filing-fails ()
  (sendonce-client-mu4e-with ()
    (let ((sent (sendonce-client-folder "sent")))
      (sendonce-client-check-filing
       (lambda ()
         (delete-directory sent t)
         (write-region "" nil sent nil 'quiet))
       (lambda ()
         (delete-file sent)
         (make-directory (expand-file-name "cur" sent) t))))))

;;;; After a crash

(defun sendonce-client-mu4e-crash ()
  "Send a draft in an Emacs that crashes, and open it again."
  (sendonce-client-mu4e-stop)
  (sendonce-client-check-crash
   "sendonce-client-mu4e-maildir-tests"
   `(progn
      (setq sendonce-client-kit sendonce-client-mu4e-kit
            mu4e-mu-home ,mu4e-mu-home
            mu4e-sent-folder "/sent"
            mu4e-drafts-folder "/drafts"
            mu4e-trash-folder "/trash"
            message-kill-buffer-on-exit t)
      (sendonce-client-mu4e-start))
   (lambda ()
     (sendonce-client-mu4e-run "index" "--quiet"
                               (concat "--muhome=" mu4e-mu-home))
     (sendonce-client-mu4e-start)
     (sendonce-client-mu4e-answer #'mu4e-compose-edit "flag:draft"))))

(ert-deftest sendonce-client-mu4e-crash ()
  (sendonce-client-mu4e-with ()
    (sendonce-client-mu4e-crash)
    (should-not (sendonce-client-send))
    (sendonce-client-check-sent-once)))

(ert-deftest sendonce-client-mu4e-crash-then-changed ()
  (sendonce-client-mu4e-with ()
    (sendonce-client-mu4e-crash)
    (sendonce-client-check-crash-changed)))

;;;; Contexts

(defun sendonce-client-mu4e-context (name &rest variables)
  "Return the context NAME that sets VARIABLES, an alist."
  (make-mu4e-context :name name :vars variables
                     :match-func (lambda (_) nil)))

(defun sendonce-client-mu4e-send-from (context)
  "Switch to CONTEXT, a name, and send new mail in it."
  (mu4e-context-switch t context)
  (should-not (sendonce-client-check-new '(("To" . "you@there.example"))
                                         (format "As %s.\n" context))))

(ert-deftest sendonce-client-mu4e-context-account ()
  "A context that sets the sender's address chooses the account by it."
  (sendonce-client-mu4e-with ()
    (sendonce-test-account :name "home" :from "me@here.example")
    (let ((home (car sendonce-accounts))
          (user-mail-address user-mail-address)
          (mu4e-compose-context-policy nil)
          (mu4e-contexts
           (list (sendonce-client-mu4e-context
                  "Home" '(user-mail-address . "me@here.example"))
                 (sendonce-client-mu4e-context
                  "Work" '(user-mail-address . "me@work.example")))))
      (sendonce-test-account :name "work" :from "work.example")
      (push home sendonce-accounts)
      (sendonce-client-mu4e-send-from "Work")
      (sendonce-client-mu4e-send-from "Home")
      (should (equal (mapcar (lambda (entry) (plist-get entry :account))
                             (sendonce-entries))
                     '("home" "work")))
      (should (equal (sendonce-test-envelopes)
                     '("from <me@work.example>\nto <you@there.example>\n"
                       "from <me@here.example>\nto <you@there.example>\n"))))))

(ert-deftest sendonce-client-mu4e-context-smtpmail ()
  "A context that sets the variables of smtpmail is sent by them."
  (sendonce-client-mu4e-with ("--user" "alice:right" "--require-auth")
    (sendonce-client-password "right")
    (let ((sendonce-accounts nil)
          (gnutls-trustfiles (list (sendonce-test-file "peer/ca.pem")))
          (user-mail-address user-mail-address)
          (smtpmail-smtp-server "nowhere.invalid")
          (smtpmail-smtp-service 25)
          (smtpmail-stream-type nil)
          (smtpmail-smtp-user nil)
          (mu4e-compose-context-policy nil)
          (mu4e-contexts nil))
      (setq mu4e-contexts
            (list (sendonce-client-mu4e-context
                   "Work" '(user-mail-address . "me@work.example")
                   '(smtpmail-smtp-server . "127.0.0.1")
                   (cons 'smtpmail-smtp-service sendonce-test-port)
                   '(smtpmail-stream-type . ssl)
                   '(smtpmail-smtp-user . "alice"))))
      (sendonce-client-mu4e-send-from "Work")
      (should (equal (sendonce-test-envelopes)
                     '("from <me@work.example>\nto <you@there.example>\n"))))))

;;;; mu4e's own queue

(ert-deftest sendonce-client-mu4e-queue ()
  "With mu4e's queue on, mail waits there, and goes once when it is flushed."
  (sendonce-client-mu4e-with ()
    (let ((smtpmail-queue-mail nil)
          (smtpmail-queue-dir (sendonce-test-file "queue/")))
      (make-directory smtpmail-queue-dir)
      (mu4e--main-toggle-mail-sending-mode)
      (should smtpmail-queue-mail)
      (should-not (sendonce-client-check-new '(("To" . "you@there.example"))
                                             "Queued.\n"))
      (should (= 1 (length (sendonce-import-queue))))
      (should-not (sendonce-test-accepted))
      (smtpmail-send-queued-mail)
      (sendonce-client-wait #'sendonce-test-accepted "the queued message")
      (should-not (sendonce-import-queue))
      (sendonce-client-check-sent-once))))

;;; sendonce-client-mu4e-maildir-tests.el ends here
