;;; postfix-gssapi-tests.el --- Signing in with a ticket  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; test/servers/postfix-gssapi.sh run test/run-ert test/servers/postfix-gssapi-tests.el
;;
;; The user has a Kerberos ticket and no password: none must be asked for.

;;; Code:

(require 'sendonce-test-postfix)

(ert-deftest postfix-gssapi-sends-without-a-password ()
  (sendonce-test-in-place
    (sendonce-test-postfix-account "GSSAPI")
    (sendonce-test-postfix-check (sendonce-test-postfix-send) "GSSAPI")))

(ert-deftest postfix-gssapi-is-found-by-itself ()
  (sendonce-test-in-place
    (sendonce-test-postfix-account nil)
    (sendonce-test-postfix-check (sendonce-test-postfix-send) "GSSAPI")))

(ert-deftest postfix-gssapi-says-that-there-is-no-ticket ()
  (let ((emacs (expand-file-name invocation-name invocation-directory)))
    (skip-unless (file-executable-p emacs))
    ;; The library reads the environment of the process: another Emacs.
    (with-temp-buffer
      (let ((process-environment
             (cons (concat "KRB5CCNAME=" (getenv "POSTFIX_NO_TICKET"))
                   process-environment)))
        (apply #'call-process emacs nil t nil "-Q" "--batch"
               (append (mapcan (lambda (directory) (list "-L" directory))
                               (copy-sequence load-path))
                       '("-l" "sendonce-test-postfix" "--eval"
                         "(sendonce-test-in-place
                            (sendonce-test-postfix-account \"GSSAPI\")
                            (message \"error: %S\" (sendonce-test-send)))"))))
      (should (string-match-p "error: (.*Kerberos" (buffer-string))))))

(provide 'postfix-gssapi-tests)

;;; postfix-gssapi-tests.el ends here
