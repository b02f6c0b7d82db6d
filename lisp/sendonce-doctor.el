;;; sendonce-doctor.el --- Is the set-up sound?  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the checks: from Emacs and the module over who sends, each account
;; (sendonce-doctor-account.el) and the outbox to the clock.  Each check
;; tells findings as it makes them, through `sendonce-doctor-tell': to the
;; buffer (sendonce-doctor-view.el), to a list, or to standard output.
;;
;; No check changes anything.  What a finding's fix changes, it changes
;; when the user pushes the button.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-import)
(require 'sendonce-remedy)
(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(declare-function sendonce--mod-integrity "ext:sendonce-module" (engine))
(declare-function sendonce--mod-entries "ext:sendonce-module" (engine id))
(declare-function sendonce-doctor-account-check-all "sendonce-doctor-account"
                  ())
(declare-function sendonce-notify-ago "sendonce-notify" (time))

(defvar message-send-mail-function)
(defvar message-server-alist)
(defvar smtpmail-queue-dir)
(defvar smtpmail-queue-index-file)

;;;; Findings

(cl-defstruct (sendonce-finding (:copier nil))
  "What a check has found.
STATE is `ok', `note' or `problem'; WHAT names what was looked at; TEXT
says what was found; REMEDY, a string or nil, what mends it; FIX, a
function without arguments or nil, does so; LABEL is its button's."
  state what text remedy fix label transcript)

(defvar sendonce-doctor-tell #'ignore
  "Function that is called with each finding as it is made.")

(defun sendonce-doctor-ok (what format &rest args)
  "Tell that WHAT is well: FORMAT with ARGS."
  (funcall sendonce-doctor-tell
           (make-sendonce-finding :state 'ok :what what
                                  :text (apply #'format format args))))

(cl-defun sendonce-doctor-trouble (what text &key remedy fix label note
                                        transcript)
  "Tell that WHAT has a problem, or a NOTE: TEXT.
REMEDY, FIX, LABEL and TRANSCRIPT are as in `sendonce-finding'."
  (funcall sendonce-doctor-tell
           (make-sendonce-finding :state (if note 'note 'problem) :what what
                                  :text text :remedy remedy :fix fix
                                  :label label :transcript transcript)))

;;;; Emacs and the module

