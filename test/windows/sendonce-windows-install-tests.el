;;; sendonce-windows-install-tests.el --- Installed as the manual says  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The steps of the manual, section Windows: the DLL that is given away,
;; beside the Lisp, and two lines in an init file.

;;; Code:

(require 'sendonce-test-helper)

(defun sendonce-windows-install--copy ()
  "Copy the Lisp and the DLL into a directory; return its name."
  (let ((place (sendonce-test-file "lisp/")))
    (make-directory place)
    (dolist (file (directory-files
                   (file-name-directory (locate-library "sendonce.el"))
                   t "\\`sendonce.*\\.el\\'"))
      (copy-file file place))
    (copy-file (expand-file-name "../sendonce-module.dll"
                                 (getenv "SENDONCE_MODULE_DIR"))
               place)
    place))

(defun sendonce-windows-install--init (place)
  "Write an init file for what is in PLACE; return its name."
  (sendonce-test-write
   "init.el"
   (mapconcat
    #'prin1-to-string
    `((add-to-list 'load-path ,place)
      (require 'sendonce)
      (sendonce-mode)
      (setq user-mail-address "me@here.example"
            user-emacs-directory ,(sendonce-test-file "emacs.d/")
            sendonce-directory ,(sendonce-test-file "installed/")
            auth-sources nil
            sendonce-accounts ',sendonce-accounts))
    "\n")))

(defun sendonce-windows-install--emacs (init form)
  "Evaluate FORM in an Emacs that begins with the file INIT.
Return its exit status and what it said."
  (with-temp-buffer
    (let ((status (call-process
                   (expand-file-name invocation-name invocation-directory)
                   nil t nil "-Q" "--batch" "-l" init
                   "--eval" (prin1-to-string form))))
      (list status (buffer-string)))))

(ert-deftest sendonce-windows-install-by-the-manual ()
  (sendonce-test-with-peer ()
    (let ((init (sendonce-windows-install--init
                 (sendonce-windows-install--copy))))
      (should (equal '(0 "") (sendonce-windows-install--emacs init nil)))
      (pcase-let ((`(,status ,said)
                   (sendonce-windows-install--emacs
                    init
                    '(progn
                       (compose-mail "you@there.example" "Installed")
                       (message-send-and-exit)
                       (princ (sendonce-engine-file))))))
        (should (equal (list 0 said) (list status said)))
        (should (string-search (sendonce-test-file "lisp/sendonce-module.dll")
                               said)))
      (should (= 1 (length (sendonce-test-accepted))))
      (pcase-let ((`(,status ,said)
                   (sendonce-windows-install--emacs init
                                                    '(sendonce-doctor-batch))))
        (should (equal (list 0 said) (list status said)))))))

(provide 'sendonce-windows-install-tests)

;;; sendonce-windows-install-tests.el ends here
