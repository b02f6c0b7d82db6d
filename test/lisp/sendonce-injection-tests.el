;;; sendonce-injection-tests.el --- Nothing breaks out of a field  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Control characters, and characters that a careless narrowing would
;; turn into them, in every field that a user or a mail client can fill,
;; through the real engine to the peer.  A field is refused with an error
;; that names it, and then nothing is in the outbox; or the peer sees just
;; the commands that belong to the entries, in order, and notes no
;; violation.  The unit tests (smtp_injection_test.cc) have all of
;; Unicode; here it is sampled.

;;; Code:

(require 'sendonce-test-helper)
(require 'sendonce-account)

(declare-function sendonce--mod-enqueue "ext:sendonce-module"
                  (engine submission message))

;;;; What is injected

(defconst sendonce-injection--controls
  (append (number-sequence 0 31) '(127))
  "The control characters of ASCII.")

(defconst sendonce-injection--narrow
  (cl-loop for high in '(#x1 #x2 #x20 #x26 #x30 #x76 #xfe #x100 #x1f6 #x10ff)
           append (mapcar (lambda (low) (+ (* 256 high) low))
                          '(#x0d #x0a #x00 #x20)))
  "Characters whose low octet is CR, LF, NUL or space.")

(defconst sendonce-injection--commands
  '("\r\nRSET\r\n" "\nRCPT TO:<evil@there.example>" ">\r\nDATA\r\n.\r\n"
    "\r" "\r\n.\r\n" "> SIZE=1" " NOTIFY=NEVER")
  "Whole commands, and ends of arguments.")

(defun sendonce-injection--pieces ()
  "Return all that is injected, as strings."
  (append (mapcar #'string sendonce-injection--controls)
          (mapcar #'string sendonce-injection--narrow)
          sendonce-injection--commands))

(defun sendonce-injection--deadly-p (text)
  "Return non-nil if TEXT holds a control character."
  (string-match-p "[\x00-\x1f\x7f]" text))

(defun sendonce-injection--into (good piece)
  "Return GOOD with PIECE at its start, in the middle, at its end."
  (mapcar (lambda (place)
            (concat (substring good 0 place) piece (substring good place)))
          (list 0 (/ (length good) 2) (length good))))

;;;; What the peer has seen

(defun sendonce-injection--file (name)
  "Return the text of the file NAME of the peer, \"\" if there is none."
  (let ((file (sendonce-test-file (concat "peer/" name))))
    (if (file-exists-p file) (sendonce-test-read file) "")))

(defun sendonce-injection--said ()
  "Return the commands that the peer has read, oldest first."
  (let ((log (sendonce-injection--file "log")) (start 0) said)
    (while (string-match "^[0-9.]+ #[0-9]+ C: \\(.*\\)$" log start)
      (push (match-string 1 log) said)
      (setq start (match-end 0)))
    (nreverse said)))

(defun sendonce-injection--known-p (command)
  "Return non-nil if COMMAND is a whole one such as we say."
  (let ((case-fold-search nil))
    (string-match-p
     (concat "\\`\\(?:EHLO \\[?[-[:alnum:].:]+\\]?"
             "\\|MAIL FROM:<[^<>\r\n]*>\\(?: SIZE=[0-9]+\\)?"
             "\\(?: BODY=8BITMIME\\)?\\(?: SMTPUTF8\\)?"
             "\\|RCPT TO:<[^<>\r\n]+>\\|BDAT [0-9]+\\(?: LAST\\)?\\|NOOP"
             "\\|DATA\\|RSET\\|QUIT\\|AUTH [-A-Z0-9_]+\\(?: <redacted>\\)?"
             "\\|<redacted>\\)\\'")
     command)))

(defun sendonce-injection--count (prefix)
  "Return how many commands that begin with PREFIX the peer has read."
  (seq-count (lambda (command) (string-prefix-p prefix command))
             (sendonce-injection--said)))

(defun sendonce-injection--check-wire ()
  "Wait until nothing is under way; check what the peer has read.
Return the number of recipients that it was told."
  (should (sendonce-wait-idle 120))
  (should (equal "" (sendonce-injection--file "violations")))
  (should (equal nil (seq-remove #'sendonce-injection--known-p
                                 (sendonce-injection--said))))
  (let ((entries (seq-filter (lambda (entry)
                               (eq (plist-get entry :state) 'sent))
                             (sendonce-entries))))
    (should (= (length entries) (sendonce-injection--count "MAIL ")))
    (should (= (apply #'+ (mapcar (lambda (entry)
                                    (length (plist-get entry :recipients)))
                                  entries))
               (sendonce-injection--count "RCPT ")))
    (should (= (length entries) (length (sendonce-test-accepted))))
    (sendonce-injection--count "RCPT ")))

;;;; The module, whoever calls it

(defun sendonce-injection--enqueue (&rest fields)
  "Enqueue a message with FIELDS, a plist; return the error, or nil.
The keys are those of the module's vector, and :settings."
  (condition-case err
      (let ((get (lambda (key default)
                   (if (plist-member fields key) (plist-get fields key)
                     default)))
            (engine (sendonce-engine)))
        (sendonce--mod-enqueue
         engine
         (vector (funcall get :account "peer")
                 (funcall get :settings
                          (sendonce-account-settings
                           (car sendonce-accounts)))
                 (funcall get :sender "me@here.example")
                 (list (funcall get :recipient "you@there.example"))
                 (funcall get :message-id "<1@here.example>")
                 (funcall get :subject "Hello") "" "")
         "From: me@here.example\n\nHello.\n")
        nil)
    (sendonce-error err)))

(defun sendonce-injection--check-refusal (err what)
  "Check that ERR is a refusal that names WHAT and quotes no control."
  (should (eq (car err) 'sendonce-config-error))
  (should (string-search what (cadr err)))
  (should-not (sendonce-injection--deadly-p (cadr err))))

(ert-deftest sendonce-injection-test-envelope ()
  "Sender and recipient, as the module gets them."
  (sendonce-test-with-peer ("--no-sync")
    (dolist (key '(:sender :recipient))
      (dolist (piece (sendonce-injection--pieces))
        (dolist (address (sendonce-injection--into "ab@there.example" piece))
          (let ((before (length (sendonce-entries)))
                (err (sendonce-injection--enqueue key address)))
            (ert-info ((format "%s %S" key address))
              (when (sendonce-injection--deadly-p address)
                (should err))
              (when err
                (sendonce-injection--check-refusal err "address")
                (should (= before (length (sendonce-entries))))))))))
    (should (< 0 (sendonce-injection--check-wire)))))

(ert-deftest sendonce-injection-test-settings ()
  "Each setting that is text, as the module gets it."
  (sendonce-test-with-peer ("--no-sync")
    (pcase-dolist (`(,key ,good ,what)
                   '(("host" "127.0.0.1" "host")
                     ("tls-host" "mail.example" "tls-host")
                     ("user" "me" "user") ("priority" "NORMAL" "priority")
                     ("local-name" "here.example" "local name")
                     ("auth" "PLAIN" "mechanism")
                     ("timeout" "30" "timeout") ("port" "25" "port")
                     ("tls" "none" "tls") ("chunking" "no" "chunking")))
      (dolist (piece (mapcar #'string sendonce-injection--controls))
        (dolist (value (sendonce-injection--into good piece))
          (let ((err (sendonce-injection--enqueue
                      :settings (sendonce-account-with
                                 (sendonce-account-settings
                                  (car sendonce-accounts))
                                 key value))))
            (ert-info ((format "%s %S" key value))
              ;; An LF ends a line of settings, a tab parts mechanisms.
              (unless (or (string-search "\n" value)
                          (and (equal key "auth") (equal piece "\t")))
                (sendonce-injection--check-refusal err what)))))))
    (should (sendonce-wait-idle 60))
    (should (equal nil (seq-remove #'sendonce-injection--known-p
                                   (sendonce-injection--said))))))

(ert-deftest sendonce-injection-test-notes ()
  "What never goes to the wire does not get there."
  (sendonce-test-with-peer ("--no-sync")
    (dolist (key '(:account :message-id :subject))
      (dolist (piece (sendonce-injection--pieces))
        (sendonce-injection--enqueue key (concat "a" piece "b"))))
    (should (< 0 (sendonce-injection--check-wire)))))

;;;; Accounts

(ert-deftest sendonce-injection-test-account ()
  "Each text of an account that has a control in it is refused by name."
  (sendonce-test-in-place
    (pcase-dolist (`(,key ,good)
                   '((:host "mail.example") (:tls-host "mail.example")
                     (:local-name "here.example") (:user "me")
                     (:auth "PLAIN") (:priority "NORMAL") (:name "work")))
      (dolist (piece (append (mapcar #'string sendonce-injection--controls)
                             '("\r\nRSET\r\n" "\nport=25")))
        (dolist (value (sendonce-injection--into good piece))
          (let* ((sendonce-accounts
                  (list (append (list key value)
                                (list :host "mail.example" :port 25))))
                 (err (should-error (sendonce-account-for "me@here.example")
                                    :type 'sendonce-config-error)))
            (ert-info ((format "%s %S" key value))
              (should (string-search (symbol-name key) (cadr err))))))))
    (should-not (sendonce-entries))))

;;;; Drafts

(defun sendonce-injection--draft (field value)
  "Return a draft whose FIELD, a string, is VALUE."
  (let ((fields (list (cons "From" "Me <me@here.example>")
                      (cons "To" "you@there.example")
                      (cons "Subject" "Hello"))))
    (if (assoc field fields)
        (setcdr (assoc field fields) value)
      (setq fields (append fields (list (cons field value)))))
    (concat (mapconcat (lambda (one) (format "%s: %s\n" (car one) (cdr one)))
                       fields "")
            "\nHello.\n")))

(defun sendonce-injection--send (text)
  "Send the draft TEXT through message-mode; return the error, or nil.
What message-mode itself would find and ask about goes through."
  (let ((inhibit-message t))
    (condition-case err
        (cl-letf (((symbol-function 'message-fix-before-sending) #'ignore)
                  ((symbol-function 'y-or-n-p) #'always))
          (sendonce-test-send text))
      (error err))))

(defconst sendonce-injection--sampled
  '("\r" "\0" "\x0b" "\x7f" "\r\n " "\nRCPT TO:<evil@there.example>\n "
    "\u010d" "\u010a" "\u760d" "\u7620" "\U0001f60a" "\u2028" "\u0085")
  "What is injected into drafts.")

(ert-deftest sendonce-injection-test-draft ()
  "Each field of a draft: refused, or sent with just its own commands."
  (sendonce-test-with-peer ("--no-sync")
    (let ((sent 0) (place 0))
      (pcase-dolist (`(,field ,good)
                     '(("To" "ab@there.example") ("Cc" "ab@there.example")
                       ("Bcc" "ab@there.example") ("From" "me@here.example")
                       ("Resent-To" "ab@there.example") ("Subject" "Hello")
                       ("Message-ID" "<ab@here.example>") ("X-Any" "thing")
                       ("Sender" "me@here.example")))
        (dolist (piece sendonce-injection--sampled)
          ;; The places take turns: each draft costs a connection.
          (setq place (mod (1+ place) 3))
          (let ((value (nth place (sendonce-injection--into good piece))))
            (let* ((before (length (sendonce-entries)))
                   (err (sendonce-injection--send
                         (sendonce-injection--draft field value))))
              (ert-info ((format "%s %S %S" field value err))
                (if (not err)
                    (setq sent (1+ sent))
                  (when (eq (car err) 'sendonce-config-error)
                    (should (= before (length (sendonce-entries)))))))))))
      (should (< 0 sent)))
    (should (equal "" (sendonce-injection--file "violations")))
    (should (equal nil (seq-remove #'sendonce-injection--known-p
                                   (sendonce-injection--said))))
    (should-not (string-match-p "C: RCPT TO:<evil"
                                (sendonce-injection--file "log")))))

(ert-deftest sendonce-injection-test-envelope-from ()
  "`mail-envelope-from' and `user-mail-address' are looked at, too."
  (sendonce-test-with-peer ("--no-sync")
    (dolist (piece (append (mapcar #'string sendonce-injection--controls)
                           sendonce-injection--commands))
      (dolist (address (sendonce-injection--into "ab@here.example" piece))
        (let* ((mail-specify-envelope-from t)
               (mail-envelope-from address)
               (err (sendonce-injection--send sendonce-test-draft)))
          (ert-info ((format "%S" address))
            (should (eq (car err) 'sendonce-config-error))
            (should-not (sendonce-entries))))))
    (should-not (sendonce-injection--said))))

(provide 'sendonce-injection-tests)

;;; sendonce-injection-tests.el ends here
