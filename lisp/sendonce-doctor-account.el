;;; sendonce-doctor-account.el --- Is an account sound?  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the doctor's look at accounts: each is checked from its settings to
;; the sign-in (sendonce-check.el), and where that fails what would do
;; better is looked for and tried: another TLS mode, port, or host.  Only
;; what was seen to answer is offered.  Findings are told as in
;; sendonce-doctor.el.

;;; Code:

(require 'sendonce)
(require 'sendonce-account)
(require 'sendonce-advice)
(require 'sendonce-check)
(require 'sendonce-credential)
(require 'sendonce-doctor)
(require 'sendonce-remedy)
(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(defvar sendonce-doctor-seconds 40
  "Seconds that the check of an account may take, questions not counted.")

(defvar sendonce-doctor-places '((465 . implicit) (587 . starttls))
  "Alist of (PORT . TLS) where servers take mail from users, best first.")

(defconst sendonce-doctor--trial-seconds 6
  "Seconds that a look at another place may take.")

;;;; One account at a time

(cl-defstruct (sendonce-patient (:copier nil))
  "An account under examination, with its NAME and text SETTINGS."
  account name settings)

(defun sendonce-doctor--setting (patient key)
  "Return the setting KEY, a string, of PATIENT."
  (sendonce-account-setting (sendonce-patient-settings patient) key))

(defun sendonce-doctor--change (patient changes)
  "Return the function that makes CHANGES, a plist, to PATIENT."
  (lambda ()
    (sendonce-remedy-tell
     (sendonce-remedy-apply (sendonce-patient-name patient)
                            (sendonce-patient-settings patient) changes))))

(defun sendonce-doctor--trusts-p (changes)
  "Return non-nil if CHANGES, a plist, trust another server than before."
  (or (plist-get changes :pin) (plist-get changes :tls-host)))

(defun sendonce-doctor--change-trust (patient changes)
  "Return the function that asks, and makes CHANGES to PATIENT.
Somebody in between would show just such a certificate."
  (lambda ()
    (when (yes-or-no-p
           (format "Whoever answers as %s now gets your password and your \
mail from then on.  Do you know why its certificate differs, and set %s? "
                   (sendonce-doctor--setting patient "host")
                   (sendonce-remedy-words changes)))
      (funcall (sendonce-doctor--change patient changes)))))

(defun sendonce-doctor--what (patient step)
  "Return the name of what STEP of PATIENT looked at."
  (format "%s, %s" (sendonce-patient-name patient) step))

(cl-defun sendonce-doctor--bad (patient step text remedy changes
                                        &key note fix label transcript)
  "Tell of the trouble TEXT with PATIENT at STEP.
REMEDY says what mends it; CHANGES, a plist or nil, does so, or FIX with
LABEL.  NOTE and TRANSCRIPT are as in `sendonce-doctor-trouble'."
  (sendonce-doctor-trouble
   (sendonce-doctor--what patient step) text
   :note note
   :transcript transcript
   :remedy remedy
   :fix (cond ((null changes) fix)
              ((sendonce-doctor--trusts-p changes)
               (sendonce-doctor--change-trust patient changes))
              (t (sendonce-doctor--change patient changes)))
   :label (if changes (concat "set " (sendonce-remedy-words changes))
            label)))

;;;; Elsewhere

(defun sendonce-doctor--try (patient changes)
  "Return the `sendonce-check' of PATIENT with CHANGES and without a user."
  (let ((account (list :host (sendonce-doctor--setting patient "host"))))
    (cl-loop for (key value) on changes by #'cddr
             do (setq account (plist-put account key value)))
    (sendonce-check (sendonce-account-settings
                     (append account
                             (list :trust-files
                                   (plist-get
                                    (sendonce-patient-account patient)
                                    :trust-files)
                                   :tls-host
                                   (sendonce-doctor--setting patient
                                                             "tls-host"))))
                    sendonce-doctor--trial-seconds)))

(defun sendonce-doctor--answers-p (check)
  "Return non-nil if CHECK came as far as a server's hello."
  (assq 'hello (seq-filter (lambda (step) (eq (nth 1 step) 'ok))
                           (sendonce-check-steps check))))

(defun sendonce-doctor--offers-sign-in-p (check)
  "Return non-nil if the server of CHECK offers a sign-in."
  (string-match-p "AUTH " (or (nth 2 (assq 'hello
                                           (sendonce-check-steps check)))
                              "")))

(defun sendonce-doctor--elsewhere (patient good &optional host)
  "Return the changes to PATIENT that lead to a place that is GOOD, or nil.
GOOD is a predicate on a `sendonce-check'.  HOST: at another host."
  (cl-loop for (port . tls) in sendonce-doctor-places
           for changes = (append (and host (list :host host))
                                 (list :port port :tls tls))
           unless (equal (number-to-string port)
                         (and (not host)
                              (sendonce-doctor--setting patient "port")))
           when (funcall good (sendonce-doctor--try patient changes))
           return changes))

(defun sendonce-doctor--domains (patient)
  "Return the domains that PATIENT's mail may be of."
  (delete-dups
   (delq nil
         (mapcar (lambda (address)
                   (and (stringp address)
                        (string-match "@\\([^@> ]+\\)>?\\'" address)
                        (match-string 1 address)))
                 (append (ensure-list (plist-get
                                       (sendonce-patient-account patient)
                                       :from))
                         (list (sendonce-doctor--setting patient "user")
                               user-mail-address))))))

(defvar sendonce-doctor-host-names '("smtp.%s" "mail.%s" "%s")
  "What mail servers of a domain are called, best first.")

(defun sendonce-doctor--other-host (patient)
  "Return the changes to PATIENT that lead to a host that answers, or nil."
  (cl-loop for domain in (sendonce-doctor--domains patient)
           thereis
           (cl-loop for name in sendonce-doctor-host-names
                    thereis (sendonce-doctor--elsewhere
                             patient #'sendonce-doctor--answers-p
                             (format name domain)))))

;;;; By cause

;; Each gets PATIENT and TEXT, what was said, and returns the changes that
;; mend it, or nil.

(defun sendonce-doctor--mend-port (patient _text)
  "Return the changes for PATIENT that lead to a port that answers."
  (sendonce-doctor--elsewhere patient #'sendonce-doctor--answers-p))

(defun sendonce-doctor--mend-host (patient _text)
  "Return the changes for PATIENT that lead to a host there is."
  (sendonce-doctor--other-host patient))

(defun sendonce-doctor--mend-auth (patient text)
  "Return the changes for PATIENT whose sign-in is not offered, as TEXT says."
  (or (car (sendonce-remedy-for 'auth-unavailable text))
      (and (sendonce-doctor--setting patient "auth")
           (string-match-p "that the account wants" text)
           '(:auth nil))
      (sendonce-doctor--elsewhere patient #'sendonce-doctor--offers-sign-in-p)
      (and (string-match-p "offers no sign-in" text)
           '(:user nil))))

(defun sendonce-doctor--mend-certificate (_patient text)
  "Return the changes for an account whose certificate has the fault TEXT."
  (cond ((string-match "its key is not the one pinned (it is \\([^)]+\\))" text)
         (list :pin (match-string 1 text)))
        ((string-match "it is for \\([^ ,]+\\).*, not for " text)
         (list :tls-host (match-string 1 text)))))

(defconst sendonce-doctor--mends
  '((connection-refused . sendonce-doctor--mend-port)
    (timed-out . sendonce-doctor--mend-port)
    (unreachable . sendonce-doctor--mend-port)
    (connection-lost . sendonce-doctor--mend-port)
    (tls-unavailable . sendonce-doctor--mend-port)
    (tls-failed . sendonce-doctor--mend-port)
    (protocol . sendonce-doctor--mend-port)
    (name-not-found . sendonce-doctor--mend-host)
    (auth-unavailable . sendonce-doctor--mend-auth)
    (certificate . sendonce-doctor--mend-certificate))
  "Alist of (CAUSE . FUNCTION): who looks for what mends it.")

(defun sendonce-doctor--changes (patient cause text)
  "Return the changes to PATIENT that mend CAUSE, said in TEXT; or nil."
  (or (car (sendonce-remedy-for cause text))
      (let ((mend (cdr (assq cause sendonce-doctor--mends))))
        (and mend (funcall mend patient text)))))

;;;; The way of an account

(defun sendonce-doctor--ask-authority (patient)
  "Return the function that asks for a file of authorities for PATIENT."
  (lambda ()
    (let ((file (read-file-name "PEM file of the authority: " nil nil t)))
      (funcall (sendonce-doctor--change
                patient (list :trust-files (list (expand-file-name file))))))))

(defun sendonce-doctor--by-hand (patient cause)
  "Return (LABEL . FUNCTION) for what only the user can do about CAUSE.
Of PATIENT; or nil."
  (pcase cause
    ('certificate (cons "give a file of authorities"
                        (sendonce-doctor--ask-authority patient)))
    ((or 'auth-failed 'declined) (cons "ask for the password again" #'ignore))))

(defun sendonce-doctor--problem (patient step transcript)
  "Tell of PATIENT's problem STEP: (NAME problem TEXT CAUSE REPLY).
TRANSCRIPT is that of the check."
  (pcase-let* ((`(,name ,_ ,text ,cause ,reply) step)
               (changes (sendonce-doctor--changes patient cause text))
               (hand (sendonce-doctor--by-hand patient cause)))
    (sendonce-doctor--bad
     patient name
     (if (or (string-empty-p reply) (string-search reply text)) text
       (format "%s: %s" text reply))
     (cond
      ((sendonce-doctor--trusts-p changes)
       (format "if you know why it differs, %s; if you do not, change nothing: \
somebody may be in between" (sendonce-remedy-words changes)))
      (changes
       (format "%s would do: it answers" (sendonce-remedy-words changes)))
      (t
       (sendonce-advice-remedy cause (sendonce-patient-settings patient)
                               reply)))
     changes :fix (cdr hand) :label (car hand) :transcript transcript)))

(defun sendonce-doctor--fine (patient step)
  "Tell that STEP of PATIENT, (NAME ok DETAIL), went well."
  (let ((detail (nth 2 step)))
    (unless (string-empty-p detail)
      (sendonce-doctor-ok (sendonce-doctor--what patient (car step))
                          "%s" detail))))

(defun sendonce-doctor--no-user (patient check)
  "Tell if PATIENT does not sign in where the server of CHECK offers it."
  (when (and (null (sendonce-doctor--setting patient "user"))
             (sendonce-doctor--offers-sign-in-p check))
    (sendonce-doctor--bad
     patient 'sign-in
     "the server offers a sign-in, and the account has no user"
     "most servers take mail for others only after a sign-in" nil
     :note t :label "give a user"
     :fix (lambda ()
            (funcall (sendonce-doctor--change
                      patient
                      (list :user
                            (sendonce-credential-ask-user
                             (sendonce-doctor--setting patient "host")
                             (string-to-number
                              (sendonce-doctor--setting patient
                                                        "port"))))))))))

(defun sendonce-doctor--way (patient)
  "Check the way to PATIENT's server."
  (let* ((check (sendonce-check (sendonce-patient-settings patient)
                                sendonce-doctor-seconds))
         (steps (sendonce-check-steps check)))
    (dolist (step steps)
      (if (eq (nth 1 step) 'ok)
          (sendonce-doctor--fine patient step)
        (sendonce-doctor--problem patient step
                                  (sendonce-check-transcript check))))
    (unless (sendonce-check-complete check)
      (sendonce-doctor--problem
       patient (list 'connect 'problem "it takes too long" 'timed-out "") nil))
    (sendonce-doctor--no-user patient check)))

;;;; Secrets

(defun sendonce-doctor--open-file-p (file)
  "Return non-nil if FILE, of auth-source, is there and not encrypted."
  (and (stringp file)
       (not (string-match-p "\\.gpg\\'" file))
       (file-exists-p file)))

(defun sendonce-doctor--secrets ()
  "Tell of passwords that lie open."
  (dolist (file (and (not (eq system-type 'windows-nt)) ; modes say nothing
                     (seq-filter #'sendonce-doctor--open-file-p
                                 auth-sources)))
    (let ((modes (file-modes file)))
      (if (and modes (/= 0 (logand modes #o077)))
          (sendonce-doctor-trouble
           "passwords" (format "others on this machine can read %s" file)
           :remedy "close it" :label "close it"
           :fix (lambda () (set-file-modes file #o600)))
        (sendonce-doctor-ok "passwords" "%s is only yours, and not encrypted"
                            (abbreviate-file-name file))))))

;;;; Accounts

(defun sendonce-doctor--mode-for (port)
  "Return the TLS mode that PORT usually has."
  (if (= port 465) 'implicit 'starttls))

(defun sendonce-doctor--account-fix (account)
  "Return the changes that make ACCOUNT, which is not sound, sound; or nil."
  (let ((port (sendonce-account-port (plist-get account :tls))))
    (cond (port (list :port port :tls (sendonce-doctor--mode-for port)))
          ((memq (plist-get account :tls) '(t ssl tls))
           '(:tls implicit))
          ((not (sendonce-account-port (or (plist-get account :port) 25)))
           '(:port 465 :tls implicit)))))

(defun sendonce-doctor--unsound (account err)
  "Tell that ACCOUNT, a plist or nil, is not sound, as ERR says."
  (let ((changes (and account (sendonce-doctor--account-fix account)))
        (name (or (plist-get account :name) (plist-get account :host)
                  "account")))
    (sendonce-doctor-trouble
     name (sendonce-doctor--text err)
     :remedy (and changes (concat "write " (sendonce-remedy-words changes)))
     :label (and changes (concat "set " (sendonce-remedy-words changes)))
     :fix (and changes
               (lambda ()
                 (sendonce-remedy-tell
                  (sendonce-remedy-apply (sendonce-account-name account) ""
                                         changes)))))))

(defun sendonce-doctor--patient (account)
  "Return ACCOUNT, which is sound, as a patient."
  (make-sendonce-patient :account account
                         :name (sendonce-account-name account)
                         :settings (sendonce-account-settings account)))

(defun sendonce-doctor--account (account)
  "Check ACCOUNT, one of `sendonce-accounts'."
  (condition-case err
      (sendonce-doctor--way
       (sendonce-doctor--patient
        (sendonce-account-complete (sendonce-account-check account)
                                   noninteractive)))
    (sendonce-config-error (sendonce-doctor--unsound account err))))

(defun sendonce-doctor--smtpmail ()
  "Check the account that the smtpmail-* variables describe."
  (condition-case err
      (sendonce-doctor--way
       (sendonce-doctor--patient (sendonce-account-for user-mail-address)))
    (sendonce-config-error (sendonce-doctor--unsound nil err))))

(defun sendonce-doctor-account-check-all ()
  "Check all accounts that there are, and where their passwords lie."
  (sendonce-doctor--secrets)
  (if sendonce-accounts
      (mapc #'sendonce-doctor--account sendonce-accounts)
    (sendonce-doctor--smtpmail)))

(provide 'sendonce-doctor-account)

;;; sendonce-doctor-account.el ends here
