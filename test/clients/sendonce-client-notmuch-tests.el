;;; sendonce-client-notmuch-tests.el --- notmuch  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Debian's notmuch as its user drives it, over a Maildir and a database
;; of the test's own: `notmuch-mua-new-mail', replies, drafts, Fcc by
;; `notmuch insert'.

;;; Code:

(require 'sendonce-client-notmuch)

(declare-function notmuch-draft-resume "ext:notmuch-draft" (id))
(declare-function notmuch-draft-save "ext:notmuch-draft" ())
(declare-function notmuch-mua-new-reply "ext:notmuch-mua" t t)

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
