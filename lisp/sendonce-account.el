;;; sendonce-account.el --- Which server, and how  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the way from options to the settings text that the module reads
;; (module/emacs/INTERFACE.org): an account out of `sendonce-accounts',
;; or out of the smtpmail-* variables as they are, checked, with errors
;; that name the field and the remedy.  Settings never hold a secret.
;;
;; Submit calls it in the user's buffer, so that buffer-local smtpmail-*
;; values count; dispatch calls it again before a retry.  It asks nothing
;; but, where a server is known to want a sign-in and no user is known,
;; credential for the user's name.

;;; Code:

(require 'sendonce)
(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(declare-function sendonce-credential-user "sendonce-credential"
                  (host port required))
(declare-function sendonce-credential-user-quietly "sendonce-credential"
                  (host port))
(declare-function sendonce-credential-manner "sendonce-credential"
                  (host port user quietly))
(declare-function sendonce-trust-ask-p "sendonce-trust" (host port))

(defvar smtpmail-smtp-server)
(defvar smtpmail-default-smtp-server)
(defvar smtpmail-smtp-service)
(defvar smtpmail-stream-type)
(defvar smtpmail-smtp-user)
(defvar smtpmail-local-domain)
(defvar smtpmail-servers-requiring-authorization)
(defvar gnutls-trustfiles)
(defvar gnutls-algorithm-priority)
(defvar gnutls-min-prime-bits)

;;;; Errors

(defun sendonce-account--error (format &rest args)
  "Signal a `sendonce-config-error' with FORMAT and ARGS."
  (signal 'sendonce-config-error
          (list (apply #'format-message format args) :cause 'bad-argument)))

(defun sendonce-account--reject (account key remedy)
  "Signal that KEY of ACCOUNT will not do, and what REMEDY there is."
  (sendonce-account--error
   "Account %s in `sendonce-accounts' has %s %S: %s"
   (or (plist-get account :name) (plist-get account :host) "without a name")
   key (plist-get account key) remedy))

;;;; Checks, one a key

(defconst sendonce-account--services
  '(("smtp" . 25) ("submission" . 587) ("submissions" . 465)
    ("smtps" . 465) ("urd" . 465) ("ssmtp" . 465))
  "Alist of (SERVICE . PORT) of the services that carry mail.")

(defun sendonce-account-port (value)
  "Return the port number that VALUE means, or nil if it means none.
VALUE is a number, a number as a string, or the name of a service."
  (cond ((integerp value) (and (< 0 value 65536) value))
        ((not (stringp value)) nil)
        ((string-match-p "\\`[0-9]+\\'" value)
         (sendonce-account-port (string-to-number value)))
        (t (cdr (assoc (downcase value) sendonce-account--services)))))

(defun sendonce-account--line-p (value)
  "Return non-nil if VALUE is a string that fits on one settings line."
  (and (stringp value)
       (not (string-match-p "[[:cntrl:]\177]\\|\\`[ ]*\\'" value))))

(defun sendonce-account--imap-p (value)
  "Return non-nil if VALUE can be the :imap of an account."
  (if (consp value)
      (sendonce-account--host-p (plist-get value :host))
    (sendonce-account--host-p value)))

(defun sendonce-account--host-p (value)
  "Return non-nil if VALUE can be the name or the address of a host."
  (and (sendonce-account--line-p value)
       (not (string-match-p "[ /@]\\|://" value))))

(defun sendonce-account--lines-p (value)
  "Return non-nil if VALUE is one string for a line, or a list of them."
  (seq-every-p (lambda (element)
                 (sendonce-account--line-p
                  (if (symbolp element) (symbol-name element) element)))
               (ensure-list value)))

(defun sendonce-account--boolean-p (value)
  "Return non-nil if VALUE is t or nil."
  (memq value '(t nil)))

(defun sendonce-account--tls-p (value)
  "Return non-nil if VALUE is a way to use TLS."
  (memq value '(implicit starttls auto opportunistic nil)))

(defun sendonce-account--seconds-p (value)
  "Return non-nil if VALUE is a number of seconds."
  (and (numberp value) (> value 0)))

(defun sendonce-account--span-p (value)
  "Return non-nil if VALUE is a number of seconds that a line may rest."
  (or (null value) (and (numberp value) (<= 0 value 3600))))

(defun sendonce-account--window-p (value)
  "Return non-nil if VALUE is a number of messages that may be in doubt."
  (and (natnump value) (<= 1 value 100)))

(defun sendonce-account--files-p (value)
  "Return non-nil if VALUE is a list of files that can be read."
  (and (sendonce-account--lines-p value)
       (seq-every-p #'file-readable-p (ensure-list value))))

(defun sendonce-account--key-p (value)
  "Return non-nil if VALUE names a file that can be read, or a token's key."
  (and (sendonce-account--line-p value)
       (if (string-prefix-p "pkcs11:" value)
           ;; It would be stored with each message; it is asked for.
           (not (string-match-p "[?&;]pin-\\(?:value\\|source\\)=" value))
         (file-readable-p value))))

(defun sendonce-account--pins-p (value)
  "Return non-nil if VALUE is a pin of a public key, or a list of them."
  (seq-every-p (lambda (pin)
                 (and (stringp pin)
                      (let ((case-fold-search t))
                        (string-match-p
                         "\\`sha256:\\(?::?[0-9a-f]\\{2\\}\\)\\{32\\}\\'" pin))))
               (ensure-list value)))

(defconst sendonce-account--checks
  '((:name sendonce-account--line-p "give a string")
    (:from sendonce-account--lines-p
           "give an address, a domain, a regexp, or a list of those")
    (:host sendonce-account--host-p
           "give the bare name of the server, such as \"mail.example.org\"")
    (:port sendonce-account-port
           "give a number, or one of \"smtp\", \"submission\", \"smtps\"")
    (:tls sendonce-account--tls-p
          "write `implicit', `starttls', `auto', or nil for none")
    (:user sendonce-account--line-p "give the user's name as a string")
    (:auth sendonce-account--lines-p
           "name a mechanism such as \"PLAIN\", or a list of them")
    (:tls-host sendonce-account--host-p
               "give the name that the certificate must prove")
    (:trust-files sendonce-account--files-p
                  "give a list of files that exist and can be read")
    (:client-key sendonce-account--key-p "give a PEM file that exists and can \
be read, or a URI \"pkcs11:...\" without a PIN, which is asked for")
    (:client-cert sendonce-account--key-p "give a PEM file that exists and can \
be read, or a URI \"pkcs11:...\"")
    (:pin sendonce-account--pins-p "give \"sha256:\" and the 64 hex digits of \
the server's public key, as M-x sendonce-doctor shows it")
    (:priority sendonce-account--line-p "give a GnuTLS priority string")
    (:local-name sendonce-account--host-p "give a host name")
    (:timeout sendonce-account--seconds-p "give seconds, more than 0")
    (:keep-alive sendonce-account--span-p "give seconds, 0 or nil for not at all")
    (:window sendonce-account--window-p "give a number of messages, 1 to 100")
    (:chunking sendonce-account--boolean-p "write t or nil")
    (:pipelining sendonce-account--boolean-p "write t or nil")
    (:plain-sign-in sendonce-account--boolean-p "write t or nil")
    (:imap sendonce-account--imap-p "give the name of a server, or a list \
\(:host NAME :port N :stream ssl :user USER :mailbox NAME)"))
  "List of (KEY CHECK REMEDY): what an account may say.
CHECK returns nil for a value that will not do.")

(defconst sendonce-account--later
  '(:proxy)
  "Keys whose meaning this version of the module cannot keep.
To ignore them would be less secure than the account says.")

(defun sendonce-account--remedy (key value usual)
  "Return what to do about VALUE of KEY; USUAL is what helps mostly."
  (cond ((and (eq key :tls) (sendonce-account-port value))
         (format "that is a port; write :port %s :tls %s"
                 (sendonce-account-port value)
                 (if (= (sendonce-account-port value) 465)
                     "implicit" "starttls")))
        ((and (eq key :tls) (memq value '(t tls ssl)))
         (format "%s; :tls implicit is what port 465 wants, \
:tls starttls port 587" usual))
        (t usual)))

(defun sendonce-account--check-key (account key value)
  "Signal unless VALUE will do as KEY of ACCOUNT."
  (pcase (assq key sendonce-account--checks)
    (`(,_ ,check ,remedy)
     (unless (or (null value) (funcall check value))
       (sendonce-account--reject
        account key (sendonce-account--remedy key value remedy))))
    (_ (sendonce-account--reject
        account key
        (if (memq key sendonce-account--later)
            "this version of sendonce cannot do that yet; remove it"
          "no account has such a field; see `sendonce-accounts'")))))

(defun sendonce-account-check (account)
  "Return ACCOUNT if it is sound, else signal `sendonce-config-error'."
  (unless (and (consp account) (zerop (mod (length account) 2)))
    (sendonce-account--error
     "An element of `sendonce-accounts' is no property list: %S" account))
  (unless (plist-get account :host)
    (sendonce-account--error
     "Account %s in `sendonce-accounts' has no :host: name the server"
     (or (plist-get account :name) "without a name")))
  (cl-loop for (key value) on account by #'cddr
           do (sendonce-account--check-key account key value))
  account)

;;;; Choosing by From

(defun sendonce-account--matches-p (pattern from)
  "Return non-nil if PATTERN, one of an account's :from, fits FROM."
  (let ((case-fold-search t)
        (domain (cadr (split-string from "@"))))
    (cond ((string-match-p "\\`[^@]+@[^@]+\\'" pattern)
           (sendonce-account--same-p pattern from))
          ((string-match-p "\\`@?[-[:alnum:].]+\\'" pattern)
           (sendonce-account--same-p
            (string-remove-prefix "@" pattern) (or domain "")))
          (t (string-match-p pattern from)))))

(defun sendonce-account--same-p (a b)
  "Return non-nil if A and B differ at most in case."
  (eq t (compare-strings a nil nil b nil nil t)))

(defun sendonce-account--fits-p (account from)
  "Return non-nil if ACCOUNT is meant for FROM."
  (seq-some (lambda (pattern) (sendonce-account--matches-p pattern from))
            (ensure-list (plist-get account :from))))

(defun sendonce-account--choose (from)
  "Return the account of `sendonce-accounts' for FROM, or signal."
  (or (seq-find (lambda (a) (sendonce-account--fits-p a from))
                sendonce-accounts)
      (seq-find (lambda (a) (not (plist-get a :from))) sendonce-accounts)
      (sendonce-account--error
       "No account is for mail from %s; those in `sendonce-accounts' are \
for %s.  Add one with :from \"%s\", or one without :from"
       from
       (mapconcat (lambda (a) (string-join (ensure-list (plist-get a :from))
                                           ", "))
                  sendonce-accounts "; ")
       from)))

(defun sendonce-account-named (name)
  "Return the account of `sendonce-accounts' called NAME, or nil."
  (seq-find (lambda (a) (equal name (sendonce-account-name a)))
            sendonce-accounts))

(defun sendonce-account-name (account)
  "Return what ACCOUNT is called."
  (or (plist-get account :name) (plist-get account :host)))

;;;; What smtpmail says

(defun sendonce-account--server ()
  "Return the server that smtpmail would use, or signal."
  (or (bound-and-true-p smtpmail-smtp-server)
      (bound-and-true-p smtpmail-default-smtp-server)
      (sendonce-account--error
       "No mail server is set: set `smtpmail-smtp-server' to its name, \
or describe your account in `sendonce-accounts'")))

(defun sendonce-account--service ()
  "Return the port that `smtpmail-smtp-service' means, or signal."
  (let ((service (bound-and-true-p smtpmail-smtp-service)))
    (or (sendonce-account-port (or service 25))
        (sendonce-account--error
         "`smtpmail-smtp-service' is %S, which is no port: set it to a \
number such as 465 or 587" service))))

(defun sendonce-account--stream-type (port type)
  "Return the :tls value that `smtpmail-stream-type', TYPE, means at PORT.
nil means STARTTLS if the server offers it; at port 465 that would
wait for ever, since only TLS is spoken there (RFC 8314)."
  (pcase type
    ((or 'nil 'network) (if (= port 465) 'implicit 'opportunistic))
    ((or 'ssl 'tls) 'implicit)
    ('starttls 'starttls)
    ('plain nil)
    (other (sendonce-account--error
            "`smtpmail-stream-type' is %S, which is none of its values: \
set it to `ssl' (port 465) or `starttls' (port 587)" other))))

(defun sendonce-account--must-sign-in-p (host)
  "Return non-nil if smtpmail is told that HOST wants a sign-in."
  (let ((regexp (bound-and-true-p smtpmail-servers-requiring-authorization)))
    (and regexp (string-match-p regexp host))))

(defun sendonce-account--credentials (host port)
  "Return a plist of :user and :auth to sign in at HOST and PORT with.
nil if there is no user.  As in smtpmail, one found by `auth-source' counts."
  (let ((user (bound-and-true-p smtpmail-smtp-user)))
    (if user
        (append (list :user user)
                (sendonce-credential-manner host port user nil))
      (sendonce-credential-user
       host port (sendonce-account--must-sign-in-p host)))))

(defconst sendonce-account--smtpmail-variables
  '(smtpmail-smtp-server
    smtpmail-smtp-service
    smtpmail-stream-type
    smtpmail-smtp-user)
  "Variables that say which server smtpmail uses, and how.")

(defun sendonce-account--global-p ()
  "Return non-nil if the smtpmail-* variables have their global values.
If so they are looked up anew for a retry: the user may have mended them."
  (seq-every-p (lambda (variable)
                 (or (not (boundp variable))
                     (and (not (local-variable-p variable))
                          (default-boundp variable)
                          (equal (symbol-value variable)
                                 (default-toplevel-value variable)))))
               sendonce-account--smtpmail-variables))

(defconst sendonce-account--smtpmail "smtpmail"
  "Name of the account that the global smtpmail-* variables describe.")

(defun sendonce-account--from-smtpmail (credentials)
  "Return the account that the smtpmail-* variables describe.
CREDENTIALS is a function that gets host and port, and returns a
plist of :user and :auth."
  (let ((host (sendonce-account--server))
        (port (sendonce-account--service))
        (domain (bound-and-true-p smtpmail-local-domain)))
    (append
     (list :name (if (sendonce-account--global-p)
                     sendonce-account--smtpmail
                   (concat sendonce-account--smtpmail ":" host))
           :host host :port port
           :tls (sendonce-account--stream-type
                 port (bound-and-true-p smtpmail-stream-type)))
     (funcall credentials host port)
     (and domain (list :local-name (concat (system-name) "." domain))))))

(defun sendonce-account-complete (account quietly)
  "Return ACCOUNT with what `auth-source' says about how to sign in there.
That is a mechanism and a client certificate, where ACCOUNT names none.
QUIETLY: ask nobody for the passphrase of a file."
  (let ((user (plist-get account :user)))
    (append account
            (and user
                 (not (plist-get account :client-key))
                 (let ((manner (sendonce-credential-manner
                                (plist-get account :host)
                                (sendonce-account--port account)
                                user quietly)))
                   (cl-loop for (key value) on manner by #'cddr
                            unless (plist-get account key)
                            append (list key value)))))))

(defun sendonce-account-for (from &optional own)
  "Return a sound account to send mail from the address FROM with.
OWN is an account that the message or its mail client asks for; if it is
nil, FROM decides.  Signal `sendonce-config-error' if there is none."
  (sendonce-account-check
   (cond (own (sendonce-account--own own))
         (sendonce-accounts
          (sendonce-account-complete
           (sendonce-account-check (sendonce-account--choose from)) nil))
         (t (sendonce-account--from-smtpmail
             #'sendonce-account--credentials)))))

(defun sendonce-account-place (from)
  "Return (HOST . PORT) that mail from the address FROM goes to.
Asks nobody and looks up no password.  Signal `sendonce-config-error' if
there is no account."
  (if sendonce-accounts
      (let ((account (sendonce-account-check
                      (sendonce-account--choose from))))
        (cons (plist-get account :host) (sendonce-account--port account)))
    (cons (sendonce-account--server) (sendonce-account--service))))

;;;; What the message or its client asks for

(defun sendonce-account--agrees-p (account own)
  "Return non-nil if ACCOUNT of `sendonce-accounts' can be meant by OWN.
So it is if no field that both have of host, port and user differs."
  (and (sendonce-account--same-p (or (plist-get account :host) "")
                                 (plist-get own :host))
       (or (not (plist-get own :port))
           (equal (sendonce-account-port (plist-get own :port))
                  (sendonce-account--port account)))
       (or (not (plist-get own :user))
           (equal (plist-get own :user) (plist-get account :user)))))

(defun sendonce-account--own-name (own)
  "Return what OWN, an account that has no name, is called.
No account of `sendonce-accounts' is: a retry must not mistake it."
  (format "%s%s:%s (own)"
          (if (plist-get own :user) (concat (plist-get own :user) "@") "")
          (plist-get own :host)
          (sendonce-account--port own)))

(defun sendonce-account--own-user (own)
  "Return a plist of :user and :auth to complete OWN with.
Where OWN does not say, the user is looked for as for smtpmail; :user
nil says that nobody signs in."
  (cond ((plist-get own :user)
         (sendonce-credential-manner (plist-get own :host)
                                     (sendonce-account--port own)
                                     (plist-get own :user) nil))
        ((plist-member own :user) nil)
        (t (sendonce-account--credentials (plist-get own :host)
                                          (sendonce-account--port own)))))

(defun sendonce-account--own (own)
  "Return the account that OWN asks for, in full.
One of `sendonce-accounts' that it can mean is taken whole."
  (if (plist-get own :account)
      (sendonce-account--called (plist-get own :account))
    (sendonce-account-check own)
    (let ((known (seq-find (lambda (account)
                             (sendonce-account--agrees-p account own))
                           sendonce-accounts)))
      (if known
          (sendonce-account-complete (sendonce-account-check known) nil)
        (append (list :name (sendonce-account--own-name own))
                own
                (cl-loop for (key value) on (sendonce-account--own-user own)
                         by #'cddr
                         unless (plist-get own key)
                         append (list key value)))))))

(defun sendonce-account--called (name)
  "Return the account of `sendonce-accounts' called NAME, in full, or signal."
  (sendonce-account-complete
   (sendonce-account-check
    (or (sendonce-account-named name)
        (sendonce-account--error
         "X-Message-SMTP-Method asks for the account %s; those in \
`sendonce-accounts' are %s.  Mend the field, or add that account"
         name
         (if sendonce-accounts
             (mapconcat #'sendonce-account-name sendonce-accounts ", ")
           "none"))))
   nil))

(defun sendonce-account-of-method (method)
  "Return the account that METHOD, of X-Message-SMTP-Method, asks for.
\"smtp HOST PORT [USER]\" is that server, \"sendonce NAME\" the account
called so; \"sendonce\" alone, or nil, leaves it to From: nil."
  (pcase (and method (split-string method))
    ((or 'nil '("sendonce")) nil)
    (`("sendonce" . ,words) (list :account (string-join words " ")))
    (`("smtp" ,host ,port . ,user) (sendonce-account--smtp host port user))
    (_ (sendonce-account--error
        "X-Message-SMTP-Method is \"%s\": write \"smtp HOST PORT USER\", \
\"sendonce\" or \"sendonce ACCOUNT\"" method))))

(defun sendonce-account--smtp (host port user)
  "Return the account for HOST, PORT and USER of X-Message-SMTP-Method.
PORT is a string, USER nil or a list of one.  How TLS is used there
`smtpmail-stream-type' tells, as it does for smtpmail."
  (let ((number (or (sendonce-account-port port)
                    (sendonce-account--error
                     "X-Message-SMTP-Method has the port \"%s\": write a \
number such as 465 or 587" port))))
    (append (list :host host :port number
                  :tls (if sendonce-accounts 'auto
                         (sendonce-account--stream-type
                          number
                          (and (/= number 465)
                               (bound-and-true-p smtpmail-stream-type)))))
            (and user (list :user (car user))))))

;;;; Settings

(defun sendonce-account--default-port (account)
  "Return the port for an ACCOUNT that names none (RFC 8314, RFC 6409)."
  (pcase (sendonce-account--tls account)
    ('implicit 465)
    ('nil 25)
    (_ 587)))

(defun sendonce-account--tls (account)
  "Return the :tls of ACCOUNT, `auto' if it has none."
  (if (plist-member account :tls)
      (plist-get account :tls)
    'auto))

(defun sendonce-account--trust-files (account)
  "Return the files of authorities that ACCOUNT and the user name.
The defaults of `gnutls-trustfiles' are what the module trusts anyhow."
  (append (ensure-list (plist-get account :trust-files))
          (and (boundp 'gnutls-trustfiles)
               (seq-filter
                #'file-readable-p
                (seq-difference
                 gnutls-trustfiles
                 (eval (car (get 'gnutls-trustfiles 'standard-value)) t))))))

(defun sendonce-account--priority (account)
  "Return the GnuTLS priority string for ACCOUNT, or nil for the usual."
  (let ((priority (or (plist-get account :priority)
                      (bound-and-true-p gnutls-algorithm-priority))))
    (and priority
         (not (sendonce-account--same-p priority "normal"))
         priority)))

(defun sendonce-account--port (account)
  "Return the port number of ACCOUNT."
  (or (sendonce-account-port (plist-get account :port))
      (sendonce-account--default-port account)))

(defun sendonce-account--key (account key)
  "Return the file or URI that KEY of ACCOUNT names, in full; or nil."
  (let ((value (plist-get account key)))
    (if (or (null value) (string-prefix-p "pkcs11:" value))
        value
      (expand-file-name value))))

(defun sendonce-account--ask-trust-p (account)
  "Return non-nil if NSM is to judge the certificate of ACCOUNT in any case."
  (require 'sendonce-trust)
  (sendonce-trust-ask-p (or (plist-get account :tls-host)
                            (plist-get account :host))
                        (sendonce-account--port account)))

(defun sendonce-account--words (value)
  "Return VALUE, a word or a list of words, on one line; nil if empty."
  (and value (mapconcat (lambda (word) (format "%s" word))
                        (ensure-list value) " ")))

(defun sendonce-account--off (account key)
  "Return \"no\" if KEY is off in ACCOUNT, else nil."
  (and (plist-member account key) (not (plist-get account key)) "no"))

(defconst sendonce-account--keep-alive 60
  "Seconds that a line is kept unless the account says otherwise.")

(defun sendonce-account--keep-alive (account)
  "Return how many seconds a line to ACCOUNT is kept, or nil for none."
  (let ((span (if (plist-member account :keep-alive)
                  (or (plist-get account :keep-alive) 0)
                sendonce-account--keep-alive)))
    (and (> span 0) (ceiling span))))

(defun sendonce-account--pairs (account)
  "Return the settings of ACCOUNT as (KEY . VALUE), VALUE nil for none."
  `(("host" . ,(plist-get account :host))
    ("port" . ,(sendonce-account--port account))
    ("tls" . ,(or (sendonce-account--tls account) 'none))
    ("user" . ,(plist-get account :user))
    ("auth" . ,(sendonce-account--words (plist-get account :auth)))
    ("tls-host" . ,(plist-get account :tls-host))
    ("client-key" . ,(sendonce-account--key account :client-key))
    ("client-cert" . ,(sendonce-account--key account :client-cert))
    ,@(mapcar (lambda (pin) (cons "pin" pin))
              (ensure-list (plist-get account :pin)))
    ("ask-trust" . ,(and (sendonce-account--ask-trust-p account) "yes"))
    ("min-prime-bits" . ,(bound-and-true-p gnutls-min-prime-bits))
    ,@(mapcar (lambda (file) (cons "trust-file" (expand-file-name file)))
              (sendonce-account--trust-files account))
    ("priority" . ,(sendonce-account--priority account))
    ("local-name" . ,(plist-get account :local-name))
    ("timeout" . ,(and (plist-get account :timeout)
                       (ceiling (plist-get account :timeout))))
    ("keep-alive" . ,(sendonce-account--keep-alive account))
    ("window" . ,(plist-get account :window))
    ("chunking" . ,(sendonce-account--off account :chunking))
    ("pipelining" . ,(sendonce-account--off account :pipelining))
    ("plain-sign-in" . ,(and (plist-get account :plain-sign-in) "yes"))))

(defun sendonce-account-settings (account)
  "Return ACCOUNT as settings text, for the module."
  (mapconcat (lambda (pair)
               (if (cdr pair) (format "%s=%s\n" (car pair) (cdr pair)) ""))
             (sendonce-account--pairs account) ""))

(defun sendonce-account-setting (settings key)
  "Return the value of KEY, a string, in the text SETTINGS, or nil."
  (and (string-match (format "^%s=\\(.*\\)$" (regexp-quote key)) settings)
       (match-string 1 settings)))

(defun sendonce-account-with (settings key value)
  "Return the text SETTINGS with KEY set to VALUE, both strings."
  (concat (replace-regexp-in-string (format "^%s=.*\n" (regexp-quote key)) ""
                                    settings)
          key "=" value "\n"))

(defconst sendonce-account--texts
  '(("host" . :host) ("user" . :user) ("auth" . :auth)
    ("tls-host" . :tls-host) ("client-key" . :client-key)
    ("client-cert" . :client-cert) ("local-name" . :local-name))
  "Alist of (SETTING . KEY) of what is the same text in both.")

(defun sendonce-account-from-settings (settings)
  "Return the account that the text SETTINGS describes, as far as it goes."
  (let ((tls (sendonce-account-setting settings "tls")))
    (append
     (cl-loop for (setting . key) in sendonce-account--texts
              for value = (sendonce-account-setting settings setting)
              when value append (list key value))
     (list :port (string-to-number
                  (or (sendonce-account-setting settings "port") "0"))
           :tls (and (not (equal tls "none")) (intern (or tls "auto")))))))

;;;; Before a retry

(defun sendonce-account--kept-credentials (settings host port)
  "Return the :user and :auth for HOST and PORT without asking anybody.
Those of the old SETTINGS count if the server is still the one."
  (let ((user (sendonce-account-setting settings "user"))
        (auth (sendonce-account-setting settings "auth")))
    (cond ((bound-and-true-p smtpmail-smtp-user)
           (append (list :user smtpmail-smtp-user)
                   (sendonce-credential-manner host port smtpmail-smtp-user t)))
          ((and user (equal host (sendonce-account-setting settings "host")))
           (append (list :user user) (and auth (list :auth auth))))
          (t (sendonce-credential-user-quietly host port)))))

(defun sendonce-account--renewed (name settings)
  "Return today's account called NAME, whose old SETTINGS are given, or nil."
  (or (let ((account (sendonce-account-named name)))
        (and account (sendonce-account-complete account t)))
      (and (equal name sendonce-account--smtpmail)
           (with-temp-buffer
             (sendonce-account--from-smtpmail
              (apply-partially #'sendonce-account--kept-credentials
                               settings))))))

(defun sendonce-account-renew (name settings)
  "Return today's settings of the account NAME, whose old are SETTINGS.
nil: keep the old ones.  Asks nothing, and signals nothing."
  (ignore-errors
    (let ((account (sendonce-account--renewed name settings)))
      (and account
           (sendonce-account-settings (sendonce-account-check account))))))

(provide 'sendonce-account)

;;; sendonce-account.el ends here
