;;; sendonce-spool.el --- Large messages, piece by piece  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the way of a large message from its buffer to the outbox, in
;; which nothing holds it whole and no step takes long: it is written to
;; a file of the module's in pieces, which makes no garbage, hashed on
;; the way, timers run in between, and a thread of the engine stores it
;; while Emacs goes on.
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
(declare-function sendonce--mod-spool-file "ext:sendonce-module" (spool))
(declare-function sendonce--mod-spool-take "ext:sendonce-module"
                  (spool hashed))
(declare-function sendonce--mod-store "ext:sendonce-module"
                  (engine submission spool))

(defconst sendonce-spool-threshold 262144
  "Size in octets from which on a body goes piece by piece.")

(defconst sendonce-spool--piece 1048576
  "Characters handed over at a time.")

(cl-defstruct (sendonce-region (:copier nil))
  "A body as it is in BUFFER from START to END, bytes.
ENCODE: the buffer is multibyte.  Such a body ends in a newline, which
is added if the buffer lacks it.  TICK: the text as it was then."
  buffer start end encode tick)

(defun sendonce-spool-region (start end encode)
  "Return the region from START to END of the current buffer as a body.
ENCODE as in `sendonce-region'."
  (make-sendonce-region :buffer (current-buffer) :start start :end end
                        :encode encode :tick (buffer-chars-modified-tick)))

(defun sendonce-spool--check-unchanged (region &optional outcome)
  "Signal unless the current buffer has REGION as it was made.
Timers run while a message is prepared, and they may do anything.
OUTCOME says what came of it, if not that nothing was sent."
  (unless (and (eq (current-buffer) (sendonce-region-buffer region))
               (= (buffer-chars-modified-tick) (sendonce-region-tick region)))
    (signal 'sendonce-config-error
            (list (concat "The message was changed while it was being \
prepared; " (or outcome "nothing was sent: look at it and send it again"))))))

(defun sendonce-spool--coding (region)
  "Return the coding system in which REGION becomes bytes."
  (if (sendonce-region-encode region) 'utf-8-unix 'no-conversion))

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
    (sendonce-spool--check-unchanged
     region "it went to the outbox as it was before, and no copy is filed")
    (concat (encode-coding-string
             (buffer-substring-no-properties (sendonce-region-start region)
                                             (sendonce-region-end region))
             (sendonce-spool--coding region))
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

(defun sendonce-spool--write (file start end coding)
  "Append what is from START to END of the current buffer to FILE, in CODING.
START may be a string, END nil."
  (let ((coding-system-for-write coding)
        (write-region-annotate-functions nil)
        (write-region-post-annotation-function nil)
        (write-region-inhibit-fsync t)
        (file-name-handler-alist nil))
    (write-region start end file t 'quiet)))

(defun sendonce-spool--add (spool file region start end)
  "Add what is from START to END to SPOOL, whose file is FILE.
REGION says how; its buffer is current."
  (sendonce-spool--write file start end (sendonce-spool--coding region))
  (sendonce--mod-spool-take spool t))

(defun sendonce-spool--fill (spool region)
  "Put REGION into SPOOL."
  (let* ((file (sendonce--mod-spool-file spool))
         (start (sendonce-region-start region))
         (end (sendonce-region-end region))
         (at start))
    (sendonce-spool--in-region region
      (sendonce-spool--check-unchanged region)
      (while (< at end)
        (let ((next (min end (+ at sendonce-spool--piece))))
          (sendonce-spool--add spool file region at next)
          (setq at next))
        (sendonce-spool--show (- at start) (- end start))
        (sendonce-spool--breathe)
        (sendonce-spool--check-unchanged region))
      (unless (sendonce-spool--ends-in-newline-p region)
        (sendonce-spool--add spool file region "\n" nil)))))

(defun sendonce-spool-make (header region boundary)
  "Return a spool of the message that HEADER, bytes, and REGION make.
BOUNDARY: of its parts, or nil.  Timers run meanwhile."
  (let* ((engine (sendonce-engine))
         (spool (sendonce--mod-spool engine boundary)))
    (sendonce-spool--write (sendonce--mod-spool-file spool) header nil
                           'no-conversion)
    (sendonce--mod-spool-take spool nil)
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
