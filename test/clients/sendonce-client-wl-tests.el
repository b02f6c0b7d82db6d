;;; sendonce-client-wl-tests.el --- Wanderlust  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Debian's Wanderlust as its user drives it: `w', fields filled in,
;; C-c C-c; the queue, the sendlog, plugged and unplugged, passwords.

;;; Code:

(require 'sendonce-client-wl)

(declare-function wl-toggle-plugged "ext:wl" t t)
(declare-function elmo-get-passwd "ext:elmo-util" (key))
(declare-function wl-draft-config-exec "ext:wl-draft" t t)
(defvar wl-draft-buffer-message-number)
(defvar wl-draft-config-alist)
(defvar wl-draft-remove-group-list-contents)
(defvar wl-draft-send-mail-function)
(defvar wl-mail-send-pre-hook)
(defvar wl-smtp-posting-server)
(declare-function wl-draft-send "ext:wl-draft" t t)
(declare-function wl-draft-save "ext:wl-draft" ())
(declare-function wl-draft-reedit "ext:wl-draft" (number))

(defconst sendonce-client-wl-hello
  '(("To" . "You <you@there.example>") ("Subject" . "Hello"))
  "The header of a simple message.")

(defun sendonce-client-wl-hello (&optional subject)
  "Send a simple message about SUBJECT; return the error, or nil."
  (sendonce-client-wl-send
   `(("To" . "You <you@there.example>")
     ("Subject" . ,(or subject "Hello")))
   "Hello\n"))

(defun sendonce-client-wl-subjects (messages)
  "Return the subjects of MESSAGES, bytes."
  (mapcar (lambda (message)
            (and (string-match "^Subject: \\(.*?\\)\r?$" message)
                 (match-string 1 message)))
          messages))

(defun sendonce-client-wl-id (message)
  "Return the Message-ID of MESSAGE, bytes."
  (and (string-match "^Message-ID: \\(.*?\\)\r?$" message)
       (match-string 1 message)))

(defun sendonce-client-wl-statuses ()
  "Return the PROTO and STATUS of each line of the sendlog."
  (mapcar (lambda (line)
            (string-match "\\`proto=\\(\\S-+\\) stat=\\(\\S-+\\)" line)
            (list (intern (match-string 1 line))
                  (intern (match-string 2 line))))
          (sendonce-client-wl-log)))

;;;; Sending

