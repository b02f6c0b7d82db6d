;;; sendonce-bytes-tests.el --- What was composed arrives, byte for byte  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What message-mode hands over, taken from the buffer at the call of the
;; send function, is compared with what the peer accepted: the line of
;; the separator is empty, line ends are CRLF, a last line without end
;; has one, and nothing else differs.  In every way to hand over: BDAT
;; and DATA, with PIPELINING and without.  Attachments are decoded,
;; signatures verified and ciphertext decrypted, from what arrived.

;;; Code:

(require 'sendonce-test-helper)
(require 'mml)
(require 'mml-sec)
(require 'mml-smime)
(require 'mm-decode)

;;;; Handing over and comparing

(defconst sendonce-bytes--modes
  '((bdat) (data "--no-chunking") (bdat-alone "--no-pipelining")
    (data-alone "--no-chunking" "--no-pipelining"))
  "List of (NAME OPTION...) of the peer: the ways to hand over.")

(defmacro sendonce-bytes-in-modes (&rest body)
  "Evaluate BODY with a peer of its own in each of the modes."
  (declare (indent 0) (debug t))
  `(dolist (mode sendonce-bytes--modes)
     (ert-info ((symbol-name (car mode)) :prefix "Mode: ")
       (sendonce-test-with-peer ("--no-sync" (or (nth 1 mode) "--no-sync")
                                 (or (nth 2 mode) "--no-sync"))
         ,@body
         (sendonce-bytes--check-mode (car mode))))))

(defun sendonce-bytes--check-mode (mode)
  "Check that all went out in MODE, and that the peer found no fault."
  (let ((log (sendonce-test-read (sendonce-test-file "peer/log")))
        (bdat (and (memq mode '(bdat bdat-alone)) t))
        (faults (sendonce-test-file "peer/violations")))
    (should (eq bdat (and (string-match-p " C: BDAT " log) t)))
    (should (eq bdat (null (string-match-p " C: DATA$" log))))
    (should (equal "" (if (file-exists-p faults)
                          (sendonce-test-read faults)
                        "")))))

(defun sendonce-bytes--wire (text)
  "Return what must arrive of TEXT, as handed over."
  (let* ((line (concat "\n" mail-header-separator "\n"))
         (at (string-search line text))
         (body (substring text (+ at (length line)))))
    (concat
     (replace-regexp-in-string
      "\r\n\\|\r\\|\n" "\r\n"
      (concat (substring text 0 at) "\n\n" body
              (if (or (string-empty-p body) (string-suffix-p "\n" body))
                  ""
                "\n"))
      t t))))

(defun sendonce-bytes--check-same (wire accepted)
  "Check that WIRE and ACCEPTED are the same bytes."
  (should-not (multibyte-string-p wire))
  (let ((place (compare-strings wire nil nil accepted nil nil)))
    (ert-info ((if (eq place t)
                   ""
                 (let ((from (max 0 (- (abs place) 20))))
                   (format "at %d of %d: %S"
                           place (length wire)
                           (substring accepted from
                                      (min (length accepted) (+ from 60)))))))
      (should (eq place t)))))

(defun sendonce-bytes--send (text &optional setup)
  "Send a draft of TEXT, after SETUP; check and return what arrived."
  (let* (handed
         (send-mail-function
          (lambda ()
            (setq handed (buffer-substring-no-properties (point-min)
                                                         (point-max)))
            (sendonce-send-it))))
    (sendonce-test-with-draft text
      (when setup (funcall setup))
      (should-not (sendonce-test-send-again)))
    (let ((accepted (car (last (sendonce-test-accepted)))))
      (sendonce-bytes--check-same (sendonce-bytes--wire handed) accepted)
      accepted)))

(defun sendonce-bytes--draft (subject body)
  "Return a draft with SUBJECT and BODY."
  (format "From: Me <me@here.example>\nTo: You <you@there.example>
Subject: %s\n\n%s" subject body))

(defun sendonce-bytes--send-raw (subject body)
  "Send BODY, bytes, under SUBJECT without message-mode; check it."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert (sendonce-bytes--draft subject "")
            "Message-ID: <" subject "@x>\nDate: Mon, 1 Jan 2026 00:00:00 +0000\n")
    (goto-char (point-min))
    (search-forward "\n\n")
    (delete-char -1)
    (goto-char (point-max))
    (insert mail-header-separator "\n" (string-to-unibyte body))
    (let ((handed (buffer-string)))
      (sendonce-send-it)
      (should (equal handed (buffer-string)))
      (sendonce-bytes--check-same (sendonce-bytes--wire handed)
                                  (car (last (sendonce-test-accepted)))))))

;;;; Bodies as message-mode composes them

(defun sendonce-bytes--lines (from to)
  "Return lines of FROM to TO characters."
  (mapconcat (lambda (length) (concat (make-string length ?x) "\n"))
             (number-sequence from to) ""))

(defun sendonce-bytes--flow ()
  "Have the draft in this buffer sent as format=flowed."
  (use-hard-newlines 1 'always)
  (message-goto-body)
  (while (search-forward "\n" nil t)
    (set-hard-newline-properties (1- (point)) (point))))

(defconst sendonce-bytes--texts
  `((eight-bit "Grüße\n日本語の本文\n.\n..\n"
               ((mm-body-charset-encoding-alist . ((utf-8 . 8bit))))
               "\r\nGr\303\274\303\237e\r\n")
    (quoted-printable "Grüße  \n日本語 = ?\n.\nFrom me\n"
                      ((mm-body-charset-encoding-alist
                        . ((utf-8 . quoted-printable))))
                      "\r\nGr=C3=BC=C3=9Fe=20=20\r\n")
    (base64 "Grüße\n日本語\n"
            ((mm-body-charset-encoding-alist . ((utf-8 . base64))))
            "\r\nR3LDvMOfZQ0K5pel5pys6KqeDQo=\r\n")
    (latin-1 "Grüße\n"
             ((mm-coding-system-priorities . (iso-8859-1))
              (mm-body-charset-encoding-alist . ((iso-8859-1 . 8bit))))
             "\r\nGr\374\337e\r\n")
    (iso-2022-jp "日本語の本文\n\n署名\n"
                 ((mm-coding-system-priorities . (iso-2022-jp utf-8)))
                 "\r\n\e$BF|K\\8l$NK\\J8\e(B\r\n")
    (flowed ,(concat "> " (make-string 60 ?a) " b\n.dot\n\n"
                     (mapconcat #'identity (make-list 60 "word") " ")
                     "\n-- \nMe\n")
            ((mml-enable-flowed . t)) "format=flowed" sendonce-bytes--flow)
    (long-lines ,(sendonce-bytes--lines 997 1001) nil nil)
    (long-8-bit ,(concat "ü\n" (sendonce-bytes--lines 997 1001))
                ((mm-body-charset-encoding-alist . ((utf-8 . 8bit)))) nil)
    (dots ".\n..\n...\n.a\n\n.\n" nil "\r\n.\r\n..\r\n...\r\n.a\r\n\r\n.\r\n")
    (dot "." nil "\r\n\r\n.\r\n")
    (from-lines "From here\n>From there\n" nil nil)
    (empty "" nil nil)
    (newlines "\n\n\n\n" nil nil)
    (blanks "  \n\t\n trailing \t \n" nil nil)
    (no-last-newline "Hello" nil "\r\n\r\nHello\r\n"))
  "List of (NAME BODY BINDINGS PART SETUP) of drafts.
BINDINGS is an alist of variables; PART, bytes, must be in what
arrives; SETUP is called in the draft.")

(ert-deftest sendonce-bytes-texts ()
  (sendonce-bytes-in-modes
    (pcase-dolist (`(,name ,body ,bindings ,part ,setup)
                   sendonce-bytes--texts)
      (ert-info ((symbol-name name) :prefix "Text: ")
        (cl-progv (mapcar #'car bindings) (mapcar #'cdr bindings)
          (let ((arrived (sendonce-bytes--send
                          (sendonce-bytes--draft name body) setup)))
            (when part
              (should (string-search (string-to-unibyte part)
                                     arrived)))))))))

(ert-deftest sendonce-bytes-header ()
  "Folded, encoded, odd fields go out as they are handed over."
  (sendonce-bytes-in-modes
    (sendonce-bytes--send
     (concat "From: 山田 太郎 <me@here.example>
To: \"Last, First\" <you@there.example>,\n\t鈴木 <suzuki@there.example>
X-Odd:    blanks   kept\t.
X-Folded: one\n two\n\tthree
.X-Dot: a name that begins with a dot
Subject: " (mapconcat #'identity (make-list 30 "件名") " ") "\n\n.\n"))))

;;;; Bodies that message-mode would not compose

(defconst sendonce-bytes--raw
  `((long-lines . ,(sendonce-bytes--lines 997 1001))
    (very-long . ,(make-string 300000 ?x))
    (all-bytes . ,(concat (apply #'unibyte-string (number-sequence 1 9))
                          (apply #'unibyte-string (number-sequence 14 255))))
    (crlf . "a\r\nb\r\n\r\n.\r\n")
    (bare-cr . "a\rb\r\rc\n\r\nd\r")
    (no-last-newline . "a\n.b")
    (cr-at-the-end . "a\r")
    (empty . "")
    (newline . "\n")
    (dot . ".")
    (dot-line . ".\n"))
  "Alist of (NAME . BODY).")

(ert-deftest sendonce-bytes-raw ()
  "Bare CR and LF are line ends, as neither may go out (RFC 5321, 2.3.8)."
  (sendonce-bytes-in-modes
    (pcase-dolist (`(,name . ,body) sendonce-bytes--raw)
      (ert-info ((symbol-name name) :prefix "Body: ")
        (sendonce-bytes--send-raw (symbol-name name) body)))))

(ert-deftest sendonce-bytes-boundaries ()
  "Lines of a dot, and CRLFs, at every place where pieces may meet.
The store is read in pieces of 256 KiB, the last 16 KiB go out alone;
one byte more or less makes them meet within each line end."
  (sendonce-bytes-in-modes
    (dolist (unit '(".\n" ".\r\n"))
      (dotimes (shift (length unit))
        (ert-info ((format "%S %d" unit shift))
          (sendonce-bytes--send-raw
           (format "boundary-%d-%d" (length unit) shift)
           (concat (make-string shift ?x) "\n"
                   (apply #'concat (make-list (/ 540000 (length unit))
                                              unit)))))))))

;;;; Attachments

(defun sendonce-bytes--write (name bytes)
  "Write BYTES into the file NAME of this test; return its full name."
  (let ((file (sendonce-test-file name))
        (coding-system-for-write 'no-conversion))
    (write-region bytes nil file nil 'quiet)
    file))

(defun sendonce-bytes--handles (message)
  "Return the leaves of MESSAGE, bytes as they arrived, as mm handles.
To be called in a buffer that lives as long as they are used."
  (set-buffer-multibyte nil)
  (insert (string-replace "\r\n" "\n" message))
  (let ((handles (mm-dissect-buffer t)))
    (if (stringp (car handles)) (cdr handles) (list handles))))

(defun sendonce-bytes--decoded (handle)
  "Return the bytes in HANDLE.  That mm makes LFs of text is undone."
  (if (eq (mm-handle-encoding handle) 'base64)
      (base64-decode-string (with-current-buffer (mm-handle-buffer handle)
                              (buffer-string)))
    (mm-with-unibyte-buffer
      (mm-insert-part handle t)
      (buffer-string))))

(defun sendonce-bytes--attachment (message)
  "Return (NAME ENCODING BYTES) of the last part of MESSAGE."
  (with-temp-buffer
    (let ((handle (car (last (sendonce-bytes--handles message)))))
      (list (mm-handle-filename handle)
            (mm-handle-encoding handle)
            (sendonce-bytes--decoded handle)))))

(defun sendonce-bytes--lf (bytes)
  "Return BYTES with all line ends LF."
  (replace-regexp-in-string "\r\n\\|\r" "\n" bytes t t))

(defconst sendonce-bytes--attachments
  `(("all.bin" "application/octet-stream"
     ,(apply #'unibyte-string (number-sequence 0 255)))
    ("日本語 資料（最終版）.pdf" "application/pdf" "%PDF-1.4\r\n\0\377\n")
    ("Grüße; 'x'.bin" "application/octet-stream" "x")
    ("crlf.txt" "text/plain" "a\r\nb\r\n\r\n.\r\n")
    ("mac.txt" "text/plain" "a\rb\r")
    ("mixed.txt" "text/plain" "a\r\nb\nc\rd")
    ("no-newline.txt" "text/plain" "a\n.b")
    ("dots.txt" "text/plain" ".\n..\n.\n")
    ("empty.bin" "application/octet-stream" "")
    ("patch.diff" "text/x-patch" "--- a\r\n+++ b\r\n@@ -1 +1 @@\r\n-x\r\n+y\r\n")
    ("long.txt" "text/plain" ,(sendonce-bytes--lines 997 1001))
    ("utf-8.txt" "text/plain" ,(encode-coding-string "Grüße\r\n日本語\r\n"
                                                     'utf-8)))
  "List of (FILE TYPE BYTES).")

(defun sendonce-bytes--attach (file type)
  "Attach FILE of TYPE at the end of the draft in this buffer."
  (goto-char (point-max))
  (mml-attach-file file type nil "attachment"))

(defun sendonce-bytes--check-attachment (name bytes message)
  "Check that the last part of MESSAGE is the file NAME that holds BYTES.
mml leaves text in ASCII as it is; then line ends are line ends, however
the file has them (RFC 2046, 4.1.1).  All else arrives to the byte."
  (pcase-let ((`(,arrived ,encoding ,decoded)
               (sendonce-bytes--attachment message)))
    (should (equal arrived name))
    (if (memq encoding '(base64 quoted-printable))
        (should (equal decoded (string-to-unibyte bytes)))
      (should-not (string-match-p "[^[:ascii:]]" bytes))
      (should (equal decoded (sendonce-bytes--lf bytes))))))

(ert-deftest sendonce-bytes-attachments ()
  "Each attachment, decoded from what arrived, is the file and its name."
  (sendonce-bytes-in-modes
    (pcase-dolist (`(,name ,type ,bytes) sendonce-bytes--attachments)
      (ert-info (name :prefix "Attachment: ")
        (let ((file (sendonce-bytes--write name bytes)))
          (sendonce-bytes--check-attachment
           name bytes
           (sendonce-bytes--send
            (sendonce-bytes--draft name "Here.\n")
            (lambda () (sendonce-bytes--attach file type)))))))))

;;;; Signed and encrypted

(defun sendonce-bytes--run (program &rest arguments)
  "Run PROGRAM with ARGUMENTS; return (STATUS . OUTPUT), bytes."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (let ((coding-system-for-read 'no-conversion))
      (cons (apply #'call-process program nil t nil arguments)
            (buffer-string)))))

(defun sendonce-bytes--must (program &rest arguments)
  "Run PROGRAM with ARGUMENTS; return its output, fail if it fails."
  (let ((done (apply #'sendonce-bytes--run program arguments)))
    (ert-info ((format "%s %S: %s" program arguments (cdr done)))
      (should (eq 0 (car done))))
    (cdr done)))

(defun sendonce-bytes--make-openpgp-keys ()
  "Make keys for those who write to each other in these tests."
  (dolist (user '("me@here.example" "you@there.example"))
    (sendonce-bytes--must "gpg" "--batch" "--quiet" "--pinentry-mode"
                          "loopback" "--passphrase" ""
                          "--quick-generate-key" user "future-default")))

(defun sendonce-bytes--import (key certificate)
  "Have gpgsm import KEY and CERTIFICATE, files; return non-nil if it did."
  (let ((both (concat key ".p12")))
    (sendonce-bytes--must "openssl" "pkcs12" "-export" "-in" certificate
                          "-inkey" key "-passout" "pass:" "-out" both
                          ;; What gpgsm 2.2 can read.
                          "-certpbe" "PBE-SHA1-3DES"
                          "-keypbe" "PBE-SHA1-3DES" "-macalg" "sha1")
    (eq 0 (car (sendonce-bytes--run "gpgsm" "--batch" "--pinentry-mode"
                                    "loopback" "--passphrase-fd" "0"
                                    "--import" both)))))

(defun sendonce-bytes--make-certificate (user)
  "Make a key with a certificate for USER and give it to gpgsm."
  (let ((key (sendonce-test-file (concat user ".key")))
        (certificate (sendonce-test-file (concat user ".pem"))))
    (sendonce-bytes--must
     "openssl" "req" "-x509" "-newkey" "rsa:2048" "-nodes" "-days" "30"
     "-keyout" key "-out" certificate
     "-subj" (format "/CN=%s/emailAddress=%s" user user)
     "-addext" "keyUsage=critical,digitalSignature,keyEncipherment"
     "-addext" (concat "subjectAltName=email:" user))
    ;; Now and then gpgsm 2.4 cannot decrypt what has an empty passphrase;
    ;; with another salt it can.
    (should (cl-loop repeat 5
                     thereis (sendonce-bytes--import key certificate)))))

(defun sendonce-bytes--trust-certificates ()
  "Have gpgsm trust all that it knows."
  (let ((start 0) lines
        (listed (sendonce-bytes--must "gpgsm" "--batch" "--with-colons"
                                      "--list-keys")))
    (while (string-match "^fpr:+\\([0-9A-F]+\\):" listed start)
      (push (concat (match-string 1 listed) " S relax\n") lines)
      (setq start (match-end 0)))
    (sendonce-test-write "gnupg/trustlist.txt" (apply #'concat lines))
    (sendonce-test-write "gnupg/gpgsm.conf" "disable-crl-checks\n")
    (sendonce-bytes--run "gpgconf" "--kill" "gpg-agent")))

(defun sendonce-bytes--make-certificates ()
  "Make certificates for those who write to each other in these tests."
  (sendonce-bytes--make-certificate "me@here.example")
  (sendonce-bytes--make-certificate "you@there.example")
  (sendonce-bytes--trust-certificates))

(defun sendonce-bytes--with-keys (make function)
  "Call FUNCTION with a GnuPG home in this test that MAKE has filled."
  (let ((home (sendonce-test-file "gnupg"))
        (mml-secure-openpgp-sign-with-sender t)
        (mml-secure-smime-sign-with-sender t)
        (mml-secure-openpgp-always-trust t)
        (mml-smime-use 'epg)
        (sendonce-wait 60))
    (make-directory home)
    (set-file-modes home #o700)
    (setenv "GNUPGHOME" home)
    (unwind-protect
        (progn (funcall make) (funcall function))
      (sendonce-bytes--run "gpgconf" "--kill" "all")
      (setenv "GNUPGHOME"))))

(defun sendonce-bytes--parts (message)
  "Return the parts of MESSAGE, a multipart one, verbatim with CRLF."
  (should (string-match "boundary=\"?\\([^\"\r\n;]+\\)\"?" message))
  (let ((line (concat "--" (match-string 1 message))))
    (mapcar (lambda (part) (string-remove-suffix "\r\n" part))
            (butlast (cdr (split-string message
                                        (concat "^" (regexp-quote line)
                                                "\\(?:--\\)?\r\n")))))))

(defun sendonce-bytes--content (part)
  "Return what is in PART, base64 undone, line ends LF if it is text."
  (let* ((at (string-search "\r\n\r\n" part))
         (body (substring part (+ 4 at))))
    (if (string-match-p "^content-transfer-encoding: *base64"
                        (substring part 0 at))
        (base64-decode-string body)
      body)))

(defun sendonce-bytes--check-signature (program message)
  "Check by PROGRAM that the signature in MESSAGE, as it arrived, is good.
One byte more, and it is not."
  (pcase-let* ((`(,signed ,signature) (sendonce-bytes--parts message))
               (file (sendonce-bytes--write
                      "signature" (sendonce-bytes--content signature))))
    (sendonce-bytes--must program "--batch" "--verify" file
                          (sendonce-bytes--write "signed" signed))
    (should-not
     (eq 0 (car (sendonce-bytes--run
                 program "--batch" "--verify" file
                 (sendonce-bytes--write "signed" (concat signed "."))))))))

(defconst sendonce-bytes--secret
  "Grüße, 日本語.  \n\n.\n..\nFrom me\n-- \nMe\n"
  "A text with all that spoils signatures.")

(defun sendonce-bytes--secure (subject tag &optional setup)
  "Send the secret under SUBJECT with the secure TAG; return what arrived.
SETUP is called in the draft."
  (sendonce-bytes--send
   (sendonce-bytes--draft subject
                          (concat "<#secure " tag ">\n"
                                  sendonce-bytes--secret))
   setup))

(defun sendonce-bytes--check-signed-attachments (program method)
  "Check by PROGRAM what METHOD signs together with each attachment."
  (pcase-dolist (`(,name ,type ,bytes) sendonce-bytes--attachments)
    (ert-info (name :prefix "Signed attachment: ")
      (let ((file (sendonce-bytes--write name bytes)))
        (sendonce-bytes--check-signature
         program
         (sendonce-bytes--secure
          name (format "method=%s mode=sign" method)
          (lambda () (sendonce-bytes--attach file type))))))))

(defun sendonce-bytes--check-clear (clear)
  "Check that CLEAR, a part of MIME, is the secret."
  (with-temp-buffer
    (let ((handle (car (last (sendonce-bytes--handles clear)))))
      (should (equal (string-trim-right sendonce-bytes--secret)
                     (string-trim-right
                      (decode-coding-string (mm-get-part handle)
                                            'utf-8-unix)))))))

(defun sendonce-bytes--decrypt (program bytes)
  "Return what PROGRAM makes of BYTES, encrypted."
  (let ((clear (sendonce-test-file "clear")))
    (ignore-errors (delete-file clear))
    (sendonce-bytes--must program "--batch" "--yes" "--output" clear
                          "--decrypt"
                          (sendonce-bytes--write "encrypted" bytes))
    (sendonce-test-read clear)))

(ert-deftest sendonce-bytes-openpgp ()
  (skip-unless (executable-find "gpg"))
  (sendonce-bytes-in-modes
    (sendonce-bytes--with-keys
     #'sendonce-bytes--make-openpgp-keys
     (lambda ()
       (let ((arrived (sendonce-bytes--secure
                       "signed" "method=pgpmime mode=sign")))
         (sendonce-bytes--check-signature "gpg" arrived))
       (let ((arrived (sendonce-bytes--secure
                       "encrypted" "method=pgpmime mode=signencrypt")))
         (should-not (string-search "From me" (cadr (sendonce-bytes--parts
                                                     arrived))))
         (sendonce-bytes--check-clear
          (sendonce-bytes--decrypt
           "gpg" (sendonce-bytes--content
                  (cadr (sendonce-bytes--parts arrived))))))))))

(ert-deftest sendonce-bytes-signed-attachments ()
  (skip-unless (executable-find "gpg"))
  (sendonce-test-with-peer ("--no-sync")
    (sendonce-bytes--with-keys
     #'sendonce-bytes--make-openpgp-keys
     (lambda ()
       (sendonce-bytes--check-signed-attachments "gpg" "pgpmime")))))

(ert-deftest sendonce-bytes-smime ()
  (skip-unless (and (executable-find "gpgsm") (executable-find "openssl")))
  (sendonce-bytes-in-modes
    (sendonce-bytes--with-keys
     #'sendonce-bytes--make-certificates
     (lambda ()
       (sendonce-bytes--check-signature
        "gpgsm" (sendonce-bytes--secure "signed" "method=smime mode=sign"))
       (sendonce-bytes--check-clear
        (sendonce-bytes--decrypt
         "gpgsm" (sendonce-bytes--content
                  (sendonce-bytes--secure
                   "encrypted" "method=smime mode=encrypt"))))))))

(provide 'sendonce-bytes-tests)

;;; sendonce-bytes-tests.el ends here
