;;; sendonce-preconnect-tests.el --- A line ready before the message is  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A draft's line is there before it is sent, and the message goes by it;
;; it goes with the draft; nobody is asked anything for it, and where it
;; fails nobody hears of it.

;;; Code:

(require 'sendonce-test-helper)
(require 'sendonce-preconnect)

(defun sendonce-preconnect-tests--log ()
  "Return what clients said and how connections ended, of the peer's log."
  (let ((log (sendonce-test-file "peer/log")))
    (if (file-exists-p log) (sendonce-test-read log) "")))

(defun sendonce-preconnect-tests--wait (regexp)
  "Wait until the peer's log matches REGEXP; return non-nil if it does."
  (let ((deadline (+ (float-time) 30)) found)
    (while (and (not (setq found (string-match-p
                                  regexp (sendonce-preconnect-tests--log))))
                (< (float-time) deadline))
      (accept-process-output nil 0.02))
    found))

(defun sendonce-preconnect-tests--count (regexp)
  "Return how often REGEXP is in the peer's log."
  (let ((log (sendonce-preconnect-tests--log)) (start 0) (count 0))
    (while (string-match regexp log start)
      (setq start (match-end 0) count (1+ count)))
    count))

(defmacro sendonce-preconnect-tests--with-mode (options &rest body)
  "Evaluate BODY with a peer of OPTIONS, `sendonce-mode' on, as a user."
  (declare (indent 1) (debug t))
  `(sendonce-test-with-peer ,options
     (sendonce-test-account :keep-alive 60)
     (sendonce-mode 1)
     (unwind-protect
         (sendonce-test-interactively ,@body)
       (sendonce-mode -1))))

(ert-deftest sendonce-preconnect-the-message-goes-by-it ()
  (sendonce-preconnect-tests--with-mode ()
    (sendonce-test-with-draft sendonce-test-draft
      (should (sendonce-preconnect-tests--wait " C: EHLO"))
      (should-not (sendonce-entries))
      (let ((sendonce-wait t))
        (should-not (sendonce-test-send-again)))
      (should (equal '(sent) (sendonce-test-states)))
      (should (= 1 (length (sendonce-test-accepted))))
      (should (= 1 (sendonce-preconnect-tests--count " C: EHLO"))))))

(ert-deftest sendonce-preconnect-send-waits-for-one-on-its-way ()
  "The greeting is slow; the send does not take a second line."
  (sendonce-preconnect-tests--with-mode
      (:scenario "at greeting: delay 700; continue\n")
    (sendonce-test-with-draft sendonce-test-draft
      (accept-process-output nil 0.05)
      (let ((sendonce-wait t))
        (should-not (sendonce-test-send-again)))
      (should (= 1 (sendonce-preconnect-tests--count " C: EHLO"))))))

(ert-deftest sendonce-preconnect-goes-with-its-draft ()
  (sendonce-preconnect-tests--with-mode ()
    (sendonce-test-with-draft sendonce-test-draft
      (should (sendonce-preconnect-tests--wait " C: EHLO"))
      (should-not (string-match-p " C: QUIT"
                                  (sendonce-preconnect-tests--log))))
    (should (sendonce-preconnect-tests--wait " C: QUIT"))
    (should-not (sendonce-entries))))

(ert-deftest sendonce-preconnect-stays-for-another-draft ()
  (sendonce-preconnect-tests--with-mode ()
    (sendonce-test-with-draft sendonce-test-draft
      (should (sendonce-preconnect-tests--wait " C: EHLO"))
      (sendonce-test-with-draft sendonce-test-draft
        (accept-process-output nil 0.1)
        (sendonce-preconnect-now))
      (should (= 1 (sendonce-preconnect-tests--count " C: EHLO")))
      (let ((sendonce-wait t))
        (should-not (sendonce-test-send-again)))
      (should (= 1 (sendonce-preconnect-tests--count " C: EHLO"))))))

(ert-deftest sendonce-preconnect-asks-nobody ()
  "Without a password at hand no line is opened that far; the send asks."
  (sendonce-preconnect-tests--with-mode ("--auth" "PLAIN" "--user" "aoi:secret")
    (sendonce-test-account :keep-alive 60 :user "aoi")
    (let ((auth-sources nil) asked)
      (cl-letf (((symbol-function 'read-passwd)
                 (lambda (&rest _) (setq asked t) "secret")))
        (sendonce-test-with-draft sendonce-test-draft
          (accept-process-output nil 0.3)
          (should-not asked)
          (should-not (string-match-p " C: AUTH"
                                      (sendonce-preconnect-tests--log))))))))

(ert-deftest sendonce-preconnect-problems-are-not-told ()
  (sendonce-preconnect-tests--with-mode ()
    (sendonce-test-stop-peer)
    (let (told)
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (&rest args) (push args told))))
        (sendonce-test-with-draft sendonce-test-draft
          (accept-process-output nil 0.3))
        (setq sendonce-accounts '((:name "wrong" :host 7)))
        (sendonce-test-with-draft sendonce-test-draft
          (accept-process-output nil 0.1)))
      (should-not told)
      (should-not (sendonce-entries)))))

(ert-deftest sendonce-preconnect-only-where-lines-are-kept ()
  (dolist (switch '(keep-alive option mode))
    (sendonce-preconnect-tests--with-mode ()
      (let ((sendonce-preconnect (not (eq switch 'option))))
        (pcase switch
          ('keep-alive (sendonce-test-account :keep-alive nil))
          ('mode (sendonce-mode -1)))
        (sendonce-test-with-draft sendonce-test-draft
          (accept-process-output nil 0.2)
          (should-not (string-match-p " C: EHLO"
                                      (sendonce-preconnect-tests--log))))))))

(ert-deftest sendonce-preconnect-engine-stops-with-one-on-its-way ()
  (sendonce-preconnect-tests--with-mode
      (:scenario "at greeting: swallow\n")
    (sendonce-test-with-draft sendonce-test-draft
      (accept-process-output nil 0.1)
      (let ((start (float-time)))
        (should (sendonce-engine-stop 5))
        (should (< (- (float-time) start) 20))))))

(provide 'sendonce-preconnect-tests)

;;; sendonce-preconnect-tests.el ends here