(ert-deftest sendonce-client-wl-envelopes ()
  (sendonce-client-wl-with-peer ()
    (sendonce-client-check-envelopes #'sendonce-client-wl-send)))

(ert-deftest sendonce-client-wl-sends ()
  (sendonce-client-wl-with-peer ()
    (should-not (sendonce-client-wl-send
                 (append sendonce-client-wl-hello
                         '(("Cc" . "C <c@there.example>")
                           ("Bcc" . "hidden@elsewhere.example")))
                 ".dotted\nHello\n"))
    (should (equal '("from <me@here.example>
to <you@there.example>\nto <c@there.example>\nto <hidden@elsewhere.example>\n")
                   (sendonce-test-envelopes)))
    (should-not (sendonce-client-wl-drafts))
    (should-not (sendonce-client-wl-folder "draft"))
    (let ((sent (car (sendonce-test-accepted)))
          (filed (car (sendonce-client-wl-folder "sent"))))
      (should (equal (string-replace "\r\n" "\n" sent)
                     (concat filed (if (string-suffix-p "\n" filed) "" "\n"))))
      (should-not (string-search "hidden@" sent))
      (should (equal
               (list (format "proto=smtp stat=ok server=127.0.0.1 \
to=<you@there.example>,<c@there.example>,<hidden@elsewhere.example> id=%s"
                             (sendonce-client-wl-id sent))
                     (format "proto=fcc stat=ok folder=\"+sent\" id=%s"
                             (sendonce-client-wl-id sent)))
               (sendonce-client-wl-log))))))

(ert-deftest sendonce-client-wl-japanese ()
  (sendonce-client-wl-with-peer ()
    (should-not (sendonce-client-wl-send
                 '(("To" . "山田 <yamada@there.example>")
                   ("Subject" . "日本語の件名です"))
                 "こんにちは。\n~ チルダ\n"))
    (let ((sent (string-replace "\r\n" "\n" (car (sendonce-test-accepted)))))
      (should (string-match-p "^Content-Type: text/plain; charset=ISO-2022-JP"
                              sent))
      (should (equal "こんにちは。\n~ チルダ\n"
                     (decode-coding-string (sendonce-client-body sent)
                                           'iso-2022-jp)))
      (should (equal "日本語の件名です"
                     (rfc2047-decode-string
                      (sendonce-header-value
                       (sendonce-header-parse (sendonce-client-header sent))
                       "subject")))))))

(ert-deftest sendonce-client-wl-domain-in-the-draft-stays-readable ()
  "FLIM cannot encode a U-label, so the clone has A-labels, not the draft."
  (sendonce-client-wl-with-peer (:scenario "at RCPT: refuse\n")
    (should (sendonce-client-wl-send
             '(("To" . "Kunde <kunde@bücher.example>") ("Subject" . "x"))
             "Hello\n"))
    (with-current-buffer (car (sendonce-client-wl-drafts))
      (should (string-search "kunde@bücher.example" (buffer-string))))))

(ert-deftest sendonce-client-wl-group-members-are-not-told ()
  (sendonce-client-wl-with-peer ()
    (let ((wl-draft-remove-group-list-contents t))
      (should-not (sendonce-client-wl-send
                   '(("To" . "Team: a@one.example, b@two.example;")
                     ("Subject" . "x"))
                   "Hello\n"))
      (should (equal '("a@one.example" "b@two.example")
                     (sendonce-client-recipients
                      (car (sendonce-test-envelopes)))))
      (should-not (string-search "@one.example"
                                 (car (sendonce-test-accepted)))))))

(ert-deftest sendonce-client-wl-pre-hook-runs-once ()
  (sendonce-client-wl-with-peer ()
    (let* ((count 0)
           (wl-mail-send-pre-hook
            (list (lambda ()
                    (setq count (1+ count))
                    (goto-char (point-min))
                    (insert "X-Hooked: yes\n")))))
      (should-not (sendonce-client-wl-hello))
      (should (= count 1))
      (should (string-search "X-Hooked: yes" (car (sendonce-test-accepted)))))))

;;;; Errors, and trying again

(ert-deftest sendonce-client-wl-refused-then-sent ()
  (sendonce-client-wl-with-peer (:scenario "at RCPT: refuse\n")
    (should (eq 'sendonce-refused (car (sendonce-client-wl-hello))))
    (should-not (sendonce-test-accepted))
    (should-not (sendonce-client-wl-folder "sent"))
    (should (equal '((smtp failed)) (sendonce-client-wl-statuses)))
    (let ((draft (car (sendonce-client-wl-drafts))))
      (should (string-search "Hello\n" (with-current-buffer draft
                                         (buffer-string))))
      (sendonce-test-scenario "")
      (with-current-buffer draft
        (should-not (sendonce-client-wl-send-draft)))
      (should-not (buffer-live-p draft)))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (equal (mapcar #'sendonce-client-wl-id (sendonce-test-accepted))
                   (mapcar #'sendonce-client-wl-id
                           (sendonce-client-wl-folder "sent"))))
    (should (equal '((smtp failed) (smtp ok) (fcc ok))
                   (sendonce-client-wl-statuses)))))

(ert-deftest sendonce-client-wl-sent-to-some-then-to-the-rest ()
  (sendonce-client-wl-with-peer (:scenario "at RCPT when \"b@\": refuse\n")
    (should (eq 'sendonce-refused
                (car (sendonce-client-wl-send
                      '(("To" . "a@there.example, b@there.example")
                        ("Subject" . "Two"))
                      "Hello\n"))))
    (sendonce-test-scenario "")
    (with-current-buffer (car (sendonce-client-wl-drafts))
      (should-not (sendonce-client-wl-send-draft)))
    (should (equal '("a@there.example" "b@there.example")
                   (mapcan #'sendonce-client-recipients
                           (sendonce-test-envelopes))))
    (should (= 1 (length (sendonce-client-wl-folder "sent"))))))

(ert-deftest sendonce-client-wl-error-in-fcc-does-not-send-twice ()
  (sendonce-client-wl-with-peer ()
    (let ((fail t))
      (cl-letf* ((old (symbol-function 'wl-draft-do-fcc))
                 ((symbol-function 'wl-draft-do-fcc)
                  (lambda (&rest args)
                    (when fail
                      (error "Disk full"))
                    (apply old args))))
        (should (sendonce-client-wl-hello))
        (setq fail nil)
        (with-current-buffer (car (sendonce-client-wl-drafts))
          (should-not (sendonce-client-wl-send-draft)))))
    (should (= 1 (length (sendonce-test-accepted))))
    ;; What is filed says the Message-ID that went out.
    (should (equal (mapcar #'sendonce-client-wl-id (sendonce-test-accepted))
                   (mapcar #'sendonce-client-wl-id
                           (sendonce-client-wl-folder "sent"))))))

(ert-deftest sendonce-client-wl-bad-address-sends-nothing ()
  (sendonce-client-wl-with-peer ()
    (let ((err (sendonce-client-wl-send
                '(("To" . "a@there.example, b@@there.example")
                  ("Subject" . "x"))
                "Hello\n")))
      (should err)
      (should (sendonce-client-wl-drafts))
      (should-not (sendonce-test-accepted))
      (should-not (sendonce-entries)))))

(ert-deftest sendonce-client-wl-in-doubt ()
  (sendonce-client-wl-with-peer (:scenario "at EOD: accept; drop\n")
    (should (eq 'sendonce-in-doubt (car (sendonce-client-wl-hello))))
    (should (equal '((smtp uncertain)) (sendonce-client-wl-statuses)))
    (should-not (sendonce-client-wl-folder "sent"))
    (sendonce-test-scenario "")
    ;; Again, and the user says that it arrived.
    (with-current-buffer (car (sendonce-client-wl-drafts))
      (sendonce-test-answering '(?s)
        (should-not (sendonce-client-wl-send-draft))))
    (should-not (sendonce-client-wl-drafts))
    (should (= 1 (length (sendonce-test-accepted))))
    (should (= 1 (length (sendonce-client-wl-folder "sent"))))
    (should (equal '((smtp uncertain) (smtp ok) (fcc ok))
                   (sendonce-client-wl-statuses)))))

(ert-deftest sendonce-client-wl-deferred-is-logged-when-it-ends ()
  (sendonce-client-wl-with-peer (:scenario "at RCPT: defer\n")
    (sendonce-test-interactively
      (should-not (sendonce-client-wl-hello)))
    (should-not (sendonce-client-wl-drafts))
    (should (equal '((smtp queued) (fcc ok)) (sendonce-client-wl-statuses)))
    (sendonce-test-scenario "")
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (should (equal '((smtp queued) (fcc ok) (smtp ok))
                   (sendonce-client-wl-statuses)))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-client-wl-draft-outlives-a-crash ()
  "Sent, and Emacs died before Wanderlust removed the draft from its folder."
  (sendonce-client-wl-with-peer ()
    (sendonce-client-wl-compose sendonce-client-wl-hello "Hello\n")
    (goto-char (point-max))
    (insert "More\n")
    (wl-draft-save)
    (let ((number wl-draft-buffer-message-number)
          (kept (sendonce-client-wl-file "kept")))
      (copy-directory (sendonce-client-wl-file "mail/draft") kept t)
      (copy-directory (sendonce-client-wl-file "elmo") (concat kept "-elmo") t)
      ;; Stamping writes beside the saved draft before anything is sent.
      (cl-letf (((symbol-function 'wl-draft-delete)
                 (lambda (_) (error "Power failure"))))
        (should (sendonce-client-wl-send-draft)))
      (should (= 1 (length (sendonce-test-accepted))))
      (sendonce-client-wl--kill-drafts)
      (wl-draft-reedit number)
      (should wl-sendonce-draft-id)
      (goto-char (point-max))
      (should-not (sendonce-client-wl-send-draft)))
    (should (= 1 (length (sendonce-test-accepted))))
    (should-not (sendonce-client-wl-drafts))))

;;;; The queue

(ert-deftest sendonce-client-wl-unplugged-then-flushed ()
  (sendonce-client-wl-with-peer ()
    (sendonce-client-wl-compose sendonce-client-wl-hello "Hello\n")
    (let ((inhibit-message t))
      (wl-toggle-plugged 'off))
    (should-not (sendonce-client-wl-send-draft))
    (should-not (sendonce-entries))
    (should-not (sendonce-client-wl-drafts))
    (should (= 1 (length (sendonce-client-wl-folder "queue"))))
    (should (equal '((queue ok)) (sendonce-client-wl-statuses)))
    ;; To be plugged again flushes the queue.
    (let ((inhibit-message t))
      (wl-toggle-plugged 'on))
    (sendonce-client-wl-flush)
    (should (= 1 (length (sendonce-test-accepted))))
    (should-not (sendonce-client-wl-folder "queue"))
    (should (= 1 (length (sendonce-client-wl-folder "sent"))))
    (should (equal '((queue ok) (smtp ok) (fcc ok))
                   (sendonce-client-wl-statuses)))))

(defun sendonce-client-wl-queue (&rest subjects)
  "Queue a message about each of SUBJECTS, and be plugged again."
  (dolist (subject subjects)
    (sendonce-client-wl-compose
     `(("To" . ,(format "%s@there.example" subject)) ("Subject" . ,subject))
     "Hello\n")
    (sendonce-client-wl-plug nil)
    (should-not (sendonce-client-wl-send-draft)))
  (should (equal subjects (sendonce-client-wl-subjects
                           (sendonce-client-wl-folder "queue"))))
  (sendonce-client-wl-plug t))

(ert-deftest sendonce-client-wl-flush-with-one-refused ()
  (sendonce-client-wl-with-peer (:scenario "at RCPT when \"two@\": refuse\n")
    (sendonce-client-wl-queue "one" "two" "three")
    (sendonce-client-wl-flush)
    (should (equal '("one" "three") (sendonce-client-wl-subjects
                                     (sendonce-test-accepted))))
    (should (equal '("two") (sendonce-client-wl-subjects
                             (sendonce-client-wl-folder "queue"))))
    (sendonce-client-wl-flush)
    (should (= 2 (length (sendonce-test-accepted))))
    (sendonce-test-scenario "")
    (sendonce-client-wl-flush)
    (should (equal '("one" "three" "two")
                   (sendonce-client-wl-subjects (sendonce-test-accepted))))
    (should-not (sendonce-client-wl-folder "queue"))
    (should (= 3 (length (sendonce-client-wl-folder "sent"))))))

(ert-deftest sendonce-client-wl-doubt-leaves-the-queue ()
  (sendonce-client-wl-with-peer
      (:scenario "at EOD when \"two@\": accept; drop\n")
    (sendonce-client-wl-queue "one" "two" "three")
    (sendonce-client-wl-flush)
    (should (equal '(sent in-doubt sent) (sendonce-test-states)))
    (should-not (sendonce-client-wl-folder "queue"))
    (should (equal '((queue ok) (queue ok) (queue ok)
                     (smtp ok) (fcc ok)
                     (smtp uncertain) (fcc ok)
                     (smtp ok) (fcc ok))
                   (sendonce-client-wl-statuses)))
    (sendonce-test-scenario "")
    (sendonce-client-wl-flush)
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (should (equal '("one" "two" "three")
                   (sendonce-client-wl-subjects (sendonce-test-accepted))))))

(ert-deftest sendonce-client-wl-flush-without-a-server ()
  "What cannot go now is in the outbox, and no more in Wanderlust's queue."
  (sendonce-client-wl-with-peer ()
    (sendonce-client-wl-queue "one" "two")
    (sendonce-test-stop-peer)
    (sendonce-test-interactively
      (sendonce-client-wl-flush))
    (should-not (sendonce-client-wl-folder "queue"))
    (should (equal '(deferred deferred) (sendonce-test-states)))
    (sendonce-test--start-peer nil)
    (sendonce-flush)
    (should (sendonce-wait-idle 30))
    (should (equal '("one" "two")
                   (sort (sendonce-client-wl-subjects (sendonce-test-accepted))
                         #'string<)))))

;;;; Settings

(ert-deftest sendonce-client-wl-settings-are-an-account ()
  (sendonce-client-wl-with-peer ()
    (pcase-dolist
        (`(,settings . ,account)
         '(((wl-smtp-posting-server "mail.example")
            :host "mail.example" :port 25 :tls opportunistic :user nil)
           ((wl-smtp-posting-server "m" wl-smtp-posting-port 465)
            :host "m" :port 465 :tls implicit :user nil)
           ((wl-smtp-posting-server "m" wl-smtp-connection-type ssl)
            :host "m" :port 465 :tls implicit :user nil)
           ((wl-smtp-posting-server "m" wl-smtp-posting-port 587
                                    wl-smtp-connection-type starttls
                                    wl-smtp-authenticate-type "plain" wl-smtp-posting-user "u")
            :host "m" :port 587 :tls starttls :user "u" :auth ("PLAIN"))
           ((wl-smtp-posting-server "m" wl-smtp-posting-port 587
                                    wl-smtp-authenticate-type ("cram-md5" "login")
                                    wl-smtp-posting-user "u")
            :host "m" :port 587 :tls opportunistic :user "u"
            :auth ("CRAM-MD5" "LOGIN"))
           ((wl-smtp-posting-server "m" wl-smtp-authenticate-type nil
                                    wl-smtp-posting-user "u")
            :host "m" :port 25 :tls opportunistic :user nil)
           ((smtp-server "s" smtp-service 587 smtp-use-starttls t)
            :host "s" :port 587 :tls starttls :user nil)
           ((smtp-server (lambda (from to) (concat from "+" (car to)))
                         smtp-use-starttls t smtp-use-starttls-ignore-error t)
            :host "f+t" :port 25 :tls opportunistic :user nil)
           ((smtp-fqdn "me.example" smtp-server "s")
            :host "s" :port 25 :tls opportunistic :user nil
            :local-name "me.example")
           (() :host "localhost" :port 25 :tls opportunistic :user nil)))
      (cl-progv
          (append (cl-loop for (variable _) on settings by #'cddr
                           collect variable)
                  '(sendonce-accounts smtpmail-smtp-server wl-local-domain))
          (append (cl-loop for (_ value) on settings by #'cddr
                           collect value)
                  '(nil nil nil))
        (ert-info ((format "%S" settings))
          (should (equal account (sendonce-wl--own "f" '("t")))))))))

(ert-deftest sendonce-client-wl-settings-that-will-not-do ()
  (sendonce-client-wl-with-peer ()
    (sendonce-client-wl-use-peer 'wl-smtp-connection-type 'socks)
    (let ((err (sendonce-client-wl-hello)))
      (should (eq 'sendonce-config-error (car err)))
      (should (string-search "wl-smtp-connection-type" (cadr err)))
      (should (sendonce-client-wl-drafts)))))

(ert-deftest sendonce-client-wl-own-settings-send ()
  (sendonce-client-wl-with-peer ("--user" "aoi:secret" "--require-auth")
    (sendonce-client-wl-use-peer 'wl-smtp-authenticate-type "plain"
                                 'wl-smtp-posting-user "aoi")
    (sendonce-test-write
     "authinfo" "machine 127.0.0.1 login aoi password secret\n")
    (should-not (sendonce-client-wl-hello))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-client-wl-passwords-of-the-pool ()
  (sendonce-client-wl-with-peer ("--user" "aoi:secret" "--require-auth")
    (sendonce-client-wl-use-peer 'wl-smtp-authenticate-type '("login" "plain")
                                 'wl-smtp-posting-user "aoi")
    (let ((key (list "SMTP" "aoi" "LOGIN" "127.0.0.1" sendonce-test-port))
          (given "wrong"))
      (cl-letf (((symbol-function 'read-passwd)
                 (lambda (&rest _)
                   (when inhibit-interaction
                     (signal 'inhibited-interaction nil))
                   given)))
        (should (equal "wrong" (elmo-get-passwd key)))
        (should (eq 'sendonce-refused (car (sendonce-client-wl-hello))))
        (should-not (sendonce-test-accepted))
        ;; Forgotten: Wanderlust asks anew.
        (setq given "secret")
        (should (equal "secret" (elmo-get-passwd key))))
      (with-current-buffer (car (sendonce-client-wl-drafts))
        (should-not (sendonce-client-wl-send-draft)))
      (should (= 1 (length (sendonce-test-accepted)))))))

(ert-deftest sendonce-client-wl-server-of-a-draft ()
  "`sendonce-accounts' decides, but where the draft has a server of its own."
  (sendonce-client-wl-with-peer ()
    (setq wl-smtp-posting-server "left-over.invalid")
    (should-not (sendonce-client-wl-hello "by From"))
    (setq wl-draft-config-alist
          `(("^To: .*there"
             (wl-smtp-posting-server . "127.0.0.1")
             (wl-smtp-posting-port . ,(1+ sendonce-test-port)))))
    (sendonce-client-wl-compose sendonce-client-wl-hello "Hello\n")
    (wl-draft-config-exec)
    (should (equal (cons "127.0.0.1" (1+ sendonce-test-port))
                   (sendonce-wl--place (sendonce-wl--own "f" '("t")))))))

;;; sendonce-client-wl-tests.el ends here
