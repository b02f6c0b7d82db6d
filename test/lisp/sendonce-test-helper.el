;;; sendonce-test-helper.el --- What the tests share  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Drafts as a user writes them, a place of one's own for each test, and
;; the peer: a scriptable SMTP server (test/peer) that writes down what it
;; accepted.  SENDONCE_PEER is its program, SENDONCE_MODULE_DIR the
;; directory of the module; tests that need them are skipped without.

;;; Code:

(require 'ert)
(require 'cl-lib)
(require 'message)
(require 'smtpmail)
(require 'auth-source)
(require 'gnutls)
(require 'sendmail)
(require 'sendonce)
(require 'sendonce-submit)
(require 'sendonce-outbox)
(require 'sendonce-transcript)

(let ((directory (getenv "SENDONCE_MODULE_DIR")))
  (when directory
    (add-to-list 'load-path directory t)))

;;;; Drafts

(defmacro sendonce-test-with-draft (text &rest body)
  "Evaluate BODY in a message-mode draft of TEXT, then kill it.
TEXT has a blank line between header and body."
  (declare (indent 1) (debug t))
  `(with-current-buffer (generate-new-buffer "draft")
     (unwind-protect
         (progn
           (sendonce-test--insert-draft ,text)
           ,@body)
       (delete-auto-save-file-if-necessary t)
       (set-buffer-modified-p nil)
       (kill-buffer))))

(defun sendonce-test--insert-draft (text)
  "Make the current buffer a message-mode draft of TEXT."
  (insert text)
  (goto-char (point-min))
  (search-forward "\n\n" nil 'move)
  (forward-char -1)
  (insert mail-header-separator)
  (let ((message-auto-save-directory temporary-file-directory)
        (message-setup-hook nil))
    (message-mode)
    (setq-local message-bogus-addresses nil)))

(defconst sendonce-test-draft "From: Me <me@here.example>
To: You <you@there.example>
Subject: Hello

Hello there.
"
  "A simple draft.")

(defun sendonce-test-letter ()
  "Send the draft in this buffer as far as a letter; return that."
  (let* (letter
         (send-mail-function (lambda () (setq letter (sendonce-compose))))
         (message-interactive t)
         (message-sent-message-via nil))
    (message-send)
    letter))

;;;; The place of a test

(defvar sendonce-test-directory nil
  "Directory of the test that runs.")

(defmacro sendonce-test-in-place (&rest body)
  "Evaluate BODY with a directory, an outbox and settings of its own."
  (declare (indent 0) (debug t))
  `(let* ((sendonce-test-directory
           (file-name-as-directory (make-temp-file "sendonce-test" t)))
          (user-emacs-directory
           (expand-file-name "emacs/" sendonce-test-directory))
          (sendonce-directory
           (expand-file-name "outbox/" sendonce-test-directory))
          (process-environment
           (cons (concat "HOME=" sendonce-test-directory)
                 process-environment))
          (auth-sources
           (list (expand-file-name "authinfo" sendonce-test-directory)))
          (auth-source-do-cache nil)
          (message-auto-save-directory sendonce-test-directory)
          (message-send-mail-function #'message--default-send-mail-function)
          (send-mail-function #'sendonce-send-it)
          (user-mail-address "me@here.example")
          (sendonce-accounts nil)
          (sendonce-wait 30))
     (unwind-protect
         (progn ,@body)
       (sendonce-engine-stop 1)
       (setq sendonce-dispatch--progress nil
             sendonce-dispatch--questions nil
             sendonce-dispatch--declined nil
             sendonce-dispatch--told nil
             sendonce-dispatch--settings nil)
       (sendonce-test--delete-place))))

(defun sendonce-test--delete-place ()
  "Remove the directory of this test.
On Windows a file stays that is still open, as that of a spool is until
it is garbage; the script that started Emacs removes all."
  (condition-case err
      (delete-directory sendonce-test-directory t)
    (file-error
     (unless (eq system-type 'windows-nt)
       (signal (car err) (cdr err))))))

(defun sendonce-test-modes-p (modes file)
  "Return non-nil if FILE has MODES, or this system has none to speak of."
  (or (eq system-type 'windows-nt)
      (= modes (file-modes file))))

(defun sendonce-test-file (name)
  "Return the file NAME in the directory of this test."
  (expand-file-name name sendonce-test-directory))

(defun sendonce-test-write (name text)
  "Write TEXT into the file NAME of this test; return its full name."
  (let ((file (sendonce-test-file name))
        (coding-system-for-write 'utf-8-unix))
    (write-region text nil (concat file ".new") nil 'quiet)
    (rename-file (concat file ".new") file t)
    file))

(defun sendonce-test-read (file)
  "Return the bytes of FILE."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert-file-contents-literally file)
    (buffer-string)))

;;;; The peer

(defvar sendonce-test-port nil
  "Port that the peer listens at.")

(defvar sendonce-test--peer nil
  "Process of the peer.")

(defun sendonce-test--start-peer (options)
  "Start a peer with OPTIONS, strings; return when it listens."
  (let* ((output "")
         (directory (sendonce-test-file "peer"))
         (process
          (make-process
           :name "peer" :connection-type 'pipe :noquery t
           :command `(,(getenv "SENDONCE_PEER") "--dir" ,directory
                      "--scenario" ,(sendonce-test-file "scenario")
                      "--until-eof"
                      ,@(and sendonce-test-port
                             (list "--port"
                                   (number-to-string sendonce-test-port)))
                      ,@options)
           :sentinel #'ignore
           :filter (lambda (_ text) (setq output (concat output text))))))
    (while (and (not (string-match "listening on .*:\\([0-9]+\\)\n" output))
                (process-live-p process))
      (accept-process-output process 5))
    (unless (string-match "listening on .*:\\([0-9]+\\)\n" output)
      (error "The peer does not listen: %s" output))
    (setq sendonce-test--peer process
          sendonce-test-port (string-to-number (match-string 1 output)))))

(defun sendonce-test-stop-peer ()
  "Stop the peer; its port is free then."
  (when sendonce-test--peer
    (signal-process sendonce-test--peer 'SIGKILL)
    (while (process-live-p sendonce-test--peer)
      (accept-process-output sendonce-test--peer 1))
    (delete-process sendonce-test--peer)
    (setq sendonce-test--peer nil)))

(defun sendonce-test-account (&rest more)
  "Have mail sent to the peer, with MORE in the account.
Each message takes a connection of its own, at which the peer reads its
scenario, unless MORE says otherwise."
  (setq sendonce-accounts
        (list (append more
                      (list :name "peer" :host "127.0.0.1"
                            :port sendonce-test-port :tls 'implicit
                            :keep-alive 0
                            :trust-files
                            (list (sendonce-test-file "peer/ca.pem")))))))

(defmacro sendonce-test-with-peer (options &rest body)
  "Evaluate BODY in a place of its own with a peer that has OPTIONS.
OPTIONS may begin with :scenario TEXT; the rest are strings.  The
account is set to implicit TLS."
  (declare (indent 1) (debug t))
  `(progn
     (skip-unless (getenv "SENDONCE_PEER"))
     (skip-unless (or (fboundp 'sendonce--mod-version)
                      (sendonce-engine-file)))
     (sendonce-test-in-place
       (let ((sendonce-test-port nil)
             (sendonce-test--peer nil)
             (options (list ,@options)))
         (sendonce-test-scenario
          (if (eq (car options) :scenario)
              (progn (pop options) (pop options))
            ""))
         (unwind-protect
             (progn
               (sendonce-test--start-peer options)
               (sendonce-test-account)
               ,@body)
           (sendonce-test-stop-peer))))))

(defun sendonce-test-scenario (text)
  "Have the peer follow the scenario TEXT from the next connection on."
  (sendonce-test-write "scenario" text))

(defun sendonce-test--ledger (extension)
  "Return the contents of the peer's files with EXTENSION, oldest first."
  (let ((directory (sendonce-test-file "peer/messages")))
    (and (file-directory-p directory)
         (mapcar #'sendonce-test-read
                 (directory-files directory t (concat "\\." extension "\\'"))))))

(defun sendonce-test-accepted ()
  "Return the messages that the peer has accepted, oldest first."
  (sendonce-test--ledger "eml"))

(defun sendonce-test-envelopes ()
  "Return the envelopes of what the peer has accepted, oldest first.
Each is its lines \"from <...>\" and \"to <...>\"."
  (mapcar (lambda (text)
            (string-match "\\`from .*\n\\(?:to .*\n\\)*" text)
            (match-string 0 text))
          (sendonce-test--ledger "env")))

;;;; Sending

(defun sendonce-test-send (&optional text)
  "Send a draft of TEXT through message-mode; return the error, or nil."
  (sendonce-test-with-draft (or text sendonce-test-draft)
    (sendonce-test-send-again)))

(defun sendonce-test-send-again ()
  "Send the draft in this buffer; return the error, or nil."
  (let ((message-interactive t))
    (setq message-sent-message-via nil)
    (condition-case err
        (progn (message-send) nil)
      (sendonce-error err))))

(defmacro sendonce-test-interactively (&rest body)
  "Evaluate BODY as if a user sat there."
  (declare (indent 0) (debug t))
  `(let ((noninteractive nil)) ,@body))

(defmacro sendonce-test-answering (answers &rest body)
  "Evaluate BODY as if a user sat there who gives ANSWERS.
ANSWERS are the keys to be chosen in `read-multiple-choice', t or nil
for `y-or-n-p', strings for passwords and the like, in order, and
`quit'.  It is an error to ask more, or less."
  (declare (indent 1) (debug t))
  `(let* ((sendonce-test--answers ,answers)
          (next (lambda (&rest _)
                  (unless sendonce-test--answers
                    (error "Asked too much"))
                  (let ((answer (pop sendonce-test--answers)))
                    (if (eq answer 'quit) (signal 'quit nil) answer)))))
     (cl-letf (((symbol-function 'read-multiple-choice)
                (lambda (_ choices &rest _)
                  (or (assq (funcall next) choices)
                      (error "No such choice: %S" choices))))
               ((symbol-function 'y-or-n-p) next)
               ((symbol-function 'yes-or-no-p) next)
               ((symbol-function 'read-passwd) next)
               ((symbol-function 'read-string) next))
       (prog1 (sendonce-test-interactively ,@body)
         (should-not sendonce-test--answers)))))

(defvar sendonce-test--answers nil
  "Answers still to be given.")

(defun sendonce-test-smtpmail-queue (&rest subjects)
  "Have smtpmail itself queue a message about each of SUBJECTS."
  (let ((smtpmail-queue-mail t)
        (send-mail-function #'smtpmail-send-it)
        (message-send-mail-function #'message--default-send-mail-function))
    (dolist (subject subjects)
      (sendonce-test-with-draft
          (format "From: Me <me@here.example>
To: You <%s@there.example>
Bcc: hidden@elsewhere.example
Subject: %s

Hello\n" (downcase subject) subject)
        (setq message-sent-message-via nil)
        (message-send)))))

(defun sendonce-test-states ()
  "Return the states of the entries, newest first."
  (mapcar (lambda (entry) (plist-get entry :state)) (sendonce-entries)))

(provide 'sendonce-test-helper)

;;; sendonce-test-helper.el ends here
