;;; sendonce-client-notmuch-tests.el --- notmuch  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Debian's notmuch as its user drives it, over a Maildir and a database
;; of the test's own: `notmuch-mua-new-mail', replies, drafts, Fcc by
;; `notmuch insert'.

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

(defmacro sendonce-client-notmuch-with-peer (options &rest body)
  "Evaluate BODY with notmuch, one message in its database, and a peer.
OPTIONS are as for `sendonce-test-with-peer'."
  (declare (indent 1) (debug t))
  `(progn
     (skip-unless sendonce-client-notmuch-there)
     (sendonce-test-with-peer ,options
       (require 'notmuch)
       (require 'notmuch-draft)
       (let ((process-environment
              (cons (concat "NOTMUCH_CONFIG="
                            (sendonce-test-write
                             "notmuch" (format "[database]
path=%s
[user]
name=Me
primary_email=me@here.example
" (sendonce-test-file "mail"))))
                    process-environment))
             (message-kill-buffer-on-exit t)
             (notmuch-fcc-dirs "sent +sent -inbox -unread")
             (notmuch-draft-folder "drafts"))
         (dolist (directory '("mail/inbox/cur" "mail/inbox/new"
                              "mail/inbox/tmp" "mail/sent/cur"
                              "mail/sent/new" "mail/sent/tmp"))
           (make-directory (sendonce-test-file directory) t))
         (sendonce-test-write "mail/inbox/new/1.question"
                              sendonce-client-notmuch-question)
         (sendonce-client-notmuch "new" "--quiet")
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

;;;; Tests

(ert-deftest sendonce-client-notmuch-envelopes ()
  (sendonce-client-notmuch-with-peer ()
    (sendonce-client-check-envelopes #'sendonce-client-notmuch-send)))

(ert-deftest sendonce-client-notmuch-sends-and-files-once ()
  (sendonce-client-notmuch-with-peer ()
    (should-not (sendonce-client-notmuch-send
                 (append sendonce-client-notmuch-hello
                         '(("Bcc" . "hidden@elsewhere.example")))
                 "Grüße\n.\n"))
    (should-not (sendonce-client-notmuch-drafts))
    (let ((sent (string-replace "\r\n" "\n" (car (sendonce-test-accepted))))
          (filed (sendonce-client-notmuch-filed)))
      (should (= 1 (length filed)))
      (should (equal (sendonce-client-body sent)
                     (sendonce-compose--with-newline
                      (sendonce-client-body (car filed)))))
      (should-not (string-search "hidden@" sent))
      (should (equal "1" (sendonce-client-notmuch
                          "count" "tag:sent" "and" "not" "tag:unread"))))))

(ert-deftest sendonce-client-notmuch-reply-refused-then-sent ()
  (sendonce-client-notmuch-with-peer (:scenario "at RCPT: refuse\n")
    (notmuch-mua-new-reply "id:question@there.example")
    (goto-char (point-max))
    (insert "Nothing.\n")
    (should (eq 'sendonce-refused
                (car (sendonce-client-notmuch-send-draft))))
    ;; (The parent's tag is set in `message-send-hook', whoever sends.)
    (should-not (sendonce-client-notmuch-filed))
    (should-not (sendonce-test-accepted))
    (sendonce-test-scenario "")
    (with-current-buffer (car (sendonce-client-notmuch-drafts))
      (should (string-search "Nothing." (buffer-string)))
      (should-not (sendonce-client-notmuch-send-draft)))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (= 1 (length (sendonce-client-notmuch-filed))))
    (should (sendonce-client-notmuch-replied-p))
    (should (equal '("friend@there.example")
                   (sendonce-client-recipients
                    (car (sendonce-test-envelopes)))))))

(ert-deftest sendonce-client-notmuch-in-doubt ()
  (sendonce-client-notmuch-with-peer (:scenario "at EOD: accept; drop\n")
    (should (eq 'sendonce-in-doubt
                (car (sendonce-client-notmuch-send
                      sendonce-client-notmuch-hello "Hello\n"))))
    (should-not (sendonce-client-notmuch-filed))
    (sendonce-test-scenario "")
    (with-current-buffer (car (sendonce-client-notmuch-drafts))
      (cl-letf (((symbol-function 'read-multiple-choice)
                 (lambda (_ choices &rest _) (assq ?s choices))))
        (sendonce-test-interactively
          (should-not (sendonce-client-notmuch-send-draft)))))
    (should-not (sendonce-client-notmuch-drafts))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (= 1 (length (sendonce-client-notmuch-filed))))))

(ert-deftest sendonce-client-notmuch-error-in-fcc-does-not-send-twice ()
  (sendonce-client-notmuch-with-peer ()
    (sendonce-client-notmuch-compose sendonce-client-notmuch-hello "Hello\n")
    (cl-letf (((symbol-function 'notmuch-maildir-message-do-fcc)
               (lambda () (signal 'sendonce-error '("Disk full")))))
      (should (sendonce-client-notmuch-send-draft)))
    (should (= 1 (length (sendonce-test-accepted))))
    (with-current-buffer (car (sendonce-client-notmuch-drafts))
      (should-not (sendonce-client-notmuch-send-draft)))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (= 1 (length (sendonce-client-notmuch-filed))))))

(ert-deftest sendonce-client-notmuch-deferred-is-filed-and-goes-later ()
  (sendonce-client-notmuch-with-peer (:scenario "at RCPT: defer\n")
    (sendonce-client-notmuch-compose sendonce-client-notmuch-hello "Hello\n")
    (sendonce-test-interactively
      (should-not (sendonce-client-notmuch-send-draft)))
    (should-not (sendonce-client-notmuch-drafts))
    (should (= 1 (length (sendonce-client-notmuch-filed))))
    (should (equal '(deferred) (sendonce-test-states)))
    (sendonce-test-scenario "")
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-client-notmuch-postponed-and-resumed ()
  (sendonce-client-notmuch-with-peer (:scenario "at RCPT: refuse\n")
    (sendonce-client-notmuch-compose sendonce-client-notmuch-hello "Hello\n")
    (should (sendonce-client-notmuch-send-draft))
    (cl-letf (((symbol-function 'y-or-n-p) #'always))
      (with-current-buffer (car (sendonce-client-notmuch-drafts))
        (let ((message-kill-buffer-query nil))
          (notmuch-draft-save)
          (set-buffer-modified-p nil)
          (kill-buffer))))
    (let ((id (sendonce-client-notmuch "search" "--output=messages"
                                       "tag:draft" "and" "not" "tag:deleted")))
      (should-not (string-empty-p id))
      (sendonce-test-scenario "")
      (notmuch-draft-resume id)
      (should-not (sendonce-client-notmuch-send-draft)))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (equal "Hello\n" (sendonce-client-body
                              (car (sendonce-test-accepted)))))
    (should-not (string-search "X-Sendonce" (car (sendonce-test-accepted))))))

(ert-deftest sendonce-client-notmuch-identities-choose-the-account ()
  (sendonce-client-notmuch-with-peer ()
    (let ((peer (car sendonce-accounts)))
      (setq sendonce-accounts
            (list '(:name "other" :from "me@here.example" :host "127.0.0.1"
                          :port 1)
                  (append '(:from "work.example") peer)))
      (should-not (sendonce-client-notmuch-send
                   (append sendonce-client-notmuch-hello
                           '(("From" . "Me <me@work.example>")))
                   "Hello\n"))
      (should (string-prefix-p "from <me@work.example>"
                               (car (sendonce-test-envelopes)))))))

;;; sendonce-client-notmuch-tests.el ends here
