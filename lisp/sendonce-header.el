;;; sendonce-header.el --- Header fields, verbatim  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the view of a message's header as a list of fields.  A field is
;; (NAME . TEXT): NAME in lower case, TEXT exactly as it stands, with its
;; name, its continuation lines and its last newline, so that the texts
;; put together again are the header byte for byte.  A line that is no
;; field (a stray "From ") is kept with a nil NAME.
;;
;; Pure functions on strings; called by compose, recipient and identity.
;; It never looks at a buffer and never changes what a field says.

;;; Code:

(require 'rfc2047)
(require 'subr-x)

;;;; To fields and back

(defun sendonce-header-parse (text)
  "Return the fields of header TEXT, in order: a list of (NAME . TEXT)."
  (let ((start 0) fields)
    (while (< start (length text))
      (let ((end (sendonce-header--field-end text start)))
        (push (sendonce-header--field (substring text start end)) fields)
        (setq start end)))
    (nreverse fields)))

(defun sendonce-header--field-end (text start)
  "Return the end of the field at START of TEXT.
A field goes on as long as lines begin with a blank (RFC 5322, 2.2.3)."
  (if (string-match "\n[^ \t]" text start)
      (1+ (match-beginning 0))
    (length text)))

(defun sendonce-header--field (text)
  "Return (NAME . TEXT) for a field's TEXT, NAME nil if it is none.
Blanks before the first one of a header do not hide it."
  (cons (and (string-match "\\`[ \t]*\\([!-9;-~]+\\)[ \t]*:" text)
             (downcase (match-string 1 text)))
        text))

(defun sendonce-header-text (fields)
  "Return FIELDS put together again, verbatim."
  (mapconcat #'cdr fields ""))

;;;; Reading

(defun sendonce-header--value (text)
  "Return the unfolded value in a field's TEXT."
  (string-trim
   (replace-regexp-in-string
    "\n[ \t]*" " "
    (substring text (1+ (string-search ":" text))))))

(defun sendonce-header-values (fields &rest names)
  "Return the unfolded values of all FIELDS called one of NAMES, in order."
  (delq nil
        (mapcar (lambda (field)
                  (and (car field)
                       (member (car field) names)
                       (sendonce-header--value (cdr field))))
                fields)))

(defun sendonce-header-value (fields name)
  "Return the unfolded value of the first of FIELDS called NAME, or nil."
  (car (sendonce-header-values fields name)))

(defun sendonce-header-decode (value)
  "Return the field VALUE for people: raw bytes and RFC 2047 decoded."
  (rfc2047-decode-string
   (if (multibyte-string-p value)
       value
     (decode-coding-string value 'utf-8))))

;;;; Changing

(defun sendonce-header-without (fields &rest names)
  "Return FIELDS without those called one of NAMES."
  (seq-remove (lambda (field) (and (car field) (member (car field) names)))
              fields))

(defun sendonce-header-with (fields name value)
  "Return FIELDS with a field NAME: VALUE at the end.
Left as they are if they have one already."
  (if (assoc (downcase name) fields)
      fields
    (append fields
            (list (cons (downcase name) (format "%s: %s\n" name value))))))

(provide 'sendonce-header)

;;; sendonce-header.el ends here
