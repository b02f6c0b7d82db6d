;;; postfix-dovecot-tests.el --- Each mechanism at Dovecot  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; test/servers/postfix-dovecot.sh run test/run-ert test/servers/postfix-dovecot-tests.el
;;
;; Postfix asks Dovecot who signs in; a message goes out by each mechanism
;; that Dovecot has.

;;; Code:

(require 'sendonce-test-postfix)

(defun postfix-dovecot-tests--send (auth)
  "Send a message with AUTH; return the transcript."
  (sendonce-test-postfix-send-as
   auth (getenv "POSTFIX_USER") (getenv "POSTFIX_PASSWORD")))

(sendonce-test-postfix-deftests postfix-dovecot postfix-dovecot-tests--send
  "PLAIN" "LOGIN" "CRAM-MD5" "DIGEST-MD5" "SCRAM-SHA-1" "SCRAM-SHA-256")

(ert-deftest postfix-dovecot-the-best-is-chosen ()
  (should (string-search "C: AUTH SCRAM-SHA-256"
                         (postfix-dovecot-tests--send nil))))

(ert-deftest postfix-dovecot-beyond-ascii ()
  (dolist (auth '("PLAIN" "LOGIN" "CRAM-MD5" "SCRAM-SHA-1" "SCRAM-SHA-256"))
    (ert-info (auth)
      (sendonce-test-postfix-send-as auth (getenv "POSTFIX_UTF8_USER")
                                     (getenv "POSTFIX_UTF8_PASSWORD")))))

(provide 'postfix-dovecot-tests)

;;; postfix-dovecot-tests.el ends here
