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

;;; sendonce-client-gnus-tests.el ends here
