;;; sendonce-client-maildir.el --- Clients that file mail  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What the tests of mu4e and notmuch share: a throw-away Maildir, the
;; wait for a process' answer, and the course of the tests.  A client is
;; a `sendonce-client-kit', functions that do what its user does; each
;; check below drives one, and asks the peer and the Maildir what became
;; of the mail.  Nothing here sleeps: it waits for output of processes.

;;; Code:

(require 'sendonce-client)

(cl-defstruct sendonce-client-kit
  "What a user does with a client, as functions; see the check functions.
COMPOSE gets header fields and a body and leaves the new draft current.
REPLY and FORWARD get a body and do the same for the one message of the
inbox.  SEND sends the draft in the current buffer.  SETTLE returns when
the client's own processes have done all that they were told.  SENT and
DRAFTS return the files in those folders, FLAGS the flags of the message
in the inbox, as a list of strings, REPLIED is the one that a reply
leaves, FORWARDED are those of which forwarding leaves one.  EARLY is
non-nil if the client flags before it sends."
  compose reply forward send settle sent drafts flags
  replied forwarded early)

(defvar sendonce-client-kit nil
  "The client that is tested.")

(defun sendonce-client-do (what &rest arguments)
  "Have the client do WHAT, an accessor of its kit, with ARGUMENTS."
  (apply (funcall what sendonce-client-kit) arguments))

(defun sendonce-client-wait (condition what)
  "Take in output of processes until CONDITION, a function, holds.
WHAT names it for the error if it never does."
  (let ((tries 600))
    (while (and (not (funcall condition)) (> tries 0))
      (setq tries (1- tries))
      (accept-process-output nil 0.1))
    (unless (funcall condition)
      (error "Waited in vain for %s" what))))

;;;; The Maildir

(defconst sendonce-client-parent "From: You <you@there.example>
To: Me <me@here.example>
Subject: Question
Date: Mon, 05 Jan 2026 10:00:00 +0000
Message-ID: <parent@there.example>

How are you?
"
  "The message in the inbox.")

(defun sendonce-client-folder (name)
  "Return the directory of the folder NAME in the Maildir of this test."
  (sendonce-test-file (concat "Maildir/" name)))

(defun sendonce-client-make-maildir (&rest folders)
  "Make the Maildir of this test, FOLDERS in it, a message in the inbox."
  (dolist (folder folders)
    (dolist (part '("cur" "new" "tmp"))
      (make-directory (expand-file-name part (sendonce-client-folder folder))
                      t)))
  (sendonce-test-write "Maildir/inbox/cur/1.parent:2,S"
                       sendonce-client-parent))

(defun sendonce-client-files (folder)
  "Return the messages in FOLDER, files, whatever else lies there."
  (mapcan (lambda (part)
            (let ((directory (expand-file-name
                              part (sendonce-client-folder folder))))
              (and (file-directory-p directory)
                   (directory-files directory t "\\`[^.#].*[^~]\\'"))))
          (list "cur" "new")))

;;;; What is asked afterwards

