;;; sendonce-trust.el --- Certificates, judged by NSM  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the talk with Emacs' Network Security Manager about certificates.
;; The module verifies; where it finds a fault it stops before a byte of
;; sign-in or mail and asks, and dispatch hands that question on to here.
;; NSM decides by what it has stored, or by asking the user; what the user
;; accepts is stored by NSM, for all of Emacs.  In the background and in
;; batch nobody is asked: only what is stored counts.
;;
;; There is no second store of decisions, and none is made here.

;;; Code:

(require 'sendonce)
(require 'cl-lib)
(require 'nsm)
(require 'seq)
(require 'subr-x)

(defvar gnutls-verify-error)

;;;; What NSM wants to see

(defun sendonce-trust--date (time)
  "Return TIME, seconds since the epoch, as `gnutls-peer-status' has dates."
  (format-time-string "%F" time t))

(defun sendonce-trust--certificate (certificate)
  "Return CERTIFICATE, as the module tells it, as NSM wants it."
  (append (list :valid-from
                (sendonce-trust--date (plist-get certificate :not-before))
                :valid-to
                (sendonce-trust--date (plist-get certificate :not-after)))
          certificate))

(defun sendonce-trust--warnings (status)
  "Return the warnings of STATUS; never nil where there is a fault.
NSM takes a status without warnings for a sound one."
  (or (plist-get status :warnings)
      (and (plist-get status :faults) '(:invalid))))

(defun sendonce-trust--status (status)
  "Return STATUS, as the module tells it, as `gnutls-peer-status' would."
  (let ((certificates (mapcar #'sendonce-trust--certificate
                              (plist-get status :certificates))))
    (append (list :warnings (copy-sequence (sendonce-trust--warnings status))
                  :certificates certificates
                  :certificate (car certificates))
            (and (not (equal (plist-get status :protocol) "TLS1.3"))
                 ;; TLS 1.3 knows no renegotiation, and NSM looks whether
                 ;; the property is there at all.
                 (list :safe-renegotiation
                       (plist-get status :safe-renegotiation)))
            (cl-loop for (key value) on status by #'cddr
                     unless (eq key :safe-renegotiation)
                     append (list key value)))))

;;;; Asking it

(defun sendonce-trust--fatal-p (host faults)
  "Return non-nil if `gnutls-verify-error' forbids to ask about HOST.
FAULTS are those of its certificate."
  (let ((fatal (bound-and-true-p gnutls-verify-error)))
    (and faults
         (if (listp fatal)
             (seq-some (lambda (rule) (string-match-p (car rule) host)) fatal)
           fatal))))

(defun sendonce-trust--can-show-p ()
  "Return non-nil if NSM has the functions by which it shows a certificate.
They are missing in an Emacs that was built without GnuTLS."
  (and (fboundp 'gnutls-peer-status-warning-describe)
       (fboundp 'gnutls-format-certificate)))

(defun sendonce-trust--judge (host port status)
  "Return non-nil if NSM takes STATUS for HOST and PORT.
NSM wants a process that it can end; this one leads nowhere.  It is
stopped, since on Windows a pipe that Emacs has begun to read cannot be
deleted while nothing comes."
  (let ((process (make-pipe-process :name "sendonce-nsm" :noquery t
                                    :buffer nil :stop t)))
    (unwind-protect
        (and (nsm-check-tls-connection process host port status
                                       (nsm-host-settings (nsm-id host port)))
             (process-live-p process)
             t)
      (delete-process process))))

(defun sendonce-trust-accept-p (host port status foreground)
  "Return non-nil if the server at HOST and PORT is to be trusted.
STATUS is what the module found.  FOREGROUND: the user may be asked."
  (let ((nsm-noninteractive (not foreground))
        (faults (plist-get status :faults)))
    (and (not (sendonce-trust--fatal-p host faults))
         (or (null faults) (sendonce-trust--can-show-p))
         (sendonce-trust--judge host port (sendonce-trust--status status)))))

(defun sendonce-trust-ask-p (host port)
  "Return non-nil if NSM is to judge HOST and PORT however sound they are.
So it is where the user wants more than the usual checks, or NSM knows
the key that this server had before."
  (or (memq network-security-level '(high paranoid))
      (plist-get (nsm-host-settings (nsm-id host port)) :fingerprints)))

(provide 'sendonce-trust)

;;; sendonce-trust.el ends here