(defun sendonce-doctor--emacs ()
  "Check Emacs itself."
  (if (version< emacs-version "28.1")
      (sendonce-doctor-trouble "Emacs" (concat "version " emacs-version)
                               :remedy "install Emacs 28.1 or later")
    (sendonce-doctor-ok "Emacs" "version %s" emacs-version))
  (unless (and (fboundp 'module-load) module-file-suffix)
    (sendonce-doctor-trouble "Emacs" "it cannot load modules"
                             :remedy "install one built --with-modules")))

(defun sendonce-doctor--build ()
  "Build the module, and load it if there was none."
  (sendonce-build-module))

(defun sendonce-doctor--module ()
  "Check the module; return non-nil if it can be used."
  (condition-case err
      (progn
        (unless (or (fboundp 'sendonce--mod-version) (sendonce-engine-file))
          (signal 'sendonce-module-error '("it is not built")))
        (sendonce-engine-ensure)
        (sendonce-doctor-ok "module" "version %s, %s" sendonce-version
                            (or (sendonce-engine-file) "loaded"))
        t)
    (error
     (sendonce-doctor-trouble "module" (sendonce-doctor--text err)
                              :remedy "build it; if one is loaded already, \
restart Emacs"
                              :fix #'sendonce-doctor--build
                              :label "build the module")
     nil)))

(defun sendonce-doctor--text (err)
  "Return what ERR says, without the name of its condition."
  (if (stringp (cadr err)) (cadr err) (error-message-string err)))

;;;; The outbox

(defun sendonce-doctor--other-directory ()
  "Ask for another directory for the outbox."
  (let ((directory (read-directory-name "Directory for the outbox: "
                                        user-emacs-directory)))
    (sendonce-engine-stop)
    (sendonce-remedy-tell
     (sendonce-remedy-set 'sendonce-directory
                          (file-name-as-directory directory)))))

(defun sendonce-doctor--engine ()
  "Check that the outbox can be opened; return the engine, or nil."
  (condition-case err
      (sendonce-engine)
    (error
     (sendonce-doctor-trouble "outbox" (sendonce-doctor--text err)
                              :remedy "choose another `sendonce-directory'"
                              :fix #'sendonce-doctor--other-directory
                              :label "choose another directory")
     nil)))

(defun sendonce-doctor--outbox-file (engine)
  "Check the file of ENGINE's outbox."
  (let ((what (sendonce--mod-integrity engine))
        ;; On Windows modes say nothing; there the module sees to it.
        (modes (and (not (eq system-type 'windows-nt))
                    (file-modes sendonce-directory))))
    (if (string-empty-p what)
        (sendonce-doctor-ok "outbox" "%s is sound" sendonce-directory)
      (sendonce-doctor-trouble "outbox" (concat "the file is damaged: " what)
                               :remedy "leave Emacs and start it again: the \
damaged file is set aside, what can be read is kept"))
    (when (and modes (/= 0 (logand modes #o077)))
      (sendonce-doctor-trouble
       "outbox" "others on this machine can look into its directory"
       :remedy "close it" :label "close it"
       :fix (lambda () (set-file-modes sendonce-directory #o700))))))

(defun sendonce-doctor--set-aside ()
  "Tell of outboxes that were found damaged and set aside."
  (dolist (file (directory-files sendonce-directory t
                                 "\\`outbox\\.sqlite\\.damaged-[-0-9T]+\\'"))
    (sendonce-doctor-trouble
     "outbox" (format "a damaged outbox was set aside as %s"
                      (file-name-nondirectory file))
     :note t :label "delete it" :fix (lambda () (delete-file file))
     :remedy "what could be read of it was kept; delete it when you have \
looked")))

(defun sendonce-doctor--entries (engine)
  "Tell what waits in the outbox of ENGINE."
  (let ((entries (sendonce--mod-entries engine nil)))
    (pcase-dolist (`(,state ,remedy)
                   '((failed "M-x sendonce-outbox: e makes a draft of it")
                     (in-doubt "M-x sendonce-resolve settles it")
                     (deferred "M-x sendonce-flush tries it now")))
      (let ((some (seq-filter (lambda (e) (eq (plist-get e :state) state))
                              entries)))
        (when some
          (sendonce-doctor-trouble
           "outbox" (format "%d %s, the oldest of %s" (length some) state
                            (sendonce-notify-ago
                             (apply #'min (mapcar (lambda (e)
                                                    (plist-get e :created))
                                                  some))))
           :note t :remedy remedy :label "show the outbox"
           :fix #'sendonce-outbox))))))

(defconst sendonce-doctor--least-space (* 50 1024 1024)
  "Bytes that should be free where the outbox is.")

(defun sendonce-doctor--space ()
  "Check that there is room for the outbox."
  (let ((free (nth 2 (file-system-info sendonce-directory))))
    (when (and free (< free sendonce-doctor--least-space))
      (sendonce-doctor-trouble
       "outbox" (format "only %s are free on its disk"
                        (file-size-human-readable free))
       :note t :remedy "make room"))))

(defun sendonce-doctor--outbox (engine)
  "Check the outbox of ENGINE."
  (sendonce-doctor--outbox-file engine)
  (sendonce-doctor--set-aside)
  (sendonce-doctor--entries engine)
  (sendonce-doctor--space))

;;;; Who sends

(defconst sendonce-doctor--senders
  '((send-mail-function sendonce-send-it)
    (message-send-mail-function
     sendonce-send-it message-send-mail-with-sendonce
     message--default-send-mail-function message-use-send-mail-function))
  "List of (VARIABLE FUNCTION...): what leads to sendonce.")

(defun sendonce-doctor--use-us ()
  "Have all mail sent by sendonce."
  (sendonce-mode -1)
  (sendonce-mode 1)
  (sendonce-remedy-tell "(sendonce-mode 1)"))

(defun sendonce-doctor--sender (variable functions)
  "Check that VARIABLE, if bound, is one of FUNCTIONS."
  (let ((value (and (boundp variable) (symbol-value variable))))
    (cond ((not (boundp variable)))
          ((memq value functions)
           (sendonce-doctor-ok "who sends" "`%s' is `%s'" variable value))
          (t (sendonce-doctor-trouble
              "who sends" (format "`%s' is `%s': that bypasses sendonce"
                                  variable value)
              :remedy "switch on `sendonce-mode'"
              :fix #'sendonce-doctor--use-us
              :label "switch on sendonce-mode")))))

(defun sendonce-doctor--bypass-p (rule)
  "Return non-nil if RULE of `message-server-alist' bypasses sendonce.
\"smtp HOST PORT USER\" is honoured, once `sendonce-mode' is on."
  (and (stringp (cdr-safe rule))
       (not (string-match-p
             (if (advice-member-p #'sendonce--multi-smtp
                                  'message-multi-smtp-send-mail)
                 "\\`\\(?:smtp\\|sendonce\\)\\>"
               "\\`sendonce\\>")
             (cdr rule)))))

(defun sendonce-doctor--server-alist ()
  "Check `message-server-alist', which may choose another sender."
  (let ((rules (seq-filter #'sendonce-doctor--bypass-p
                           (bound-and-true-p message-server-alist))))
    (when rules
      (sendonce-doctor-trouble
       "who sends" (format "%d rules of `message-server-alist' bypass \
sendonce" (length rules))
       :remedy "switch on `sendonce-mode', under which those with \"smtp\" \
are honoured, and remove the others"
       :label "do so"
       :fix (lambda ()
              (sendonce-doctor--use-us)
              (when (seq-some #'sendonce-doctor--bypass-p message-server-alist)
                (sendonce-remedy-tell
                 (sendonce-remedy-set
                  'message-server-alist
                  (seq-remove #'sendonce-doctor--bypass-p
                              message-server-alist)))))))))

(defun sendonce-doctor--queue ()
  "Tell of mail that smtpmail has queued and not sent."
  (let ((files (sendonce-import-queue)))
    (when files
      (sendonce-doctor-trouble
       "who sends" (format "smtpmail's queue in %s holds %d messages that \
were never sent, the oldest of %s"
                           (abbreviate-file-name (sendonce-import--directory))
                           (length files)
                           (sendonce-import--oldest files))
       :remedy "M-x sendonce-import-smtpmail brings them into the outbox, \
each once"
       :label "bring them in"
       :fix #'sendonce-import-smtpmail))))

(defun sendonce-doctor--who-sends ()
  "Check that mail goes through sendonce."
  (pcase-dolist (`(,variable . ,functions) sendonce-doctor--senders)
    (sendonce-doctor--sender variable functions))
  (sendonce-doctor--server-alist)
  (sendonce-doctor--queue))

;;;; The clock

(defconst sendonce-doctor--year 2026
  "Year of this version: no clock that is right is before it.")

(defun sendonce-doctor--clock ()
  "Check that the clock is not far off."
  (let ((year (string-to-number (format-time-string "%Y"))))
    (if (<= sendonce-doctor--year year (+ sendonce-doctor--year 30))
        (sendonce-doctor-ok "clock" "%s" (format-time-string "%F %R %Z"))
      (sendonce-doctor-trouble
       "clock" (format "it says %d" year)
       :remedy "set it: certificates cannot be checked with a wrong one"))))

;;;; All of it

(defun sendonce-doctor-examine ()
  "Make all checks, telling what is found; return nothing of use.
Questions are put to the user unless this is batch mode."
  (require 'sendonce-doctor-account)
  (require 'sendonce-notify)
  (sendonce-doctor--emacs)
  (sendonce-doctor--clock)
  (sendonce-doctor--who-sends)
  (when (sendonce-doctor--module)
    (let ((engine (sendonce-doctor--engine)))
      (when engine
        (sendonce-doctor--outbox engine)
        (sendonce-doctor-account-check-all)))))

(defun sendonce-doctor-findings ()
  "Make all checks; return the findings, in order."
  (let* (findings
         (sendonce-doctor-tell (lambda (finding) (push finding findings))))
    (sendonce-doctor-examine)
    (nreverse findings)))

(defun sendonce-doctor-line (finding)
  "Return FINDING as a line of text."
  (format "%-8s %s: %s%s"
          (sendonce-finding-state finding)
          (sendonce-finding-what finding)
          (sendonce-finding-text finding)
          (if (sendonce-finding-remedy finding)
              (format "\n         %s" (sendonce-finding-remedy finding))
            "")))

(defun sendonce-doctor-summary (findings)
  "Return one line about FINDINGS."
  (let ((problems (seq-count (lambda (f)
                               (eq (sendonce-finding-state f) 'problem))
                             findings))
        (notes (seq-count (lambda (f) (eq (sendonce-finding-state f) 'note))
                          findings)))
    (concat (pcase problems
              (0 "All well")
              (1 "1 problem")
              (n (format "%d problems" n)))
            (pcase notes
              (0 "")
              (1 ", 1 note")
              (n (format ", %d notes" n))))))

;;;###autoload
(defun sendonce-doctor-batch ()
  "Check the set-up in batch mode: print a line each, and exit.
The status is 0 if all is well, 1 if there is a problem, 2 if the checks
could not be made.  Nothing is asked and nothing is changed."
  (let ((status 2))
    (unwind-protect
        (let* (findings
               (sendonce-doctor-tell
                (lambda (finding)
                  (push finding findings)
                  (princ (concat (sendonce-doctor-line finding) "\n")))))
          (sendonce-doctor-examine)
          (princ (concat (sendonce-doctor-summary findings) "\n"))
          (setq status (if (seq-some (lambda (f) (eq (sendonce-finding-state f)
                                                     'problem))
                                     findings)
                           1 0)))
      (kill-emacs status))))

(provide 'sendonce-doctor)

;;; sendonce-doctor.el ends here
