;;; sendonce-account-tests.el --- Accounts and their settings  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure: from options to the settings text, and the errors on the way.

;;; Code:

(require 'ert)
(require 'cl-lib)
(require 'smtpmail)
(require 'gnutls)
(require 'sendonce-account)
(require 'sendonce-credential)

(defmacro sendonce-test-smtpmail (bindings &rest body)
  "Evaluate BODY with smtpmail as it comes but for BINDINGS."
  (declare (indent 1))
  `(let ((sendonce-accounts nil)
         (auth-sources nil)
         (smtpmail-smtp-server nil)
         (smtpmail-default-smtp-server nil)
         (smtpmail-smtp-service 25)
         (smtpmail-stream-type nil)
         (smtpmail-smtp-user nil)
         (smtpmail-local-domain nil)
         (smtpmail-servers-requiring-authorization nil)
         (gnutls-algorithm-priority nil))
     (let* ,bindings ,@body)))

(defun sendonce-test-settings (&optional from)
  "Return the settings for mail from FROM."
  (sendonce-account-settings (sendonce-account-for (or from "me@example.org"))))

(defun sendonce-test-setting (key &optional from)
  "Return the setting KEY for mail from FROM."
  (sendonce-account-setting (sendonce-test-settings from) key))

(defun sendonce-test-complaint (function)
  "Return the text of the `sendonce-config-error' that FUNCTION signals."
  (cadr (should-error (funcall function) :type 'sendonce-config-error)))

;;;; smtpmail

(ert-deftest sendonce-account-smtpmail-no-server ()
  (sendonce-test-smtpmail ()
    (let ((text (sendonce-test-complaint #'sendonce-test-settings)))
      (should (string-search "smtpmail-smtp-server" text))
      (should (string-search "sendonce-accounts" text)))))

(ert-deftest sendonce-account-smtpmail-default-server ()
  (sendonce-test-smtpmail ((smtpmail-default-smtp-server "d.example"))
    (should (equal (sendonce-test-setting "host") "d.example"))))

(ert-deftest sendonce-account-smtpmail-whole ()
  (sendonce-test-smtpmail ((smtpmail-smtp-server "mail.example")
                           (smtpmail-smtp-service 587)
                           (smtpmail-stream-type 'starttls)
                           (smtpmail-smtp-user "me")
                           (smtpmail-local-domain "lan"))
    (should (equal (sendonce-test-settings)
                   (format "host=mail.example\nport=587\ntls=starttls\nuser=me\nlocal-name=%s.lan\nkeep-alive=60\n"
                           (system-name))))))

(ert-deftest sendonce-account-smtpmail-services ()
  (pcase-dolist (`(,service ,port)
                 '((25 "25") (465 "465") ("465" "465") ("smtps" "465")
                   ("submissions" "465") ("submission" "587")
                   ("smtp" "25") (nil "25") (1025 "1025")))
    (sendonce-test-smtpmail ((smtpmail-smtp-server "m")
                             (smtpmail-smtp-service service))
      (should (equal (sendonce-test-setting "port") port)))))

(ert-deftest sendonce-account-smtpmail-bad-service ()
  (dolist (service '("no-such" 0 70000 -1 implicit))
    (sendonce-test-smtpmail ((smtpmail-smtp-server "m")
                             (smtpmail-smtp-service service))
      (should (string-search "smtpmail-smtp-service"
                             (sendonce-test-complaint
                              #'sendonce-test-settings))))))

(ert-deftest sendonce-account-smtpmail-stream-types ()
  (pcase-dolist (`(,type ,port ,tls)
                 '((nil 25 "opportunistic") (nil 587 "opportunistic")
                   (nil 465 "implicit") (starttls 587 "starttls")
                   (ssl 465 "implicit") (tls 465 "implicit")
                   (plain 25 "none") (network 25 "opportunistic")))
    (sendonce-test-smtpmail ((smtpmail-smtp-server "m")
                             (smtpmail-smtp-service port)
                             (smtpmail-stream-type type))
      (should (equal (sendonce-test-setting "tls") tls)))))

(ert-deftest sendonce-account-smtpmail-bad-stream-type ()
  (dolist (type '(587 t "ssl" implicit))
    (sendonce-test-smtpmail ((smtpmail-smtp-server "m")
                             (smtpmail-stream-type type))
      (should (string-search "smtpmail-stream-type"
                             (sendonce-test-complaint
                              #'sendonce-test-settings))))))

(ert-deftest sendonce-account-smtpmail-user-from-auth-source ()
  (let ((file (make-temp-file "authinfo" nil nil
                              "machine m port 587 login alice password x\n")))
    (unwind-protect
        (sendonce-test-smtpmail ((smtpmail-smtp-server "m")
                                 (smtpmail-smtp-service 587)
                                 (auth-sources (list file))
                                 (auth-source-do-cache nil))
          (should (equal (sendonce-test-setting "user") "alice")))
      (delete-file file))))

(ert-deftest sendonce-account-smtpmail-user-required-in-batch ()
  (sendonce-test-smtpmail ((smtpmail-smtp-server "mail.example")
                           (smtpmail-servers-requiring-authorization "\\.example"))
    (let ((text (sendonce-test-complaint #'sendonce-test-settings)))
      (should (string-search "machine mail.example port 25" text)))))

(ert-deftest sendonce-account-smtpmail-names ()
  (setq-default smtpmail-smtp-server nil)
  (sendonce-test-smtpmail ((smtpmail-smtp-server "mail.example"))
    ;; Bound by `let': not the global value.
    (should (equal (plist-get (sendonce-account-for "a@b") :name)
                   "smtpmail:mail.example"))
    (set-default-toplevel-value 'smtpmail-smtp-server "mail.example")
    (unwind-protect
        (should (equal (plist-get (sendonce-account-for "a@b") :name)
                       "smtpmail"))
      (set-default-toplevel-value 'smtpmail-smtp-server nil))))

(ert-deftest sendonce-account-priority-and-trust ()
  (let ((file (make-temp-file "ca")))
    (unwind-protect
        (sendonce-test-smtpmail ((smtpmail-smtp-server "m")
                                 (gnutls-algorithm-priority "SECURE256")
                                 (gnutls-trustfiles
                                  (list "/no/such/file" file)))
          (should (equal (sendonce-test-setting "priority") "SECURE256"))
          (should (equal (sendonce-test-setting "trust-file") file))
          (should-not (string-search "/no/such" (sendonce-test-settings)))
          (setq gnutls-algorithm-priority "normal")
          (should-not (sendonce-test-setting "priority")))
      (delete-file file))))

;;;; Accounts

(ert-deftest sendonce-account-whole ()
  (let ((sendonce-accounts
         '((:name "work" :host "mail.example" :port 465 :tls implicit
                  :user "me" :auth ("PLAIN" login) :tls-host "real.example"
                  :local-name "me.example" :timeout 30 :chunking nil
                  :pipelining nil :plain-sign-in t)))
        (gnutls-algorithm-priority nil))
    (should (equal (sendonce-test-settings)
                   "host=mail.example
port=465
tls=implicit
user=me
auth=PLAIN login
tls-host=real.example
local-name=me.example
timeout=30
keep-alive=60
chunking=no
pipelining=no
plain-sign-in=yes\n"))))

(ert-deftest sendonce-account-default-ports ()
  (pcase-dolist (`(,more ,port ,tls)
                 '((() "587" "auto") ((:tls implicit) "465" "implicit")
                   ((:tls starttls) "587" "starttls")
                   ((:tls nil) "25" "none") ((:port "smtps") "465" "auto")))
    (let ((sendonce-accounts (list (append '(:host "m") more))))
      (should (equal (sendonce-test-setting "port") port))
      (should (equal (sendonce-test-setting "tls") tls)))))

(ert-deftest sendonce-account-chosen-by-from ()
  (let ((sendonce-accounts
         '((:host "default")
           (:host "address" :from "Me@Example.org")
           (:host "domain" :from "example.net")
           (:host "at-domain" :from "@example.com")
           (:host "pattern" :from "\\`list-.*@")
           (:host "several" :from ("a@x.org" "y.org")))))
    (pcase-dolist (`(,from ,host)
                   '(("me@example.org" "address") ("ME@EXAMPLE.ORG" "address")
                     ("you@example.org" "default") ("me@example.net" "domain")
                     ("me@sub.example.net" "default")
                     ("x@EXAMPLE.com" "at-domain")
                     ("list-a@where.ever" "pattern") ("a@x.org" "several")
                     ("b@y.org" "several") ("b@x.org" "default")
                     ("nobody" "default")))
      (should (equal (sendonce-test-setting "host" from) host)))))

(ert-deftest sendonce-account-none-fits ()
  (let ((sendonce-accounts '((:host "m" :from "a@b.c")
                             (:host "n" :from ("d.e" "f.g")))))
    (let ((text (sendonce-test-complaint
                 (lambda () (sendonce-account-for "me@here.org")))))
      (dolist (part '("me@here.org" "a@b.c" "d.e, f.g"))
        (should (string-search part text))))))

(ert-deftest sendonce-account-errors-name-field-and-remedy ()
  (pcase-dolist (`(,more ,field ,remedy)
                 '(((:tls 587) ":tls 587" ":port 587 :tls starttls")
                   ((:tls "465") ":tls" ":port 465 :tls implicit")
                   ((:tls ssl) ":tls ssl" "`implicit'")
                   ((:tls t) ":tls t" "implicit")
                   ((:tls "starttls") ":tls" "`starttls'")
                   ((:port "no") ":port" "a number")
                   ((:port 0) ":port 0" "a number")
                   ((:port starttls) ":port starttls" "a number")
                   ((:user me) ":user me" "a string")
                   ((:user "a\nb") ":user" "a string")
                   ((:timeout 0) ":timeout 0" "seconds")
                   ((:chunking no) ":chunking no" "t or nil")
                   ((:trust-files ("/no/such/file")) ":trust-files" "exist")
                   ((:pin "x") ":pin" "64 hex digits")
                   ((:client-key "/no/such") ":client-key" "can be read")
                   ((:proxy "x") ":proxy" "cannot do that yet")
                   ((:hots "x") ":hots" "no account has such")
                   ((:from 3) ":from 3" "an address")))
    (let* ((sendonce-accounts (list (append '(:name "work" :host "m") more)))
           (text (sendonce-test-complaint
                  (if (plist-member more :from)
                      (lambda ()
                        (sendonce-account-check (car sendonce-accounts)))
                    #'sendonce-test-settings))))
      (should (string-search "work" text))
      (should (string-search field text))
      (should (string-search remedy text)))))

(ert-deftest sendonce-account-bad-hosts ()
  (dolist (host '("smtp://m" "m:465 x" "me@m" "" 3 "a\nb"))
    (let ((sendonce-accounts (list (list :host host))))
      (should (string-search ":host"
                             (sendonce-test-complaint
                              #'sendonce-test-settings)))))
  (let ((sendonce-accounts '((:name "x"))))
    (should (string-search "has no :host"
                           (sendonce-test-complaint
                            #'sendonce-test-settings)))))

;;;; Settings and back

(ert-deftest sendonce-account-setting-and-with ()
  (let ((settings "host=m\nport=25\ntls-host=x\n"))
    (should (equal (sendonce-account-setting settings "host") "m"))
    (should-not (sendonce-account-setting settings "user"))
    (should (equal (sendonce-account-with settings "user" "me")
                   "host=m\nport=25\ntls-host=x\nuser=me\n"))
    (should (equal (sendonce-account-with settings "port" "587")
                   "host=m\ntls-host=x\nport=587\n"))))

(ert-deftest sendonce-account-renew ()
  (let ((sendonce-accounts '((:name "work" :host "new"))))
    (should (string-search "host=new\n"
                           (sendonce-account-renew "work" "host=old\n")))
    (should-not (sendonce-account-renew "gone" "host=old\n")))
  (let ((sendonce-accounts '((:name "work" :tls 587))))
    (should-not (sendonce-account-renew "work" "host=old\n"))))

(ert-deftest sendonce-account-renew-smtpmail-keeps-user ()
  (sendonce-test-smtpmail ((smtpmail-smtp-server "m")
                           (smtpmail-smtp-service 587))
    (should (equal (sendonce-account-setting
                    (sendonce-account-renew "smtpmail"
                                            "host=m\nport=25\nuser=alice\n")
                    "user")
                   "alice"))
    (should-not (sendonce-account-setting
                 (sendonce-account-renew "smtpmail"
                                         "host=o\nport=25\nuser=alice\n")
                 "user"))
    (should-not (sendonce-account-renew "smtpmail:m" "host=m\nport=25\n"))))

(provide 'sendonce-account-tests)

;;; sendonce-account-tests.el ends here
