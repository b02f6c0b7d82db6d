;;; sendonce-spool-tests.el --- Large messages, piece by piece  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What is too large for one piece arrives byte for byte, whatever its
;; buffer; is known again with other MIME boundaries; lets timers run on
;; its way to the outbox; and a quit or an error there leaves nothing
;; behind.

;;; Code:

(require 'sendonce-test-helper)
(require 'sendonce-spool)

(declare-function sendonce--mod-spool "ext:sendonce-module" (engine boundary))
(declare-function sendonce--mod-spool-file "ext:sendonce-module" (spool))
(declare-function sendonce--mod-spool-take "ext:sendonce-module"
                  (spool hashed))
(declare-function sendonce--mod-spool-hash "ext:sendonce-module" (spool))
(declare-function sendonce--mod-stable-hash "ext:sendonce-module"
                  (bytes boundary))

(defconst sendonce-spool-tests--header "From: Me <me@here.example>
To: You <you@there.example>
Message-ID: <large@here.example>
Date: Mon, 23 Nov 2026 12:00:00 +0000
Subject: Large
"
  "A header to which nothing is added.")

(defconst sendonce-spool-tests--lines
  (let (lines)
    (dotimes (i 9000)
      (push (format "%06d %s\n" i (make-string (% (* i 7) 70) ?x)) lines))
    (apply #'concat (nreverse lines)))
  "A body of more than one piece, lines of many lengths.")

(defun sendonce-spool-tests--add (spool bytes)
  "Add BYTES to SPOOL."
  (let ((coding-system-for-write 'no-conversion))
    (write-region bytes nil (sendonce--mod-spool-file spool) t 'quiet))
  (sendonce--mod-spool-take spool t))

(defun sendonce-spool-tests--files ()
  "Return what is left of spools in the directory of the outbox."
  (directory-files sendonce-directory nil "\\`spool-"))

(defmacro sendonce-spool-tests--with-message (body &rest forms)
  "Evaluate FORMS in a unibyte buffer with a message of BODY, bytes."
  (declare (indent 1) (debug t))
  `(with-temp-buffer
     (set-buffer-multibyte nil)
     (insert sendonce-spool-tests--header "\n" ,body)
     (let ((mail-header-separator ""))
       ,@forms)))

(defun sendonce-spool-tests--arrived ()
  "Return what the peer accepted, line ends LF, without Received."
  (mapcar (lambda (text) (string-replace "\r\n" "\n" text))
          (sendonce-test-accepted)))

(defun sendonce-spool-tests--size (message)
  "Return what MAIL has to say of MESSAGE, which has 8-bit content."
  (format "SIZE=%d BODY=8BITMIME"
          (length (string-replace "\n" "\r\n" message))))

(defun sendonce-spool-tests--announced ()
  "Return what the peer was told of each message."
  (let ((log (sendonce-test-read (sendonce-test-file "peer/log")))
        (start 0) said)
    (while (string-match " C: MAIL FROM:<[^>]*> \\(.*\\)$" log start)
      (push (match-string 1 log) said)
      (setq start (match-end 0)))
    (nreverse said)))

(defun sendonce-spool-tests--multipart (boundary inner)
  "Return a header and a large body with parts by BOUNDARY and INNER."
  (list (format "MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=\"%s\"\n" boundary)
        (format "--%s
Content-Type: multipart/alternative; boundary=%s

--%s

%s
--%s--
--%s

--%s is no boundary here
--%s--
" boundary inner inner sendonce-spool-tests--lines inner
boundary "looks-like-it" boundary)))

(ert-deftest sendonce-spool-arrives-byte-for-byte ()
  (dolist (options '(("--no-sync") ("--no-sync" "--no-chunking")))
    (sendonce-test-with-peer ((car options) (or (nth 1 options) "--no-sync"))
      (let ((body (concat "\n.dot\n" sendonce-spool-tests--lines
                          (string-to-unibyte "\xe4\xff 8-bit\n")
                          (make-string 300000 ?y) "\n..\n.\nno newline")))
        (sendonce-spool-tests--with-message body
          (should (sendonce-letter-large-p (sendonce-compose)))
          (sendonce-send-it))
        (should (equal (list (concat sendonce-spool-tests--header "\n"
                                     body "\n"))
                       (sendonce-spool-tests--arrived)))
        (should (equal (list (sendonce-spool-tests--size
                              (concat sendonce-spool-tests--header "\n"
                                      body "\n")))
                       (sendonce-spool-tests--announced)))))))

(ert-deftest sendonce-spool-of-a-multibyte-buffer ()
  "Wanderlust's buffers have raw bytes among characters."
  (sendonce-test-with-peer ()
    (with-temp-buffer
      (insert sendonce-spool-tests--header "\n" sendonce-spool-tests--lines
              (string-to-multibyte (unibyte-string #xe4 #xff ?\n)))
      (let ((mail-header-separator "")
            (letter (let ((mail-header-separator ""))
                      (sendonce-compose :encoded t))))
        (should (sendonce-letter-large-p letter))
        (sendonce-submit-letter letter)))
    (should (equal (list (concat sendonce-spool-tests--header "\n"
                                 sendonce-spool-tests--lines
                                 (unibyte-string #xe4 #xff ?\n)))
                   (sendonce-spool-tests--arrived)))))

(ert-deftest sendonce-spool-is-known-again ()
  "With other boundaries it is the same message; with other text not."
  (sendonce-test-with-peer ()
    (let ((send (lambda (boundary inner &optional more)
                  (pcase-let ((`(,header ,body)
                               (sendonce-spool-tests--multipart boundary
                                                                inner)))
                    (with-temp-buffer
                      (set-buffer-multibyte nil)
                      (insert sendonce-spool-tests--header header "\n"
                              body (or more ""))
                      (let ((mail-header-separator ""))
                        (sendonce-send-it)))))))
      (funcall send "=-=-one" "==-==")
      (should-error (funcall send "=-=-other" "inner2")
                    :type 'sendonce-error)
      (should (= 1 (length (sendonce-test-accepted))))
      (funcall send "=-=-one" "==-==" "more\n")
      (should (= 2 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-spool-hash-does-not-depend-on-pieces ()
  "Cut anywhere, in a boundary or in a part's header, it is the same."
  (sendonce-test-with-peer ()
    (sendonce-engine)
    (let* ((text (concat "--b\nContent-Type: multipart/x;\n boundary=\"in n\"\n"
                         "\n--in n\nX: y\n\ntext\n--in n--\n--b--\nend"))
           (whole (sendonce--mod-stable-hash text "b"))
           (renamed (sendonce--mod-stable-hash
                     (string-replace "in n" "else" (string-replace
                                                    "--b" "--c" text))
                     "c")))
      (should (equal whole renamed))
      (should-not (equal whole (sendonce--mod-stable-hash
                                (concat text "!") "b")))
      (dotimes (at (length text))
        (let ((spool (sendonce--mod-spool (sendonce-engine) "b")))
          (sendonce-spool-tests--add spool (substring text 0 at))
          (sendonce-spool-tests--add spool (substring text at))
          (should (equal whole (sendonce--mod-spool-hash spool))))))))

(ert-deftest sendonce-spool-timers-run ()
  (sendonce-test-with-peer ("--no-sync")
    (let* ((runs 0)
           (timer (run-at-time 0 0.001 (lambda () (cl-incf runs))))
           (pieces (/ (* 64 (length sendonce-spool-tests--lines))
                      sendonce-spool--piece)))
      (unwind-protect
          (sendonce-spool-tests--with-message
              (apply #'concat (make-list 64 sendonce-spool-tests--lines))
            (sendonce-identity-spool (sendonce-compose)))
        (cancel-timer timer))
      (should (>= runs (/ pieces 2))))))

(ert-deftest sendonce-spool-quit-leaves-nothing ()
  (sendonce-test-with-peer ()
    (sendonce-spool-tests--with-message sendonce-spool-tests--lines
      (cl-letf (((symbol-function 'sendonce-spool--breathe)
                 (lambda () (signal 'quit nil))))
        (should (eq 'quit (condition-case nil (sendonce-send-it)
                            (quit 'quit))))))
    (should-not (sendonce-entries))
    (should-not (sendonce-test-accepted))))

(ert-deftest sendonce-spool-quit-while-it-is-stored ()
  "It is durable then: it goes on in the background, and nothing signals."
  (sendonce-test-with-peer ()
    (dolist (sendonce-wait '(30 nil))
      (sendonce-spool-tests--with-message
          (format "%S\n%s" sendonce-wait sendonce-spool-tests--lines)
        (goto-char (point-min))
        (re-search-forward "large@")
        (replace-match (format "large%S@" sendonce-wait))
        (let ((store (symbol-function 'sendonce-spool-store)))
          (cl-letf (((symbol-function 'sendonce-spool-store)
                     (lambda (&rest args)
                       (prog1 (apply store args)
                         (setq quit-flag t)))))
            (sendonce-test-interactively
              (should (eq 'returned
                          (condition-case nil
                              (progn (sendonce-send-it) 'returned)
                            (quit 'quit)))))))))
    (sendonce-wait-idle 30)
    (should (equal '(sent sent) (sendonce-test-states)))))

(ert-deftest sendonce-spool-changed-meanwhile ()
  "What a timer does to the buffer is not sent half seen."
  (dolist (change (list (lambda () (goto-char (point-max)) (insert "more\n"))
                        (lambda () (upcase-region 500 600))
                        #'kill-buffer))
    (sendonce-test-with-peer ()
      (sendonce-spool-tests--with-message
          (concat sendonce-spool-tests--lines sendonce-spool-tests--lines)
        (let ((sendonce-spool--piece 100000)
              (buffer (current-buffer)))
          (run-at-time 0 nil (lambda ()
                               (when (buffer-live-p buffer)
                                 (with-current-buffer buffer
                                   (funcall change)))))
          (let ((err (should-error (sendonce-send-it)
                                   :type 'sendonce-config-error)))
            (should (string-search "was changed" (cadr err))))))
      (should-not (sendonce-entries))
      (should-not (sendonce-test-accepted)))))

(ert-deftest sendonce-spool-nul-is-refused ()
  (sendonce-test-with-peer ()
    (sendonce-spool-tests--with-message
        (concat sendonce-spool-tests--lines "a\0b\n")
      (let ((err (should-error (sendonce-send-it)
                               :type 'sendonce-config-error)))
        (should (string-search "NUL" (cadr err)))))
    (should-not (sendonce-entries))))

(ert-deftest sendonce-spool-that-cannot-be-stored ()
  "The error says why, and nothing is in the outbox."
  (sendonce-test-with-peer ()
    (sendonce-spool-tests--with-message sendonce-spool-tests--lines
      (let ((spool (sendonce-identity-spool (sendonce-compose))))
        (should-error
         (sendonce-spool-store
          (vector "a" "host=h\nport=25\n" "me@here.example"
                  '("you@there.example" "you@there.example")
                  "<m@h>" "s" "d" "f")
          spool)
         :type 'sendonce-config-error)
        ;; The engine has taken it.
        (should-error (sendonce--mod-spool-take spool nil)
                      :type 'sendonce-module-error)))
    (should-not (sendonce-entries))))

(ert-deftest sendonce-spool-is-not-waited-for ()
  "With `sendonce-wait' nil it is durable when the send function returns."
  (sendonce-test-with-peer ("--no-sync")
    (let ((sendonce-wait nil))
      (sendonce-test-interactively
        (sendonce-spool-tests--with-message sendonce-spool-tests--lines
          (sendonce-send-it)))
      (should (= 1 (length (sendonce-entries))))
      (should (sendonce-wait-idle 30))
      (should (equal '(sent) (sendonce-test-states)))
      (should (equal (list (concat sendonce-spool-tests--header "\n"
                                   sendonce-spool-tests--lines))
                     (sendonce-spool-tests--arrived)))
      (should-not (sendonce-spool-tests--files)))))

(ert-deftest sendonce-spool-of-a-dead-emacs-is-swept ()
  "That of a living one is not."
  (sendonce-test-with-peer ()
    (let* ((engine (sendonce-engine))
           (spool (sendonce--mod-spool engine nil))
           (file (sendonce--mod-spool-file spool)))
      (should (sendonce-test-modes-p #o600 file))
      (write-region "old" nil (expand-file-name "spool-0123" sendonce-directory)
                    nil 'quiet)
      (let ((sendonce-engine--engine nil)
            (sendonce-engine--pipe nil))
        (sendonce-engine)
        (should (equal (list (file-name-nondirectory file))
                       (sendonce-spool-tests--files)))
        (sendonce-engine-stop 1)))))

(provide 'sendonce-spool-tests)

;;; sendonce-spool-tests.el ends here
