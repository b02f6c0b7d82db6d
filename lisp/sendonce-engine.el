;;; sendonce-engine.el --- Loading and running the module  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This file is part of sendonce.

;;; Commentary:

;; Owns the native module and the one engine in it: where the module is,
;; whether it fits, how it gets built, when the engine starts (at first
;; use) and stops (from `kill-emacs-hook', bounded in time).  Whoever
;; needs the engine calls `sendonce-engine'.
;;
;; Loading never asks.  Only the first interactive use offers to build,
;; and the log of that is a buffer the user sees.  What was built is put
;; into `sendonce-directory', under the version in its name, by rename:
;; never over a file that an Emacs has mapped.
;;
;; Events come as one byte through a pipe process; its filter takes them
;; out of the engine and hands them to dispatch.  The filter never asks
;; and never waits.

;;; Code:

(require 'sendonce)
(require 'seq)
(require 'subr-x)

(declare-function sendonce--mod-version "ext:sendonce-module" ())
(declare-function sendonce--mod-start "ext:sendonce-module" (directory pipe))
(declare-function sendonce--mod-stop "ext:sendonce-module" (engine seconds))
(declare-function sendonce--mod-configure "ext:sendonce-module" (engine policy))
(declare-function sendonce--mod-events "ext:sendonce-module" (engine))
(declare-function sendonce--mod-running "ext:sendonce-module" (engine))
(declare-function sendonce--mod-forget-before "ext:sendonce-module"
                  (engine time))
(declare-function sendonce-dispatch-event "sendonce-dispatch" (event))
(declare-function sendonce-notify-start "sendonce-notify" ())
(declare-function sendonce-wait-committed "sendonce-wait" (seconds))

;;;; State

(defvar sendonce-engine--engine nil
  "The engine that runs in this Emacs, or nil.")

(defvar sendonce-engine--pipe nil
  "The pipe process through which the engine says that events wait.")

(defvar sendonce-engine--policy nil
  "The schedule and limits that the engine was last told.")

(defconst sendonce-engine--stop-seconds 3
  "Seconds that leaving Emacs may wait for the engine.")

(defconst sendonce-engine--directory
  (file-name-directory (or load-file-name buffer-file-name
                           default-directory))
  "Directory of this file.")

;;;; Finding it

(defun sendonce-engine--suffix ()
  "Return the suffix of modules, or signal if this Emacs has none."
  (or (and (fboundp 'module-load) module-file-suffix)
      (sendonce-engine--error
       "This Emacs cannot load modules; install one that was built \
--with-modules")))

(defun sendonce-engine--error (format &rest args)
  "Signal a `sendonce-module-error' with FORMAT and ARGS."
  (signal 'sendonce-module-error (list (apply #'format-message format args))))

(defun sendonce-engine--installed ()
  "Return the file name of a module that was built by this Emacs' user."
  (expand-file-name (format "module/sendonce-module-%s%s"
                            sendonce-version (sendonce-engine--suffix))
                    sendonce-directory))

