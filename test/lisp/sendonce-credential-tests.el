;;; sendonce-credential-tests.el --- Passwords  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The talk with auth-source, first alone, then in sends that sign in.

;;; Code:

(require 'sendonce-test-helper)

(defmacro sendonce-test-with-authinfo (text &rest body)
  "Evaluate BODY with `auth-sources' a file of TEXT."
  (declare (indent 1))
  `(sendonce-test-in-place
     (sendonce-test-write "authinfo" ,text)
     (setq sendonce-credential--given nil
           sendonce-credential--savers nil)
     ,@body))

(defun sendonce-test-authinfo ()
  "Return what the auth-source file says now."
  (let ((file (sendonce-test-file "authinfo")))
    (if (file-exists-p file) (sendonce-test-read file) "")))

;;;; Alone

(ert-deftest sendonce-credential-ports-by-number-and-name ()
  (dolist (port '("587" "submission" "smtp"))
    (sendonce-test-with-authinfo
        (format "machine m port %s login u password p\n" port)
      (should (equal (sendonce-credential-password "m" 587 "u" "" nil) "p"))))
  (sendonce-test-with-authinfo "machine m login u password p\n"
    (should (equal (sendonce-credential-password "m" 1234 "u" "" nil) "p")))
  (sendonce-test-with-authinfo "machine m port imap login u password p\n"
    (should-not (sendonce-credential-password "m" 587 "u" "" nil))))

(ert-deftest sendonce-credential-is-bytes ()
  (sendonce-test-with-authinfo "machine m login u password pässwörd\n"
    (let ((secret (sendonce-credential-password "m" 587 "u" "" nil)))
      (should-not (multibyte-string-p secret))
      (should (equal secret (encode-coding-string "pässwörd" 'utf-8))))))

(ert-deftest sendonce-credential-wiping-a-copy-spoils-nothing ()
  (sendonce-test-with-authinfo "machine m login u password p\n"
    (let ((auth-source-do-cache t))
      (auth-source-forget-all-cached)
      (clear-string (sendonce-credential-password "m" 587 "u" "" nil))
      (should (equal (sendonce-credential-password "m" 587 "u" "" nil) "p"))
      (auth-source-forget-all-cached))))

(ert-deftest sendonce-credential-token-without-newline ()
  (cl-letf (((symbol-function 'auth-source-search)
             (lambda (&rest _)
               (list (list :user "u" :secret (lambda () "token\n"))))))
    (should (equal (sendonce-credential-password "m" 587 "u" "" nil)
                   "token"))))

(ert-deftest sendonce-credential-refused-is-not-given-again ()
  (sendonce-test-with-authinfo "machine m login u password p\n"
    (should (equal (sendonce-credential-password "m" 587 "u" "" nil) "p"))
    (should-not (sendonce-credential-password "m" 587 "u" "535 No" nil))
    (sendonce-test-write "authinfo" "machine m login u password q\n")
    (setq auth-source-netrc-cache nil)  ; the file's time may be the same
    (should (equal (sendonce-credential-password "m" 587 "u" "535 No" nil)
                   "q"))))

(ert-deftest sendonce-credential-absence-is-not-remembered ()
  (sendonce-test-with-authinfo ""
    (let ((auth-source-do-cache t))
      (auth-source-forget-all-cached)
      (should-not (sendonce-credential-password "m" 587 "u" "" nil))
      (sendonce-test-write "authinfo" "machine m login u password p\n")
      (setq auth-source-netrc-cache nil) ; the file's time may be the same
      (should (equal (sendonce-credential-password "m" 587 "u" "" nil) "p"))
      (auth-source-forget-all-cached))))

(ert-deftest sendonce-credential-background-never-asks ()
  (sendonce-test-with-authinfo ""
    (sendonce-test-answering nil
      (should-not (sendonce-credential-password "m" 587 "u" "" nil)))))

(ert-deftest sendonce-credential-background-shuns-locked-keys ()
  (let (mode)
    (cl-letf (((symbol-function 'auth-source-search)
               (lambda (&rest _)
                 (setq mode epg-pinentry-mode)
                 (error "No secret key"))))
      (sendonce-test-interactively
        (should-not (sendonce-credential-password "m" 587 "u" "" nil)))
      (should (eq mode 'error)))))

(ert-deftest sendonce-credential-quitting-declines ()
  (sendonce-test-with-authinfo ""
    (sendonce-test-answering '(quit)
      (should-not (sendonce-credential-password "m" 587 "u" "" t)))))

(ert-deftest sendonce-credential-saved-only-when-proven ()
  (sendonce-test-with-authinfo ""
    (let ((auth-source-save-behavior t))
      (sendonce-test-answering '("typed")
        (should (equal (sendonce-credential-password "m" 587 "u" "" t)
                       "typed")))
      (should (equal (sendonce-test-authinfo) ""))
      (should (sendonce-credential-proven "m" 587 "u"))
      (should (equal (string-trim (sendonce-test-authinfo))
                     "machine m login u port 587 password typed"))
      (should-not (sendonce-credential-proven "m" 587 "u")))))

(ert-deftest sendonce-credential-user ()
  (sendonce-test-with-authinfo "machine m port 587 login alice password p\n"
    (should (equal (sendonce-credential-user "m" 587 nil) '(:user "alice")))
    (should-not (sendonce-credential-user "n" 587 nil))
    (should-error (sendonce-credential-user "n" 587 t)
                  :type 'sendonce-config-error)
    (sendonce-test-answering '("bob")
      (should (equal (sendonce-credential-user "n" 587 t) '(:user "bob"))))))

(ert-deftest sendonce-credential-nothing-kept-in-the-clear ()
  (sendonce-test-with-authinfo "machine m login u password canary-secret\n"
    (sendonce-credential-password "m" 587 "u" "" nil)
    (should-not (string-search
                 "canary" (format "%S" sendonce-credential--given)))))

;;;; In sends

(defmacro sendonce-test-with-sign-in (&rest body)
  "Evaluate BODY with a peer that alice must sign in to, as \"right\"."
  (declare (indent 0))
  `(sendonce-test-with-peer ("--user" "alice:right" "--require-auth")
     (sendonce-test-account :user "alice")
     (setq sendonce-credential--given nil
           sendonce-credential--savers nil)
     ,@body))

(defun sendonce-test-password (password)
  "Put PASSWORD for alice into the auth-source file."
  (sendonce-test-write "authinfo"
                       (format "machine 127.0.0.1 login alice password %s\n"
                               password)))

(ert-deftest sendonce-credential-signs-in ()
  (sendonce-test-with-sign-in
    (sendonce-test-password "right")
    (should-not (sendonce-test-send))))

(ert-deftest sendonce-credential-asked-for-and-saved ()
  (sendonce-test-with-sign-in
    (let ((auth-source-save-behavior t))
      ;; A batch Emacs is never idle.
      (cl-letf (((symbol-function 'run-with-idle-timer)
                 (lambda (_ &rest more) (apply #'run-at-time 0 more))))
        (should-not (sendonce-test-answering '("right")
                      (sendonce-test-send)))
        (sendonce-wait--until
         (lambda () (not (string-empty-p (sendonce-test-authinfo)))) 10))
      (should (equal (string-trim (sendonce-test-authinfo))
                     (format "machine 127.0.0.1 login alice port %d password right"
                             sendonce-test-port))))))

(ert-deftest sendonce-credential-wrong-then-right ()
  (sendonce-test-with-sign-in
    (let ((auth-source-save-behavior t))
      (should-not (sendonce-test-answering '("wrong" "right")
                    (sendonce-test-send)))
      (should-not (string-search "wrong" (sendonce-test-authinfo)))
      (should (equal (sendonce-test-states) '(sent))))))

(ert-deftest sendonce-credential-wrong-in-the-file ()
  (sendonce-test-with-sign-in
    (sendonce-test-password "wrong")
    (should-not (sendonce-test-answering '("right") (sendonce-test-send)))
    (should (equal (sendonce-test-states) '(sent)))
    (should (string-search "wrong" (sendonce-test-authinfo)))))

(ert-deftest sendonce-credential-wrong-in-batch ()
  (sendonce-test-with-sign-in
    (sendonce-test-password "wr0ng")
    (let ((err (sendonce-test-send)))
      (should (memq (car err) '(sendonce-refused sendonce-config-error)))
      (should (string-search "alice" (cadr err)))
      (should-not (string-search "wr0ng" (format "%S" err))))
    (should-not (sendonce-test-accepted))))

(ert-deftest sendonce-credential-declined-sends-nothing ()
  (sendonce-test-with-sign-in
    (sendonce-test-with-draft sendonce-test-draft
      (should (eq 'sendonce-refused
                  (car (sendonce-test-answering '(quit)
                         (sendonce-test-send-again)))))
      (should (equal (sendonce-test-states) '(cancelled)))
      (sendonce-test-password "right")
      (should-not (sendonce-test-send-again))
      (should (= 1 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-credential-missing-in-batch ()
  (sendonce-test-with-sign-in
    (let ((err (sendonce-test-send)))
      (should (eq (car err) 'sendonce-config-error))
      (should (string-search
               (format "machine 127.0.0.1 port %d login alice"
                       sendonce-test-port)
               (cadr err))))))

(ert-deftest sendonce-credential-missing-in-the-background ()
  (sendonce-test-with-sign-in
    (let ((sendonce-wait nil)
          warned)
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_ text &rest _) (push text warned))))
        (sendonce-test-answering nil
          (should-not (sendonce-test-send))
          (should (sendonce-wait-idle 30))))
      (should (= 1 (length warned)))
      (should (string-search "M-x sendonce-flush" (car warned)))
      (should (equal (sendonce-test-states) '(deferred)))
      (sendonce-test-password "right")
      (sendonce-flush)
      (should (sendonce-wait-idle 30))
      (should (equal (sendonce-test-states) '(sent))))))

(ert-deftest sendonce-credential-sign-in-wanted-after-all ()
  "An account without a user, and 530: the user is asked, and it goes on."
  (sendonce-test-with-sign-in
    (sendonce-test-account)
    (let ((err (sendonce-test-send)))
      (should (eq (car err) 'sendonce-refused))
      (should (string-search "sign-in" (cadr err))))
    (sendonce-test-password "right")
    (should-not (sendonce-test-answering '("alice")
                  (sendonce-test-send
                   (string-replace "Hello" "Bye" sendonce-test-draft))))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-credential-never-told ()
  "A password is in no message, error, transcript, or file of the outbox."
  (sendonce-test-with-peer ("--user" "alice:other" "--require-auth")
    (sendonce-test-account :user "alice")
    (sendonce-test-password "canary-secret")
    (let* ((told "")
           (err (cl-letf (((symbol-function 'message)
                           (lambda (format &rest args)
                             (when format
                               (setq told
                                     (concat told (apply #'format-message
                                                         format args)))))))
                  (sendonce-test-send)))
           (id (plist-get (car (sendonce-entries)) :id))
           (transcript (sendonce-transcript-string id)))
      (sendonce-engine-stop 1)
      (dolist (text (list told (format "%S" err) transcript
                          (sendonce-test-read
                           (expand-file-name "outbox.sqlite"
                                             sendonce-directory))))
        (dolist (secret (list "canary"
                              (base64-encode-string
                               "\0alice\0canary-secret" t)
                              (base64-encode-string "canary-secret" t)))
          (should-not (string-search secret text)))))))

(provide 'sendonce-credential-tests)

;;; sendonce-credential-tests.el ends here
