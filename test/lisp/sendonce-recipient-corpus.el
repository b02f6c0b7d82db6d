;;; sendonce-recipient-corpus.el --- Forms of addresses, as data  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Values of address fields and the envelope addresses that they mean, or
;; what the error must name.  Most are RFC 5322's own examples (appendix
;; A; A.6 for obsolete syntax) and what people, mail clients and attackers
;; really write.  sendonce-recipient-corpus-tests.el runs each.

;;; Code:

(defconst sendonce-recipient-corpus
  `(;; RFC 5322, A.1: mailboxes and groups
    ("John Doe <jdoe@machine.example>" ("jdoe@machine.example"))
    ("\"Joe Q. Public\" <john.q.public@example.com>"
     ("john.q.public@example.com"))
    ("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"
     ("mary@x.test" "jdoe@example.org" "one@y.test"))
    ("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"
     ("boss@nil.test" "sysservices@example.net"))
    ("A Group:Ed Jones <joe@a.test>,joe@where.test,John <jdoe@one.test>;"
     ("joe@a.test" "joe@where.test" "jdoe@one.test"))
    ("Undisclosed recipients:;" ())
    ;; RFC 5322, A.5: white space and comments everywhere
    ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"
     ("pete@silly.test"))
    ("A Group(Some people)
     :Chris Jones <c@(Chris's host.)public.example>,
         joe@example.org,
  John <jdoe@one.test> (my dear friend); (the end of the group)"
     ("c@public.example" "joe@example.org" "jdoe@one.test"))
    ("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;" ())
    ;; RFC 5322, A.6: obsolete syntax
    ("Joe Q. Public <john.q.public@example.com>"
     ("john.q.public@example.com"))
    ("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"
     ("mary@example.net" "jdoe@test.example"))
    ("John Doe <jdoe@machine(comment).  example>" ("jdoe@machine.example"))
    ("Mary Smith\n     \n <mary@example.net>" ("mary@example.net"))
    ("<@hub.test,@node.test:mary@example.net>" ("mary@example.net"))
    ("<@hub.test , @node.test : mary . smith @ example . net>"
     ("mary.smith@example.net"))
    ("<@[192.0.2.1]:\"a b\"@example.net>" ("\"a b\"@example.net"))
    ("<@hub.test:mary>" (error "<@hub.test:mary>"))
    ("(a)mary(b)@(c)example(d).(e)net(f)" ("mary@example.net"))
    ("mary . smith @ example . net" ("mary.smith@example.net"))
    ("mary\n @\n example.net" ("mary@example.net"))
    ("\"mary\" . smith@example.net" ("mary.smith@example.net"))
    ("john.\"q. public\"@example.com" ("\"john.q. public\"@example.com"))
    ("john.\"q\\\"\".public@example.com" ("\"john.q\\\".public\"@example.com"))
    ;; names as people write them: dots, brackets, the address itself
    ("A. B. <a@b.test>" ("a@b.test"))
    ("J. R. Jr. <j@y.test>, \"K.\" L. (x) <k@y.test>"
     ("j@y.test" "k@y.test"))
    ("M\u00fcller J. <m@b.test>" ("m@b.test"))
    ("A [bot] <a@b.test>" ("a@b.test"))
    ("joe@x.test <Joe@x.test>" ("Joe@x.test"))
    ("joe@x.test <joe@y.test>" (error "a comma is missing"))
    ("a@x.test b@y.test" (error "a comma is missing"))
    ("\"J. R. <j@y.test>" (error "J. R. <j@y.test>"))
    ("=?utf-8?Q?Evil_=3Cevil@x.test=3E?= <friend@y.test>"
     (error "Evil <evil@x.test>"))
    ("=?utf-8?Q?evil@x.test,_?= <friend@y.test>"
     (error "the beginning of an encoded word"))
    ;; groups
    ("a: b@c.test;, d: e@f.test;" ("b@c.test" "e@f.test"))
    ("a:;, b:(nobody);, c@d.test" ("c@d.test"))
    ("a: b@c.test; d@e.test" ("b@c.test" "d@e.test"))
    ("\"a: b\": c@d.test;" ("c@d.test"))
    ("a: b: c@d.test;;" (error "a group name may not"))
    ("a: b@c.test" (error "a: b@c.test"))
    ("a: b@c.test, d@e.test" (error "b@c.test, d@e.test"))
    (": a@b.test;" (error ":"))
    ("J. Doe's list: a@b.test;" ("a@b.test"))
    ("=?utf-8?Q?Gr=C3=BC=C3=9Fe=3A?= a@b.test, c@d.test;"
     ("a@b.test" "c@d.test"))
    ("=?utf-8?Q?Gr=C3=BC=C3=9Fe=3A=3B?=, a@b.test" ("a@b.test"))
    ("=?utf-8?Q?evil=40x.test=3A?= <a@b.test>;" (error "commas"))
    ("=?utf-8?Q?evil=3A?= <a@b.test>" ("a@b.test"))
    ;; quoted local parts
    ("\"a b\"@c.test" ("\"a b\"@c.test"))
    ("\"a\\ b\"@c.test" ("\"a\\ b\"@c.test"))
    ("\"a\\\"b\"@c.test" ("\"a\\\"b\"@c.test"))
    ("\"a\\\\\"@c.test" ("\"a\\\\\"@c.test"))
    ("\"a@b\"@c.test" ("\"a@b\"@c.test"))
    ("\"<a>,;:()[]\"@c.test" ("\"<a>,;:()[]\"@c.test"))
    ("\"..\"@c.test" ("\"..\"@c.test"))
    ("\" \"@c.test" ("\" \"@c.test"))
    ("\"\"@c.test" ("\"\"@c.test"))
    ("\"a\tb\"@c.test" (error "a^Ib"))
    ("\"a\\@c.test" (error "\"a\\@c.test"))
    ("\"a\"b@c.test" (error "\"a\"b@c.test"))
    ;; dots, lengths, odd but right
    ("!#$%&'*+-/=?^_`{|}~@b.test" ("!#$%&'*+-/=?^_`{|}~@b.test"))
    ("a..b@c.test" (error "a."))
    ("a.@c.test" (error "a."))
    (".a@c.test" (error ".a@c.test"))
    (,(concat (make-string 64 ?a) "@b.test")
     (,(concat (make-string 64 ?a) "@b.test")))
    (,(concat (make-string 300 ?a) "@b.test")
     (,(concat (make-string 300 ?a) "@b.test")))
    ("Postmaster@Example.TEST" ("Postmaster@Example.TEST"))
    ;; domains and literals
    ("a@[192.0.2.1]" ("a@[192.0.2.1]"))
    ("a@[ 192.0.2.1 ]" ("a@[192.0.2.1]"))
    ("a@[IPv6:2001:db8::1]" ("a@[IPv6:2001:db8::1]"))
    ("A A <a@[X-Tag:some-thing]>" ("a@[X-Tag:some-thing]"))
    ("a@[]" (error "a@[]"))
    ("a@[nonsense]" (error "a@[nonsense]"))
    ("a@[192.0.2.1" (error "a@[192.0.2.1"))
    ("a@[192.0.2.1].test" (error "a@[192.0.2.1].test"))
    ("a@under_score.test" ("a@under_score.test"))
    ("a@-b.test" ("a@-b.test"))
    ("a@b.test." (error "a@b.test."))
    ("a@b..test" (error "a@b."))
    ("a@.test" (error "a@"))
    ("a@b!c.test" (error "a@b!c.test"))
    ("a@*.test" (error "a@*.test"))
    ("a@b/c.test" (error "a@b/c.test"))
    ;; no domain: whoever the server knows by that name
    ("root" ("root"))
    ("Root <root>" ("root"))
    ("joe.user" ("joe.user"))
    ("\"joe user\"" ("\"joe user\""))
    ;; separators
    ("a@b.test," ("a@b.test"))
    (",,a@b.test,,,c@d.test,, ," ("a@b.test" "c@d.test"))
    ("a@b.test,\n\tc@d.test,\n e@f.test" ("a@b.test" "c@d.test" "e@f.test"))
    ("a@b.test; c@d.test" (error "commas"))
    ("a@b.test;" (error "commas"))
    ("A <a@b.test>; C <c@d.test>" (error "commas"))
    ("a@b.test c@d.test" (error "a@b.test"))
    ("<a@b.test> <c@d.test>" (error "<c@d.test"))
    ;; nothing
    ("" ())
    ("  \t " ())
    ("(only a comment)" ())
    (",,," ())
    ("<>" (error "\"<>\""))
    ("Joe <>" (error "<>"))
    ("Joe Smith" (error "Joe Smith"))
    ;; display names
    ("\"Doe, John\" <john@b.test>" ("john@b.test"))
    ("\"evil@x.test\" <a@b.test>" ("a@b.test"))
    ("\"<evil@x.test>,\" <a@b.test>" ("a@b.test"))
    ("=?utf-8?Q?Doe=2C_John_=3Cevil=40x.test=3E=2C?= <john@b.test>"
     ("john@b.test"))
    ("=?utf-8?Q?=22evil=40x.test=22=2C?= <john@b.test>" ("john@b.test"))
    ("=?utf-8?B?PGV2aWxAeC50ZXN0Piwg?= <john@b.test>" ("john@b.test"))
    ("\"=?utf-8?Q?J=C3=BC=2C_evil=40x.test?=\" <john@b.test>"
     ("john@b.test"))
    ("=?utf-8?Q?evil=40x.test=2C?= Bob <bob@b.test>, =?utf-8?Q?J=C3=BCrgen?= \
=?utf-8?Q?=3Cj=C3=BCrgen?=@b.test>"
     ("bob@b.test" "jürgen@b.test"))
    ("=?utf-8?Q?evil=40x.test=2C?= <bob@b.test>, a@"
     (error "a@"))
    ("山田 太郎 <yamada@b.test>, Jürgen <juergen@b.test>"
     ("yamada@b.test" "juergen@b.test"))
    ("Joe <a@b.test> (Joe)" ("a@b.test"))
    ("Joe O'Neill <a@b.test>" ("a@b.test"))
    ("J. R. \"Bob\" Dobbs <a@b.test>" ("a@b.test"))
    ("Joe @ Work <a@b.test>" (error "Joe @"))
    ("Joe, Smith <a@b.test>" ("Joe" "a@b.test"))
    ;; local parts beyond ASCII
    ("jürgen@b.test" ("jürgen@b.test"))
    ("Jürgen <jürgen@b.test>" ("jürgen@b.test"))
    ("\"jü rgen\"@b.test" ("\"jü rgen\"@b.test"))
    ("用户@例子.广告" ("用户@xn--fsqu00a.xn--4rr70v"))
    ("=?utf-8?Q?j=C3=BCrgen?=@b.test" ("jürgen@b.test"))
    ("=?utf-8?Q?j=C3=BCrgen=40b.test?=" ("jürgen@b.test"))
    ("=?utf-8?Q?a=2Cevil=40x.test?=" (error "a,evil@x.test"))
    ("=?utf-8?Q?a=3E_SIZE=3D1?=@b.test" (error "a> SIZE=1@b.test"))
    ("\"=?utf-8?Q?a?=\"@b.test" ("\"=?utf-8?Q?a?=\"@b.test"))
    ("k@ =?utf-8?Q?b=C3=BCcher=2Etest=2C?= x@y.test"
     ("k@xn--bcher-kva.test" "x@y.test"))
    ("K <k@ =?utf-8?Q?b=C3=BCcher=2Etest=3E=2C?= =?utf-8?Q?=C3=9C?= <x@y.test>"
     ("k@xn--bcher-kva.test" "x@y.test"))
    ("k@ =?utf-8?Q?b=C3=BC.test=3E=2C?= <x@y.test>" (error ">"))
    ("k@ =?utf-8?Q?b=C3=BC.test=3E=2C_=3Cevil?= <x@y.test>" (error "evil"))
    ;; domains beyond ASCII (UTS 46, nontransitional)
    ("a@bücher.test" ("a@xn--bcher-kva.test"))
    ("a@BÜCHER.Test" ("a@xn--bcher-kva.test"))
    ("a@bu\u0308cher.test" ("a@xn--bcher-kva.test"))
    ("a@faß.test" ("a@xn--fa-hia.test"))
    ("a@βόλος.test" ("a@xn--nxasmm1c.test"))
    ("a@ｅｘａｍｐｌｅ．ｏｒｇ" ("a@example.org"))
    ("a@例え。テスト" ("a@xn--r8jz45g.xn--zckzah"))
    ("a@例え｡テスト" ("a@xn--r8jz45g.xn--zckzah"))
    ("a@مثال.إختبار" ("a@xn--mgbh0fb.xn--kgbechtv"))
    ("a@בײַשפּיל.טעסט" ("a@xn--fdbk5d8ap9b8a8d.xn--deba0ad"))
    ("a@p\u0430ypal.test" ("a@xn--pypal-4ve.test"))
    ("a@i❤.test" (error "a@i❤.test"))
    ("a@XN--BCHER-KVA.test" ("a@XN--BCHER-KVA.test"))
    ("a@xn--zz-not-one.test" ("a@xn--zz-not-one.test"))
    ("a@ü.xn--no-such-label-0" (error "a@ü.xn--no-such-label-0"))
    ("a@bücher..test" (error "a@bücher."))
    ("a@例え.テスト。" (error "a@例え.テスト。"))
    ("a@-ü.test" (error "a@-ü.test"))
    ("a@א1b.test" (error "a@א1b.test"))
    (,(concat "a@ü" (make-string 64 ?a) ".test") (error "a@üaaaaaaaaaaaa"))
    ("a@b.test、c@d.test" (error "a@b.test、c"))
    ("a＠b.test" (error "U+FF20"))
    ("a@b.test\u00a0" (error "U+00A0"))
    ("\u200ba@b.test" (error "U+200B"))
    ("a\u202eb@c.test" (error "U+202E"))
    ("a\u2028b@c.test" (error "U+2028"))
    ("a\u3000b@c.test" (error "U+3000"))
    ;; broken
    ("a@b@c.test" (error "a@b"))
    ("a@@b.test" (error "a@"))
    ("@b.test" (error "@"))
    ("a@" (error "a@"))
    ("@" (error "@"))
    ("Joe <a@b.test" (error "Joe <a@b.test"))
    ("a@b.test>" (error ">"))
    ("<<a@b.test>>" (error "<<a@b.test>>"))
    ("\"Joe <a@b.test>" (error "\"Joe <a@b.test>"))
    ("a@b.test (Joe" (error "(Joe"))
    ("a@b.test Joe)" (error ")"))
    ("a\\@b.test" (error "\\"))
    ("mailto:joe@b.test" (error "mailto:joe@b.test"))
    ("<mailto:joe@b.test>" (error "mailto:joe@b.test"))
    ("http://b.test/" (error "http://b.test/"))
    ("good@b.test, bad@, other@b.test" (error "bad@"))
    ;; what would break out of a command line
    ("a\0b@c.test" (error "a^@b"))
    ("a@b.test\1" (error "a@b.test^A"))
    ("a\177b@c.test" (error "a^?b"))
    ("a@b.test\r\nRCPT TO:<evil@x.test>" (error "^M"))
    ("\"a\rb\"@c.test" (error "\"a^Mb\""))
    ("\"a\nb\"@c.test" (error "a"))
    ("=?utf-8?Q?a=0D=0ARCPT_TO=3A=3Cevil=40x.test=3E?=@b.test"
     (error "RCPT TO:<evil@x.test>@b.test"))
    ("=?utf-8?Q?a?=@b.test=?utf-8?Q?=0D=0A?=" (error "b.test"))
    ("a> SIZE=1 <b@c.test" (error "a"))
    ("a@b.test> NOTIFY=NEVER" (error ">")))
  "List of (VALUE EXPECTED).
VALUE is that of an address field, text.  EXPECTED is the list of
envelope addresses, or (error TEXT): an error that names TEXT.")

(provide 'sendonce-recipient-corpus)

;;; sendonce-recipient-corpus.el ends here