(defun sendonce-engine--candidates ()
  "Return the files that may be the module, best first.
One on `load-path' wins, as distributions put it there."
  (let ((name (concat "sendonce-module" (sendonce-engine--suffix))))
    (cons (locate-file name load-path)
          (append
           (mapcar (lambda (directory)
                     (expand-file-name (concat directory name)
                                       sendonce-engine--directory))
                   '("" "../build/" "../build/lisp-module/"))
           (list (sendonce-engine--installed))))))

(defun sendonce-engine-file ()
  "Return the file of the module, or nil if it is not there."
  (seq-find (lambda (file) (and file (file-readable-p file)))
            (sendonce-engine--candidates)))

;;;; Loading it

(defun sendonce-engine--load (file)
  "Load the module in FILE, or signal with what to do about it."
  (condition-case err
      (module-load file)
    (error
     (sendonce-engine--error
      "The module %s cannot be loaded: %s.  M-x sendonce-build-module \
builds it anew" file (error-message-string err)))))

(defun sendonce-engine--check-version ()
  "Signal unless the module that is loaded fits this Lisp."
  (let ((version (sendonce--mod-version)))
    (unless (equal version sendonce-version)
      (sendonce-engine--error
       "The module is version %s, the Lisp %s: restart Emacs (a module \
cannot be replaced while it is loaded); if that does not help, \
M-x sendonce-build-module" version sendonce-version))))

(defun sendonce-engine--missing ()
  "Offer to build the module that is missing; return its file or signal."
  (if (and (not noninteractive)
           (y-or-n-p "The module of sendonce is not built yet.  Build it \
now (needs cmake and a C++20 compiler)? "))
      (sendonce-build-module)
    (sendonce-engine--error
     "The module of sendonce is not built; M-x sendonce-build-module builds \
it, \"make build\" in its directory does so in a shell")))

(defun sendonce-engine-ensure ()
  "See to it that the module is loaded and fits, or signal."
  (unless (fboundp 'sendonce--mod-version)
    (sendonce-engine--load (or (sendonce-engine-file)
                               (sendonce-engine--missing))))
  (sendonce-engine--check-version))

;;;; Building it

(defun sendonce-engine--source ()
  "Return the directory of the module's source, or signal."
  (let ((root (expand-file-name ".." sendonce-engine--directory)))
    (if (file-exists-p (expand-file-name "CMakeLists.txt" root))
        root
      (sendonce-engine--error
       "There is no source of the module beside %s; install sendonce whole"
       sendonce-engine--directory))))

(defun sendonce-engine--check-tools ()
  "Signal if a program that the build needs is missing."
  (dolist (program '("cmake" "c++"))
    (unless (executable-find program)
      (sendonce-engine--error
       "To build the module, install %s first (Debian: cmake, g++, \
libgnutls28-dev, libgsasl-dev, libsqlite3-dev, libexpected-dev)" program))))

(defun sendonce-engine--build-command (source build)
  "Return the shell command that builds SOURCE in the directory BUILD."
  (format "cmake -S %s -B %s -DSENDONCE_TESTS=OFF && cmake --build %s --parallel %d"
          (shell-quote-argument source) (shell-quote-argument build)
          (shell-quote-argument build) (num-processors)))

(defun sendonce-engine--run (command)
  "Run the shell COMMAND with its log in a buffer; return its exit status."
  (let ((log (get-buffer-create "*sendonce build*")))
    (with-current-buffer log
      (special-mode)
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert command "\n\n")))
    (display-buffer log)
    (let ((process (make-process :name "sendonce-build" :buffer log
                                 :noquery t :sentinel #'ignore
                                 :command (list shell-file-name
                                                shell-command-switch
                                                command))))
      (unwind-protect
          (while (process-live-p process)
            (accept-process-output process 0.5)
            (redisplay))
        (delete-process process))
      (process-exit-status process))))

(defun sendonce-engine--install (build)
  "Put the module from the directory BUILD in its place; return the file."
  (let* ((target (sendonce-engine--installed))
         (temporary (concat target ".new"))
         (built (car (directory-files-recursively
                      build "\\`sendonce-module\\.[a-z]+\\'"))))
    (unless built
      (sendonce-engine--error "The build ended well but made no module; \
see the buffer *sendonce build*"))
    (make-directory (file-name-directory target) t)
    (copy-file built temporary t)
    (rename-file temporary target t)
    target))

