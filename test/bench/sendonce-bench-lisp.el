;;; sendonce-bench-lisp.el --- What a send costs the Emacs that it is sent from  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Environment as for sendonce-bench.el; for the queue, BENCH_FILL, the program bench-fill, and BENCH_LIMIT, seconds.
;; Each function prints its figures as lisp.sh, memory.sh and queue.sh read them.
;;
;; A batch Emacs waits for what it sends; here nobody is to wait, so `noninteractive' is nil where it matters, as
;; it is for a user.

;;; Code:

(require 'sendonce-bench)
(require 'cl-lib)
(require 'message)

(defvar sendonce-wait)
(defvar sendonce-directory)
(defvar sendonce-accounts)
(declare-function sendonce-engine "sendonce-engine" ())
(declare-function sendonce-engine-ensure "sendonce-engine" ())
(declare-function sendonce-entries "sendonce-outbox" ())
(declare-function sendonce-wait-idle "sendonce-wait" (seconds))
(declare-function sendonce-account-settings "sendonce-account" (account))
(declare-function sendonce--mod-running "ext:sendonce-module" (engine))

;;;; How long the call takes

(defun sendonce-bench--draft (number)
  "Make the current buffer a draft of message NUMBER, in message-mode."
  (insert (format "From: aoi@bench.example\nTo: sei@bench.example\nSubject: draft %d\n%s\n"
                  number mail-header-separator))
  (let ((start (point)))
    (insert-file-contents (sendonce-bench-env "FILE"))
    (goto-char start)
    (delete-region start (search-forward "\n\n")))
  (let ((message-auto-save-directory nil))
    (message-mode))
  (setq-local message-bogus-addresses nil))

(defvar sendonce-bench--inside 0
  "Seconds that `send-mail-function' took the last time.")

(defun sendonce-bench--inner (function)
  "Call FUNCTION and note how long it takes."
  (setq sendonce-bench--inside (sendonce-bench-seconds (funcall function))))

(defun sendonce-bench--call (number)
  "Send draft NUMBER as a user who does not wait; return how long Emacs was taken."
  (with-temp-buffer
    (sendonce-bench--draft number)
    (let ((noninteractive nil)
          (sendonce-wait nil)
          (message-interactive t)
          (inhibit-message t))
      (sendonce-bench-seconds (message-send)))))

