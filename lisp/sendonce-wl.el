;;; sendonce-wl.el --- Wanderlust sends through sendonce  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns what Wanderlust demands of its `wl-draft-send-mail-function', and
;; the reading of wl-smtp-* and smtp-* settings as an account.  Wanderlust
;; calls `wl-draft-send-mail-with-sendonce' in a clone of the draft, or in
;; a message of its queue: encoded, the separator blank, Bcc still there.
;;
;; What it must leave behind is a mark, in `wl-sent-message-via': after a
;; return without one Wanderlust deletes the draft and files no Fcc.  So
;; what is in the outbox is marked `sent', what waits for the network
;; `unplugged' (Wanderlust queues that itself), and everything else is an
;; error.  The sendlog has a line for each: `ok', `failed', `uncertain';
;; `queued' is what the outbox still tries, and its outcome is logged when
;; it comes.
;;
;; What is in doubt must not stay in Wanderlust's queue, which sends
;; whatever signalled once more at the next flush: the outbox has it.
;;
;; The draft's identity is in a variable whose name begins with "wl", so
;; that the clone has it, and among `wl-draft-config-variables', so that
;; Wanderlust keeps it with saved drafts and with its queue.

;;; Code:

(require 'sendonce)
(require 'sendonce-submit)
(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(declare-function elmo-plugged-p "ext:elmo-util"
                  (&optional server port stream-type alist label-exp))
(declare-function elmo-get-passwd "ext:elmo-util" (key))
(declare-function elmo-remove-passwd "ext:elmo-util" (key))
(declare-function wl-address-header-extract-address "ext:wl-address" (str))
(declare-function wl-draft-deduce-address-list "ext:wl-draft"
                  (buffer header-start header-end))
(declare-function wl-draft-delete-field "ext:wl-draft"
                  (field &optional delimline replace))
(declare-function wl-draft-write-sendlog "ext:wl-draft"
                  (status proto server to id))
(declare-function wl-draft-config-info-operation "ext:wl-draft"
                  (msg operation))

(defvar wl-from)
(defvar wl-envelope-from)
(defvar wl-local-domain)
(defvar wl-smtp-posting-server)
(defvar wl-smtp-posting-port)
(defvar wl-smtp-posting-user)
(defvar wl-smtp-authenticate-type)
(defvar wl-smtp-connection-type)
(defvar wl-draft-config-variables)
(defvar wl-draft-buffer-message-number)
(defvar wl-draft-queue-flushing)
(defvar wl-draft-remove-group-list-contents)
(defvar wl-draft-doing-mime-bcc)
(defvar wl-draft-disable-bcc-for-mime-bcc)
(defvar elmo-network-starttls-stream-type-list)
(defvar mime-edit-pgp-processing)
(defvar smtp-server)
(defvar smtp-service)
(defvar smtp-fqdn)
(defvar smtp-local-domain)
(defvar smtp-use-starttls)
(defvar smtp-use-starttls-ignore-error)

;;;; The draft's identity

(defvar-local wl-sendonce-draft-id nil
  "Identity of the Wanderlust draft in this buffer, as sendonce knows it.")

(defvar-local wl-sendonce-draft-source nil
  "Hash of the source of this draft, if its body is made anew each time.")

(defun sendonce-wl--volatile-p ()
  "Return non-nil if SEMI signs or encrypts this draft, anew each time."
  (or (bound-and-true-p mime-edit-pgp-processing)
      (save-excursion
        (goto-char (point-min))
        (re-search-forward
         "^--<<\\(?:[a-z-]*signed\\|[a-z-]*encrypted\\|pgp-[a-z]+\\|kazu-[a-z]+\\)"
         nil t))))

(defun sendonce-wl--source ()
  "Return the hash of the draft's text if its body is volatile, else nil."
  (and (sendonce-wl--volatile-p)
       (secure-hash 'sha256
                    (encode-coding-string
                     (buffer-substring-no-properties (point-min) (point-max))
                     'utf-8))))

(defun sendonce-wl-stamp ()
  "Stamp the Wanderlust draft in this buffer with its identity.
On `wl-draft-send-hook'.  It is on disk, beside the saved draft, before
anything is sent."
  (unless wl-sendonce-draft-id
    (setq wl-sendonce-draft-id (sendonce-identity-new)))
  (unless (memq 'wl-sendonce-draft-id wl-draft-config-variables)
    (setq wl-draft-config-variables
          (append wl-draft-config-variables '(wl-sendonce-draft-id))))
  (setq wl-sendonce-draft-source (sendonce-wl--source))
  (when (bound-and-true-p wl-draft-buffer-message-number)
    (with-demoted-errors "sendonce: the draft's identity is not on disk: %S"
      (wl-draft-config-info-operation wl-draft-buffer-message-number 'save))))

(defun sendonce-wl--origin-p (buffer number)
  "Return non-nil if BUFFER is the draft that has NUMBER in its folder."
  (with-current-buffer buffer
    (and (derived-mode-p 'wl-draft-mode)
         (eql number wl-draft-buffer-message-number))))

(defun sendonce-wl--stamp-origin ()
  "Stamp the draft that the current buffer is a clone of, if it is found.
Needed once a session at most, where the first send has loaded us too
late for `wl-draft-send-hook'."
  (let* ((number (bound-and-true-p wl-draft-buffer-message-number))
         (draft (and number
                     (seq-find (lambda (buffer)
                                 (and (not (eq buffer (current-buffer)))
                                      (sendonce-wl--origin-p buffer number)))
                               (buffer-list)))))
    (when draft
      (pcase-let ((`(,id . ,source)
                   (with-current-buffer draft
                     (sendonce-wl-stamp)
                     (cons wl-sendonce-draft-id wl-sendonce-draft-source))))
        (setq wl-sendonce-draft-id id
              wl-sendonce-draft-source source)))))

(defun sendonce-wl-setup ()
  "Have Wanderlust's drafts stamped, its passwords used, and outcomes logged."
  (add-hook 'wl-draft-send-hook #'sendonce-wl-stamp 90)
  (add-hook 'mail-send-hook #'sendonce-wl-a-labels -90)
  (add-hook 'sendonce-password-functions #'sendonce-wl--password)
  (add-hook 'sendonce-ended-functions #'sendonce-wl--ended))

(defun sendonce-wl--identify ()
  "Make the identity of the draft known to sendonce in this buffer."
  (sendonce-wl-setup)
  (unless wl-sendonce-draft-id
    (sendonce-wl--stamp-origin))
  (setq message-sendonce-draft-id wl-sendonce-draft-id
        message-sendonce-draft-source wl-sendonce-draft-source))

;;;; Domains that are not ASCII

(defconst sendonce-wl--address-field
  "^\\(?:Resent-\\)?\\(?:To\\|Cc\\|Bcc\\|From\\|Reply-To\\):"
  "Regexp for the beginning of a field of addresses.")

(defun sendonce-wl--a-labels-until (end)
  "Write the domains after point, up to END, a marker, in A-labels."
  (while (re-search-forward "@\\([^][<>(),;:@\"\\ \t\n]+\\)" end t)
    (let ((domain (match-string 1)))
      (unless (string-match-p "\\`[[:ascii:]]*\\'" domain)
        (replace-match (save-match-data (sendonce-recipient--a-label domain domain))
                       t t nil 1)))))

(defun sendonce-wl-a-labels ()
  "Write domains in the header of this clone of a draft in A-labels.
FLIM, which encodes the header next, has no other way to write them.
On `mail-send-hook'."
  (when (and (derived-mode-p 'wl-draft-mode)
             (string-prefix-p " " (buffer-name)))
    (save-excursion
      (let ((case-fold-search t)
            (end (copy-marker (car (sendonce-compose--body-start)))))
        (goto-char (point-min))
        (while (re-search-forward sendonce-wl--address-field end t)
          (sendonce-wl--a-labels-until
           (save-excursion
             (re-search-forward "\n[^ \t]" end 'move)
             (point-marker))))))))

;;;; Settings

(defun sendonce-wl--error (format &rest args)
  "Signal a `sendonce-config-error' with FORMAT and ARGS."
  (signal 'sendonce-config-error
          (list (apply #'format-message format args) :cause 'bad-argument)))

(defun sendonce-wl--server (sender recipients)
  "Return the server Wanderlust would use for SENDER and RECIPIENTS, or nil."
  (let ((server (or (bound-and-true-p wl-smtp-posting-server)
                    (bound-and-true-p smtp-server))))
    (if (functionp server)
        (funcall server sender recipients)
      server)))

(defun sendonce-wl--implicit-p ()
  "Return non-nil if Wanderlust is told to use TLS from the start."
  (memq wl-smtp-connection-type '(ssl tls)))

(defun sendonce-wl--service ()
  "Return the port Wanderlust would use: a number, or a service's name.
Port 25 goes without saying, and nobody speaks TLS from the start there."
  (let ((service (or (bound-and-true-p wl-smtp-posting-port)
                     (bound-and-true-p smtp-service)
                     25)))
    (if (and (sendonce-wl--implicit-p)
             (not (bound-and-true-p wl-smtp-posting-port))
             (member service '("smtp" 25)))
        465
      service)))

(defun sendonce-wl--port ()
  "Return the port number Wanderlust would use, or signal."
  (let ((service (sendonce-wl--service)))
    (or (sendonce-account-port service)
        (sendonce-wl--error "`wl-smtp-posting-port' or `smtp-service' is %S, \
which is no port: set `wl-smtp-posting-port' to a number such as 465 or 587"
                            service))))

(defun sendonce-wl--starttls ()
  "Return the :tls that STARTTLS means in Wanderlust."
  (if (bound-and-true-p smtp-use-starttls-ignore-error)
      'opportunistic
    'starttls))

(defun sendonce-wl--tls (port)
  "Return the :tls value that `wl-smtp-connection-type' means at PORT.
nil means STARTTLS if the server offers it, as `smtpmail-stream-type'
has it; at port 465 only TLS from the start is spoken (RFC 8314)."
  (let ((type wl-smtp-connection-type))
    (cond ((eq type 'starttls) (sendonce-wl--starttls))
          ((sendonce-wl--implicit-p) 'implicit)
          (type (sendonce-wl--error "`wl-smtp-connection-type' is `%s', \
which sendonce cannot do: set it to `ssl' (port 465), `starttls' (port 587) \
or nil" type))
          ((= port 465) 'implicit)
          ((bound-and-true-p smtp-use-starttls) (sendonce-wl--starttls))
          (t 'opportunistic))))

(defun sendonce-wl--sign-in ()
  "Return a plist of :user and :auth as Wanderlust would sign in."
  (let ((types (ensure-list wl-smtp-authenticate-type)))
    (cond ((null types) '(:user nil))
          (wl-smtp-posting-user
           (list :user wl-smtp-posting-user
                 :auth (mapcar #'upcase types)))
          (t (list :auth (mapcar #'upcase types))))))

(defun sendonce-wl--local-name ()
  "Return a plist of the :local-name that Wanderlust would greet with."
  (let ((domain (or (bound-and-true-p smtp-local-domain)
                    (bound-and-true-p wl-local-domain)))
        (name (bound-and-true-p smtp-fqdn)))
    (cond (name (list :local-name name))
          (domain (list :local-name (concat (system-name) "." domain))))))

(defconst sendonce-wl--settings
  '(wl-smtp-posting-server wl-smtp-posting-port wl-smtp-posting-user
                           wl-smtp-connection-type wl-smtp-authenticate-type)
  "Variables by which a draft may have a server of its own.")

(defun sendonce-wl--draft-differs-p ()
  "Return non-nil if this draft has settings of its own.
So it is where `wl-draft-config-alist' or a template has set them.  The
queue keeps the values of all drafts: one that is as usual is none."
  (seq-some (lambda (variable)
              (and (local-variable-p variable)
                   (not (equal (symbol-value variable)
                               (default-value variable)))))
            sendonce-wl--settings))

(defun sendonce-wl--own (sender recipients)
  "Return the account that Wanderlust's settings describe, or nil.
SENDER and RECIPIENTS are of the message.  Where `sendonce-accounts'
says what to use, only what is set for this very draft counts; and
where Wanderlust knows no server but smtpmail does, that is the one."
  (let ((server (and (or (null sendonce-accounts)
                         (sendonce-wl--draft-differs-p))
                     (or (sendonce-wl--server sender recipients)
                         (and (not (bound-and-true-p smtpmail-smtp-server))
                              (null sendonce-accounts)
                              "localhost")))))
    (and server
         (let ((port (sendonce-wl--port)))
           (append (list :host server :port port
                         :tls (sendonce-wl--tls port))
                   (sendonce-wl--sign-in)
                   (sendonce-wl--local-name))))))

;;;; Passwords that Wanderlust holds

(defconst sendonce-wl--mechanisms
  '("PLAIN" "LOGIN" "CRAM-MD5" "DIGEST-MD5" "SCRAM-SHA-1" "SCRAM-SHA-256")
  "Mechanisms under which Wanderlust may hold a password, besides the user's.")

(defun sendonce-wl--keys (host port user)
  "Return the keys of Wanderlust's pool for USER at HOST and PORT."
  (mapcar (lambda (mechanism) (list "SMTP" user mechanism host port))
          (seq-uniq (append (mapcar #'upcase
                                    (ensure-list wl-smtp-authenticate-type))
                            sendonce-wl--mechanisms))))

(defun sendonce-wl--password (what host port user)
  "Look up, or forget, the password of USER at HOST and PORT in the pool.
WHAT is `get' or `forget'; see `sendonce-password-functions'.  Asks
nobody: a pool that has none would."
  (when (fboundp 'elmo-get-passwd)
    (seq-some (lambda (key)
                (if (eq what 'forget)
                    (ignore (elmo-remove-passwd key))
                  (let ((inhibit-interaction t))
                    (ignore-errors (elmo-get-passwd key)))))
              (sendonce-wl--keys host port user))))

;;;; The sendlog

(defvar sendonce-wl--pending nil
  "Alist of (ENTRY-ID . RECIPIENTS) of what is logged as queued.")

(defun sendonce-wl--status (entry)
  "Return the sendlog's word for how ENTRY stands; `queued' is not the end."
  (let ((states (sendonce-identity-states entry)))
    (cond ((memq 'in-doubt states) 'uncertain)
          ((seq-intersection '(queued sending deferred) states) 'queued)
          ((or (memq 'failed states) (memq 'cancelled states)) 'failed)
          (t 'ok))))

(defun sendonce-wl--log (status host recipients message-id)
  "Log that mail with MESSAGE-ID for RECIPIENTS at HOST has STATUS."
  (wl-draft-write-sendlog status 'smtp host recipients message-id))

(defun sendonce-wl--log-entry (entry recipients)
  "Log how ENTRY for RECIPIENTS stands; note it if that is not the end."
  (let ((status (sendonce-wl--status entry))
        (id (plist-get entry :id)))
    (setf (alist-get id sendonce-wl--pending nil t)
          (and (eq status 'queued) recipients))
    (sendonce-wl--log status
                      (sendonce-account-setting (plist-get entry :settings)
                                                "host")
                      recipients
                      (plist-get entry :message-id))))

(defun sendonce-wl--ended (entry)
  "Log the outcome of ENTRY if Wanderlust sent it and it has come now.
On `sendonce-ended-functions'."
  (let ((recipients (alist-get (plist-get entry :id) sendonce-wl--pending)))
    (when (and recipients
               (not (eq (sendonce-wl--status entry) 'queued)))
      (sendonce-wl--log-entry entry recipients))))

;;;; The message

(defun sendonce-wl--sender ()
  "Return the envelope sender, as Wanderlust has it."
  (or wl-envelope-from
      (wl-address-header-extract-address wl-from)))

(defun sendonce-wl--header-end ()
  "Return the end of the header in the current buffer, as a marker."
  (save-excursion
    (goto-char (point-min))
    (re-search-forward "^$" nil 'move)
    (point-marker)))

(defun sendonce-wl--recipients ()
  "Return the recipients that the header in the current buffer names."
  (let ((fields (sendonce-header-parse
                 (encode-coding-string
                  (sendonce-compose--header-text (sendonce-wl--header-end))
                  'utf-8))))
    (sendonce-recipient-list
     (if (and wl-draft-doing-mime-bcc wl-draft-disable-bcc-for-mime-bcc)
         (sendonce-header-without fields "bcc")
       fields))))

(defun sendonce-wl--finish-header ()
  "Take out of the header what nobody is to see.
The Fcc copy is made of this buffer as well."
  (let ((end (sendonce-wl--header-end)))
    (when wl-draft-remove-group-list-contents
      ;; It takes them out when it reads them.
      (ignore-errors
        (wl-draft-deduce-address-list (current-buffer) (point-min) end)))
    (run-hooks 'wl-mail-send-pre-hook)
    (wl-draft-delete-field "bcc" end)
    (wl-draft-delete-field "resent-bcc" end)))

(defun sendonce-wl--same-id (entry)
  "Give the message in this buffer the Message-ID of ENTRY.
Wanderlust makes a new one for each try; what it files is what went out."
  (let ((id (plist-get entry :message-id))
        (case-fold-search t)
        (end (sendonce-wl--header-end)))
    (save-excursion
      (goto-char (point-min))
      (when (and id (re-search-forward "^Message-ID:[ \t]*\\(.*\\)$" end t))
        (replace-match id t t nil 1)))))

;;;; Sending

(defun sendonce-wl--mark (result &optional place)
  "Tell Wanderlust that the mail in this buffer is RESULT.
PLACE is (SERVER . PORT) if RESULT is `unplugged'.  The macro is there
only where Wanderlust is."
  (eval `(wl-draft-set-sent-message 'mail ',result ',place) t))

(defun sendonce-wl--done (entry recipients)
  "Tell Wanderlust that ENTRY for RECIPIENTS is in safe hands."
  (sendonce-wl--same-id entry)
  (sendonce-wl--mark 'sent)
  (sendonce-wl--log-entry entry recipients))

(defun sendonce-wl--cause (err)
  "Return the cause that the error ERR tells, or nil."
  (plist-get (cddr err) :cause))

(defun sendonce-wl--leave-to-outbox (entry)
  "Take the message in this buffer out of Wanderlust's queue: ENTRY has it."
  (sendonce-wl--same-id entry)
  (sendonce-wl--mark 'sent)
  (sendonce-notify-ended (plist-get entry :id)))

(defun sendonce-wl--failed (err own recipients)
  "Log the error ERR of a send to RECIPIENTS with OWN, and signal it again.
While Wanderlust flushes its queue, what is in doubt leaves the queue
instead."
  (let* ((entry (and (plist-get (cddr err) :id)
                     (sendonce-dispatch-entry (plist-get (cddr err) :id))))
         (doubt (eq (car err) 'sendonce-in-doubt)))
    (sendonce-wl--log (if doubt 'uncertain 'failed)
                      (if entry
                          (sendonce-account-setting
                           (plist-get entry :settings) "host")
                        (plist-get own :host))
                      recipients
                      (if entry (plist-get entry :message-id)
                        (sendonce-identity--message-id)))
    (if (and doubt entry wl-draft-queue-flushing)
        (sendonce-wl--leave-to-outbox entry)
      (signal (car err) (cdr err)))))

(defun sendonce-wl--send (sender own recipients)
  "Send the message in this buffer from SENDER to RECIPIENTS.
OWN is the account that Wanderlust's settings describe, or nil."
  (condition-case err
      (let ((mail-header-separator ""))
        (sendonce-wl--finish-header)
        (sendonce-wl--identify)
        (sendonce-wl--done
         (sendonce-dispatch-entry
          (sendonce-submit-letter
           (sendonce-compose :encoded t :sender sender :recipients recipients)
           own))
         recipients))
    (error (sendonce-wl--failed err own recipients))
    (quit (sendonce-wl--log 'uncertain (plist-get own :host) recipients
                            (sendonce-identity--message-id))
          (signal 'quit nil))))

(defun sendonce-wl--place (own)
  "Return (SERVER . PORT) where OWN, or whatever is used without, sends to.
It is what Wanderlust knows as plugged or not."
  (if own
      (cons (plist-get own :host) (plist-get own :port))
    (sendonce-account-place
     (let ((mail-header-separator ""))
       (or (sendonce-recipient-from
            (sendonce-header-parse
             (encode-coding-string
              (sendonce-compose--header-text (sendonce-wl--header-end))
              'utf-8)))
           "")))))

;;;###autoload
(defun wl-draft-send-mail-with-sendonce ()
  "Send the message that Wanderlust prepared in the current buffer.
A value for `wl-draft-send-mail-function'.  The account is that of
`sendonce-accounts' whose :from fits, or what `wl-smtp-posting-server'
and its like describe where that list is empty or the draft has values
of its own (`wl-draft-config-alist').  Where the server is unplugged
nothing is sent: Wanderlust queues the message."
  (let* ((sender (sendonce-wl--sender))
         (recipients (sendonce-wl--recipients))
         (own (sendonce-wl--own sender recipients))
         (place (sendonce-wl--place own)))
    (if (elmo-plugged-p (car place) (cdr place))
        (sendonce-wl--send sender own recipients)
      (sendonce-wl--mark 'unplugged place))))

(provide 'sendonce-wl)

;;; sendonce-wl.el ends here