(defun sendonce-client-check-filed (count)
  "Check that COUNT copies are filed, alike those that the peer accepted.
The bodies, that is: each adds fields of its own."
  (sendonce-client-do #'sendonce-client-kit-settle)
  (let ((files (sendonce-client-do #'sendonce-client-kit-sent)))
    (should (= count (length files)))
    (dolist (file files)
      (should (member (sendonce-client-body (sendonce-test-read file))
                      (mapcar #'sendonce-client-body
                              (sendonce-test-accepted))))
      (should-not (string-match-p
                   "^x-sendonce"
                   (downcase (sendonce-client-header
                              (sendonce-test-read file))))))))

(defun sendonce-client-check-sent-once ()
  "Check that one message went out, one copy was filed, and no draft is left."
  (should (= 1 (length (sendonce-test-accepted))))
  (sendonce-client-check-filed 1)
  (should-not (sendonce-client-do #'sendonce-client-kit-drafts)))

(defun sendonce-client-flagged-p (flag)
  "Return non-nil if the message in the inbox has FLAG."
  (sendonce-client-do #'sendonce-client-kit-settle)
  (and (member flag (sendonce-client-do #'sendonce-client-kit-flags)) t))

(defun sendonce-client-check-unsent (draft text)
  "Check that DRAFT, a buffer, is there with TEXT, and nothing was done."
  (should (buffer-live-p draft))
  (with-current-buffer draft
    (should (string-search text (buffer-string))))
  (sendonce-client-check-filed 0)
  (unless (sendonce-client-kit-early sendonce-client-kit)
    (should-not (sendonce-client-flagged-p
                 (sendonce-client-kit-replied sendonce-client-kit)))))

(defun sendonce-client-fill (fields body)
  "Write the header FIELDS and BODY into the new draft that is current."
  (setq-local message-bogus-addresses nil)
  (message-goto-body)
  (delete-region (point) (point-max))
  (insert body)
  (pcase-dolist (`(,field . ,value) fields)
    (message-remove-header field)
    (message-goto-eoh)
    (beginning-of-line)
    (insert field ": " value "\n")))

(defun sendonce-client-send ()
  "Send the draft in this buffer by the client's command; return the error."
  (condition-case err
      (progn (sendonce-client-do #'sendonce-client-kit-send) nil)
    (sendonce-error err)))

;;;; The course of the tests

(defun sendonce-client-check-new (fields body)
  "Write new mail with the header FIELDS and BODY and send it.
Return nil, or the error; for `sendonce-client-check-envelopes'."
  (sendonce-client-do #'sendonce-client-kit-compose fields body)
  (let ((draft (current-buffer)))
    ;; message-mode asks whether an empty group is meant.
    (cl-letf (((symbol-function 'y-or-n-p) #'always))
      (prog1 (sendonce-client-send)
        (sendonce-client-do #'sendonce-client-kit-settle)
        (should-not (buffer-live-p draft))))))

;;;; Sent

(defun sendonce-client-check-reply ()
  "Check that a reply goes out, is filed, and flags the message answered."
  (sendonce-client-do #'sendonce-client-kit-reply "Fine, thanks: é.\n")
  (let ((draft (current-buffer)))
    (should-not (sendonce-client-flagged-p
                 (sendonce-client-kit-replied sendonce-client-kit)))
    (should-not (sendonce-client-send))
    (sendonce-client-check-sent-once)
    (should (equal (sendonce-client-recipients (car (sendonce-test-envelopes)))
                   '("you@there.example")))
    (should (string-match-p
             "^In-Reply-To: <parent@there.example>"
             (let ((case-fold-search t))
               (sendonce-client-header (car (sendonce-test-accepted))))))
    (should (sendonce-client-flagged-p
             (sendonce-client-kit-replied sendonce-client-kit)))
    (should-not (buffer-live-p draft))))

(defun sendonce-client-check-forward ()
  "Check that a message is forwarded, filed and flagged so."
  (sendonce-client-do #'sendonce-client-kit-forward "See below.\n")
  (should-not (sendonce-client-send))
  (sendonce-client-check-sent-once)
  (should (equal (sendonce-client-recipients (car (sendonce-test-envelopes)))
                 '("other@there.example")))
  (should (seq-some #'sendonce-client-flagged-p
                    (sendonce-client-kit-forwarded sendonce-client-kit))))

;;;; Not sent, then mended

(defun sendonce-client-check-mended (mend &optional answers)
  "Check that a reply is not sent, and is once MEND has mended the cause.
ANSWERS are the user's to questions of the second attempt."
  (sendonce-client-do #'sendonce-client-kit-reply "Fine, thanks.\n")
  (let ((draft (current-buffer)))
    (dotimes (_ 2)
      (should-not (memq (car (sendonce-client-send))
                        '(nil sendonce-in-doubt)))
      (should-not (sendonce-test-accepted))
      (sendonce-client-check-unsent draft "Fine, thanks.")
      (set-buffer draft))
    (funcall mend)
    (should-not (if answers
                    (sendonce-test-answering answers (sendonce-client-send))
                  (sendonce-client-send)))
    (sendonce-client-check-sent-once)
    (should (sendonce-client-flagged-p
             (sendonce-client-kit-replied sendonce-client-kit)))
    (should-not (buffer-live-p draft))))

(defconst sendonce-client-refusal
  "at RCPT: say \"550 5.1.1 No such user\\r\\n\"\n"
  "Scenario: nobody is known here.")

(defun sendonce-client-check-refused ()
  "Check a refused recipient; the peer has `sendonce-client-refusal'."
  (sendonce-client-check-mended (lambda () (sendonce-test-scenario ""))))

(defun sendonce-client-check-wrong-tls ()
  "Check TLS at once where the server wants STARTTLS, as the peer does."
  (sendonce-client-check-mended
   (lambda () (sendonce-test-account :tls 'starttls))))

(defun sendonce-client-password (password)
  "Have PASSWORD used to sign in as alice."
  (sendonce-test-write
   "authinfo" (format "machine 127.0.0.1 port %d login alice password %s\n"
                      sendonce-test-port password))
  (auth-source-forget-all-cached))

(defun sendonce-client-check-sign-in ()
  "Check a refused sign-in; the peer knows alice, with the password right."
  (sendonce-test-account :user "alice")
  (sendonce-client-password "wrong")
  (sendonce-client-check-mended (lambda () (sendonce-client-password "right"))))

;;;; In doubt

(defconst sendonce-client-doubt "connection 1 at EOD: accept; drop\n"
  "Scenario: the server takes the message and breaks the line.")

(defun sendonce-client-check-doubt ()
  "Check a reply in doubt, first in batch, then with a user who knows.
The peer has `sendonce-client-doubt'."
  (sendonce-client-do #'sendonce-client-kit-reply "Fine, thanks.\n")
  (let ((draft (current-buffer)))
    (dotimes (_ 2)
      (should (eq 'sendonce-in-doubt (car (sendonce-client-send))))
      (sendonce-client-check-unsent draft "Fine, thanks.")
      (set-buffer draft))
    (should-not (sendonce-test-answering '(?s) (sendonce-client-send)))
    (sendonce-client-check-sent-once)
    (should (equal (sendonce-test-states) '(sent)))
    (should (sendonce-client-flagged-p
             (sendonce-client-kit-replied sendonce-client-kit)))
    (should-not (buffer-live-p draft))))

;;;; The client fails after the send

(defun sendonce-client-check-filing (fail mend)
  "Check a reply that goes out, but FAIL has seen to it that it is not filed.
After MEND it is sent again, which files it."
  (funcall fail)
  (sendonce-client-do #'sendonce-client-kit-reply "Fine, thanks.\n")
  (let ((draft (current-buffer)))
    (should-error (sendonce-client-do #'sendonce-client-kit-send))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (buffer-live-p draft))
    (set-buffer draft)
    (funcall mend)
    ;; message-mode asks: already sent via mail; resend?
    (should-not (sendonce-test-answering '(t) (sendonce-client-send)))
    (sendonce-client-check-sent-once)
    (should (sendonce-client-flagged-p
             (sendonce-client-kit-replied sendonce-client-kit)))
    (should-not (buffer-live-p draft))))

;;;; Offline

(defun sendonce-client-check-offline ()
  "Check that what cannot be sent now is closed as if sent, and goes out once."
  (sendonce-test-stop-peer)
  (sendonce-client-do #'sendonce-client-kit-reply "Fine, thanks.\n")
  (let ((draft (current-buffer)))
    (should-not (sendonce-test-interactively (sendonce-client-send)))
    (should-not (buffer-live-p draft)))
  (sendonce-client-do #'sendonce-client-kit-settle)
  (should (equal (sendonce-test-states) '(deferred)))
  (should (= 1 (length (sendonce-client-do #'sendonce-client-kit-sent))))
  (should-not (sendonce-client-do #'sendonce-client-kit-drafts))
  (should (sendonce-client-flagged-p
           (sendonce-client-kit-replied sendonce-client-kit)))
  (sendonce-test--start-peer nil)
  (dotimes (_ 2)
    (sendonce-flush)
    (should (sendonce-wait-idle 30)))
  (sendonce-client-check-sent-once))

;;;; Hooks

(defun sendonce-client-check-hooks ()
  "Check that hooks run once a send, and that the draft is stamped.
Once more with `sendonce-mode'."
  (dolist (mode '(nil t))
    (let ((ran nil)
          (message-send-hook (default-value 'message-send-hook))
          (message-send-mail-hook nil)
          (message-sent-hook nil))
      (pcase-dolist (`(,hook ,word) '((message-send-hook send)
                                      (message-send-mail-hook mail)
                                      (message-sent-hook sent)))
        (add-hook hook (lambda () (push word ran))))
      (add-hook 'message-send-mail-hook
                (lambda () (should (stringp message-sendonce-draft-id))))
      (unwind-protect
          (progn
            (sendonce-mode (if mode 1 -1))
            (add-hook 'message-send-hook #'sendonce-identity-stamp 90)
            (should-not (sendonce-client-check-new
                         '(("To" . "you@there.example"))
                         (format "Mode %s.\n" mode))))
        (sendonce-mode -1))
      (should (equal ran '(sent mail send)))))
  (should (= 2 (length (sendonce-test-accepted))))
  (sendonce-client-check-filed 2))

;;;; After a crash

(defun sendonce-client-child (file form)
  "Evaluate FORM in another Emacs with FILE, tests, and this test's place."
  (with-temp-buffer
    (call-process
     (expand-file-name invocation-name invocation-directory) nil t nil
     "-Q" "--batch" "--module-assertions"
     "--eval" (format "%S" `(setq load-path ',load-path
                                  load-prefer-newer t
                                  temporary-file-directory
                                  ,temporary-file-directory))
     "-l" file
     "--eval"
     (format "%S" `(progn
                     (setq sendonce-test-directory ,sendonce-test-directory
                           sendonce-directory ,sendonce-directory
                           sendonce-accounts ',sendonce-accounts
                           send-mail-function #'sendonce-client-send-and-die
                           user-emacs-directory ,user-emacs-directory
                           user-full-name ,user-full-name
                           user-mail-address ,user-mail-address
                           message-signature nil
                           message-auto-save-directory
                           ,message-auto-save-directory)
                     ,form)))
    (buffer-string)))

(defun sendonce-client-check-crash (file form reopen)
  "Check a draft that went out before Emacs crashed, sent again after REOPEN.
FILE is that of the tests; FORM is evaluated first in the Emacs that crashes."
  (let ((said (sendonce-client-child
               file
               `(progn ,form
                       (sendonce-client-do #'sendonce-client-kit-compose
                                           '(("To" . "you@there.example")
                                             ("Subject" . "Crash"))
                                           "Before.\n")
                       (sendonce-client-do #'sendonce-client-kit-send)))))
    (ert-info (said :prefix "The one that crashed: ")
      (should (= 1 (length (sendonce-test-accepted))))))
  (should (equal (sendonce-test-states) '(sent)))
  (funcall reopen)
  (should (string-search "Before." (buffer-string))))

(defun sendonce-client-check-crash-changed ()
  "Check that the draft in this buffer, which went out, is not sent edited."
  (goto-char (point-max))
  (insert "More.\n")
  (should (eq 'sendonce-error (car (sendonce-client-send))))
  (should (= 1 (length (sendonce-test-accepted)))))

(defun sendonce-client-send-and-die ()
  "Send the message in the current buffer, and be killed."
  (sendonce-send-it)
  (sendonce-client-do #'sendonce-client-kit-settle)
  (dolist (process (process-list))
    (when (eq (process-type process) 'real)
      (signal-process process 'KILL)
      (sendonce-client-wait (lambda () (not (process-live-p process)))
                            "the client's process")))
  (signal-process (emacs-pid) 'KILL))

(provide 'sendonce-client-maildir)

;;; sendonce-client-maildir.el ends here
