;;; sendonce-certificate-tests.el --- The matrix of certificates  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Live: every certificate that SENDONCE_CERTIFICATES makes (test/peer),
;; sound or not, shown by the peer on both TLS modes to a whole approach
;; with a sign-in.  Where it is refused the peer has heard not a byte of
;; AUTH or MAIL.  Then client certificates, from files and from a token.

;;; Code:

(require 'sendonce-test-helper)
(require 'sendonce-check)
(require 'nsm)

(defun sendonce-test-certificates ()
  "Make the matrix; return its cases as lists (NAME GOOD HOST WORD)."
  (let ((program (getenv "SENDONCE_CERTIFICATES"))
        (directory (sendonce-test-file "certificates")))
    (unless (file-exists-p (expand-file-name "index" directory))
      (make-directory directory t)
      (unless (eq 0 (call-process program nil nil nil directory))
        (error "No certificates could be made")))
    (with-temp-buffer
      (insert-file-contents (expand-file-name "index" directory))
      (mapcar (lambda (line)
                (pcase-let ((`(,name ,kind ,host ,word) (split-string line)))
                  (list name (equal kind "good") host word)))
              (split-string (buffer-string) "\n" t)))))

(defun sendonce-test-certificate (name extension)
  "Return the file of the certificate NAME with EXTENSION, or nil."
  (let ((file (sendonce-test-file
               (format "certificates/%s.%s" name extension))))
    (and (file-exists-p file) file)))

(defun sendonce-test-peer-with-certificate (name mode)
  "Start a peer that shows the certificate NAME, TLS MODE, and records."
  (ignore-errors (delete-directory (sendonce-test-file "peer") t))
  (setq sendonce-test-port nil)
  (sendonce-test--start-peer
   `("--record" "--user" "alice:secret" "--tls" ,(symbol-name mode)
     "--cert" ,(sendonce-test-certificate name "pem")
     ,@(let ((ocsp (sendonce-test-certificate name "ocsp")))
         (and ocsp (list "--ocsp" ocsp))))))

(defun sendonce-test-heard ()
  "Return what the peer has heard, decrypted."
  (mapconcat #'sendonce-test-read
             (directory-files (sendonce-test-file "peer") t
                              "\\`dialogue-[0-9]+\\.in\\'")
             ""))

(defun sendonce-test-check-certificate (host mode)
  "Check the peer as HOST, TLS MODE; return the last step."
  (sendonce-test-write
   "authinfo" "machine 127.0.0.1 login alice password secret\n")
  (setq auth-source-netrc-cache nil
        sendonce-credential--given nil)
  (let ((check (sendonce-check
                (sendonce-account-settings
                 (list :host "127.0.0.1" :port sendonce-test-port :tls mode
                       :user "alice" :tls-host host
                       :trust-files
                       (list (sendonce-test-file "certificates/ca.pem"))))
                30)))
    (should (sendonce-check-complete check))
    (car (last (sendonce-check-steps check)))))

(defun sendonce-test-try-certificate (case mode)
  "Try CASE, (NAME GOOD HOST WORD), with TLS MODE."
  (pcase-let ((`(,name ,good ,host ,word) case))
    (ert-info ((format "%s, %s" name mode))
      (sendonce-test-peer-with-certificate name mode)
      (unwind-protect
          (let ((step (sendonce-test-check-certificate host mode)))
            (if good
                (should (equal (seq-take step 2) '(sign-in ok)))
              (should (memq (car step) '(trust tls)))
              (should (eq (nth 1 step) 'problem))
              (should (string-match-p word (nth 2 step)))
              (should-not (string-match-p "AUTH\\|MAIL"
                                          (sendonce-test-heard)))))
        (sendonce-test-stop-peer)))))

(defmacro sendonce-test-with-certificates (&rest body)
  "Evaluate BODY in a place of its own with the certificates made."
  (declare (indent 0))
  `(progn
     (skip-unless (getenv "SENDONCE_PEER"))
     (skip-unless (getenv "SENDONCE_CERTIFICATES"))
     (sendonce-test-in-place
       (let ((sendonce-test-port nil)
             (sendonce-test--peer nil)
             (nsm-settings-file (sendonce-test-file "network-security.data"))
             (nsm-permanent-host-settings nil)
             (nsm-temporary-host-settings nil))
         (sendonce-test-scenario "")
         (unwind-protect (progn ,@body)
           (sendonce-test-stop-peer))))))

(ert-deftest sendonce-certificate-matrix ()
  (sendonce-test-with-certificates
    (let* ((cases (sendonce-test-certificates))
           (bad (seq-remove #'cadr cases)))
      (should (>= (length bad) 25))
      (dolist (mode '(implicit starttls))
        (dolist (case cases)
          (sendonce-test-try-certificate case mode))))))

;;;; Client certificates

(defun sendonce-test-client-certificate ()
  "Make a client's key and certificate; return (KEY CERT)."
  (let ((key (sendonce-test-file "client.key"))
        (cert (sendonce-test-file "client.pem")))
    (unless (eq 0 (call-process
                   "openssl" nil nil nil "req" "-x509" "-newkey" "rsa:2048"
                   "-nodes" "-days" "2" "-subj" "/CN=alice"
                   "-keyout" key "-out" cert))
      (error "No client certificate could be made"))
    (list key cert)))

(defmacro sendonce-test-with-client-certificate (options &rest body)
  "Evaluate BODY with KEY and CERT of a client that the peer demands.
OPTIONS are more options of the peer, after a form that is nil."
  (declare (indent 1))
  `(progn
     (skip-unless (executable-find "openssl"))
     (skip-unless (getenv "SENDONCE_PEER"))
     (sendonce-test-in-place
       (pcase-let ((`(,key ,cert) (sendonce-test-client-certificate))
                   (sendonce-test-port nil)
                   (sendonce-test--peer nil))
         (ignore key cert)
         (sendonce-test-scenario "")
         (unwind-protect
             (progn
               (sendonce-test--start-peer
                (list "--client-ca" cert ,@options))
               (setq sendonce-credential--given nil)
               (sendonce-test-write "authinfo" "")
               (setq auth-source-netrc-cache nil)
               ,@body)
           (sendonce-test-stop-peer))))))

(ert-deftest sendonce-certificate-of-the-client ()
  (sendonce-test-with-client-certificate ()
    (sendonce-test-account)
    (let ((err (sendonce-test-send)))
      (should err)
      (should (string-match-p "client certificate\\|closed" (cadr err))))
    (sendonce-test-account :client-key key :client-cert cert)
    (should-not (sendonce-test-send))))

(ert-deftest sendonce-certificate-of-the-client-from-auth-source ()
  (sendonce-test-with-client-certificate ("--user" "alice:secret")
    (sendonce-test-write
     "authinfo" (format "machine 127.0.0.1 login alice password secret \
key %s cert %s\n" key cert))
    (setq auth-source-netrc-cache nil)
    (sendonce-test-account :user "alice")
    (should-not (sendonce-test-send))))

(ert-deftest sendonce-certificate-signs-in-by-itself ()
  (dolist (user '(nil "alice"))
    (sendonce-test-with-client-certificate ("--user" "alice:secret"
                                            "--require-auth"
                                            "--auth" "PLAIN EXTERNAL")
      (sendonce-test-account :client-key key :client-cert cert :user user
                             :auth (unless user "EXTERNAL"))
      (should-not (sendonce-test-send))
      (should (string-search "AUTH EXTERNAL"
                             (sendonce-transcript-string 1))))))

(ert-deftest sendonce-certificate-key-with-a-passphrase ()
  (sendonce-test-with-client-certificate ()
    (let ((locked (sendonce-test-file "locked.key")))
      (should (eq 0 (call-process "openssl" nil nil nil "pkcs8" "-topk8"
                                  "-in" key "-out" locked
                                  "-passout" "pass:open sesame")))
      (sendonce-test-account :client-key locked :client-cert cert)
      (should-not (sendonce-test-answering '("open sesame")
                    (sendonce-test-send)))
      (let ((err (sendonce-test-answering '(quit)
                   (sendonce-test-send
                    (string-replace "Hello" "Again" sendonce-test-draft)))))
        (should (eq (car err) 'sendonce-refused))
        (should (string-search "locked.key" (cadr err)))))))

;;;; A token

(defun sendonce-test-token ()
  "Make a token with a client's key; return the URI of key and certificate.
nil if there is no software token on this machine."
  (let ((conf (sendonce-test-file "softhsm2.conf")))
    (make-directory (sendonce-test-file "tokens") t)
    (sendonce-test-write
     "softhsm2.conf" (format "directories.tokendir = %s\n\
objectstore.backend = file\nlog.level = ERROR\n"
                             (sendonce-test-file "tokens")))
    (setenv "SOFTHSM2_CONF" conf)))

(defun sendonce-test-fill-token (key cert)
  "Put KEY and CERT, files, into a new token; return t if that went well."
  (sendonce-test-token)
  (seq-every-p
   (lambda (command)
     (eq 0 (apply #'call-process (car command) nil nil nil (cdr command))))
   `(("softhsm2-util" "--init-token" "--free" "--label" "sendonce"
      "--pin" "1234" "--so-pin" "5678")
     ("softhsm2-util" "--import" ,(sendonce-test-pkcs8 key)
      "--token" "sendonce" "--label" "mail" "--id" "01" "--pin" "1234")
     ("p11tool" "--batch" "--login" "--set-pin=1234" "--write"
      "--load-certificate" ,cert "--label" "mail" "--id" "01"
      "pkcs11:token=sendonce"))))

(defun sendonce-test-pkcs8 (key)
  "Return a file with KEY as softhsm2-util wants it."
  (let ((file (concat key ".p8")))
    (call-process "openssl" nil nil nil "pkcs8" "-topk8" "-nocrypt"
                  "-in" key "-out" file)
    file))

(ert-deftest sendonce-certificate-on-a-token ()
  (skip-unless (and (executable-find "softhsm2-util")
                    (executable-find "p11tool")))
  (sendonce-test-with-client-certificate ()
    (should (sendonce-test-fill-token key cert))
    ;; The module reads SOFTHSM2_CONF of the process, as a user's Emacs
    ;; has it from its start: so this is for an Emacs of its own.
    (sendonce-test-account :client-key "pkcs11:token=sendonce;object=mail;type=private"
                           :client-cert "pkcs11:token=sendonce;object=mail;type=cert")
    (should (equal "sent" (sendonce-test-in-child-emacs "1234")))
    (should (string-match-p "PIN\\|sendonce"
                            (sendonce-test-in-child-emacs "0000")))))

(defun sendonce-test-in-child-emacs (pin)
  "Send a draft in another Emacs that answers PIN; return what it prints."
  (let ((program
         `(progn
            (setq load-prefer-newer t
                  sendonce-directory ,(sendonce-test-file
                                       (concat "outbox-" pin "/"))
                  auth-sources nil
                  sendonce-accounts ',sendonce-accounts)
            (load "sendonce-test-helper")
            (let* ((send-mail-function #'sendonce-send-it)
                   (sendonce-wait 30)
                   (user-mail-address "me@here.example")
                   (err (cl-letf (((symbol-function 'read-passwd)
                                   (lambda (&rest _) ,pin)))
                          (sendonce-test-interactively
                            (sendonce-test-send)))))
              (princ (if err (cadr err) "sent"))))))
    (with-temp-buffer
      (apply #'call-process
             (expand-file-name invocation-name invocation-directory)
             nil (list (current-buffer) nil) nil "-Q" "--batch"
             (append (mapcan (lambda (directory) (list "-L" directory))
                             (delq nil (list (file-name-directory
                                              (locate-library "sendonce"))
                                             (file-name-directory
                                              (locate-library
                                               "sendonce-test-helper"))
                                             (getenv "SENDONCE_MODULE_DIR"))))
                     (list "--eval" (prin1-to-string program))))
      (string-trim (buffer-string)))))

(provide 'sendonce-certificate-tests)

;;; sendonce-certificate-tests.el ends here
