;;; sendonce-client-wl-story.el --- Hundreds of sends from Wanderlust  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; wl-story.sh runs this with a peer behind a slow relay that cuts packets
;; at random.  With Emacs' own TLS this ended in "Resource temporarily
;; unavailable [295 times]", "Invalid response: RCPT TO" and messages that
;; went out twice.

;;; Code:

(require 'sendonce-client-wl)

(defvar wl-draft-send-mail-function)
(defvar wl-draft-sendlog-max-size)
(defvar wl-smtp-authenticate-type)
(defvar wl-smtp-connection-type)
(defvar wl-smtp-posting-port)
(defvar wl-smtp-posting-server)
(defvar wl-smtp-posting-user)

(defun sendonce-client-wl-story--settings ()
  "Set Wanderlust up as its user had it, for the server behind the relay."
  (setq wl-draft-send-mail-function #'wl-draft-send-mail-with-sendonce
        wl-smtp-posting-server "localhost"
        wl-smtp-posting-port (string-to-number (getenv "DELAY_PORT"))
        wl-smtp-posting-user (getenv "STORY_USER")
        wl-smtp-authenticate-type "plain"
        wl-smtp-connection-type (if (equal "implicit" (getenv "STORY_TLS"))
                                    'ssl
                                  'starttls)
        sendonce-accounts nil
        sendonce-wait t
        wl-draft-sendlog-max-size nil
        gnutls-trustfiles (list (getenv "PEER_CA")))
  (sendonce-test-write
   "authinfo" (format "machine localhost login %s password %s\n"
                      (getenv "STORY_USER") (getenv "STORY_PASSWORD"))))

(defun sendonce-client-wl-story--fields (number)
  "Return the header of message NUMBER."
  `(("To" . ,(format "reader-%d@there.example, 山田 <all@there.example>" number))
    ("Subject" . ,(format "第%d話" number))))

(defun sendonce-client-wl-story--body (number)
  "Return the body of message NUMBER; some are long."
  (apply #'concat (format "Message %d\n" number)
         (make-list (if (zerop (% number 10)) 400 3)
                    "..日本語の本文、そして .dots です。\n")))

(defun sendonce-client-wl-story--accepted ()
  "Return the envelopes that the peer has accepted, oldest first."
  (let ((directory (expand-file-name "messages" (getenv "PEER_DIR"))))
    (mapcar #'sendonce-test-read
            (directory-files directory t "\\.env\\'"))))

(defun sendonce-client-wl-story--processor-seconds ()
  "Return how long this Emacs, all its threads, has kept a processor busy."
  (float-time (get-internal-run-time)))

(defun sendonce-client-wl-story--send-all (sends)
  "Send SENDS messages; say what each took, and that it was mostly waiting."
  (let ((start (float-time))
        (busy (sendonce-client-wl-story--processor-seconds)))
    (dotimes (number sends)
      (ert-info ((format "send %d" number))
        (save-window-excursion
          (should-not (sendonce-client-wl-send
                       (sendonce-client-wl-story--fields number)
                       (sendonce-client-wl-story--body number))))))
    (let ((wall (- (float-time) start))
          (busy (- (sendonce-client-wl-story--processor-seconds) busy)))
      (message "%d sends by %s: each took %.0f ms, %.0f ms of them processor \
time" sends (getenv "STORY_TLS") (/ (* 1000 wall) sends)
(/ (* 1000 busy) sends))
      ;; A loop that does not sleep makes them equal, or more.
      (should (< busy (/ wall 2))))))

(ert-deftest sendonce-client-wl-story ()
  (skip-unless sendonce-client-wl-there)
  (sendonce-test-in-place
    (sendonce-client-wl--load)
    (sendonce-client-wl--settings)
    (let ((gnutls-trustfiles nil)
          (sends (string-to-number (getenv "STORY_SENDS"))))
      (sendonce-client-wl-story--settings)
      (sendonce-client-wl-story--send-all sends)
      (should-not (sendonce-client-wl-drafts))
      (should-not (seq-remove (lambda (state) (eq state 'sent))
                              (sendonce-test-states)))
      ;; Each arrived once, in order, with its own recipients.
      (should (equal (cl-loop for number below sends
                              collect (list (format "reader-%d@there.example"
                                                    number)
                                            "all@there.example"))
                     (mapcar #'sendonce-client-recipients
                             (sendonce-client-wl-story--accepted))))
      (should (= sends (length (sendonce-client-wl-folder "sent"))))
      (should (= sends (cl-count-if (lambda (line)
                                      (string-search "proto=smtp stat=ok" line))
                                    (sendonce-client-wl-log))))
      (should-not (seq-some (lambda (line)
                              (string-match-p "failed\\|uncertain\\|queued"
                                              line))
                            (sendonce-client-wl-log))))))

;;; sendonce-client-wl-story.el ends here
