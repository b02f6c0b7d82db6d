;;; sendonce-windows.el --- The Lisp tests under Wine  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Loaded before a file of tests by an Emacs for Windows that runs under
;; Wine; run-ert starts it.  What the tests do by starting a program of
;; Unix is done here by asking peer-host.pl, which runs outside.  Which
;; tests make no sense here, and why, is in `sendonce-windows-left-out'.

;;; Code:

(require 'cl-lib)

(when (getenv "TESTS_HOME")
  (setenv "HOME" (getenv "TESTS_HOME"))
  (setq temporary-file-directory
        (file-name-as-directory (getenv "TESTS_TMP"))
        small-temporary-file-directory nil
        user-emacs-directory
        (expand-file-name ".emacs.d/" (getenv "TESTS_HOME"))
        load-prefer-newer t))

(defvar sendonce-test-port)
(defvar sendonce-test--peer)
(declare-function sendonce-test-file "sendonce-test-helper" (name))

;;;; The peer

(defun sendonce-windows-unix-name (text)
  "Return TEXT, which may be a file name, as programs of Unix know it."
  (replace-regexp-in-string "\\`[zZ]:/" "/" text))

(defun sendonce-windows--start-peer (options)
  "Start a peer with OPTIONS, strings, in the host; return when it listens."
  (let* ((output "")
         (process
          (make-network-process
           :name "peer" :host "127.0.0.1" :family 'ipv4 :noquery t
           :service (string-to-number (getenv "PEER_HOST_PORT"))
           :coding 'utf-8-unix :sentinel #'ignore
           :filter (lambda (_ text) (setq output (concat output text))))))
    (process-send-string
     process
     (mapconcat (lambda (option)
                  (concat (sendonce-windows-unix-name option) "\n"))
                `("--dir" ,(sendonce-test-file "peer")
                  "--scenario" ,(sendonce-test-file "scenario")
                  ,@(and sendonce-test-port
                         (list "--port"
                               (number-to-string sendonce-test-port)))
                  ,@options
                  "")
                ""))
    (with-timeout (30)
      (while (not (string-match "listening on .*:\\([0-9]+\\)\n" output))
        (accept-process-output process 1)))
    (unless (string-match "listening on .*:\\([0-9]+\\)\n" output)
      (error "The peer does not listen: %s" output))
    (setq sendonce-test--peer process
          sendonce-test-port (string-to-number (match-string 1 output)))))

(defun sendonce-windows--stop-peer ()
  "Stop the peer; its port is free then."
  (when sendonce-test--peer
    (when (process-live-p sendonce-test--peer)
      (process-send-eof sendonce-test--peer)
      (with-timeout (10)
        (while (process-live-p sendonce-test--peer)
          (accept-process-output sendonce-test--peer 1))))
    (delete-process sendonce-test--peer)
    (setq sendonce-test--peer nil)))

(with-eval-after-load 'sendonce-test-helper
  (advice-add 'sendonce-test--start-peer :override
              #'sendonce-windows--start-peer)
  (advice-add 'sendonce-test-stop-peer :override
              #'sendonce-windows--stop-peer))

;;;; What this Emacs was built without

;; Emacs as it is given away for Windows has GnuTLS.  Of that NSM needs,
;; for a line of ours, no more than words for the user.
(unless (fboundp 'gnutls-peer-status-warning-describe)
  (defalias 'gnutls-peer-status-warning-describe #'symbol-name)
  (defalias 'gnutls-format-certificate #'identity))

;;;; What is left out

(defconst sendonce-windows-left-out
  '(("sendonce-engine-\\(build-command\\|builds-and-installs\\)\\'"
     . "it is built in the shell of MSYS2")
    ("sendonce-diagnosis-blocked-port-names-one-that-answers\\'"
     . "its server runs on Unix")
    ("sendonce-doctor-open-passwords\\'" . "modes of files say nothing"))
  "Alist of (REGEXP . WHY) for tests that make no sense here.")

(defconst sendonce-windows-slice 20
  "Tests that one Emacs runs.")

(defun sendonce-windows--why-not (test)
  "Return why TEST, a symbol, is left out; nil if it is not."
  (cdr (seq-find (lambda (row)
                   (string-match-p (car row) (symbol-name test)))
                 sendonce-windows-left-out)))

(defun sendonce-windows-run ()
  "Run a slice of the tests that are loaded and not left out; exit.
Which one is said by TESTS_SLICE, a number from 0.  Each start of the
engine costs Emacs a descriptor, of which it has 64 (channel.cc)."
  (let* ((tests (sort (mapcar #'ert-test-name (ert-select-tests t t))
                      #'string<))
         (chosen (seq-remove #'sendonce-windows--why-not tests))
         (from (* sendonce-windows-slice
                  (string-to-number (or (getenv "TESTS_SLICE") "0"))))
         (slice (seq-take (seq-drop chosen from) sendonce-windows-slice)))
    (message "Tests: %d" (length chosen))
    (dolist (test tests)
      (let ((why (sendonce-windows--why-not test)))
        (when (and why (= from 0))
          (message "Left out: %s (%s)" test why))))
    (if slice
        (ert-run-tests-batch-and-exit `(member ,@slice))
      (kill-emacs 0))))

(provide 'sendonce-windows)

;;; sendonce-windows.el ends here
