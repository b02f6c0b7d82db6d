;;; sendonce-bytes-tests.el --- What was composed is what arrives  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What message-mode hands over is compared, byte for byte, with what the
;; peer accepted, over BDAT, over DATA in one flight, and over DATA step by
;; step; what GnuPG signed must verify, what it encrypted decrypt.

;;; Code:

(require 'sendonce-test-helper)
(require 'mml)
(require 'mml2015)
(require 'epg)

(defconst sendonce-bytes-ways
  '(() ("--no-chunking") ("--no-chunking" "--no-pipelining"))
  "Options of the peer for each way in which a message goes out.")

(defvar sendonce-bytes-handed nil
  "What the last send function call was given, in bytes.")

(defun sendonce-bytes-send-it ()
  "Note what the buffer holds, then send it."
  (setq sendonce-bytes-handed (buffer-string))
  (sendonce-send-it))

(defun sendonce-bytes-body (text)
  "Return what follows the header in TEXT, whose line ends are LF."
  (if (string-match (concat "^\\(?:" (regexp-quote mail-header-separator)
                            "\\)?\n")
                    text)
      (substring text (match-end 0))
    (error "No body in %S" text)))

(defun sendonce-bytes-expected ()
  "Return the body that must arrive, with line ends CRLF."
  (let ((body (sendonce-bytes-body sendonce-bytes-handed)))
    (string-replace "\n" "\r\n"
                    (if (or (string-empty-p body)
                            (string-suffix-p "\n" body))
                        body
                      (concat body "\n")))))

(defun sendonce-bytes-arrived ()
  "Return the body of the last message that the peer accepted."
  (let ((message (car (last (sendonce-test-accepted)))))
    (substring message (+ 4 (string-search "\r\n\r\n" message)))))

(defmacro sendonce-bytes-in-each-way (&rest body)
  "Evaluate BODY with a peer for each way in which a message goes out."
  (declare (indent 0) (debug t))
  `(dolist (options sendonce-bytes-ways)
     (ert-info ((format "%S" options) :prefix "peer: ")
       (sendonce-test-with-peer ("--no-sync")
         (sendonce-test-stop-peer)
         (sendonce-test--start-peer (append options '("--no-sync")))
         (let ((send-mail-function #'sendonce-bytes-send-it))
           ,@body)))))

(defun sendonce-bytes-check (text)
  "Send a draft with TEXT as its body; what arrives must be the same."
  (should-not (sendonce-test-send
               (concat (format "From: Me <me@here.example>
To: You <you@there.example>
Subject: %s\n\n" (secure-hash 'sha1 (encode-coding-string text 'utf-8)))
                       text)))
  (should (equal (sendonce-bytes-expected) (sendonce-bytes-arrived))))

(defconst sendonce-bytes-bodies
  (list ""
        "\n"
        "\n\n\n"
        "."
        ".\n"
        "..\n.\n\n.\n"
        "no final newline"
        "8 bit: Grüße aus Köln\n"
        "こんにちは、世界。\n"
        (concat (make-string 997 ?a) "\n" (make-string 998 ?b) "\n")
        (concat (make-string 75 ?x) "=\n=3D soft?\n" "trailing blank \n")
        "From the start\n>From quoted\n"
        (mapconcat (lambda (n) (concat "." (make-string (% (* n 37) 120) ?d)))
                   (number-sequence 1 2000) "\n")
        (concat (make-string 65535 ?\n) ".\n"))
  "Bodies as a user may write them.")

(ert-deftest sendonce-bytes-of-text ()
  (sendonce-bytes-in-each-way
    (dolist (text sendonce-bytes-bodies)
      (ert-info ((truncate-string-to-width (format "%S" text) 60)
                 :prefix "body: ")
        (sendonce-bytes-check text)))))

(ert-deftest sendonce-bytes-of-8-bit-text ()
  "As 8bit, as quoted-printable, in the charset of Japanese mail."
  (sendonce-bytes-in-each-way
    (let ((mm-body-charset-encoding-alist '((utf-8 . 8bit))))
      (sendonce-bytes-check "Grüße als 8bit\n.ä\n"))
    (let ((mm-body-charset-encoding-alist '((utf-8 . quoted-printable))))
      (sendonce-bytes-check "Grüße als qp =\n.ä\n"))
    (let ((mm-coding-system-priorities '(iso-2022-jp))
          (mm-body-charset-encoding-alist '((iso-2022-jp . 7bit))))
      (sendonce-bytes-check "日本語の本文です。\n")
      (should (string-search "iso-2022-jp" (car (last (sendonce-test-accepted))))))))

(ert-deftest sendonce-bytes-of-long-lines ()
  "Lines above 998 octets are for the composer to encode; none is changed."
  (sendonce-bytes-in-each-way
    (dolist (length '(996 997 998 999 1000 1001 5000))
      (sendonce-bytes-check (concat (make-string length ?a) "\n")))))

(defun sendonce-bytes-parts (message)
  "Return the contents of the attachments in MESSAGE, decoded."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert (string-replace "\r\n" "\n" message))
    (let ((handles (mm-dissect-buffer t)))
      (prog1 (mapcar (lambda (handle) (mm-get-part handle t))
                     (seq-filter #'mm-handle-filename (cdr handles)))
        (mm-destroy-parts handles)))))

(ert-deftest sendonce-bytes-of-attachments ()
  "Every byte, line ends of either kind, a name in Japanese."
  (sendonce-bytes-in-each-way
    (let* ((contents (list (apply #'unibyte-string (number-sequence 0 255))
                           "one\r\ntwo\r\n\r\nthree"
                           "one\ntwo\n"
                           (apply #'concat
                                  (make-list 3000 "\0\r\n.\r\n\377\n."))
                           ""))
           (files (seq-map-indexed
                   (lambda (bytes index)
                     (let ((file (sendonce-test-file
                                  (format "書類%d.bin" index)))
                           (coding-system-for-write 'no-conversion))
                       (write-region bytes nil file nil 'quiet)
                       file))
                   contents)))
      (sendonce-bytes-check
       (concat "Attached\n"
               (mapconcat (lambda (file)
                            (format "<#part type=\"application/octet-stream\" \
filename=\"%s\" disposition=attachment>\n<#/part>\n" file))
                          files "")))
      (should (equal contents (sendonce-bytes-parts
                               (car (last (sendonce-test-accepted)))))))))

(ert-deftest sendonce-bytes-hidden-fields-never-go-out ()
  (sendonce-test-with-peer ()
    (with-temp-buffer
      (insert "From: me@here.example
BCC : hidden@one.example
To: you@there.example
bcc:
 folded <hidden@two.example>,
\thidden@three.example
Resent-bcc: hidden@four.example
Subject: x
X-Message-SMTP-Method: sendonce
Fcc:
Bcc:\n\nbcc: in the body stays\n")
      (let ((mail-header-separator ""))
        (sendonce-send-it)))
    (let ((message (car (sendonce-test-accepted))))
      (should-not (string-search "hidden" message))
      (should-not (string-match-p "^\\(?:[Ff]cc\\|X-Message\\)" message))
      (should (string-search "bcc: in the body stays" message)))))

;;;; GnuPG

(defmacro sendonce-bytes-with-gnupg (&rest body)
  "Evaluate BODY with a key of its own for me@here.example, and a peer."
  (declare (indent 0) (debug t))
  `(progn
     (skip-unless (executable-find "gpg"))
     (sendonce-bytes-in-each-way
       (let* ((home (sendonce-test-file "gnupg"))
              (process-environment (cons (concat "GNUPGHOME=" home)
                                         process-environment))
              (mml-secure-openpgp-signers '("me@here.example"))
              (mml-secure-openpgp-encrypt-to-self nil)
              (mm-verify-option 'never)
              (epg-user-id-alist nil))
         (make-directory home)
         (set-file-modes home #o700)
         (sendonce-bytes--gpg "--quick-generate-key" "me@here.example"
                              "default" "default" "never")
         (unwind-protect
             (progn ,@body)
           (call-process "gpgconf" nil nil nil "--kill" "all"))))))

(defun sendonce-bytes--gpg (&rest arguments)
  "Run gpg with ARGUMENTS, asking nothing; return what it prints."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (unless (eq 0 (apply #'call-process "gpg" nil t nil "--batch" "--yes"
                         "--passphrase" "" "--pinentry-mode" "loopback"
                         arguments))
      (error "GnuPG failed: %s" (buffer-string)))
    (buffer-string)))

(defun sendonce-bytes--boundary (message)
  "Return the outermost MIME boundary of MESSAGE."
  (and (string-match "boundary=\"\\([^\"]+\\)\"" message)
       (match-string 1 message)))

(defun sendonce-bytes--multipart (message)
  "Return the parts of MESSAGE, a multipart, exactly as they arrived."
  (let ((delimiter (concat "\r\n--" (sendonce-bytes--boundary message))))
    (cdr (butlast (split-string message (regexp-quote delimiter))))))

(ert-deftest sendonce-bytes-signature-verifies ()
  (sendonce-bytes-with-gnupg
    (sendonce-bytes-check "<#secure method=pgpmime mode=sign>
Grüße, signed.
.
trailing blank \n")
    (pcase-let* ((`(,signed ,signature)
                  (sendonce-bytes--multipart
                   (car (last (sendonce-test-accepted)))))
                 (coding-system-for-write 'no-conversion)
                 (text (sendonce-test-file "signed"))
                 (file (sendonce-test-file "signature")))
      (write-region (string-remove-prefix "\r\n" signed) nil text nil 'quiet)
      (write-region (substring signature
                               (string-search "-----BEGIN" signature))
                    nil file nil 'quiet)
      (should (string-search "Good signature"
                             (sendonce-bytes--gpg "--verify" file text))))))

(ert-deftest sendonce-bytes-encrypted-decrypts ()
  (sendonce-bytes-with-gnupg
    (should-not (sendonce-test-send "From: Me <me@here.example>
To: me@here.example
Subject: secret

<#secure method=pgpmime mode=encrypt>
Greetings, encrypted.\n"))
    (should (equal (sendonce-bytes-expected) (sendonce-bytes-arrived)))
    (let ((arrived (sendonce-bytes-arrived))
          (file (sendonce-test-file "encrypted"))
          (coding-system-for-write 'no-conversion))
      (write-region (substring arrived (string-search "-----BEGIN" arrived))
                    nil file nil 'quiet)
      (should (string-match-p "Greetings, encrypted\\."
                              (sendonce-bytes--gpg "--decrypt" file))))))

;;; sendonce-bytes-tests.el ends here
