;;; sendonce-diagnosis-tests.el --- What is wrong, and what mends it  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Live: sends that fail for the set-up (FIELD.md, cases 3 and 4).  Each
;; must say in seconds what is wrong, name the setting that mends it, and
;; where that is known offer to set it: after a yes the message goes out.

;;; Code:

(require 'sendonce-test-helper)
(require 'smtpmail)

(defmacro sendonce-test-within (seconds &rest body)
  "Evaluate BODY; fail unless it is over within SECONDS."
  (declare (indent 1) (debug t))
  `(with-timeout (,seconds (error "Not within %s seconds" ,seconds))
     ,@body))

(defun sendonce-test-cause (err)
  "Return the cause that ERR names."
  (plist-get (cddr err) :cause))

;;;; Port and mode

(ert-deftest sendonce-diagnosis-each-port-with-each-mode ()
  (pcase-dolist
      (`(,port ,mode ,cause)
       '(("implicit" implicit nil) ("implicit" starttls implicit-tls)
         ("implicit" auto nil) ("implicit" opportunistic implicit-tls)
         ("implicit" nil implicit-tls)
         ("starttls" implicit not-tls) ("starttls" starttls nil)
         ("starttls" auto nil) ("starttls" opportunistic nil)
         ("starttls" nil nil)
         ("plain" implicit not-tls) ("plain" starttls tls-unavailable)
         ("plain" auto tls-unavailable) ("plain" opportunistic nil)
         ("plain" nil nil)))
    (ert-info ((format "port %s, :tls %s" port mode))
      (sendonce-test-with-peer ("--tls" port)
        (sendonce-test-account :tls mode)
        (let ((err (sendonce-test-within 10 (sendonce-test-send))))
          (should (eq (sendonce-test-cause err) cause))
          (when cause
            (should (string-match-p ":tls" (plist-get (cddr err) :hint))))
          (should (equal (sendonce-test-states)
                         (list (if cause 'failed 'sent)))))))))

