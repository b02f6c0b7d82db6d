;;; sendonce-outbox.el --- The outbox, to look at and to act on  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the table of the outbox and the commands on its entries: flush,
;; retry, cancel, edit, resolve.  The user calls them, in the table on the
;; entries marked or the one at point, elsewhere by name; Lisp calls them
;; with an id or a list of ids.
;;
;; It never sends by itself: it settles and flushes, and the engine does
;; the rest.  What is in doubt moves on the user's word only, through
;; `sendonce-resolve'.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-dispatch)
(require 'sendonce-wait)
(require 'sendonce-notify)
(require 'sendonce-identity)
(require 'sendonce-header)
(require 'sendonce-recipient)
(require 'seq)
(require 'tabulated-list)

(declare-function sendonce--mod-entries "ext:sendonce-module" (engine id))
(declare-function sendonce--mod-message "ext:sendonce-module" (engine id))
(declare-function sendonce--mod-flush "ext:sendonce-module" (engine id))
(declare-function sendonce-imap-find "sendonce-imap" (account message-id))
(declare-function sendonce--mod-settle "ext:sendonce-module"
                  (engine id from to))
(declare-function sendonce-submit--ask "sendonce-submit" (prompt choices))
(declare-function sendonce-submit--about "sendonce-submit" (entry))
(declare-function sendonce-account-named "sendonce-account" (name))
(declare-function message-mode "message" ())
(declare-function message-goto-body "message" (&optional interactive))
(declare-function mime-to-mml "mml" (&optional handles))

(defvar mail-header-separator)

;;;; Faces

(defface sendonce-outbox-sent '((t :inherit success))
  "Face for entries that are sent."
  :group 'sendonce)
(defface sendonce-outbox-unsent '((t :inherit warning))
  "Face for entries that are still to be sent."
  :group 'sendonce)
(defface sendonce-outbox-failed '((t :inherit error))
  "Face for entries that failed."
  :group 'sendonce)
(defface sendonce-outbox-in-doubt '((t :inherit (error highlight)))
  "Face for entries that are in doubt."
  :group 'sendonce)
(defface sendonce-outbox-cancelled '((t :inherit shadow))
  "Face for entries that were withdrawn."
  :group 'sendonce)

(defconst sendonce-outbox--faces
  '((queued . sendonce-outbox-unsent) (sending . sendonce-outbox-unsent)
    (deferred . sendonce-outbox-unsent) (sent . sendonce-outbox-sent)
    (failed . sendonce-outbox-failed) (in-doubt . sendonce-outbox-in-doubt)
    (cancelled . sendonce-outbox-cancelled))
  "Alist of (STATE . FACE).")

;;;; Entries

;;;###autoload
(defun sendonce-entries ()
  "Return the entries of the outbox, newest first, as property lists.
\(:id N :message-id S :account S :state SYM :created T :attempts N
:next-try T :reply S :recipients ((:address S :state SYM :code N
:reply S) ...) ...): times are seconds since the epoch, 0 for none."
  (let ((engine (sendonce-engine)))
    (sendonce--mod-entries engine nil)))

(defun sendonce-outbox--entry (id)
  "Return entry ID, or signal that there is none."
  (or (sendonce-dispatch-entry id)
      (user-error "There is no entry %s in the outbox" id)))

(defun sendonce-outbox--in-p (entry &rest states)
  "Return non-nil if some recipient of ENTRY is in one of STATES."
  (seq-intersection states (sendonce-identity-states entry)))

;;;; The table

(defun sendonce-outbox--time (time)
  "Return TIME as a cell; 0 and nil are empty."
  (if (or (null time) (zerop time)) "" (sendonce-notify-when time)))

(defun sendonce-outbox--line (text)
  "Return TEXT, or \"\", on one line."
  (replace-regexp-in-string "[\r\n\t ]+" " " (or text "")))

(defun sendonce-outbox--row (entry)
  "Return ENTRY as a row of the table."
  (let ((state (plist-get entry :state)))
    (list (plist-get entry :id)
          (vector
           (sendonce-outbox--time (plist-get entry :created))
           (sendonce-notify-addresses (plist-get entry :recipients))
           (sendonce-outbox--line (plist-get entry :subject))
           (propertize (symbol-name state)
                       'font-lock-face
                       (alist-get state sendonce-outbox--faces))
           (number-to-string (plist-get entry :attempts))
           (sendonce-outbox--time (plist-get entry :next-try))
           (sendonce-outbox--line (plist-get entry :reply))))))

(defun sendonce-outbox--rows ()
  "Return the rows of the table."
  (mapcar #'sendonce-outbox--row (sendonce-entries)))

(defvar-local sendonce-outbox--marked nil
  "Ids of the entries that are marked.")

(defun sendonce-outbox--show-marks ()
  "Put a star before the entries that are marked."
  (save-excursion
    (goto-char (point-min))
    (while (not (eobp))
      (tabulated-list-put-tag
       (if (memq (tabulated-list-get-id) sendonce-outbox--marked) "*" " "))
      (forward-line 1))))

(defvar sendonce-outbox--rest 0
  "Time before which the table is not printed anew.")

(defvar sendonce-outbox--timer nil
  "Timer that prints it when that time has come, or nil.")

(defun sendonce-outbox-refresh ()
  "Bring the table of the outbox up to date, if it is shown.
A large one takes time: it is done at once only if that is long ago."
  (let ((wait (- sendonce-outbox--rest (float-time))))
    (cond ((<= wait 0) (sendonce-outbox--refresh-now))
          ((null sendonce-outbox--timer)
           (setq sendonce-outbox--timer
                 (run-at-time wait nil #'sendonce-outbox--refresh-now))))))

(defun sendonce-outbox--refresh-now ()
  "Print the table anew, if it is shown; rest ten times as long after it."
  (when sendonce-outbox--timer
    (cancel-timer sendonce-outbox--timer)
    (setq sendonce-outbox--timer nil))
  (let ((buffer (get-buffer "*sendonce outbox*"))
        (start (float-time)))
    (when (and buffer (get-buffer-window buffer t))
      (with-current-buffer buffer
        (revert-buffer))
      (setq sendonce-outbox--rest
            (+ (float-time) (* 10 (- (float-time) start)))))))

(defun sendonce-outbox--revert (&rest _)
  "Print the table anew."
  (tabulated-list-print t)
  (sendonce-outbox--show-marks))

(defvar sendonce-outbox-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "RET") #'sendonce-outbox-transcript)
    (define-key map "f" #'sendonce-flush)
    (define-key map "r" #'sendonce-retry)
    (define-key map "c" #'sendonce-cancel)
    (define-key map "e" #'sendonce-edit)
    (define-key map "R" #'sendonce-resolve)
    (define-key map "m" #'sendonce-outbox-mark)
    (define-key map "u" #'sendonce-outbox-unmark)
    (define-key map "U" #'sendonce-outbox-unmark-all)
    map)
  "Keymap of `sendonce-outbox-mode'.")

