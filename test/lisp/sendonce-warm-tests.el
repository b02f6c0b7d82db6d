;;; sendonce-warm-tests.el --- Lines that are kept  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A line that has carried a message is used for the next one, and one
;; that has died meanwhile is replaced without anybody noticing.

;;; Code:

(require 'sendonce-test-helper)

(declare-function sendonce--mod-running "ext:sendonce-module" (engine))

(defun sendonce-warm-send (subject)
  "Send a message about SUBJECT; it must go out."
  (should-not (sendonce-test-send
               (format "From: Me <me@here.example>
To: You <you@there.example>
Subject: %s

Hello\n" subject)))
  (should (eq 'sent (plist-get (car (sendonce-entries)) :state))))

(defun sendonce-warm-connections ()
  "Return how many connections the peer has had."
  (let ((log (sendonce-test-read (sendonce-test-file "peer/log")))
        (start 0)
        (count 0))
    (while (string-match " connect$" log start)
      (setq count (1+ count)
            start (match-end 0)))
    count))

(defun sendonce-warm-transcript ()
  "Return the transcript of the last entry."
  (sendonce-transcript-string (plist-get (car (sendonce-entries)) :id)))

(defmacro sendonce-warm-with-peer (options &rest body)
  "Evaluate BODY with a peer of OPTIONS, whose lines are kept."
  (declare (indent 1) (debug t))
  `(sendonce-test-with-peer ,options
     (sendonce-test-account :keep-alive 60)
     ,@body))

(ert-deftest sendonce-warm-one-line-for-three ()
  (sendonce-warm-with-peer ("--user" "aoi:secret" "--require-auth")
    (sendonce-test-account :keep-alive 60 :user "aoi")
    (sendonce-test-write
     "authinfo" "machine 127.0.0.1 login aoi password secret\n")
    (dolist (subject '("One" "Two" "Three"))
      (sendonce-warm-send subject))
    (should (= 3 (length (sendonce-test-accepted))))
    (should (= 1 (sendonce-warm-connections)))
    (should (string-search "On the line that was kept"
                           (sendonce-warm-transcript)))
    (should-not (string-search "AUTH" (sendonce-warm-transcript)))))

(ert-deftest sendonce-warm-in-each-way ()
  (dolist (way '(("--no-chunking") ("--no-pipelining" "--no-chunking")
                 ("--tls" "starttls")))
    (sendonce-test-with-peer ()
      (sendonce-test-stop-peer)
      (sendonce-test--start-peer way)
      (sendonce-test-account :keep-alive 60
                             :tls (if (member "starttls" way) 'starttls
                                    'implicit))
      (dolist (subject '("One" "Two" "Three"))
        (sendonce-warm-send subject))
      (should (= 3 (length (sendonce-test-accepted))))
      (should (= 1 (sendonce-warm-connections))))))

(ert-deftest sendonce-warm-other-settings-other-line ()
  (sendonce-warm-with-peer ()
    (sendonce-warm-send "One")
    (sendonce-test-account :keep-alive 60 :timeout 77)
    (sendonce-warm-send "Two")
    (should (= 2 (sendonce-warm-connections)))))

(ert-deftest sendonce-warm-after-a-refusal ()
  (sendonce-warm-with-peer (:scenario "at RCPT 1: refuse\n")
    (should (eq 'sendonce-refused (car (sendonce-test-send))))
    (sendonce-warm-send "Two")
    (should (= 1 (sendonce-warm-connections)))))

(ert-deftest sendonce-warm-envelope-that-was-refused-is-taken-back ()
  "A server may keep it after BDAT, which it refused for want of recipients."
  (sendonce-warm-with-peer (:scenario "at RCPT 1: refuse\n")
    (should (eq 'sendonce-refused (car (sendonce-test-send))))
    (sendonce-warm-send "Two")
    (should (string-match-p "C: RSET\n.*C: MAIL FROM" (sendonce-warm-transcript)))
    (should (= 1 (sendonce-warm-connections)))))

(ert-deftest sendonce-warm-line-that-does-not-answer ()
  "Whether it lives is not waited for as long as for a message."
  (sendonce-warm-with-peer (:scenario "connection 1 at NOOP: stall\n")
    (sendonce-warm-send "One")
    (let ((start (float-time)))
      (sendonce-warm-send "Two")
      (should (< (- (float-time) start) 60)))
    (should (= 2 (sendonce-warm-connections)))
    (should (= 2 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-warm-next-portion-is-known-to-run ()
  "Recipients in portions: the attempt that follows at once is not forgotten."
  (sendonce-warm-with-peer (:scenario "add-capability \"LIMITS RCPTMAX=1\"
at EOD 2: delay 1500; continue\n")
    (let ((sendonce-wait 0)
          (deadline (+ (float-time) 30)))
      (sendonce-test-interactively
        (sendonce-test-send "From: Me <me@here.example>
To: a@there.example, b@there.example
Subject: Portions

Hello\n"))
      (while (and (< (plist-get (car (sendonce-entries)) :attempts) 2)
                  (< (float-time) deadline))
        (accept-process-output nil 0.01))
      ;; The end of the first is told before anything is waited for.
      (accept-process-output nil 0.5)
      (should (eq 'sending (plist-get (car (sendonce-entries)) :state)))
      (should (= 1 (car (sendonce--mod-running (sendonce-engine)))))
      (sendonce-wait-idle 30)
      (should (equal '(sent) (sendonce-test-states))))))

(ert-deftest sendonce-warm-line-that-the-server-ends ()
  "By FIN, by RST, with close_notify, or with 421 and FIN, while it rests."
  (dolist (end '("drop" "reset" "drop close-notify"
                 "say \"421 4.4.2 Idle\\r\\n\"; drop"))
    (ert-info (end :prefix "end: ")
      (sendonce-warm-with-peer
          (:scenario (format "connection 1 at EOD: say \"250 2.0.0 Ok\\r\\n\"; \
accept; %s\n" end))
        (sendonce-warm-send "One")
        (sendonce-warm-send "Two")
        (should (= 2 (length (sendonce-test-accepted))))
        (should (= 2 (sendonce-warm-connections)))
        (should (= 1 (plist-get (car (sendonce-entries)) :attempts)))))))

(ert-deftest sendonce-warm-line-that-ends-at-the-next-message ()
  "Before the commit point, or with a word that is definite: on a new line."
  (dolist (rule '("MAIL 2: drop" "MAIL 2: reset"
                  "RCPT 2: say \"421 4.3.2 Bye\\r\\n\"; drop"
                  "MAIL 2: say \"421 4.3.2 Bye\\r\\n\"; drop"))
    (ert-info (rule :prefix "at ")
      (sendonce-test-with-peer (:scenario (format "connection 1 at %s\n" rule))
        (sendonce-test-account :keep-alive 60 :pipelining nil)
        (sendonce-warm-send "One")
        (sendonce-warm-send "Two")
        (should (= 2 (length (sendonce-test-accepted))))
        (should (= 2 (sendonce-warm-connections)))
        (should (= 1 (plist-get (car (sendonce-entries)) :attempts)))))))

(ert-deftest sendonce-warm-doubt-stays-doubt ()
  "What was handed over on a line that then ends is not sent again."
  (sendonce-warm-with-peer (:scenario "connection 1 at EOD 2: accept; drop\n")
    (sendonce-warm-send "One")
    (should (eq 'sendonce-in-doubt (car (sendonce-test-send))))
    (should (= 1 (sendonce-warm-connections)))
    (should (= 2 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-warm-limit-of-the-server ()
  (sendonce-warm-with-peer (:scenario "add-capability \"LIMITS MAILMAX=2\"\n")
    (dolist (subject '("One" "Two" "Three"))
      (sendonce-warm-send subject))
    (should (= 2 (sendonce-warm-connections)))))

(defun sendonce-warm-said-quit-p ()
  "Return non-nil if the peer has heard QUIT."
  (string-search "QUIT" (sendonce-test-read (sendonce-test-file "peer/log"))))

(ert-deftest sendonce-warm-quits-in-the-end ()
  "After its time, and when Emacs goes."
  (sendonce-test-with-peer ()
    (sendonce-test-account :keep-alive 1)
    (sendonce-warm-send "One")
    (let ((deadline (+ (float-time) 30)))
      (while (and (not (sendonce-warm-said-quit-p))
                  (< (float-time) deadline))
        (accept-process-output nil 0.1)))
    (should (sendonce-warm-said-quit-p)))
  (sendonce-warm-with-peer ()
    (sendonce-warm-send "One")
    (should-not (sendonce-warm-said-quit-p))
    (should (sendonce-engine-stop 5))
    (let ((deadline (+ (float-time) 30)))
      (while (and (not (sendonce-warm-said-quit-p))
                  (< (float-time) deadline))
        (accept-process-output nil 0.1)))
    (should (sendonce-warm-said-quit-p))))

;;; sendonce-warm-tests.el ends here
