;;; sendonce-secrets-tests.el --- No password where it can be read  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A password made up for the test, the canary, is looked for wherever
;; something of a send is kept or shown: transcript, outbox files,
;; entries, errors, messages, buffers.  The hard case is a server that
;; says it back.

;;; Code:

(require 'sendonce-test-helper)

;;;; The canary

(defvar sendonce-secrets-canary nil
  "The password of the test that runs.")

(defvar sendonce-secrets-said nil
  "What was said in the echo area, newest first.")

(defun sendonce-secrets--make ()
  "Return a password that nobody else has."
  (concat "canary-" (substring (secure-hash 'sha256 (format "%s%s" (random t) (float-time)))
                               0 24)))

(defun sendonce-secrets--base64 (text)
  "Return TEXT, characters, in base64, on one line."
  (base64-encode-string (encode-coding-string text 'utf-8) t))

(defun sendonce-secrets--phases (text)
  "Return what of the base64 of TEXT shows at each place of a longer one."
  (cl-loop for before from 0 to 2
           for whole = (sendonce-secrets--base64
                        (concat (make-string before ?x) text "xx"))
           collect (substring whole (if (= before 0) 0 4)
                              (* 4 (/ (+ before (length (encode-coding-string text 'utf-8))) 3)))))

(defun sendonce-secrets--json (text)
  "Return TEXT as the inside of a string of JSON."
  (string-replace "\"" "\\\"" (string-replace "\\" "\\\\" text)))

(defun sendonce-secrets--forms ()
  "Return the forms in which the canary must not be found, as bytes."
  (let ((canary sendonce-secrets-canary))
    (mapcar (lambda (form) (encode-coding-string form 'utf-8))
            (append (list canary (url-hexify-string canary)
                          (sendonce-secrets--json canary)
                          (substring canary 0 18) (substring canary -18))
                    (sendonce-secrets--phases canary)))))

;;;; Where it is looked for

(defun sendonce-secrets--files ()
  "Return (NAME . BYTES) of all files of the outbox.
An owner's file goes when its engine has stopped: perhaps meanwhile."
  (cl-loop for file in (directory-files-recursively sendonce-directory "")
           for bytes = (condition-case nil
                           (sendonce-test-read file)
                         (file-missing nil))
           when bytes collect (cons file bytes)))

(defun sendonce-secrets--buffers ()
  "Return (NAME . BYTES) of all buffers of this Emacs."
  (mapcar (lambda (buffer)
            (with-current-buffer buffer
              (cons (buffer-name)
                    (save-restriction
                      (widen)
                      (encode-coding-string (buffer-string) 'utf-8)))))
          (buffer-list)))

(defun sendonce-secrets--all (err)
  "Return (NAME . BYTES) of all there is after a send that gave ERR."
  (append
   (list (cons "error" (encode-coding-string (format "%S" err) 'utf-8))
         (cons "messages" (encode-coding-string
                           (format "%S" sendonce-secrets-said) 'utf-8))
         (cons "entries" (encode-coding-string
                          (format "%S" (sendonce-entries)) 'utf-8)))
   (mapcar (lambda (entry)
             (let ((id (plist-get entry :id)))
               (cons (format "transcript %s" id)
                     (encode-coding-string (sendonce-transcript-string id)
                                           'utf-8))))
           (sendonce-entries))
   (sendonce-secrets--buffers)
   (sendonce-secrets--files)))

(defun sendonce-secrets--found (err)
  "Return the names of the places where the canary is after ERR."
  (let ((case-fold-search nil)
        (forms (sendonce-secrets--forms)))
    (cl-loop for (name . bytes) in (sendonce-secrets--all err)
             when (seq-some (lambda (form) (string-search form bytes)) forms)
             collect (file-name-nondirectory name))))

;;;; Sending with it

(defmacro sendonce-secrets--with (options &rest body)
  "Evaluate BODY with a canary, and a peer with OPTIONS that knows it.
auth-source has the canary for the user \"me\"."
  (declare (indent 1) (debug t))
  `(let* ((sendonce-secrets-canary (sendonce-secrets--make))
          (sendonce-secrets-said nil)
          (listen (lambda (format &rest args)
                    (when format
                      (push (apply #'format-message format args)
                            sendonce-secrets-said)))))
     (sendonce-test-with-peer
         ("--user" (concat "me:" sendonce-secrets-canary) "--require-auth"
          ,@options)
       (sendonce-test-account :user "me")
       (sendonce-test-write
        "authinfo" (format "machine 127.0.0.1 login me password %s\n"
                           sendonce-secrets-canary))
       (advice-add 'message :before listen)
       (unwind-protect (progn ,@body)
         (advice-remove 'message listen)))))

(defun sendonce-secrets--clean-p ()
  "Send a draft; return non-nil if the canary is nowhere.
It is looked for while the engine lives, and again when it has ended."
  (let* ((err (sendonce-test-send))
         (_ (sendonce-wait-idle 30))
         (found (sendonce-secrets--found err)))
    (sendonce-engine-stop 5)
    (let ((after (sendonce-secrets--found err)))
      (when (or found after)
        (message "found in: %S, after the end: %S" found after))
      (not (or found after)))))

(defun sendonce-secrets--say (format)
  "Return FORMAT with %s for the canary and %p for what PLAIN makes of it."
  (format-spec format
               `((?s . ,sendonce-secrets-canary)
                 (?l . ,(sendonce-secrets--base64 sendonce-secrets-canary))
                 (?p . ,(sendonce-secrets--base64
                         (concat "\0me\0" sendonce-secrets-canary))))))

(defun sendonce-secrets--scenario (format)
  "Have the peer follow the scenario FORMAT, see `sendonce-secrets--say'."
  (sendonce-test-scenario (sendonce-secrets--say format)))

;;;; The search itself

(ert-deftest sendonce-secrets-test-search-finds-it ()
  "The search finds what is there: else the other tests prove nothing."
  (sendonce-secrets--with ()
    (dolist (format '("%s" "x %p" "x %l x"))
      (with-temp-buffer
        (insert (sendonce-secrets--say format))
        (should (sendonce-secrets--found nil))))
    (should-not (sendonce-secrets--found nil))
    (should (sendonce-secrets--found (list 'error sendonce-secrets-canary)))))

;;;; Servers that keep it to themselves

(ert-deftest sendonce-secrets-test-accepted ()
  "After a send the password is nowhere, whatever the mechanism."
  (dolist (mechanism '("PLAIN" "LOGIN" "CRAM-MD5" "DIGEST-MD5" "SCRAM-SHA-1"
                       "SCRAM-SHA-256"))
    (ert-info (mechanism)
      (sendonce-secrets--with ("--auth" mechanism)
        (sendonce-test-account :user "me" :auth mechanism)
        (should (sendonce-secrets--clean-p))
        (should (= 1 (length (sendonce-test-accepted))))))))

(ert-deftest sendonce-secrets-test-refused ()
  "After a refused sign-in the password is nowhere."
  (sendonce-secrets--with ()
    (sendonce-test-scenario "at AUTH: say \"535 5.7.8 No\\r\\n\"")
    (should (sendonce-secrets--clean-p))))

(ert-deftest sendonce-secrets-test-dropped ()
  "After a line that drops at the sign-in the password is nowhere."
  (dolist (how '("drop" "reset" "say \"334 \\r\\n\"; read; drop"
                 "say \"235 2.7.0 ok\\r\\n\"; drop"))
    (ert-info (how)
      (sendonce-secrets--with ()
        (sendonce-test-scenario (concat "at AUTH: " how))
        (should (sendonce-secrets--clean-p))))))

(ert-deftest sendonce-secrets-test-wrong-challenge ()
  "After an exchange that goes wrong the password is nowhere."
  (dolist (mechanism '("PLAIN" "LOGIN" "CRAM-MD5" "SCRAM-SHA-256"))
    (ert-info (mechanism)
      (sendonce-secrets--with ("--auth" mechanism)
        (sendonce-test-account :user "me" :auth mechanism)
        (sendonce-test-scenario
         "at AUTH: say \"334 !!!!\\r\\n\"; read; say \"501 5.5.2 no\\r\\n\"")
        (should (sendonce-secrets--clean-p))))))

;;;; Servers that say it back

(ert-deftest sendonce-secrets-test-said-back-in-refusal ()
  "A 535 that has the password in it is told and kept without."
  (dolist (text '("535 5.7.8 %s is wrong" "535 5.7.8 AUTH PLAIN %p is wrong"
                  "535-5.7.8 %l\\r\\n535 5.7.8 %s" "454 4.7.0 %s, later"
                  "504 5.5.4 %p"))
    (ert-info (text)
      (sendonce-secrets--with ()
        (sendonce-secrets--scenario
         (concat "at AUTH: say \"" text "\\r\\n\""))
        (should (sendonce-secrets--clean-p))))))

(ert-deftest sendonce-secrets-test-said-back-in-challenge ()
  "A challenge that has the password in it is told and kept without."
  (dolist (text '("334 %l" "334 %p" "334 %s"))
    (ert-info (text)
      (sendonce-secrets--with ()
        (sendonce-secrets--scenario
         (concat "at AUTH: say \"" text
                 "\\r\\n\"; read; say \"535 5.7.8 %s\\r\\n\""))
        (should (sendonce-secrets--clean-p))))))

(ert-deftest sendonce-secrets-test-said-back-as-no-reply ()
  "What is no reply, and has the password in it, is quoted without."
  (dolist (text '("%s" "AUTH PLAIN %p" "235 ok\\r\\n%s"))
    (ert-info (text)
      (sendonce-secrets--with ()
        (sendonce-secrets--scenario
         (concat "at AUTH: say \"" text "\\r\\n\""))
        (should (sendonce-secrets--clean-p))))))

(ert-deftest sendonce-secrets-test-said-back-at-ehlo ()
  "An EHLO that has the password in it is told without."
  (sendonce-secrets--with ()
    (sendonce-secrets--scenario
     "replace-capabilities \"AUTH PLAIN\" \"X-%s\" \"X-P %p\"")
    (should (sendonce-secrets--clean-p))))

;; The following fail as long as engine/ forgets what to look for when the
;; sign-in is over: it is to keep a Redactor (base/redactor.hh) as long as
;; the line lives, for the transcript and for replies and errors.

(ert-deftest sendonce-secrets-test-said-back-with-success ()
  "A 235 that has the password in it is told and kept without."
  (sendonce-secrets--with ()
    (sendonce-secrets--scenario "at AUTH: say \"235 2.7.0 %s %p\\r\\n\"")
    (should (sendonce-secrets--clean-p))))

(ert-deftest sendonce-secrets-test-said-back-after-sign-in ()
  "A reply to the message that has the password in it is kept without."
  (dolist (rule '("at MAIL: say \"550 5.1.0 %s\\r\\n\""
                  "at RCPT: say \"550 5.1.1 %p\\r\\n\""
                  "at RCPT: say \"250 2.1.5 %s\\r\\n\""
                  "at RCPT: say \"%s\\r\\n\""
                  "at EOD: say \"250 2.0.0 queued as %s\\r\\n\"; accept"
                  "at EOD: say \"554 5.6.0 %l\\r\\n\""
                  "at EOD: say \"421 4.6.0 %s\\r\\n\"; drop"))
    (ert-info (rule)
      (sendonce-secrets--with ("--no-pipelining" "--no-chunking")
        (sendonce-secrets--scenario rule)
        (should (sendonce-secrets--clean-p))))))

(ert-deftest sendonce-secrets-test-said-back-cut ()
  "Where a line is cut to be shown, no half of the password stays."
  (dolist (padding '(1985 1990 1995))
    (ert-info ((format "%d" padding))
      (sendonce-secrets--with ()
        (sendonce-secrets--scenario
         (format "at AUTH: say \"535 %s%%s\\r\\n\"" (make-string padding ?x)))
        (should (sendonce-secrets--clean-p)))))
  (dolist (padding '(95 100 105))
    (ert-info ((format "%d" padding))
      (sendonce-secrets--with ()
        (sendonce-secrets--scenario
         (format "at AUTH: say \"%s%%s\\r\\n\"" (make-string padding ?x)))
        (should (sendonce-secrets--clean-p))))))

(ert-deftest sendonce-secrets-test-said-back-escaped ()
  "A password of any characters is known in escaped forms, too."
  (dolist (form '(identity url-hexify-string sendonce-secrets--json))
    (ert-info ((symbol-name form))
      (cl-letf* ((canary (concat (sendonce-secrets--make) "\"\\%ü end"))
                 ((symbol-function 'sendonce-secrets--make)
                  (lambda () canary))
                 ((symbol-function 'sendonce-credential--lookup)
                  (lambda (&rest _) (copy-sequence canary))))
        (sendonce-secrets--with ()
          (sendonce-test-scenario
           (format "at AUTH: say \"535 5.7.8 %s\\r\\n\""
                   (sendonce-secrets--json (funcall form canary))))
          (should (sendonce-secrets--clean-p)))))))

(provide 'sendonce-secrets-tests)

;;; sendonce-secrets-tests.el ends here
