;;; sendonce-client-wl.el --- Wanderlust for the tests  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Makes Debian's Wanderlust loadable and sets it up for a test: folders,
;; queue and sendlog in the test's own directory, nothing of the user's.

;;; Code:

(require 'sendonce-client)
(require 'sendonce-wl)

(defvar elmo-localdir-folder-path)
(defvar elmo-maildir-folder-path)
(defvar elmo-msgdb-directory)
(defvar elmo-plugged)
(defvar elmo-plugged-alist)
(defvar elmo-passwd-storage)
(defvar elmo-passwd-storage-type)
(defvar elmo-passwd-alist-file-name)
(defvar elmo-dop-flush-confirm)
(defvar elmo-cache-directory)
(defvar wl-demo)
(defvar wl-init)
(defvar wl-init-file)
(defvar wl-folders-file)
(defvar wl-address-file)
(defvar wl-alias-file)
(defvar wl-temporary-file-directory)
(defvar wl-score-files-directory)
(defvar wl-from)
(defvar wl-fcc)
(defvar wl-interactive-send)
(defvar wl-interactive-exit)
(defvar wl-draft-folder)
(defvar wl-queue-folder)
(defvar wl-trash-folder)
(defvar wl-default-folder)
(defvar wl-draft-send-mail-function)
(defvar wl-draft-use-frame)
(defvar wl-draft-use-cache)
(defvar wl-draft-enable-queuing)
(defvar wl-draft-config-alist)
(defvar wl-draft-buffer-message-number)
(defvar wl-smtp-posting-server)
(defvar wl-smtp-posting-port)
(defvar wl-smtp-posting-user)
(defvar wl-smtp-authenticate-type)
(defvar wl-smtp-connection-type)
(defvar wl-draft-sendlog-filename)
(defvar wl-auto-save-drafts-interval)
(defvar wl-biff-check-interval)
(defvar wl-insert-message-id)
(defvar wl-mail-send-pre-hook)
(defvar smtp-server)

(declare-function wl-draft "ext:wl-draft" t t)
(declare-function wl-draft-send-and-exit "ext:wl-draft" ())
(declare-function wl-draft-queue-flush "ext:wl-draft" ())
(declare-function wl-folder-init-info-hashtb "ext:wl-folder" ())
(declare-function wl-toggle-plugged "ext:wl" t t)
(declare-function elmo-get-passwd "ext:elmo-util" (key))

(dolist (directory '("apel" "flim" "semi" "wl"))
  (let ((place (concat "/usr/share/emacs/site-lisp/" directory)))
    (when (file-directory-p place)
      (add-to-list 'load-path place t))))

(defconst sendonce-client-wl-there (locate-library "wl-draft")
  "Non-nil if Wanderlust is installed.")

(defconst sendonce-client-wl-directory
  (and sendonce-client-wl-there (make-temp-file "sendonce-wl" t))
  "Where Wanderlust has its folders; it remembers them as long as it runs.")

(defun sendonce-client-wl-file (name)
  "Return the file NAME of Wanderlust's."
  (expand-file-name name sendonce-client-wl-directory))

(defun sendonce-client-wl--load ()
  "Load Wanderlust, once; its profile is empty."
  (setq wl-init-file (sendonce-test-write "wl-init" "")
        wl-folders-file (sendonce-test-write "folders" "+inbox\n+sent\n")
        wl-address-file (sendonce-test-write "addresses" "")
        wl-alias-file (sendonce-test-write "aliases" ""))
  (let ((inhibit-message t))
    (require 'wl)
    (require 'wl-draft)))

(defun sendonce-client-wl--settings ()
  "Give Wanderlust directories and settings of the test's own."
  (setq elmo-msgdb-directory (sendonce-client-wl-file "elmo/")
        elmo-localdir-folder-path (sendonce-client-wl-file "mail/")
        elmo-maildir-folder-path (sendonce-client-wl-file "mail/")
        elmo-cache-directory (sendonce-client-wl-file "cache/")
        wl-temporary-file-directory (sendonce-client-wl-file "tmp/")
        wl-score-files-directory (sendonce-client-wl-file "elmo/")
        elmo-passwd-alist-file-name "passwd"
        elmo-passwd-storage-type 'alist
        elmo-passwd-storage nil
        elmo-plugged t
        elmo-plugged-alist nil
        elmo-dop-flush-confirm nil
        wl-demo nil
        wl-init nil
        wl-from "Me <me@here.example>"
        wl-fcc "+sent"
        wl-draft-folder "+draft"
        wl-queue-folder "+queue"
        wl-trash-folder "+trash"
        wl-default-folder "+inbox"
        wl-interactive-send nil
        wl-draft-use-frame nil
        wl-draft-enable-queuing t
        wl-draft-config-alist nil
        wl-smtp-posting-server nil
        wl-smtp-posting-port nil
        wl-smtp-posting-user nil
        wl-smtp-authenticate-type nil
        wl-smtp-connection-type nil
        wl-auto-save-drafts-interval nil
        wl-biff-check-interval nil
        smtp-server nil
        sendonce-wl--pending nil)
  (delete-directory sendonce-client-wl-directory t)
  (dolist (directory '("elmo" "mail/inbox" "mail/sent" "mail/draft"
                       "mail/queue" "mail/trash" "cache" "tmp"))
    (make-directory (sendonce-client-wl-file directory) t))
  (wl-folder-init-info-hashtb))

(defmacro sendonce-client-wl-with-peer (options &rest body)
  "Evaluate BODY with Wanderlust and a peer of OPTIONS.
As `sendonce-test-with-peer', whose account is set."
  (declare (indent 1) (debug t))
  `(progn
     (skip-unless sendonce-client-wl-there)
     (sendonce-test-with-peer ,options
       (sendonce-client-wl--load)
       (sendonce-client-wl--settings)
       (setq wl-draft-send-mail-function #'wl-draft-send-mail-with-sendonce)
       (sendonce-wl-setup)
       (let ((gnutls-trustfiles gnutls-trustfiles))
         (save-window-excursion
           (unwind-protect
               (progn ,@body)
             (sendonce-client-wl--kill-drafts)))))))

(defun sendonce-client-wl--kill-drafts ()
  "Kill the drafts that are left."
  (dolist (buffer (sendonce-client-wl-drafts))
    (with-current-buffer buffer
      (set-buffer-modified-p nil)
      (kill-buffer))))

(defun sendonce-client-wl-drafts ()
  "Return the buffers with drafts."
  (seq-filter (lambda (buffer)
                (with-current-buffer buffer
                  (and (derived-mode-p 'wl-draft-mode)
                       (not (string-prefix-p " " (buffer-name))))))
              (buffer-list)))

;;;; Composing and sending

(defun sendonce-client-wl-compose (fields body)
  "Begin a draft with the header FIELDS and BODY, in the current window."
  (let ((inhibit-message t))
    (wl-draft (mapcar (lambda (field)
                        (cons (intern (car field)) (cdr field)))
                      fields)
              nil nil body)))

(defun sendonce-client-wl-send-draft ()
  "Send the draft in the current buffer and leave it; return the error, or nil."
  (condition-case err
      (let ((inhibit-message t))
        (wl-draft-send-and-exit)
        nil)
    (error err)))

(defun sendonce-client-wl-send (fields body)
  "Write mail with the header FIELDS and BODY and send it.
Return nil, or the error; the draft is left then."
  (sendonce-client-wl-compose fields body)
  (sendonce-client-wl-send-draft))

(defun sendonce-client-wl-plug (plugged)
  "Make Wanderlust PLUGGED or not; what is queued stays where it is."
  (setq elmo-plugged-alist nil
        elmo-plugged plugged))

(defun sendonce-client-wl-use-peer (&rest more)
  "Have Wanderlust's own settings lead to the peer; MORE are further ones.
MORE is a property list of variables."
  (setq sendonce-accounts nil
        wl-smtp-posting-server "127.0.0.1"
        wl-smtp-posting-port sendonce-test-port
        wl-smtp-connection-type 'ssl
        gnutls-trustfiles (list (sendonce-test-file "peer/ca.pem")))
  (cl-loop for (variable value) on more by #'cddr
           do (set variable value)))

(defun sendonce-client-wl-flush ()
  "Flush Wanderlust's queue, as \\`M-x wl-draft-queue-flush' does."
  (let ((inhibit-message t))
    (wl-draft-queue-flush)))

;;;; What there is afterwards

(defun sendonce-client-wl-folder (name)
  "Return the messages in the folder +NAME, bytes, in order of number."
  (mapcar #'sendonce-test-read
          (seq-sort-by (lambda (file)
                         (string-to-number (file-name-nondirectory file)))
                       #'<
                       (directory-files (sendonce-client-wl-file
                                         (concat "mail/" name))
                                        t "\\`[0-9]+\\'"))))

(defun sendonce-client-wl-log ()
  "Return the lines of the sendlog, each without its time."
  (let ((file (expand-file-name wl-draft-sendlog-filename
                                elmo-msgdb-directory)))
    (and (file-exists-p file)
         (mapcar (lambda (line) (substring line 20))
                 (split-string (sendonce-test-read file) "\n" t)))))

(provide 'sendonce-client-wl)

;;; sendonce-client-wl.el ends here
