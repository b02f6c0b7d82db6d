;;; sendonce-outbox-tests.el --- The outbox and its commands  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Live: the table, the commands on entries, transcripts, and what stays
;; when Emacs is killed.

;;; Code:

(require 'sendonce-test-helper)

(defun sendonce-test-send-with (text scenario)
  "Send a draft of TEXT with the peer following SCENARIO, then none."
  (sendonce-test-scenario scenario)
  (prog1 (sendonce-test-send text)
    (sendonce-test-scenario "")))

(defun sendonce-test-id ()
  "Return the id of the newest entry."
  (plist-get (car (sendonce-entries)) :id))

;;;; Entries

(ert-deftest sendonce-outbox-entries-say-what-is-promised ()
  (sendonce-test-with-peer ()
    (sendonce-test-send)
    (let ((entry (car (sendonce-entries))))
      (should (integerp (plist-get entry :id)))
      (should (string-match-p "\\`<.*>\\'" (plist-get entry :message-id)))
      (should (equal (plist-get entry :account) "peer"))
      (should (eq (plist-get entry :state) 'sent))
      (should (< (abs (- (plist-get entry :created) (float-time))) 60))
      (should (= 1 (plist-get entry :attempts)))
      (should (plist-member entry :next-try))
      (should (string-search "2.0.0" (plist-get entry :reply)))
      (pcase (plist-get entry :recipients)
        (`(,recipient)
         (should (equal (plist-get recipient :address) "you@there.example"))
         (should (eq (plist-get recipient :state) 'sent))
         (should (= 250 (plist-get recipient :code)))
         (should (stringp (plist-get recipient :reply))))
        (_ (ert-fail "One recipient"))))))

(ert-deftest sendonce-outbox-wait-idle-times-out ()
  (sendonce-test-with-peer (:scenario "at EOD: delay 2000; continue\n")
    (let ((sendonce-wait nil))
      (sendonce-test-interactively (sendonce-test-send)))
    (should-not (sendonce-wait-idle 0.3))
    (should (eq t (sendonce-wait-idle 30)))))

;;;; The table

(ert-deftest sendonce-outbox-table ()
  (sendonce-test-with-peer ()
    (sendonce-test-send)
    (sendonce-test-send-with (string-replace "Hello" "件名\tx"
                                             sendonce-test-draft)
                             "at RCPT: say \"550 5.1.1 Who\\r\\n\"\n")
    (save-window-excursion
      (sendonce-outbox)
      (unwind-protect
          (let ((text (buffer-substring-no-properties (point-min)
                                                      (point-max))))
            (should (= 2 (length (split-string text "\n" t))))
            (dolist (part '("you@there" "Hello" "件名 x" "sent" "failed"
                            "5.1.1 Who"))
              (should (string-search part text)))
            (should (eq 'sendonce-outbox-failed
                        (progn (goto-char (point-min))
                               (search-forward "failed")
                               (get-text-property (1- (point))
                                                  'font-lock-face))))
            (goto-char (point-min))
            (sendonce-outbox-mark)
            (sendonce-outbox-mark)
            (should (= 2 (length sendonce-outbox--marked)))
            (revert-buffer)
            (should (= 2 (how-many "^\\*" (point-min) (point-max))))
            (goto-char (point-min))
            (sendonce-outbox-unmark)
            (should (= 1 (length sendonce-outbox--marked)))
            (sendonce-outbox-unmark-all)
            (should-not sendonce-outbox--marked)
            (should (equal (sendonce-outbox--targets "retry")
                           (list (tabulated-list-get-id)))))
        (kill-buffer)))))

;;;; Commands

(ert-deftest sendonce-outbox-flush ()
  (sendonce-test-with-peer ()
    (sendonce-test-stop-peer)
    (sendonce-test-send)
    (sendonce-test-send (string-replace "Hello" "Bye" sendonce-test-draft))
    (should (equal (sendonce-test-states) '(deferred deferred)))
    (sendonce-test--start-peer nil)
    (should (= 2 (sendonce-flush)))
    (should (sendonce-wait-idle 30))
    (should (equal (sendonce-test-states) '(sent sent)))
    (should (= 0 (sendonce-flush)))
    (should (= 2 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-outbox-flush-interactively-asks ()
  (sendonce-test-with-peer ("--user" "alice:secret" "--require-auth")
    (sendonce-test-account :user "alice")
    (should (eq 'sendonce-config-error (car (sendonce-test-send))))
    (sendonce-retry (sendonce-test-id))
    (should (sendonce-wait-idle 30))
    (should (equal (sendonce-test-states) '(deferred)))
    (let ((auth-source-save-behavior nil))
      (sendonce-test-answering '("secret")
        (call-interactively #'sendonce-flush)))
    (should (equal (sendonce-test-states) '(sent)))))

(ert-deftest sendonce-outbox-retry-failed ()
  (sendonce-test-with-peer ()
    (sendonce-test-send-with nil "at EOD: refuse\n")
    (should (equal (sendonce-test-states) '(failed)))
    (sendonce-retry (sendonce-test-id))
    (should (sendonce-wait-idle 30))
    (should (equal (sendonce-test-states) '(sent)))
    (should-error (sendonce-retry (sendonce-test-id)) :type 'user-error)
    (should-error (sendonce-retry 999) :type 'user-error)))

(ert-deftest sendonce-outbox-cancel ()
  (sendonce-test-with-peer ()
    (sendonce-test-stop-peer)
    (sendonce-test-send)
    (sendonce-cancel (sendonce-test-id))
    (should (equal (sendonce-test-states) '(cancelled)))
    (sendonce-test--start-peer nil)
    (should (= 0 (sendonce-flush)))
    (should (sendonce-wait-idle 10))
    (should-not (sendonce-test-accepted))))

(ert-deftest sendonce-outbox-cancel-while-sending ()
  (sendonce-test-with-peer ("--delay" "300")
    (let ((sendonce-wait nil))
      (sendonce-test-interactively (sendonce-test-send)))
    (sendonce-cancel (sendonce-test-id))
    (should (sendonce-wait-idle 30))
    (should (equal (sendonce-test-states) '(cancelled)))
    (should-not (sendonce-test-accepted))))

(ert-deftest sendonce-outbox-cancel-too-late ()
  (sendonce-test-with-peer (:scenario "at EOD: delay 3000; continue\n")
    (let ((sendonce-wait nil))
      (sendonce-test-interactively (sendonce-test-send)))
    (sendonce-wait--until (lambda () (= 1 (sendonce-engine--committing))) 10)
    (sendonce-cancel (sendonce-test-id))
    (should-error (sendonce-edit (sendonce-test-id)) :type 'user-error)
    (should (sendonce-wait-idle 30))
    (should (equal (sendonce-test-states) '(sent)))))

(ert-deftest sendonce-outbox-edit ()
  (sendonce-test-with-peer ()
    (sendonce-test-send-with
     "From: Jürgen <me@here.example>
To: you@there.example
Bcc: hidden@there.example
Subject: 件名

本文
<#part type=\"text/plain\" disposition=attachment>
attached: é
<#/part>
" "at EOD: refuse\n")
    (save-window-excursion
      (sendonce-edit (sendonce-test-id))
      (let ((text (buffer-substring-no-properties (point-min) (point-max))))
        (dolist (part (list "From: Jürgen <me@here.example>\n"
                            "Bcc: hidden@there.example\n"
                            "Subject: 件名\n" mail-header-separator
                            "本文" "attached: é" "<#part"))
          (should (string-search part text)))
        (should-not (string-match-p "^Message-ID\\|^Date:" text))
        (should (derived-mode-p 'message-mode))
        (goto-char (point-max))
        (insert "more\n")
        (should-not (sendonce-test-send-again))
        (set-buffer-modified-p nil)
        (kill-buffer)))
    (should (equal (sendonce-test-states) '(sent failed)))
    (should (equal (sendonce-test-envelopes)
                   '("from <me@here.example>
to <you@there.example>\nto <hidden@there.example>\n")))))

(ert-deftest sendonce-outbox-edit-knows-who-has-it ()
  (sendonce-test-with-peer ()
    (sendonce-test-send-with
     (string-replace "To: You" "To: bob@there.example, You"
                     sendonce-test-draft)
     "at RCPT when \"bob@\": say \"550 5.1.1 Who\\r\\n\"\n")
    (save-window-excursion
      (sendonce-edit (sendonce-test-id))
      (goto-char (point-max))
      (insert "more\n")
      (should (eq 'sendonce-error (car (sendonce-test-send-again))))
      (should-not (sendonce-test-answering '(?l) (sendonce-test-send-again)))
      (set-buffer-modified-p nil)
      (kill-buffer))
    (should (equal (cadr (sendonce-test-envelopes))
                   "from <me@here.example>\nto <bob@there.example>\n"))))

(ert-deftest sendonce-outbox-resolve ()
  (pcase-dolist (`(,how ,state ,accepted)
                 '((sent sent 1) (resend sent 2) (cancel cancelled 1)
                   (nil in-doubt 1)))
    (sendonce-test-with-peer ()
      (sendonce-test-send-with nil "at EOD: accept; drop\n")
      (should-error (sendonce-retry (sendonce-test-id)) :type 'user-error)
      (should (= (if how 1 0) (sendonce-resolve (sendonce-test-id) how)))
      (should (sendonce-wait-idle 30))
      (should (equal (sendonce-test-states) (list state)))
      (should (= accepted (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-outbox-resolve-interactively ()
  (sendonce-test-with-peer ()
    (sendonce-test-send-with nil "at EOD: accept; drop\n")
    (cl-letf (((symbol-function 'completing-read)
               (lambda (_ choices &rest _) (car choices))))
      (sendonce-test-answering '(?s)
        (call-interactively #'sendonce-resolve)))
    (should (equal (sendonce-test-states) '(sent)))
    (should-error (sendonce-resolve (sendonce-test-id) 'no)
                  :type 'user-error)))

(ert-deftest sendonce-outbox-shows-what-is-known ()
  (sendonce-test-with-peer ()
    (sendonce-test-send-with nil "at EOD: accept; drop\n")
    (let ((known (sendonce-outbox--known (car (sendonce-entries)))))
      (dolist (part (list "127.0.0.1" "you@there.example"
                          (plist-get (car (sendonce-entries)) :message-id)))
        (should (string-search part known))))))

;;;; Retry schedules

(ert-deftest sendonce-outbox-schedules ()
  (pcase-dolist (`(,schedule ,seconds)
                 '((quadratic 100) ((quadratic 20) 400) ((constant 60) 60)
                   ((300 900) 300)))
    (sendonce-test-with-peer (:scenario "at EHLO: drop\n")
      (let ((sendonce-retry-schedule schedule))
        (sendonce-test-send)
        (let ((entry (car (sendonce-entries))))
          (ert-info ((format "%S" schedule))
            (should (< (abs (- (plist-get entry :next-try)
                               (plist-get entry :created) seconds))
                       (max 10 (* 0.2 seconds))))))))))

(ert-deftest sendonce-outbox-schedule-function ()
  (sendonce-test-with-peer (:scenario "at EHLO: drop\n")
    (let* (arguments
           (sendonce-retry-schedule
            (lambda (&rest times) (setq arguments times) (+ 12345 (car times)))))
      (sendonce-test-send)
      ;; The outcome is on disk, and so told, before its event comes.
      (should (sendonce-wait--until (lambda () arguments) 60))
      (should (sendonce-wait-idle 60))
      (let ((entry (car (sendonce-entries))))
        (should (= 3 (length arguments)))
        (should (< (abs (- (plist-get entry :next-try)
                           (plist-get entry :created) 12345))
                   1))))))

(ert-deftest sendonce-outbox-schedule-errors ()
  (dolist (schedule '(no (constant) (quadratic x) "x"))
    (let ((sendonce-retry-schedule schedule))
      (should-error (sendonce-engine--schedule)
                    :type 'sendonce-config-error))))

(ert-deftest sendonce-outbox-late-and-given-up ()
  (sendonce-test-with-peer (:scenario "at EHLO: drop\n")
    (let ((sendonce-warn-after 0)
          warned)
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_ text &rest _) (push text warned))))
        (sendonce-test-send)
        (should (sendonce-wait-idle 10))
        (should (= 1 (length warned)))
        (should (string-search "still not sent" (car warned)))
        (setq warned nil)
        (let ((sendonce-give-up-after 0))
          (sendonce-flush)
          (should (sendonce-wait-idle 10)))
        (should (equal (sendonce-test-states) '(failed)))
        (should (seq-find (lambda (text) (string-search "was not sent" text))
                          warned))))))

(ert-deftest sendonce-outbox-forgets-old-ones ()
  (sendonce-test-with-peer ()
    (sendonce-test-send)
    (sendonce-engine-stop 1)
    (let ((sendonce-retain-days 1))
      (should (= 1 (length (sendonce-entries)))))
    (sendonce-engine-stop 1)
    (let ((sendonce-retain-days -1))
      (should-not (sendonce-entries)))))

;;;; Transcripts

(ert-deftest sendonce-outbox-transcript ()
  (sendonce-test-with-peer ("--user" "alice:canary-secret" "--require-auth")
    (sendonce-test-account :user "alice")
    (sendonce-test-write "authinfo"
                         "machine 127.0.0.1 login alice password canary-secret\n")
    (sendonce-test-send-with nil "connection 1 at EHLO: drop\n")
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (should (equal (sendonce-test-states) '(sent)))
    (let ((text (sendonce-transcript-string (sendonce-test-id))))
      (should (= 3 (length (seq-filter
                            (lambda (line) (string-prefix-p "* " line))
                            (split-string text "\n")))))
      (dolist (part '("C: MAIL FROM:" "S: 250" "TLS" "* Outcome: sent"))
        (should (string-search part text)))
      (dolist (secret (list "canary" "secret"
                            (base64-encode-string "\0alice\0canary-secret" t)
                            (base64-encode-string "canary-secret" t)))
        (should-not (string-search secret text))))))

(ert-deftest sendonce-outbox-transcript-buffer ()
  (sendonce-test-with-peer ()
    (sendonce-test-send-with nil "at RCPT: say \"550 5.1.1 Who\\r\\n\"\n")
    (save-window-excursion
      (sendonce-transcript)
      (unwind-protect
          (progn
            (should (derived-mode-p 'sendonce-transcript-mode))
            (font-lock-ensure)
            (should (looking-at "\\* "))
            (search-forward "550 5.1.1")
            (should (eq (get-text-property (match-beginning 0) 'face)
                        'sendonce-transcript-refusal))
            (search-forward "Hint: ")
            (should (looking-at "there is no such mailbox")))
        (kill-buffer)))))

(ert-deftest sendonce-outbox-transcript-of-nothing ()
  (sendonce-test-with-peer ()
    (should-error (sendonce-transcript-string 999) :type 'sendonce-error)
    (should-error (sendonce-transcript) :type 'user-error)))

;;;; After the end of an Emacs

(defun sendonce-test--child (form)
  "Start an Emacs with this test's place that evaluates FORM; the process."
  (make-process
   :name "child" :connection-type 'pipe :noquery t
   :buffer (generate-new-buffer " *child*") :sentinel #'ignore
   :command
   (list (expand-file-name invocation-name invocation-directory)
         "-Q" "--batch" "--module-assertions"
         "--eval" (format "%S" `(setq load-path ',load-path))
         "--eval" (format "%S" `(setq temporary-file-directory
                                      ,temporary-file-directory))
         "-l" "sendonce-test-helper"
         "--eval"
         (format "%S" `(progn
                         (setq sendonce-directory ,sendonce-directory
                               sendonce-accounts ',sendonce-accounts
                               send-mail-function #'sendonce-send-it
                               user-mail-address ,user-mail-address)
                         ,form)))))

(defun sendonce-test--await (process)
  "Wait for the end of PROCESS."
  (while (process-live-p process)
    (accept-process-output process 1)))

(ert-deftest sendonce-outbox-killed-before-the-commit-point ()
  (sendonce-test-with-peer (:scenario "connection 1 at EHLO: stall\n")
    (let ((child (sendonce-test--child '(sendonce-test-send))))
      (sendonce-test--await-log "EHLO")
      (signal-process child 'KILL)
      (sendonce-test--await child))
    (should (= 1 (length (sendonce-entries))))
    (should (sendonce-wait-idle 30))
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (should (equal (sendonce-test-states) '(sent)))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-outbox-killed-after-the-commit-point ()
  (sendonce-test-with-peer (:scenario "connection 1 at EOD: accept; stall\n")
    (let ((child (sendonce-test--child '(sendonce-test-send))))
      (sendonce-test--await-ledger)
      (signal-process child 'KILL)
      (sendonce-test--await child))
    (should (equal (sendonce-test-states) '(in-doubt)))
    (should (= 0 (sendonce-flush)))
    (should (sendonce-wait-idle 10))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-outbox-leaving-defers ()
  "Leaving Emacs withdraws what is not handed over; it goes out later."
  (sendonce-test-with-peer (:scenario "connection 1 at EHLO: stall\n")
    (let* ((start (float-time))
           (child (sendonce-test--child
                   '(let ((noninteractive nil)
                          (sendonce-wait 0.5))
                      (sendonce-test-send)))))
      (sendonce-test--await child)
      (should (< (- (float-time) start) 10))
      (should (eq 0 (process-exit-status child))))
    (should (sendonce-wait-idle 30))
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (should (equal (sendonce-test-states) '(sent)))))

(ert-deftest sendonce-outbox-shared-by-two ()
  "An entry that another Emacs is sending is waited for, not sent twice."
  (sendonce-test-with-peer (:scenario "at EOD: delay 1500; continue\n")
    (let ((child (sendonce-test--child
                  '(sendonce-test-send))))
      (sendonce-wait--until
       (lambda () (equal (sendonce-test-states) '(sending))) 20)
      (should-not (sendonce-test-send))
      (sendonce-test--await child))
    (should (equal (sendonce-test-states) '(sent)))
    (should (= 1 (length (sendonce-test-accepted))))))

(defun sendonce-test--await-log (text)
  "Wait until the peer's log has TEXT."
  (sendonce-test--await-that
   (lambda ()
     (let ((log (sendonce-test-file "peer/log")))
       (and (file-exists-p log)
            (string-search text (sendonce-test-read log)))))))

(defun sendonce-test--await-ledger ()
  "Wait until the peer has accepted something."
  (sendonce-test--await-that #'sendonce-test-accepted))

(defun sendonce-test--await-that (done)
  "Wait until the function DONE returns non-nil."
  (with-timeout (30 (error "Nothing came"))
    (while (not (funcall done))
      (accept-process-output nil 0.05))))

(ert-deftest sendonce-outbox-leaving-asks-only-in-between ()
  (sendonce-test-with-peer (:scenario "at EOD: delay 3000; continue\n")
    (sendonce-test-interactively
      (should (sendonce-engine--leave-p)))
    (let ((sendonce-wait nil))
      (sendonce-test-interactively (sendonce-test-send)))
    (sendonce-wait--until (lambda () (= 1 (sendonce-engine--committing))) 10)
    (should (sendonce-test-answering '(t) (sendonce-engine--leave-p)))
    (should (equal (sendonce-test-states) '(sent)))))

(provide 'sendonce-outbox-tests)

;;; sendonce-outbox-tests.el ends here
