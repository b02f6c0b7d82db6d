;;; sendonce-windows-message-tests.el --- message-mode on Windows  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What is Windows' own in a send: names of files in its letters, a large
;; message by way of a file that the module has locked, and authorities
;; that its store knows.

;;; Code:

(require 'sendonce-client-message)
(require 'mm-decode)
(require 'mail-parse)
(require 'mml)

(defconst sendonce-windows-message--name "請求書 第五号（控え）.pdf"
  "The name of a file that is attached.")

(defun sendonce-windows-message--file (size)
  "Make a file of SIZE random bytes in a directory with a Japanese name.
Return its name."
  (let ((directory (sendonce-test-file "書類/二〇二六年/"))
        (coding-system-for-write 'no-conversion)
        (bytes (make-string size 0)))
    (dotimes (i size)
      (aset bytes i (random 256)))
    (make-directory directory t)
    (let ((file (expand-file-name sendonce-windows-message--name directory)))
      (write-region bytes nil file nil 'quiet)
      file)))

(defun sendonce-windows-message--send (subject file)
  "Send mail about SUBJECT with FILE attached; return the error, or nil."
  (sendonce-test-with-draft
      (format "From: Me <me@here.example>
To: 山田 太郎 <yamada@there.example>
Subject: %s

ご確認ください。\n" subject)
    (goto-char (point-max))
    (mml-attach-file file "application/pdf" nil "attachment")
    (sendonce-test-send-again)))

(defun sendonce-windows-message--parts (message)
  "Return (SUBJECT TEXT NAME BYTES) of MESSAGE, bytes with an attachment."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert (string-replace "\r\n" "\n" message))
    (let* ((subject (mail-decode-encoded-word-string
                     (mail-fetch-field "Subject")))
           (parts (mm-dissect-buffer t))
           (text (nth 1 parts))
           (file (nth 2 parts)))
      (unwind-protect
          (list subject
                (decode-coding-string (mm-get-part text) 'utf-8)
                (mm-handle-filename file)
                (mm-get-part file))
        (mm-destroy-parts parts)))))

(ert-deftest sendonce-windows-message-japanese ()
  "Five megabytes under a Japanese name arrive as they were, by the spool.
The outbox is in the home of somebody with such a name, too."
  (sendonce-test-with-peer ("--no-sync")
    (setq sendonce-directory (sendonce-test-file "山田 太郎/outbox/"))
    (let* ((subject "第五号：請求書をお送りします（五メガバイト）")
           (file (sendonce-windows-message--file (* 5 1024 1024)))
           (spools 0)
           (count (lambda (&rest _) (cl-incf spools))))
      (advice-add 'sendonce-spool-make :before count)
      (unwind-protect
          (should-not (sendonce-windows-message--send subject file))
        (advice-remove 'sendonce-spool-make count))
      (should (= 1 spools))
      (should (equal '(sent) (sendonce-test-states)))
      (should (= 1 (length (sendonce-test-accepted))))
      (pcase-let ((`(,found ,text ,name ,bytes)
                   (sendonce-windows-message--parts
                    (car (sendonce-test-accepted)))))
        (should (equal subject found))
        (should (string-search "ご確認ください。" text))
        (should (equal sendonce-windows-message--name name))
        (should (equal (secure-hash 'sha256 (sendonce-test-read file))
                       (secure-hash 'sha256 bytes))))
      (should-not (directory-files sendonce-directory nil "\\`spool-")))))

;;;; The store of certificates

(defun sendonce-windows-message--store (what file)
  "Do WHAT, \"add\" or \"remove\", with the authority in FILE."
  (with-temp-buffer
    (let ((status (call-process
                   (expand-file-name "test/windows/windows-store.exe"
                                     (getenv "SENDONCE_MODULE_DIR"))
                   nil t nil what file)))
      (unless (eq 0 status)
        (error "windows-store: %s %s" status (buffer-string))))))

(defun sendonce-windows-message--restart-peer ()
  "Have a peer with an authority of its own; return the former's, a file."
  (let ((former (sendonce-test-file "former.pem")))
    (sendonce-test-stop-peer)
    (copy-file (sendonce-test-file "peer/ca.pem") former t)
    (delete-directory (sendonce-test-file "peer") t)
    (sendonce-test--start-peer nil)
    former))

(ert-deftest sendonce-windows-message-authority-of-the-store ()
  "A certificate is good if its authority is in the store of Windows.
What was read of authorities is kept a while: another list of files is
read together with the store anew."
  (sendonce-test-with-peer ()
    (let* ((former (sendonce-windows-message--restart-peer))
           (authority (sendonce-test-file "peer/ca.pem"))
           (send (lambda (greeting)
                   (sendonce-test-send
                    (string-replace "Hello" greeting sendonce-test-draft))))
           (refused (lambda (greeting)
                      (let ((err (funcall send greeting)))
                        (should (eq 'sendonce-refused (car err)))
                        (should (eq 'certificate
                                    (plist-get (cddr err) :cause)))))))
      (sendonce-test-account :trust-files (list former))
      (funcall refused "First")
      (sendonce-windows-message--store "add" authority)
      (unwind-protect
          (progn
            (sendonce-test-account :trust-files nil)
            (should-not (funcall send "Second"))
            (should (= 1 (length (sendonce-test-accepted))))
            ;; Of another authority, which the store does not know.
            (sendonce-windows-message--restart-peer)
            (funcall refused "Third"))
        (sendonce-windows-message--store "remove"
                                         (sendonce-test-file "former.pem"))))
    (should-not (sendonce-test-accepted))))

(provide 'sendonce-windows-message-tests)

;;; sendonce-windows-message-tests.el ends here
