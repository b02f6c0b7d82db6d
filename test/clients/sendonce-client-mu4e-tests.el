;;; sendonce-client-mu4e-tests.el --- mu4e  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Debian's mu4e as its user drives it, over a Maildir and an index of the
;; test's own, with the real mu server: `mu4e-compose-new', replies, the
;; drafts folder, the sent folder, the parent's flags.

;;; Code:

(require 'sendonce-client-mu4e)

(declare-function mu4e-quit "ext:mu4e" t t)
(declare-function mu4e-compose-reply "ext:mu4e-compose" t t)

(ert-deftest sendonce-client-mu4e-envelopes ()
  (sendonce-client-mu4e-with-peer ()
    (sendonce-client-check-envelopes #'sendonce-client-mu4e-send)))

(ert-deftest sendonce-client-mu4e-sends-and-files-once ()
  (sendonce-client-mu4e-with-peer ()
    (should-not (sendonce-client-mu4e-send
                 (append sendonce-client-mu4e-hello
                         '(("Bcc" . "hidden@elsewhere.example")))
                 "Grüße\n.\n"))
    (let ((sent (string-replace "\r\n" "\n" (car (sendonce-test-accepted))))
          (filed (sendonce-client-mu4e-folder "sent")))
      (should (= 1 (length filed)))
      (should (equal (sendonce-client-body sent)
                     (sendonce-compose--with-newline
                      (sendonce-client-body
                       (sendonce-test-read (car filed))))))
      (should-not (string-search "hidden@" sent)))))

(ert-deftest sendonce-client-mu4e-reply-refused-then-sent ()
  (sendonce-client-mu4e-with-peer (:scenario "at RCPT: refuse\n")
    (sendonce-client-mu4e-find-question)
    (mu4e-compose-reply)
    (sendonce-client-mu4e--draft)
    (goto-char (point-max))
    (insert "Nothing.\n")
    (should (eq 'sendonce-refused (car (sendonce-client-mu4e-send-draft))))
    (should-not (sendonce-client-mu4e-folder "sent"))
    (should (sendonce-client-mu4e-folder "drafts"))
    (should (equal "S" (sendonce-client-mu4e-flags)))
    (sendonce-test-scenario "")
    (with-current-buffer (car (sendonce-client-mu4e-drafts))
      (should (string-search "Nothing." (buffer-string)))
      (should-not (sendonce-client-mu4e-send-draft)))
    (sendonce-client-mu4e-wait
     "the parent's flag"
     (lambda () (equal "RS" (sendonce-client-mu4e-flags))))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (= 1 (length (sendonce-client-mu4e-folder "sent"))))
    (should (equal '("friend@there.example")
                   (sendonce-client-recipients
                    (car (sendonce-test-envelopes)))))))

(ert-deftest sendonce-client-mu4e-in-doubt ()
  (sendonce-client-mu4e-with-peer (:scenario "at EOD: accept; drop\n")
    (should (eq 'sendonce-in-doubt
                (car (sendonce-client-mu4e-send
                      sendonce-client-mu4e-hello "Hello\n"))))
    (should-not (sendonce-client-mu4e-folder "sent"))
    (should (sendonce-client-mu4e-folder "drafts"))
    (sendonce-test-scenario "")
    (with-current-buffer (car (sendonce-client-mu4e-drafts))
      (cl-letf (((symbol-function 'read-multiple-choice)
                 (lambda (_ choices &rest _) (assq ?s choices))))
        (sendonce-test-interactively
          (should-not (sendonce-client-mu4e-send-draft)))))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (= 1 (length (sendonce-client-mu4e-folder "sent"))))))

(ert-deftest sendonce-client-mu4e-error-in-fcc-does-not-send-twice ()
  (sendonce-client-mu4e-with-peer ()
    (sendonce-client-mu4e-compose sendonce-client-mu4e-hello "Hello\n")
    (cl-letf (((symbol-function 'message-do-fcc)
               (lambda () (signal 'sendonce-error '("Disk full")))))
      (should (sendonce-client-mu4e-send-draft)))
    (should (= 1 (length (sendonce-test-accepted))))
    (with-current-buffer (car (sendonce-client-mu4e-drafts))
      (should-not (sendonce-client-mu4e-send-draft)))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-client-mu4e-deferred-is-filed-and-goes-later ()
  (sendonce-client-mu4e-with-peer (:scenario "at RCPT: defer\n")
    (sendonce-client-mu4e-compose sendonce-client-mu4e-hello "Hello\n")
    (sendonce-test-interactively
      (should-not (sendonce-client-mu4e-send-draft)))
    (should (= 1 (length (sendonce-client-mu4e-folder "sent"))))
    (should (equal '(deferred) (sendonce-test-states)))
    (sendonce-test-scenario "")
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-client-mu4e-draft-file-is-clean-and-known-again ()
  "The identity is in the file, not in the buffer, and never goes out."
  (sendonce-client-mu4e-with-peer (:scenario "at RCPT: refuse\n")
    (should (sendonce-client-mu4e-send sendonce-client-mu4e-hello "Hello\n"))
    (with-current-buffer (car (sendonce-client-mu4e-drafts))
      (set-buffer-modified-p t)
      (save-buffer)
      (should-not (string-search "X-Sendonce" (buffer-string))))
    (let ((draft (sendonce-test-read
                  (car (sendonce-client-mu4e-folder "drafts")))))
      (should (string-search "X-Sendonce-Draft: " draft)))
    (sendonce-test-scenario "")
    (with-current-buffer (car (sendonce-client-mu4e-drafts))
      (should-not (sendonce-client-mu4e-send-draft)))
    (should-not (string-search "X-Sendonce" (car (sendonce-test-accepted))))
    (should-not (string-search
                 "X-Sendonce"
                 (sendonce-test-read
                  (car (sendonce-client-mu4e-folder "sent")))))))

(ert-deftest sendonce-client-mu4e-from-of-a-context-chooses-the-account ()
  (sendonce-client-mu4e-with-peer ()
    (let ((peer (car sendonce-accounts))
          (user-mail-address "me@work.example"))
      (setq sendonce-accounts
            (list '(:name "other" :from "me@here.example" :host "127.0.0.1"
                          :port 1)
                  (append '(:from "work.example") peer)))
      (should-not (sendonce-client-mu4e-send sendonce-client-mu4e-hello
                                             "Hello\n"))
      (should (string-prefix-p "from <me@work.example>"
                               (car (sendonce-test-envelopes)))))))

;;; sendonce-client-mu4e-tests.el ends here
