;;; sendonce-windows-exits.el --- Leaving Emacs while it sends  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; exits.sh starts one Emacs after the other on one outbox.  Each puts a
;; message into it, and leaves at a random instant of the send.  The last
;; one sends what is left and judges, as a test.
;;
;; Environment: EXITS_DIR, where the outbox is and what the Emacsen
;; write: enqueued (Message-IDs) and under-way (numbers); EXITS_NUMBER;
;; DELAY_PORT, PEER_CA and PEER_DIR as the relay and the peer say.

;;; Code:

(require 'sendonce-test-helper)

(declare-function sendonce--mod-running "ext:sendonce-module" (engine))

(defconst sendonce-windows-exits--longest 1.2
  "Seconds after which a send is over for certain.")

(defun sendonce-windows-exits--file (name)
  "Return the file NAME of these tests."
  (expand-file-name name (getenv "EXITS_DIR")))

(defun sendonce-windows-exits--note (name what)
  "Add WHAT as a line to the file NAME."
  (let ((coding-system-for-write 'utf-8-unix))
    (write-region (format "%s\n" what) nil (sendonce-windows-exits--file name)
                  t 'quiet)))

(defun sendonce-windows-exits--noted (name)
  "Return the lines of the file NAME."
  (let ((file (sendonce-windows-exits--file name)))
    (and (file-exists-p file)
         (split-string (sendonce-test-read file) "\n" t))))

(defun sendonce-windows-exits--settings ()
  "Send to the peer behind the relay, from the outbox of all."
  (setq sendonce-directory (sendonce-windows-exits--file "outbox/")
        user-mail-address "me@here.example"
        sendonce-wait nil
        sendonce-accounts
        (list (list :name "far" :host "localhost" :tls 'implicit
                    :port (string-to-number (getenv "DELAY_PORT"))
                    :trust-files (list (getenv "PEER_CA"))))))

(defun sendonce-windows-exits--enqueue (number)
  "Put message NUMBER into the outbox; it begins to be sent."
  (with-temp-buffer
    (insert "From: Me <me@here.example>\nTo: you@there.example\n"
            (format "Message-ID: <exit-%d@here.example>\n" number)
            "Date: Mon, 23 Nov 2026 12:00:00 +0000\n"
            (format "Subject: Exit %d\n\nHello %d\n" number number))
    (let ((mail-header-separator ""))
      (sendonce-test-interactively (sendonce-send-it))))
  (sendonce-windows-exits--note "enqueued"
                                (format "<exit-%d@here.example>" number)))

(defun sendonce-windows-exits-leave ()
  "Send a message, and leave Emacs at a random instant."
  (sendonce-windows-exits--settings)
  (sendonce-windows-exits--enqueue (string-to-number (getenv "EXITS_NUMBER")))
  (random t)
  (let ((end (+ (float-time) (* sendonce-windows-exits--longest
                                (/ (random 1000) 1000.0)))))
    (while (< (float-time) end)
      (accept-process-output nil (max 0 (- end (float-time))))))
  (sendonce-windows-exits--note
   "under-way" (car (sendonce--mod-running (sendonce-engine))))
  (kill-emacs 0))

;;;; The judge

(defun sendonce-windows-exits--arrivals ()
  "Return an alist of Message-IDs and how often the peer accepted them."
  (let (arrivals)
    (dolist (file (directory-files
                   (expand-file-name "messages" (getenv "PEER_DIR"))
                   t "\\.eml\\'"))
      (let ((message (sendonce-test-read file)))
        (string-match "^Message-ID: \\(<.*>\\)" message)
        (cl-incf (alist-get (match-string 1 message) arrivals
                            0 nil #'equal))))
    arrivals))

(ert-deftest sendonce-windows-exits ()
  (skip-unless (getenv "EXITS_DIR"))
  (sendonce-windows-exits--settings)
  (sendonce-engine)
  (sendonce-flush)
  (should (sendonce-wait-idle 60))
  (let ((enqueued (sendonce-windows-exits--noted "enqueued"))
        (arrivals (sendonce-windows-exits--arrivals))
        (entries (sendonce-entries)))
    (sendonce-engine-stop 5)
    (message "Of %d exits %d were amid a send; of %d messages %d arrived once, \
%d twice; %d in doubt; %d exits hung or failed"
             (length (sendonce-windows-exits--noted "exits"))
             (cl-count-if-not (lambda (line) (equal "0" line))
                              (sendonce-windows-exits--noted "under-way"))
             (length enqueued)
             (cl-count 1 arrivals :key #'cdr)
             (cl-count 1 arrivals :key #'cdr :test #'<)
             (cl-count 'in-doubt entries
                       :key (lambda (entry) (plist-get entry :state)))
             (cl-count-if-not (lambda (line) (string-prefix-p "0 " line))
                              (sendonce-windows-exits--noted "exits")))
    (should (equal (number-sequence
                    1 (string-to-number (getenv "EXITS_NUMBER")))
                   (mapcar (lambda (line)
                             (string-match "\\`0 \\([0-9]+\\)\\'" line)
                             (string-to-number (match-string 1 line)))
                           (sendonce-windows-exits--noted "exits"))))
    (should (= (length enqueued) (length entries)
               (string-to-number (getenv "EXITS_NUMBER"))))
    (should-not (seq-remove (lambda (entry) (eq 'sent (plist-get entry :state)))
                            entries))
    (dolist (id enqueued)
      (should (eql 1 (alist-get id arrivals nil nil #'equal))))
    (should (= (length enqueued) (length arrivals)))))

(provide 'sendonce-windows-exits)

;;; sendonce-windows-exits.el ends here