(ert-deftest sendonce-diagnosis-offers-the-mode-that-fits ()
  (pcase-dolist (`(,port ,wrong ,right) '(("implicit" starttls implicit)
                                          ("starttls" implicit starttls)))
    (sendonce-test-with-peer ("--tls" port)
      (sendonce-test-account :tls wrong)
      (should-not (sendonce-test-answering '(t) (sendonce-test-send)))
      (should (eq right (plist-get (car sendonce-accounts) :tls)))
      (should (= 1 (length (sendonce-test-accepted))))
      ;; From now on it needs no asking.
      (should-not (sendonce-test-answering nil
                    (sendonce-test-send
                     (string-replace "Hello" "Again" sendonce-test-draft)))))))

(ert-deftest sendonce-diagnosis-no-leaves-all-as-it-is ()
  (sendonce-test-with-peer ("--tls" "starttls")
    (sendonce-test-account :tls 'implicit)
    (let ((err (sendonce-test-answering '(nil) (sendonce-test-send))))
      (should (eq (sendonce-test-cause err) 'not-tls)))
    (should (eq 'implicit (plist-get (car sendonce-accounts) :tls)))
    (should-not (sendonce-test-accepted))))

(ert-deftest sendonce-diagnosis-offers-for-smtpmail-as-well ()
  (sendonce-test-with-peer ("--tls" "implicit")
    (let ((sendonce-accounts nil)
          (old smtpmail-stream-type))
      (unwind-protect
          (let ((smtpmail-smtp-server "127.0.0.1")
                (smtpmail-smtp-service sendonce-test-port)
                (gnutls-trustfiles (list (sendonce-test-file "peer/ca.pem"))))
            (setq smtpmail-stream-type 'starttls)
            (should-not (sendonce-test-answering '(t) (sendonce-test-send)))
            (should (eq smtpmail-stream-type 'ssl)))
        (setq smtpmail-stream-type old)))))

(ert-deftest sendonce-diagnosis-auto-asks-the-port-once ()
  (sendonce-test-with-peer ("--tls" "implicit")
    (sendonce-test-account :tls 'auto)
    (should-not (sendonce-test-send))
    (should (string-search "speaks TLS from the start"
                           (sendonce-transcript-string 1)))
    (sendonce-engine-stop 1)
    (should-not (sendonce-test-send (string-replace "Hello" "Again"
                                                    sendonce-test-draft)))
    (should-not (string-search "speaks TLS from the start"
                               (sendonce-transcript-string 2)))
    ;; The server is set up anew: what was found out is found out again.
    (sendonce-test-stop-peer)
    (sendonce-test--start-peer '("--tls" "starttls"))
    (should-not (sendonce-test-send (string-replace "Hello" "Third"
                                                    sendonce-test-draft)))))

(ert-deftest sendonce-diagnosis-auto-waits-for-a-slow-greeting ()
  (sendonce-test-with-peer (:scenario "at greeting: delay 4000; continue\n"
                                      "--tls" "starttls")
    (sendonce-test-account :tls 'auto)
    (should-not (sendonce-test-send))))

(ert-deftest sendonce-diagnosis-a-slow-greeting-is-no-fault ()
  (sendonce-test-with-peer (:scenario "at greeting: delay 4000; continue\n"
                                      "--tls" "starttls")
    (sendonce-test-account :tls 'starttls)
    (should-not (sendonce-test-send))))

(ert-deftest sendonce-diagnosis-server-that-breaks-off-at-tls ()
  (sendonce-test-with-peer (:scenario "at unknown: drop\n" "--tls" "starttls")
    (sendonce-test-account :tls 'implicit)
    (should (eq 'not-tls (sendonce-test-cause (sendonce-test-send))))))

(ert-deftest sendonce-diagnosis-port-in-place-of-a-mode ()
  (dolist (tls '(587 "465" t ssl "starttls"))
    (sendonce-test-in-place
      (let* ((sendonce-accounts (list (list :host "m" :tls tls)))
             (err (sendonce-test-send)))
        (should (eq (car err) 'sendonce-config-error))
        (should (string-search ":tls" (cadr err)))))))

;;;; The way there

(defun sendonce-test-closed-port ()
  "Return a port where nobody listens."
  (let* ((server (make-network-process :name "probe" :server t :host 'local
                                       :service t :family 'ipv4))
         (port (process-contact server :service)))
    (delete-process server)
    port))

(ert-deftest sendonce-diagnosis-nobody-listens ()
  (sendonce-test-with-peer ()
    (sendonce-test-account :port (sendonce-test-closed-port))
    (let ((err (sendonce-test-within 10 (sendonce-test-send))))
      (should (eq (car err) 'sendonce-deferred))
      (should (eq (sendonce-test-cause err) 'connection-refused))
      (should (eq (plist-get (cddr err) :phase) 'connect))
      (should (string-match-p "port" (plist-get (cddr err) :hint))))))

(defun sendonce-test-deaf-server (host)
  "Start a server at HOST that takes no connection; return (PORT PROCESS)."
  (let* ((output "")
         (process (make-process
                   :name "deaf" :connection-type 'pipe :noquery t
                   :command (list "perl"
                                  (expand-file-name
                                   "deaf-server.pl"
                                   (file-name-directory
                                    (locate-library "sendonce-test-helper")))
                                  host)
                   :filter (lambda (_ text) (setq output (concat output text))))))
    (while (and (not (string-suffix-p "\n" output)) (process-live-p process))
      (accept-process-output process 5))
    (list (string-to-number output) process)))

(ert-deftest sendonce-diagnosis-blocked-port-names-one-that-answers ()
  (let ((host "127.0.0.77"))
    (skip-unless (condition-case nil
                     (progn (delete-process
                             (make-network-process :name "try" :server t
                                                   :host host :service 587
                                                   :family 'ipv4))
                            t)
                   (error nil)))
    (sendonce-test-with-peer ()
      (let ((open (make-network-process :name "open" :server t :host host
                                        :service 587 :family 'ipv4)))
        (pcase-let ((`(,port ,deaf) (sendonce-test-deaf-server host)))
          (unwind-protect
              (progn
                (sendonce-test-account :host host :port port)
                (let ((err (sendonce-test-within 10 (sendonce-test-send))))
                  (should (eq (sendonce-test-cause err) 'timed-out))
                  (should (eq (plist-get (cddr err) :phase) 'connect))
                  (should (string-search "port 587 does" (cadr err)))))
            (delete-process open)
            (delete-process deaf)))))))

