;;; sendonce-hostile-tests.el --- Servers that mean ill  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floods, lines without end and bytes that trickle, from the peer through
;; the real engine: each send ends, in a bounded time, with a clear word,
;; and nobody is believed to be served who is not.  What the session makes
;; of each alone is tested in smtp_hostile_test.cc.

;;; Code:

(require 'sendonce-test-helper)

(defun sendonce-hostile--send (scenario &rest more)
  "Send while the peer follows SCENARIO, with MORE in the account.
Return (STATE ERROR OCTETS SECONDS): the state of the entry, the error,
how much was kept of it, and how long it took."
  (sendonce-test-scenario scenario)
  (apply #'sendonce-test-account more)
  (let* ((start (float-time))
         (err (sendonce-test-send))
         (entry (car (sendonce-entries))))
    (list (plist-get entry :state) err
          (+ (length (sendonce-transcript-string (plist-get entry :id)))
             (length (format "%S" entry)) (length (format "%S" err)))
          (- (float-time) start))))

(defun sendonce-hostile--check (state scenario &rest more)
  "Check that a send while the peer follows SCENARIO ends in STATE.
That is a state, or a list of them.  MORE goes into the account."
  (pcase-let ((`(,found ,err ,octets ,seconds)
               (apply #'sendonce-hostile--send scenario more)))
    (ert-info ((format "%s: %S %S" scenario found err))
      (should (memq found (ensure-list state)))
      (should (or (eq state 'sent) (< 10 (length (cadr err)))))
      (should (< octets 600000))
      (should (< seconds 60)))))

(defmacro sendonce-hostile--check-all (state scenarios &rest more)
  "Check that each of SCENARIOS ends in STATE, with MORE in the account."
  `(dolist (scenario ,scenarios)
     (sendonce-test-with-peer ("--user" "me:pw" "--no-sync")
       (sendonce-test-write "authinfo"
                            "machine 127.0.0.1 login me password pw\n")
       (sendonce-hostile--check ,state scenario ,@more))))

(ert-deftest sendonce-hostile-test-endless-lines ()
  "A line, and a reply, without end."
  (sendonce-hostile--check-all
   'deferred
   '("at greeting: say \"220 \"; repeat 1000000 \"and so on \""
     "at greeting: repeat 100000 \"220-and so on\\r\\n\""
     "at EHLO: say \"250-me\\r\\n\"; repeat 100000 \"250-X\\r\\n\"; say \"250 Y\\r\\n\""
     "at RCPT: repeat 100000 \"250-ok\\r\\n\"")
   ;; With PIPELINING the message would be out before its recipient is answered.
   :pipelining nil))

(ert-deftest sendonce-hostile-test-floods ()
  "A million replies where one is asked for, and odd ones."
  (sendonce-hostile--check-all
   'deferred
   '("at greeting: repeat 1000000 \"220 hi\\r\\n\""
     "at MAIL: repeat 1000000 \"250 ok\\r\\n\""
     "at MAIL: repeat 1000000 \"199 hm\\r\\n\""
     "at RCPT: say \"25\\0 ok\\r\\n\"")
   :pipelining nil))

(ert-deftest sendonce-hostile-test-flood-after-the-end ()
  "What comes behind the reply to the end of data changes nothing."
  (sendonce-hostile--check-all
   'sent '("at EOD: say \"250 2.0.0 ok\\r\\n\"; accept; repeat 1000000 \"554 no\\r\\n\"")))

(ert-deftest sendonce-hostile-test-doubt ()
  "What is no reply to the end of data leaves it in doubt."
  (sendonce-hostile--check-all
   'in-doubt
   '("at EOD: repeat 100000 \"250-ok\\r\\n\""
     "at EOD: say \"250 o\\0k\\r\\n\""
     "at EOD: repeat 1000000 \"199 hm\\r\\n\"")))

(ert-deftest sendonce-hostile-test-farewell-that-is-none ()
  "421 to one recipient, and the rest of the message is answered all the same.
It was all sent in one flight: who has it does not get it again."
  (dolist (end '(("" sent 1)
                 ("at EOD: drop\n" deferred 0)
                 ("at EOD: say \"what\\r\\n\"; accept\n" in-doubt 1)))
    (pcase-let ((`(,rule ,state ,accepted) end))
      (ert-info (rule :prefix "rule: ")
        (sendonce-test-with-peer
            (:scenario (concat "at RCPT 1: say \"421 4.3.2 Bye\\r\\n\"\n" rule))
          (sendonce-test-account)
          (let ((sendonce-wait 60))
            (sendonce-test-with-draft
                (string-replace "You <you@there.example>"
                                "you@there.example, she@there.example"
                                sendonce-test-draft)
              (sendonce-test-send-again)))
          (sendonce-wait-idle 60)
          (should (equal (list 'deferred state)
                         (mapcar (lambda (recipient)
                                   (plist-get recipient :state))
                                 (plist-get (car (sendonce-entries))
                                            :recipients))))
          (should (= accepted (length (sendonce-test-accepted)))))))))

(ert-deftest sendonce-hostile-test-challenges ()
  "A challenge of ten megabytes, and questions without end."
  (sendonce-hostile--check-all
   '(deferred failed)
   (list "at AUTH: say \"334 \"; repeat 2500000 \"QUJD\"; say \"\\r\\n\""
         (concat "at AUTH: "
                 (mapconcat #'identity
                            (make-list 50 "say \"334 QUJD\\r\\n\"; read") "; ")
                 "; say \"334 QUJD\\r\\n\"; stall"))
   :user "me" :auth "LOGIN"))

(ert-deftest sendonce-hostile-test-clear-text-after-starttls ()
  "Clear text behind the 220 of STARTTLS is not read as if TLS brought it."
  (dolist (scenario
           '("at STARTTLS: say \"220 go\\r\\n250-me\\r\\n250 AUTH PLAIN\\r\\n\""
             "at STARTTLS: say \"220 go\\r\\n\"; delay 200; say \"250 injected\\r\\n\""
             "at tls: say-raw \"250 injected\\r\\n\""))
    (sendonce-test-with-peer ("--tls" "starttls" "--no-sync")
      (sendonce-hostile--check '(deferred failed) scenario :tls 'starttls)
      (should-not (sendonce-test-accepted)))))

(ert-deftest sendonce-hostile-test-trickle ()
  "A server that trickles is waited for no longer than the phase may last.
The time is that of one reply, not of each octet."
  (sendonce-test-with-peer ("--no-sync")
    (pcase-let ((`(,state ,_ ,_ ,seconds)
                 (sendonce-hostile--send "every byte 1000" :timeout 3)))
      (should (eq state 'deferred))
      ;; A greeting of some 30 octets would take 30 s.
      (should (< seconds 25)))))

(provide 'sendonce-hostile-tests)

;;; sendonce-hostile-tests.el ends here