(defun sendonce-bench-call ()
  "Print the milliseconds that each of BENCH_COUNT calls of `message-send' took.
After it, on the same line, how many of them the send function took."
  (sendonce-bench-set-up)
  (advice-add send-mail-function :around #'sendonce-bench--inner)
  (dotimes (number (sendonce-bench-env "COUNT"))
    (sendonce-bench-say "%.3f %.3f" (* 1000 (sendonce-bench--call number)) (* 1000 sendonce-bench--inside))
    (unless (equal (sendonce-bench-env "WITH") "smtpmail")
      (sendonce-wait-idle 60))))

;;;; Gaps

(defvar sendonce-bench--gap 0
  "Longest time so far between two runs of the timer, in seconds.")

(defvar sendonce-bench--ticked nil
  "When the timer ran last.")

(defun sendonce-bench--tick ()
  "Note how long it was since the last time."
  (let ((now (float-time)))
    (when sendonce-bench--ticked
      (setq sendonce-bench--gap (max sendonce-bench--gap (- now sendonce-bench--ticked))))
    (setq sendonce-bench--ticked now)))

(defun sendonce-bench--running-p ()
  "Return non-nil if an attempt runs."
  (> (car (sendonce--mod-running (sendonce-engine))) 0))

(defun sendonce-bench--watch ()
  "Have a timer run every millisecond until no attempt runs any more."
  (let ((timer (run-at-time 0 0.001 #'sendonce-bench--tick)))
    (with-timeout (120 (error "It does not end"))
      (while (not (sendonce-bench--running-p)) (sleep-for 0.001))
      (while (sendonce-bench--running-p) (sleep-for 0.001)))
    (cancel-timer timer)))

(defun sendonce-bench-gap ()
  "Print what handing over BENCH_FILE took, and the longest gap while it went out.
Both in milliseconds; then how long it went out, in seconds."
  (sendonce-bench-set-up)
  (setq sendonce-wait 60)
  (sendonce-bench--small)
  (with-temp-buffer
    (sendonce-bench-insert 2)
    (garbage-collect)
    (let* ((noninteractive nil)
           (sendonce-wait nil)
           (inhibit-message t)
           (call (sendonce-bench-seconds (funcall send-mail-function)))
           (out (sendonce-bench-seconds (sendonce-bench--watch))))
      (sendonce-bench-say "%.1f %.1f %.2f" (* 1000 call) (* 1000 sendonce-bench--gap) out)))
  (sendonce-wait-idle 60)
  (sendonce-bench-check-sent))

(defun sendonce-bench--small ()
  "Send a small message, so that everything is loaded and open."
  (with-temp-buffer
    (insert "From: aoi@bench.example\nTo: sei@bench.example\nSubject: small\n"
            mail-header-separator "\nsmall\n")
    (funcall send-mail-function)))

;;;; Out of the outbox

(defun sendonce-bench--out (number)
  "Send message NUMBER; return the seconds that it took out of the outbox."
  (with-temp-buffer
    (sendonce-bench-insert number)
    (let ((noninteractive nil)
          (sendonce-wait nil)
          (inhibit-message t))
      (funcall send-mail-function))
    (prog1 (sendonce-bench-seconds (sendonce-wait-idle 120))
      (sendonce-bench-check-sent))))

(defun sendonce-bench-out ()
  "Print the seconds that each of BENCH_COUNT messages took out of the outbox."
  (sendonce-bench-set-up)
  (dotimes (number (sendonce-bench-env "COUNT"))
    (sendonce-bench-say "%.6f" (sendonce-bench--out number))))

;;;; Memory

(defun sendonce-bench--kilobytes (name)
  "Return what the kernel says of NAME, such as VmRSS, of this process."
  (with-temp-buffer
    (insert-file-contents "/proc/self/status")
    (re-search-forward (concat "^" name ":[ \t]*\\([0-9]+\\) kB"))
    (string-to-number (match-string 1))))

(defun sendonce-bench--forget-peak ()
  "Have the kernel begin anew with the peak of this process."
  (write-region "5" nil "/proc/self/clear_refs" nil 'silent))

(defun sendonce-bench-memory ()
  "Print by how many octets the process grew at most while it sent BENCH_FILE.
The message in its buffer was there before."
  (sendonce-bench-set-up)
  (sendonce-bench--small)
  (with-temp-buffer
    (sendonce-bench-insert 2)
    (garbage-collect)
    (sendonce-bench--forget-peak)
    (let ((before (sendonce-bench--kilobytes "VmRSS")))
      (funcall send-mail-function)
      (sendonce-bench-check-sent)
      (sendonce-bench-say "%d" (* 1024 (- (sendonce-bench--kilobytes "VmHWM") before))))))

;;;; A queue

(defun sendonce-bench--fill ()
  "Put BENCH_COUNT messages into an outbox that no engine has opened yet."
  (let ((settings (expand-file-name "settings" "~")))
    (write-region (sendonce-account-settings (car sendonce-accounts)) nil settings nil 'silent)
    (make-directory sendonce-directory t)
    (unless (eq 0 (call-process (sendonce-bench-env "FILL") nil nil nil sendonce-directory settings
                                (sendonce-bench-env "FILE") (number-to-string (sendonce-bench-env "COUNT"))))
      (error "The outbox could not be filled"))))

(defun sendonce-bench--unsent ()
  "Return how many entries of the outbox are not sent."
  (cl-count 'sent (sendonce-entries) :test-not #'eq :key (lambda (entry) (plist-get entry :state))))

(defun sendonce-bench-queue ()
  "Print how long it takes to send a queue of BENCH_COUNT messages, in seconds.
From the start of the engine until the last is sent."
  (sendonce-bench-set-up)
  (dolist (library '(sendonce-account sendonce-engine sendonce-submit sendonce-outbox))
    (require library))
  (sendonce-bench--fill)
  (sendonce-engine-ensure)
  (let ((seconds (sendonce-bench-seconds
                   (sendonce-engine)
                   (with-timeout ((sendonce-bench-env "LIMIT"))
                     (while (progn (sendonce-wait-idle 60)
                                   (> (sendonce-bench--unsent) 0))
                       (sleep-for 0.01)))))
        (unsent (sendonce-bench--unsent)))
    (if (> unsent 0)
        (error "Not sent after %.0f s: %d" seconds unsent)
      (sendonce-bench-say "%.6f" seconds))))

(provide 'sendonce-bench-lisp)

;;; sendonce-bench-lisp.el ends here