(ert-deftest sendonce-diagnosis-no-such-host ()
  (sendonce-test-with-peer ()
    (sendonce-test-account :host "no-such-host.invalid")
    (let ((err (sendonce-test-within 10 (sendonce-test-send))))
      (should (eq (sendonce-test-cause err) 'name-not-found))
      (should (string-search ":host" (plist-get (cddr err) :hint))))))

(ert-deftest sendonce-diagnosis-time-outs-name-the-phase ()
  (pcase-dolist (`(,point ,phase) '(("greeting" greeting) ("EHLO" hello)
                                    ("MAIL" mail) ("RCPT" recipients)
                                    ("DATA" data)))
    (ert-info (point)
      (sendonce-test-with-peer (:scenario (format "at %s: stall\n" point)
                                          "--no-pipelining" "--no-chunking")
        (sendonce-test-account :timeout 1)
        (let ((err (sendonce-test-send)))
          (should (eq (sendonce-test-cause err) 'timed-out))
          (should (eq (plist-get (cddr err) :phase) phase)))))))

(ert-deftest sendonce-diagnosis-no-tls-version-in-common ()
  (sendonce-test-with-peer ("--tls-versions"
                            "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT")
    (let ((err (sendonce-test-send)))
      (should (eq (sendonce-test-cause err) 'tls-version))
      (should (string-search "version" (cadr err))))))

;;;; Sign-in

(ert-deftest sendonce-diagnosis-sign-in-only-under-tls ()
  (sendonce-test-with-peer ("--tls" "starttls" "--user" "alice:secret"
                            "--require-auth")
    (setq sendonce-credential--given nil)
    (sendonce-test-write
     "authinfo" "machine 127.0.0.1 login alice password secret\n")
    (setq auth-source-netrc-cache nil)
    (sendonce-test-account :tls nil :user "alice")
    (let ((err (sendonce-test-send)))
      (should (eq (sendonce-test-cause err) 'auth-unavailable))
      (should (string-search "only under TLS" (cadr err))))
    (should-not (sendonce-test-answering '(t)
                  (sendonce-test-send
                   (string-replace "Hello" "Again" sendonce-test-draft))))
    (should (eq 'starttls (plist-get (car sendonce-accounts) :tls)))))

(ert-deftest sendonce-diagnosis-no-sign-in-offered ()
  (sendonce-test-with-peer ()
    (sendonce-test-account :user "alice")
    (let ((err (sendonce-test-send)))
      (should (eq (sendonce-test-cause err) 'auth-unavailable))
      (should (string-search "no sign-in" (cadr err))))))

;;;; What the server says

(ert-deftest sendonce-diagnosis-of-replies ()
  (pcase-dolist
      (`(,rule ,condition ,words)
       '(("at MAIL: say \"530 5.7.0 Authentication required\\r\\n\""
          sendonce-refused "wants a sign-in")
         ("at MAIL: say \"550 5.1.8 Bad sender\\r\\n\""
          sendonce-refused "does not accept the sender")
         ("at RCPT: say \"550 5.1.1 No such user\\r\\n\""
          sendonce-refused "no such mailbox")
         ("at RCPT: say \"450 4.7.1 Greylisted\\r\\n\""
          sendonce-deferred "greylisting")
         ("at RCPT: say \"450 4.7.28 Too fast\\r\\n\""
          sendonce-deferred "too fast")
         ("at greeting: say \"421 4.3.2 Shutting down\\r\\n\"; drop"
          sendonce-deferred "takes no mail just now")
         ("at greeting: say \"554 5.7.1 Go away\\r\\n\"; drop"
          sendonce-refused "does not let you")
         ("at EOD: say \"552 5.2.2 Full\\r\\n\""
          sendonce-refused "mailbox is full")
         ("at EOD: say \"554 5.7.26 Unauthenticated\\r\\n\""
          sendonce-refused "DKIM")))
    (ert-info (rule)
      (sendonce-test-with-peer (:scenario (concat rule "\n"))
        (let ((err (sendonce-test-send)))
          (should (eq (car err) condition))
          (should (string-search words (cadr err)))
          (should (string-search words (plist-get (cddr err) :hint))))))))

(ert-deftest sendonce-diagnosis-before-sending ()
  (sendonce-test-with-peer ("--size" "100")
    (should (eq 'too-large (sendonce-test-cause (sendonce-test-send)))))
  (sendonce-test-with-peer ("--no-8bitmime")
    (let* ((text "From: me@here.example\nTo: you@there.example\n\nJürgen\n")
           (mm-body-charset-encoding-alist '((utf-8 . 8bit)))
           (err (sendonce-test-send text)))
      (should (eq 'needs-8bitmime (sendonce-test-cause err)))
      (should (string-search "mm-use-ultra-safe-encoding"
                             (plist-get (cddr err) :hint)))
      ;; What the hint says helps.
      (let ((mm-use-ultra-safe-encoding t)
            (mm-body-charset-encoding-alist nil))
        (should-not (sendonce-test-send text))))))

(provide 'sendonce-diagnosis-tests)

;;; sendonce-diagnosis-tests.el ends here
