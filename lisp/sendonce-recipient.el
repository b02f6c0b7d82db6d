;;; sendonce-recipient.el --- The envelope  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the way from header fields to the envelope: who sends, and to
;; whom.  Compose calls it, in the user's buffer, so that buffer-local
;; values of `user-mail-address' and the like count.
;;
;; A field is first cut at its commas and groups, so that each address
;; stands alone and an error can name it as it was typed; each is then
;; parsed by `rfc822-addresses', the one parser in Emacs that is right on
;; comments, routes and quoted local parts.  What cannot be parsed is an
;; error, and then nothing is sent at all.  Local parts in UTF-8 are kept
;; (SMTPUTF8 is for the module to ask for); domains become A-labels, by
;; the module (libidn2), which is loaded if there is a domain to map.
;;
;; It never changes the message and never asks.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-header)
(require 'rfc822)
(require 'rfc2047)
(require 'seq)
(require 'subr-x)

(declare-function sendonce--mod-domain "ext:sendonce-module" (domain))

(defvar mail-envelope-from)
(defvar mail-specify-envelope-from)
(defvar smtpmail-sendto-domain)

;;;; Errors

(defconst sendonce-recipient--longest-shown 500
  "Characters of a text that an error shows.")

(defun sendonce-recipient--shown (text)
  "Return TEXT, of a field, as people read it: decoded, controls as ^X."
  (let ((trimmed (truncate-string-to-width
                  (string-trim text) sendonce-recipient--longest-shown
                  nil nil "...")))
    (replace-regexp-in-string
     "[\000-\037\177]" (lambda (char) (text-char-description (aref char 0)))
     (if (string-search "=?" trimmed)
         (sendonce-header-decode trimmed)
       trimmed)
     t t)))

(defun sendonce-recipient--reject (text reason)
  "Signal that TEXT is no address, for REASON."
  (signal 'sendonce-config-error
          (list (format "This is no mail address: \"%s\" (%s); nothing was \
sent.  Mend the address and send again"
                        (sendonce-recipient--shown text) reason)
                :cause 'bad-argument)))

;;;; From one field to the texts of its addresses

(defun sendonce-recipient--comment-end (text start)
  "Return the place after the comment at START of TEXT.
Comments nest; one without an end goes on to the end of TEXT."
  (let ((depth 1) (at (1+ start)))
    (while (and (< 0 depth)
                (string-match "[()]\\|\\\\\\(?:.\\|\n\\)" text at))
      (setq at (match-end 0))
      (pcase (aref text (match-beginning 0))
        (?\( (setq depth (1+ depth)))
        (?\) (setq depth (1- depth)))))
    (if (< 0 depth) (length text) at)))

(defun sendonce-recipient--angle-end (text start)
  "Return the place after the <...> at START of TEXT, or the end of TEXT."
  (let ((at (1+ start)))
    (while (and (< at (length text)) (/= (aref text at) ?>))
      (setq at (if (eq (aref text at) ?<)
                   (1+ at)
                 (sendonce-recipient--token-end text at))))
    (min (1+ at) (length text))))

(defun sendonce-recipient--token-end (text start)
  "Return the place after the token at START of TEXT."
  (pcase (aref text start)
    (?\( (sendonce-recipient--comment-end text start))
    (?< (sendonce-recipient--angle-end text start))
    (?\" (string-match "\"[^\"\\]*\\(?:\\\\\\(?:.\\|\n\\)[^\"\\]*\\)*\"?"
                       text start)
         (match-end 0))
    (?\[ (string-match "\\[[^]]*\\]?" text start)
         (match-end 0))
    (?\\ (min (+ 2 start) (length text)))
    (_ (1+ start))))

(defun sendonce-recipient--group-name-p (text)
  "Return non-nil if TEXT can stand before the colon of a group."
  (let ((at 0) (sound nil))
    (while (and (< at (length text))
                (not (string-search (substring text at (1+ at)) "@<>[]\\")))
      (unless (string-search (substring text at (1+ at)) " \t\n(")
        (setq sound t))
      (setq at (sendonce-recipient--token-end text at)))
    (and sound (= at (length text)))))

(defun sendonce-recipient--check-colon (text group start at)
  "Signal unless the colon at AT of TEXT can begin a group.
GROUP is where one has begun already, or nil; START where its name does."
  (cond (group
         (sendonce-recipient--reject
          (substring text group (1+ at))
          "a group name may not appear within a group"))
        ((not (sendonce-recipient--group-name-p (substring text start at)))
         (sendonce-recipient--reject
          (substring text start)
          "a colon stands only after the name of a group"))))

(defun sendonce-recipient--check-end (text group)
  "Signal if at the end of TEXT, GROUP, where one began, is not nil."
  (when group
    (sendonce-recipient--reject
     (substring text group)
     "the colon begins a group, which must end in a semicolon")))

(defun sendonce-recipient--pieces (text)
  "Return the texts of the addresses in TEXT, a field's value, in order.
They are cut at commas and at the ends of groups, whose names are left
out.  Some may hold no more than blanks and comments."
  (let ((at 0) (start 0) group pieces)
    (while (setq at (string-match "[\"(<[\\,:;]" text at))
      (let ((end (sendonce-recipient--token-end text at)))
        (pcase (aref text at)
          (?, (push (substring text start at) pieces)
              (setq start end))
          (?: (sendonce-recipient--check-colon text group start at)
              (setq group start start end))
          (?\; (unless group
                 (sendonce-recipient--reject
                  (substring text start end)
                  "addresses are separated by commas, not semicolons"))
               (push (substring text start at) pieces)
               (setq group nil start end)))
        (setq at end)))
    (sendonce-recipient--check-end text group)
    (nreverse (cons (substring text start) pieces))))

;;;; From the text of an address to the address

(defconst sendonce-recipient--reasons
  '(("Unbalanced comment" . "a parenthesis has no end")
    ("orphaned backslash" . "a backslash has nothing after it")
    ("Unterminated quoted" . "a quotation mark has no end")
    ("Unterminated domain" . "a bracket has no end")
    ("Unterminated <" . "the address in <> is malformed, or > is missing")
    ("Malformed <" . "the address in <> has a route and no domain")
    ("host/domain" . "the domain is malformed")
    ("Rubbish in address" . "there is a character that must be quoted")
    ("Missing comma" . "a comma is missing, or the name is all there is"))
  "Alist of (REGEXP . WORDS): what `rfc822-addresses' says, in plain words.")

(defun sendonce-recipient--reason (piece found)
  "Return in words why FOUND, by `rfc822-addresses' in PIECE, is not one."
  (let ((bad (seq-find #'sendonce-recipient--bad-p found)))
    (cond ((and (null bad) (string-search "=?" piece))
           "it was encoded together with what stands beside it; put it last \
in its field")
          ((null bad) "a comma is missing, or a name must be quoted")
          ((alist-get bad sendonce-recipient--reasons nil nil
                      (lambda (regexp text) (string-match-p regexp text))))
          (t "a character does not belong there"))))

(defun sendonce-recipient--bad-p (address)
  "Return non-nil if `rfc822-addresses' could not parse ADDRESS."
  (string-prefix-p "(" address))

(defun sendonce-recipient--one-p (found)
  "Return non-nil if FOUND, by `rfc822-addresses', is at most one address."
  (and (null (cdr found))
       (not (seq-some #'sendonce-recipient--bad-p found))))

(defun sendonce-recipient--undo-encoding (piece)
  "Return PIECE with its encoded words decoded, where one spans a bracket.
`message-mode' encodes \"Jürgen <jürgen@example.org>\" bracket and all.
Of what has one pair of brackets only these count: quotes are lost."
  (let ((text (rfc2047-decode-address-string piece)))
    (if (string-match "\\`[^<>]*\\(<[^<>]*>\\)[ \t\n]*\\'" text)
        (match-string 1 text)
      text)))

(defun sendonce-recipient--rfc822 (piece)
  "Return what `rfc822-addresses' finds in PIECE.
Its recursion has an end, at some thousand comments in one another."
  (condition-case nil
      (rfc822-addresses piece)
    (error (sendonce-recipient--reject piece "it is nested too deeply"))))

(defun sendonce-recipient--harmless-name-p (name address)
  "Return non-nil if NAME, before ADDRESS in <>, hides no other address.
People write names with dots and brackets (RFC 5322, 4.1 allows the
former), and programs the address itself where they know no name."
  (or (string= (downcase (string-trim name)) (downcase address))
      (not (string-match-p "[@<>\\\\]" (sendonce-header-decode name)))))

(defun sendonce-recipient--bracket (piece)
  "Return where the first < of PIECE is that no quote or comment holds, or nil."
  (let ((at 0))
    (while (and (setq at (string-match "[\"(<]" piece at))
                (/= (aref piece at) ?<))
      (setq at (sendonce-recipient--token-end piece at)))
    at))

(defun sendonce-recipient--named (piece)
  "Return as a list the <...> that ends PIECE, if its name is harmless.
Else return nil."
  (when-let ((at (sendonce-recipient--bracket piece))
             (end (string-match "<\\([^<>]+\\)>[ \t\n]*\\'" piece at)))
    (and (= at end)
         (sendonce-recipient--harmless-name-p
          (substring piece 0 at) (match-string 1 piece))
         (sendonce-recipient--rfc822 (substring piece at)))))

(defun sendonce-recipient--parse (piece)
  "Return the one address in PIECE as it stands there; nil if there is none.
Where that fails, or finds a bracket in an encoded word, and PIECE has
encoded words, these are decoded first."
  (let ((found (sendonce-recipient--rfc822 piece)))
    (when (and (string-search "=?" piece)
               (or (not (sendonce-recipient--one-p found))
                   (and found (string-search
                               "<" (sendonce-recipient--decode (car found))))))
      (setq found (sendonce-recipient--rfc822
                   (sendonce-recipient--undo-encoding piece))))
    (unless (sendonce-recipient--one-p found)
      (setq found (or (sendonce-recipient--named piece) found)))
    (unless (sendonce-recipient--one-p found)
      (sendonce-recipient--reject
       piece (sendonce-recipient--reason piece found)))
    (car found)))

(defconst sendonce-recipient--encoded-word
  "=\\?[^? \t\n]+\\?[bqBQ]\\?[^? \t\n]*\\?="
  "Regexp for an encoded word (RFC 2047, section 2).")

(defun sendonce-recipient--decode (address)
  "Return ADDRESS with encoded words in it undone.
No address contains one rightly (RFC 2047, section 5), but for a quoted
local part, where it only looks like one."
  (let ((at (string-match-p sendonce-recipient--encoded-word address)))
    (if (and at (not (string-search "\"" (substring address 0 at))))
        (rfc2047-decode-string address)
      address)))

(defun sendonce-recipient--unroute (address)
  "Return ADDRESS without a source route (RFC 5321, appendix C)."
  (if (string-match "\\`<@[^:]*\\(?:\\[[^]]*\\][^:]*\\)*:\\(.*\\)>\\'" address)
      (match-string 1 address)
    address))

(defconst sendonce-recipient--quoted
  "\"[^\"\\]*\\(?:\\\\.[^\"\\]*\\)*\""
  "Regexp for a quoted string.")

(defun sendonce-recipient--split (address)
  "Return (LOCAL-PART . DOMAIN) of ADDRESS; DOMAIN nil if it has none."
  (if (string-match (format "\\`\\(\\(?:%s\\|[^\"@]\\)*\\)@\\(.*\\)\\'"
                            sendonce-recipient--quoted)
                    address)
      (cons (match-string 1 address) (match-string 2 address))
    (cons address nil)))

(defun sendonce-recipient--unquote (local)
  "Return what LOCAL, a local part, means: without quotes and escapes."
  (replace-regexp-in-string
   sendonce-recipient--quoted
   (lambda (text)
     (replace-regexp-in-string "\\\\\\(.\\)" "\\1" (substring text 1 -1)))
   local t t))

(defconst sendonce-recipient--atoms
  "\\`[^][()<>@,;:\\\" \t]+\\'"
  "Regexp for a local part without quotes; the dots are not looked at.")

(defun sendonce-recipient--quote (text)
  "Return the local part that means TEXT, in quotes if it needs them."
  (if (and (string-match-p sendonce-recipient--atoms text)
           (not (string-match-p "\\`\\.\\|\\.\\.\\|\\.\\'" text)))
      text
    (format "\"%s\"" (replace-regexp-in-string "[\"\\]" "\\\\\\&" text))))

(defun sendonce-recipient--join-words (local)
  "Return LOCAL as SMTP has it: one quoted string, or none.
RFC 5322's obsolete syntax allows john.\"q. public\"; RFC 5321 does not."
  (if (and (string-match-p (format "\\`\\(?:%s\\|[^\"]\\)+\\'"
                                   sendonce-recipient--quoted)
                           local)
           (string-search "\"" local)
           (not (string-match-p (format "\\`%s\\'" sendonce-recipient--quoted)
                                local)))
      (sendonce-recipient--quote (sendonce-recipient--unquote local))
    local))

(defun sendonce-recipient--plain (address)
  "Return ADDRESS, parsed, in the form that SMTP has."
  (let ((split (sendonce-recipient--split
                (sendonce-recipient--decode
                 (sendonce-recipient--unroute address)))))
    (concat (sendonce-recipient--join-words (car split))
            (and (cdr split) "@")
            (if (string-prefix-p "[" (cdr split))
                (replace-regexp-in-string "[ \t\n]+" "" (cdr split))
              (cdr split)))))

;;;; What an envelope can hold

(defun sendonce-recipient--ascii-p (text)
  "Return non-nil if TEXT is all ASCII."
  (not (string-match-p "[^[:ascii:]]" text)))

(defun sendonce-recipient--invisible (address)
  "Return the first character of ADDRESS that cannot be seen, or nil.
Such come along when an address is pasted, and no mailbox has them
\(RFC 8264, 4.3); the joiners of U+200C and U+200D are letters' own."
  (seq-find (lambda (char)
              (and (< 127 char)
                   (not (memq char '(#x200c #x200d)))
                   (memq (get-char-code-property char 'general-category)
                         '(Cc Cf Zs Zl Zp))))
            address))

(defun sendonce-recipient--local-flaw (local)
  "Return in words why LOCAL cannot be a local part, or nil."
  (cond ((string-empty-p local) "there is nothing before the @")
        ((string-match-p "\\`=\\?[^?]+\\?[bqBQ]\\?" local)
         "it is the beginning of an encoded word")
        ((not (or (string-match-p sendonce-recipient--atoms local)
                  (string-match-p (format "\\`%s\\'" sendonce-recipient--quoted)
                                  local)))
         "there is a character that must be quoted")))

(defun sendonce-recipient--domain-flaw (domain)
  "Return in words why DOMAIN is none, or nil.
What is not ASCII is for the module to judge."
  (cond ((not (sendonce-recipient--ascii-p domain)) nil)
        ((string-prefix-p "[" domain)
         (unless (string-match-p "\\`\\[\\(?:[0-9]+\\(?:\\.[0-9]+\\)\\{3\\}\\|\
[-a-zA-Z0-9]+:[-a-zA-Z0-9.:]+\\)\\]\\'" domain)
           "what is in brackets is no network address"))
        ((not (string-match-p "\\`[-_a-zA-Z0-9]+\\(?:\\.[-_a-zA-Z0-9]+\\)*\\'"
                              domain))
         "what follows the @ is no domain")))

(defun sendonce-recipient--no-domain-flaw (local)
  "Return in words why LOCAL cannot stand without a domain, or nil."
  (and (string-match "[\uff20\ufe6b]" local)
       (format "U+%X is not the @ of addresses"
               (aref local (match-beginning 0)))))

(defun sendonce-recipient--flaw (address)
  "Return in words why ADDRESS cannot go into an envelope, or nil."
  (pcase-let ((`(,local . ,domain) (sendonce-recipient--split address))
              (invisible (sendonce-recipient--invisible address)))
    (cond ((string-empty-p address) "it is empty")
          ((string-match-p "[\000-\037\177]" address)
           "it has a control character")
          ((string-match-p "[\x3fff80-\x3fffff]" address)
           "it is not valid UTF-8")
          (invisible (format "it has a character that cannot be seen, U+%04X"
                             invisible))
          ((sendonce-recipient--local-flaw local))
          (domain (sendonce-recipient--domain-flaw domain))
          (t (sendonce-recipient--no-domain-flaw local)))))

(defun sendonce-recipient--a-label (domain typed)
  "Return DOMAIN in A-labels, as DNS and SMTP know it (RFC 5891).
If it is none, the error names the address, TYPED."
  (if (sendonce-recipient--ascii-p domain)
      domain
    (sendonce-engine-ensure)
    (condition-case err
        (sendonce--mod-domain domain)
      (sendonce-config-error (sendonce-recipient--reject typed (cadr err))))))

(defun sendonce-recipient--sound (address typed)
  "Return ADDRESS with its domain in A-labels; signal if it is none.
The error names it as TYPED."
  (let ((flaw (sendonce-recipient--flaw address)))
    (when flaw
      (sendonce-recipient--reject typed flaw)))
  (pcase-let ((`(,local . ,domain) (sendonce-recipient--split address)))
    (if domain
        (concat local "@" (sendonce-recipient--a-label domain typed))
      address)))

(defun sendonce-recipient--complete (address)
  "Return ADDRESS with `smtpmail-sendto-domain' if it has no domain."
  (let ((default (bound-and-true-p smtpmail-sendto-domain)))
    (if (or (null default) (cdr (sendonce-recipient--split address)))
        address
      (concat address "@" default))))

(defun sendonce-recipient--address (piece)
  "Return the envelope address in PIECE, or nil; signal if it is broken."
  (let ((address (sendonce-recipient--parse piece)))
    (and address
         (sendonce-recipient--sound
          (sendonce-recipient--complete (sendonce-recipient--plain address))
          (if (string-empty-p address) "<>" piece)))))

(defun sendonce-recipient--as-text (value)
  "Return the field VALUE as characters: raw bytes are UTF-8.
A CR stays one, lest it be taken for a blank."
  (decode-coding-string (encode-coding-string value 'utf-8-unix)
                        'utf-8-unix))

(defun sendonce-recipient--decode-domains (text)
  "Return TEXT with encoded words right after an @ undone.
`message-mode' makes them of a domain in Bcc, the bracket and the comma
after it included.  What would change more than that stays as it is."
  (replace-regexp-in-string
   (concat "@[ \t\n]*" sendonce-recipient--encoded-word)
   (lambda (match)
     (let ((domain (save-match-data
                     (rfc2047-decode-string
                      (string-trim (substring match 1))))))
       (if (string-match-p
            "\\`[^][()<>@,;:\\\" \t\n\000-\037]+>?,?\\'" domain)
           (concat "@" domain)
         match)))
   text t t))

(defun sendonce-recipient--decode-groups (text)
  "Return TEXT with encoded words undone that end in a colon, or \":;\".
`message-mode' makes them of the name of a group beyond ASCII.  There is
no address in what is undone."
  (replace-regexp-in-string
   sendonce-recipient--encoded-word
   (lambda (match)
     (let ((name (save-match-data (rfc2047-decode-string match))))
       (if (string-match-p "\\`[^][()<>@,;:\\\"\000-\037]+:;?\\'" name)
           name
         match)))
   text t t))

(defun sendonce-recipient--all (text)
  "Return the envelope addresses in TEXT, in order."
  (delq nil (mapcar #'sendonce-recipient--address
                    (sendonce-recipient--pieces text))))

(defun sendonce-recipient-addresses (value)
  "Return the envelope addresses in the field VALUE, in order.
Signal `sendonce-config-error' naming what cannot be parsed."
  (let* ((text (sendonce-recipient--decode-domains
                (sendonce-recipient--as-text value)))
         (groups (sendonce-recipient--decode-groups text)))
    (condition-case err
        (sendonce-recipient--all text)
      (sendonce-config-error
       (if (equal groups text)
           (signal (car err) (cdr err))
         (sendonce-recipient--all groups))))))

;;;; The envelope

(defun sendonce-recipient--key (address)
  "Return the identity of ADDRESS, one of an envelope.
Case in domains is no part of it, nor are quotes (RFC 5321, 4.1.2)."
  (let ((split (sendonce-recipient--split address)))
    (cons (sendonce-recipient--unquote (car split))
          (and (cdr split) (downcase (cdr split))))))

(defun sendonce-recipient-unique (addresses)
  "Return ADDRESSES without repeats, in order."
  (let ((seen (make-hash-table :test #'equal)))
    (seq-filter (lambda (address)
                  (let ((key (sendonce-recipient--key address)))
                    (unless (gethash key seen)
                      (puthash key t seen))))
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

(defun sendonce-recipient--bare (address)
  "Return ADDRESS, a user option and no field, ready for the envelope.
The empty one is the null reverse-path (RFC 5321, 4.5.5)."
  (if (string-empty-p address)
      address
    (sendonce-recipient--sound (sendonce-recipient--as-text address)
                               address)))

(defun sendonce-recipient--specified (fields)
  "Return the sender that `mail-envelope-from' specifies for FIELDS, or nil."
  (and (bound-and-true-p mail-specify-envelope-from)
       (pcase (bound-and-true-p mail-envelope-from)
         ('header (sendonce-recipient-from fields))
         ((and (pred stringp) address)
          (sendonce-recipient--bare address)))))

(defun sendonce-recipient-sender (fields)
  "Return the envelope sender for FIELDS.
The order is smtpmail's: `mail-envelope-from' where it is specified,
From, `user-mail-address'.  Where the message is resent, Resent-From
stands for From: servers refuse a sender who is not the user."
  (or (sendonce-recipient--specified fields)
      (sendonce-recipient-from fields)
      (and (stringp user-mail-address)
           (string-search "@" user-mail-address)
           (sendonce-recipient--bare user-mail-address))
      (signal 'sendonce-config-error
              (list "No sender: the message has no From and \
`user-mail-address' is no address; set `user-mail-address'"
                    :cause 'bad-argument))))

(provide 'sendonce-recipient)

;;; sendonce-recipient.el ends here