(define-derived-mode sendonce-outbox-mode tabulated-list-mode "Outbox"
  "Major mode for the table of the outbox.
Commands act on the entries marked, or else on the one at point.
\\{sendonce-outbox-mode-map}"
  (setq tabulated-list-format
        [("When" 13 t) ("To" 26 t) ("Subject" 26 t) ("State" 10 t)
         ("Tries" 5 t :right-align t) ("Next try" 13 t)
         ("Last reply" 0 nil)]
        tabulated-list-padding 2
        tabulated-list-sort-key nil
        tabulated-list-entries #'sendonce-outbox--rows)
  (setq-local revert-buffer-function #'sendonce-outbox--revert)
  (add-hook 'sendonce-notify-functions #'sendonce-outbox-refresh)
  (tabulated-list-init-header))

;;;###autoload
(defun sendonce-outbox ()
  "Show the outbox: what was sent, what was not, and why."
  (interactive)
  (let ((buffer (get-buffer-create "*sendonce outbox*")))
    (with-current-buffer buffer
      (sendonce-outbox-mode)
      (sendonce-outbox--revert))
    (pop-to-buffer buffer)))

(defun sendonce-outbox-transcript ()
  "Show the transcript of the entry at point."
  (interactive)
  (sendonce-transcript (or (tabulated-list-get-id)
                           (user-error "There is no entry on this line"))))

;;;; Marks

(defun sendonce-outbox-mark ()
  "Mark the entry at point."
  (interactive)
  (cl-pushnew (tabulated-list-get-id) sendonce-outbox--marked)
  (tabulated-list-put-tag "*" t))

(defun sendonce-outbox-unmark ()
  "Unmark the entry at point."
  (interactive)
  (setq sendonce-outbox--marked
        (delq (tabulated-list-get-id) sendonce-outbox--marked))
  (tabulated-list-put-tag " " t))

(defun sendonce-outbox-unmark-all ()
  "Unmark all entries."
  (interactive)
  (setq sendonce-outbox--marked nil)
  (sendonce-outbox--show-marks))

;;;; Which entries a command means

(defun sendonce-outbox--label (entry)
  "Return what ENTRY is called in a prompt."
  (format "%d %s %s to %s" (plist-get entry :id) (plist-get entry :state)
          (sendonce-notify-subject entry)
          (sendonce-notify-addresses (plist-get entry :recipients))))

(defun sendonce-outbox--choose (verb states)
  "Ask which entry to VERB, of those in one of STATES; return a list."
  (let* ((entries (seq-filter (lambda (entry)
                                (apply #'sendonce-outbox--in-p entry states))
                              (sendonce-entries)))
         (labels (mapcar #'sendonce-outbox--label entries)))
    (unless entries
      (user-error "There is nothing in the outbox to %s" verb))
    (list (string-to-number
           (completing-read (format "Entry to %s: " verb) labels nil t
                            nil nil (car labels))))))

(defun sendonce-outbox--targets (verb &rest states)
  "Return the ids that a command to VERB means.
In the table those marked, else the one at point; elsewhere the user
chooses among those in one of STATES."
  (or (and (derived-mode-p 'sendonce-outbox-mode)
           (or sendonce-outbox--marked
               (ensure-list (tabulated-list-get-id))))
      (sendonce-outbox--choose verb states)))

(defun sendonce-outbox--unsent ()
  "Return the ids of the entries that are unsent and not in doubt."
  (mapcar (lambda (entry) (plist-get entry :id))
          (seq-filter (lambda (entry)
                        (sendonce-outbox--in-p entry 'queued 'deferred))
                      (sendonce-entries))))

(defun sendonce-outbox--wait (id)
  "Return (ID . ATTEMPTS) to wait for the next attempt at entry ID."
  (cons id (plist-get (sendonce-outbox--entry id) :attempts)))

(defun sendonce-outbox--foreground (waits)
  "Wait for WAITS as a send does, and tell how they ended.
The user is asked what they need."
  (dolist (entry (sendonce-wait-for-each waits))
    (sendonce-notify-ended (plist-get entry :id) t)))

;;;; Commands

;;;###autoload
(defun sendonce-flush (&optional interactive)
  "Try now all that is unsent and not in doubt; return how many that are.
If INTERACTIVE, the user is asked for passwords, and told the end."
  (interactive (list t))
  (let* ((engine (sendonce-engine))
         (ids (and interactive (sendonce-outbox--unsent)))
         (waits (mapcar #'sendonce-outbox--wait ids)))
    (mapc #'sendonce-dispatch-watch ids)
    (let ((count (sendonce--mod-flush engine nil)))
      (when interactive
        (message "sendonce: trying %d" count))
      (sendonce-outbox--foreground waits)
      (sendonce-notify-update)
      count)))

(defun sendonce-outbox--revive (id)
  "Make what of entry ID failed or was cancelled due again."
  (let ((entry (sendonce-outbox--entry id)))
    (unless (sendonce-outbox--in-p entry 'queued 'deferred 'failed
                                   'cancelled 'sending)
      (user-error
       (if (sendonce-outbox--in-p entry 'in-doubt)
           "%s is in doubt: it is not sent again unless you say so, \
with M-x sendonce-resolve"
         "%s is sent already")
       (sendonce-notify-subject entry)))
    (dolist (state '(failed cancelled))
      (sendonce--mod-settle (sendonce-engine) id state 'queued))))

;;;###autoload
(defun sendonce-retry (ids &optional interactive)
  "Try entry IDS now, an id or a list; failed and cancelled ones as well.
Only who has not got the message gets it.  If INTERACTIVE, the user
is asked for what it needs, and told the end."
  (interactive (list (sendonce-outbox--targets
                      "retry" 'queued 'deferred 'failed 'cancelled)
                     t))
  (let* ((ids (ensure-list ids))
         (waits (and interactive (mapcar #'sendonce-outbox--wait ids))))
    (mapc #'sendonce-dispatch-watch (mapcar #'car waits))
    (mapc #'sendonce-outbox--revive ids)
    (dolist (id ids)
      (sendonce--mod-flush (sendonce-engine) id))
    (sendonce-outbox--foreground waits)
    (sendonce-notify-update)))

(defun sendonce-outbox--cancel (id)
  "Withdraw entry ID; return a sentence about how that went."
  (let* ((done (sendonce-dispatch-withdraw id))
         (entry (sendonce-outbox--entry id))
         (beyond (sendonce-notify-recipients entry 'sent 'in-doubt
                                             (unless done 'sending))))
    (concat (sendonce-notify-subject entry) " is withdrawn"
            (and beyond
                 (format ", but too late for %s"
                         (sendonce-notify-addresses beyond))))))

;;;###autoload
(defun sendonce-cancel (ids)
  "Withdraw what has not gone out of entry IDS, an id or a list.
Before a message is handed over to the server this always wins."
  (interactive (list (sendonce-outbox--targets
                      "cancel" 'queued 'sending 'deferred)))
  (dolist (id (ensure-list ids))
    (message "%s" (sendonce-outbox--cancel id)))
  (sendonce-notify-update))

;;;; Back to a draft

(defun sendonce-outbox--hidden (entry fields)
  "Return the recipients of ENTRY that FIELDS do not name: they were Bcc."
  (let ((shown (mapcar #'sendonce-recipient--key
                       (ignore-errors (sendonce-recipient-list fields)))))
    (seq-remove (lambda (address)
                  (member (sendonce-recipient--key address) shown))
                (mapcar (lambda (recipient) (plist-get recipient :address))
                        (plist-get entry :recipients)))))

(defun sendonce-outbox--insert-draft (entry)
  "Insert the message of ENTRY as a draft into the current buffer."
  (let* ((bytes (sendonce--mod-message (sendonce-engine)
                                       (plist-get entry :id)))
         (bytes (replace-regexp-in-string "\r\n" "\n" bytes t t))
         (end (or (string-search "\n\n" bytes) (length bytes)))
         (fields (sendonce-header-parse
                  (substring bytes 0 (min (1+ end) (length bytes)))))
         (bcc (sendonce-outbox--hidden entry fields)))
    (insert (sendonce-header-text
             (append (sendonce-header-without fields "message-id" "date")
                     (and bcc
                          (list (cons "bcc"
                                      (format "Bcc: %s\n"
                                              (string-join bcc ", ")))))))
            (substring bytes end))
    (mime-to-mml)
    (goto-char (point-min))
    (search-forward "\n\n" nil 'move)
    (forward-char -1)
    (insert mail-header-separator)))

;;;###autoload
(defun sendonce-edit (id)
  "Withdraw entry ID and make a draft of it.
The draft is known to be the same as the entry: who has got it
already does not get it again unless you say so."
  (interactive (list (car (sendonce-outbox--targets
                           "edit" 'queued 'deferred 'failed 'cancelled))))
  (require 'message)
  (require 'mml)
  (let ((entry (sendonce-outbox--entry id)))
    (unless (sendonce-dispatch-withdraw id)
      (user-error
       "It is too late to edit that: it is handed over to the server"))
    (pop-to-buffer (generate-new-buffer "*sendonce draft*"))
    (sendonce-outbox--insert-draft entry)
    (message-mode)
    (sendonce-identity-settle (plist-get entry :draft))
    (set-buffer-modified-p nil)
    (message-goto-body)
    (sendonce-notify-update)))

;;;; What is in doubt

(defconst sendonce-outbox--resolutions
  '((sent in-doubt sent) (resend in-doubt queued)
    (cancel in-doubt cancelled))
  "List of (HOW FROM TO): the ways to settle what is in doubt.")

(defun sendonce-outbox--known (entry)
  "Return what is known of ENTRY, which is in doubt: a few lines."
  (format "%s.
To: %s
The server's last words: %s
"
          (sendonce-submit--about entry)
          (sendonce-notify-addresses
           (sendonce-notify-recipients entry 'in-doubt))
          (let ((reply (sendonce-outbox--line (plist-get entry :reply))))
            (if (string-empty-p reply) "(none)" reply))))

(defun sendonce-outbox--check (entry)
  "Return the account of ENTRY if its :imap server can be asked, else nil."
  (let ((account (sendonce-account-named (plist-get entry :account))))
    (and (plist-get account :imap) account)))

(defun sendonce-outbox--look (entry)
  "Look for ENTRY among the sent mail; return `sent' if it is there.
Else tell that absence proves nothing, and return nil."
  (require 'sendonce-imap)
  (let ((mailbox (sendonce-imap-find (sendonce-outbox--check entry)
                                     (plist-get entry :message-id))))
    (if mailbox
        (progn (message "It is in %s: sent" mailbox) 'sent)
      (message "It is not among the sent mail.  \
That proves nothing: the server may file late, or not at all.  It stays in doubt")
      nil)))

(defun sendonce-outbox--ask (entry)
  "Show what is known of ENTRY, and ask how it is to be settled."
  (require 'sendonce-submit)
  (with-temp-buffer-window "*sendonce in doubt*" nil nil
    (princ (sendonce-outbox--known entry)))
  (unwind-protect
      (sendonce-submit--ask
       "What became of it?"
       `((?s "sent" "It arrived, or may be taken to have arrived" sent)
         (?r "resend" "Send the same bytes again, same Message-ID" resend)
         (?c "cancel" "Count it as not sent, and do not send it" cancel)
         ,@(and (sendonce-outbox--check entry)
                '((?i "look" "Look for it among the sent mail" check)))
         (?l "leave it" "Leave it in doubt" nil)))
    (quit-windows-on "*sendonce in doubt*" t)))

(defun sendonce-outbox--read-resolution (id)
  "Ask how entry ID is to be settled; return a symbol, nil to leave it."
  (let ((entry (sendonce-outbox--entry id)))
    (unless (sendonce-outbox--in-p entry 'in-doubt)
      (user-error "%s is not in doubt" (sendonce-notify-subject entry)))
    (let ((how (sendonce-outbox--ask entry)))
      (if (eq how 'check) (sendonce-outbox--look entry) how))))

;;;###autoload
(defun sendonce-resolve (id how)
  "Settle entry ID, which is in doubt, by the word HOW.
`sent': it arrived.  `resend': send the same bytes again, with the
same Message-ID and Date.  `cancel': it counts as not sent.  nil:
leave it.  Return how many recipients were settled."
  (interactive
   (let ((id (car (sendonce-outbox--targets "resolve" 'in-doubt))))
     (list id (sendonce-outbox--read-resolution id))))
  (sendonce-engine)
  (pcase (assq how sendonce-outbox--resolutions)
    (`(,_ ,from ,to)
     (prog1 (sendonce--mod-settle (sendonce-engine) id from to)
       (when (eq to 'queued)
         (sendonce--mod-flush (sendonce-engine) id))
       (sendonce-notify-update)))
    (_ (if (null how)
           0
         (user-error "An entry is settled as sent, resend or cancel, not %s"
                     how)))))

(provide 'sendonce-outbox)

;;; sendonce-outbox.el ends here
