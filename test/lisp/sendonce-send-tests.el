;;; sendonce-send-tests.el --- C-c C-c against the peer  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Live: whole sends driven through message-mode, and every outcome that
;; the send function knows.

;;; Code:

(require 'sendonce-test-helper)

(defun sendonce-test-text (err)
  "Return the text of ERR."
  (cadr err))

;;;; Sent

(ert-deftest sendonce-send-one ()
  (sendonce-test-with-peer ()
    (should-not (sendonce-test-send))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (equal (sendonce-test-envelopes)
                   '("from <me@here.example>\nto <you@there.example>\n")))
    (should (equal (sendonce-test-states) '(sent)))
    (should (string-search "\r\nHello there.\r\n"
                           (car (sendonce-test-accepted))))))

(ert-deftest sendonce-send-bytes-are-those-composed ()
  (sendonce-test-with-peer ()
    (let* (composed
           (send-mail-function
            (lambda ()
              (setq composed (sendonce-letter-bytes (sendonce-compose)))
              (sendonce-send-it))))
      (should-not (sendonce-test-send "From: Jürgen <me@here.example>
To: 山田 <yamada@example.jp>, you@there.example
Cc: third@there.example
Bcc: hidden@there.example
Subject: 件名

.本文

..
From here
<#part type=text/plain disposition=attachment>
attached: é
<#/part>
"))
      (should (equal (replace-regexp-in-string
                      "\r\n" "\n" (car (sendonce-test-accepted)) t t)
                     composed))
      (should (equal (sendonce-test-envelopes)
                     '("from <me@here.example>
to <yamada@example.jp>
to <you@there.example>
to <third@there.example>
to <hidden@there.example>\n"))))))

(ert-deftest sendonce-send-tls-modes ()
  (sendonce-test-with-peer ("--tls" "starttls")
    (sendonce-test-account :tls 'starttls)
    (should-not (sendonce-test-send))
    (should (equal (sendonce-test-states) '(sent))))
  (sendonce-test-with-peer ("--tls" "plain")
    (sendonce-test-account :tls nil)
    (should-not (sendonce-test-send))
    (should (equal (sendonce-test-states) '(sent)))))

(ert-deftest sendonce-send-with-smtpmail-variables ()
  (sendonce-test-with-peer ("--tls" "starttls" "--user" "alice:pa ss"
                            "--require-auth")
    (let ((sendonce-accounts nil)
          (smtpmail-smtp-server "127.0.0.1")
          (smtpmail-smtp-service sendonce-test-port)
          (smtpmail-stream-type 'starttls)
          (gnutls-trustfiles (list (sendonce-test-file "peer/ca.pem"))))
      (sendonce-test-write
       "authinfo" (format "machine 127.0.0.1 port %d login alice password \"pa ss\"\n"
                          sendonce-test-port))
      (should-not (sendonce-test-send))
      (should (equal (sendonce-test-states) '(sent))))))

(ert-deftest sendonce-send-as-message-send-mail-function ()
  (sendonce-test-with-peer ()
    (let* (hook
           (message-send-mail-function #'sendonce-send-it)
           (message-send-mail-hook (list (lambda () (push 'ran hook)))))
      (should-not (sendonce-test-send))
      (should (equal hook '(ran)))
      (setq message-send-mail-function #'message-send-mail-with-sendonce)
      (should-not (sendonce-test-send
                   (string-replace "Hello" "Bye" sendonce-test-draft)))
      (should (equal hook '(ran ran)))
      (setq message-send-mail-function
            #'message--default-send-mail-function)
      (should-not (sendonce-test-send
                   (string-replace "Hello" "Hi" sendonce-test-draft)))
      (should (equal hook '(ran ran ran)))
      (should (= 3 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-send-mode-sets-and-restores ()
  (sendonce-test-with-peer ()
    (let ((send-mail-function #'ignore)
          (message-send-mail-function #'message--default-send-mail-function)
          (message-send-hook nil))
      (unwind-protect
          (progn
            (sendonce-mode 1)
            (should (eq send-mail-function #'sendonce-send-it))
            (should (eq message-send-mail-function
                        #'message-send-mail-with-sendonce))
            (should-not (sendonce-test-send))
            (should (equal (sendonce-test-states) '(sent))))
        (sendonce-mode -1))
      (should (eq send-mail-function #'ignore))
      (should (eq message-send-mail-function
                  #'message--default-send-mail-function))
      (should-not (memq #'sendonce-identity-stamp message-send-hook)))))

(ert-deftest sendonce-send-mail-mode-files-once ()
  (sendonce-test-with-peer (:scenario "connection 1 at EOD: refuse\n")
    (let* ((fcc (sendonce-test-file "fcc"))
           (mail-default-directory sendonce-test-directory)
           (mail-aliases nil))
      (with-temp-buffer
        (insert "To: you@there.example\nSubject: x\nFcc: " fcc "\n"
                mail-header-separator "\nBody\n")
        (mail-mode)
        (should-error (sendonce-send-it) :type 'sendonce-refused)
        (should-not (file-exists-p fcc))
        (sendonce-send-it)
        (should (file-exists-p fcc))
        (sendonce-send-it)
        (should (= 2 (length (split-string (sendonce-test-read fcc)
                                           "^From " nil))))
        (should (= 1 (length (sendonce-test-accepted))))))))

(ert-deftest sendonce-send-resent ()
  "A resent message goes to the new recipient only, from who resends."
  (sendonce-test-with-peer ()
    (with-temp-buffer
      (insert "From: Author <author@else.example>
To: old@else.example
Message-ID: <orig@else.example>
Subject: =?utf-8?B?5Lu25ZCN?=

Original.
")
      (let ((message-interactive t))
        (message-resend "new@there.example")))
    (should (equal (sendonce-test-envelopes)
                   '("from <me@here.example>\nto <new@there.example>\n")))
    (let ((message (car (sendonce-test-accepted))))
      (dolist (part '("Resent-To: new@there.example\r\n"
                      "Message-ID: <orig@else.example>\r\n"
                      "Subject: =?utf-8?B?5Lu25ZCN?=\r\n" "\r\nOriginal.\r\n"))
        (should (string-search part message))))))

(ert-deftest sendonce-send-envelope-sender ()
  (sendonce-test-with-peer ()
    (let ((mail-specify-envelope-from t)
          (mail-envelope-from "bounces@here.example"))
      (should-not (sendonce-test-send)))
    (should (equal (sendonce-test-envelopes)
                   '("from <bounces@here.example>\nto <you@there.example>\n")))))

(ert-deftest sendonce-send-beyond-ascii ()
  (sendonce-test-with-peer ()
    (should-not (sendonce-test-send
                 (string-replace "you@there.example" "jürgen@bücher.example"
                                 sendonce-test-draft)))
    (should (equal (sendonce-test-envelopes)
                   (list (encode-coding-string
                          "from <me@here.example>\nto <jürgen@xn--bcher-kva.example>\n"
                          'utf-8)))))
  (sendonce-test-with-peer ("--no-smtputf8")
    (let ((err (sendonce-test-send
                (string-replace "you@" "jürgen@" sendonce-test-draft))))
      (should (eq (car err) 'sendonce-refused))
      (should (eq (plist-get (cddr err) :cause) 'needs-smtputf8)))))

(ert-deftest sendonce-send-large ()
  (sendonce-test-with-peer ()
    (let ((message-send-mail-partially-limit nil))
      (should-not (sendonce-test-send
                   (concat sendonce-test-draft
                           (mapconcat (lambda (n) (format "line %d\n" n))
                                      (number-sequence 1 100000) ""))))
      (should (> (length (car (sendonce-test-accepted))) 1000000)))))

;;;; Refused

(ert-deftest sendonce-send-refused-recipient ()
  (sendonce-test-with-peer
      (:scenario "at RCPT when \"bad@\": say \"550 5.1.1 No such user\\r\\n\"\n")
    (let ((err (sendonce-test-send
                (string-replace "you@" "bad@" sendonce-test-draft))))
      (should (eq (car err) 'sendonce-refused))
      (dolist (part '("bad@there.example" "550 5.1.1" "no such mailbox"))
        (should (string-search part (sendonce-test-text err))))
      (should (eq (plist-get (cddr err) :cause) 'refused))
      (should (equal (sendonce-test-states) '(failed)))
      (should-not (sendonce-test-accepted)))))

(ert-deftest sendonce-send-partly-then-the-rest ()
  (sendonce-test-with-peer
      (:scenario "at RCPT when \"bob@\": say \"550 5.7.1 Not now\\r\\n\"\n")
    (sendonce-test-with-draft
        (string-replace "To: You" "To: bob@there.example, You"
                        sendonce-test-draft)
      (let ((err (sendonce-test-send-again)))
        (should (eq (car err) 'sendonce-refused))
        (should (string-search "bob@there.example: 550"
                               (sendonce-test-text err)))
        (should (string-search "Sent to you@there.example"
                               (sendonce-test-text err))))
      (sendonce-test-scenario "")
      (should-not (sendonce-test-send-again))
      (should (equal (sendonce-test-envelopes)
                     '("from <me@here.example>\nto <you@there.example>\n"
                       "from <me@here.example>\nto <bob@there.example>\n")))
      ;; The same bytes, so that receivers see one message.
      (should (equal (car (sendonce-test-accepted))
                     (cadr (sendonce-test-accepted))))
      (should (equal (sendonce-test-states) '(sent))))))

(ert-deftest sendonce-send-config-errors-send-nothing ()
  (sendonce-test-with-peer ()
    (sendonce-test-account :tls 587)
    (let ((err (sendonce-test-send)))
      (should (eq (car err) 'sendonce-config-error))
      (should (string-search ":port 587 :tls starttls"
                             (sendonce-test-text err))))
    (sendonce-test-account)
    (should (eq 'sendonce-config-error
                (car (sendonce-test-send
                      (string-replace "Subject: Hello" "Bcc: a@b@c"
                                      sendonce-test-draft)))))
    (should-not (sendonce-entries))))

;;;; Deferred

(ert-deftest sendonce-send-server-down-in-batch ()
  (sendonce-test-with-peer ()
    (sendonce-test-stop-peer)
    (sendonce-test-with-draft sendonce-test-draft
      (let ((err (sendonce-test-send-again)))
        (should (eq (car err) 'sendonce-deferred))
        (should (eq (plist-get (cddr err) :cause) 'connection-refused))
        (should (string-search "check the port" (sendonce-test-text err)))
        (should (equal (sendonce-test-states) '(deferred)))))))

(ert-deftest sendonce-send-server-down-and-up-again ()
  (sendonce-test-with-peer ()
    (sendonce-test-stop-peer)
    (sendonce-test-with-draft sendonce-test-draft
      (sendonce-test-interactively
        (should-not (sendonce-test-send-again)))
      (should (equal (sendonce-test-states) '(deferred)))
      (should (> (plist-get (car (sendonce-entries)) :next-try)
                 (float-time)))
      (sendonce-test--start-peer nil)
      ;; C-c C-c again joins the entry that is there.
      (should-not (sendonce-test-send-again))
      (should (equal (sendonce-test-states) '(sent)))
      (should (= 1 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-send-greylisted ()
  (sendonce-test-with-peer
      (:scenario "connection 1 at RCPT: say \"450 4.7.1 Greylisted\\r\\n\"\n")
    (sendonce-test-with-draft sendonce-test-draft
      (should (eq 'sendonce-deferred (car (sendonce-test-send-again))))
      (should-not (sendonce-test-send-again))
      (should (= 1 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-send-cut-before-the-commit-point-is-deferred ()
  (sendonce-test-with-peer (:scenario "connection 1 at EHLO: drop\n")
    (sendonce-test-with-draft sendonce-test-draft
      (should (eq 'sendonce-deferred (car (sendonce-test-send-again))))
      (should (equal (sendonce-test-states) '(deferred)))
      (should-not (sendonce-test-send-again))
      (should (= 1 (length (sendonce-test-accepted)))))))

;;;; In doubt

(defconst sendonce-test-doubt "connection 1 at EOD: accept; drop\n"
  "Scenario: the server takes the message and breaks the line.")

(ert-deftest sendonce-send-in-doubt-in-batch ()
  (sendonce-test-with-peer (:scenario sendonce-test-doubt)
    (sendonce-test-with-draft sendonce-test-draft
      (dotimes (_ 3)
        (let ((err (sendonce-test-send-again)))
          (should (eq (car err) 'sendonce-in-doubt))
          (should (string-search "Message-ID <" (sendonce-test-text err)))))
      (should (equal (sendonce-test-states) '(in-doubt)))
      (should (= 0 (sendonce-flush)))
      (should (sendonce-wait-idle 10))
      (should (= 1 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-send-in-doubt-left ()
  (dolist (answer '(?l quit))
    (sendonce-test-with-peer (:scenario sendonce-test-doubt)
      (should (eq 'sendonce-in-doubt
                  (car (sendonce-test-answering (list answer)
                         (sendonce-test-send)))))
      (should (equal (sendonce-test-states) '(in-doubt))))))

(ert-deftest sendonce-send-in-doubt-marked-sent ()
  (sendonce-test-with-peer (:scenario sendonce-test-doubt)
    (should-not (sendonce-test-answering '(?s) (sendonce-test-send)))
    (should (equal (sendonce-test-states) '(sent)))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-send-in-doubt-resent ()
  (sendonce-test-with-peer (:scenario "connection 1 at EOD: drop\n")
    (should-not (sendonce-test-answering '(?r) (sendonce-test-send)))
    (should (equal (sendonce-test-states) '(sent)))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-send-in-doubt-resent-is-the-same ()
  (sendonce-test-with-peer (:scenario sendonce-test-doubt)
    (should-not (sendonce-test-answering '(?r) (sendonce-test-send)))
    (let ((accepted (sendonce-test-accepted)))
      (should (= 2 (length accepted)))
      (should (equal (car accepted) (cadr accepted))))))

(ert-deftest sendonce-send-in-doubt-then-edited ()
  (sendonce-test-with-peer (:scenario "connection 1 at EOD: drop\n")
    (sendonce-test-with-draft sendonce-test-draft
      (should (eq 'sendonce-in-doubt (car (sendonce-test-send-again))))
      (goto-char (point-max))
      (insert "More.\n")
      (should (eq 'sendonce-in-doubt (car (sendonce-test-send-again))))
      (should-not (sendonce-test-answering '(?n) (sendonce-test-send-again)))
      (should (= 1 (length (sendonce-test-accepted))))
      (should (string-search "More." (car (sendonce-test-accepted))))
      (should (equal (sendonce-test-states) '(sent cancelled))))))

;;;; The same again

(ert-deftest sendonce-send-five-times-is-once ()
  (sendonce-test-with-peer ()
    (sendonce-test-with-draft sendonce-test-draft
      (dotimes (_ 5)
        (should-not (sendonce-test-send-again)))
      (should (= 1 (length (sendonce-test-accepted))))
      (should (equal (sendonce-test-states) '(sent))))))

(ert-deftest sendonce-send-five-times-at-once-is-once ()
  (sendonce-test-with-peer ("--delay" "100")
    (let ((sendonce-wait nil))
      (sendonce-test-interactively
        (sendonce-test-with-draft sendonce-test-draft
          (dotimes (_ 5)
            (should-not (sendonce-test-send-again))))))
    (should (sendonce-wait-idle 30))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (equal (sendonce-test-states) '(sent)))))

(ert-deftest sendonce-send-identical-from-another-draft ()
  (sendonce-test-with-peer ()
    (should-not (sendonce-test-send))
    (let ((err (sendonce-test-send)))
      (should (eq (car err) 'sendonce-error))
      (should (string-search "identical" (sendonce-test-text err))))
    (should (eq 'sendonce-error
                (car (sendonce-test-answering '(nil) (sendonce-test-send)))))
    (should-not (sendonce-test-answering '(t) (sendonce-test-send)))
    (should (= 2 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-send-edited-after-refusal ()
  (sendonce-test-with-peer (:scenario "connection 1 at EOD: refuse\n")
    (sendonce-test-with-draft sendonce-test-draft
      (should (eq 'sendonce-refused (car (sendonce-test-send-again))))
      (goto-char (point-max))
      (insert "More.\n")
      (should-not (sendonce-test-send-again))
      (should (= 1 (length (sendonce-test-accepted))))
      (should (equal (sendonce-test-states) '(sent failed))))))

(ert-deftest sendonce-send-edited-after-sent-asks-whom ()
  (sendonce-test-with-peer ()
    (sendonce-test-with-draft sendonce-test-draft
      (should-not (sendonce-test-send-again))
      (goto-char (point-max))
      (insert "More.\n")
      (should (eq 'sendonce-error (car (sendonce-test-send-again))))
      (should (eq 'sendonce-error
                  (car (sendonce-test-answering '(?n)
                         (sendonce-test-send-again)))))
      (should (= 1 (length (sendonce-test-accepted))))
      (should-not (sendonce-test-answering '(?a) (sendonce-test-send-again)))
      (should (= 2 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-send-edited-to-those-left ()
  (sendonce-test-with-peer
      (:scenario "at RCPT when \"bob@\": say \"550 5.1.1 Who\\r\\n\"\n")
    (sendonce-test-with-draft
        (string-replace "To: You" "To: bob@there.example, You"
                        sendonce-test-draft)
      (should (eq 'sendonce-refused (car (sendonce-test-send-again))))
      (goto-char (point-min))
      (search-forward "bob@")
      (replace-match "bill@")
      (should-not (sendonce-test-answering '(?l) (sendonce-test-send-again)))
      (should (equal (cadr (sendonce-test-envelopes))
                     "from <me@here.example>\nto <bill@there.example>\n"))
      ;; And now everybody has it.
      (should-not (sendonce-test-send-again))
      (should (= 2 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-send-first-draft-of-a-session-edited ()
  "The very first send knows its draft, though the hook came too late."
  (sendonce-test-with-peer
      (:scenario "at RCPT when \"bob@\": say \"550 5.1.1 Who\\r\\n\"\n")
    (let ((message-send-hook nil))
      (sendonce-test-with-draft
          (string-replace "To: You" "To: bob@there.example, You"
                          sendonce-test-draft)
        (should (eq 'sendonce-refused (car (sendonce-test-send-again))))
        (goto-char (point-max))
        (insert "More.\n")
        (should (eq 'sendonce-error (car (sendonce-test-send-again))))
        (should (= 1 (length (sendonce-test-accepted))))))))

(ert-deftest sendonce-send-reopened-after-a-crash ()
  "A draft that comes back from its auto-save file is the same draft."
  (sendonce-test-with-peer (:scenario sendonce-test-doubt)
    (let ((file (sendonce-test-file "auto-save")))
      (sendonce-test-with-draft sendonce-test-draft
        (setq buffer-auto-save-file-name file)
        (sendonce-test-send-again)
        (setq buffer-auto-save-file-name nil))
      (with-temp-buffer
        (insert-file-contents file)
        (message-mode)
        (goto-char (point-max))
        (insert "More.\n")
        (should (eq 'sendonce-in-doubt (car (sendonce-test-send-again))))
        (set-buffer-modified-p nil))
      (should-not (string-search "X-Sendonce"
                                 (car (sendonce-test-accepted))))
      (should (= 1 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-send-signed-anew-each-time ()
  "A draft whose body differs at each try is known by its source."
  (sendonce-test-with-peer (:scenario sendonce-test-doubt)
    (let ((count 0))
      (cl-letf (((symbol-function 'mml-generate-mime)
                 (lambda (&rest _)
                   (format "Content-Type: text/plain\n\nsigned %d\n"
                           (cl-incf count)))))
        (sendonce-test-with-draft
            (concat sendonce-test-draft
                    "<#secure method=pgpmime mode=sign>\n")
          (dotimes (_ 3)
            (should (eq 'sendonce-in-doubt
                        (car (sendonce-test-send-again)))))))
      (should (= count 3)))
    (should (equal (sendonce-test-states) '(in-doubt)))
    (should (= 1 (length (sendonce-test-accepted))))))

(defun sendonce-test-make-key ()
  "Make an OpenPGP key for the user of this test, in a home of its own."
  (let ((home (sendonce-test-file "gnupg")))
    (make-directory home)
    (set-file-modes home #o700)
    (setenv "GNUPGHOME" home)
    (call-process "gpg" nil nil nil "--batch" "--quiet" "--passphrase" ""
                  "--quick-generate-key" "me@here.example" "ed25519" "sign")))

(ert-deftest sendonce-send-really-signed-anew ()
  "PGP/MIME signs the draft anew at each try; it is the same message."
  (skip-unless (executable-find "gpg"))
  (sendonce-test-with-peer (:scenario "connection 1 at EOD: refuse\n")
    (skip-unless (eq 0 (sendonce-test-make-key)))
    (unwind-protect
        (let ((mml-secure-openpgp-sign-with-sender t)
              (sendonce-wait 60)
              (text (string-replace
                     "Hello there." "<#secure method=pgpmime mode=sign>\nHi."
                     sendonce-test-draft))
              fingerprints)
          (sendonce-test-with-draft text
            (should (eq 'sendonce-refused (car (sendonce-test-send-again))))
            (sleep-for 1.1)             ; a signature has its time in it
            (should-not (sendonce-test-send-again))
            (should-not (sendonce-test-send-again)))
          (should (= 1 (length (sendonce-test-accepted))))
          (should (string-search "BEGIN PGP SIGNATURE"
                                 (car (sendonce-test-accepted))))
          (setq fingerprints (mapcar (lambda (entry)
                                       (plist-get entry :fingerprint))
                                     (sendonce-entries)))
          (should (= 2 (length fingerprints)))
          (should (equal (car fingerprints) (cadr fingerprints))))
      (call-process "gpgconf" nil nil nil "--kill" "gpg-agent")
      (setenv "GNUPGHOME"))))

(ert-deftest sendonce-send-parts-are-not-repeats ()
  (sendonce-test-with-peer ()
    (let ((message-send-mail-partially-limit 1000))
      (cl-letf (((symbol-function 'y-or-n-p) #'always))
        (should-not
         (sendonce-test-send
          (concat sendonce-test-draft
                  (mapconcat (lambda (n) (format "line %d\n" n))
                             (number-sequence 1 300) ""))))))
    (should (> (length (sendonce-test-accepted)) 2))
    (should (= (length (sendonce-entries))
               (length (sendonce-test-accepted))))))

;;;; Waiting

(ert-deftest sendonce-send-quit-goes-to-the-background ()
  (sendonce-test-with-peer (:scenario "at EOD: delay 5000; continue\n")
    (let ((start (float-time)))
      (run-at-time 0.3 nil (lambda () (setq quit-flag t)))
      (sendonce-test-interactively
        (should-not (sendonce-test-send)))
      (should (< (- (float-time) start) 4)))
    (should-not (equal (sendonce-test-states) '(sent)))
    (should (sendonce-wait-idle 30))
    (should (equal (sendonce-test-states) '(sent)))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-send-not-waiting ()
  (sendonce-test-with-peer ("--delay" "100")
    (let ((sendonce-wait nil))
      (sendonce-test-interactively
        (should-not (sendonce-test-send))))
    (should-not (sendonce-test-accepted))
    (should (sendonce-wait-idle 30))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-send-wait-runs-out ()
  (sendonce-test-with-peer (:scenario "at EOD: delay 5000; continue\n")
    (let ((sendonce-wait 0.5)
          (start (float-time)))
      (sendonce-test-interactively
        (should-not (sendonce-test-send)))
      (should (< (- (float-time) start) 4)))
    (should (sendonce-wait-idle 30))
    (should (equal (sendonce-test-states) '(sent)))))

(ert-deftest sendonce-send-timers-run-meanwhile ()
  (sendonce-test-with-peer ("--delay" "100")
    (let* ((ticks 0)
           (timer (run-at-time 0 0.05 (lambda () (cl-incf ticks)))))
      (unwind-protect
          (should-not (sendonce-test-send))
        (cancel-timer timer))
      (should (> ticks 5)))))

(ert-deftest sendonce-send-background-failure-is-told ()
  (sendonce-test-with-peer (:scenario "at EOD: delay 300; refuse\n")
    (let ((sendonce-wait nil)
          warned)
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_ text &rest _) (push text warned))))
        (sendonce-test-interactively
          (should-not (sendonce-test-send)))
        (should (sendonce-wait-idle 30))
        (should (= 1 (length warned)))
        (should (string-search "“Hello” was not sent" (car warned)))
        (should (string-search "sendonce-edit" (car warned)))))))

(ert-deftest sendonce-send-foreground-is-told-once ()
  "What the send function has told is not told again when the event comes."
  (dolist (scenario '("at EOD: accept; drop\n" "at EOD: refuse\n"
                      "at EHLO: drop\n" ""))
    (sendonce-test-with-peer (:scenario scenario)
      (let (warned)
        (cl-letf (((symbol-function 'display-warning)
                   (lambda (_ text &rest _) (push text warned)))
                  ((symbol-function 'sendonce-notify-ended)
                   (lambda (id) (push id warned))))
          (sendonce-test-send)
          (sendonce-wait-idle 10)
          (accept-process-output nil 0.3)
          (should-not warned))))))

(ert-deftest sendonce-send-background-doubt-is-told ()
  (sendonce-test-with-peer (:scenario "at EOD: delay 300; accept; drop\n")
    (let ((sendonce-wait nil)
          warned)
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_ text &rest _) (push text warned))))
        (sendonce-test-interactively
          (should-not (sendonce-test-send)))
        (should (sendonce-wait-idle 30))
        (should (= 1 (length warned)))
        (should (string-search "sendonce-resolve" (car warned)))))))

(provide 'sendonce-send-tests)

;;; sendonce-send-tests.el ends here
