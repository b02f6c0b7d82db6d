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
;; that is right on groups, comments and quoted local parts.  It takes a
;; blank for a comma, though, and no name with a dot at its end: each item
;; between commas is looked at first.  What cannot be parsed is an error
;; that names the text, and then nothing is sent at all.  Local parts in UTF-8 are kept (SMTPUTF8 is for the module to
;; ask for); domains become A-labels.
;;
;; It never changes the message and never asks.

;;; Code:

(require 'sendonce)
(require 'sendonce-header)
(require 'rfc822)
(require 'rfc2047)

(declare-function sendonce-engine-ensure "sendonce-engine" ())
(declare-function sendonce--mod-domain "ext:sendonce-module" (domain))

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

;; An item is what is between commas, semicolons and colons: a list of
;; tokens (KIND . TEXT), KIND being `quoted', `comment', `angle' or `text'.

(defconst sendonce-recipient--tokens
  '((quoted . "\"[^\"\\]*\\(?:\\\\\\(?:.\\|\n\\)[^\"\\]*\\)*\"")
    (angle . "<[^<>\"]*\\(?:\"[^\"\\]*\\(?:\\\\.[^\"\\]*\\)*\"[^<>\"]*\\)*>")
    (text . "\\[[^]\n]*\\]")
    (separator . "[,;:]")
    (text . "[^][\"(<,;:\\]+\\|\\\\."))
  "Alist of (KIND . REGEXP) of the tokens at point but for comments.")

(defun sendonce-recipient--comment ()
  "Move over the comment at point, which may hold others; nil if none ends."
  (let ((depth 0) (start (point)))
    (while (and (re-search-forward "\\\\.\\|[()]" nil t)
                (pcase (char-after (match-beginning 0))
                  (?\( (setq depth (1+ depth)))
                  (?\) (> (setq depth (1- depth)) 0))
                  (_ t))))
    (and (= depth 0) (> (point) start))))

(defun sendonce-recipient--token ()
  "Move over the token at point; return (KIND . TEXT), nil if there is none."
  (let* ((start (point))
         (kind (if (eq (char-after) ?\()
                   (and (sendonce-recipient--comment) 'comment)
                 (car (seq-find (lambda (token)
                                  (and (looking-at (cdr token))
                                       (goto-char (match-end 0))))
                                sendonce-recipient--tokens)))))
    (and kind (cons kind (buffer-substring start (point))))))

(defun sendonce-recipient--items (text)
  "Return the items of TEXT: a list of (TOKENS . SEPARATOR).
nil if TEXT has something that is no token, such as half a quotation."
  (with-temp-buffer
    (insert text)
    (goto-char (point-min))
    (let (items tokens token)
      (while (and (not (eobp)) (setq token (sendonce-recipient--token)))
        (if (not (eq (car token) 'separator))
            (push token tokens)
          (push (cons (nreverse tokens) (cdr token)) items)
          (setq tokens nil)))
      (and (eobp)
           (nreverse (cons (cons (nreverse tokens) "") items))))))

(defun sendonce-recipient--bare (tokens)
  "Return the text of TOKENS without comments, each quotation one letter."
  (string-trim (mapconcat (lambda (token)
                            (pcase (car token)
                              ('comment " ")
                              ('quoted "q")
                              (_ (cdr token))))
                          tokens "")))

(defun sendonce-recipient--comma-missing-p (before angle after)
  "Return non-nil if an item holds more than one address.
Its tokens are BEFORE the first ANGLE, nil if it has none, and AFTER."
  (if angle
      (not (string-empty-p (sendonce-recipient--bare after)))
    (string-match-p "[^ \t\n.@][ \t\n]+[^ \t\n.@]"
                    (sendonce-recipient--bare before))))

(defun sendonce-recipient--phrase (tokens)
  "Return TOKENS, the name before an address, as text that may stand there.
Names with dots and at signs are in use, though they ought to be quoted."
  (let ((text (mapconcat #'cdr tokens ""))
        (bare (sendonce-recipient--bare tokens)))
    (if (string-match-p "[.@]\\|\\[" bare)
        (concat "\"" (replace-regexp-in-string "[\"\\]" "" bare) "\" ")
      text)))

(defun sendonce-recipient--item (item)
  "Return the text of ITEM, fit for `rfc822-addresses'; signal if it is two."
  (pcase-let* ((`(,tokens . ,separator) item)
               (angle (assq 'angle tokens))
               (before (seq-take-while (lambda (token)
                                         (not (eq token angle)))
                                       tokens))
               (after (cdr (memq angle tokens))))
    (when (and (not (equal separator ":"))
               (sendonce-recipient--comma-missing-p before angle after))
      (sendonce-recipient--reject
       (string-trim (mapconcat #'cdr tokens ""))
       "a comma is missing between two addresses, or quotes around a name"))
    (concat (if angle (sendonce-recipient--phrase before)
              (mapconcat #'cdr before ""))
            (cdr angle)
            (mapconcat #'cdr after "")
            separator)))

(defun sendonce-recipient--tidy (text)
  "Return TEXT, a field of addresses, fit for `rfc822-addresses'.
Signal if a comma is missing between two of them."
  (let ((items (sendonce-recipient--items text)))
    (if items
        (mapconcat #'sendonce-recipient--item items "")
      text)))

(defun sendonce-recipient--parse (value)
  "Return the addresses in the field VALUE as `rfc822-addresses' does.
Where it fails and VALUE has encoded words, these are decoded first:
`message-mode' encodes \"Jürgen <jürgen@example.org>\" bracket and all."
  (let* ((text (sendonce-recipient--as-text value))
         (encoded (string-search "=?" text))
         (found (condition-case err
                    (rfc822-addresses (sendonce-recipient--tidy text))
                  (sendonce-config-error
                   (unless encoded
                     (signal (car err) (cdr err)))
                   '("(")))))
    (if (and encoded (seq-some #'sendonce-recipient--bad-p found))
        (rfc822-addresses
         (sendonce-recipient--tidy (rfc2047-decode-address-string text)))
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
  "Return DOMAIN in A-labels, as DNS and SMTP know it (RFC 5891).
ASCII stays as it is.  Signal `sendonce-config-error' if it has none."
  (if (string-match-p "\\`[[:ascii:]]*\\'" domain)
      domain
    (require 'sendonce-engine)
    (sendonce-engine-ensure)
    (sendonce--mod-domain domain)))

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
                    (condition-case err
                        (sendonce-recipient--complete
                         (sendonce-recipient--unroute
                          (sendonce-recipient--decode address)))
                      (sendonce-config-error
                       (sendonce-recipient--reject
                        address (replace-regexp-in-string
                                 "\\`.*: " "" (cadr err))))))))
    (if (and clean (sendonce-recipient--sound-p clean))
        clean
      (sendonce-recipient--reject address))))

(defun sendonce-recipient--reject (address &optional reason)
  "Signal that ADDRESS, as `rfc822-addresses' gives it, is none.
REASON says why not, if somebody else found that out."
  (let ((text (cond
               (reason (format "\"%s\" (%s)" address reason))
               ((string-match
                 "\\`(Unparsable address -- \\(.*\\): \"\\(\\(?:.\\|\n\\)*\\)\")\\'"
                 address)
                (format "\"%s\" (%s)"
                        (string-replace "_^_" "" (match-string 2 address))
                        (match-string 1 address)))
               (t (format "\"%s\"" address)))))
    (signal 'sendonce-config-error
            (list (format "This is no mail address: %s; nothing was sent.  \
Mend the address and send again" text)
                  :cause 'bad-argument))))

(defun sendonce-recipient-addresses (value)
  "Return the envelope addresses in the field VALUE, in order.
Signal `sendonce-config-error' naming what cannot be parsed."
  (mapcar #'sendonce-recipient--clean (sendonce-recipient--parse value)))

;;;; The envelope

(defun sendonce-recipient--unquoted (local)
  "Return the local part LOCAL without quotes that it does not need.
With them or without it is the same mailbox (RFC 5321, section 4.1.2)."
  (if (string-match "\\`\"\\([^][()<>@,;:\\\" \t.]+\\(?:\\.[^][()<>@,;:\\\" \t.]+\\)*\\)\"\\'"
                    local)
      (match-string 1 local)
    local))

(defun sendonce-recipient--key (address)
  "Return the identity of ADDRESS: case in domains is no part of it."
  (let ((split (sendonce-recipient--split address)))
    (cons (sendonce-recipient--unquoted (car split))
          (and (cdr split) (downcase (cdr split))))))

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
