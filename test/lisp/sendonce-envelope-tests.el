;;; sendonce-envelope-tests.el --- Whom a draft goes to, on the wire  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Drafts of message-mode and mail-mode to the peer: addresses beyond
;; ASCII with SMTPUTF8 and without, aliases and completion as composed,
;; repeats, and Bcc, which nobody gets to see.

;;; Code:

(require 'sendonce-test-helper)
(require 'ecomplete)
(require 'mailabbrev)
(require 'mailalias)

(defun sendonce-envelope--commands (prefix)
  "Return the commands beginning with PREFIX that the peer has read.
Bytes above 127 are written as \\xNN."
  (let ((log (sendonce-test-read (sendonce-test-file "peer/log")))
        (start 0) said)
    (while (string-match (concat " C: \\(" prefix ".*\\)$") log start)
      (push (match-string 1 log) said)
      (setq start (match-end 0)))
    (nreverse said)))

(defun sendonce-envelope--draft (header &optional body)
  "Return a draft with the lines of HEADER besides From, and BODY."
  (format "From: Me <me@here.example>\n%s\nSubject: Hello\n\n%s\n"
          header (or body "Hello there.")))

(defun sendonce-envelope--recipients ()
  "Return the recipients of all that the peer has accepted, oldest first."
  (let ((start 0) found
        (text (decode-coding-string
               (apply #'concat (sendonce-test-envelopes)) 'utf-8)))
    (while (string-match "^to <\\(.*\\)>$" text start)
      (push (match-string 1 text) found)
      (setq start (match-end 0)))
    (nreverse found)))

(defun sendonce-envelope--send (header)
  "Send a draft with HEADER as a user who insists on it; return the error."
  (cl-letf (((symbol-function 'y-or-n-p)
             (lambda (prompt)
               (not (string-prefix-p "Fix continuation" prompt)))))
    (sendonce-test-send (sendonce-envelope--draft header))))

;;;; Beyond ASCII

(ert-deftest sendonce-envelope-smtputf8 ()
  "A local part in UTF-8 goes with SMTPUTF8; only 8-bit text is 8BITMIME."
  (sendonce-test-with-peer ()
    (should-not (sendonce-test-send
                 (sendonce-envelope--draft "To: Jürgen <jürgen@bücher.test>")))
    (let ((mm-body-charset-encoding-alist '((utf-8 . 8bit))))
      (should-not (sendonce-test-send
                   (sendonce-envelope--draft "To: jürgen@b.test" "Grüße"))))
    (should-not (sendonce-test-send
                 (sendonce-envelope--draft "To: kunde@bücher.test")))
    (should (equal (sendonce-envelope--recipients)
                   '("jürgen@xn--bcher-kva.test" "jürgen@b.test"
                     "kunde@xn--bcher-kva.test")))
    (pcase-let ((`(,first ,second ,third)
                 (sendonce-envelope--commands "MAIL")))
      (should (string-match-p "\\`MAIL FROM:<me@here.example> SIZE=[0-9]+ SMTPUTF8\\'"
                              first))
      (should (string-match-p "> SIZE=[0-9]+ BODY=8BITMIME SMTPUTF8\\'" second))
      (should (string-match-p "> SIZE=[0-9]+\\'" third)))))

(ert-deftest sendonce-envelope-no-smtputf8 ()
  "A server without SMTPUTF8: who, why, what to do; the others get it once."
  (sendonce-test-with-peer ("--no-smtputf8")
    (sendonce-test-with-draft
        (sendonce-envelope--draft "To: jürgen@b.test, you@there.example")
      (dotimes (_ 2)
        (let* ((err (sendonce-test-send-again))
               (text (cadr err)))
          (should (eq (car err) 'sendonce-refused))
          (should (eq (plist-get (cddr err) :cause) 'needs-smtputf8))
          (dolist (part '("jürgen@b.test" "not ASCII"
                          "use an ASCII address in its place"
                          "Sent to you@there.example"))
            (should (string-search part text))))))
    (should (equal (sendonce-envelope--recipients) '("you@there.example")))
    (should (equal '("MAIL FROM:<me@here.example>")
                   (mapcar (lambda (line) (replace-regexp-in-string " SIZE.*" "" line))
                           (sendonce-envelope--commands "MAIL"))))
    (should (equal (sendonce-test-states) '(failed)))))

(ert-deftest sendonce-envelope-no-smtputf8-alone ()
  "Nothing is said to a server that takes none of the recipients."
  (sendonce-test-with-peer ("--no-smtputf8")
    (should (eq 'sendonce-refused
                (car (sendonce-test-send
                      (sendonce-envelope--draft "To: jürgen@b.test")))))
    (should-not (sendonce-envelope--commands "MAIL"))))

(defmacro sendonce-envelope--as (sender &rest body)
  "Evaluate BODY with SENDER as the envelope sender."
  (declare (indent 1) (debug t))
  `(let ((mail-specify-envelope-from t)
         (mail-envelope-from ,sender))
     ,@body))

(ert-deftest sendonce-envelope-sender-beyond-ascii ()
  (sendonce-test-with-peer ()
    (sendonce-envelope--as "mé@bücher.test"
      (should-not (sendonce-test-send)))
    (should (string-match-p "\\`MAIL FROM:<m\\\\xc3\\\\xa9@xn--bcher-kva.test> .*SMTPUTF8\\'"
                            (car (sendonce-envelope--commands "MAIL")))))
  (sendonce-test-with-peer ("--no-smtputf8")
    (sendonce-envelope--as "me@bücher.test"
      (should-not (sendonce-test-send)))
    (should (equal (sendonce-test-envelopes)
                   '("from <me@xn--bcher-kva.test>\nto <you@there.example>\n")))
    (sendonce-envelope--as "mé@b.test"
      (let ((err (sendonce-test-send
                  (concat sendonce-test-draft "Another.\n"))))
        (should (eq (car err) 'sendonce-refused))
        (dolist (part '("mé@b.test" "use an ASCII address in its place"))
          (should (string-search part (cadr err))))))
    (should (= 1 (length (sendonce-test-accepted))))))

(ert-deftest sendonce-envelope-from-beyond-ascii ()
  "From itself in UTF-8, as message-mode encodes it."
  (sendonce-test-with-peer ()
    (should-not (sendonce-test-send
                 "From: Zoë <zoë@bücher.test>\nTo: you@there.example\nSubject: x\n\nHi.\n"))
    (should (equal (sendonce-test-envelopes)
                   (list (encode-coding-string
                          "from <zoë@xn--bcher-kva.test>\nto <you@there.example>\n"
                          'utf-8))))))

(ert-deftest sendonce-envelope-bad-domain-sends-nothing ()
  (sendonce-test-with-peer ()
    (let ((send (lambda ()
                  (with-temp-buffer
                    (insert sendonce-test-draft)
                    (let ((mail-header-separator ""))
                      (sendonce-send-it))))))
      (dolist (sender '("me@ü..test" "me@-ü.test" "me@b test" "a, b@c.test"))
        (sendonce-envelope--as sender
          (let ((err (should-error (funcall send)
                                   :type 'sendonce-config-error)))
            (should (string-search sender (cadr err)))))))
    (should-not (sendonce-entries))))

(defconst sendonce-envelope--typed
  '(("k@bücher.test, \"a\\ b\"@b.test, z@b.test"
     "k@xn--bcher-kva.test" "\"a\\ b\"@b.test" "z@b.test")
    ("x@y.test, ü@BÜCHER.test" "x@y.test" "ü@xn--bcher-kva.test")
    ("x@y.test, Ü <ü@bücher.test>" "x@y.test" "ü@xn--bcher-kva.test")
    ("Kunde <k@bücher.test>, Ü <x@y.test>"
     "k@xn--bcher-kva.test" "x@y.test")
    ("\"Müller, Jürgen\" <jürgen@b.test>, x@y.test" "jürgen@b.test" "x@y.test")
    ("x@y.test, \"evil@x.test, Jürgen\" <jürgen@b.test>"
     "x@y.test" "jürgen@b.test")
    ("\"<evil@x.test>, Jürgen\" <j@b.test>, x@y.test" "j@b.test" "x@y.test")
    ("ü@b.test (Müller, Jürgen), x@y.test" "ü@b.test" "x@y.test")
    ("Grüße: a@b.test, Ü <ü@c.test>;, x@y.test"
     "a@b.test" "ü@c.test" "x@y.test")
    ("関係者各位:;, x@y.test" "x@y.test")
    ("関係 者: 山田 <a@b.test>, c@d.test;, x@y.test"
     "a@b.test" "c@d.test" "x@y.test")
    ("Our 友達 list: a@b.test;, x@y.test" "a@b.test" "x@y.test")
    ("\"Müller:\" <a@b.test>, x@y.test" "a@b.test" "x@y.test")
    ("山田, 太郎 <t@b.test>" "t@b.test")
    ("\"<evil@x.test> Jürgen\" <jürgen@b.test>" error)
    ("\"jü rgen\"@b.test" error))
  "List of (VALUE ADDRESS ...): what a user types into an address field.
error in place of addresses: `message-mode' loses quotes or what stands
between them, and nothing is sent.")

(defun sendonce-envelope--check-typed (field value addresses)
  "Check that VALUE in FIELD of a draft goes to ADDRESSES, or is an error."
  (let ((before (length (sendonce-envelope--recipients)))
        (err (sendonce-envelope--send
              (format "%sX-Test: %s%s\n%s: %s"
                      (if (equal field "Bcc") "To: undisclosed:;\n" "")
                      field (secure-hash 'md5 (encode-coding-string value 'utf-8))
                      field value))))
    (ert-info ((format "%s: %S %S" field value err))
      (if (eq (car addresses) 'error)
          (should (eq (car err) 'sendonce-config-error))
        (should-not err))
      (should (equal (remq 'error addresses)
                     (nthcdr before (sendonce-envelope--recipients)))))))

(ert-deftest sendonce-envelope-typed-into-message-mode ()
  "What message-mode encodes, it may encode across commas and brackets."
  (sendonce-test-with-peer ("--no-sync")
    (dolist (field '("To" "Bcc"))
      (pcase-dolist (`(,value . ,addresses) sendonce-envelope--typed)
        (sendonce-envelope--check-typed field value addresses)))))

(ert-deftest sendonce-envelope-encoded-with-its-neighbour ()
  "In Bcc, message-mode encodes the comma, too: is it a name's, or a list's?"
  (sendonce-test-with-peer ("--no-sync")
    (let ((err (sendonce-envelope--send "Bcc: ü@bücher.test, x@y.test")))
      (should (eq (car err) 'sendonce-config-error))
      (should (string-search "ü@bücher.test, x@y.test" (cadr err)))
      (should (string-search "put it last" (cadr err))))
    (should-not (sendonce-envelope--send "Bcc: x@y.test, ü@bücher.test"))
    (should (equal (sendonce-envelope--recipients)
                   '("x@y.test" "ü@xn--bcher-kva.test")))))

;;;; As composed: aliases and completion

(defconst sendonce-envelope--mailrc "alias bob bob@there.example
alias friends bob carol@there.example \"Doe, John <john@there.example>\"
alias lonely lonely@bücher.test
"
  "A file of mail aliases.")

(ert-deftest sendonce-envelope-mail-aliases ()
  "In mail-mode, aliases are read from the file at the first need."
  (sendonce-test-with-peer ()
    (let ((mail-personal-alias-file
           (sendonce-test-write "mailrc" sendonce-envelope--mailrc))
          (mail-default-directory sendonce-test-directory)
          (mail-aliases t)
          (mail-alias-modtime nil))
      (with-temp-buffer
        (insert "To: friends, you@there.example\nCc: bob\nBcc: lonely\n"
                "Subject: friends\n" mail-header-separator "\nbob\n")
        (mail-mode)
        (setq mail-aliases t)
        (sendonce-send-it)))
    (should (equal (sendonce-envelope--recipients)
                   '("bob@there.example" "carol@there.example"
                     "john@there.example" "you@there.example"
                     "lonely@xn--bcher-kva.test")))
    (let ((message (car (sendonce-test-accepted))))
      (should (string-search "\r\nCc: bob@there.example\r\n" message))
      (should (string-search "\r\nSubject: friends\r\n" message))
      (should (string-suffix-p "\r\n\r\nbob\r\n" message))
      (should-not (string-search "lonely" message)))))

(ert-deftest sendonce-envelope-aliases-in-message-mode ()
  "An alias that was not expanded at composition, beside 8-bit fields."
  (sendonce-test-with-peer ()
    (let ((mail-personal-alias-file "/no/such/file")
          (mail-aliases '(("bob" . "Bob <bob@there.example>"))))
      (should-not (sendonce-envelope--send
                   "To: bob, jürgen@b.test\nCc: Jürgen <j@b.test>")))
    (should (equal (sendonce-envelope--recipients)
                   '("bob@there.example" "jürgen@b.test" "j@b.test")))))

(ert-deftest sendonce-envelope-aliases-beside-bytes ()
  "Raw UTF-8 in a unibyte buffer is still UTF-8 once aliases are expanded."
  (dolist (aliases '(nil (("bob" . "bob@b.test")) (("bob" . "Büb <bob@b.test>"))))
    (with-temp-buffer
      (set-buffer-multibyte nil)
      (insert (encode-coding-string
               "From: me@here.example\nTo: bob, Ü <jürgen@b.test>\n\nx\n"
               'utf-8))
      (let ((mail-personal-alias-file "/no/such/file")
            (mail-aliases aliases)
            (mail-header-separator ""))
        (should (equal (sendonce-letter-recipients (sendonce-compose))
                       (list (if aliases "bob@b.test" "bob")
                             "jürgen@b.test")))))))

(ert-deftest sendonce-envelope-mail-abbrevs ()
  "What mail-abbrevs puts into a draft of message-mode is what goes out."
  (sendonce-test-with-peer ()
    (let ((mail-personal-alias-file
           (sendonce-test-write "mailrc" sendonce-envelope--mailrc))
          (mail-aliases nil)
          (mail-abbrevs t)
          (mail-abbrev-modtime nil)
          (mail-abbrev-aliases-need-to-be-resolved t))
      (build-mail-abbrevs)
      (sendonce-test-with-draft (sendonce-envelope--draft "To: ")
        (message-goto-to)
        (insert "friends")
        (let ((last-command-event ?,)
              (this-command 'self-insert-command))
          (mail-abbrev-expand-wrapper #'abbrev--default-expand))
        (should-not (sendonce-test-send-again))))
    (should (equal (sendonce-envelope--recipients)
                   '("bob@there.example" "carol@there.example"
                     "john@there.example")))))

(ert-deftest sendonce-envelope-ecomplete ()
  "What was sent to is learnt, and what completion fills in is understood."
  (sendonce-test-with-peer ()
    (let ((message-mail-alias-type 'ecomplete)
          (mail-aliases nil)
          (ecomplete-database nil)
          (ecomplete-database-file (sendonce-test-file "ecompleterc"))
          (addresses '("\"Doe, John\" <john@there.example>"
                       "山田 太郎 <yamada@there.example>"
                       "\"a b\"@there.example"
                       "carol@there.example (Carol, (of) There)"
                       "Jürgen <jürgen@b.test>"
                       "Kunde <kunde@bücher.test>"))
          (envelope '("john@there.example" "yamada@there.example"
                      "\"a b\"@there.example" "carol@there.example"
                      "jürgen@b.test" "kunde@xn--bcher-kva.test")))
      (should-not (sendonce-test-send
                   (sendonce-envelope--draft
                    (concat "To: " (string-join addresses ",\n ")))))
      (should (equal (sendonce-envelope--recipients) envelope))
      (cl-loop for key in '("Doe" "山田" "a b" "carol" "jürgen" "kunde")
               for address in envelope
               for filled = (substring-no-properties
                             (car (split-string
                                   (ecomplete-get-matches 'mail key) "\n")))
               do (should-not (sendonce-test-send
                               (sendonce-envelope--draft
                                (concat "To: " filled) key)))
               (should (equal address
                              (car (last (sendonce-envelope--recipients)))))))))

;;;; Repeats

(ert-deftest sendonce-envelope-repeats ()
  (sendonce-test-with-peer ()
    (should-not
     (sendonce-envelope--send
      "To: a@b.test, \"a\"@B.Test, Kunde <k@bücher.test>
Cc: A <a@B.TEST>, k@xn--bcher-kva.test, \"a b\"@b.test, A@b.test
Bcc: \"\\a\"@b.test, k@XN--BCHER-KVA.TEST, k@BÜCHER.test, \"a\\ b\"@b.test, z@b.test"))
    (should (equal (sendonce-envelope--recipients)
                   '("a@b.test" "k@xn--bcher-kva.test" "\"a b\"@b.test"
                     "A@b.test" "z@b.test")))))

;;;; Bcc

(defconst sendonce-envelope--bcc
  '("Bcc: hidden@b.test" "BCC: hidden@b.test" "bcc:hidden@b.test"
    "Bcc : hidden@b.test" "BCC\t:\thidden@b.test" "Bcc:\n hidden@b.test"
    "Bcc: Hidden\n\t<hidden@b.test>,\n  secret@b.test"
    "Bcc: hidden@b.test\nbcC: secret@b.test" "Bcc: (hidden) hidden@b.test"
    "Bcc: Hidden: secret@b.test, hidden@b.test;")
  "Fields of blind copies; each has hidden@b.test.")

(defun sendonce-envelope--check-bcc (line)
  "Check that the last message went to the blind copies of LINE unseen."
  (should (member "hidden@b.test" (sendonce-envelope--recipients)))
  (should (eq (null (string-search "secret" line))
              (not (member "secret@b.test" (sendonce-envelope--recipients)))))
  (let ((case-fold-search t))
    (should-not (string-match-p "bcc\\|hidden\\|secret"
                                (car (last (sendonce-test-accepted)))))))

(ert-deftest sendonce-envelope-bcc-is-never-seen ()
  (dolist (line sendonce-envelope--bcc)
    (sendonce-test-with-peer ("--no-sync")
      (ert-info ((format "%S" line) :prefix "message-mode: ")
        (should-not (sendonce-envelope--send
                     (concat "To: you@there.example\n" line)))
        (sendonce-envelope--check-bcc line)))
    (sendonce-test-with-peer ("--no-sync")
      (ert-info ((format "%S" line) :prefix "mail-mode: ")
        (with-temp-buffer
          (insert "To: you@there.example\n" line "\n"
                  mail-header-separator "\nHi.\n")
          (let ((mail-aliases nil)
                (mail-default-directory sendonce-test-directory))
            (mail-mode)
            (sendonce-send-it)))
        (sendonce-envelope--check-bcc line)))))

(ert-deftest sendonce-envelope-resent-bcc-is-never-seen ()
  (dolist (line sendonce-envelope--bcc)
    (sendonce-test-with-peer ("--no-sync")
      (with-temp-buffer
        (insert "From: a@else.example\nTo: old@else.example\n"
                "Bcc: old@else.example\nResent-To: you@there.example\n"
                (replace-regexp-in-string "^bcc" "ResenT-\\&" line)
                "\n\nHi.\n")
        (let ((mail-header-separator ""))
          (sendonce-send-it)))
      (ert-info ((format "%S" line))
        (sendonce-envelope--check-bcc line)
        (should-not (member "old@else.example"
                            (sendonce-envelope--recipients)))))))

(ert-deftest sendonce-envelope-bcc-that-is-no-field ()
  "A Bcc that lost its colon would be seen by all: nothing is sent."
  (sendonce-test-with-peer ("--no-sync")
    (dolist (line '("Bcc hidden@b.test" "bcc" "Bcc：hidden@b.test"
                    "Resent-Bcc; hidden@b.test"))
      (let ((err (sendonce-envelope--send
                  (concat "To: you@there.example\n" line))))
        (ert-info ((format "%S: %S" line err))
          (should (eq (car err) 'sendonce-config-error))
          (should (string-search line (cadr err))))))
    (should-not (sendonce-entries))))

(ert-deftest sendonce-envelope-bcc-first-and-indented ()
  (sendonce-test-with-peer ("--no-sync")
    (with-temp-buffer
      (insert " Bcc: hidden@b.test\nFrom: me@here.example\n"
              "To: you@there.example\n\nHi.\n")
      (let ((mail-header-separator ""))
        (sendonce-send-it)))
    (sendonce-envelope--check-bcc "")))

(provide 'sendonce-envelope-tests)

;;; sendonce-envelope-tests.el ends here
