;;; sendonce-windows-exits.el --- Leaving Emacs while it sends  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; exits.sh starts one Emacs after the other on one outbox.  Each puts a
;; message into it, and leaves at a random instant of the send.  The last
;; one sends what is left and judges, as a test.
;;
;; Environment: EXITS_DIR, where the outbox is and what the Emacsen
;; write: enqueued (Message-IDs) and under-way, a line for each exit that
;; was amid a send, which says how many messages were between commit point
;; and reply; exits, by exits.sh, has STATUS NUMBER for each.  EXITS_NUMBER
;; is that of this Emacs, for the judge that of the last; DELAY_PORT,
;; PEER_CA and PEER_DIR are as the relay and the peer say.

;;; Code:

(require 'sendonce-test-helper)

(declare-function sendonce--mod-running "ext:sendonce-module" (engine))

(defconst sendonce-windows-exits--longest 0.7
  "Seconds that a send takes, or a little more.")

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
  (pcase-let ((`(,running . ,committing)
               (sendonce--mod-running (sendonce-engine))))
    (when (> running 0)
      (sendonce-windows-exits--note "under-way" committing)))
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

(defun sendonce-windows-exits--say (enqueued arrivals entries)
  "Say what became of the messages ENQUEUED, by ARRIVALS and ENTRIES."
  (let ((exits (sendonce-windows-exits--noted "exits"))
        (amid (sendonce-windows-exits--noted "under-way")))
    (message "Of %d exits %d were amid a send, %d of them past its commit \
point, and %d hung or failed; of %d messages %d arrived once, %d more often, \
%d are in doubt"
             (length exits) (length amid)
             (cl-count-if-not (lambda (line) (equal "0" line)) amid)
             (cl-count-if-not (lambda (line) (string-prefix-p "0 " line)) exits)
             (length enqueued)
             (cl-count 1 arrivals :key #'cdr)
             (cl-count 1 arrivals :key #'cdr :test #'<)
             (cl-count 'in-doubt entries
                       :key (lambda (entry) (plist-get entry :state))))))

(ert-deftest sendonce-windows-exits ()
  (skip-unless (getenv "EXITS_DIR"))
  (sendonce-windows-exits--settings)
  (sendonce-engine)
  (sendonce-flush)
  (should (sendonce-wait-idle 60))
  (let ((enqueued (sendonce-windows-exits--noted "enqueued"))
        (arrivals (sendonce-windows-exits--arrivals))
        (entries (sendonce-entries))
        (number (string-to-number (getenv "EXITS_NUMBER"))))
    (sendonce-engine-stop 5)
    (sendonce-windows-exits--say enqueued arrivals entries)
    (should (equal (mapcar (lambda (n) (format "0 %d" n))
                           (number-sequence 1 number))
                   (sendonce-windows-exits--noted "exits")))
    (should (= number (length enqueued) (length entries) (length arrivals)))
    (should-not (seq-remove (lambda (entry) (eq 'sent (plist-get entry :state)))
                            entries))
    (dolist (id enqueued)
      (should (eql 1 (alist-get id arrivals nil nil #'equal))))))

(provide 'sendonce-windows-exits)

;;; sendonce-windows-exits.el ends here
