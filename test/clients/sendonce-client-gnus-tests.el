;;; sendonce-client-gnus-tests.el --- Gnus  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The contract with Gnus.  What it does after a send (mark what was
;; answered, file by Gcc, delete the draft) it does once, after the
;; message is accepted; after an error it does nothing, and the draft
;; stays where it was: in its buffer, in nndraft:drafts, in the queue.
;; Whatever is sent again after that goes out once.

;;; Code:

(require 'sendonce-client-gnus)

;;;; Who gets it

(defun sendonce-client-gnus--one-of (fields body)
  "Send a mail with FIELDS and BODY from the group buffer."
  (sendonce-client-gnus-mail fields body)
  (cl-letf (((symbol-function 'y-or-n-p) #'always))
    (sendonce-client-gnus-send)))

(ert-deftest sendonce-client-gnus-envelopes ()
  (sendonce-client-gnus-with ()
    (sendonce-client-check-envelopes #'sendonce-client-gnus--one-of)))

(ert-deftest sendonce-client-gnus-envelopes-without-the-mode ()
  "One line in the user's init file does as well."
  (sendonce-client-gnus-with ()
    (sendonce-mode -1)
    (setq send-mail-function #'sendonce-send-it)
    (sendonce-client-check-envelopes #'sendonce-client-gnus--one-of)))

(ert-deftest sendonce-client-gnus-mail-from-the-summary ()
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-open "nnml:in")
    (gnus-summary-mail-other-window)
    (sendonce-client-gnus-set "To" "you@there.example")
    (sendonce-client-gnus-set "Subject" "Hello")
    (should-not (sendonce-client-gnus-send))
    (should (equal '("from <me@here.example>\nto <you@there.example>\n")
                   (sendonce-test-envelopes)))
    (should-not (sendonce-client-gnus-files "nndraft:drafts"))
    (should-not (sendonce-client-gnus-marks 'reply))))

(ert-deftest sendonce-client-gnus-posting-style-chooses-the-account ()
  (sendonce-client-gnus-with ()
    (setq sendonce-accounts
          (append `((:name "work" :from "work.example"
                           ,@(cddr (car sendonce-accounts))))
                  sendonce-accounts))
    (let ((gnus-posting-styles '(("nnml:in" (address "me@work.example")
                                  (name "Me at Work")))))
      (sendonce-client-gnus-open "nnml:in")
      (gnus-summary-reply)
      (should-not (sendonce-client-gnus-send))
      (sendonce-client-gnus-simple)
      (should-not (sendonce-client-gnus-send)))
    (should (equal '("peer" "work")
                   (mapcar (lambda (entry) (plist-get entry :account))
                           (sendonce-entries))))
    (should (equal '("from <me@work.example>\nto <author@else.example>\n"
                     "from <me@here.example>\nto <you@there.example>\n")
                   (sendonce-test-envelopes)))
    (should (string-search "From: Me at Work <me@work.example>"
                           (car (sendonce-test-accepted))))))

;;;; What follows a send: marks and Gcc

(defmacro sendonce-client-gnus-with-reply (options &rest body)
  "Evaluate BODY in a reply to message 1, to be filed in \"nnml:sent\".
OPTIONS are those of `sendonce-test-with-peer'."
  (declare (indent 1) (debug t))
  `(sendonce-client-gnus-with ,options
     (let ((gnus-message-archive-group "nnml:sent")
           (gnus-gcc-mark-as-read t))
       (sendonce-client-gnus-open "nnml:in")
       (gnus-summary-reply)
       (message-goto-body)
       (insert "My answer.\n")
       ,@body)))

(defun sendonce-client-gnus-nothing-followed ()
  "Check that the draft is there, nothing is filed and nothing marked."
  (should (derived-mode-p 'message-mode))
  (should (string-search "My answer.\n" (buffer-string)))
  (should (string-search "\nGcc: nnml:sent\n" (buffer-string)))
  (should (= 1 (length (sendonce-client-gnus-files "nndraft:drafts"))))
  (should (string-search "My answer.\n"
                         (car (sendonce-client-gnus-files "nndraft:drafts"))))
  (should-not (sendonce-client-gnus-files "nnml:sent"))
  (should-not (with-current-buffer gnus-summary-buffer
                gnus-newsgroup-replied)))

(defun sendonce-client-gnus-all-followed ()
  "Check that the draft is gone and was delivered, filed and marked once."
  (should (equal '("from <me@here.example>\nto <author@else.example>\n")
                 (sendonce-test-envelopes)))
  (should-not (seq-filter (lambda (buffer)
                            (with-current-buffer buffer
                              (derived-mode-p 'message-mode)))
                          (buffer-list)))
  (should-not (sendonce-client-gnus-files "nndraft:drafts"))
  (let ((filed (sendonce-client-gnus-files "nnml:sent")))
    (should (= 1 (length filed)))
    (should (string-search "\n\nMy answer.\n" (car filed)))
    (should-not (string-match-p "^\\(?:Gcc\\|X-Sendonce\\)" (car filed))))
  (should (eql 0 (sendonce-client-gnus-unread "nnml:sent")))
  (should (equal '(1) (sendonce-client-gnus-marks 'reply))))

(ert-deftest sendonce-client-gnus-reply ()
  (sendonce-client-gnus-with-reply ()
    (should-not (sendonce-client-gnus-send))
    (sendonce-client-gnus-all-followed)
    (should-not (string-match-p "^\\(?:Gcc\\|X-Draft-From\\|X-Gnus\\)"
                                (car (sendonce-test-accepted))))))

(ert-deftest sendonce-client-gnus-filed-unread ()
  (sendonce-client-gnus-with-reply ()
    (setq gnus-gcc-mark-as-read nil)
    (should-not (sendonce-client-gnus-send))
    (should (= 1 (length (sendonce-client-gnus-files "nnml:sent"))))
    (should (eql 1 (sendonce-client-gnus-unread "nnml:sent")))))

(ert-deftest sendonce-client-gnus-filed-is-what-was-sent ()
  "The copy has the Message-ID that the receiver sees, though tried twice."
  (sendonce-client-gnus-with-reply (:scenario "connection 1 at EOD: refuse\n")
    (should (sendonce-client-gnus-send))
    (should-not (sendonce-client-gnus-send))
    (let ((id "^Message-ID: \\(.*?\\)\r?$")
          (sent (car (sendonce-test-accepted)))
          (filed (car (sendonce-client-gnus-files "nnml:sent"))))
      (should (equal (and (string-match id sent) (match-string 1 sent))
                     (and (string-match id filed)
                          (match-string 1 filed)))))))

(ert-deftest sendonce-client-gnus-nothing-is-filed-before-it-is-accepted ()
  (sendonce-client-gnus-with-reply ()
    (let* (then
           (message-send-mail-function
            (lambda ()
              (message-send-mail-with-sendonce)
              (setq then (list (sendonce-test-states)
                               (sendonce-client-gnus-files "nnml:sent"))))))
      (should-not (sendonce-client-gnus-send))
      (should (equal '((sent) nil) then))
      (sendonce-client-gnus-all-followed))))

(ert-deftest sendonce-client-gnus-forward ()
  (sendonce-client-gnus-with (:scenario "connection 1 at EOD: refuse\n")
    (sendonce-client-gnus-open "nnml:in")
    (gnus-summary-mail-forward)
    (sendonce-client-gnus-set "To" "you@there.example")
    (should (eq 'sendonce-refused (car (sendonce-client-gnus-send))))
    (should-not (with-current-buffer gnus-summary-buffer
                  gnus-newsgroup-forwarded))
    (should-not (sendonce-client-gnus-send))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (string-search "Text of letter 1." (car (sendonce-test-accepted))))
    (should (equal '(1) (sendonce-client-gnus-marks 'forward)))))

(ert-deftest sendonce-client-gnus-filing-that-fails ()
  "After an error in Gcc, sending again sends nothing."
  (sendonce-client-gnus-with-reply ()
    (let ((gnus-gcc-post-body-encode-hook
           (list (lambda () (error "No space left")))))
      (should-error (message-send-and-exit))
      (should (= 1 (length (sendonce-test-accepted))))
      (should-not (sendonce-client-gnus-files "nnml:sent")))
    ;; Gnus takes the Gcc out before it files.
    (sendonce-client-gnus-set "Gcc" "nnml:sent")
    ;; "Already sent message via mail; resend?"
    (should-not (sendonce-test-answering '(t) (sendonce-client-gnus-send)))
    (sendonce-client-gnus-all-followed)))

;;;; Errors

(ert-deftest sendonce-client-gnus-refused ()
  (sendonce-client-gnus-with-reply
      (:scenario "at RCPT: say \"550 5.1.1 No such user\\r\\n\"\n")
    (dotimes (_ 2)
      (should (eq 'sendonce-refused (car (sendonce-client-gnus-send))))
      (sendonce-client-gnus-nothing-followed))
    (sendonce-test-scenario "")
    (should-not (sendonce-client-gnus-send))
    (sendonce-client-gnus-all-followed)))

(ert-deftest sendonce-client-gnus-server-away ()
  (sendonce-client-gnus-with-reply ()
    (sendonce-test-stop-peer)
    (dotimes (_ 2)
      (should (eq 'sendonce-deferred (car (sendonce-client-gnus-send))))
      (sendonce-client-gnus-nothing-followed))
    (sendonce-test--start-peer nil)
    (should-not (sendonce-client-gnus-send))
    (sendonce-client-gnus-all-followed)))

(ert-deftest sendonce-client-gnus-server-away-with-a-user ()
  "What waits in the outbox is safe: Gnus may go on."
  (sendonce-client-gnus-with-reply ()
    (sendonce-test-stop-peer)
    (sendonce-test-interactively
      (should-not (sendonce-client-gnus-send)))
    (sendonce-test--start-peer nil)
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (sendonce-client-gnus-all-followed)))

(defun sendonce-client-gnus--password (password)
  "Have PASSWORD be what auth-source says."
  (setq auth-source-netrc-cache nil) ; the file's time may be the same
  (sendonce-test-write
   "authinfo" (format "machine 127.0.0.1 port %d login alice password %s\n"
                      sendonce-test-port password)))

(ert-deftest sendonce-client-gnus-sign-in-refused ()
  (sendonce-client-gnus-with-reply ("--user" "alice:right" "--require-auth")
    (sendonce-test-account :user "alice")
    (sendonce-client-gnus--password "wrong")
    (dotimes (_ 2)
      (should (sendonce-client-gnus-send))
      (sendonce-client-gnus-nothing-followed))
    (sendonce-client-gnus--password "right")
    (should-not (sendonce-client-gnus-send))
    (sendonce-client-gnus-all-followed)))

;;;; In doubt

(defconst sendonce-client-gnus-doubt "connection 1 at EOD: accept; drop\n"
  "Scenario: the server takes the message and breaks the line.")

(ert-deftest sendonce-client-gnus-in-doubt ()
  (sendonce-client-gnus-with-reply (:scenario sendonce-client-gnus-doubt)
    (dotimes (_ 3)
      (should (eq 'sendonce-in-doubt (car (sendonce-client-gnus-send))))
      (sendonce-client-gnus-nothing-followed))
    (should-not (sendonce-test-answering '(?s) (sendonce-client-gnus-send)))
    (sendonce-client-gnus-all-followed)))

(ert-deftest sendonce-client-gnus-in-doubt-with-a-user ()
  (sendonce-client-gnus-with-reply (:scenario sendonce-client-gnus-doubt)
    (should-not (sendonce-test-answering '(?s) (sendonce-client-gnus-send)))
    (sendonce-client-gnus-all-followed)))

;;;; Drafts

(defun sendonce-client-gnus-went (&rest subjects)
  "Check that what was accepted has SUBJECTS, each once, and nothing ours."
  (should (equal subjects
                 (sendonce-client-gnus-subjects (sendonce-test-accepted))))
  (dolist (message (sendonce-test-accepted))
    (should-not (string-match-p
                 "^\\(?:X-Sendonce\\|X-Gnus\\|X-Draft\\|Gcc\\|Xref\\)"
                 message))))

(defun sendonce-client-gnus-stayed (group &rest subjects)
  "Check that what is in GROUP has SUBJECTS."
  (should (equal subjects (sendonce-client-gnus-subjects
                           (sendonce-client-gnus-files group)))))

(defun sendonce-client-gnus-send-drafts ()
  "Send all drafts as D S does; return the error, or nil."
  (sendonce-client-gnus-open "nndraft:drafts")
  (prog1 (sendonce-client-gnus-do #'gnus-draft-send-all-messages)
    (set-buffer gnus-summary-buffer)
    (gnus-summary-exit)))

(ert-deftest sendonce-client-gnus-draft-edited ()
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-put-by "one")
    (sendonce-client-gnus-open "nndraft:drafts")
    (gnus-draft-edit-message)
    (goto-char (point-max))
    (insert "More.\n")
    (should-not (sendonce-client-gnus-send))
    (sendonce-client-gnus-went "one")
    (should (string-search "More." (car (sendonce-test-accepted))))
    (should-not (sendonce-client-gnus-files "nndraft:drafts"))))

(ert-deftest sendonce-client-gnus-draft-sent-unseen ()
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-put-by "one" "two")
    (sendonce-client-gnus-open "nndraft:drafts")
    (should-not (sendonce-client-gnus-do #'gnus-draft-send-message))
    (sendonce-client-gnus-went "one")
    (sendonce-client-gnus-stayed "nndraft:drafts" "two")))

(ert-deftest sendonce-client-gnus-drafts-all-sent ()
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-put-by "one" "two" "three")
    (should-not (sendonce-client-gnus-send-drafts))
    (sendonce-client-gnus-went "one" "three" "two")
    (sendonce-client-gnus-stayed "nndraft:drafts")))

(ert-deftest sendonce-client-gnus-draft-refused-and-sent-unseen ()
  "A reply that failed, put by, and sent as D s does: as if by C-c C-c."
  (sendonce-client-gnus-with-reply (:scenario "connection 1-2 at EOD: refuse\n")
    (should (eq 'sendonce-refused (car (sendonce-client-gnus-send))))
    (sendonce-client-gnus-close)
    (with-current-buffer gnus-summary-buffer
      (gnus-summary-exit))
    (should (eq 'sendonce-refused (car (sendonce-client-gnus-send-drafts))))
    (sendonce-client-gnus-stayed "nndraft:drafts" "Re: Letter 1")
    (should-not (sendonce-client-gnus-send-drafts))
    (sendonce-client-gnus-all-followed)))

(ert-deftest sendonce-client-gnus-drafts-one-refused ()
  (sendonce-client-gnus-with
      (:scenario "at EOD when \"me@bad.example\": refuse\n")
    (sendonce-client-gnus-simple '("Subject" . "bad")
                                 '("From" . "me@bad.example"))
    (sendonce-client-gnus-close)
    (sendonce-client-gnus-put-by "one" "two")
    (should (eq 'sendonce-refused (car (sendonce-client-gnus-send-drafts))))
    (sendonce-client-gnus-went "one" "two")
    (sendonce-client-gnus-stayed "nndraft:drafts" "bad")))

(ert-deftest sendonce-client-gnus-draft-gone-out-before-a-crash ()
  "The same draft is known by what is in its file."
  (sendonce-client-gnus-with (:scenario "connection 1 at EOD: refuse\n")
    (sendonce-client-gnus-simple)
    (should (eq 'sendonce-refused (car (sendonce-client-gnus-send))))
    (sendonce-client-gnus-close)
    (sendonce-client-gnus-open "nndraft:drafts")
    (sendonce-client-gnus-crash #'gnus-draft-send-message)
    (should-not (sendonce-client-gnus-send-drafts))
    (sendonce-client-gnus-went "Hello")
    (sendonce-client-gnus-stayed "nndraft:drafts")))

(ert-deftest sendonce-client-gnus-untried-draft-gone-out-before-a-crash ()
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-put-by "one")
    (sendonce-client-gnus-open "nndraft:drafts")
    (sendonce-client-gnus-crash #'gnus-draft-send-message)
    (should-not (sendonce-client-gnus-send-drafts))
    (sendonce-client-gnus-went "one")
    (sendonce-client-gnus-stayed "nndraft:drafts")))

(ert-deftest sendonce-client-gnus-reply-in-doubt-and-a-crash ()
  "The draft comes back from its auto-save file, and is known."
  (sendonce-client-gnus-with-reply (:scenario sendonce-client-gnus-doubt)
    (should (eq 'sendonce-in-doubt (car (sendonce-client-gnus-send))))
    (sendonce-client-gnus-restart)
    (should (eq 'sendonce-in-doubt (car (sendonce-client-gnus-send-drafts))))
    (sendonce-client-gnus-stayed "nndraft:drafts" "Re: Letter 1")
    (should-not (sendonce-test-answering '(?s)
                  (sendonce-client-gnus-send-drafts)))
    (sendonce-client-gnus-all-followed)))

(ert-deftest sendonce-client-gnus-draft-edited-after-a-crash ()
  "What went out is not taken for another message when it is edited."
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-put-by "one")
    (sendonce-client-gnus-open "nndraft:drafts")
    (sendonce-client-gnus-crash #'gnus-draft-send-message)
    (sendonce-client-gnus-open "nndraft:drafts")
    (gnus-draft-edit-message)
    (goto-char (point-max))
    (insert "More.\n")
    (should (eq 'sendonce-error (car (sendonce-client-gnus-send))))
    (sendonce-client-gnus-went "one")))

(ert-deftest sendonce-client-gnus-draft-sent-by-others ()
  "While another function sends, nothing of ours is in the way."
  (sendonce-client-gnus-with
      (:scenario "at EOD when \"me@here.example\": refuse\n")
    (sendonce-client-gnus-simple)
    (should (eq 'sendonce-refused (car (sendonce-client-gnus-send))))
    (sendonce-client-gnus-close)
    (sendonce-client-gnus-put-by "untried")
    (sendonce-mode -1)
    (let* (sent
           (message-send-mail-function
            (lambda ()
              (should-not (string-search "X-Sendonce" (buffer-string)))
              (push (buffer-string) sent)))
           (send-mail-function #'ignore))
      (should-not (sendonce-client-gnus-send-drafts))
      (should (equal '("Hello" "untried")
                     (sendonce-client-gnus-subjects sent))))
    (sendonce-client-gnus-stayed "nndraft:drafts")))

(ert-deftest sendonce-client-gnus-errors-of-others ()
  "While another function sends, its errors are Gnus' own affair."
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-put-by "one" "two")
    (sendonce-mode -1)
    (let ((message-send-mail-function
           (lambda () (signal 'sendonce-error '("Not ours"))))
          (send-mail-function #'ignore))
      (should (equal '(sendonce-error "Not ours")
                     (sendonce-client-gnus-send-drafts))))
    (dolist (draft (sendonce-client-gnus-files "nndraft:drafts"))
      (should-not (string-search "X-Sendonce" draft)))))

;;;; Unplugged

(ert-deftest sendonce-client-gnus-queue ()
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-queue "one" "two")
    (should-not (sendonce-entries))
    (sendonce-client-gnus-stayed "nndraft:queue" "one" "two")
    (sendonce-client-gnus-stayed "nndraft:drafts")
    (should-not (sendonce-client-gnus-flush))
    (sendonce-client-gnus-went "one" "two")
    (sendonce-client-gnus-stayed "nndraft:queue")
    (should-not (sendonce-client-gnus-flush))
    (sendonce-client-gnus-went "one" "two")))

(ert-deftest sendonce-client-gnus-queue-files-when-it-is-sent ()
  "Gcc into a group of an agentized server waits for the queue."
  (sendonce-client-gnus-with ()
    (let ((gnus-message-archive-group "nnml:sent")
          (gnus-agent-covered-methods
           (list (gnus-method-to-server '(nnml "") t)))
          (gnus-agent-method-p-cache nil))
      (sendonce-client-gnus-queue "one")
      (should-not (sendonce-client-gnus-files "nnml:sent"))
      (should-not (sendonce-client-gnus-flush)))
    (sendonce-client-gnus-went "one")
    (let ((filed (sendonce-client-gnus-files "nnml:sent")))
      (should (equal '("one") (sendonce-client-gnus-subjects filed)))
      (should-not (string-match-p "^X-\\(?:Sendonce\\|Gnus\\)"
                                  (car filed))))))

(ert-deftest sendonce-client-gnus-queue-one-refused ()
  (sendonce-client-gnus-with
      (:scenario "at RCPT when \"bad@\": say \"550 5.1.1 Who is that\\r\\n\"\n")
    (sendonce-client-gnus-queue "bad" "one" "two")
    (dotimes (_ 2)
      (let ((err (sendonce-client-gnus-flush)))
        (should (eq 'sendonce-refused (car err)))
        (should (string-search "bad@there.example: 550 5.1.1 Who is that"
                               (cadr err))))
      (sendonce-client-gnus-went "one" "two")
      (sendonce-client-gnus-stayed "nndraft:queue" "bad")
      (sendonce-client-gnus-stayed "nndraft:drafts"))
    (sendonce-test-scenario "")
    (should-not (sendonce-client-gnus-flush))
    (sendonce-client-gnus-went "bad" "one" "two")
    (sendonce-client-gnus-stayed "nndraft:queue")))

(ert-deftest sendonce-client-gnus-queue-several-refused ()
  "The reason is told of each."
  (sendonce-client-gnus-with
      (:scenario "at RCPT when \"bad\": say \"550 5.1.1 Who\\r\\n\"\n")
    (sendonce-client-gnus-queue "bad1" "one" "bad2")
    (let ((err (sendonce-client-gnus-flush)))
      (should (eq 'sendonce-refused (car err)))
      (should (string-search "bad1@there.example: 550" (cadr err)))
      (should (string-search "bad2@there.example: 550" (cadr err))))
    (sendonce-client-gnus-went "one")
    (sendonce-client-gnus-stayed "nndraft:queue" "bad1" "bad2")))

(ert-deftest sendonce-client-gnus-queue-refused-is-said-last ()
  "What was not sent is not hidden by what was."
  (sendonce-client-gnus-with
      (:scenario "at RCPT when \"bad@\": say \"550 5.1.1 Who\\r\\n\"\n")
    (sendonce-client-gnus-queue "bad" "one")
    (let ((said '("")))
      (cl-letf (((symbol-function 'message)
                 (lambda (format &rest args)
                   (when format
                     (push (apply #'format-message format args) said)))))
        (sendonce-test-interactively
          (should (eq 'sendonce-refused (car (sendonce-client-gnus-flush)))))
        (push "" said)
        (with-timeout (10 nil)
          (while (string-empty-p (car said))
            (accept-process-output nil 0.01)))
        (accept-process-output nil 0.01))
      (should (string-search "bad@there.example: 550" (car said))))))

(ert-deftest sendonce-client-gnus-queue-server-away ()
  "With a user, what waits in the outbox leaves the queue."
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-queue "one" "two")
    (sendonce-test-stop-peer)
    (sendonce-test-interactively
      (should-not (sendonce-client-gnus-flush)))
    (should (equal '(deferred deferred) (sendonce-test-states)))
    (sendonce-client-gnus-stayed "nndraft:queue")
    (sendonce-test--start-peer nil)
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (sendonce-client-gnus-went "one" "two")
    (should-not (sendonce-client-gnus-flush))
    (sendonce-client-gnus-went "one" "two")))

(ert-deftest sendonce-client-gnus-queue-server-away-in-batch ()
  "In batch it stays in both, and that is still one message."
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-queue "one" "two")
    (sendonce-test-stop-peer)
    (dotimes (_ 2)
      (should (eq 'sendonce-deferred (car (sendonce-client-gnus-flush))))
      (should (equal '(deferred deferred) (sendonce-test-states)))
      (sendonce-client-gnus-stayed "nndraft:queue" "one" "two"))
    (sendonce-test--start-peer nil)
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (sendonce-client-gnus-restart)
    (should-not (sendonce-client-gnus-flush))
    (sendonce-client-gnus-went "one" "two")
    (sendonce-client-gnus-stayed "nndraft:queue")))

(ert-deftest sendonce-client-gnus-queue-in-doubt ()
  (sendonce-client-gnus-with (:scenario sendonce-client-gnus-doubt)
    (sendonce-client-gnus-queue "one" "two")
    (dotimes (_ 2)
      (should (eq 'sendonce-in-doubt (car (sendonce-client-gnus-flush))))
      (sendonce-client-gnus-went "one" "two")
      (sendonce-client-gnus-stayed "nndraft:queue" "one"))
    (should-not (sendonce-test-answering '(?s) (sendonce-client-gnus-flush)))
    (sendonce-client-gnus-went "one" "two")
    (sendonce-client-gnus-stayed "nndraft:queue")))

(ert-deftest sendonce-client-gnus-queue-crash ()
  "What went out before a crash does not go out again."
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-queue "one" "two")
    (sendonce-client-gnus-crash #'gnus-group-send-queue)
    (sendonce-client-gnus-went "one")
    (should-not (sendonce-client-gnus-flush))
    (sendonce-client-gnus-went "one" "two")
    (sendonce-client-gnus-stayed "nndraft:queue")))

(ert-deftest sendonce-client-gnus-queue-refused-and-mended ()
  "A message of the queue is mended as a draft is: D e."
  (sendonce-client-gnus-with
      (:scenario "at RCPT when \"bad@\": say \"550 5.1.1 Who\\r\\n\"\n")
    (sendonce-client-gnus-queue "bad")
    (should (eq 'sendonce-refused (car (sendonce-client-gnus-flush))))
    (sendonce-client-gnus-open "nndraft:queue")
    (gnus-draft-edit-message)
    (sendonce-client-gnus-set "To" "good@there.example")
    (should-not (sendonce-client-gnus-send))
    (sendonce-client-gnus-went "bad")
    (should (equal '(sent failed) (sendonce-test-states)))
    (sendonce-client-gnus-stayed "nndraft:queue")
    (sendonce-client-gnus-stayed "nndraft:drafts")))

(ert-deftest sendonce-client-gnus-queued-after-doubt ()
  "What is in doubt does not go out by way of the queue either."
  (sendonce-client-gnus-with (:scenario sendonce-client-gnus-doubt)
    (sendonce-client-gnus-simple)
    (should (eq 'sendonce-in-doubt (car (sendonce-client-gnus-send))))
    (sendonce-client-gnus-unplugged
      (should-not (sendonce-client-gnus-send)))
    (dotimes (_ 2)
      (should (eq 'sendonce-in-doubt (car (sendonce-client-gnus-flush))))
      (sendonce-client-gnus-went "Hello")
      (sendonce-client-gnus-stayed "nndraft:queue" "Hello"))))

(ert-deftest sendonce-client-gnus-queue-always ()
  "Plugged as well, if the user wants to look at the queue first."
  (sendonce-client-gnus-with ()
    (let ((gnus-agent-queue-mail 'always))
      (sendonce-client-gnus-simple)
      (should-not (sendonce-client-gnus-send))
      (should-not (sendonce-entries))
      (should-not (sendonce-client-gnus-flush)))
    (sendonce-client-gnus-went "Hello")
    (sendonce-client-gnus-stayed "nndraft:queue")))

;;;; Delayed

(defconst sendonce-client-gnus--past "Mon, 02 Mar 2020 10:00:00 +0000"
  "A date that is over.")

(defconst sendonce-client-gnus--future "Mon, 02 Mar 2099 10:00:00 +0000"
  "A date that is to come.")

(ert-deftest sendonce-client-gnus-delayed ()
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-delay sendonce-client-gnus--past
                                '("Subject" . "due"))
    (sendonce-client-gnus-delay sendonce-client-gnus--future
                                '("Subject" . "not yet"))
    (should-not (sendonce-entries))
    (dotimes (_ 2)
      (gnus-delay-send-queue)
      (sendonce-client-gnus-went "due")
      (sendonce-client-gnus-stayed "nndraft:delayed" "not yet")
      (sendonce-client-gnus-stayed "nndraft:drafts"))))

(ert-deftest sendonce-client-gnus-delayed-refused ()
  "What is refused stays, is told, and holds up neither mail nor news."
  (sendonce-client-gnus-with
      (:scenario "at RCPT when \"bad@\": say \"550 5.1.1 Who is that\\r\\n\"\n")
    (sendonce-client-gnus-delay sendonce-client-gnus--past
                                '("To" . "bad@there.example")
                                '("Subject" . "bad"))
    (sendonce-client-gnus-delay sendonce-client-gnus--past
                                '("Subject" . "good"))
    (dotimes (_ 2)
      (let (warned)
        (cl-letf (((symbol-function 'display-warning)
                   (lambda (_ text &rest _) (push text warned))))
          (gnus-delay-send-queue))
        (should (= 1 (length warned)))
        (should (string-search "bad@there.example: 550 5.1.1" (car warned))))
      (sendonce-client-gnus-went "good")
      (sendonce-client-gnus-stayed "nndraft:delayed" "bad")
      (sendonce-client-gnus-stayed "nndraft:drafts"))
    (sendonce-test-scenario "")
    (gnus-delay-send-queue)
    (sendonce-client-gnus-went "bad" "good")
    (sendonce-client-gnus-stayed "nndraft:delayed")))

(ert-deftest sendonce-client-gnus-delayed-crash ()
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-delay sendonce-client-gnus--past
                                '("Subject" . "due"))
    (sendonce-client-gnus-crash #'gnus-delay-send-queue)
    (gnus-delay-send-queue)
    (sendonce-client-gnus-went "due")
    (sendonce-client-gnus-stayed "nndraft:delayed")))

;;;; Resending and bounces

(defconst sendonce-client-gnus--odd "From: Author <author@else.example>
To: list@else.example
Bcc: secret@else.example
Subject: =?utf-8?B?5Lu25ZCN?=
Date: Mon, 02 Mar 2026 10:00:00 +0000
Message-ID: <odd@else.example>
MIME-Version: 1.0
Content-Type: multipart/signed; boundary=x
X-Sendonce-Draft: 0123456789abcdef0123456789abcdef

--x
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: 8bit

Gr\374\337e \306 trailing \t
.
..two
From here

--x--
"
  "A message of which nothing may be changed, as bytes.")

(defun sendonce-client-gnus--resend (bytes address)
  "Receive BYTES and resend them to ADDRESS; return the error, or nil."
  (sendonce-client-gnus-receive bytes)
  (sendonce-client-gnus-do #'gnus-summary-resend-message address nil))

(ert-deftest sendonce-client-gnus-resend ()
  (sendonce-client-gnus-with (:scenario "connection 1 at EOD: refuse\n")
    (should (eq 'sendonce-refused
                (car (sendonce-client-gnus--resend
                      sendonce-client-gnus--odd "new@there.example"))))
    (sendonce-client-gnus-stayed "nndraft:drafts")
    (set-buffer gnus-summary-buffer)
    (should-not (sendonce-client-gnus-do #'gnus-summary-resend-message
                                         "new@there.example" nil))
    (should (equal '("from <me@here.example>\nto <new@there.example>\n")
                   (sendonce-test-envelopes)))
    (let ((sent (car (sendonce-test-accepted))))
      (should (equal (sendonce-client-body sendonce-client-gnus--odd)
                     (sendonce-client-body sent)))
      (dolist (line '("Resent-To: new@there.example\n"
                      "\nSubject: =?utf-8?B?5Lu25ZCN?=\n"
                      "\nTo: list@else.example\n"
                      "\nMessage-ID: <odd@else.example>\n"))
        (should (string-search line (sendonce-client-header sent))))
      (should-not (string-match-p "^\\(?:Bcc\\|X-Sendonce\\)" sent)))
    (should (equal '(4) (sendonce-client-gnus-marks 'forward)))))

(ert-deftest sendonce-client-gnus-resend-style ()
  "The posting style of the group says who resends."
  (sendonce-client-gnus-with ()
    (let ((gnus-posting-styles '(("nnml:in" (address "me@work.example")))))
      (should-not (sendonce-client-gnus--resend
                   sendonce-client-gnus--odd "new@there.example")))
    (should (equal '("from <me@work.example>\nto <new@there.example>\n")
                   (sendonce-test-envelopes)))))

(ert-deftest sendonce-client-gnus-resend-again ()
  "To the same again only if the user says so; to others at once."
  (sendonce-client-gnus-with ()
    (should-not (sendonce-client-gnus--resend
                 sendonce-client-gnus--odd "a@there.example"))
    (set-buffer gnus-summary-buffer)
    (should-not (sendonce-client-gnus-do #'gnus-summary-resend-message
                                         "b@there.example" nil))
    (should (eq 'sendonce-error
                (car (sendonce-client-gnus-do #'gnus-summary-resend-message
                                              "b@there.example" nil))))
    (should-not (sendonce-test-answering '(t)
                  (sendonce-client-gnus-do #'gnus-summary-resend-message
                                           "b@there.example" nil)))
    (should (equal '("a@there.example" "b@there.example" "b@there.example")
                   (mapcan #'sendonce-client-recipients
                           (sendonce-test-envelopes))))))

(ert-deftest sendonce-client-gnus-resend-is-nobody-elses-draft ()
  "A received message cannot pass for the draft of another."
  (sendonce-client-gnus-with ()
    (sendonce-test-stop-peer)
    (sendonce-test-interactively
      (should-not (sendonce-client-gnus--resend
                   sendonce-client-gnus--odd "a@there.example"))
      (should-not (sendonce-client-gnus--resend
                   (string-replace "<odd@" "<even@" sendonce-client-gnus--odd)
                   "b@there.example")))
    (should (equal '(deferred deferred) (sendonce-test-states)))))

(defun sendonce-client-gnus--bounce (message)
  "Return the bounce of MESSAGE, bytes, as a server makes it."
  (concat "From: MAILER-DAEMON@there.example
To: me@here.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce@there.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"

--b
Content-Type: text/plain

No such user.
--b
Content-Type: message/delivery-status

Final-Recipient: rfc822; you@there.example
Action: failed
--b
Content-Type: message/rfc822

Return-Path: <me@here.example>
" (string-replace "\r\n" "\n" message) "
--b--
"))

(ert-deftest sendonce-client-gnus-bounced-mail ()
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-simple)
    (should-not (sendonce-client-gnus-send))
    (sendonce-client-gnus-receive
     (sendonce-client-gnus--bounce (car (sendonce-test-accepted))))
    (gnus-summary-resend-bounced-mail nil)
    (sendonce-client-gnus-set "To" "right@there.example")
    (should-not (sendonce-client-gnus-send))
    (should (equal '("you@there.example" "right@there.example")
                   (mapcan #'sendonce-client-recipients
                           (sendonce-test-envelopes))))
    (should (string-search "\r\n\r\nHello there.\r\n"
                           (cadr (sendonce-test-accepted))))))

(ert-deftest sendonce-client-gnus-bounced-mail-to-the-same ()
  "It did go out; whether it goes again is the user's word."
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus-simple)
    (should-not (sendonce-client-gnus-send))
    (sendonce-client-gnus-receive
     (sendonce-client-gnus--bounce (car (sendonce-test-accepted))))
    (gnus-summary-resend-bounced-mail nil)
    (should (eq 'sendonce-error (car (sendonce-client-gnus-send))))
    (should-not (sendonce-test-answering '(t) (sendonce-client-gnus-send)))
    (sendonce-client-gnus-went "Hello" "Hello")))

;;;; In parts

(defun sendonce-client-gnus--long ()
  "Begin a long mail."
  (sendonce-client-gnus-mail
   '(("To" . "you@there.example") ("Subject" . "Long"))
   (mapconcat (lambda (n) (format "Line number %d\n" n))
              (number-sequence 1 300) "")))

(defun sendonce-client-gnus--send-parts ()
  "Send the draft in parts; return the error, or nil."
  (let ((message-send-mail-partially-limit 2000))
    (cl-letf (((symbol-function 'y-or-n-p) #'always))
      (sendonce-client-gnus-send))))

(defun sendonce-client-gnus--part-ids ()
  "Return what the accepted parts say that they are parts of."
  (mapcar (lambda (message)
            (should (string-match
                     "^Content-Type: message/partial; id=\\(\"[^\"]+\"\\)"
                     message))
            (match-string 1 message))
          (sendonce-test-accepted)))

(ert-deftest sendonce-client-gnus-parts ()
  (sendonce-client-gnus-with ()
    (sendonce-client-gnus--long)
    (should-not (sendonce-client-gnus--send-parts))
    (sendonce-client-gnus-went "Long (1/3)" "Long (2/3)" "Long (3/3)")
    (should (= 1 (length (seq-uniq (sendonce-client-gnus--part-ids)))))))

(ert-deftest sendonce-client-gnus-parts-tried-again ()
  "Only what is missing goes, and receivers can put it together."
  (sendonce-client-gnus-with
      (:scenario "connection 2 at EOD: refuse\n")
    (sendonce-client-gnus--long)
    (should (eq 'sendonce-refused (car (sendonce-client-gnus--send-parts))))
    (sendonce-client-gnus-went "Long (1/3)")
    (sendonce-test-scenario "")
    (should-not (sendonce-client-gnus--send-parts))
    (sendonce-client-gnus-went "Long (1/3)" "Long (2/3)" "Long (3/3)")
    (should (= 1 (length (seq-uniq (sendonce-client-gnus--part-ids)))))
    (sendonce-client-gnus-stayed "nndraft:drafts")))

(ert-deftest sendonce-client-gnus-parts-in-the-queue ()
  (sendonce-client-gnus-with
      (:scenario "connection 2 at EOD: refuse\n")
    (sendonce-client-gnus--long)
    (sendonce-client-gnus-unplugged
      (should-not (sendonce-client-gnus--send-parts)))
    (should (eq 'sendonce-refused (car (sendonce-client-gnus-flush))))
    (sendonce-client-gnus-went "Long (1/3)" "Long (3/3)")
    (should-not (sendonce-client-gnus-flush))
    (sendonce-client-gnus-went "Long (1/3)" "Long (2/3)" "Long (3/3)")
    (should (= 1 (length (seq-uniq (sendonce-client-gnus--part-ids)))))))

(ert-deftest sendonce-client-gnus-parts-edited ()
  "Parts of one version are not sent to who has parts of another."
  (sendonce-client-gnus-with
      (:scenario "connection 2 at EOD: refuse\n")
    (sendonce-client-gnus--long)
    (should (eq 'sendonce-refused (car (sendonce-client-gnus--send-parts))))
    (sendonce-test-scenario "")
    (goto-char (point-max))
    (insert "More.\n")
    (should (eq 'sendonce-error (car (sendonce-client-gnus--send-parts))))
    (sendonce-client-gnus-went "Long (1/3)")))

;;;; And besides

(ert-deftest sendonce-client-gnus-not-interactive ()
  "Errors are errors whatever `message-interactive' says."
  (sendonce-client-gnus-with-reply (:scenario "connection 1 at EOD: refuse\n")
    (let ((message-interactive nil))
      (should (eq 'sendonce-refused (car (sendonce-client-gnus-send))))
      (sendonce-client-gnus-nothing-followed)
      (should-not (sendonce-client-gnus-send)))
    (sendonce-client-gnus-all-followed)))

(defmacro sendonce-client-gnus-with-news (options &rest body)
  "Evaluate BODY in an article for news.example, posted by a mail gateway.
OPTIONS are those of `sendonce-test-with-peer'."
  (declare (indent 1) (debug t))
  `(sendonce-client-gnus-with ,options
     (let ((gnus-post-method
            '(nngateway "post@gate.example"
                        (nngateway-header-transformation
                         nngateway-mail2news-header-transformation)))
           (message-syntax-checks 'dont-check-for-anything-just-trust-me)
           (message-signature nil)
           (mm-coding-system-priorities '(utf-8)))
       (gnus-group-news)
       (sendonce-client-gnus-set "Newsgroups" "news.example")
       (sendonce-client-gnus-set "Subject" "Post")
       (message-goto-body)
       (insert "Grüße.\n")
       ,@body)))

(ert-deftest sendonce-client-gnus-gateway ()
  (sendonce-client-gnus-with-news (:scenario "connection 1 at EOD: refuse\n")
    (should (eq 'sendonce-refused (car (sendonce-client-gnus-send))))
    (should-not (sendonce-client-gnus-send))
    (should (equal '("from <me@here.example>\nto <post@gate.example>\n")
                   (sendonce-test-envelopes)))
    (let ((sent (car (sendonce-test-accepted))))
      (should (string-search "\r\nNewsgroups: news.example\r\n" sent))
      (should (string-match-p "^Content-Type: text/plain; charset=utf-8" sent))
      (should (string-search
               (encode-coding-string "\r\n\r\nGrüße.\r\n" 'utf-8) sent)))))

(ert-deftest sendonce-client-gnus-news-and-mail ()
  "Posted and mailed; tried again, only what did not go."
  (sendonce-client-gnus-with-news
      (:scenario "at EOD when \"you@\": refuse\n")
    (sendonce-client-gnus-set "To" "you@there.example")
    (search-backward "Grüße")
    (replace-match "Hello")             ; no courtesy where it is base64
    (should (eq 'sendonce-refused (car (sendonce-client-gnus-send))))
    (should (equal '("post@gate.example")
                   (mapcan #'sendonce-client-recipients
                           (sendonce-test-envelopes))))
    (sendonce-test-scenario "")
    ;; "Already sent message via news; resend?"
    (let ((message-shoot-gnksa-feet '(multiple-copies)))
      (should-not (sendonce-test-answering '(nil)
                    (sendonce-client-gnus-send))))
    (should (equal '("post@gate.example" "you@there.example")
                   (mapcan #'sendonce-client-recipients
                           (sendonce-test-envelopes))))
    (should (string-search "is a courtesy copy of an article"
                           (cadr (sendonce-test-accepted))))))

(ert-deftest sendonce-client-gnus-maildir-post ()
  "Back ends that post by calling the send function themselves."
  (dolist (function '(message-send-mail-with-sendonce sendonce-send-it))
    (sendonce-client-gnus-with-news ()
      (let ((directory (expand-file-name "md" gnus-home-directory))
            (message-send-mail-function function))
        (make-directory directory t)
        (setq gnus-post-method `(nnmaildir "md" (directory ,directory)))
        (message-remove-header "Newsgroups")
        (sendonce-client-gnus-set "Newsgroups" "list")
        (setq-local message-post-method gnus-post-method)
        (setq-local message-send-method-alist
                    (list (assq 'news message-send-method-alist)))
        (sendonce-client-gnus-set "To" "list@there.example")
        (should-not (sendonce-client-gnus-send)))
      (should (equal '("from <me@here.example>\nto <list@there.example>\n")
                     (sendonce-test-envelopes)))
      (should (string-search
               (encode-coding-string "\r\n\r\nGrüße.\r\n" 'utf-8)
               (car (sendonce-test-accepted)))))))

;;; sendonce-client-gnus-tests.el ends here
