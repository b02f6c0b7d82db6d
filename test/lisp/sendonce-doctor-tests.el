;;; sendonce-doctor-tests.el --- Seeded misconfigurations  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Live: each test seeds one thing that is wrong, has the doctor look, and
;; wants the right diagnosis; then the remedy is applied, the doctor looks
;; again and finds nothing there, and where it can mail goes out.  The
;; names of the seeded ones are the first column of the manual's table.

;;; Code:

(require 'sendonce-test-helper)
(require 'sendonce-doctor)
(require 'sendonce-doctor-account)
(require 'sendonce-doctor-view)
(require 'nsm)
(require 'dired)

(defvar message-server-alist)

(defun sendonce-test-problems (findings)
  "Return the problems among FINDINGS."
  (seq-filter (lambda (f) (eq (sendonce-finding-state f) 'problem)) findings))

(defun sendonce-test-find (findings regexp)
  "Return the finding of FINDINGS whose line fits REGEXP, or fail."
  (let ((found (seq-find (lambda (f)
                           (and (not (eq (sendonce-finding-state f) 'ok))
                                (string-match-p regexp
                                                (sendonce-doctor-line f))))
                         findings)))
    (unless found
      (ert-fail (list 'not-found regexp
                      (mapcar #'sendonce-doctor-line findings))))
    found))

(defmacro sendonce-test-with-patient (options &rest body)
  "Evaluate BODY with a peer of OPTIONS, all being well but what BODY seeds.
The places where the doctor looks are the peer's port alone."
  (declare (indent 1) (debug t))
  `(sendonce-test-with-peer ,options
     (let ((message-send-mail-function #'message-send-mail-with-sendonce)
           (smtpmail-queue-dir (sendonce-test-file "queue/"))
           (nsm-settings-file (sendonce-test-file "network-security.data"))
           (nsm-permanent-host-settings nil)
           (nsm-temporary-host-settings nil)
           (message-server-alist nil)
           (sendonce-doctor-places
            (list (cons sendonce-test-port
                        (if (member "starttls" options) 'starttls 'implicit)))))
       (setq sendonce-credential--given nil)
       (sendonce-test-secret "alice" "secret")
       ,@body)))

(defun sendonce-test-secret (user password)
  "Have auth-source know PASSWORD for USER at the peer."
  (sendonce-test-write
   "authinfo" (format "machine 127.0.0.1 login %s password %s\n" user password))
  (set-file-modes (sendonce-test-file "authinfo") #o600)
  (setq auth-source-netrc-cache nil))

(defun sendonce-test-mended (regexp &optional answers)
  "Have the doctor look; what fits REGEXP is wrong; push its button.
The doctor looks again, and all must be well.  ANSWERS are what the
user says to what the button asks."
  (let* ((findings (sendonce-doctor-findings))
         (found (sendonce-test-find findings regexp)))
    (should (sendonce-finding-remedy found))
    (should (functionp (sendonce-finding-fix found)))
    (sendonce-test-answering answers
      (funcall (sendonce-finding-fix found)))
    (should-not (mapcar #'sendonce-doctor-line
                        (sendonce-test-problems (sendonce-doctor-findings))))))

(defun sendonce-test-mail-goes ()
  "Send a draft; it must go out."
  (should-not (sendonce-test-send))
  (should (sendonce-test-accepted)))

(ert-deftest sendonce-doctor-finds-nothing-where-all-is-well ()
  (sendonce-test-with-patient ("--user" "alice:secret")
    (sendonce-test-account :user "alice")
    (let ((findings (sendonce-doctor-findings)))
      (should-not (mapcar #'sendonce-doctor-line
                          (sendonce-test-problems findings)))
      (dolist (what '("Emacs" "clock" "who sends" "module" "outbox"
                      "peer, connect" "peer, tls" "peer, trust" "peer, hello"
                      "peer, sign-in"))
        (should (seq-find (lambda (f) (equal what (sendonce-finding-what f)))
                          findings))))
    (should-not (sendonce-test-accepted))))

;;;; The seeded ones

(defconst sendonce-test-seeded
  '("TLS from the start, at a port for STARTTLS"
    "STARTTLS, at a port that speaks TLS from the start"
    "a port where nobody listens"
    "a port given as TLS mode"
    "no TLS, where sign-in is offered only under TLS"
    "a host that there is not"
    "a wrong password"
    "no user, where the server wants one"
    "a mechanism that is not offered"
    "a user, where no sign-in is offered"
    "a certificate for another name"
    "an authority that is not trusted"
    "an expired certificate"
    "a pin of another key"
    "mail that another function sends"
    "rules that bypass sendonce"
    "a queue that smtpmail has left"
    "an outbox directory that cannot be one"
    "a damaged outbox"
    "passwords that others can read")
  "What is seeded: the first column of the manual's table.")

(ert-deftest sendonce-doctor-table-of-the-manual ()
  (let ((manual (expand-file-name
                 "../README.org"
                 (file-name-directory (locate-library "sendonce")))))
    (skip-unless (file-readable-p manual))
    (with-temp-buffer
      (insert-file-contents manual)
      (dolist (row sendonce-test-seeded)
        (goto-char (point-min))
        (should (search-forward (format "\n| %s |" row) nil t))))))

(ert-deftest sendonce-doctor-tls-at-a-starttls-port ()
  (sendonce-test-with-patient ("--tls" "starttls")
    (sendonce-test-account :tls 'implicit)
    (sendonce-test-mended "in the clear")
    (should (eq 'starttls (plist-get (car sendonce-accounts) :tls)))
    (sendonce-test-mail-goes)))

(ert-deftest sendonce-doctor-starttls-at-a-tls-port ()
  (dolist (mode '(starttls opportunistic nil))
    (sendonce-test-with-patient ("--tls" "implicit")
      (sendonce-test-account :tls mode)
      (sendonce-test-mended "TLS from the start")
      (should (eq 'implicit (plist-get (car sendonce-accounts) :tls)))
      (sendonce-test-mail-goes))))

(ert-deftest sendonce-doctor-smtpmail-at-a-tls-port ()
  (sendonce-test-with-patient ("--tls" "implicit")
    (let ((sendonce-accounts nil)
          (smtpmail-smtp-server "127.0.0.1")
          (smtpmail-smtp-service sendonce-test-port)
          (smtpmail-smtp-user nil)
          (smtpmail-stream-type nil)
          (old (default-toplevel-value 'smtpmail-stream-type))
          (gnutls-trustfiles (list (sendonce-test-file "peer/ca.pem"))))
      (sendonce-test-write "authinfo" "")
      (set-file-modes (sendonce-test-file "authinfo") #o600)
      (setq auth-source-netrc-cache nil)
      (unwind-protect
          (progn
            (sendonce-test-mended "TLS from the start")
            (should (eq smtpmail-stream-type 'ssl))
            (sendonce-test-mail-goes))
        (set-default-toplevel-value 'smtpmail-stream-type old)))))

(defun sendonce-test-closed-port ()
  "Return a port where nobody listens."
  (let* ((server (make-network-process :name "probe" :server t :host 'local
                                       :service t :family 'ipv4))
         (port (process-contact server :service)))
    (delete-process server)
    port))

(ert-deftest sendonce-doctor-port-where-nobody-listens ()
  (dolist (mode '("implicit" "starttls"))
    (sendonce-test-with-patient ("--tls" mode)
      (let ((port sendonce-test-port))
        (sendonce-test-account :port (sendonce-test-closed-port))
        (sendonce-test-mended "refused the connection")
        (should (= port (plist-get (car sendonce-accounts) :port)))
        (sendonce-test-mail-goes)))))

(ert-deftest sendonce-doctor-port-as-tls-mode ()
  (sendonce-test-with-patient ()
    (let ((sendonce-account--services
           (cons (cons "here" sendonce-test-port) sendonce-account--services)))
      (sendonce-test-account :tls sendonce-test-port)
      (let ((found (sendonce-test-find (sendonce-doctor-findings)
                                       "that is a port")))
        (funcall (sendonce-finding-fix found)))
      (should (equal sendonce-test-port
                     (plist-get (car sendonce-accounts) :port)))
      (should (eq 'starttls (plist-get (car sendonce-accounts) :tls)))
      ;; At this port it is the other mode: the doctor sees to that, too.
      (sendonce-test-mended "TLS from the start")
      (sendonce-test-mail-goes))))

(ert-deftest sendonce-doctor-sign-in-only-under-tls ()
  (sendonce-test-with-patient ("--tls" "starttls" "--user" "alice:secret"
                               "--require-auth")
    (sendonce-test-account :tls nil :user "alice")
    (sendonce-test-mended "only under TLS")
    (sendonce-test-mail-goes)))

(ert-deftest sendonce-doctor-no-such-host ()
  (sendonce-test-with-patient ()
    (let ((sendonce-doctor-host-names '("127.0.0.1")))
      (sendonce-test-account :host "no-such-host.invalid")
      (sendonce-test-mended "no host named")
      (should (equal "127.0.0.1" (plist-get (car sendonce-accounts) :host)))
      (sendonce-test-mail-goes))))

(ert-deftest sendonce-doctor-wrong-password ()
  (sendonce-test-with-patient ("--user" "alice:secret")
    (sendonce-test-secret "alice" "of-last-year")
    (sendonce-test-account :user "alice")
    (let ((found (sendonce-test-find (sendonce-doctor-findings) "535")))
      (should (string-match-p "password" (sendonce-finding-remedy found)))
      (should-not (string-search "of-last-year" (format "%S" found))))
    ;; With a user there, the look itself asks for another one.
    (should-not (sendonce-test-problems
                 (sendonce-test-answering '("secret")
                   (sendonce-doctor-findings))))))

(ert-deftest sendonce-doctor-no-user ()
  (sendonce-test-with-patient ("--user" "alice:secret" "--require-auth")
    (sendonce-test-account)
    (should (eq (car (sendonce-test-send)) 'sendonce-refused))
    (let ((found (sendonce-test-find (sendonce-doctor-findings)
                                     "has no user")))
      (sendonce-test-answering '("alice")
        (funcall (sendonce-finding-fix found))))
    (should (equal "alice" (plist-get (car sendonce-accounts) :user)))
    (should-not (sendonce-test-problems (sendonce-doctor-findings)))
    (should-not (sendonce-test-send))))

(ert-deftest sendonce-doctor-mechanism-not-offered ()
  (sendonce-test-with-patient ("--user" "alice:secret" "--auth" "PLAIN LOGIN")
    (sendonce-test-account :user "alice" :auth "xoauth2")
    (sendonce-test-mended "XOAUTH2; it offers PLAIN LOGIN")
    (sendonce-test-mail-goes)))

(ert-deftest sendonce-doctor-no-sign-in-offered ()
  (sendonce-test-with-patient ()
    (sendonce-test-account :user "alice")
    (sendonce-test-mended "no sign-in")
    (sendonce-test-mail-goes)))

(ert-deftest sendonce-doctor-certificate-for-another-name ()
  (sendonce-test-with-patient ("--cert-fault" "wrong-host")
    ;; Not for a mere click: nothing is changed without a yes.
    (let ((accounts sendonce-accounts)
          (found (sendonce-test-find (sendonce-doctor-findings)
                                     "not for 127.0.0.1")))
      (should (string-search "somebody may be in between"
                             (sendonce-finding-remedy found)))
      (sendonce-test-answering '(nil)
        (funcall (sendonce-finding-fix found)))
      (should (equal accounts sendonce-accounts)))
    (sendonce-test-mended "not for 127.0.0.1" '(t))
    (sendonce-test-mail-goes)))

(ert-deftest sendonce-doctor-authority-not-trusted ()
  (sendonce-test-with-patient ()
    (sendonce-test-account :trust-files nil)
    (cl-letf (((symbol-function 'read-file-name)
               (lambda (&rest _) (sendonce-test-file "peer/ca.pem"))))
      (sendonce-test-mended
       "authority is not trusted\\|no trusted authorities"))
    (sendonce-test-mail-goes)))

(ert-deftest sendonce-doctor-expired-certificate ()
  (sendonce-test-with-patient ("--cert-fault" "expired")
    (sendonce-test-find (sendonce-doctor-findings) "expired on")
    ;; NSM asks in the look itself; what it stores counts from then on.
    (should-not (sendonce-test-problems
                 (sendonce-test-answering '(?a)
                   (sendonce-doctor-findings))))
    (sendonce-test-mail-goes)))

(ert-deftest sendonce-doctor-pin-of-another-key ()
  (sendonce-test-with-patient ()
    (sendonce-test-account :pin (concat "sha256:" (make-string 64 ?0)))
    (sendonce-test-mended "not the one pinned" '(t))
    (sendonce-test-mail-goes)))

(ert-deftest sendonce-doctor-another-sender ()
  (sendonce-test-with-patient ()
    (dolist (variable '(send-mail-function message-send-mail-function))
      (let ((send-mail-function #'sendonce-send-it)
            (message-send-mail-function #'message-send-mail-with-sendonce))
        (set variable #'smtpmail-send-it)
        (unwind-protect
            (sendonce-test-mended "bypasses sendonce")
          (sendonce-mode -1))))))

(ert-deftest sendonce-doctor-rules-that-bypass ()
  (sendonce-test-with-patient ()
    (let ((send-mail-function send-mail-function))
      (setq message-server-alist '(("here" . "smtp other.example 25")
                                   ("old" . "sendmail")
                                   ("there" . "sendonce")))
      (sendonce--give-back)
      (unwind-protect
          (sendonce-test-mended "message-server-alist")
        (sendonce-mode -1)))
    (should (equal message-server-alist '(("here" . "smtp other.example 25")
                                          ("there" . "sendonce"))))))

(ert-deftest sendonce-doctor-left-over-queue ()
  (sendonce-test-with-patient ()
    (sendonce-test-smtpmail-queue "One")
    (sendonce-test-mended "smtpmail's queue" '(t))
    (should (sendonce-wait-idle 30))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-doctor-directory-that-cannot-be-one ()
  (sendonce-test-with-patient ()
    (let ((sendonce-directory (sendonce-test-write "plain" "a file\n")))
      (cl-letf (((symbol-function 'read-directory-name)
                 (lambda (&rest _) (sendonce-test-file "good/"))))
        (sendonce-test-mended "directory"))
      (sendonce-test-mail-goes))))

(ert-deftest sendonce-doctor-damaged-outbox ()
  (sendonce-test-with-patient ()
    (sendonce-test-mail-goes)
    (sendonce-engine-stop 5)
    (garbage-collect)                   ; the outbox is let go of
    (let ((coding-system-for-write 'binary))
      (write-region (make-string 20000 ?x) nil
                    (expand-file-name "outbox.sqlite" sendonce-directory)
                    nil 'quiet))
    (let ((found (sendonce-test-find (sendonce-doctor-findings)
                                     "set aside")))
      (should (eq 'note (sendonce-finding-state found)))
      (funcall (sendonce-finding-fix found)))
    (should-not (seq-find (lambda (f) (string-search "set aside"
                                                     (sendonce-finding-text f)))
                          (sendonce-doctor-findings)))
    (should-not (sendonce-test-send (string-replace "Hello" "Again"
                                                    sendonce-test-draft)))))

(ert-deftest sendonce-doctor-open-passwords ()
  (sendonce-test-with-patient ("--user" "alice:secret")
    (sendonce-test-account :user "alice")
    (set-file-modes (sendonce-test-file "authinfo") #o644)
    (sendonce-test-mended "can read")))

;;;; The buffer

(ert-deftest sendonce-doctor-buffer-and-its-buttons ()
  (sendonce-test-with-patient ("--tls" "starttls")
    (sendonce-test-account :tls 'implicit)
    (save-window-excursion
      (sendonce-doctor)
      (with-current-buffer "*sendonce doctor*"
        (should (string-match-p "\\`1 problem" (buffer-string)))
        (goto-char (point-min))
        (forward-button 1)
        (should (equal (button-label (button-at (point)))
                       "[set :tls starttls]"))
        (push-button)
        (should (string-match-p "\\`All well" (buffer-string)))
        (kill-buffer)))))

(ert-deftest sendonce-doctor-quit-stops-it ()
  (sendonce-test-with-patient (:scenario "at greeting: stall\n"
                                         "--tls" "starttls")
    (sendonce-test-account :tls 'starttls)
    (save-window-excursion
      (cl-letf (((symbol-function 'sendonce-engine-wait)
                 (let ((calls 0))
                   (lambda (&rest _)
                     (when (= 3 (setq calls (1+ calls)))
                       (signal 'quit nil))))))
        (sendonce-doctor))
      (with-current-buffer "*sendonce doctor*"
        (should (string-match-p "\\`Stopped" (buffer-string)))
        (kill-buffer)))
    (sendonce-test-scenario "")
    (sendonce-test-mail-goes)))

;;;; The report

(ert-deftest sendonce-doctor-report-tells-nobody-who-you-are ()
  (let ((canary "canary-5f3a9c"))
    (sendonce-test-with-patient ("--user" "joe.user:other")
      (sendonce-test-secret "joe.user" canary)
      (sendonce-test-account :user "joe.user" :from "joe.user@home.example")
      (let* ((user-mail-address "joe.user@home.example")
             (text (sendonce-doctor-report-text (sendonce-doctor-findings))))
        (should (string-search "problem" text))
        (should (string-search "535" text))
        (should (string-search "S: 220 " text))
        (dolist (secret (list canary "joe.user" (base64-encode-string canary)))
          (should-not (string-search secret text)))))))

;;;; Batch

(defun sendonce-test-doctor-in-batch (accounts)
  "Run the doctor in a batch Emacs with ACCOUNTS; return (STATUS TEXT)."
  (with-temp-buffer
    (let* ((lisp (file-name-directory (locate-library "sendonce")))
           (status
            (call-process
             (expand-file-name invocation-name invocation-directory)
             nil (list (current-buffer) nil) nil
             "-Q" "--batch" "-L" lisp "-L" (getenv "SENDONCE_MODULE_DIR")
             "--eval" (prin1-to-string
                       `(setq load-prefer-newer t
                              sendonce-directory ,(sendonce-test-file "child/")
                              smtpmail-queue-dir ,smtpmail-queue-dir
                              auth-sources nil
                              send-mail-function 'sendonce-send-it
                              sendonce-accounts ',accounts))
             "-l" "sendonce" "-f" "sendonce-doctor-batch")))
      (list status (buffer-string)))))

(ert-deftest sendonce-doctor-batch-exit-status ()
  (sendonce-test-with-patient ()
    (pcase-let ((`(,status ,text)
                 (sendonce-test-doctor-in-batch sendonce-accounts)))
      (should (equal (list status (and (string-match-p "All well" text) t))
                     '(0 t))))
    (sendonce-test-account :port (sendonce-test-closed-port))
    (pcase-let ((`(,status ,text)
                 (sendonce-test-doctor-in-batch sendonce-accounts)))
      (should (= 1 status))
      (should (string-match-p "^problem  peer, connect" text)))))

(provide 'sendonce-doctor-tests)

;;; sendonce-doctor-tests.el ends here
