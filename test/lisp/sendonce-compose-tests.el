;;; sendonce-compose-tests.el --- From a draft to a letter  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure: what of the draft goes out, byte for byte.

;;; Code:

(require 'sendonce-test-helper)
(require 'sendmail)

(defun sendonce-test-compose (text &optional separator)
  "Return the letter of TEXT, bytes, with SEPARATOR, by default a blank line."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert text)
    (let ((mail-header-separator (or separator "")))
      (sendonce-compose))))

(defun sendonce-test-bytes (text &optional separator)
  "Return what goes out of TEXT, with SEPARATOR."
  (sendonce-letter-bytes (sendonce-test-compose text separator)))

(defconst sendonce-test-fixed "Message-ID: <1@x>\nDate: Mon, 1 Jan 2026 00:00:00 +0000\n"
  "Fields that keep the sender from adding some.")

;;;; Header

(ert-deftest sendonce-compose-verbatim ()
  (let ((text (concat "From: a@b.c\nTo: d@e.f,\n\tg@h.i\nSubject:  odd   spaces \nX-Folded: a\n b\n  c\n"
                      sendonce-test-fixed "\nBody\n\n.\n..dots\n\xff\xfe raw\n")))
    (should (equal (sendonce-test-bytes text) (string-to-unibyte text)))))

(ert-deftest sendonce-compose-encoded-in-a-multibyte-buffer ()
  "So nngateway has it: nothing is asked and nothing encoded again."
  (let ((text (concat "From: a@b.c\nTo: d@e.f\nMIME-Version: 1.0\n"
                      sendonce-test-fixed "\nB\xf6\xe4\n")))
    (with-temp-buffer
      (insert (string-to-multibyte text))
      (let ((mail-header-separator ""))
        (should (equal (sendonce-letter-bytes (sendonce-compose))
                       (string-to-unibyte text)))))))

(ert-deftest sendonce-compose-draft-in-what-is-resent ()
  "Only one's own file says which draft it is, not what somebody sent."
  (let ((text (concat "X-Sendonce-Draft: 12ab\nFrom: a@b.c\nTo: d@e.f\n"
                      sendonce-test-fixed "\nB\n")))
    (should (equal "12ab" (sendonce-letter-draft
                           (sendonce-test-compose text))))
    (should-not (sendonce-letter-draft
                 (sendonce-test-compose (concat "Resent-To: x@y.z\n" text))))))

(ert-deftest sendonce-compose-strips-bcc ()
  (pcase-dolist
      (`(,with ,without)
       '(("From: a@b.c\nBcc: x@y.z\nTo: d@e.f\n" "From: a@b.c\nTo: d@e.f\n")
         ("From: a@b.c\nTo: d@e.f\nBcc: x@y.z\n" "From: a@b.c\nTo: d@e.f\n")
         ("Bcc: x@y.z\nFrom: a@b.c\nTo: d@e.f\n" "From: a@b.c\nTo: d@e.f\n")
         ("From: a@b.c\nBCC: x@y.z,\n u@v.w,\n\tr@s.t\nTo: d@e.f\n"
          "From: a@b.c\nTo: d@e.f\n")
         ("From: a@b.c\nbcc:\n x@y.z\nbCc: u@v.w\nTo: d@e.f\n Bcc: k@l.m\n"
          nil)
         ("From: a@b.c\nTo: d@e.f\nResent-Bcc: x@y.z\nResent-To: m@n.o\nResent-bcc:\n\tp@q.r\n"
          "From: a@b.c\nTo: d@e.f\nResent-To: m@n.o\n")
         ("From: a@b.c\nTo: d@e.f\nX-Bcc: x@y.z\nSubject: Bcc: no\n"
          "From: a@b.c\nTo: d@e.f\nX-Bcc: x@y.z\nSubject: Bcc: no\n")
         ("From: a@b.c\nTo: d@e.f\nBcc : x@y.z\n" "From: a@b.c\nTo: d@e.f\n")))
    (let ((body "\nBcc: in the body\n b\nstays\n"))
      (if without
          (should (equal (sendonce-test-bytes
                          (concat with sendonce-test-fixed body))
                         (concat without sendonce-test-fixed body)))
        (should-error (sendonce-test-bytes
                       (concat with sendonce-test-fixed body)))))))

(ert-deftest sendonce-compose-bcc-is-addressed ()
  (should (equal (sendonce-letter-recipients
                  (sendonce-test-compose
                   "From: a@b.c\nTo: d@e.f\nBcc: x@y.z,\n u@v.w\n\nBody\n"))
                 '("d@e.f" "x@y.z" "u@v.w"))))

(ert-deftest sendonce-compose-private-fields ()
  (should (equal (sendonce-test-bytes
                  (concat "From: a@b.c\nTo: d@e.f\nFcc: ~/f\nX-Message-SMTP-Method: sendonce\nX-Sendonce-Draft: 00\n"
                          sendonce-test-fixed "\nBody\n"))
                 (concat "From: a@b.c\nTo: d@e.f\n" sendonce-test-fixed
                         "\nBody\n"))))

(ert-deftest sendonce-compose-adds-what-lacks ()
  (let ((letter (sendonce-test-compose "From: a@b.c\nTo: d@e.f\n\nBody\n")))
    (should (string-match-p
             "\\`From: a@b.c\nTo: d@e.f\nMessage-ID: <[^ ]+>\nDate: .+\n\nBody\n\\'"
             (sendonce-letter-bytes letter)))
    (should (string-match-p "\\`<.+@.+>\\'"
                            (sendonce-letter-message-id letter)))
    (should-not (multibyte-string-p (sendonce-letter-bytes letter)))))

