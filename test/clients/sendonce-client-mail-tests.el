;;; sendonce-client-mail-tests.el --- mail-mode and Rmail  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What a `send-mail-function' proper must do itself: mail-mode calls it
;; in the user's own draft, Rmail in a buffer of its own.

;;; Code:

(require 'sendonce-client-mail)
(require 'rmail)
(require 'rmailout)
(require 'mailalias)

(defvar rmail-use-spam-filter)

(ert-deftest sendonce-client-mail-envelopes ()
  (sendonce-test-with-peer ()
    (sendonce-client-check-envelopes #'sendonce-client-mail-send)))

(ert-deftest sendonce-client-mail-completes-the-message ()
  (sendonce-test-with-peer ()
    (let ((mail-send-nonascii 'mime)
          (user-full-name "Jürgen Me")
          (coding-system-for-write nil))
      (should-not (sendonce-client-mail-send
                   '(("To" . "山田 <y@there.example>") ("Subject" . "Grüße")
                     ("Cc" . "c@there.example") ("Bcc" . "b@there.example"))
                   "Schöne Grüße\n.\n")))
    (let* ((sent (string-replace "\r\n" "\n" (car (sendonce-test-accepted))))
           (fields (sendonce-header-parse (sendonce-client-header sent)))
           (value (lambda (name) (sendonce-header-value fields name))))
      (should (string-match-p "\\`[[:ascii:]]*\\'"
                              (sendonce-client-header sent)))
      (should (equal "Grüße" (sendonce-header-decode
                              (funcall value "subject"))))
      (should (string-search "me@here.example" (funcall value "from")))
      (should (string-match-p "\\`<[^@ ]+@[^@ ]+>\\'"
                              (funcall value "message-id")))
      (should (funcall value "date"))
      (should (equal "text/plain; charset=utf-8"
                     (downcase (funcall value "content-type"))))
      (should (equal "8bit" (funcall value "content-transfer-encoding")))
      (should-not (funcall value "bcc"))
      (should (equal "Schöne Grüße\n.\n"
                     (decode-coding-string (sendonce-client-body sent)
                                           'utf-8))))))

(ert-deftest sendonce-client-mail-empty-subject-is-dropped ()
  (sendonce-test-with-peer ()
    (should-not (sendonce-client-mail-send
                 '(("To" . "y@there.example") ("Subject" . "")) "Hello\n"))
    (should-not (string-match-p "^Subject:"
                                (car (sendonce-test-accepted))))))

(ert-deftest sendonce-client-mail-aliases ()
  (sendonce-test-with-peer ()
    (let ((mail-personal-alias-file
           (sendonce-test-write
            "mailrc" "alias team a@one.example \"B B <b@two.example>\"\n"))
          (mail-aliases t)
          (mail-alias-modtime nil))
      (should-not (sendonce-client-mail-send
                   '(("To" . "team, c@three.example") ("Subject" . "x"))
                   "Hello\n")))
    (should (equal '("a@one.example" "b@two.example" "c@three.example")
                   (sendonce-client-recipients
                    (car (sendonce-test-envelopes)))))))

(ert-deftest sendonce-client-mail-attachment ()
  (sendonce-test-with-peer ()
    (let ((bytes (apply #'unibyte-string (number-sequence 0 255)))
          (file (sendonce-test-file "添付.bin")))
      (let ((coding-system-for-write 'no-conversion))
        (write-region bytes nil file nil 'quiet))
      (save-window-excursion
        (with-current-buffer
            (sendonce-client-mail-compose
             '(("To" . "y@there.example") ("Subject" . "Datei")) "Grüße\n")
          (goto-char (point-max))
          (mail-add-attachment file)
          (should-not (sendonce-client-mail-send-draft))
          (set-buffer-modified-p nil)
          (kill-buffer)))
      (with-temp-buffer
        (set-buffer-multibyte nil)
        (insert (string-replace "\r\n" "\n" (car (sendonce-test-accepted))))
        (let* ((parts (mm-dissect-buffer t))
               (part (seq-find (lambda (part)
                                 (equal "添付.bin"
                                        (mail-content-type-get
                                         (mm-handle-disposition part)
                                         'filename)))
                               (cdr parts))))
          (should part)
          (should (equal bytes (mm-get-part part t)))
          (mm-destroy-parts parts))))))

(ert-deftest sendonce-client-mail-fcc-once-after-acceptance ()
  (sendonce-test-with-peer (:scenario "at RCPT: refuse\n")
    (let ((file (sendonce-test-file "sent")))
      (save-window-excursion
        (with-current-buffer
            (sendonce-client-mail-compose
             `(("To" . "y@there.example") ("Subject" . "x") ("Fcc" . ,file))
             "Grüße\n")
          (let ((text (buffer-string)))
            (should (eq 'sendonce-refused
                        (car (sendonce-client-mail-send-draft))))
            (should-not (file-exists-p file))
            (should (equal text (buffer-string)))
            (sendonce-test-scenario "")
            (should-not (sendonce-client-mail-send-draft))
            ;; Once more, by mistake: it is not sent, and not filed.
            (set-buffer-modified-p t)
            (should-not (sendonce-client-mail-send-draft)))
          (set-buffer-modified-p nil)
          (kill-buffer)))
      (should (= 1 (length (sendonce-test-accepted))))
      (let ((filed (sendonce-test-read file)))
        (should (= 1 (cl-count-if (lambda (line)
                                    (string-prefix-p "From " line))
                                  (split-string filed "\n"))))
        (should (string-search
                 (string-replace "\r\n" "\n" (car (sendonce-test-accepted)))
                 filed))))))

(ert-deftest sendonce-client-mail-bcc-and-from-stay-in-the-draft ()
  (sendonce-test-with-peer ()
    (save-window-excursion
      (with-current-buffer
          (sendonce-client-mail-compose
           '(("To" . "y@there.example") ("Bcc" . "b@there.example")
             ("Subject" . "x"))
           "Hello\n")
        (let ((text (buffer-string)))
          (should-not (sendonce-client-mail-send-draft))
          (should (equal text (buffer-string))))
        (kill-buffer)))))

(ert-deftest sendonce-client-mail-method-is-an-account ()
  (sendonce-test-with-peer ()
    (let ((good (copy-sequence (car sendonce-accounts))))
      (setq sendonce-accounts
            (list '(:name "other" :host "127.0.0.1" :port 1)
                  (plist-put good :from "nobody@else.example")))
      (should-not (sendonce-client-mail-send
                   '(("To" . "y@there.example") ("Subject" . "x")
                     ("X-Message-SMTP-Method" . "sendonce peer"))
                   "Hello\n"))
      (should-not (string-search "X-Message"
                                 (car (sendonce-test-accepted)))))))

;;;; Rmail

(defconst sendonce-client-rmail-box
  "From friend@there.example Mon Nov 23 10:00:00 2026
From: Friend <friend@there.example>
To: me@here.example
Subject: Question
Message-ID: <question@there.example>
Date: Mon, 23 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit
Sender: list@there.example

Gr\303\274\303\237e, what now?
--text follows this line--
.

"
  "An mbox with one message, as bytes.")

(defmacro sendonce-client-rmail-with-message (&rest body)
  "Evaluate BODY in Rmail, at a message, with mail-mode for replies."
  (declare (indent 0) (debug t))
  `(let* ((file (sendonce-test-file "RMAIL"))
          (rmail-file-name file)
          (rmail-primary-inbox-list nil)
          (rmail-confirm-expunge nil)
          (rmail-display-summary nil)
          (mail-user-agent 'sendmail-user-agent)
          (rmail-mail-new-frame nil)
          (mail-signature nil)
          (mail-encode-mml nil))
     (let ((coding-system-for-write 'no-conversion))
       (write-region (string-to-unibyte sendonce-client-rmail-box) nil file
                     nil 'quiet))
     (save-window-excursion
       (let ((inhibit-message t))
         (rmail file))
       (unwind-protect
           (progn ,@body)
         (let ((kill-buffer-query-functions nil))
           (dolist (buffer (seq-filter
                            (lambda (buffer)
                              (with-current-buffer buffer
                                (derived-mode-p 'rmail-mode 'mail-mode)))
                            (buffer-list)))
             (when (buffer-live-p buffer)
               (with-current-buffer buffer
                 (set-buffer-modified-p nil)
                 (kill-buffer)))))))))

(defun sendonce-client-rmail-attribute (index)
  "Return non-nil if the current message has the attribute INDEX."
  (with-current-buffer rmail-buffer
    (rmail-message-attr-p rmail-current-message
                          (concat (make-string index ?.)
                                  (char-to-string
                                   (car (aref rmail-attr-array index)))))))

(ert-deftest sendonce-client-rmail-reply ()
  (sendonce-test-with-peer (:scenario "at RCPT: refuse\n")
    (sendonce-client-rmail-with-message
      (let ((box rmail-buffer))
        (rmail-reply t)
        (goto-char (point-max))
        (insert "Nothing.\n")
        (let ((draft (current-buffer)))
          (should (eq 'sendonce-refused
                      (car (sendonce-client-mail-send-draft))))
          (with-current-buffer box
            (should-not (sendonce-client-rmail-attribute
                         rmail-answered-attr-index)))
          (sendonce-test-scenario "")
          (with-current-buffer draft
            (should-not (sendonce-client-mail-send-draft)))
          (with-current-buffer box
            (should (sendonce-client-rmail-attribute
                     rmail-answered-attr-index))))))
    (should (equal '("friend@there.example")
                   (sendonce-client-recipients
                    (car (sendonce-test-envelopes)))))
    (should (string-match-p "^In-Reply-To: <question@there.example>"
                            (car (sendonce-test-accepted))))
    (should (= 1 (length (sendonce-test-accepted))))))

(defun sendonce-client-rmail-resend-to (address)
  "Resend the current message of Rmail to ADDRESS; return the error, or nil."
  (condition-case err
      (progn (rmail-resend address) nil)
    (sendonce-error err)))

(ert-deftest sendonce-client-rmail-resend ()
  (sendonce-test-with-peer (:scenario "at RCPT: refuse\n")
    (sendonce-client-rmail-with-message
      (should (eq 'sendonce-refused
                  (car (sendonce-client-rmail-resend-to "new@there.example"))))
      (should-not (sendonce-client-rmail-attribute rmail-resent-attr-index))
      (sendonce-test-scenario "")
      (should-not (sendonce-client-rmail-resend-to "new@there.example"))
      (should (sendonce-client-rmail-attribute rmail-resent-attr-index)))
    (should (equal '("from <me@here.example>\nto <new@there.example>\n")
                   (sendonce-test-envelopes)))
    (let ((sent (string-replace "\r\n" "\n" (car (sendonce-test-accepted)))))
      ;; The body is another's: byte for byte, even what looks like the
      ;; separator of a draft.
      (should (equal "Gr\303\274\303\237e, what now?
--text follows this line--\n.\n"
                     (replace-regexp-in-string "\n+\\'" "\n"
                                               (sendonce-client-body sent))))
      (should (string-search "Message-ID: <question@there.example>" sent))
      (should (string-search "Resent-To: new@there.example" sent))
      (should-not (string-match-p "^Sender:" sent)))))

(ert-deftest sendonce-client-rmail-forward ()
  (sendonce-test-with-peer ()
    (sendonce-client-rmail-with-message
      (rmail-forward nil)
      (let ((draft (current-buffer)))
        (goto-char (point-min))
        (should (re-search-forward "^To: *" nil t))
        (insert "new@there.example")
        (should-not (sendonce-client-mail-send-draft))
        (with-current-buffer draft
          (set-buffer-modified-p nil))))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (string-search "Gr\303\274\303\237e, what now?"
                           (car (sendonce-test-accepted))))))

;;; sendonce-client-mail-tests.el ends here
