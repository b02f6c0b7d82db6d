;;; sendonce-bench.el --- Send messages and print how long each took  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -L LISP -L MODULE -l sendonce-bench.el -f FUNCTION, run by test/bench/senders.sh.
;;
;; Environment: BENCH_WITH (sendonce or smtpmail), BENCH_HOST, BENCH_PORT, BENCH_TLS (implicit or starttls),
;; BENCH_FILE (a message with LF), BENCH_COUNT, BENCH_KEEP (seconds that a line is kept, 0: none), BENCH_CA,
;; BENCH_IDLE (seconds to rest in the end).  HOME is an empty directory, which gets the outbox and a password file.
;;
;; The buffer that is sent is what message.el gives its send function: bytes, encoded, header and body apart by
;; `mail-header-separator'.  Subjects differ, since the same message twice would not be sent twice.  Around each
;; send it looks for files /bench-mark/begin-N and end-N: marks for strace.

;;; Code:

(require 'message)
(require 'smtpmail)
(require 'auth-source)
(require 'gnutls)
(require 'sendonce nil t)

(defvar sendonce-accounts)
(defvar sendonce-wait)
(defvar sendonce-directory)
(declare-function sendonce-send-it "sendonce" ())
(declare-function sendonce-entries "sendonce-outbox" ())

(defun sendonce-bench-env (name)
  "Return what BENCH_NAME says: a number where it is one."
  (let ((text (getenv (concat "BENCH_" name))))
    (if (and text (string-match-p "\\`[0-9]+\\'" text))
        (string-to-number text)
      text)))

(defun sendonce-bench--write-password ()
  "Write the password where auth-source finds it; return the file's name."
  (let ((file (expand-file-name "authinfo" "~")))
    (with-file-modes #o600
      (write-region (format "machine %s login aoi password open-sesame\n" (sendonce-bench-env "HOST"))
                    nil file nil 'silent))
    file))

(defun sendonce-bench-account ()
  "Return the server as an account of sendonce."
  (list :name "bench" :host (sendonce-bench-env "HOST") :port (sendonce-bench-env "PORT")
        :tls (intern (sendonce-bench-env "TLS")) :user "aoi" :auth "PLAIN"
        :trust-files (list (sendonce-bench-env "CA")) :keep-alive (or (sendonce-bench-env "KEEP") 0)))

(defun sendonce-bench-set-up ()
  "Tell both senders of the server that the environment names."
  (setq auth-sources (list (sendonce-bench--write-password))
        user-mail-address "aoi@bench.example"
        gnutls-trustfiles (list (sendonce-bench-env "CA"))
        smtpmail-smtp-server (sendonce-bench-env "HOST")
        smtpmail-smtp-service (sendonce-bench-env "PORT")
        smtpmail-smtp-user "aoi"
        smtpmail-stream-type (if (equal (sendonce-bench-env "TLS") "implicit") 'ssl 'starttls)
        sendonce-accounts (list (sendonce-bench-account))
        sendonce-directory (expand-file-name "outbox/" "~")
        sendonce-wait t
        send-mail-function (sendonce-bench--function)))

(defun sendonce-bench--function ()
  "Return the function that sends."
  (if (equal (sendonce-bench-env "WITH") "smtpmail") #'smtpmail-send-it #'sendonce-send-it))

(defun sendonce-bench-insert (number)
  "Make the current buffer message NUMBER, ready for `send-mail-function'."
  (set-buffer-multibyte nil)
  (insert-file-contents-literally (sendonce-bench-env "FILE"))
  (goto-char (point-min))
  (search-forward "\n\n")
  (forward-char -1)
  (insert (encode-coding-string mail-header-separator 'us-ascii))
  (goto-char (point-min))
  (insert (format "Subject: message %d\n" number)))

(defun sendonce-bench-mark (what number)
  "Leave in a trace that WHAT happens now to NUMBER."
  (file-exists-p (format "/bench-mark/%s-%d" what number)))

(defun sendonce-bench-say (format &rest args)
  "Print FORMAT with ARGS on standard output."
  (princ (concat (apply #'format format args) "\n")))

(defmacro sendonce-bench-seconds (&rest body)
  "Evaluate BODY; return how long it took, in seconds."
  (declare (indent 0))
  `(let ((start (current-time)))
     ,@body
     (float-time (time-since start))))

(defun sendonce-bench-check-sent ()
  "Signal unless the last message was sent by sendonce."
  (unless (or (equal (sendonce-bench-env "WITH") "smtpmail")
              (eq 'sent (plist-get (car (sendonce-entries)) :state)))
    (error "Not sent: %S" (car (sendonce-entries)))))

(defun sendonce-bench-send-one (number)
  "Send message NUMBER; return the seconds until the call returned."
  (with-temp-buffer
    (sendonce-bench-insert number)
    (sendonce-bench-mark "begin" number)
    (prog1 (sendonce-bench-seconds (funcall send-mail-function))
      (sendonce-bench-mark "end" number)
      (sendonce-bench-check-sent))))

(defun sendonce-bench-send ()
  "Send BENCH_COUNT messages one after the other, print the seconds of each."
  (sendonce-bench-set-up)
  (dotimes (number (sendonce-bench-env "COUNT"))
    (sendonce-bench-say "%.6f" (sendonce-bench-send-one (1+ number))))
  (when (sendonce-bench-env "IDLE")
    (sleep-for 1)                       ; the send's own last acts
    (sendonce-bench-mark "idle" 1)
    (sleep-for (sendonce-bench-env "IDLE"))
    (sendonce-bench-mark "idle" 2)))

(provide 'sendonce-bench)

;;; sendonce-bench.el ends here
