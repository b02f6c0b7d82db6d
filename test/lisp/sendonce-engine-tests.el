;;; sendonce-engine-tests.el --- Loading, building, starting, stopping  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; How the module is found and built, what is said when it cannot be
;; loaded, and the life of the engine.

;;; Code:

(require 'sendonce-test-helper)

(defun sendonce-test-module-complaint (form)
  "Return the text of the `sendonce-module-error' that FORM signals.
It is evaluated in an Emacs of its own, in batch mode."
  (with-temp-buffer
    (call-process
     (expand-file-name invocation-name invocation-directory) nil t nil
     "-Q" "--batch"
     "-L" (file-name-directory (locate-library "sendonce"))
     "--eval"
     (format "%S"
             `(progn
                (require 'cl-lib)
                (require 'sendonce-engine)
                (setq sendonce-directory ,sendonce-directory)
                (condition-case err
                    (progn ,form (princ "no error"))
                  (sendonce-module-error (princ (cadr err)))))))
    (buffer-string)))

;;;; Loading

(ert-deftest sendonce-engine-no-modules-in-this-emacs ()
  (sendonce-test-in-place
    (should (string-search "--with-modules"
                           (sendonce-test-module-complaint
                            '(let ((module-file-suffix nil))
                               (sendonce-engine-ensure)))))))

(ert-deftest sendonce-engine-not-built ()
  (sendonce-test-in-place
    (should (string-search "M-x sendonce-build-module"
                           (sendonce-test-module-complaint
                            '(cl-letf (((symbol-function
                                         'sendonce-engine--candidates)
                                        #'ignore))
                               (sendonce-engine-ensure)))))))

(ert-deftest sendonce-engine-cannot-be-loaded ()
  (sendonce-test-in-place
    (let* ((file (sendonce-test-write
                  (concat "sendonce-module" module-file-suffix) "rubbish"))
           (text (sendonce-test-module-complaint
                  `(progn
                     (push ,(file-name-directory file) load-path)
                     (sendonce-engine-ensure)))))
      (should (string-search file text))
      (should (string-search "builds it anew" text)))))

(ert-deftest sendonce-engine-of-another-version ()
  (sendonce-test-in-place
    (let ((text (sendonce-test-module-complaint
                 '(progn
                    (defalias 'sendonce--mod-version (lambda () "0.0.9"))
                    (sendonce-engine-ensure)))))
      (should (string-search "restart Emacs" text))
      (should (string-search "0.0.9" text)))))

(ert-deftest sendonce-engine-load-path-wins ()
  (sendonce-test-in-place
    (let* ((file (sendonce-test-write
                  (concat "sendonce-module" module-file-suffix) "x"))
           (load-path (cons (file-name-directory file) load-path)))
      (should (equal (sendonce-engine-file) file)))))

