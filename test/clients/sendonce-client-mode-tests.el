;;; sendonce-client-mode-tests.el --- One switch for all clients  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; `sendonce-mode' in Emacsen of their own, in which nothing is loaded
;; yet: what it sets before and after mail clients are loaded, and what
;; is left when it is switched off.

;;; Code:

(require 'sendonce-client)

(defun sendonce-client-mode-in-emacs (&rest forms)
  "Evaluate FORMS in a new Emacs; return the value of the last.
Mail clients can be loaded there, and none is."
  (with-temp-buffer
    (let ((status
           (apply #'call-process
                  (expand-file-name invocation-name invocation-directory)
                  nil '(t nil) nil "-Q" "--batch"
                  (append
                   (mapcan (lambda (directory) (list "-L" directory))
                           (append
                            (list (file-name-directory
                                   (locate-library "sendonce")))
                            (file-expand-wildcards
                             "/usr/share/emacs/site-lisp/apel")
                            (file-expand-wildcards
                             "/usr/share/emacs/site-lisp/flim")
                            (file-expand-wildcards
                             "/usr/share/emacs/site-lisp/semi")
                            (file-expand-wildcards
                             "/usr/share/emacs/site-lisp/wl")))
                   (list "--eval"
                         (format "(prin1 %S)" (cons 'progn forms)))))))
      (unless (eq 0 status)
        (ert-fail (list status (buffer-string))))
      (goto-char (point-min))
      (read (current-buffer)))))

(defconst sendonce-client-mode-values
  '(list send-mail-function
         (bound-and-true-p message-send-mail-function)
         (bound-and-true-p wl-draft-send-mail-function))
  "Form for the send functions of those that are loaded.")

(ert-deftest sendonce-client-mode-takes-over-what-is-loaded-later ()
  (let ((wl (and (locate-library "wl-vars" nil
                                 '("/usr/share/emacs/site-lisp/wl"))
                 t)))
    (should
     (equal
      (list (list 'sendonce-send-it nil nil)
            (list 'sendonce-send-it 'message-send-mail-with-sendonce
                  (and wl 'wl-draft-send-mail-with-sendonce))
            (list 'mine 'message--default-send-mail-function
                  (and wl 'wl-draft-send-mail-with-smtp))
            t)
      (sendonce-client-mode-in-emacs
       '(require 'sendonce)
       '(setq send-mail-function 'mine)
       `(let (values)
          (sendonce-mode 1)
          (push ,sendonce-client-mode-values values)
          (require 'message)
          (when ,wl (require 'wl-vars))
          (push ,sendonce-client-mode-values values)
          (sendonce-mode -1)
          (push ,sendonce-client-mode-values values)
          (push (null (advice-member-p 'sendonce--multi-smtp
                                       'message-multi-smtp-send-mail))
                values)
          (nreverse values)))))))

(ert-deftest sendonce-client-mode-off-before-a-client-is-loaded ()
  (should (equal '(mine message--default-send-mail-function nil)
                 (sendonce-client-mode-in-emacs
                  '(require 'sendonce)
                  '(setq send-mail-function 'mine)
                  '(sendonce-mode 1)
                  '(sendonce-mode -1)
                  '(require 'message)
                  sendonce-client-mode-values))))

(ert-deftest sendonce-client-mode-keeps-what-the-user-has-set-since ()
  (should (equal '(mine yours nil)
                 (sendonce-client-mode-in-emacs
                  '(require 'sendonce)
                  '(require 'message)
                  '(setq send-mail-function 'theirs)
                  '(sendonce-mode 1)
                  '(setq send-mail-function 'mine
                         message-send-mail-function 'yours)
                  '(sendonce-mode -1)
                  sendonce-client-mode-values))))

(ert-deftest sendonce-client-mode-twice-is-once ()
  (should (equal '(mine message--default-send-mail-function nil)
                 (sendonce-client-mode-in-emacs
                  '(require 'sendonce)
                  '(require 'message)
                  '(setq send-mail-function 'mine)
                  '(sendonce-mode 1)
                  '(sendonce-mode 1)
                  '(sendonce-mode -1)
                  sendonce-client-mode-values))))

(ert-deftest sendonce-client-mode-loads-next-to-nothing ()
  "To switch it on at the start of Emacs costs no mail package's loading."
  (should (equal '(nil nil nil)
                 (sendonce-client-mode-in-emacs
                  '(require 'sendonce)
                  '(sendonce-mode 1)
                  '(list (featurep 'message) (featurep 'sendonce-submit)
                         (featurep 'gnus))))))

;;; sendonce-client-mode-tests.el ends here
