;;; lint.el --- The checks of Lisp sources that `make lint' runs  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -L lisp -L ... -l test/lint/lint.el -f lint-batch FILE... --tests FILE...
;;
;; For every file: it compiles without a warning, `declare-function' tells the truth, and Emacs would
;; indent it as it is.  Files before --tests also satisfy checkdoc.  Each finding is one line
;; FILE:LINE: TEXT; the exit status is 1 if there was one.  Nothing is written beside the sources.

;;; Code:

(require 'bytecomp)
(require 'check-declare)
(require 'checkdoc)
(require 'cl-lib)

(defvar lint-findings 0
  "How many findings there were so far.")

(defun lint-report (file line text)
  "Print the finding TEXT at LINE of FILE and count it."
  (cl-incf lint-findings)
  (princ (format "%s:%s: %s\n" (file-relative-name file command-line-default-directory) (or line 1) text)))

;;;; Byte compiler

(defun lint-compile (file)
  "Compile FILE into a file that is thrown away; each warning is a finding."
  (let* ((target (make-temp-file "lint" nil ".elc"))
         (byte-compile-error-on-warn nil)
         (byte-compile-dest-file-function (lambda (_) target))
         (byte-compile-log-warning-function
          (lambda (text position &optional _fill _level)
            (lint-report file (lint--line file position) text))))
    (unwind-protect
        (unless (byte-compile-file file)
          (lint-report file nil "does not compile"))
      (delete-file target))))

(defun lint--line (file position)
  "Line of POSITION in FILE; 1 if that is not known."
  (if (natnump position)
      (with-temp-buffer
        (insert-file-contents file)
        (line-number-at-pos (min position (point-max))))
    1))

;;;; checkdoc

(defun lint-checkdoc (file)
  "Report what checkdoc has to say of FILE."
  (with-current-buffer (find-file-noselect file)
    ;; The check of verbs takes any word that ends in s for one.
    (let ((sentence-end-double-space t)
          (checkdoc-verb-check-experimental-flag nil)
          (checkdoc-autofix-flag 'never)
          (checkdoc-spellcheck-documentation-flag nil)
          (checkdoc-create-error-function
           (lambda (text start _end &optional _unfixable)
             ;; Whether a name is ambiguous depends on what was loaded before.
             (unless (string-prefix-p "Disambiguate" text)
               (lint-report file (and start (line-number-at-pos start)) text))
             nil)))
      (save-window-excursion
        (checkdoc-current-buffer t)))))

;;;; declare-function

(defun lint-declare (file)
  "Report each `declare-function' of FILE that is not so.
A library that is not installed is no finding: the mail clients are optional."
  (pcase-dolist (`(,_ . ,problems) (check-declare-file file))
    (dolist (problem problems)
      (pcase-let ((`(,_ ,function ,what) problem))
        (unless (equal what "file not found")
          (lint-report file nil (format "declare-function %s: %s" function what)))))))

;;;; Indentation

(defun lint-indentation (file)
  "Report the lines of FILE that Emacs would indent in another way."
  (with-temp-buffer
    (insert-file-contents file)
    (let ((before (split-string (buffer-string) "\n"))
          (indent-tabs-mode nil)
          (inhibit-message t))
      (emacs-lisp-mode)
      (setq indent-tabs-mode nil)
      (indent-region (point-min) (point-max))
      (cl-loop for old in before
               for new in (split-string (buffer-string) "\n")
               for line from 1
               unless (equal old new)
               do (lint-report file line (format "indentation: %S expected" new))))))

;;;; All of it

(defun lint--load (file)
  "Load FILE for the sake of the macros whose indentation it declares."
  (condition-case problem
      (load file nil t t)
    (error (lint-report file nil (format "does not load: %s" (error-message-string problem))))))

(defun lint-batch ()
  "Check the files named on the command line and exit."
  (let* ((position (or (cl-position "--tests" command-line-args-left :test #'equal)
                       (length command-line-args-left)))
         (files (mapcar #'expand-file-name command-line-args-left))
         (sources (cl-subseq files 0 position))
         (tests (nthcdr (1+ position) files))
         (all (append sources tests)))
    (setq command-line-args-left nil
          load-prefer-newer t)
    (mapc #'lint--load all)
    (mapc #'lint-compile all)
    (mapc #'lint-declare all)
    (mapc #'lint-indentation all)
    (mapc #'lint-checkdoc sources)
    (kill-emacs (if (zerop lint-findings) 0 1))))

(provide 'lint)
;;; lint.el ends here
