;;; sendonce-recipient.el --- The envelope  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the way from header fields to the envelope: who sends, and to
;; whom.  Compose calls it, in the user's buffer, so that buffer-local
;; values of `user-mail-address' and the like count.
;;
;; Addresses are parsed by `rfc822-addresses', the one parser in Emacs
;; that is right on groups, comments and quoted local parts; what it
;; cannot parse is an error that names the text, and then nothing is sent
;; at all.  Local parts in UTF-8 are kept (SMTPUTF8 is for the module to
;; ask for); domains become A-labels.
;;
;; It never changes the message and never asks.

;;; Code:

(require 'sendonce)
(require 'sendonce-header)
(require 'rfc822)
(require 'rfc2047)
(require 'puny)
(require 'ucs-normalize)

(defvar mail-envelope-from)
(defvar mail-specify-envelope-from)
(defvar smtpmail-sendto-domain)

;;;; Addresses out of one field

(defun sendonce-recipient--bad-p (address)
  "Return non-nil if `rfc822-addresses' could not parse ADDRESS."
  (string-prefix-p "(" address))

(defun sendonce-recipient--as-text (value)
  "Return the field VALUE as characters: raw bytes are UTF-8."
  (if (multibyte-string-p value)
      value
    (decode-coding-string value 'utf-8)))

(defun sendonce-recipient--parse (value)
  "Return the addresses in the field VALUE as `rfc822-addresses' does.
Where it fails and VALUE has encoded words, these are decoded first:
`message-mode' encodes \"Jürgen <jürgen@example.org>\" bracket and all."
  (let* ((text (sendonce-recipient--as-text value))
         (found (rfc822-addresses text)))
    (if (and (seq-some #'sendonce-recipient--bad-p found)
             (string-search "=?" text))
        (rfc822-addresses (rfc2047-decode-address-string text))
      found)))

(defun sendonce-recipient--decode (address)
  "Return ADDRESS with encoded words in it undone.
No address contains one rightly (RFC 2047, section 5)."
  (if (string-match-p "=\\?[^?]+\\?[bqBQ]\\?[^?]*\\?=" address)
      (rfc2047-decode-string address)
    address))

(defun sendonce-recipient--unroute (address)
  "Return ADDRESS without a source route (RFC 5321, appendix C)."
  (if (string-match "\\`<@[^:]*:\\(.*\\)>\\'" address)
      (match-string 1 address)
    address))

(defun sendonce-recipient--split (address)
  "Return (LOCAL-PART . DOMAIN) of ADDRESS; DOMAIN nil if it has none."
  (if (string-match "\\`\\(\".*\"\\|[^@]*\\)@\\(.*\\)\\'" address)
      (cons (match-string 1 address) (match-string 2 address))
    (cons address nil)))

(defun sendonce-recipient--a-label (domain)
  "Return DOMAIN in A-labels, as DNS and SMTP know it (RFC 5891)."
  (if (string-match-p "\\`[[:ascii:]]*\\'" domain)
      domain
    (puny-encode-domain
     (replace-regexp-in-string
      "[\u3002\uff0e\uff61]" "."
      (ucs-normalize-NFKC-string (downcase domain))))))

(defun sendonce-recipient--complete (address)
  "Return ADDRESS with `smtpmail-sendto-domain' if it has no domain."
  (let ((split (sendonce-recipient--split address))
        (default (bound-and-true-p smtpmail-sendto-domain)))
    (cond ((cdr split)
           (concat (car split) "@" (sendonce-recipient--a-label (cdr split))))
          (default (concat address "@" default))
          (t address))))

(defun sendonce-recipient--sound-p (address)
  "Return non-nil if ADDRESS can go into an envelope.
No control characters, no blanks but within quotes, one domain."
  (let ((bare (replace-regexp-in-string "\\`\"\\([^\"\\]\\|\\\\.\\)*\"" "q"
                                        address)))
    (and (not (string-match-p "[[:cntrl:]\177]" address))
         (string-match-p "\\`[^][()<>@,;:\\\" \t]+\\(@\\([^][()<>@,;:\\\" \t]+\\|\\[[^][\\ \t]+\\]\\)\\)?\\'"
                         bare))))

(defun sendonce-recipient--clean (address)
  "Return ADDRESS ready for the envelope; signal if it cannot be."
  (let ((clean (and (not (sendonce-recipient--bad-p address))
                    (sendonce-recipient--complete
                     (sendonce-recipient--unroute
                      (sendonce-recipient--decode address))))))
    (if (and clean (sendonce-recipient--sound-p clean))
        clean
      (sendonce-recipient--reject address))))

(defun sendonce-recipient--reject (address)
  "Signal that ADDRESS, as `rfc822-addresses' gives it, is none."
  (let ((text (if (string-match
                   "\\`(Unparsable address -- \\(.*\\): \"\\(\\(?:.\\|\n\\)*\\)\")\\'"
                   address)
                  (format "\"%s\" (%s)"
                          (string-replace "_^_" "" (match-string 2 address))
                          (match-string 1 address))
                (format "\"%s\"" address))))
    (signal 'sendonce-config-error
            (list (format "This is no mail address: %s; nothing was sent.  \
Mend the address and send again" text)
                  :cause 'bad-argument))))

(defun sendonce-recipient-addresses (value)
  "Return the envelope addresses in the field VALUE, in order.
Signal `sendonce-config-error' naming what cannot be parsed."
  (mapcar #'sendonce-recipient--clean (sendonce-recipient--parse value)))

;;;; The envelope

(defun sendonce-recipient--key (address)
  "Return the identity of ADDRESS: case in domains is no part of it."
  (let ((split (sendonce-recipient--split address)))
    (cons (car split) (and (cdr split) (downcase (cdr split))))))

(defun sendonce-recipient-unique (addresses)
  "Return ADDRESSES without repeats, in order."
  (let (seen)
    (seq-filter (lambda (address)
                  (let ((key (sendonce-recipient--key address)))
                    (unless (member key seen)
                      (push key seen))))
                addresses)))

(defun sendonce-recipient--resent-p (fields)
  "Return non-nil if only the Resent-* recipients in FIELDS count."
  (sendonce-header-values fields "resent-to" "resent-cc" "resent-bcc"))

(defun sendonce-recipient-list (fields)
  "Return the envelope recipients that FIELDS ask for, without repeats.
Signal `sendonce-config-error' if there is none, or one is no address."
  (let ((values (or (sendonce-recipient--resent-p fields)
                    (sendonce-header-values fields "to" "cc" "bcc"))))
    (or (sendonce-recipient-unique
         (mapcan #'sendonce-recipient-addresses values))
        (signal 'sendonce-config-error
                (list "The message has no recipient; fill in To, Cc or Bcc"
                      :cause 'bad-argument)))))

(defun sendonce-recipient--first (value)
  "Return the first address in the field VALUE, or nil."
  (and value (car (sendonce-recipient-addresses value))))

(defun sendonce-recipient-from (fields)
  "Return the address of the author of FIELDS, or who resends, or nil."
  (or (and (sendonce-recipient--resent-p fields)
           (sendonce-recipient--first
            (sendonce-header-value fields "resent-from")))
      (sendonce-recipient--first (sendonce-header-value fields "from"))))

(defun sendonce-recipient--specified (fields)
  "Return the sender that `mail-envelope-from' specifies for FIELDS, or nil."
  (and (bound-and-true-p mail-specify-envelope-from)
       (if (eq (bound-and-true-p mail-envelope-from) 'header)
           (sendonce-recipient-from fields)
         (bound-and-true-p mail-envelope-from))))

(defun sendonce-recipient-sender (fields)
  "Return the envelope sender for FIELDS.
The order is smtpmail's: `mail-envelope-from' where it is specified,
From, `user-mail-address'.  Where the message is resent, Resent-From
stands for From: servers refuse a sender who is not the user."
  (or (sendonce-recipient--specified fields)
      (sendonce-recipient-from fields)
      (and (stringp user-mail-address)
           (string-search "@" user-mail-address)
           user-mail-address)
      (signal 'sendonce-config-error
              (list "No sender: the message has no From and \
`user-mail-address' is no address; set `user-mail-address'"
                    :cause 'bad-argument))))

(provide 'sendonce-recipient)

;;; sendonce-recipient.el ends here
