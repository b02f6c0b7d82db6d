;;; sendonce-import.el --- Coming over from smtpmail  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns `sendonce-import-smtpmail': the smtpmail-* variables and the rules
;; of `message-server-alist' become accounts, and what smtpmail has queued
;; and never sent comes into the outbox, each message once.
;;
;; A message leaves smtpmail's queue only after it is durable in the
;; outbox.  Its identity there is made of its file, so that an import that
;; was broken off in between, by C-g or by a crash, finds it and does not
;; bring it in again.  What cannot be read stays where it is and is told.
;; The files are read, never evaluated.

;;; Code:

(require 'sendonce)
(require 'sendonce-submit)
(require 'sendonce-remedy)
(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(defvar message-server-alist)
(defvar smtpmail-queue-dir)
(defvar smtpmail-queue-index-file)

;;;; Accounts

(defun sendonce-import--tls (port)
  "Return a plist of the :tls that smtpmail's settings mean at PORT.
At the ports for submission the usual says it better."
  (let ((type (bound-and-true-p smtpmail-stream-type)))
    (unless (and (memq type '(nil network)) (memq port '(465 587)))
      (list :tls (sendonce-account--stream-type port type)))))

(defun sendonce-import--user (host port)
  "Return a plist of the :user for HOST and PORT, asking nobody."
  (let ((user (or (bound-and-true-p smtpmail-smtp-user)
                  (plist-get (sendonce-credential-user-quietly host port)
                             :user))))
    (and user (list :user user))))

(defun sendonce-import--default-account ()
  "Return the account that the smtpmail-* variables describe, or nil."
  (let ((host (or (bound-and-true-p smtpmail-smtp-server)
                  (bound-and-true-p smtpmail-default-smtp-server))))
    (when host
      (let ((port (sendonce-account--service))
            (domain (bound-and-true-p smtpmail-local-domain)))
        (append (list :name host :host host :port port)
                (sendonce-import--tls port)
                (sendonce-import--user host port)
                (and domain
                     (list :local-name (concat (system-name) "." domain))))))))

(defun sendonce-import--rule-account (rule)
  "Return the account that RULE of `message-server-alist' describes, or nil."
  (pcase rule
    (`(,(and (pred stringp) from)
       . ,(and (pred stringp) (pred (string-prefix-p "smtp ")) method))
     (pcase-let* ((`(,_ ,host ,port . ,user) (split-string method))
                  (number (sendonce-account-port port)))
       (append (list :name from :from from :host host :port number)
               (if user (list :user (car user))
                 (sendonce-import--user host number)))))))

(defun sendonce-import-accounts ()
  "Return the accounts that the set-up for smtpmail describes.
Those for one From come first, as `sendonce-accounts' wants it."
  (delq nil
        (append (mapcar #'sendonce-import--rule-account
                        (bound-and-true-p message-server-alist))
                (list (sendonce-import--default-account)))))

(defun sendonce-import--new-accounts ()
  "Return those accounts of smtpmail that `sendonce-accounts' has not."
  (seq-remove
   (lambda (account)
     (seq-some (lambda (known)
                 (and (sendonce-account--agrees-p known account)
                      (equal (plist-get known :from)
                             (plist-get account :from))))
               sendonce-accounts))
   (sendonce-import-accounts)))

(defun sendonce-import--show (accounts)
  "Show ACCOUNTS as the form for the init file; return the buffer."
  (with-current-buffer (get-buffer-create "*sendonce accounts*")
    (let ((inhibit-read-only t))
      (erase-buffer)
      (emacs-lisp-mode)
      (insert ";; Your set-up for smtpmail, as accounts of sendonce:\n\n"
              "(setq sendonce-accounts\n      '("
              (mapconcat (lambda (account) (format "%S" account))
                         accounts "\n        ")
              "))\n")
      (set-buffer-modified-p nil)
      (goto-char (point-min)))
    (current-buffer)))

(defun sendonce-import--ask (prompt)
  "Return non-nil if the user says yes to PROMPT, or there is none to ask."
  (or noninteractive (y-or-n-p prompt)))

(defun sendonce-import--accounts ()
  "Offer to use smtpmail's servers as accounts; return how many are new."
  (let* ((new (sendonce-import--new-accounts))
         (all (append (seq-filter (lambda (a) (plist-get a :from)) new)
                      sendonce-accounts
                      (seq-remove (lambda (a) (plist-get a :from)) new))))
    (if (and new (sendonce-import--wanted-p new all))
        (progn
          (sendonce-import--use all)
          (length new))
      0)))

(defun sendonce-import--wanted-p (new all)
  "Return non-nil if NEW accounts are to be used; ALL are shown meanwhile."
  (save-window-excursion
    (unless noninteractive
      (pop-to-buffer (sendonce-import--show all)))
    (sendonce-import--ask (format "Use %s from now on? "
                                  (if (cdr new) "these accounts"
                                    "this account")))))

(defun sendonce-import--use (accounts)
  "Use ACCOUNTS from now on.
What the init file wants for that stays in view, unless Customize saved it."
  (let ((form (sendonce-remedy-set 'sendonce-accounts accounts)))
    (if (or (null form) noninteractive)
        (sendonce-remedy-tell form)
      (with-current-buffer (sendonce-import--show accounts)
        (insert ";; They hold for this session; to keep them, put this into \
your init file.\n"))
      (display-buffer "*sendonce accounts*"))))

;;;; The queue

(defun sendonce-import--directory ()
  "Return the directory of smtpmail's queue."
  (file-name-as-directory
   (expand-file-name (or (bound-and-true-p smtpmail-queue-dir)
                         "~/Mail/queued-mail/"))))

(defun sendonce-import--index ()
  "Return the file that lists smtpmail's queue."
  (expand-file-name (or (bound-and-true-p smtpmail-queue-index-file) "index")
                    (sendonce-import--directory)))

(defun sendonce-import--listed ()
  "Return the files that the index of smtpmail's queue lists."
  (and (file-readable-p (sendonce-import--index))
       (with-temp-buffer
         (insert-file-contents (sendonce-import--index))
         (split-string (buffer-string) "\n" t))))

(defun sendonce-import-queue ()
  "Return the files of the messages in smtpmail's queue, oldest first.
Those that the index has forgotten are among them; those it lists though
they are gone, since smtpmail has sent them, are not."
  (let ((directory (sendonce-import--directory)))
    (sort (seq-filter
           (lambda (file)
             (and (file-regular-p file)
                  (file-regular-p (concat file ".el"))))
           (seq-uniq
            (append (sendonce-import--listed)
                    (and (file-directory-p directory)
                         (mapcar #'file-name-sans-extension
                                 (directory-files directory t
                                                  "[^.]\\.el\\'"))))))
          #'string<)))

(defun sendonce-import--error (format &rest args)
  "Signal a `sendonce-config-error' with FORMAT and ARGS."
  (signal 'sendonce-config-error
          (list (apply #'format-message format args) :cause 'bad-argument)))

(defun sendonce-import--variables (file)
  "Return the plist of variables that FILE.el, of smtpmail, sets."
  (let ((form (with-temp-buffer
                (let ((coding-system-for-read 'utf-8))
                  (insert-file-contents (concat file ".el")))
                (ignore-errors (read (current-buffer))))))
    (unless (and (eq (car-safe form) 'setq)
                 (zerop (mod (length (cdr form)) 2))
                 (plist-get (cdr form) 'smtpmail-recipient-address-list))
      (sendonce-import--error "%s.el does not say to whom it is to go" file))
    (cdr form)))

(defun sendonce-import--letter (file variables)
  "Return the letter in FILE of smtpmail's queue, which has VARIABLES."
  (let ((recipients (plist-get variables 'smtpmail-recipient-address-list))
        (mail-header-separator ""))
    (unless (and (proper-list-p recipients) (seq-every-p #'stringp recipients))
      (sendonce-import--error "%s.el has no list of addresses" file))
    (with-temp-buffer
      (set-buffer-multibyte nil)
      (insert-file-contents-literally file)
      (sendonce-compose
       :encoded t
       :recipients (sendonce-recipient-unique
                    (mapcan #'sendonce-recipient-addresses
                            (copy-sequence recipients)))))))

(defun sendonce-import--own (variables)
  "Return the account that VARIABLES of a queued message name, or nil."
  (let ((host (plist-get variables 'smtpmail-smtp-server))
        (service (plist-get variables 'smtpmail-smtp-service))
        (user (plist-get variables 'smtpmail-smtp-user)))
    (when host
      (let ((port (or (sendonce-account-port (or service 25))
                      (sendonce-import--error
                       "The port is %S, which is none" service))))
        (append (list :host host :port port
                      :tls (sendonce-account--stream-type
                            port (plist-get variables 'smtpmail-stream-type)))
                (and user (list :user user)))))))

(defun sendonce-import--identity (file)
  "Return the identity in the outbox of the message in FILE."
  (secure-hash
   'sha256
   (concat "smtpmail " (encode-coding-string file 'utf-8) "\n"
           (with-temp-buffer
             (set-buffer-multibyte nil)
             (insert-file-contents-literally file)
             (buffer-string)))))

(defun sendonce-import--remove (file)
  "Take FILE, which is in the outbox, out of smtpmail's queue."
  (delete-file file)
  (delete-file (concat file ".el"))
  (let ((rest (remove file (sendonce-import--listed)))
        (index (sendonce-import--index)))
    (when (file-exists-p index)
      (with-temp-file (concat index ".new")
        (dolist (line rest)
          (insert line "\n")))
      (rename-file (concat index ".new") index t))))

(defun sendonce-import--message (file)
  "Bring the message in FILE into the outbox and out of smtpmail's queue.
Return non-nil if it was; nil if an identical one went out before and
is not to go again."
  (let* ((variables (sendonce-import--variables file))
         (letter (sendonce-import--letter file variables)))
    (when (sendonce-submit-deposit letter (sendonce-import--own variables)
                                   (sendonce-import--identity file))
      (sendonce-import--remove file)
      t)))

(defun sendonce-import--messages (files)
  "Bring the messages in FILES into the outbox.
Return (IMPORTED . TROUBLES): how many, and a sentence for each other."
  (let ((reporter (make-progress-reporter "Bringing in smtpmail's queue..."
                                          0 (length files)))
        (imported 0)
        (seen 0)
        troubles)
    (dolist (file files)
      (condition-case err
          (if (sendonce-import--message file)
              (setq imported (1+ imported))
            (push (format "%s: an identical message went out before" file)
                  troubles))
        (error (push (format "%s: %s" file (sendonce-import--words err))
                     troubles)))
      (progress-reporter-update reporter (setq seen (1+ seen))))
    (progress-reporter-done reporter)
    (cons imported (nreverse troubles))))

(defun sendonce-import--tell (accounts imported troubles)
  "Say what was brought in: ACCOUNTS and IMPORTED, numbers; and TROUBLES."
  (dolist (trouble troubles)
    (display-warning 'sendonce (concat "Left in smtpmail's queue: " trouble)))
  (message "From smtpmail: %s%d message%s%s"
           (if accounts
               (format "%d account%s, " accounts (if (= accounts 1) "" "s"))
             "")
           imported (if (= imported 1) "" "s")
           (if troubles
               (format "; %d left in its queue" (length troubles))
             "")))

(defun sendonce-import-flush ()
  "Send what is in smtpmail's queue through the outbox, each message once.
What cannot be read stays there and is named."
  (pcase-let ((`(,imported . ,troubles)
               (sendonce-import--messages (sendonce-import-queue))))
    (sendonce-import--tell nil imported troubles)))

(defun sendonce-import--words (err)
  "Return what the error ERR says."
  (if (stringp (cadr err)) (cadr err) (error-message-string err)))

(defun sendonce-import--oldest (files)
  "Return the date of the oldest of FILES."
  (format-time-string
   "%F" (car (sort (mapcar (lambda (file)
                             (file-attribute-modification-time
                              (file-attributes file)))
                           files)
                   #'time-less-p))))

(defun sendonce-import--queue ()
  "Offer to bring in smtpmail's queue; return (IMPORTED . TROUBLES)."
  (let ((files (sendonce-import-queue)))
    (if (and files
             (sendonce-import--ask
              (format "smtpmail has queued %d message%s and not sent %s, the \
oldest of %s; send %s now? "
                      (length files)
                      (if (cdr files) "s" "") (if (cdr files) "them" "it")
                      (sendonce-import--oldest files)
                      (if (cdr files) "them" "it"))))
        (sendonce-import--messages files)
      '(0))))

;;;; The command

;;;###autoload
(defun sendonce-import-smtpmail ()
  "Bring in what smtpmail was set up to do, and what it left undone.
Its variables, and the rules of `message-server-alist', are shown as
`sendonce-accounts' and used from now on if you like.  Messages in its
queue come into the outbox, each once, and are sent; whatever cannot be
read stays in the queue and is named."
  (interactive)
  (pcase-let* ((accounts (sendonce-import--accounts))
               (`(,messages . ,troubles) (sendonce-import--queue)))
    (sendonce-import--tell accounts messages troubles)))

(provide 'sendonce-import)

;;; sendonce-import.el ends here
