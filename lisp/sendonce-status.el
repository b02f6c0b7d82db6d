;;; sendonce-status.el --- What servers say, in words  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns three tables about replies: enhanced status codes (RFC 3463 and its
;; later additions) in words, what replies without one mean, and what some
;; providers want for a sign-in.  Each row ends with a remedy, in which %
;; and a letter stand for settings as in sendonce-advice.el.  Pure; only
;; advice calls it.

;;; Code:

(require 'seq)
(require 'subr-x)

(defconst sendonce-status--codes
  '(;; X.1: addresses
    ("[45]\\.1\\.1" "there is no such mailbox" "check the address")
    ("[45]\\.1\\.2" "there is no such mail domain" "check the address")
    ("[45]\\.1\\.3" "the server cannot read the address" "check it")
    ("[45]\\.1\\.4" "the address fits more than one mailbox"
     "use the whole address")
    ("[45]\\.1\\.6" "the mailbox has moved" "ask for the new address")
    ("[45]\\.1\\.[78]" "the server does not accept the sender"
     "check From, or the account it is sent by")
    ("[45]\\.1\\.9" "the mail went on to a system that cannot say more"
     "ask the recipient")
    ("[45]\\.1\\.10" "that domain takes no mail at all (null MX)"
     "check the address")
    ;; X.2: mailboxes
    ("[45]\\.2\\.1" "that mailbox is switched off" "ask the recipient")
    ("[45]\\.2\\.2" "that mailbox is full" "try again later")
    ("[45]\\.2\\.3" "the message is too large for that mailbox"
     "send a link in place of the attachment")
    ("[45]\\.2\\.4" "that mailing list cannot be expanded"
     "tell its owner")
    ;; X.3: mail systems
    ("[45]\\.3\\.1" "the disk of the server is full" "it is for its owner")
    ("[45]\\.3\\.2" "the server takes no mail just now" "it is tried again")
    ("[45]\\.3\\.3" "the server cannot do what the message needs"
     "the transcript shows what it offers")
    ("[45]\\.3\\.4" "the message is too large for the server"
     "send a link in place of the attachment, or split it")
    ("[45]\\.3\\.5" "the server is not set up right" "tell its owner")
    ;; X.4: network and routing
    ("[45]\\.4\\.1" "the server there does not answer" "it is for its owner")
    ("[45]\\.4\\.2" "the connection there broke" "it is tried again")
    ("[45]\\.4\\.3" "the directory there does not answer" "it is tried again")
    ("[45]\\.4\\.4" "there is no way to that domain" "check the address")
    ("[45]\\.4\\.5" "the server is too busy, or your limit is reached"
     "wait before you send more")
    ("[45]\\.4\\.6" "the mail goes round in a circle there"
     "tell the owner of that domain")
    ("[45]\\.4\\.7" "it took too long there" "send it again")
    ;; X.5: protocol
    ("[45]\\.5\\.3" "there are too many recipients" "send to fewer at a time")
    ("[45]\\.5\\.[0-9]" "the server did not understand"
     "please report it, with the transcript")
    ;; X.6: content
    ("[45]\\.6\\.3" "the message would have to be converted, and cannot be"
     "send it as 7-bit: set `mm-use-ultra-safe-encoding'")
    ("[45]\\.6\\.7" "the server takes no addresses beyond ASCII"
     "use an ASCII address")
    ("[45]\\.6\\.[0-9]+" "the server cannot take the message's content"
     "the transcript shows what it offers")
    ;; X.7: security and policy
    ("4\\.7\\.[01]" "not now: perhaps greylisting"
     "it is tried again, and mostly goes then")
    ("5\\.7\\.0" "the server wants a sign-in" "set %U")
    ("5\\.7\\.1" "the server does not let you send that"
     "sign in (%U), or send from an address that is yours there")
    ("[45]\\.7\\.2" "you may not send to that list" "ask its owner")
    ("[45]\\.7\\.8" "user or password are wrong" "%L")
    ("[45]\\.7\\.9" "the sign-in is too weak for the provider" "%L")
    ("[45]\\.7\\.1[012]" "the sign-in needs another mechanism, or TLS"
     "set %T for TLS")
    ("[45]\\.7\\.13" "the account is disabled" "ask the provider")
    ("[45]\\.7\\.14" "the account is not trusted yet" "ask the provider")
    ("[45]\\.7\\.1[567]" "the priority or the age of the mailbox forbids it"
     "ask the recipient")
    ("[45]\\.7\\.18" "the mailbox has another owner now" "ask the recipient")
    ("[45]\\.7\\.2[0-7]" "the message cannot be proved to be from its sender's \
domain (DKIM, SPF or DMARC)" "send it by the server of the From's own domain")
    ("[45]\\.7\\.28" "you have sent too much, too fast"
     "wait before you send more")
    ("[45]\\.7\\.29" "the message would break a proof of its origin"
     "ask the provider")
    ("[45]\\.7\\.30" "sign-in by password is switched off there"
     "use :auth \"xoauth2\"")
    ("[45]\\.7\\.\\(?:57\\|60\\|139\\)" "the provider does not let you sign \
in to send" "%L")
    ("[45]\\.7\\.[0-9]+" "the server's rules forbid it"
     "see what the server says"))
  "List of (REGEXP WORDS REMEDY) for enhanced status codes.
From RFC 3463, 4954, 5248, 6710, 7372, 7505, and what Google and
Microsoft add.  The first that fits counts.")

(defconst sendonce-status--replies
  '(("\\`4[0-9][0-9].*[Gg]r[ea]y" "greylisting"
     "it is tried again, and mostly goes then")
    ("\\`[45][0-9][0-9].*\\(?:[Rr]ate\\b\\|too \\(?:many\\|much\\|fast\\)\\|\
[Tt]hrottl\\)" "you have sent too much, too fast" "wait before you send more")
    ("\\`421" "the server is busy or shutting down" "it is tried again")
    ("\\`530" "the server wants a sign-in, or TLS before it" "set %U and %T")
    ("\\`53[45]" "user or password are wrong, or too weak" "%L")
    ("\\`538" "the mechanism needs TLS" "set %T for TLS")
    ("\\`55[0134].*\\b[Rr]elay" "the server does not carry mail for strangers"
     "sign in: set %U")
    ("\\`552" "the mailbox is full, or the message too large"
     "send a link in place of the attachment"))
  "List of (REGEXP WORDS REMEDY) for replies without a telling code.")

