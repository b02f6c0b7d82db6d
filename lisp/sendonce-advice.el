;;; sendonce-advice.el --- What went wrong, in plain words  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the one table from causes (module/base/error.hh) to a sentence
;; and to what mends it; what a server's reply says (sendonce-status.el),
;; the port and the phase go before the cause alone.  Pure; called by whoever tells the user something: submit,
;; notify, transcript, outbox.  It decides nothing: whether a message is
;; deferred or failed is in the outbox.

;;; Code:

(require 'sendonce)
(require 'sendonce-account)
(require 'sendonce-status)
(require 'seq)
(require 'subr-x)

;;;; By cause

(defconst sendonce-advice--causes
  '((internal "there is a defect in sendonce"
              "please report it, with the transcript")
    (bad-argument "something in the message or the account cannot be sent"
                  "mend what is named and send again")
    (cancelled "it was withdrawn" "send the draft again if you want it sent")
    (declined "no password was given"
              "M-x sendonce-flush asks again, or add \"machine %h port %p \
login %u password PASSWORD\" to ~/.authinfo.gpg")
    (timed-out "%h did not answer in time"
               "it is tried again; if this goes on, check host and port")
    (name-not-found "there is no host called %h"
                    "check the server's name in %H")
    (name-service "names cannot be looked up just now"
                  "check the network; it is tried again")
    (connection-refused "nobody answers at port %p of %h"
                        "check the port in %P: 465 with TLS from the start, \
or 587 with STARTTLS")
    (unreachable "%h cannot be reached" "check the network; it is tried again")
    (connection-lost "%h broke off the line"
                     "it is tried again; the transcript shows how far it got")
    (tls-failed "TLS with %h at port %p failed"
                "check %T: port 465 wants TLS from the start, 587 STARTTLS")
    (tls-unavailable "%h does not offer STARTTLS at port %p"
                     "port 465 with TLS from the start may do: see %T")
    (not-tls "%h does not speak TLS from the start at port %p"
             "set %T for STARTTLS, or use port 465")
    (implicit-tls "%h speaks TLS from the start at port %p"
                  "set %T for TLS from the start, or use port 587")
    (tls-version "%h at port %p knows no version of TLS that is safe"
                 "ask its owner to update it; :priority in \
`sendonce-accounts' can allow an old one")
    (certificate "the certificate of %h does not prove who it is"
                 "do not go on unless you know why; a name or an authority \
of its own can be given in `sendonce-accounts' (:tls-host, :trust-files)")
    (protocol "%h said something that is no SMTP"
              "check that host and port are those of a mail server")
    (auth-unavailable "%h offers no way to sign in that we can use"
                      "check %U and %T: many servers offer it only under TLS")
    (auth-failed "%h refused the sign-in of %u"
                 "%L")
    (refused "%h refused" "see what the server says")
    (refused-for-now "%h refused for now" "it is tried again")
    (too-large "the message is larger than %h takes"
               "send a link in place of the attachment, or split it")
    (needs-smtputf8 "%h takes no addresses beyond ASCII"
                    "use an ASCII address in its place, or a provider \
that offers SMTPUTF8")
    (needs-8bitmime "%h takes only 7-bit text"
                    "set `mm-use-ultra-safe-encoding' to t (in mail-mode: \
`mail-send-nonascii' to `mime') and send again")
    (storage "the outbox cannot be read or written"
             "check `sendonce-directory'")
    (storage-full "the disk of the outbox is full"
                  "make room, then send again"))
  "List of (CAUSE SENTENCE REMEDY), one for each cause of the module.
In both, %h stands for the host, %p for the port, %u for the user, %L
for what the provider wants for a sign-in, and %H, %P, %T, %U for the
name of the setting that gives the host, the port, the TLS mode, or the
user.")

(defconst sendonce-advice--ports
  '(((timed-out unreachable connection-refused connection-lost) "25"
     "many providers block port 25: use 465 (TLS from the start) or 587 \
\(STARTTLS), set in %P")
    ((timed-out protocol connection-lost) "465"
     "port 465 wants TLS from the start: see %T")
    ((tls-failed not-tls) "587" "port 587 wants STARTTLS: see %T")
    ((tls-failed not-tls) "25" "port 25 wants STARTTLS, or none: see %T"))
  "List of (CAUSES PORT REMEDY) that know better than the cause alone.")

;;;; By phase

(defconst sendonce-advice--phases
  '((resolve "the look-up of %h took too long"
             "check the network; it is tried again")
    (connect "%h does not answer at port %p"
             "check host and port; it is tried again")
    (greeting "%h takes the connection at port %p and says nothing"
              "check %T and %P; it is tried again")
    (tls "%h does not go on with TLS at port %p"
         "check %T and %P; it is tried again")
    (body "%h stopped taking the message" "it is tried again"))
  "List of (PHASE SENTENCE REMEDY) for time-outs in that phase.")

;;;; Putting it together

(defun sendonce-advice--setting (name smtpmail)
  "Return what the setting is called: NAME in accounts, or SMTPMAIL."
  (if sendonce-accounts
      (format "%s in `sendonce-accounts'" name)
    (format "`%s'" smtpmail)))

