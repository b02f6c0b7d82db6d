;;; postfix-tests.el --- A message from message-mode to a mailbox of Postfix  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; test/servers/postfix.sh run test/run-ert test/servers/postfix-tests.el
;;
;; What lands in each recipient's Maildir is compared, byte for byte, with what message.el handed to
;; `sendonce-send-it'.  Postfix is told to leave the header alone and not to drop Bcc, so a Bcc that
;; went out would be seen.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'message)
(require 'sendonce)
(require 'sendonce-server-battery)
(require 'sendonce-test-postfix)
(require 'smtpmail)

(defvar auth-sources)
(defvar gnutls-trustfiles)
(defvar sendonce-accounts)
(defvar sendonce-wait)

(defconst postfix-tests-body
  "拝啓\n\n春の夜の夢の浮き橋とだえして峰にわかるる横雲の空\n.\n..\nFrom the dot on, this still is the body.\n"
  "Text with the lines that a careless client changes on the way.")

(defconst postfix-tests-trace
  "\\`\\(?:\\(?:Return-Path\\|X-Original-To\\|Delivered-To\\|Received\\):.*\n\\(?:[ \t].*\n\\)*\\)+\\'"
  "What a server may put above a message: only trace fields.")

;;;; Composing

(defvar postfix-tests--composed nil
  "The buffer's text as message.el handed it over, unibyte.")

