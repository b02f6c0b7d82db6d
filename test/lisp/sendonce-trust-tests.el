;;; sendonce-trust-tests.el --- Certificates and NSM  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Live: a certificate that proves nothing is put to Emacs' own NSM, whose
;; real prompt, store and checks are used.  Until it is accepted the server
;; hears not a byte of sign-in or mail: the peer writes down what it heard.

;;; Code:

(require 'sendonce-test-helper)
(require 'nsm)

(defmacro sendonce-test-with-nsm (fault options &rest body)
  "Evaluate BODY with a peer of certificate FAULT and OPTIONS, and a fresh NSM.
Its account signs in."
  (declare (indent 2) (debug t))
  `(sendonce-test-with-peer ("--record" "--user" "alice:secret"
                             "--require-auth"
                             ,@(and fault `("--cert-fault" ,fault))
                             ,@options)
     (let ((nsm-settings-file (sendonce-test-file "network-security.data"))
           (nsm-permanent-host-settings nil)
           (nsm-temporary-host-settings nil)
           (network-security-level 'medium))
       (setq sendonce-credential--given nil)
       (sendonce-test-write
        "authinfo" "machine 127.0.0.1 login alice password secret\n")
       (setq auth-source-netrc-cache nil)
       (sendonce-test-account :user "alice")
       ,@body)))

(defun sendonce-test-heard ()
  "Return all that the peer has heard on all lines, decrypted."
  (mapconcat #'sendonce-test-read
             (directory-files (sendonce-test-file "peer") t
                              "\\`dialogue-[0-9]+\\.in\\'")
             ""))

(defun sendonce-test-heard-nothing-p ()
  "Return non-nil if the peer heard neither AUTH nor MAIL."
  (not (string-match-p "AUTH\\|MAIL" (sendonce-test-heard))))

(defun sendonce-test-stored ()
  "Return what NSM has stored for good."
  (and (file-exists-p nsm-settings-file)
       (with-temp-buffer
         (insert-file-contents nsm-settings-file)
         (read (current-buffer)))))

;;;; Refused

(ert-deftest sendonce-trust-batch-refuses-with-the-reason ()
  (pcase-dolist (`(,fault ,reason) '(("expired" "expired on")
                                     ("not-yet" "valid only from")
                                     ("wrong-host" "not for 127.0.0.1")
                                     ("self-signed" "self-signed")
                                     ("untrusted" "authority is not trusted")))
    (dolist (mode '(implicit starttls))
      (ert-info ((format "%s, %s" fault mode))
        (sendonce-test-with-peer ("--record" "--user" "alice:secret"
                                  "--cert-fault" fault
                                  "--tls" (symbol-name mode))
          (sendonce-test-write
           "authinfo" "machine 127.0.0.1 login alice password secret\n")
          (setq auth-source-netrc-cache nil)
          (sendonce-test-account :user "alice" :tls mode)
          (let ((err (sendonce-test-send)))
            (should (eq (car err) 'sendonce-refused))
            (should (eq (plist-get (cddr err) :cause) 'certificate))
            (should (string-match-p reason (cadr err))))
          (should (sendonce-test-heard-nothing-p))
          (should (equal (sendonce-test-states) '(failed))))))))

(ert-deftest sendonce-trust-no-is-no ()
  (dolist (answer '(?n quit))
    (sendonce-test-with-nsm "expired" ()
      (let ((err (sendonce-test-answering (list answer)
                   (sendonce-test-send))))
        (should (eq (car err) 'sendonce-refused))
        (should (eq (plist-get (cddr err) :cause) 'certificate)))
      (should (sendonce-test-heard-nothing-p))
      (should-not (sendonce-test-stored))
      (should-not (sendonce-test-accepted)))))

(ert-deftest sendonce-trust-gnutls-verify-error-forbids-to-ask ()
  (dolist (rule '(t (("127" t))))
    (sendonce-test-with-nsm "self-signed" ()
      (let* ((gnutls-verify-error rule)
             (err (sendonce-test-answering nil (sendonce-test-send))))
        (should (eq (plist-get (cddr err) :cause) 'certificate))))))

(ert-deftest sendonce-trust-emacs-that-cannot-show-it ()
  "Without GnuTLS in Emacs NSM cannot ask: what is not proved is refused."
  (sendonce-test-with-nsm "self-signed" ()
    (let ((shown nil))
      (cl-letf (((symbol-function 'gnutls-format-certificate) nil)
                ((symbol-function 'nsm-query-user)
                 (lambda (&rest _) (setq shown t) 'always)))
        (let ((err (sendonce-test-answering nil (sendonce-test-send))))
          (should (eq (plist-get (cddr err) :cause) 'certificate))))
      (should-not shown))))

;;;; Accepted

(ert-deftest sendonce-trust-always-is-stored-by-nsm ()
  (sendonce-test-with-nsm "expired" ()
    (should-not (sendonce-test-answering '(?a) (sendonce-test-send)))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (memq :expired (plist-get (car (sendonce-test-stored))
                                      :conditions)))
    ;; Nobody is asked again, in batch neither, and not by another Emacs.
    (sendonce-engine-stop 1)
    (setq nsm-permanent-host-settings nil)
    (should-not (sendonce-test-send
                 (string-replace "Hello" "Again" sendonce-test-draft)))
    (should (= 2 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-trust-this-session-only ()
  (sendonce-test-with-nsm "self-signed" ()
    (should-not (sendonce-test-answering '(?s) (sendonce-test-send)))
    (should-not (sendonce-test-stored))
    (should-not (sendonce-test-answering nil
                  (sendonce-test-send (string-replace "Hello" "Again"
                                                      sendonce-test-draft))))
    (setq nsm-temporary-host-settings nil)
    (should (sendonce-test-send (string-replace "Hello" "Third"
                                                sendonce-test-draft)))))

(ert-deftest sendonce-trust-another-key-is-asked-about-again ()
  (sendonce-test-with-nsm "self-signed" ()
    (should-not (sendonce-test-answering '(?a) (sendonce-test-send)))
    (sendonce-test-stop-peer)
    (delete-directory (sendonce-test-file "peer") t)
    (sendonce-test--start-peer '("--cert-fault" "self-signed"
                                 "--user" "alice:secret" "--record"))
    (should (sendonce-test-answering '(?n)
              (sendonce-test-send (string-replace "Hello" "Again"
                                                  sendonce-test-draft))))
    (should (sendonce-test-heard-nothing-p))))

(ert-deftest sendonce-trust-key-known-to-nsm-is-looked-at-though-sound ()
  (sendonce-test-with-nsm nil ()
    (let ((network-security-level 'high))
      (should-not (sendonce-test-answering nil (sendonce-test-send)))
      (should (plist-get (car (sendonce-test-stored)) :fingerprints)))
    (sendonce-test-stop-peer)
    (delete-directory (sendonce-test-file "peer") t)
    (sendonce-test--start-peer '("--user" "alice:secret" "--record"))
    (should (sendonce-test-answering '(?n)
              (sendonce-test-send (string-replace "Hello" "Again"
                                                  sendonce-test-draft))))
    (should (sendonce-test-heard-nothing-p))))

;;;; Pins

(defun sendonce-test-key-pin ()
  "Return the pin of the peer's public key, as a refusal names it."
  (sendonce-test-account :pin (concat "sha256:" (make-string 64 ?0)))
  (let ((text (cadr (sendonce-test-send))))
    (string-match "it is \\(sha256:[0-9a-f]+\\)" text)
    (match-string 1 text)))

(ert-deftest sendonce-trust-pin-is-of-the-public-key ()
  (skip-unless (executable-find "openssl"))
  (sendonce-test-with-peer ()
    (should (string-search
             (string-remove-prefix "sha256:" (sendonce-test-key-pin))
             (shell-command-to-string
              (format "openssl pkey -in %s -pubout -outform DER | sha256sum"
                      (shell-quote-argument
                       (sendonce-test-file "peer/server.pem"))))))))

(ert-deftest sendonce-trust-pin-proves-by-itself ()
  (dolist (fault '("self-signed" "expired" "wrong-host"))
    (ert-info (fault)
      (sendonce-test-with-peer ("--cert-fault" fault)
        (sendonce-test-account :pin (sendonce-test-key-pin) :trust-files nil)
        (should-not (sendonce-test-answering nil (sendonce-test-send)))))))

(ert-deftest sendonce-trust-wrong-pin-is-not-asked-about ()
  (sendonce-test-with-nsm nil ()
    (sendonce-test-account :user "alice"
                           :pin (concat "sha256:" (make-string 64 ?0)))
    (let ((err (sendonce-test-answering nil (sendonce-test-send))))
      (should (eq (plist-get (cddr err) :cause) 'certificate))
      (should (string-match-p "pinned" (cadr err))))
    (should (sendonce-test-heard-nothing-p))))

;;;; In the background

(ert-deftest sendonce-trust-background-asks-nobody ()
  (sendonce-test-with-nsm "expired" ()
    (let ((sendonce-wait nil)
          warnings)
      (cl-letf (((symbol-function 'sendonce-notify-warn)
                 (lambda (&rest args) (push (apply #'format args) warnings))))
        (should-not (sendonce-test-answering nil (sendonce-test-send)))
        (should (sendonce-wait-idle 20))
        (should (equal (sendonce-test-states) '(failed)))
        (should (string-match-p "expired on" (car warnings)))))
    ;; Tried again in the foreground, it is.
    (setq sendonce-wait 30)
    (sendonce-test-answering '(?a)
      (sendonce-retry (plist-get (car (sendonce-entries)) :id) t))
    (should (sendonce-wait-idle 20))
    (should (equal (sendonce-test-states) '(sent)))))

(provide 'sendonce-trust-tests)

;;; sendonce-trust-tests.el ends here
