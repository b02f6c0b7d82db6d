;;; sendonce-spool.el --- Large messages, piece by piece  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the way of a large message from its buffer to the outbox, in
;; which nothing holds it whole and no step takes long: it is handed to
;; the module in pieces, hashed on the way, timers run in between, and a
;; thread of the engine stores it while Emacs goes on.
;;
;; A `sendonce-region' stands for the body as long as the buffer is
;; there; compose makes one of what is large and encoded already.  A quit
;; before the message is handed to the engine leaves nothing behind;
;; after that it waits until the entry is durable.

;;; Code:

(require 'sendonce)
(require 'sendonce-engine)
(require 'sendonce-dispatch)
(require 'cl-lib)

(declare-function sendonce--mod-spool "ext:sendonce-module" (engine boundary))
(declare-function sendonce--mod-spool-add "ext:sendonce-module"
                  (spool bytes hashed))
(declare-function sendonce--mod-store "ext:sendonce-module"
                  (engine submission spool))

(defconst sendonce-spool-threshold 262144
  "Size in octets from which on a body goes piece by piece.")

(defconst sendonce-spool--piece 262144
  "Characters handed over at a time.")

(defconst sendonce-spool--garbage 16777216
  "Octets of pieces that may be garbage before they are collected.
A collection takes longer than a piece, and grows with Emacs.")

(cl-defstruct (sendonce-region (:copier nil))
  "A body as it is in BUFFER from START to END, bytes.
ENCODE: the buffer is multibyte.  Such a body ends in a newline, which
is added if the buffer lacks it."
  buffer start end encode)

(defun sendonce-spool-region (start end encode)
  "Return the region from START to END of the current buffer as a body.
ENCODE as in `sendonce-region'."
  (make-sendonce-region :buffer (current-buffer) :start start :end end
                        :encode encode))

(defun sendonce-spool--text (region start end)
  "Return the text of REGION from START to END, as bytes.
Its buffer is current."
  (let ((text (buffer-substring-no-properties start end)))
    (if (sendonce-region-encode region)
        (encode-coding-string text 'utf-8-unix t)
      text)))

(defun sendonce-spool--ends-in-newline-p (region)
  "Return non-nil if the last character of REGION is a newline.
Its buffer is current."
  (eq (char-before (sendonce-region-end region)) ?\n))

(defmacro sendonce-spool--in-region (region &rest body)
  "Evaluate BODY in the buffer of REGION, all of it accessible."
  (declare (indent 1) (debug t))
  `(with-current-buffer (sendonce-region-buffer ,region)
     (save-restriction
       (widen)
       ,@body)))

(defun sendonce-spool-string (region)
  "Return the whole of REGION as a string of bytes."
  (sendonce-spool--in-region region
    (concat (sendonce-spool--text region (sendonce-region-start region)
                                  (sendonce-region-end region))
            (unless (sendonce-spool--ends-in-newline-p region)
              "\n"))))

(defun sendonce-spool--show (done total)
  "Show in the echo area that DONE of TOTAL has been put by."
  (unless noninteractive
    (let ((message-log-max nil))
      (message "sendonce: preparing… %d %%" (/ (* 100 done) total)))))

(defun sendonce-spool--breathe ()
  "Let timers run."
  (save-current-buffer
    (accept-process-output nil 0)))

(defun sendonce-spool--fill (spool region)
  "Put REGION into SPOOL."
  (let* ((gc-cons-threshold (max gc-cons-threshold sendonce-spool--garbage))
         (start (sendonce-region-start region))
         (end (sendonce-region-end region))
         (at start))
    (sendonce-spool--in-region region
      (while (< at end)
        (let ((next (min end (+ at sendonce-spool--piece))))
          (sendonce--mod-spool-add
           spool (sendonce-spool--text region at next) t)
          (setq at next))
        (sendonce-spool--show (- at start) (- end start))
        (sendonce-spool--breathe))
      (unless (sendonce-spool--ends-in-newline-p region)
        (sendonce--mod-spool-add spool "\n" t)))))

(defun sendonce-spool-make (header region boundary)
  "Return a spool of the message that HEADER, bytes, and REGION make.
BOUNDARY: of its parts, or nil.  Timers run meanwhile."
  (let* ((engine (sendonce-engine))
         (spool (sendonce--mod-spool engine boundary)))
    (sendonce--mod-spool-add spool header nil)
    (sendonce-spool--fill spool region)
    spool))

(defun sendonce-spool-store (submission spool)
  "Put SPOOL into the outbox as SUBMISSION, a vector; return the entry's id.
Timers run meanwhile.  It is durable then, or an error is signalled."
  (let* ((engine (sendonce-engine))
         (number (sendonce--mod-store engine submission spool))
         outcome)
    (while (not (setq outcome (sendonce-dispatch-take-stored number)))
      (unless (eq engine (sendonce-engine-p))
        (signal 'sendonce-module-error
                (list "The engine was stopped before the message was stored")))
      (sendonce-engine-wait 0.5))
    (pcase outcome
      (`(,id) id)
      (`(,condition ,text ,cause)
       (signal condition (list text :cause cause))))))

(provide 'sendonce-spool)

;;; sendonce-spool.el ends here