(defconst sendonce-status--providers
  '(("\\(?:\\`\\|\\.\\)\\(?:gmail\\|googlemail\\|google\\)\\.com\\'"
     "Google wants an app password (made at myaccount.google.com, with \
2-step verification on) or :auth \"xoauth2\", never the account's password")
    ("\\(?:\\`\\|\\.\\)\\(?:office365\\.com\\|outlook\\.com\\|hotmail\\.com\\)\\'"
     "Microsoft takes no passwords here: use :auth \"xoauth2\" with a token, \
and have SMTP AUTH allowed for the mailbox")
    ("\\(?:\\`\\|\\.\\)\\(?:mail\\.me\\|icloud\\)\\.com\\'"
     "iCloud wants an app-specific password, made at account.apple.com")
    ("\\(?:\\`\\|\\.\\)\\(?:yahoo\\|aol\\|ymail\\)\\."
     "this provider wants an app password, made in its account security page")
    ("\\(?:\\`\\|\\.\\)\\(?:fastmail\\|messagingengine\\)\\.com\\'"
     "Fastmail wants an app password, made under Settings, Privacy & Security")
    ("\\`\\(?:127\\.0\\.0\\.1\\|localhost\\|::1\\)\\'"
     "a bridge such as Proton's shows a password of its own: use that one"))
  "List of (REGEXP WISH): what providers want, by the server's name.")

(defconst sendonce-status--any-provider
  "many providers want an app password, not that of the account"
  "What a provider that is not known may want.")

(defconst sendonce-status--token
  "the token is refused: let whoever made it make a new one (with \
auth-source-xoauth2-plugin, check its client and scope), for the user %u"
  "What a refused token wants.")

(defun sendonce-status-wish (host auth)
  "Return what the provider of the server HOST wants for a sign-in.
AUTH names the mechanisms that the account wants, or is nil."
  (let ((case-fold-search t))
    (if (and auth (string-match-p "oauth" auth))
        sendonce-status--token
      (concat "check user and password of %u; "
              (or (cadr (seq-find (lambda (row)
                                    (string-match-p (car row) (or host "")))
                                  sendonce-status--providers))
                  sendonce-status--any-provider)))))

(defun sendonce-status--code (words)
  "Return the enhanced status code that WORDS, a reply, begin with, or nil."
  (and (string-match "\\`...[- ]\\([245]\\.[0-9]+\\.[0-9]+\\)" words)
       (match-string 1 words)))

(defun sendonce-status--row (table text)
  "Return the first row of TABLE whose regexp fits TEXT, or nil."
  (seq-find (lambda (row) (string-match-p (car row) text)) table))

(defun sendonce-status-row (words)
  "Return (WORDS REMEDY) for what the reply WORDS mean, or nil.
A code that says much goes before the text, the text before a code that
says little (X.0.0 says nothing at all)."
  (let* ((code (sendonce-status--code words))
         (by-code (and code
                       (sendonce-status--row
                        (mapcar (lambda (row)
                                  (cons (format "\\`%s\\'" (car row))
                                        (cdr row)))
                                sendonce-status--codes)
                        code)))
         (by-text (sendonce-status--row sendonce-status--replies words))
         (vague (and code (string-match-p "\\`\\(?:4\\.7\\.[01]\\|5\\.7\\.1\\)\\'"
                                          code))))
    (cdr (if vague (or by-text by-code) (or by-code by-text)))))

(provide 'sendonce-status)

;;; sendonce-status.el ends here
