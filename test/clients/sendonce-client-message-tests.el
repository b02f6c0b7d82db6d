;;; sendonce-client-message-tests.el --- message-mode  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; message-mode as its user drives it: C-x m, fields filled in, C-c C-c.

;;; Code:

(require 'sendonce-client-message)
(require 'sendonce-import)

(ert-deftest sendonce-client-message-envelopes ()
  (sendonce-test-with-peer ()
    (sendonce-client-check-envelopes #'sendonce-client-message-send)))

;;;; X-Message-SMTP-Method

(defmacro sendonce-client-message-with-methods (options &rest body)
  "Evaluate BODY with a peer of OPTIONS; smtpmail must not send at all.
`sendonce-mode' is on."
  (declare (indent 1) (debug t))
  `(sendonce-test-with-peer ,options
     (let ((message-server-alist nil)
           (message-send-mail-function message-send-mail-function)
           (smtpmail-smtp-server "left-over.invalid"))
       (cl-letf (((symbol-function 'smtpmail-send-it)
                  (lambda () (error "Went to smtpmail")))
                 ((symbol-function 'message-smtpmail-send-it)
                  (lambda () (error "Went to smtpmail"))))
         (unwind-protect
             (progn (sendonce-mode 1) ,@body)
           (sendonce-mode -1))))))

(defvar message-server-alist)

(defun sendonce-client-message-send-by (method)
  "Send a message whose X-Message-SMTP-Method is METHOD; return the error."
  (sendonce-client-message-send
   `(("To" . "you@there.example") ("Subject" . ,(format "By %s" method))
     ("X-Message-SMTP-Method" . ,method))
   "Hello\n"))

(ert-deftest sendonce-client-message-method-smtp ()
  "Host, port and user of the field are used, with all that the account says."
  (sendonce-client-message-with-methods ("--user" "aoi:secret" "--require-auth")
    (sendonce-test-write
     "authinfo" "machine 127.0.0.1 login aoi password secret\n")
    (setq sendonce-accounts
          (append '((:name "other" :host "127.0.0.1" :port 1 :user "x"))
                  (list (append (car sendonce-accounts) '(:user "aoi")))))
    (should-not (sendonce-client-message-send-by
                 (format "smtp 127.0.0.1 %d aoi" sendonce-test-port)))
    (should-not (sendonce-client-message-send-by
                 (format "smtp 127.0.0.1 %d" sendonce-test-port)))
    (should (= 2 (length (sendonce-test-accepted))))
    (should (equal '("peer" "peer")
                   (mapcar (lambda (entry) (plist-get entry :account))
                           (sendonce-entries))))
    (should-not (string-search "X-Message" (car (sendonce-test-accepted))))))

(ert-deftest sendonce-client-message-method-smtp-of-its-own ()
  "A server that no account knows is spoken to as smtpmail is set up."
  (sendonce-client-message-with-methods ("--user" "aoi:secret" "--require-auth")
    (sendonce-test-write
     "authinfo" "machine 127.0.0.1 login aoi password secret\n")
    (let ((sendonce-accounts nil)
          (smtpmail-stream-type 'ssl)
          (gnutls-trustfiles (list (sendonce-test-file "peer/ca.pem"))))
      (should-not (sendonce-client-message-send-by
                   (format "smtp 127.0.0.1 %d aoi" sendonce-test-port)))
      (should (equal (format "aoi@127.0.0.1:%d (own)" sendonce-test-port)
                     (plist-get (car (sendonce-entries)) :account))))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-client-message-method-sendonce ()
  (sendonce-client-message-with-methods ()
    (let ((peer (car sendonce-accounts)))
      (setq sendonce-accounts
            (list '(:name "other" :host "127.0.0.1" :port 1)
                  (append '(:from "nobody@else.example") peer)))
      (should-not (sendonce-client-message-send-by "sendonce peer"))
      (should (equal "peer" (plist-get (car (sendonce-entries)) :account)))
      (setq sendonce-accounts (list peer))
      (should-not (sendonce-client-message-send-by "sendonce"))
      (should (= 2 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-client-message-method-that-will-not-do ()
  (sendonce-client-message-with-methods ()
    (dolist (case '(("sendonce elsewhere" "elsewhere" "peer")
                    ("smtp host nowhere" "nowhere" "587")
                    ("smtp" "smtp" "HOST")))
      (let ((err (sendonce-client-message-send-by (car case))))
        (should (eq 'sendonce-config-error (car err)))
        (dolist (text (cdr case))
          (should (string-search text (cadr err))))))
    (should-not (sendonce-entries))))

(ert-deftest sendonce-client-message-server-alist ()
  (skip-unless (boundp 'message-server-alist))
  (skip-unless (fboundp 'message-update-smtp-method-header))
  (sendonce-client-message-with-methods ()
    (let ((good (format "smtp 127.0.0.1 %d" sendonce-test-port)))
      (setq message-server-alist
            `(("me@here.example" . ,good)))
      (setq sendonce-accounts
            (list '(:name "other" :host "127.0.0.1" :port 1)
                  (car sendonce-accounts)))
      (should-not (sendonce-client-message-send
                   '(("To" . "you@there.example") ("Subject" . "x"))
                   "Hello\n"))
      (should (= 1 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-client-message-other-methods-are-not-ours ()
  "Who sends with smtpmail and wants sendonce for a message gets just that."
  (sendonce-test-with-peer ()
    (let* ((by nil)
           (send-mail-function (lambda () (push 'user by))))
      (sendonce--take-over)
      (cl-letf (((symbol-function 'message-smtpmail-send-it)
                 (lambda () (push 'smtpmail by)))
                ((symbol-function 'message-send-mail-with-sendmail)
                 (lambda () (push 'sendmail by))))
        (should-not (sendonce-client-message-send-by "smtp other.example 25"))
        (should-not (sendonce-client-message-send-by "sendmail"))
        (should-not (sendonce-client-message-send-by "sendonce"))
        (should-not (sendonce-client-message-send
                     '(("To" . "you@there.example") ("Subject" . "x"))
                     "Hello\n")))
      (should (equal '(user sendmail smtpmail) by))
      (should (= 1 (length (sendonce-test-accepted)))))))

;;;; smtpmail's queue

(ert-deftest sendonce-client-message-queue-of-smtpmail ()
  "Who wants mail to wait gets that, and the flush goes through the outbox."
  (sendonce-test-with-peer ()
    (let ((smtpmail-queue-dir (sendonce-test-file "queue/"))
          (message-send-mail-function message-send-mail-function)
          (smtpmail-smtp-server "left-over.invalid"))
      (unwind-protect
          (progn
            (sendonce-mode 1)
            (let ((smtpmail-queue-mail t))
              (dolist (subject '("One" "Two"))
                (should-not
                 (sendonce-client-message-send
                  `(("To" . "you@there.example") ("Subject" . ,subject)
                    ("Bcc" . "hidden@elsewhere.example")
                    ("X-Message-SMTP-Method" . "sendonce peer"))
                  "Hello\n"))))
            (should-not (sendonce-entries))
            (should (= 2 (length (sendonce-import-queue))))
            (dotimes (_ 2)
              (smtpmail-send-queued-mail)
              (should (sendonce-wait-idle 30)))
            (should-not (sendonce-import-queue)))
        (sendonce-mode -1)))
    (should (= 2 (length (sendonce-test-accepted))))
    (dolist (message (sendonce-test-accepted))
      (should-not (string-match-p "hidden\\|X-Message" message)))))

;;;; Further ways to send

(ert-deftest sendonce-client-message-send-mail-hook-runs-once ()
  (sendonce-test-with-peer ()
    (dolist (how '((send-mail-function . sendonce-send-it)
                   (message-send-mail-function . sendonce-send-it)
                   (message-send-mail-function
                    . message-send-mail-with-sendonce)))
      (let* ((runs 0)
             (message-send-mail-hook (list (lambda () (setq runs (1+ runs))))))
        (cl-progv (list (car how)) (list (cdr how))
          (should-not (sendonce-client-message-send
                       `(("To" . "you@there.example")
                         ("Subject" . ,(format "%S" how)))
                       "Hello\n")))
        (should (= 1 runs))))))

(ert-deftest sendonce-client-message-resend ()
  (sendonce-test-with-peer ()
    (let ((message-confirm-send nil)
          (original "From: Friend <friend@there.example>
To: me@here.example, all@there.example
Cc: more@there.example
Subject: Question
Message-ID: <question@there.example>
Date: Mon, 23 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Gr\303\274\303\237e\n.\n"))
      (with-temp-buffer
        (set-buffer-multibyte nil)
        (insert (string-to-unibyte original))
        (message-resend "new@there.example"))
      (should (equal '("from <me@here.example>\nto <new@there.example>\n")
                     (sendonce-test-envelopes)))
      (let ((sent (string-replace "\r\n" "\n"
                                  (car (sendonce-test-accepted)))))
        (should (equal "Gr\303\274\303\237e\n.\n"
                       (sendonce-client-body sent)))
        (should (string-search "Message-ID: <question@there.example>" sent))
        (should (string-search "Resent-To: new@there.example" sent))))))

(ert-deftest sendonce-client-message-envelope-sender ()
  (sendonce-test-with-peer ()
    (dolist (case '((nil nil "me@here.example")
                    (t nil "me@here.example")
                    (t "bounces@here.example" "bounces@here.example")
                    (t header "other@here.example")
                    (nil "bounces@here.example" "other@here.example")))
      (pcase-let ((`(,mail-specify-envelope-from ,mail-envelope-from ,sender)
                   case))
        (let ((from (if (equal sender "me@here.example") sender
                      "other@here.example")))
          (let ((user-mail-address from))
            (should-not (sendonce-client-message-send
                         `(("To" . "you@there.example")
                           ("Subject" . ,(format "%S" case)))
                         "Hello\n"))))
        (should (string-prefix-p (format "from <%s>" sender)
                                 (car (last (sendonce-test-envelopes)))))))))

(ert-deftest sendonce-client-message-partials ()
  "Each part goes out once, and after a failure only what is missing."
  (sendonce-test-with-peer (:scenario "connection 2 at MAIL: refuse\n")
    (let ((message-send-mail-partially-limit 400))
      (cl-letf (((symbol-function 'y-or-n-p) #'always)) ; split it?
        (sendonce-test-with-draft
            (concat sendonce-test-draft
                    (mapconcat (lambda (n) (format "Line %d of some length" n))
                               (number-sequence 1 60) "\n")
                    "\n")
          (should (eq 'sendonce-refused (car (sendonce-test-send-again))))
          (should (= 1 (length (sendonce-test-accepted))))
          (should-not (sendonce-test-send-again))))
      (let ((numbers (mapcar (lambda (message)
                               (and (string-match "number=\\([0-9]+\\)" message)
                                    (string-to-number (match-string 1 message))))
                             (sendonce-test-accepted))))
        (should (> (length numbers) 2))
        (should (equal (number-sequence 1 (length numbers))
                       (sort (copy-sequence numbers) #'<)))))))

;;; sendonce-client-message-tests.el ends here
