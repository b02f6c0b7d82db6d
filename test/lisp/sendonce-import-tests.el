;;; sendonce-import-tests.el --- Coming over from smtpmail  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; smtpmail's own queue, made by smtpmail, comes into the outbox, each
;; message once whatever happens in between; its settings become accounts.

;;; Code:

(require 'sendonce-test-helper)
(require 'sendonce-import)

(defvar message-server-alist)

(defmacro sendonce-import-with-peer (&rest body)
  "Evaluate BODY with a peer, and a queue of smtpmail in the test's place."
  (declare (indent 0) (debug t))
  `(sendonce-test-with-peer ()
     (let ((smtpmail-queue-dir (sendonce-test-file "queue/"))
           (message-server-alist nil)
           (smtpmail-smtp-server nil)
           (smtpmail-default-smtp-server nil)
           (smtpmail-store-queue-variables nil))
       ,@body)))

(defun sendonce-import-recipients ()
  "Return the recipients, of To, of what the peer accepted, sorted."
  (sort (mapcar (lambda (envelope)
                  (and (string-match "^to <\\(.*@there.*\\)>" envelope)
                       (match-string 1 envelope)))
                (sendonce-test-envelopes))
        #'string<))

(defun sendonce-import-files ()
  "Return the files that are left in the queue, but the index."
  (directory-files smtpmail-queue-dir nil "\\`[0-9]"))

(ert-deftest sendonce-import-queue-each-once ()
  (sendonce-import-with-peer
    (sendonce-test-smtpmail-queue "One" "Two" "Three")
    (should (= 6 (length (sendonce-import-files))))
    (sendonce-test-answering '(t)
      (sendonce-import-smtpmail))
    (should (sendonce-wait-idle 30))
    (should (equal '("one@there.example" "three@there.example"
                     "two@there.example")
                   (sendonce-import-recipients)))
    (should-not (sendonce-import-files))
    (should (equal "" (sendonce-test-read
                       (expand-file-name "index" smtpmail-queue-dir))))
    (dolist (message (sendonce-test-accepted))
      (should-not (string-search "hidden@" message)))
    (dolist (envelope (sendonce-test-envelopes))
      (should (string-search "to <hidden@elsewhere.example>" envelope))
      (should (string-prefix-p "from <me@here.example>" envelope)))
    ;; Nothing is left to bring in.
    (sendonce-test-answering nil
      (sendonce-import-smtpmail))
    (should (= 3 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-import-no-leaves-all ()
  (sendonce-import-with-peer
    (sendonce-test-smtpmail-queue "One")
    (sendonce-test-answering '(nil)
      (sendonce-import-smtpmail))
    (should (= 2 (length (sendonce-import-files))))
    (should-not (sendonce-entries))))

(ert-deftest sendonce-import-broken-off-between ()
  "The message is in the outbox, and Emacs died before its file was removed."
  (sendonce-import-with-peer
    (sendonce-test-smtpmail-queue "One" "Two")
    (cl-letf (((symbol-function 'sendonce-import--remove)
               (lambda (_) (signal 'quit nil))))
      (should (eq 'quit (condition-case nil
                            (progn (sendonce-import-smtpmail) nil)
                          (quit 'quit)))))
    (should (= 4 (length (sendonce-import-files))))
    (sendonce-import-smtpmail)
    (should (sendonce-wait-idle 30))
    (should-not (sendonce-import-files))
    (should (equal '("one@there.example" "two@there.example")
                   (sendonce-import-recipients)))))

(ert-deftest sendonce-import-what-the-index-forgot-and-what-is-gone ()
  (sendonce-import-with-peer
    (sendonce-test-smtpmail-queue "One" "Two")
    (sendonce-test-write "queue/index" "/nowhere/2020-01-01_00:00:00_1\n")
    (sendonce-import-smtpmail)
    (should (sendonce-wait-idle 30))
    (should (equal '("one@there.example" "two@there.example")
                   (sendonce-import-recipients)))))

(ert-deftest sendonce-import-leaves-what-it-cannot-read ()
  (sendonce-import-with-peer
    (sendonce-test-smtpmail-queue "One" "Two" "Three")
    (let ((files (sendonce-import-queue)))
      (sendonce-test-write (concat "queue/" (file-name-nondirectory
                                             (nth 1 files)) ".el")
                           "(progn (error \"evaluated\"))")
      (sendonce-import-smtpmail)
      (should (sendonce-wait-idle 30))
      (should (equal '("one@there.example" "three@there.example")
                     (sendonce-import-recipients)))
      (should (equal (list (nth 1 files)) (sendonce-import-queue)))
      (with-current-buffer "*Warnings*"
        (should (string-search (nth 1 files) (buffer-string)))
        (kill-buffer)))))

(ert-deftest sendonce-import-identical-to-what-went-out ()
  "The user has sent the same by hand since: it goes again only if asked for."
  (sendonce-import-with-peer
    (sendonce-test-smtpmail-queue "One")
    (should-not (sendonce-test-send "From: Me <me@here.example>
To: You <one@there.example>
Bcc: hidden@elsewhere.example
Subject: One

Hello\n"))
    (sendonce-test-answering '(t nil)
      (sendonce-import-smtpmail))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (= 2 (length (sendonce-import-files))))
    (sendonce-test-answering '(t t)
      (sendonce-import-smtpmail))
    (should (sendonce-wait-idle 30))
    (should (= 2 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-import-server-of-a-message ()
  "A message that was queued with its server goes to that server."
  (sendonce-import-with-peer
    (let ((smtpmail-store-queue-variables t)
          (smtpmail-smtp-server "127.0.0.1")
          (smtpmail-smtp-service sendonce-test-port)
          (smtpmail-stream-type 'ssl))
      (sendonce-test-smtpmail-queue "One"))
    (setq sendonce-accounts
          (append '((:name "other" :host "127.0.0.1" :port 1))
                  sendonce-accounts))
    (sendonce-import-smtpmail)
    (should (sendonce-wait-idle 30))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-import-accounts-of-smtpmail ()
  (sendonce-test-in-place
    (pcase-dolist
        (`(,port ,type ,user ,expected)
         '((587 nil "u" ((:name "m.example" :host "m.example" :port 587
                                :user "u")))
           (465 ssl nil ((:name "m.example" :host "m.example" :port 465
                                :tls implicit)))
           ("smtp" nil nil ((:name "m.example" :host "m.example" :port 25
                                   :tls opportunistic)))
           (25 plain nil ((:name "m.example" :host "m.example" :port 25
                                 :tls nil)))))
      (let ((smtpmail-smtp-server "m.example")
            (smtpmail-smtp-service port)
            (smtpmail-stream-type type)
            (smtpmail-smtp-user user)
            (smtpmail-local-domain nil)
            (message-server-alist nil))
        (should (equal expected (sendonce-import-accounts)))
        (mapc #'sendonce-account-check (sendonce-import-accounts))))))

(ert-deftest sendonce-import-rules-are-accounts ()
  (sendonce-test-in-place
    (let ((smtpmail-smtp-server "m.example")
          (smtpmail-smtp-service 587)
          (smtpmail-stream-type 'starttls)
          (smtpmail-smtp-user "u")
          (smtpmail-local-domain nil)
          (smtpmail-queue-dir (sendonce-test-file "queue/"))
          (message-server-alist '(("me@work.example"
                                   . "smtp smtp.work.example 465 worker")
                                  ("x@y.example" . "sendmail")
                                  (ignore . "smtp z 25"))))
      (sendonce-test-answering '(t)
        (sendonce-import-smtpmail))
      (should (equal '((:name "me@work.example" :from "me@work.example"
                              :host "smtp.work.example" :port 465 :user "worker")
                       (:name "m.example" :host "m.example" :port 587
                              :tls starttls :user "u"))
                     sendonce-accounts))
      (should (equal "smtp.work.example"
                     (plist-get (sendonce-account-for "me@work.example")
                                :host)))
      (should (equal "m.example"
                     (plist-get (sendonce-account-for "me@home.example")
                                :host)))
      ;; Once more: there is nothing new.
      (sendonce-test-answering nil
        (sendonce-import-smtpmail)))))

;;; sendonce-import-tests.el ends here
