;;; sendonce-advice.el --- What went wrong, in plain words  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the one table from causes (module/base/error.hh) to a sentence
;; and to what mends it, and the table of enhanced status codes (RFC
;; 3463).  Pure; called by whoever tells the user something: submit,
;; notify, transcript, outbox.  It decides nothing: whether a message is
;; deferred or failed is in the outbox.

;;; Code:

(require 'sendonce)
(require 'sendonce-account)
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
    (certificate "the certificate of %h does not prove who it is"
                 "do not go on unless you know why; a name or an authority \
of its own can be given in `sendonce-accounts' (:tls-host, :trust-files)")
    (protocol "%h said something that is no SMTP"
              "check that host and port are those of a mail server")
    (auth-unavailable "%h offers no way to sign in that we can use"
                      "check %U and %T: many servers offer it only under TLS")
    (auth-failed "%h refused the sign-in of %u"
                 "check user and password of %u; many providers want an app \
password, not that of the account")
    (refused "%h refused" "see what the server says")
    (refused-for-now "%h refused for now" "it is tried again")
    (too-large "the message is larger than %h takes"
               "send a link in place of the attachment, or split it")
    (needs-smtputf8 "%h takes no addresses beyond ASCII"
                    "use an ASCII address of that person")
    (storage "the outbox cannot be read or written"
             "check `sendonce-directory'")
    (storage-full "the disk of the outbox is full"
                  "make room, then send again"))
  "List of (CAUSE SENTENCE REMEDY), one for each cause of the module.
In both, %h stands for the host, %p for the port, %u for the user, and
%H, %P, %T, %U for the name of the setting that gives the host, the
port, the TLS mode, or the user.")

(defconst sendonce-advice--ports
  '(((timed-out unreachable connection-refused) "25"
     "many providers block port 25: use 465 (TLS from the start) or 587 \
\(STARTTLS), set in %P")
    ((timed-out protocol connection-lost) "465"
     "port 465 wants TLS from the start: see %T")
    ((tls-failed not-tls) "587" "port 587 wants STARTTLS: see %T")
    ((tls-failed not-tls) "25" "port 25 wants STARTTLS, or none: see %T"))
  "List of (CAUSES PORT REMEDY) that know better than the cause alone.")

;;;; By enhanced status code

(defconst sendonce-advice--codes
  '(("[45]\\.7\\.30" "basic sign-in is switched off there: use :auth \
\"xoauth2\"")
    ("[45]\\.7\\.9" "this provider wants an app password or OAuth")
    ("[45]\\.7\\.8" "check user and password of %u; many providers want an \
app password, not that of the account")
    ("[45]\\.7\\.0" "the server wants a sign-in: set %U")
    ("[45]\\.1\\.1" "there is no such mailbox: check the address")
    ("[45]\\.1\\.2" "there is no such mail domain: check the address")
    ("[45]\\.1\\.3" "the server cannot read the address: check it")
    ("[45]\\.1\\.[78]" "the server does not accept the sender: check From")
    ("[45]\\.2\\.1" "that mailbox is switched off")
    ("[45]\\.2\\.2" "that mailbox is full")
    ("[45]\\.2\\.3" "the message is too large for that mailbox")
    ("[45]\\.3\\.4" "the message is too large for the server")
    ("[45]\\.3\\.2" "the server takes no mail just now")
    ("[45]\\.4\\.1" "the server there does not answer")
    ("[45]\\.4\\.6" "the mail goes round in a circle there")
    ("[45]\\.6\\.7" "the server takes no addresses beyond ASCII")
    ("4\\.7\\.[01]" "perhaps greylisting: it is tried again")
    ("5\\.7\\.1" "the server does not let you send there: sign in (%U), or \
send from an address that is yours"))
  "List of (REGEXP REMEDY) for enhanced status codes (RFC 3463).")

(defconst sendonce-advice--replies
  '(("\\`530" "the server wants a sign-in: set %U")
    ("\\`534" "this provider wants an app password or OAuth")
    ("\\`535" "check user and password of %u; many providers want an app \
password, not that of the account")
    ("\\`55[0134].*\\b[Rr]elay" "the server does not carry mail for \
strangers: sign in (%U)")
    ("\\`552" "the mailbox is full, or the message too large")
    ("\\`4[0-9][0-9].*[Gg]r[ea]y" "greylisting: it is tried again")
    ("\\`421" "the server is busy or shutting down: it is tried again"))
  "List of (REGEXP REMEDY) for replies without a telling enhanced code.")

;;;; Putting it together

(defun sendonce-advice--setting (name smtpmail)
  "Return what the setting is called: NAME in accounts, or SMTPMAIL."
  (if sendonce-accounts
      (format "%s in `sendonce-accounts'" name)
    (format "`%s'" smtpmail)))

(defun sendonce-advice--fill (text settings)
  "Return TEXT with its %-letters replaced after the text SETTINGS."
  (let ((get (lambda (key default)
               (or (sendonce-account-setting settings key) default))))
    (format-spec
     text
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

(defun sendonce-advice--by-code (words)
  "Return the remedy for the enhanced status code in WORDS, or nil."
  (and (string-match "\\`...[- ]\\([45]\\.[0-9]+\\.[0-9]+\\)" words)
       (let ((code (match-string 1 words)))
         (cadr (seq-find (lambda (row)
                           (string-match-p (format "\\`%s\\'" (car row))
                                           code))
                         sendonce-advice--codes)))))

(defun sendonce-advice--by-reply (reply)
  "Return the remedy for the server's REPLY, or nil."
  (let ((words (sendonce-advice--server-words reply)))
    (and words
         (or (sendonce-advice--by-code words)
             (cadr (seq-find (lambda (row) (string-match-p (car row) words))
                             sendonce-advice--replies))))))

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

(defun sendonce-advice-remedy (cause &optional settings reply)
  "Return what mends CAUSE for an account with SETTINGS, or nil.
REPLY is what the server said, \"\" or nil if nothing."
  (let* ((cause (sendonce-advice--cause cause))
         (settings (or settings ""))
         (text (or (sendonce-advice--by-reply reply)
                   (sendonce-advice--by-port cause settings)
                   (nth 2 (assq cause sendonce-advice--causes)))))
    (and text (sendonce-advice--fill text settings))))

;;;; For an entry of the outbox

(defun sendonce-advice-for-entry (entry)
  "Return the remedy for what went wrong last with ENTRY, or nil."
  (sendonce-advice-remedy (plist-get entry :cause)
                          (plist-get entry :settings)
                          (plist-get entry :reply)))

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