(defun sendonce-advice--wish (settings)
  "Return what a sign-in with SETTINGS lacks, once it was refused."
  (sendonce-status-wish (sendonce-account-setting settings "host")
                        (sendonce-account-setting settings "auth")))

(defun sendonce-advice--fill (text settings)
  "Return TEXT with its %-letters replaced after the text SETTINGS."
  (let ((get (lambda (key default)
               (or (sendonce-account-setting settings key) default))))
    (format-spec
     (replace-regexp-in-string "%L" (sendonce-advice--wish settings) text t t)
     `((?h . ,(funcall get "host" "the server"))
       (?p . ,(funcall get "port" "?"))
       (?u . ,(funcall get "user" "the user"))
       (?H . ,(sendonce-advice--setting ":host" "smtpmail-smtp-server"))
       (?P . ,(sendonce-advice--setting ":port" "smtpmail-smtp-service"))
       (?T . ,(sendonce-advice--setting ":tls" "smtpmail-stream-type"))
       (?U . ,(sendonce-advice--setting ":user" "smtpmail-smtp-user"))))))

(defun sendonce-advice--cause (cause)
  "Return CAUSE, a symbol or a string, as a symbol; nil for none."
  (if (stringp cause)
      (and (not (string-empty-p cause)) (intern cause))
    cause))

(defun sendonce-advice-sentence (cause &optional settings)
  "Return what CAUSE means, for an account with SETTINGS, or nil."
  (let ((row (assq (sendonce-advice--cause cause) sendonce-advice--causes)))
    (and row (sendonce-advice--fill (nth 1 row) (or settings "")))))

(defun sendonce-advice--server-words (reply)
  "Return what the server said in REPLY, from its code on, or nil.
The module may have put a sentence of its own before it."
  (and reply
       (string-match "\\(?:\\`\\|: \\)\\([45][0-9][0-9][- ]\\(?:.\\|\n\\)*\\)"
                     reply)
       (match-string 1 reply)))

(defun sendonce-advice--by-reply (reply)
  "Return (WORDS REMEDY) for the server's REPLY, or nil."
  (let ((words (sendonce-advice--server-words reply)))
    (and words (sendonce-status-row words))))

(defun sendonce-advice--said (reply)
  "Return in words what REPLY means and what mends it, or nil."
  (let ((row (sendonce-advice--by-reply reply)))
    (and row (string-join row ": "))))

(defun sendonce-advice--by-port (cause settings)
  "Return the remedy for CAUSE at the port that SETTINGS name, or nil."
  (let ((port (sendonce-account-setting settings "port"))
        (tls (sendonce-account-setting settings "tls")))
    (nth 2 (seq-find (lambda (row)
                       (and (memq cause (car row))
                            (equal port (nth 1 row))
                            (not (and (equal port "465")
                                      (equal tls "implicit")))))
                     sendonce-advice--ports))))

(defun sendonce-advice--by-phase (cause phase)
  "Return (SENTENCE REMEDY) for CAUSE in PHASE, or nil."
  (and (eq cause 'timed-out)
       (cdr (assq phase sendonce-advice--phases))))

(defun sendonce-advice-remedy (cause &optional settings reply phase)
  "Return what mends CAUSE for an account with SETTINGS, or nil.
REPLY is what the server said, \"\" or nil if nothing.  PHASE is where
it happened, a symbol, or nil."
  (let* ((cause (sendonce-advice--cause cause))
         (settings (or settings ""))
         (text (or (sendonce-advice--said reply)
                   (sendonce-advice--by-port cause settings)
                   (nth 1 (sendonce-advice--by-phase cause phase))
                   (nth 2 (assq cause sendonce-advice--causes)))))
    (and text (sendonce-advice--fill text settings))))

(defun sendonce-advice-words (cause &optional settings reply phase)
  "Return in plain words what CAUSE, REPLY and PHASE say, or nil.
For an account with the text SETTINGS; the arguments are as in
`sendonce-advice-remedy'."
  (let* ((cause (sendonce-advice--cause cause))
         (settings (or settings ""))
         (text (or (nth 0 (sendonce-advice--by-reply reply))
                   (nth 0 (sendonce-advice--by-phase cause phase))
                   (nth 1 (assq cause sendonce-advice--causes)))))
    (and text (sendonce-advice--fill text settings))))

;;;; For an entry of the outbox

(defun sendonce-advice-for-entry (entry)
  "Return the remedy for what went wrong last with ENTRY, or nil."
  (sendonce-advice-remedy (plist-get entry :cause)
                          (plist-get entry :settings)
                          (plist-get entry :reply)
                          (plist-get entry :phase)))

(defun sendonce-advice-reply (code reply)
  "Return CODE and REPLY of a recipient on one line, as the server said it."
  (let ((line (string-trim (replace-regexp-in-string "[\r\n]+" " "
                                                     (or reply "")))))
    (if (or (null code)
            (string-match-p (format "\\_<%d\\_>" code) line))
        line
      (format "%d %s" code line))))

(provide 'sendonce-advice)

;;; sendonce-advice.el ends here