(defun postfix-tests--send-it ()
  "Remember what the buffer holds, then send it."
  (setq postfix-tests--composed (encode-coding-string (buffer-string) 'raw-text))
  (sendonce-send-it))

(defun postfix-tests--address (part)
  "The address of mailbox PART."
  (format "%s@%s" part (getenv "POSTFIX_DOMAIN")))

(defun postfix-tests--attachment ()
  "Make a file of 5 MB of random octets; return its name."
  (let ((file (make-temp-file "attachment" nil ".bin")))
    (call-process "head" nil `(:file ,file) nil "-c" "5242880" "/dev/urandom")
    file))

(defun postfix-tests--compose-and-send (subject)
  "Send a message with SUBJECT, Cc, Bcc, Japanese text and an attachment."
  (with-temp-buffer
    (insert "From: 紫 <" (postfix-tests--address "aoi") ">\n"
            "To: 受取人 <" (postfix-tests--address "to") ">\n"
            "Cc: " (postfix-tests--address "cc") "\n"
            "Bcc: " (postfix-tests--address "bcc") "\n"
            "Subject: " subject "\n"
            mail-header-separator "\n"
            postfix-tests-body
            (format "<#part type=application/octet-stream filename=%S disposition=attachment>\n"
                    (postfix-tests--attachment))
            "<#/part>\n")
    (message-mode)
    (let ((message-send-mail-function #'postfix-tests--send-it)
          (message-fcc-handler-function #'ignore)
          (message-kill-buffer-on-exit nil))
      (message-send))))

(defun postfix-tests--expected ()
  "What must arrive: what was composed, with neither separator nor Bcc."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert postfix-tests--composed)
    (goto-char (point-min))
    (re-search-forward (concat "^" (regexp-quote mail-header-separator) "$"))
    (replace-match "")
    (save-restriction
      (narrow-to-region (point-min) (point))
      (should (message-fetch-field "bcc"))
      (message-remove-header "bcc"))
    (buffer-string)))

;;;; The mailboxes

(defun postfix-tests--mail (part subject)
  "The message with the encoded SUBJECT in the mailbox of PART, waited for."
  (let ((deadline (+ (float-time) 60))
        (found nil))
    (while (and (null found) (< (float-time) deadline))
      (setq found (postfix-tests--find part subject))
      (unless found (accept-process-output nil 0.05)))
    (should (= 1 (length found)))
    (car found)))

(defun postfix-tests--find (part subject)
  "The messages in the mailbox of PART whose header has SUBJECT."
  (let ((directory (format "%s/%s/new" (getenv "POSTFIX_MAIL") part)))
    (when (file-directory-p directory)
      (cl-loop for file in (directory-files directory t "\\`[^.]")
               for text = (with-temp-buffer
                            (set-buffer-multibyte nil)
                            (insert-file-contents-literally file)
                            (buffer-string))
               when (string-search subject text) collect text))))

(defun postfix-tests--check-mailboxes ()
  "Check that each recipient has exactly what was composed, once."
  (let* ((expected (postfix-tests--expected))
         (subject (and (string-match "^Subject: .*$" expected) (match-string 0 expected))))
    (should (> (length expected) (* 5 1024 1024)))
    (dolist (part '("to" "cc" "bcc"))
      (let ((mail (postfix-tests--mail part subject)))
        ;; Not (should (equal ...)), which would print megabytes.
        (should (eq t (string-suffix-p expected mail)))
        (should (string-match-p postfix-tests-trace
                                (substring mail 0 (- (length mail) (length expected)))))))))

(defun postfix-tests--check-transcript (id)
  "Check the transcript of entry ID, and print it."
  (let ((transcript (sendonce-transcript-string id))
        (password (encode-coding-string (getenv "POSTFIX_PASSWORD") 'utf-8))
        (user (getenv "POSTFIX_USER")))
    (message "%s" transcript)
    (should (string-match-p "TLS ?v?1\\.3" transcript))
    (should (string-match-p "AUTH [A-Z]" transcript))
    (should (string-match-p "235 2\\.7\\.0" transcript))
    (should (string-match-p "250 2\\.0\\.0 Ok" transcript))
    (dolist (secret (list (decode-coding-string password 'utf-8)
                          (base64-encode-string password t)
                          (base64-encode-string (concat "\0" user "\0" password) t)))
      (should-not (string-search secret transcript)))))

(defun postfix-tests--check ()
  "Check mailboxes, entry and transcript of the message just sent."
  (postfix-tests--check-mailboxes)
  (let ((entry (car (sendonce-entries))))
    (should (eq 'sent (plist-get entry :state)))
    (should (= 3 (length (plist-get entry :recipients))))
    (dolist (recipient (plist-get entry :recipients))
      (should (eq 'sent (plist-get recipient :state)))
      (should (= 250 (plist-get recipient :code))))
    (postfix-tests--check-transcript (plist-get entry :id))))

;;;; The tests

(defun postfix-tests--authinfo (port)
  "A file for `auth-sources' with the password for PORT."
  (let ((coding-system-for-write 'utf-8-unix)
        (file (make-temp-file "authinfo")))
    (write-region (format "machine %s port %s login %s password %S\n" (getenv "POSTFIX_HOST") port
                          (getenv "POSTFIX_USER") (getenv "POSTFIX_PASSWORD"))
                  nil file nil 'silent)
    file))

(ert-deftest postfix-tests-implicit-tls-by-account ()
  "Implicit TLS, the account named in `sendonce-accounts'."
  (let* ((port (string-to-number (getenv "POSTFIX_SMTPS_PORT")))
         (auth-sources (list (postfix-tests--authinfo port)))
         (sendonce-wait t)
         (sendonce-accounts
          (list (list :name "postfix" :from (postfix-tests--address "aoi")
                      :host (getenv "POSTFIX_HOST") :port port :tls 'implicit
                      :user (getenv "POSTFIX_USER")
                      :trust-files (list (getenv "POSTFIX_CA"))))))
    (postfix-tests--compose-and-send "暗黙の TLS で送る、長い日本語の件名の便り：花の色は移りにけりな")
    (postfix-tests--check)))

(ert-deftest postfix-tests-starttls-by-smtpmail-variables ()
  "STARTTLS, set up as for smtpmail."
  (let* ((port (string-to-number (getenv "POSTFIX_SUBMISSION_PORT")))
         (auth-sources (list (postfix-tests--authinfo port)))
         (sendonce-wait t)
         (sendonce-accounts nil)
         (smtpmail-smtp-server (getenv "POSTFIX_HOST"))
         (smtpmail-smtp-service port)
         (smtpmail-smtp-user (getenv "POSTFIX_USER"))
         (smtpmail-stream-type 'starttls)
         (gnutls-trustfiles (list (getenv "POSTFIX_CA"))))
    (postfix-tests--compose-and-send "STARTTLS で送る、長い日本語の件名の便り：花の色は移りにけりな")
    (postfix-tests--check)
    (should (string-match-p "STARTTLS" (sendonce-transcript-string
                                        (plist-get (car (sendonce-entries)) :id))))))

;;;; Each mechanism of Cyrus SASL; those of Dovecot are in postfix-dovecot-tests.el

(defun postfix-tests--send (auth)
  "Send a message with AUTH; return the transcript."
  (sendonce-test-postfix-send-as
   auth (getenv "POSTFIX_ASCII_USER") (getenv "POSTFIX_ASCII_PASSWORD")))

(sendonce-test-postfix-deftests postfix-cyrus postfix-tests--send
  "PLAIN" "LOGIN" "CRAM-MD5" "DIGEST-MD5" "NTLM" "SCRAM-SHA-1" "SCRAM-SHA-256")

(ert-deftest postfix-cyrus-beyond-ascii ()
  (dolist (auth '("PLAIN" "LOGIN" "CRAM-MD5" "DIGEST-MD5" "SCRAM-SHA-1"
                  "SCRAM-SHA-256"))
    (ert-info (auth)
      (sendonce-test-postfix-send-as auth (getenv "POSTFIX_USER")
                                     (getenv "POSTFIX_PASSWORD")))))

(provide 'postfix-tests)
;;; postfix-tests.el ends here