;;;###autoload
(defun sendonce-build-module ()
  "Build the module; return its file.
The log is in the buffer *sendonce build*."
  (interactive)
  (sendonce-engine--check-tools)
  (let* ((source (sendonce-engine--source))
         (build (expand-file-name "module/build" sendonce-directory)))
    (make-directory build t)
    (unless (eq 0 (sendonce-engine--run
                   (sendonce-engine--build-command source build)))
      (sendonce-engine--error "The module could not be built; the end of \
the buffer *sendonce build* says why"))
    (prog1 (sendonce-engine--install build)
      (message "The module of sendonce is built%s"
               (if (fboundp 'sendonce--mod-version)
                   "; restart Emacs to use it" "")))))

;;;; The engine

(defun sendonce-engine--schedule ()
  "Return `sendonce-retry-schedule' as the module wants it.
A function is asked when an attempt has ended; see dispatch."
  (pcase sendonce-retry-schedule
    ('quadratic '(quadratic 10))
    ((or `(quadratic ,(pred numberp)) `(constant ,(pred numberp)))
     sendonce-retry-schedule)
    ((pred functionp) '(quadratic 10))
    ((pred numberp) (list 'constant sendonce-retry-schedule))
    ((and (pred consp) (guard (seq-every-p #'numberp sendonce-retry-schedule)))
     (cons 'list sendonce-retry-schedule))
    (_ (signal 'sendonce-config-error
               (list (format "`sendonce-retry-schedule' is %S; see its \
documentation for what it may be" sendonce-retry-schedule)
                     :cause 'bad-argument)))))

(defconst sendonce-engine--never (* 100.0 365 24 60 60)
  "Seconds that stand for never.")

(defun sendonce-engine--configure (engine)
  "Tell ENGINE the schedule and the limits, if they have changed."
  (let ((policy (vector (sendonce-engine--schedule)
                        (or sendonce-warn-after sendonce-engine--never)
                        (or sendonce-give-up-after sendonce-engine--never))))
    (unless (equal policy sendonce-engine--policy)
      (sendonce--mod-configure engine policy)
      (setq sendonce-engine--policy policy))))

(defun sendonce-engine--filter (_process _bytes)
  "Hand on what the engine has to tell."
  (sendonce-engine-drain))

(defun sendonce-engine-drain ()
  "Hand on what the engine has to tell, each event by itself."
  (when sendonce-engine--engine
    (dolist (event (sendonce--mod-events sendonce-engine--engine))
      (condition-case err
          (sendonce-dispatch-event event)
        (error (message "sendonce: %s" (error-message-string err)))))))

(defun sendonce-engine--make-pipe ()
  "Return a pipe process for the engine to wake us by.
Any Lisp thread may read it, not only the one that sent first."
  (let ((pipe (make-pipe-process :name "sendonce" :buffer nil :noquery t
                                 :coding 'binary
                                 :filter #'sendonce-engine--filter
                                 :sentinel #'ignore)))
    (when (fboundp 'set-process-thread)
      (set-process-thread pipe nil))
    pipe))

(defun sendonce-engine--make-directory ()
  "Make `sendonce-directory' if need be, for the user only; return its name."
  (let ((directory (expand-file-name sendonce-directory)))
    (condition-case err
        (with-file-modes #o700
          (make-directory directory t))
      (file-error
       (sendonce-engine--error
        "The directory of the outbox cannot be made: %s.  Set \
`sendonce-directory' to one that can" (error-message-string err))))
    (file-name-as-directory directory)))

(defun sendonce-engine--start ()
  "Start the engine and return it."
  (require 'sendonce-dispatch)
  (require 'sendonce-notify)
  (sendonce-engine-ensure)
  ;; The pipe last: one that nobody writes to any more cannot be deleted
  ;; on Windows once Emacs has begun to read it.
  (let* ((directory (sendonce-engine--make-directory))
         (pipe (sendonce-engine--make-pipe))
         engine)
    (unwind-protect
        (setq engine (sendonce--mod-start directory pipe))
      (unless engine
        (delete-process pipe)))
    (setq sendonce-engine--pipe pipe
          sendonce-engine--engine engine
          sendonce-engine--policy nil)
    (add-hook 'kill-emacs-hook #'sendonce-engine-stop)
    (add-hook 'kill-emacs-query-functions #'sendonce-engine--leave-p)
    (sendonce-engine--forget engine)
    (sendonce-notify-start)
    engine))

(defun sendonce-engine--forget (engine)
  "Have ENGINE forget what was settled over `sendonce-retain-days' ago."
  (when sendonce-retain-days
    (sendonce--mod-forget-before
     engine (- (float-time) (* sendonce-retain-days 24 60 60)))))

(defun sendonce-engine ()
  "Return the engine, started if need be and told the present policy.
Loads the module at the first call: in a function that may be the
first to call it, do so before a form that calls the module, since
the interpreter looks up a function before its arguments."
  (let ((engine (or sendonce-engine--engine (sendonce-engine--start))))
    (sendonce-engine--configure engine)
    engine))

(defun sendonce-engine-p ()
  "Return the engine if it was started, else nil."
  sendonce-engine--engine)

(defun sendonce-engine-wait (seconds)
  "Wait at most SECONDS for an event of the engine.
Timers run meanwhile.  Return non-nil if it told something."
  (if (process-live-p sendonce-engine--pipe)
      (accept-process-output sendonce-engine--pipe seconds)
    (accept-process-output nil seconds)
    (sendonce-engine-drain)))

;;;; Leaving

(defun sendonce-engine-stop (&optional seconds)
  "Stop the engine within SECONDS, by default a few.
What has not been handed over goes out at the next start."
  (when sendonce-engine--engine
    (unwind-protect
        (sendonce--mod-stop sendonce-engine--engine
                            (or seconds sendonce-engine--stop-seconds))
      (setq sendonce-engine--engine nil)
      (when sendonce-engine--pipe
        (delete-process sendonce-engine--pipe)
        (setq sendonce-engine--pipe nil)))))

(defun sendonce-engine--committing ()
  "Return how many messages are between commit point and reply."
  (if sendonce-engine--engine
      (cdr (sendonce--mod-running sendonce-engine--engine))
    0))

(defun sendonce-engine--leave-p ()
  "Return non-nil if Emacs may be left: on `kill-emacs-query-functions'.
Asks only while the server's last word on a message is outstanding."
  (unless (or noninteractive (zerop (sendonce-engine--committing)))
    (require 'sendonce-wait)
    (when (y-or-n-p "A message is handed over, but the server has not \
answered yet; leaving now puts it in doubt.  Wait for the answer? ")
      (sendonce-wait-committed 60)))
  t)

(provide 'sendonce-engine)

;;; sendonce-engine.el ends here
