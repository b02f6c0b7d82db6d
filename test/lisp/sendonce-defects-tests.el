;;; sendonce-defects-tests.el --- What others got wrong  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Live: defects of other senders that concern what became of a message,
;; each a test here.  The name says whose.

;;; Code:

(require 'sendonce-test-helper)

(defun sendonce-defects-draft (subject)
  "Return a draft with SUBJECT."
  (string-replace "Subject: Hello" (concat "Subject: " subject)
                  sendonce-test-draft))

(defun sendonce-defects-states ()
  "Return the states of all entries, oldest first."
  (mapcar (lambda (entry) (plist-get entry :state))
          (reverse (sendonce-entries))))

(ert-deftest sendonce-defects-smtpmail-closed-after-250 ()
  ;; It signals "Process smtpmail not running" though the mail went out.
  (sendonce-test-with-peer
      (:scenario "at EOD: accept; say \"250 2.0.0 Ok\\r\\n\"; drop\n")
    (should-not (sendonce-test-send))
    (should (equal '(sent) (sendonce-defects-states)))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-defects-closed-without-close-notify-at-quit ()
  ;; FIELD case 3: an exception after 250 made a delivered message fail.
  (dolist (end '("drop" "reset" "stall" "say \"500 no\\r\\n\"; drop"))
    (sendonce-test-with-peer (:scenario (format "at QUIT: %s\n" end))
      (should-not (sendonce-test-send))
      (should (equal '(sent) (sendonce-defects-states))))))

(ert-deftest sendonce-defects-flim-dropped-after-the-dot ()
  ;; It returns as if sent: it reads an older \"250 ok\" again.
  (sendonce-test-with-peer (:scenario "at EOD: drop\n" "--no-chunking")
    (should (eq 'sendonce-in-doubt (car (sendonce-test-send))))
    (should (equal '(in-doubt) (sendonce-defects-states)))))

(ert-deftest sendonce-defects-msmtpq-dropped-after-the-dot ()
  ;; It stays queued there, so that the next flush duplicates.
  (sendonce-test-with-peer (:scenario "connection 1 at EOD: accept; drop\n")
    (should (eq 'sendonce-in-doubt (car (sendonce-test-send))))
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (should (equal '(in-doubt) (sendonce-defects-states)))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-defects-smtpmail-queue-after-a-failure ()
  ;; Its index is rewritten after the whole flush: one failure re-sends
  ;; what was sent before it, or stops what comes after it.
  (sendonce-test-with-peer (:scenario "at MAIL: defer\n")
    (dolist (subject '("one" "two" "three"))
      (should (eq 'sendonce-deferred
                  (car (sendonce-test-send
                        (sendonce-defects-draft subject))))))
    (sendonce-test-scenario "at EOD 2: refuse\n")
    (dotimes (_ 3)
      (sendonce-flush)
      (should (sendonce-wait-idle 30)))
    (should (equal '(failed sent sent)
                   (sort (sendonce-defects-states) #'string<)))
    (should (= 2 (length (sendonce-test-accepted))))
    (should (= 2 (length (delete-dups (sendonce-test-accepted)))))))

(ert-deftest sendonce-defects-old-250-is-not-the-answer ()
  ;; FIELD case 1: replies attributed to the wrong command.  A stray
  ;; \"250 ok\" waits in the line when the dot goes out.
  (sendonce-test-with-peer
      (:scenario "at DATA: say \"354 go\\r\\n250 2.0.0 ok\\r\\n\"; swallow\n"
                 "--no-chunking" "--no-pipelining")
    (should (memq (car (sendonce-test-send))
                  '(sendonce-deferred sendonce-in-doubt)))
    (should-not (memq 'sent (sendonce-defects-states)))
    (should-not (sendonce-test-accepted))))

(provide 'sendonce-defects-tests)

;;; sendonce-defects-tests.el ends here
