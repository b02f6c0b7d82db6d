;;; sendonce-sign-in-tests.el --- Mechanisms and findings  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Live, against the peer: each mechanism, which one is chosen, what
;; follows one that fails (FIELD.md, case 2), what is remembered of a
;; server, and how often a credential is tried.

;;; Code:

(require 'sendonce-test-helper)
(require 'sendonce-check)

(defun sendonce-test-sign-in-as (user password &rest more)
  "Have mail sent to the peer as USER, whose PASSWORD auth-source has.
MORE goes into the account."
  (setq sendonce-credential--given nil
        sendonce-credential--savers nil)
  (sendonce-test-write
   "authinfo" (format "machine 127.0.0.1 login %s password %S\n" user password))
  (setq auth-source-netrc-cache nil)
  (apply #'sendonce-test-account :user user more))

(defun sendonce-test-said (&optional id)
  "Return the mechanisms that we said AUTH with, in order, for entry ID."
  (let ((text (sendonce-transcript-string
               (or id (plist-get (car (sendonce-entries)) :id))))
        (start 0)
        said)
    (while (string-match "C: AUTH \\([-A-Z0-9]+\\)" text start)
      (push (match-string 1 text) said)
      (setq start (match-end 0)))
    (nreverse said)))

(defun sendonce-test-lines (&optional id)
  "Return how many lines to the server were taken for entry ID."
  (let ((text (sendonce-transcript-string
               (or id (plist-get (car (sendonce-entries)) :id)))))
    (1- (length (split-string text "Connected to ")))))

(defun sendonce-test-another (number)
  "Return a draft that is told from others by NUMBER."
  (string-replace "Hello" (format "Hello %d" number) sendonce-test-draft))

;;;; Each mechanism

(ert-deftest sendonce-sign-in-by-each-mechanism ()
  (dolist (mechanism '("PLAIN" "LOGIN" "CRAM-MD5" "DIGEST-MD5" "SCRAM-SHA-1"
                       "SCRAM-SHA-256" "SCRAM-SHA-1-PLUS"
                       "SCRAM-SHA-256-PLUS" "XOAUTH2" "OAUTHBEARER"))
    (dolist (versions '("NORMAL" "NORMAL:-VERS-TLS1.3"))
      (ert-info ((format "%s, %s" mechanism versions))
        (sendonce-test-with-peer ("--user" "alice:pässwörd" "--require-auth"
                                  "--auth" mechanism
                                  "--tls-versions" versions)
          (sendonce-test-sign-in-as "alice" "pässwörd" :auth mechanism)
          (should-not (sendonce-test-send))
          (should (equal (sendonce-test-said) (list mechanism))))))))

(ert-deftest sendonce-sign-in-takes-the-best ()
  (pcase-dolist (`(,offer ,best)
                 '(("LOGIN PLAIN CRAM-MD5 SCRAM-SHA-256 SCRAM-SHA-256-PLUS"
                    "SCRAM-SHA-256-PLUS")
                   ("LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1" "SCRAM-SHA-1")
                   ("XOAUTH2 CRAM-MD5 DIGEST-MD5 LOGIN PLAIN" "PLAIN")
                   ("XOAUTH2 DIGEST-MD5 CRAM-MD5" "CRAM-MD5")))
    (ert-info (offer)
      (sendonce-test-with-peer ("--user" "alice:secret" "--auth" offer)
        (sendonce-test-sign-in-as "alice" "secret")
        (should-not (sendonce-test-send))
        (should (equal (sendonce-test-said) (list best)))))))

(ert-deftest sendonce-sign-in-auth-narrows-the-choice ()
  (sendonce-test-with-peer ("--user" "alice:secret" "--auth" "PLAIN LOGIN")
    (sendonce-test-sign-in-as "alice" "secret" :auth "cram-md5")
    (let ((err (sendonce-test-send)))
      (should (eq (car err) 'sendonce-refused))
      (should (eq (plist-get (cddr err) :cause) 'auth-unavailable))
      (should (string-match-p "CRAM-MD5; it offers PLAIN LOGIN" (cadr err))))
    (should-not (sendonce-test-said))
    (sendonce-test-sign-in-as "alice" "secret" :auth '("cram-md5" "login"))
    (should-not (sendonce-test-send))
    (should (equal (sendonce-test-said) '("LOGIN")))))

(ert-deftest sendonce-sign-in-mechanism-from-auth-source ()
  (sendonce-test-with-peer ("--user" "alice:secret" "--auth" "PLAIN LOGIN")
    (sendonce-test-sign-in-as "alice" "secret")
    (sendonce-test-write
     "authinfo"
     "machine 127.0.0.1 login alice password secret smtp-auth login\n")
    (setq auth-source-netrc-cache nil)
    (should-not (sendonce-test-send))
    (should (equal (sendonce-test-said) '("LOGIN")))))

;;;; FIELD.md, case 2

(ert-deftest sendonce-sign-in-never-wants-a-security-layer ()
  (sendonce-test-with-peer ("--user" "alice:secret"
                            "--auth" "CRAM-MD5 DIGEST-MD5 LOGIN PLAIN"
                            "--digest-qop" "auth,auth-int,auth-conf")
    (sendonce-test-sign-in-as "alice" "secret" :auth "DIGEST-MD5")
    (should-not (sendonce-test-send))
    (should (equal (sendonce-test-said) '("DIGEST-MD5")))
    (should (= 1 (sendonce-test-lines)))))

(ert-deftest sendonce-sign-in-line-dies-after-235 ()
  (sendonce-test-with-peer (:scenario "at AUTH DIGEST-MD5: continue; drop-later
at AUTH CRAM-MD5: continue; drop-later\n"
                                      "--user" "alice:secret"
                                      "--auth" "CRAM-MD5 DIGEST-MD5 LOGIN PLAIN")
    (sendonce-test-sign-in-as "alice" "secret"
                              :auth '("DIGEST-MD5" "CRAM-MD5" "PLAIN"))
    (should-not (sendonce-test-send))
    (should (equal (sendonce-test-said)
                   '("DIGEST-MD5" "DIGEST-MD5" "CRAM-MD5" "CRAM-MD5" "PLAIN")))
    (should (= 5 (sendonce-test-lines)))
    ;; It is remembered, by another engine as well.
    (sendonce-engine-stop 1)
    (should-not (sendonce-test-send (sendonce-test-another 2)))
    (should (equal (sendonce-test-said) '("PLAIN")))
    (should (= 1 (sendonce-test-lines)))
    (should (= 2 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-sign-in-finding-is-forgotten-with-a-new-offer ()
  (sendonce-test-with-peer (:scenario "at AUTH DIGEST-MD5: continue; drop-later
connection 5+ at EHLO: offer-auth \"DIGEST-MD5 PLAIN LOGIN\"; continue\n"
                                      "--user" "alice:secret"
                                      "--auth" "DIGEST-MD5 PLAIN")
    (sendonce-test-sign-in-as "alice" "secret" :auth '("DIGEST-MD5" "PLAIN"))
    (should-not (sendonce-test-send))
    (should (equal (sendonce-test-said)
                   '("DIGEST-MD5" "DIGEST-MD5" "PLAIN")))
    (should-not (sendonce-test-send (sendonce-test-another 2)))
    (should (equal (sendonce-test-said) '("PLAIN")))
    (sendonce-test-scenario
     "at EHLO: offer-auth \"DIGEST-MD5 PLAIN LOGIN\"; continue\n")
    (should-not (sendonce-test-send (sendonce-test-another 3)))
    (should (equal (sendonce-test-said) '("DIGEST-MD5")))))

(ert-deftest sendonce-sign-in-line-dies-in-mid-exchange ()
  (sendonce-test-with-peer (:scenario "at AUTH-response SCRAM-SHA-256: drop\n"
                                      "--user" "alice:secret"
                                      "--auth" "SCRAM-SHA-256 PLAIN")
    (sendonce-test-sign-in-as "alice" "secret")
    (should-not (sendonce-test-send))
    (should (equal (sendonce-test-said)
                   '("SCRAM-SHA-256" "SCRAM-SHA-256" "PLAIN")))
    (should (= 3 (sendonce-test-lines)))))

(ert-deftest sendonce-sign-in-line-that-always-dies-is-no-loop ()
  (sendonce-test-with-peer (:scenario "at AUTH: continue; drop-later\n"
                                      "--user" "alice:secret" "--auth" "PLAIN LOGIN")
    (sendonce-test-sign-in-as "alice" "secret")
    (let ((err (sendonce-test-send)))
      (should (eq (car err) 'sendonce-deferred))
      (should (eq (plist-get (cddr err) :cause) 'connection-lost))
      (should (string-search "after which it goes on" (cadr err)))
      (should (equal (sendonce-test-said) '("PLAIN" "PLAIN" "LOGIN" "LOGIN")))
      (should (= 5 (sendonce-test-lines))))
    (should-not (sendonce-test-accepted))))

;;;; A mechanism that fails for its own reasons

(ert-deftest sendonce-sign-in-next-mechanism-on-the-same-line ()
  (dolist (reply '("504 5.5.4 Not that one" "535 5.7.8 No such hash"))
    (ert-info (reply)
      (sendonce-test-with-peer
          (:scenario (format "at AUTH CRAM-MD5: say \"%s\\r\\n\"\n" reply)
                     "--user" "alice:secret" "--auth" "CRAM-MD5 PLAIN")
        (sendonce-test-sign-in-as "alice" "secret"
                                  :auth '("CRAM-MD5" "PLAIN"))
        (should-not (sendonce-test-send))
        (should (equal (sendonce-test-said) '("CRAM-MD5" "PLAIN")))
        (should (= 1 (sendonce-test-lines)))
        (should-not (sendonce-test-send (sendonce-test-another 2)))
        (should (equal (sendonce-test-said) '("PLAIN")))))))

(ert-deftest sendonce-sign-in-yes-without-proof-is-no-yes ()
  (sendonce-test-with-peer
      (:scenario "at AUTH-response SCRAM-SHA-256: say \"235 2.7.0 Yes\\r\\n\"\n"
                 "--user" "alice:secret" "--auth" "SCRAM-SHA-256")
    (sendonce-test-sign-in-as "alice" "secret")
    (let ((err (sendonce-test-send)))
      (should (eq (car err) 'sendonce-refused))
      (should (string-match-p "has not proved" (cadr err))))
    (should-not (sendonce-test-accepted))))

;;;; Credentials

(ert-deftest sendonce-sign-in-wrong-password-is-tried-twice-at-most ()
  (sendonce-test-with-peer
      ("--user" "alice:secret"
       "--auth" "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 DIGEST-MD5 PLAIN LOGIN")
    (sendonce-test-sign-in-as "alice" "wrong")
    (let ((err (sendonce-test-send)))
      (should (eq (plist-get (cddr err) :cause) 'auth-failed))
      (should (string-match-p "535" (plist-get (cddr err) :reply))))
    (should (= 2 (length (sendonce-test-said))))))

(ert-deftest sendonce-sign-in-plain-password-is-tried-once ()
  (sendonce-test-with-peer ("--user" "alice:secret" "--auth" "PLAIN LOGIN")
    (sendonce-test-sign-in-as "alice" "wrong")
    (should (eq (car (sendonce-test-send)) 'sendonce-refused))
    (should (equal (sendonce-test-said) '("PLAIN")))))

(ert-deftest sendonce-sign-in-asks-once-after-a-refusal ()
  (sendonce-test-with-peer ("--user" "alice:secret" "--auth" "PLAIN LOGIN")
    (sendonce-test-sign-in-as "alice" "wrong")
    (should-not (sendonce-test-answering '("secret")
                  (sendonce-test-send)))
    (should (equal (sendonce-test-said) '("PLAIN" "PLAIN")))
    (should (= 1 (sendonce-test-lines))))
  (sendonce-test-with-peer ("--user" "alice:secret" "--auth" "PLAIN LOGIN")
    (sendonce-test-sign-in-as "alice" "wrong")
    (should (sendonce-test-answering '("wrong, too")
              (sendonce-test-send)))
    (should (= 2 (length (sendonce-test-said))))))

(ert-deftest sendonce-sign-in-token-is-fetched-anew-once ()
  (sendonce-test-with-peer ("--user" "alice:token-2" "--auth" "XOAUTH2")
    (sendonce-test-sign-in-as "alice" "" :auth "xoauth2")
    (let ((fetched 0))
      (cl-letf (((symbol-function 'auth-source-search)
                 (lambda (&rest _)
                   (list (list :user "alice"
                               :secret
                               (lambda ()
                                 (format "token-%d\n"
                                         (setq fetched (1+ fetched)))))))))
        (should-not (sendonce-test-send))
        (should (equal (sendonce-test-said) '("XOAUTH2" "XOAUTH2")))
        (should (= 2 fetched))))))

(ert-deftest sendonce-sign-in-token-refused-says-why ()
  (sendonce-test-with-peer ("--user" "alice:good" "--auth" "XOAUTH2")
    (sendonce-test-sign-in-as "alice" "bad" :auth "xoauth2")
    (let ((err (sendonce-test-answering nil (sendonce-test-send))))
      (should (eq (plist-get (cddr err) :cause) 'auth-failed))
      (should (string-match-p "status 40[01]" (plist-get (cddr err) :reply))))
    (should (= 1 (length (sendonce-test-said))))))

;;;; Downgrade

(ert-deftest sendonce-sign-in-tells-a-downgrade-once ()
  (sendonce-test-with-peer ("--user" "alice:secret"
                            "--auth" "SCRAM-SHA-256 PLAIN")
    (sendonce-test-sign-in-as "alice" "secret")
    (let (warnings)
      (cl-letf (((symbol-function 'sendonce-notify-warn)
                 (lambda (&rest args)
                   (push (apply #'format args) warnings))))
        (should-not (sendonce-test-send))
        (sendonce-test-scenario "at EHLO: offer-auth \"PLAIN\"; continue\n")
        (should-not (sendonce-test-send (sendonce-test-another 2)))
        (should-not (sendonce-test-send (sendonce-test-another 3)))
        (should (sendonce-wait-idle 10))
        (should (= 1 (length warnings)))
        (should (string-match-p "used to offer sign-in by SCRAM-SHA-256"
                                (car warnings)))))))

;;;; What a mishap must not teach

(ert-deftest sendonce-sign-in-a-glitch-is-no-downgrade ()
  "A line that breaks in mid-sign-in, once, does not make us send the password."
  (sendonce-test-with-peer
      (:scenario "connection 2 at AUTH-response SCRAM-SHA-256: drop\n"
                 "--user" "alice:secret" "--auth" "SCRAM-SHA-256 PLAIN")
    (sendonce-test-sign-in-as "alice" "secret")
    (dotimes (number 4)
      (should-not (sendonce-test-send (sendonce-test-another number)))
      (should (equal (seq-uniq (sendonce-test-said)) '("SCRAM-SHA-256"))))))

(ert-deftest sendonce-sign-in-what-has-worked-is-not-blamed ()
  "Two lines in a row break: another mechanism serves once, and no more."
  (sendonce-test-with-peer
      (:scenario "connection 2-3 at AUTH-response SCRAM-SHA-256: drop\n"
                 "--user" "alice:secret" "--auth" "SCRAM-SHA-256 PLAIN")
    (sendonce-test-sign-in-as "alice" "secret")
    (should-not (sendonce-test-send (sendonce-test-another 1)))
    (should-not (sendonce-test-send (sendonce-test-another 2)))
    (should (equal (sendonce-test-said)
                   '("SCRAM-SHA-256" "SCRAM-SHA-256" "PLAIN")))
    (should-not (sendonce-test-send (sendonce-test-another 3)))
    (should (equal (sendonce-test-said) '("SCRAM-SHA-256")))))

(ert-deftest sendonce-sign-in-two-accounts-at-one-server ()
  "What one signs in with is not asked of the other."
  (sendonce-test-with-peer ("--user" "alice:tok-en" "--user" "bob:secret"
                            "--auth" "XOAUTH2 PLAIN")
    (sendonce-test-sign-in-as "alice" "tok-en" :auth "xoauth2" :name "a"
                              :from "alice@here.example")
    (let ((alice (car sendonce-accounts)))
      (sendonce-test-account :user "bob" :name "b" :from "me@here.example")
      (push alice sendonce-accounts))
    (should-not (sendonce-test-send
                 (string-replace "me@here" "alice@here"
                                 (sendonce-test-another 1))))
    (cl-letf (((symbol-function 'sendonce-credential--prompt)
               (lambda (&rest _) "secret")))
      (sendonce-test-interactively
        (should-not (sendonce-test-send (sendonce-test-another 2)))))
    (should (equal (sendonce-test-said) '("PLAIN")))))

(ert-deftest sendonce-sign-in-pin-needs-no-judge ()
  "With `network-security-level' high NSM judges all, but what a pin proves."
  (sendonce-test-with-peer ("--user" "alice:secret")
    (sendonce-test-sign-in-as "alice" "secret")
    (let* ((check (sendonce-check (sendonce-account-settings
                                   (car sendonce-accounts))
                                  10))
           (trust (nth 2 (assq 'trust (sendonce-check-steps check))))
           (network-security-level 'high))
      (should (string-match "sha256:[0-9a-f]+" trust))
      (sendonce-test-sign-in-as "alice" "secret" :pin (match-string 0 trust))
      (should-not (sendonce-test-send)))))

;;;; What must not cost a password

(ert-deftest sendonce-sign-in-no-proof-then-no-plain ()
  "Who said yes without the proof it owes is not given the password itself."
  (sendonce-test-with-peer
      (:scenario "at AUTH-response SCRAM-SHA-256: say \"235 2.7.0 Yes\\r\\n\"\n"
                 "--user" "alice:secret" "--auth" "SCRAM-SHA-256 PLAIN")
    (sendonce-test-sign-in-as "alice" "secret")
    (should (string-match-p "has not proved" (cadr (sendonce-test-send))))
    (should (equal (sendonce-test-said) '("SCRAM-SHA-256")))))

(ert-deftest sendonce-sign-in-line-dropped-at-each-try ()
  "It may be how the server answers a wrong password: three tries are enough."
  (sendonce-test-with-peer
      (:scenario "at AUTH: drop\n"
                 "--user" "alice:secret" "--auth"
                 "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5 DIGEST-MD5")
    (sendonce-test-sign-in-as "alice" "wrong")
    (should (sendonce-test-send))
    (should (= 3 (length (sendonce-test-said))))
    (should (equal '(deferred) (sendonce-test-states)))))

(ert-deftest sendonce-sign-in-server-tires-of-waiting-for-the-user ()
  "What was typed goes on a new line, whether the old one ended with 421 or not."
  (dolist (end '("say \"421 4.4.2 Timeout\\r\\n\"; drop" "drop"))
    (ert-info (end)
      (sendonce-test-with-peer
          (:scenario (format "connection 1 at EHLO: continue; delay 200; %s\n" end)
                     "--user" "alice:secret" "--auth" "PLAIN")
        (setq sendonce-credential--given nil)
        (sendonce-test-account :user "alice")
        (cl-letf (((symbol-function 'sendonce-credential--prompt)
                   (lambda (&rest _)
                     ;; The user thinks until the server has had enough.
                     (accept-process-output nil 0.6)
                     "secret")))
          (sendonce-test-interactively
            (should-not (sendonce-test-send))))
        (should (equal '(sent) (sendonce-test-states)))))))

(ert-deftest sendonce-sign-in-no-pin-in-the-settings ()
  (sendonce-test-with-peer ()
    (sendonce-test-account :client-key "pkcs11:token=x?pin-value=4711-SECRET")
    (let ((err (sendonce-test-send)))
      (should (eq 'sendonce-config-error (car err)))
      (should (string-search ":client-key" (cadr err))))
    (sendonce-engine)
    (should-not (string-search
                 "4711-SECRET"
                 (sendonce-test-read
                  (expand-file-name "outbox.sqlite" sendonce-directory))))))

(ert-deftest sendonce-sign-in-refused-password-is-not-saved-later ()
  (sendonce-test-with-peer ("--user" "alice:good" "--auth" "PLAIN")
    (setq sendonce-credential--given nil
          sendonce-credential--savers nil)
    (sendonce-test-account :user "alice")
    (let ((search (symbol-function 'auth-source-search))
          (asked 0)
          saved)
      (cl-letf (((symbol-function 'auth-source-search)
                 (lambda (&rest spec)
                   (cond ((not (plist-get spec :create))
                          (apply search spec))
                         ((> (setq asked (1+ asked)) 1) (signal 'quit nil))
                         (t (list (list :user "alice" :secret "typo"
                                        :save-function
                                        (lambda () (push "typo" saved)))))))))
        (sendonce-test-interactively
          (should (sendonce-test-send))))
      (sendonce-test-write "authinfo"
                           "machine 127.0.0.1 login alice password good\n")
      (setq auth-source-netrc-cache nil)
      (should-not (sendonce-test-send (sendonce-test-another 2)))
      (should (sendonce-wait-idle 10))
      (should-not saved)
      (should-not sendonce-credential--savers))))

(provide 'sendonce-sign-in-tests)

;;; sendonce-sign-in-tests.el ends here