(ert-deftest sendonce-engine-asks-before-it-builds ()
  (sendonce-test-in-place
    (sendonce-test-answering '(nil)
      (should-error (sendonce-engine--missing)
                    :type 'sendonce-module-error))
    (cl-letf (((symbol-function 'sendonce-build-module)
               (lambda () "built")))
      (sendonce-test-answering '(t)
        (should (equal (sendonce-engine--missing) "built"))))))

;;;; Building

(defmacro sendonce-test-building (command &rest body)
  "Evaluate BODY with a build that runs the shell COMMAND, with %s its place."
  (declare (indent 1))
  `(sendonce-test-in-place
     (cl-letf (((symbol-function 'sendonce-engine--check-tools) #'ignore)
               ((symbol-function 'sendonce-engine--source)
                (lambda () "/source"))
               ((symbol-function 'sendonce-engine--build-command)
                (lambda (_ build)
                  (format ,command (shell-quote-argument build)))))
       (save-window-excursion ,@body))))

(ert-deftest sendonce-engine-builds-and-installs ()
  (sendonce-test-building "echo working; echo module > %s/sendonce-module.so"
    (let ((file (sendonce-build-module)))
      (should (equal file (sendonce-engine--installed)))
      (should (string-prefix-p sendonce-directory file))
      (should (equal (sendonce-test-read file) "module\n"))
      (should (get-buffer-window "*sendonce build*"))
      (with-current-buffer "*sendonce build*"
        (should (string-search "working" (buffer-string))))
      ;; Built again, the mapped file is replaced, not written over.
      (let ((inode (file-attribute-inode-number (file-attributes file))))
        (sendonce-build-module)
        (should-not (equal inode (file-attribute-inode-number
                                  (file-attributes file))))))))

(ert-deftest sendonce-engine-build-fails ()
  (sendonce-test-building "echo no compiler %s; exit 3"
    (let ((err (should-error (sendonce-build-module)
                             :type 'sendonce-module-error)))
      (should (string-search "*sendonce build*" (cadr err)))))
  (sendonce-test-building "true %s"
    (should-error (sendonce-build-module) :type 'sendonce-module-error)))

(ert-deftest sendonce-engine-build-command ()
  (should (string-match-p
           "\\`cmake -S /a\\\\ b -B /c .*&& cmake --build /c"
           (sendonce-engine--build-command "/a b" "/c"))))

;;;; The engine

(ert-deftest sendonce-engine-starts-once-and-again ()
  (sendonce-test-with-peer ()
    (let ((engine (sendonce-engine)))
      (should (eq engine (sendonce-engine)))
      (should (eq engine (sendonce-engine-p)))
      (sendonce-engine-stop 1)
      (should-not (sendonce-engine-p))
      (should-not (eq engine (sendonce-engine)))
      (should (file-exists-p (expand-file-name "outbox.sqlite"
                                               sendonce-directory)))
      (should (sendonce-test-modes-p #o700 sendonce-directory)))))

(ert-deftest sendonce-engine-directory-cannot-be-made ()
  (sendonce-test-with-peer ()
    (let ((sendonce-directory
           (expand-file-name "x/" (sendonce-test-write "file" ""))))
      (let ((err (should-error (sendonce-entries)
                               :type 'sendonce-module-error)))
        (should (string-search "sendonce-directory" (cadr err))))
      (should-not (sendonce-engine-p))
      (should-not (get-process "sendonce")))))

(ert-deftest sendonce-engine-damaged-outbox-is-told ()
  "What is no outbox is set aside, told of, and not written over."
  (sendonce-test-with-peer ()
    (make-directory sendonce-directory t)
    (with-temp-file (expand-file-name "outbox.sqlite" sendonce-directory)
      (insert (make-string 5000 ?x)))
    (let (warned)
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_ text &rest _) (push text warned))))
        (should-not (sendonce-test-send))
        (should (sendonce-wait-idle 10)))
      (should (= 1 (length warned)))
      (should (string-search "outbox.sqlite" (car warned))))
    (should (seq-find (lambda (file)
                        (eql 5000 (file-attribute-size
                                   (file-attributes file))))
                      (directory-files sendonce-directory t "outbox")))))

(ert-deftest sendonce-engine-hooks ()
  (sendonce-test-with-peer ()
    (sendonce-engine)
    (should (memq #'sendonce-engine-stop kill-emacs-hook))
    (should (memq #'sendonce-engine--leave-p kill-emacs-query-functions))
    (should (member '(:eval sendonce-notify-mode-line) global-mode-string))
    (should (equal sendonce-notify-mode-line ""))))

(ert-deftest sendonce-engine-mark-in-the-mode-line ()
  (sendonce-test-with-peer ()
    (sendonce-test-stop-peer)
    (sendonce-test-send)
    (should (equal " Mail:1" (substring-no-properties
                              sendonce-notify-mode-line)))
    (sendonce-test--start-peer nil)
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (should (equal sendonce-notify-mode-line ""))))

(ert-deftest sendonce-engine-follows-the-options ()
  (sendonce-test-with-peer ()
    (let (policies)
      (cl-letf* ((configure (symbol-function 'sendonce--mod-configure))
                 ((symbol-function 'sendonce--mod-configure)
                  (lambda (engine policy)
                    (push policy policies)
                    (funcall configure engine policy))))
        (sendonce-engine)
        (sendonce-engine)
        (should (= 1 (length policies)))
        (let ((sendonce-warn-after nil)
              (sendonce-retry-schedule '(60 120)))
          (sendonce-engine)
          (should (equal (aref (car policies) 0) '(list 60 120)))
          (should (> (aref (car policies) 1) 1e9)))))))

(ert-deftest sendonce-engine-errors-in-events-are-told ()
  (sendonce-test-with-peer ()
    (cl-letf (((symbol-function 'sendonce-dispatch-event)
               (lambda (_) (error "Broken"))))
      (let ((sendonce-wait nil))
        (sendonce-test-interactively (sendonce-test-send)))
      (sendonce-wait--until
       (lambda () (equal (sendonce-test-states) '(sent))) 10)
      (should (equal (sendonce-test-states) '(sent))))))

(ert-deftest sendonce-engine-many-events-are-one-change ()
  "A queue that drains brings the views up to date once for many of them."
  (sendonce-test-with-peer ()
    (should-not (sendonce-test-send))
    (should (sendonce-wait-idle 30))
    (let* ((changes 0)
           (ended 0)
           (sendonce-notify-functions (list (lambda () (cl-incf changes))))
           (sendonce-ended-functions (list (lambda (_) (cl-incf ended))))
           (id (plist-get (car (sendonce-entries)) :id)))
      (let ((sendonce-dispatch--slice 1000))
        (dotimes (_ 40)
          (sendonce-dispatch-event (list 'ended id)))
        (should (sendonce-wait-idle 30))
        (should (= 40 ended))
        (should (= 1 changes)))
      (dotimes (_ 400)
        (sendonce-dispatch-event (list 'ended id)))
      (should (sendonce-wait-idle 60))
      (should (= 440 ended))
      (should (null sendonce-dispatch--background)))))

(ert-deftest sendonce-engine-large-table-takes-a-tenth-of-the-time ()
  (let ((prints 0)
        (sendonce-outbox--rest 0)
        (buffer (get-buffer-create "*sendonce outbox*")))
    (unwind-protect
        (save-window-excursion
          (switch-to-buffer buffer)
          (setq-local revert-buffer-function
                      (lambda (&rest _) ; is at work for so long
                        (let ((end (+ 0.05 (float-time))))
                          (while (< (float-time) end)))
                        (cl-incf prints)))
          (dotimes (_ 100)
            (sendonce-outbox-refresh))
          (should (= 1 prints))
          (with-timeout (30)
            (while (< prints 2)
              (accept-process-output nil 0.01)))
          (should (= 2 prints))
          (should-not sendonce-outbox--timer))
      (kill-buffer buffer))))

(ert-deftest sendonce-engine-quit-in-an-answer-leaves-nothing-hanging ()
  "C-g while a retry asks for the account's settings: the old ones hold."
  (sendonce-test-with-peer (:scenario "connection 1 at MAIL: defer\n")
    (sendonce-test-interactively
      (should-not (sendonce-test-send)))
    (should (equal '(deferred) (sendonce-test-states)))
    (cl-letf (((symbol-function 'sendonce-account-renew)
               (lambda (&rest _) (signal 'quit nil))))
      (sendonce-flush)
      (should (sendonce-wait-idle 30)))
    (should (equal '(sent) (sendonce-test-states)))))

(ert-deftest sendonce-engine-stops-though-a-library-waits ()
  "A client key that is a pipe nobody writes to does not hold Emacs up."
  (sendonce-test-with-peer ()
    (let ((pipe (sendonce-test-file "fifo"))
          (sendonce-wait 0))
      (skip-unless (eq 0 (call-process "mkfifo" nil nil nil pipe)))
      (sendonce-test-account :client-key pipe)
      (sendonce-test-interactively
        (should-not (sendonce-test-send)))
      (let ((deadline (+ (float-time) 30)))
        ;; It is in open(2) then, or will be.
        (while (and (not (eq 'tls (car (sendonce-dispatch-progress 1))))
                    (< (float-time) deadline))
          (accept-process-output nil 0.05)))
      (let ((start (float-time)))
        (sendonce-engine-stop 1)
        (should (< (- (float-time) start) 20)))
      ;; Let it go, so that its thread ends before the test's place does.
      (call-process "timeout" nil nil nil "10" "sh" "-c" ": > \"$0\"" pipe))))

(provide 'sendonce-engine-tests)

;;; sendonce-engine-tests.el ends here
