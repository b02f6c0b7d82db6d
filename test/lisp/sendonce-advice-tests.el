;;; sendonce-advice-tests.el --- Plain words for what goes wrong  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure: the table of causes is whole, and the words fit.

;;; Code:

(require 'ert)
(require 'sendonce-advice)
(require 'sendonce-wait)
(require 'sendonce-notify)

(defconst sendonce-test-causes
  (mapcar #'intern
          (split-string "internal bad-argument cancelled declined timed-out
name-not-found name-service connection-refused unreachable connection-lost
tls-failed tls-unavailable not-tls implicit-tls tls-version certificate
protocol auth-unavailable auth-failed refused refused-for-now too-large
needs-smtputf8 needs-8bitmime storage storage-full"))
  "What module/base/error.hh names.")

(defun sendonce-test-module-names (function)
  "Return the names that FUNCTION in module/base/error.cc knows, as symbols."
  (let ((file (expand-file-name
               "../module/base/error.cc"
               (file-name-directory (locate-library "sendonce")))))
    (unless (file-readable-p file)
      (ert-skip "The module's source is not there"))
    (with-temp-buffer
      (insert-file-contents file)
      (search-forward function)
      (let ((end (save-excursion (search-forward "\n}\n")))
            names)
        (while (re-search-forward
                "case [A-Za-z]+::[a-z0-9_]+:[ \n]+return \"\\([^\"]+\\)\"" end t)
          (push (intern (match-string 1)) names))
        (should names)
        names))))

(ert-deftest sendonce-advice-knows-every-cause ()
  (should-not (seq-difference (sendonce-test-module-names "cause_name")
                              sendonce-test-causes))
  (dolist (cause sendonce-test-causes)
    (let ((sentence (sendonce-advice-sentence cause "host=m.x\nport=25\n"))
          (remedy (sendonce-advice-remedy cause "host=m.x\nport=25\n")))
      (should (and (stringp sentence) (stringp remedy)))
      (should-not (string-match-p "%" (concat sentence remedy))))))

(ert-deftest sendonce-wait-knows-every-phase ()
  (dolist (phase (delq 'none (sendonce-test-module-names "phase_name")))
    (should (alist-get phase sendonce-wait--phases))))

(ert-deftest sendonce-advice-names-the-setting ()
  (let ((sendonce-accounts nil))
    (should (string-search "`smtpmail-smtp-server'"
                           (sendonce-advice-remedy 'name-not-found))))
  (let ((sendonce-accounts '((:host "m"))))
    (should (string-search ":host in `sendonce-accounts'"
                           (sendonce-advice-remedy 'name-not-found)))))

(ert-deftest sendonce-advice-by-port-and-reply ()
  (pcase-dolist
      (`(,cause ,settings ,reply ,part)
       '((timed-out "port=25\n" nil "block port 25")
         (timed-out "port=25\n" nil "587")
         (unreachable "port=25\n" "" "465")
         (timed-out "port=465\ntls=starttls\n" nil "TLS from the start")
         (timed-out "port=465\ntls=implicit\n" nil "tried again")
         (tls-failed "port=587\ntls=implicit\n" nil "STARTTLS")
         (not-tls "port=587\ntls=implicit\n" nil "STARTTLS")
         (refused "" "550 5.1.1 No such user" "no such mailbox")
         (refused "" "550-5.1.1 No such\n550 5.1.1 user" "no such mailbox")
         (refused "" "530 5.7.0 Authentication required" "sign-in")
         (auth-failed "" "535 5.7.8 Bad" "app password")
         (auth-failed "user=me\n" "The server refuses: 535 5.7.8 No"
                      "password of me")
         (auth-failed "" "535 5.7.139 Basic authentication" "app password")
         (auth-failed "host=smtp.gmail.com\n" "534-5.7.9 Application-specific"
                      "Google wants an app password")
         (auth-failed "host=smtp.office365.com\n" "535 5.7.139 Disabled"
                      "Microsoft takes no passwords")
         (auth-failed "host=m\nuser=me\nauth=xoauth2\n" "535 5.7.8 No"
                      "token is refused")
         (refused "" "550 5.7.30 Basic auth" "xoauth2")
         (refused "" "550 5.1.10 Null MX" "takes no mail at all")
         (refused "" "550 5.7.26 Unauthenticated" "DKIM")
         (refused-for-now "" "421 4.7.28 Unusual rate" "too fast")
         (refused-for-now "" "450 4.7.1 Rate limit exceeded" "too fast")
         (refused-for-now "" "452 too many messages" "too fast")
         (refused-for-now "" "452 4.5.3 Too many recipients" "fewer")
         (refused "" "550 relay not permitted" "sign in")
         (refused "" "552 5.3.4 Too big" "too large")
         (refused-for-now "" "450 4.7.1 Greylisted" "greylisting")
         (refused-for-now "" "450 Greylisted for 5 minutes" "greylisting")
         (refused-for-now "" "421 4.3.2 Closing" "takes no mail just now")
         (refused-for-now "" "451 x" "tried again")
         (connection-lost "" "The line broke" "transcript")))
    (ert-info ((format "%S" (list cause settings reply)))
      (should (string-search part (sendonce-advice-remedy
                                   cause settings reply))))))

(ert-deftest sendonce-advice-by-phase ()
  (pcase-dolist (`(,phase ,part) '((connect "does not answer at port 2525")
                                   (greeting "says nothing")
                                   (tls "go on with TLS")
                                   (body "stopped taking")))
    (should (string-search part (sendonce-advice-words
                                 'timed-out "host=m\nport=2525\n" nil phase)))
    (should (stringp (sendonce-advice-remedy
                      'timed-out "host=m\nport=2525\n" nil phase)))))

(ert-deftest sendonce-advice-every-code-has-words ()
  (dolist (row (append sendonce-status--codes sendonce-status--replies))
    (should (= 3 (length row)))
    (should (seq-every-p #'stringp row))
    (should-not (string-match-p "\\.\\'" (nth 2 row)))))

(ert-deftest sendonce-advice-without-a-cause ()
  (should-not (sendonce-advice-remedy nil))
  (should-not (sendonce-advice-sentence nil))
  (should-not (sendonce-advice-remedy 'no-such-cause)))

(ert-deftest sendonce-advice-reply-lines ()
  (should (equal (sendonce-advice-reply 550 "5.1.1 No\r\nsuch user")
                 "550 5.1.1 No such user"))
  (should (equal (sendonce-advice-reply 550 "550 5.1.1 No") "550 5.1.1 No"))
  (should (equal (sendonce-advice-reply nil "The line broke")
                 "The line broke"))
  (should (equal (sendonce-advice-reply
                  535 "The server refuses the sign-in: 535 5.7.8 No")
                 "The server refuses the sign-in: 535 5.7.8 No"))
  (should (equal (sendonce-advice-reply nil nil) "")))

;;;; The live line

(ert-deftest sendonce-wait-lines ()
  (pcase-dolist
      (`(,progress ,line)
       '((nil "sendonce: waiting…")
         ((connect 0 0 "") "sendonce: connecting…")
         ((sign-in 0 1000 "TLS 1.3") "sendonce: TLS 1.3, signing in…")
         ((body 430 1000 "TLS 1.3") "sendonce: TLS 1.3, sending…, 43 %")
         ((mail 430 1000 "TLS 1.3") "sendonce: TLS 1.3, sending…, 43 %")
         ((mail 1000 1000 "")
          "sendonce: waiting for the server's word…, 100 %")
         ((end-of-data 1000 1000 "")
          "sendonce: waiting for the server's word…, 100 %")))
    (should (equal (sendonce-wait-line progress) line))))

;;;; Words for an entry

(ert-deftest sendonce-notify-ago ()
  (cl-letf (((symbol-function 'float-time) (lambda (&rest _) 1000000.0)))
    (pcase-dolist (`(,seconds ,text)
                   '((0 "0 seconds ago") (1 "1 second ago")
                     (180 "3 minutes ago") (7200 "2 hours ago")
                     (200000 "2 days ago") (-5 "0 seconds ago")))
      (should (equal (sendonce-notify-ago (- 1000000.0 seconds)) text)))))

(ert-deftest sendonce-notify-lines ()
  (let ((entry '(:recipients
                 ((:address "a@x" :state failed :code 550 :reply "5.1.1 No")
                  (:address "b@x" :state sent :code 250 :reply "2.0.0 Ok")
                  (:address "c@x" :state failed :code 550 :reply "5.1.1 No")
                  (:address "d@x" :state failed :code 551 :reply "Moved")))))
    (should (equal (sendonce-notify-reasons entry 'failed)
                   "a@x, c@x: 550 5.1.1 No; d@x: 551 Moved"))
    (should (equal (sendonce-notify-sent-line entry)
                   "Sent to 1 (250 2.0.0 Ok)")))
  (should (equal (sendonce-notify-reasons
                  '(:recipients ((:address "a@x" :state cancelled :reply "")))
                  'cancelled)
                 "a@x: cancelled"))
  (should (equal (sendonce-notify-sent-line
                  '(:recipients ((:address "a@x" :state sent
                                           :reply "The line broke"))))
                 "Sent to 1 (as you said)")))

(ert-deftest sendonce-notify-mark ()
  (should (equal "" (sendonce-notify--mark 0 0)))
  (should (equal " Mail:2" (substring-no-properties
                            (sendonce-notify--mark 2 0))))
  (should (equal " Mail:?1" (substring-no-properties
                             (sendonce-notify--mark 0 1))))
  (should (equal " Mail:1?1" (substring-no-properties
                              (sendonce-notify--mark 1 1)))))

(provide 'sendonce-advice-tests)

;;; sendonce-advice-tests.el ends here