(ert-deftest sendonce-compose-separators ()
  (let ((whole (concat "From: a@b.c\nTo: d@e.f\n" sendonce-test-fixed)))
    (should (equal (sendonce-test-bytes
                    (concat whole "--text follows this line--\nBody\n")
                    "--text follows this line--")
                   (concat whole "\nBody\n")))
    ;; The separator in the body is the body's.
    (should (equal (sendonce-test-bytes
                    (concat whole "--sep--\nBody\n--sep--\n\nx\n") "--sep--")
                   (concat whole "\nBody\n--sep--\n\nx\n")))
    ;; Already blank.
    (should (equal (sendonce-test-bytes (concat whole "\nBody\n")
                                        "--text follows this line--")
                   (concat whole "\nBody\n")))))

(ert-deftest sendonce-compose-bodies ()
  (let ((whole (concat "From: a@b.c\nTo: d@e.f\n" sendonce-test-fixed)))
    (pcase-dolist (`(,body ,out)
                   '(("" "") ("\n" "\n") ("x" "x\n") ("x\n" "x\n")
                     ("\n\nx\n\n\n" "\n\nx\n\n\n") ("a\r\nb\r\n" "a\r\nb\r\n")))
      (should (equal (sendonce-test-bytes (concat whole "\n" body))
                     (concat whole "\n" out))))
    (should (equal (sendonce-test-bytes whole) (concat whole "\n")))))

(ert-deftest sendonce-compose-leaves-the-buffer ()
  (with-temp-buffer
    (insert "From: a@b.c\nTo: d@e.f\nBcc: x@y.z\n"
            mail-header-separator "\nBody")
    (set-buffer-modified-p nil)
    (let ((before (buffer-string)))
      (sendonce-compose)
      (should (equal (buffer-string) before))
      (should-not (buffer-modified-p)))))

(ert-deftest sendonce-compose-parts ()
  (should (equal (sendonce-letter-part
                  (sendonce-test-compose
                   "From: a@b.c\nTo: d@e.f\nContent-Type: message/partial; id=\"x\"; number=2; total=3\n\nx\n"))
                 "2")))

;;;; message-mode

(ert-deftest sendonce-compose-from-message-mode ()
  (sendonce-test-with-draft "From: Jürgen <me@here.example>
To: 山田 <yamada@example.jp>
Cc: \"a b\"@c.d
Bcc: hidden@there.example
Subject: 日本語の件名

本文です。
"
    (let* ((letter (sendonce-test-letter))
           (bytes (sendonce-letter-bytes letter)))
      (should (equal (sendonce-letter-subject letter) "日本語の件名"))
      (should (equal (sendonce-letter-sender letter) "me@here.example"))
      (should (equal (sendonce-letter-recipients letter)
                     '("yamada@example.jp" "\"a b\"@c.d"
                       "hidden@there.example")))
      (should-not (multibyte-string-p bytes))
      (should-not (string-search "hidden" bytes))
      (should (string-search "\nMIME-Version: 1.0\n" bytes))
      (should-not (string-search mail-header-separator bytes)))))

;;;; mail-mode

(defmacro sendonce-test-with-mail-draft (text &rest body)
  "Evaluate BODY in a mail-mode draft of TEXT."
  (declare (indent 1))
  `(with-temp-buffer
     (insert ,text)
     (mail-mode)
     (let ((mail-aliases nil)) ,@body)))

(ert-deftest sendonce-compose-from-mail-mode ()
  (let ((user-mail-address "me@here.example")
        (user-full-name "Jürgen Me")
        (mail-send-nonascii 'mime))
    (sendonce-test-with-mail-draft
        (concat "To: you@there.example\nSubject: 件名\n"
                mail-header-separator "\n本文\n")
      (let* ((letter (sendonce-compose))
             (bytes (sendonce-letter-bytes letter)))
        (should (equal (sendonce-letter-sender letter) "me@here.example"))
        (should (equal (sendonce-letter-subject letter) "件名"))
        (dolist (part '("^From: =\\?utf-8\\?.* <me@here.example>$"
                        "^Subject: =\\?utf-8\\?" "^Message-ID: <"
                        "^Date: " "^MIME-Version: 1.0$"
                        "^Content-Type: text/plain; charset=utf-8$"
                        "^Content-Transfer-Encoding: 8bit$"))
          (should (string-match-p part bytes)))
        (should (string-suffix-p (encode-coding-string "\n\n本文\n" 'utf-8)
                                 bytes))))))

(ert-deftest sendonce-compose-mail-mode-plain ()
  (let ((user-mail-address "me@here.example"))
    (sendonce-test-with-mail-draft
        (concat "To: you@there.example\nSubject: \nFrom: me@here.example\n"
                sendonce-test-fixed mail-header-separator "\nBody\n")
      (should (equal (sendonce-letter-bytes (sendonce-compose))
                     (concat "To: you@there.example\nFrom: me@here.example\n"
                             sendonce-test-fixed "\nBody\n"))))))

(ert-deftest sendonce-compose-mail-aliases ()
  (with-temp-buffer
    (insert "From: a@b.c\nTo: friends\n" mail-header-separator "\nfriends\n")
    (let ((mail-aliases '(("friends" . "x@y.z, u@v.w")))
          (mail-personal-alias-file "/no/such/file"))
      (let ((letter (sendonce-compose)))
        (should (equal (sendonce-letter-recipients letter)
                       '("x@y.z" "u@v.w")))
        (should (equal (sendonce-letter-body letter) "friends\n"))))))

(ert-deftest sendonce-compose-fcc ()
  (let ((file (make-temp-name (expand-file-name "fcc" temporary-file-directory))))
    (unwind-protect
        (progn
          (sendonce-compose-file-copies
           (sendonce-test-compose
            (concat "From: a@b.c\nTo: d@e.f\nFcc: " file "\nBcc: x@y.z\n"
                    sendonce-test-fixed "\nB\366dy\n")))
          (let ((copy (with-temp-buffer
                        (set-buffer-multibyte nil)
                        (insert-file-contents-literally file)
                        (buffer-string))))
            (should (string-match-p "\\`From " copy))
            (should (string-search "\nTo: d@e.f\n" copy))
            (should (string-search (string-to-unibyte "\n\nB\366dy\n") copy))
            (should-not (string-match-p "^Fcc:\\|^Bcc:" copy))))
      (ignore-errors (delete-file file)))))

(provide 'sendonce-compose-tests)

;;; sendonce-compose-tests.el ends here
