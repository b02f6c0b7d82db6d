;;; sendonce-imap.el --- Did it arrive among the sent mail?  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns one question to an IMAP server: is there a message with this
;; Message-ID among the sent mail?  `sendonce-resolve' asks it for an
;; entry in doubt whose account says `:imap', when the user wishes.  The
;; work is Gnus' own nnimap, with its TLS, NSM and auth-source; mailboxes
;; are only ever EXAMINEd, never changed.
;;
;; Presence proves that the provider took the message, where it is the
;; provider that files sent mail.  Absence proves nothing: many servers
;; file nothing, or file late.  So only presence settles anything.

;;; Code:

(require 'sendonce)
(require 'sendonce-account)
(require 'nnimap)
(require 'seq)

(defconst sendonce-imap-mailboxes
  '("Sent" "Sent Items" "Sent Messages" "INBOX.Sent" "[Gmail]/Sent Mail")
  "Mailboxes looked into where the account names none.")

;;;; The server

(defun sendonce-imap--settings (account)
  "Return the :imap of ACCOUNT as a plist; a string is the :host."
  (let ((imap (plist-get account :imap)))
    (if (stringp imap) (list :host imap) imap)))

(defun sendonce-imap--server (imap)
  "Return the name under which nnimap knows the server of IMAP, a plist."
  (concat "sendonce-" (plist-get imap :host)))

(defun sendonce-imap--definitions (imap)
  "Return the server IMAP, a plist, as nnimap wants it."
  (let ((stream (or (plist-get imap :stream) 'ssl)))
    `((nnimap-address ,(plist-get imap :host))
      (nnimap-stream ,stream)
      (nnimap-server-port ,(or (plist-get imap :port)
                               (if (eq stream 'ssl) 993 143)))
      ,@(and (plist-get imap :user)
             `((nnimap-user ,(plist-get imap :user)))))))

(defun sendonce-imap--open (imap)
  "Connect to the server IMAP, a plist, or signal an error."
  (nnheader-init-server-buffer)
  (let ((server (sendonce-imap--server imap)))
    (unless (nnimap-open-server server (sendonce-imap--definitions imap))
      (error "%s" (or (nnimap-status-message server) "no reason given")))))

(defun sendonce-imap--fail (imap reason)
  "Signal that the server IMAP, a plist, cannot be asked for REASON."
  (signal 'sendonce-error
          (list (format "The IMAP server %s cannot be asked (%s).  Check \
:imap in `sendonce-accounts', and its line in ~/.authinfo.gpg"
                        (plist-get imap :host) (string-trim reason)))))

;;;; The question

(defun sendonce-imap--mailboxes (imap)
  "Return the mailboxes to look into at the server IMAP, a plist."
  (let ((mailbox (plist-get imap :mailbox)))
    (cond ((stringp mailbox) (list mailbox))
          (mailbox)
          (t sendonce-imap-mailboxes))))

(defun sendonce-imap--in-p (mailbox server message-id)
  "Return non-nil if MAILBOX at SERVER holds MESSAGE-ID."
  (and (with-current-buffer (nnimap-buffer)
         (nnimap-change-group mailbox server nil t))
       (nnimap-find-article-by-message-id mailbox server message-id)))

;;;###autoload
(defun sendonce-imap-find (account message-id)
  "Return the mailbox of ACCOUNT's IMAP server that holds MESSAGE-ID, or nil.
ACCOUNT is an element of `sendonce-accounts' with an `:imap'.  Signal a
`sendonce-error' if the server cannot be asked."
  (let* ((imap (sendonce-imap--settings account))
         (server (sendonce-imap--server imap)))
    (unwind-protect
        (condition-case err
            (progn
              (sendonce-imap--open imap)
              (seq-find (lambda (mailbox)
                          (sendonce-imap--in-p mailbox server message-id))
                        (sendonce-imap--mailboxes imap)))
          (error (sendonce-imap--fail imap (error-message-string err))))
      (nnimap-close-server server))))

(provide 'sendonce-imap)

;;; sendonce-imap.el ends here
