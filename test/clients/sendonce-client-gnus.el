;;; sendonce-client-gnus.el --- A Gnus to send from  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Gnus, the real one, in a home of its own: no news, but mail in nnml
;; groups on disk, "nnml:in" with three messages and "nnml:sent" for Gcc.
;; Each test begins with a Gnus just started and ends with one left, and
;; nothing stays on disk.  The directory is the same for all, because
;; the back ends keep theirs from the moment they are loaded.
;;
;; What a user does is done by the commands that the keys are bound to;
;; what came of it is read from the files, not from Gnus' memory, and
;; from the peer.

;;; Code:

(require 'sendonce-client)

;;;; Before Gnus is loaded

(defconst sendonce-client-gnus-directory
  (file-name-as-directory (make-temp-file "sendonce-gnus" t))
  "Directory that holds all that Gnus writes.")

(defvar gnus-home-directory)
(defvar gnus-directory)
(defvar message-directory)
(setq gnus-home-directory sendonce-client-gnus-directory
      gnus-directory (expand-file-name "News/" gnus-home-directory)
      message-directory (expand-file-name "Mail/" gnus-home-directory))

(add-hook 'kill-emacs-hook
          (lambda () (delete-directory sendonce-client-gnus-directory t)))

(require 'gnus)
(require 'gnus-start)
(require 'gnus-group)
(require 'gnus-sum)
(require 'gnus-msg)
(require 'gnus-agent)
(require 'gnus-draft)
(require 'gnus-delay)
(require 'nndraft)
(require 'nnml)
(require 'nngateway)
(require 'nnmaildir)

(setq gnus-select-method '(nnnil "")
      gnus-secondary-select-methods '((nnml ""))
      gnus-read-newsrc-file nil
      gnus-save-newsrc-file nil
      gnus-use-dribble-file nil
      gnus-check-new-newsgroups nil
      gnus-inhibit-startup-message t
      gnus-novice-user nil
      gnus-expert-user t
      gnus-interactive-exit nil
      gnus-message-highlight-citation nil
      gnus-verbose 3
      gnus-message-archive-group nil
      mail-sources nil)

;;;; A session

(defconst sendonce-client-gnus-article "From: Author <author@else.example>
To: me@here.example
Subject: Letter %d
Date: Mon, 02 Mar 2026 10:00:0%d +0000
Message-ID: <letter%d@else.example>

Text of letter %d.
"
  "What the messages in \"nnml:in\" look like, all numbers the same.")

(defun sendonce-client-gnus--fill ()
  "Make the groups, and put three messages into one."
  (dolist (group '("in" "sent"))
    (gnus-group-make-group group '(nnml "")))
  (dolist (number '(1 2 3))
    (with-temp-buffer
      (insert (format sendonce-client-gnus-article
                      number number number number))
      (gnus-request-accept-article "nnml:in" '(nnml "") t t))))

(defun sendonce-client-gnus-receive (bytes)
  "Put BYTES, a message, into \"nnml:in\" and open that at it."
  (let ((number (with-temp-buffer
                  (set-buffer-multibyte nil)
                  (insert (string-replace "\r\n" "\n" bytes))
                  (cdr (gnus-request-accept-article
                        "nnml:in" '(nnml "") t t)))))
    (when (gnus-buffer-live-p gnus-summary-buffer)
      (set-buffer gnus-summary-buffer)
      (gnus-summary-exit))
    (sendonce-client-gnus-open "nnml:in")
    (unless (gnus-summary-goto-subject number)
      (error "No message %s" number))))

(defun sendonce-client-gnus--kill-buffers ()
  "Kill all buffers in which mail is written or read."
  (dolist (buffer (buffer-list))
    (when (buffer-live-p buffer)
      (with-current-buffer buffer
        (when (derived-mode-p 'message-mode 'gnus-summary-mode
                              'gnus-article-mode)
          (set-buffer-modified-p nil)
          (kill-buffer))))))

(defun sendonce-client-gnus-leave ()
  "Leave Gnus, with nothing asked and nothing saved."
  (sendonce-client-gnus--kill-buffers)
  (when (gnus-alive-p)
    (gnus-group-quit)))

(defun sendonce-client-gnus--clear ()
  "Delete all that Gnus has written."
  (setq gnus-save-newsrc-file-last-timestamp nil)
  (dolist (file (directory-files sendonce-client-gnus-directory t
                                 directory-files-no-dot-files-regexp))
    (if (file-directory-p file)
        (delete-directory file t)
      (delete-file file))))

(defmacro sendonce-client-gnus-with (options &rest body)
  "Evaluate BODY in Gnus' group buffer, with a peer that has OPTIONS.
OPTIONS are those of `sendonce-test-with-peer'.  `sendonce-mode' is on,
and the Gnus agent, as always, plugged in."
  (declare (indent 1) (debug t))
  `(sendonce-test-with-peer ,options
     (let ((message-send-hook nil)
           (message-send-mail-hook nil)
           (message-send-mail-real-function nil)
           (message-kill-buffer-on-exit t)
           (gnus-plugged t))
       (save-window-excursion
         (unwind-protect
             (let ((inhibit-message t))
               (sendonce-mode 1)
               (gnus)
               (sendonce-client-gnus--fill)
               (set-buffer gnus-group-buffer)
               ,@body)
           (sendonce-client-gnus-leave)
           (sendonce-mode -1)
           (sendonce-client-gnus--clear))))))

;;;; What the user does

(defun sendonce-client-gnus-set (field value)
  "Make VALUE the header FIELD of this draft."
  (save-excursion
    (message-remove-header field)
    (message-goto-eoh)
    (beginning-of-line)
    (insert field ": " value "\n")))

(defun sendonce-client-gnus-mail (fields body)
  "Begin a mail from the group buffer, with FIELDS and BODY; show it.
FIELDS is an alist of header fields."
  (set-buffer gnus-group-buffer)
  (let ((message-signature nil))
    (gnus-group-mail))
  (pcase-dolist (`(,field . ,value) fields)
    (sendonce-client-gnus-set field value))
  (message-goto-body)
  (insert body)
  (current-buffer))

(defun sendonce-client-gnus-simple (&rest fields)
  "Begin a mail to you@there.example, with FIELDS besides."
  (sendonce-client-gnus-mail
   `(("To" . "you@there.example") ("Subject" . "Hello") ,@fields)
   "Hello there.\n"))

(defun sendonce-client-gnus-do (command &rest arguments)
  "Call COMMAND, one that sends, with ARGUMENTS; return the error, or nil."
  (condition-case err
      (progn (apply command arguments) nil)
    (sendonce-error err)))

(defun sendonce-client-gnus-send ()
  "Send the draft in this buffer as C-c C-c does; return the error, or nil."
  (sendonce-client-gnus-do #'message-send-and-exit))

(defun sendonce-client-gnus-open (group)
  "Show the summary of all of GROUP, at its first message."
  (set-buffer gnus-group-buffer)
  (gnus-activate-group group 'scan)
  (gnus-group-read-group t t group)
  (set-buffer gnus-summary-buffer)
  (goto-char (point-min)))

;;;; Drafts

(defun sendonce-client-gnus-close ()
  "Save the draft in this buffer and kill the buffer."
  (save-buffer)
  (let ((buffer (current-buffer)))
    (set-buffer gnus-group-buffer)
    (kill-buffer buffer)))

(defun sendonce-client-gnus-put-by (&rest subjects)
  "Save a draft with each of SUBJECTS in nndraft:drafts."
  (dolist (subject subjects)
    (sendonce-client-gnus-simple (cons "Subject" subject))
    (sendonce-client-gnus-close)))

(defun sendonce-client-gnus-restart ()
  "Have Emacs crash and begin anew, as far as Gnus and sendonce can tell.
Only the groups are remembered."
  (gnus-save-newsrc-file t)
  (sendonce-client-gnus-leave)
  (sendonce-engine-stop 1)
  (gnus)
  (set-buffer gnus-group-buffer))

(defun sendonce-client-gnus-crash (command &rest arguments)
  "Call COMMAND with ARGUMENTS; crash when the message has gone out."
  (let ((message-send-mail-function
         (lambda ()
           (message-send-mail-with-sendonce)
           (throw 'crash nil))))
    (catch 'crash
      (apply command arguments)
      (error "Nothing was sent")))
  (sendonce-client-gnus-restart))

(defmacro sendonce-client-gnus-unplugged (&rest body)
  "Evaluate BODY with Gnus unplugged."
  (declare (indent 0) (debug t))
  `(let ((gnus-plugged nil)) ,@body))

(defun sendonce-client-gnus-queue (&rest subjects)
  "Write a message with each of SUBJECTS unplugged and send it.
To each belongs a recipient, SUBJECT@there.example."
  (dolist (subject subjects)
    (sendonce-client-gnus-simple
     (cons "To" (concat subject "@there.example"))
     (cons "Subject" subject))
    (sendonce-client-gnus-unplugged
      (should-not (sendonce-client-gnus-send))))
  (set-buffer gnus-group-buffer))

(defun sendonce-client-gnus-flush ()
  "Send the queue as J S does; return the error, or nil."
  (set-buffer gnus-group-buffer)
  (sendonce-client-gnus-do #'gnus-group-send-queue))

(defun sendonce-client-gnus-delay (deadline &rest fields)
  "Begin a mail with FIELDS besides and have it wait for DEADLINE, a date."
  (apply #'sendonce-client-gnus-simple fields)
  (gnus-delay-article "1d")
  (let ((file (car (last (sendonce-client-gnus--names "nndraft:delayed")))))
    (with-temp-file file
      (insert-file-contents file)
      (re-search-forward "^X-Gnus-Delayed: \\(.*\\)$")
      (replace-match deadline t t nil 1))))

;;;; What came of it

(defun sendonce-client-gnus--directory (group)
  "Return the directory of GROUP: \"nnml:\" or \"nndraft:\" and a name."
  (expand-file-name (if (string-prefix-p "nnml:" group)
                        (concat "Mail/" (substring group 5))
                      (concat "News/drafts/" (substring group 8)))
                    sendonce-client-gnus-directory))

(defun sendonce-client-gnus--names (group)
  "Return the files of GROUP, auto-save files too."
  (let ((directory (sendonce-client-gnus--directory group)))
    (and (file-directory-p directory)
         (directory-files directory t "\\`#?[0-9]+#?\\'"))))

(defun sendonce-client-gnus-files (group)
  "Return what the files of GROUP hold, auto-save files too.
Line ends are LF, whatever Gnus gives them on this system."
  (mapcar (lambda (file)
            (string-replace "\r\n" "\n" (sendonce-test-read file)))
          (sendonce-client-gnus--names group)))

(defun sendonce-client-gnus-subjects (messages)
  "Return the subjects of MESSAGES, sorted."
  (sort (mapcar (lambda (message)
                  (and (string-match "^Subject: \\(.*?\\)\r?$" message)
                       (match-string 1 message)))
                messages)
        #'string<))

(defun sendonce-client-gnus-marks (mark)
  "Return the numbers of those messages in \"nnml:in\" that have MARK."
  (when (gnus-buffer-live-p gnus-summary-buffer)
    (with-current-buffer gnus-summary-buffer
      (gnus-summary-exit)))
  (gnus-uncompress-range
   (alist-get mark (gnus-info-marks (gnus-get-info "nnml:in")))))

(defun sendonce-client-gnus-unread (group)
  "Return how many messages in GROUP are not read."
  (gnus-group-unread group))

(provide 'sendonce-client-gnus)

;;; sendonce-client-gnus.el ends here
