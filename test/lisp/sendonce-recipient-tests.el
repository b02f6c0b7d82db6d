;;; sendonce-recipient-tests.el --- The envelope  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure: address forms, which fields count, who the sender is.

;;; Code:

(require 'ert)
(require 'sendmail)
(require 'smtpmail)
(require 'sendonce-recipient)

(defconst sendonce-test-addresses
  '(;; plain
    ("a@b.c" "a@b.c")
    ("joe" "joe")
    ("  a@b.c  " "a@b.c")
    ("a@b.c," "a@b.c")
    (", ,a@b.c,,d@e.f,," "a@b.c" "d@e.f")
    ("a@b.c,d@e.f" "a@b.c" "d@e.f")
    ("a+tag=x@b.c" "a+tag=x@b.c")
    ("a.b.c@d.e" "a.b.c@d.e")
    ("'a'@b.c" "'a'@b.c")
    ("!#$%&'*+-/=?^_`{|}~@b.c" "!#$%&'*+-/=?^_`{|}~@b.c")
    ("a@b" "a@b")
    ("A.Bc@EXAMPLE.Org" "A.Bc@EXAMPLE.Org")
    ("a@[127.0.0.1]" "a@[127.0.0.1]")
    ("a@[IPv6:::1]" "a@[IPv6:::1]")
    ("-a@b.c" "-a@b.c")
    ("1@2.3" "1@2.3")
    ;; phrases
    ("<a@b.c>" "a@b.c")
    ("Joe <a@b.c>" "a@b.c")
    ("Joe Q. Public <a@b.c>" "a@b.c")
    ("A.B. C <a@b.c>" "a@b.c")
    ("\"Joe, Q\" <a@b.c>" "a@b.c")
    ("\"Joe \\\"X\\\" Q\" <a@b.c>" "a@b.c")
    ("\"a@x\" <b@c.d>" "b@c.d")
    ("\"<a@x>\" <b@c.d>" "b@c.d")
    ("\"Joe; Q:\" <a@b.c>" "a@b.c")
    ("山田太郎 <yamada@example.jp>" "yamada@example.jp")
    ("=?utf-8?B?5bGx55Sw?= <yamada@example.jp>" "yamada@example.jp")
    ("=?utf-8?Q?J=C3=BCrgen_M=2E?= <j@example.de>" "j@example.de")
    ("\"=?utf-8?Q?J=C3=BC?=\" <j@e.de>" "j@e.de")
    ("Joe<a@b.c>" "a@b.c")
    ("\"\" <a@b.c>" "a@b.c")
    ;; comments
    ("a@b.c (Joe)" "a@b.c")
    ("(Joe) a@b.c" "a@b.c")
    ("a@b.c (Joe, or (nested))" "a@b.c")
    ("a (x) @ (y) b . (z) c" "a@b.c")
    ("Joe (the one) <a@b.c>" "a@b.c")
    ("a@b.c (\\) odd)" "a@b.c")
    ;; quoted local parts
    ("\"a b\"@c.d" "\"a b\"@c.d")
    ("Joe <\"a b\"@c.d>" "\"a b\"@c.d")
    ("\"a@b\"@c.d" "\"a@b\"@c.d")
    ("\"a..b\"@c.d" "\"a..b\"@c.d")
    ("\"a\\\"b\"@c.d" "\"a\\\"b\"@c.d")
    ("\"a,b\"@c.d, e@f.g" "\"a,b\"@c.d" "e@f.g")
    ("\"<>\"@c.d" "\"<>\"@c.d")
    ;; groups
    ("undisclosed-recipients:;")
    ("Undisclosed recipients: ;")
    ("g: a@b.c, d@e.f;" "a@b.c" "d@e.f")
    ("g: Joe <a@b.c>, \"x y\"@z.w;, e@f.g" "a@b.c" "\"x y\"@z.w" "e@f.g")
    ("A Group:Ed Jones <joe@a.test>,joe@where.test,John <jdoe@one.test>;"
     "joe@a.test" "joe@where.test" "jdoe@one.test")
    ("g:;, x@y" "x@y")
    ("a@b.c, g: d@e.f;" "a@b.c" "d@e.f")
    ;; routes
    ("<@a.x,@b.y:c@d.e>" "c@d.e")
    ("Joe <@a.x:c@d.e>" "c@d.e")
    ;; folded
    ("a@b.c,\n d@e.f" "a@b.c" "d@e.f")
    ("Joe\n\t<a@b.c>" "a@b.c")
    ;; beyond ASCII
    ("jürgen@example.org" "jürgen@example.org")
    ("Jürgen <jürgen@example.org>" "jürgen@example.org")
    ("用户@例子.广告" "用户@xn--fsqu00a.xn--4rr70v")
    ("a@bücher.example" "a@xn--bcher-kva.example")
    ("a@BÜCHER.example" "a@xn--bcher-kva.example")
    ("a@faß.de" "a@xn--fa-hia.de")
    ("a@例え。jp" "a@xn--r8jz45g.jp")
    ("=?utf-8?Q?j=C3=BCrgen?=@example.org" "jürgen@example.org")
    ("=?utf-8?Q?J=C3=BCrgen?= =?utf-8?Q?=3Cj=C3=BCrgen?=@example.org>"
     "jürgen@example.org")
    ("a@ =?utf-8?Q?b=C3=BCcher=2Eexample?=" "a@xn--bcher-kva.example")
    ;; repeats: case counts left of the at-sign only
    ("a@b.c, a@B.C, A@b.c" "a@b.c" "A@b.c")
    ("a@b.c, Joe <a@b.c>, (x) a@b.c" "a@b.c")
    ;; and quotes do not (RFC 5321, 4.1.2), nor the form of a domain
    ("a@b.c, \"a\"@b.c, \"\\a\"@B.C" "a@b.c")
    ("\"a b\"@c.d, \"a\\ b\"@c.d" "\"a b\"@c.d")
    ("\"a\\\\b\"@c.d, \"a\\b\"@c.d" "\"a\\\\b\"@c.d" "\"a\\b\"@c.d")
    ("a@bücher.test, a@XN--bcher-kva.test, a@BÜCHER.test"
     "a@xn--bcher-kva.test")
    ("a@[IPv6:2001:DB8::1], a@[ipv6:2001:db8::1]" "a@[IPv6:2001:DB8::1]"))
  "List of (FIELD ADDRESS ...).")

(ert-deftest sendonce-recipient-forms ()
  (pcase-dolist (`(,field . ,addresses) sendonce-test-addresses)
    (ert-info (field :prefix "Field: ")
      (should (equal (sendonce-recipient-unique
                      (sendonce-recipient-addresses field))
                     addresses)))))

(ert-deftest sendonce-recipient-forms-as-bytes ()
  "The same in bytes, as message-mode's unibyte buffer has them."
  (pcase-dolist (`(,field . ,addresses) sendonce-test-addresses)
    (ert-info (field :prefix "Field: ")
      (should (equal (sendonce-recipient-unique
                      (sendonce-recipient-addresses
                       (encode-coding-string field 'utf-8)))
                     addresses)))))

(defconst sendonce-test-no-addresses
  '("<>" "Joe Smith" "a@" "@b" "a b@c.d" "a@b@c" "a.@b.c" ".a@b.c"
    "a..b@c.d" "a@b.c." "a@b..c" "a;b@c.d" "\"un@b.c" "<a@b.c" "a@b.c>"
    "a\\@b@c.d" "g: a@b" "g: a@b, h: c@d;;" "Joe <a@b.c" "Joe <a b@c.d>"
    "a@[127.0.0.1" "a@b c d" "Joe: <a@b.c>" "a@b.c (x" "a\0b@c.d"
    "a@b.c\1" "\"a\1b\"@c.d" "=?utf-8?Q?a=0D=0Ab?=@c.d"
    "=?utf-8?Q?a_b?=@c.d" "=?utf-8?Q?a=3E?=@c.d")
  "Fields with something in them that is no address.")

(ert-deftest sendonce-recipient-unparsable-is-named ()
  (dolist (field sendonce-test-no-addresses)
    (ert-info (field :prefix "Field: ")
      (let ((err (should-error (sendonce-recipient-addresses field)
                               :type 'sendonce-config-error)))
        (should (string-match-p "no mail address: \".+\"" (cadr err)))
        (should (string-search "nothing was sent" (cadr err)))))))

(ert-deftest sendonce-recipient-one-bad-spoils-all ()
  (should-error (sendonce-recipient-list
                 (sendonce-header-parse "To: a@b.c, d@\nCc: e@f.g\n"))
                :type 'sendonce-config-error))

(ert-deftest sendonce-recipient-sendto-domain ()
  (let ((smtpmail-sendto-domain "here.example"))
    (should (equal (sendonce-recipient-addresses "joe, a@b.c")
                   '("joe@here.example" "a@b.c")))))

(ert-deftest sendonce-recipient-sendto-domain-beyond-ascii ()
  (let ((smtpmail-sendto-domain "bücher.example"))
    (should (equal (sendonce-recipient-addresses "joe")
                   '("joe@xn--bcher-kva.example"))))
  (let ((smtpmail-sendto-domain "bü..example"))
    (let ((err (should-error (sendonce-recipient-addresses "joe")
                             :type 'sendonce-config-error)))
      (should (string-search "\"joe\"" (cadr err)))
      (should (string-search "\"bü..example\"" (cadr err))))))

;;;; Which fields

(defun sendonce-test-recipients (header)
  "Return the recipients of HEADER."
  (sendonce-recipient-list (sendonce-header-parse header)))

(ert-deftest sendonce-recipient-fields ()
  (should (equal (sendonce-test-recipients
                  "From: me@x.y\nTo: a@b.c,\n\td@e.f\nCC: g@h.i\nbcc: j@k.l
Reply-To: no@no.no\nX-To: no@no.no\nBcc:\n m@n.o\nTo: p@q.r\n")
                 '("a@b.c" "d@e.f" "g@h.i" "j@k.l" "m@n.o" "p@q.r"))))

(ert-deftest sendonce-recipient-resent-only ()
  (should (equal (sendonce-test-recipients
                  "To: old@b.c\nResent-To: a@b.c\nCc: old@d.e
Resent-Cc: d@e.f\nResent-Bcc: g@h.i\nBcc: old@x.y\n")
                 '("a@b.c" "d@e.f" "g@h.i")))
  (should (equal (sendonce-test-recipients
                  "To: old@b.c\nResent-From: a@b.c\n")
                 '("old@b.c"))))

(ert-deftest sendonce-recipient-none ()
  (dolist (header '("From: a@b.c\n" "To: undisclosed-recipients:;\n"
                    "To: \n" "Subject: To: a@b.c\n"))
    (should-error (sendonce-test-recipients header)
                  :type 'sendonce-config-error)))

;;;; The sender

(defun sendonce-test-sender (header)
  "Return the envelope sender for HEADER."
  (sendonce-recipient-sender (sendonce-header-parse header)))

(ert-deftest sendonce-recipient-sender-order ()
  (let ((mail-specify-envelope-from nil)
        (mail-envelope-from nil)
        (user-mail-address "user@here.example"))
    (should (equal (sendonce-test-sender "From: Joe <a@b.c>\n") "a@b.c"))
    (should (equal (sendonce-test-sender "To: a@b.c\n") "user@here.example"))
    (setq mail-envelope-from "env@b.c")
    (should (equal (sendonce-test-sender "From: a@b.c\n") "a@b.c"))
    (setq mail-specify-envelope-from t)
    (should (equal (sendonce-test-sender "From: a@b.c\n") "env@b.c"))
    (setq mail-envelope-from 'header)
    (should (equal (sendonce-test-sender "From: a@b.c\n") "a@b.c"))
    (setq mail-envelope-from nil)
    (should (equal (sendonce-test-sender "From: a@b.c\n") "a@b.c"))))

(ert-deftest sendonce-recipient-sender-first-of-several ()
  (should (equal (sendonce-test-sender "From: a@b.c, d@e.f\n") "a@b.c")))

(ert-deftest sendonce-recipient-sender-resent ()
  (should (equal (sendonce-test-sender
                  "From: author@b.c\nResent-From: me@d.e\nResent-To: x@y.z\n")
                 "me@d.e"))
  (should (equal (sendonce-test-sender
                  "From: author@b.c\nResent-From: me@d.e\nTo: x@y.z\n")
                 "author@b.c")))

(ert-deftest sendonce-recipient-sender-beyond-ascii ()
  (let ((mail-specify-envelope-from t)
        (mail-envelope-from "mé@bücher.example")
        (user-mail-address "user@bücher.example"))
    (should (equal (sendonce-test-sender "To: a@b.c\n")
                   "mé@xn--bcher-kva.example"))
    (setq mail-envelope-from nil)
    (should (equal (sendonce-test-sender "To: a@b.c\n")
                   "user@xn--bcher-kva.example"))
    (should (equal (sendonce-test-sender "From: Ü <ü@BÜCHER.example>\n")
                   "ü@xn--bcher-kva.example"))
    (setq mail-envelope-from "")
    (should (equal (sendonce-test-sender "To: a@b.c\n") ""))))

(ert-deftest sendonce-recipient-sender-is-named ()
  (dolist (sender '("me@bü..example" "me@-ü.example" "me@b c.example"
                    "Me <me@b.example>" "me@"))
    (let ((mail-specify-envelope-from t)
          (mail-envelope-from sender))
      (should (string-search
               (format "\"%s\"" sender)
               (cadr (should-error (sendonce-test-sender "To: a@b.c\n")
                                   :type 'sendonce-config-error)))))))

(ert-deftest sendonce-recipient-sender-none ()
  (let ((user-mail-address "nonsense"))
    (should-error (sendonce-test-sender "To: a@b.c\n")
                  :type 'sendonce-config-error)))

(provide 'sendonce-recipient-tests)

;;; sendonce-recipient-tests.el ends here
