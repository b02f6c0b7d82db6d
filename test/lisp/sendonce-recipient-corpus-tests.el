;;; sendonce-recipient-corpus-tests.el --- Forms of addresses  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Every form of sendonce-recipient-corpus.el by itself, as text and as
;; bytes, and all the way to the peer, where the envelope is compared byte
;; for byte.  What is an error leaves nothing in the outbox.

;;; Code:

(require 'sendonce-test-helper)
(require 'sendonce-recipient-corpus)

(defun sendonce-corpus-check (value expected function)
  "Check that FUNCTION, called without arguments, gives EXPECTED for VALUE."
  (ert-info ((format "%S" value) :prefix "Field: ")
    (if (not (eq (car expected) 'error))
        (should (equal (funcall function) expected))
      (let ((err (should-error (funcall function)
                               :type 'sendonce-config-error)))
        (should (string-search "nothing was sent" (cadr err)))
        (should (let ((case-fold-search t))
                  (string-match-p (regexp-quote (cadr expected))
                                  (cadr err))))))))

(ert-deftest sendonce-recipient-corpus-as-text ()
  (pcase-dolist (`(,value ,expected) sendonce-recipient-corpus)
    (sendonce-corpus-check
     value expected (lambda () (sendonce-recipient-addresses value)))))

(ert-deftest sendonce-recipient-corpus-as-bytes ()
  (pcase-dolist (`(,value ,expected) sendonce-recipient-corpus)
    (sendonce-corpus-check
     value expected
     (lambda () (sendonce-recipient-addresses
                 (encode-coding-string value 'utf-8))))))

;;;; Any other form

(defconst sendonce-corpus--scraps
  ["a" "b.test" "@" "@" "," "<" ">" "(" ")" "\"" "\\" ":" ";" "." "[" "]" " "
   "\n " "ü" "。" "\r" "=?utf-8?Q?=3Cx=40y.test=3E=2C?=" "\u200b" "\0"
   "=?utf-8?Q?a=3A=3B?=" "a@b.test" "\"q q\"@b.test" "\x3fffe9"]
  "What addresses are made of.")

(defun sendonce-corpus--made-up ()
  "Return a string of scraps."
  (mapconcat (lambda (_) (seq-random-elt sendonce-corpus--scraps))
             (number-sequence 0 (random 12)) ""))

(ert-deftest sendonce-recipient-corpus-made-up ()
  "Whatever the form, it is an error of ours, or addresses that are sound."
  (random "the same each time")
  (dotimes (_ 5000)
    (let ((value (sendonce-corpus--made-up)))
      (ert-info ((format "%S" value) :prefix "Field: ")
        (condition-case nil
            (dolist (address (sendonce-recipient-addresses value))
              (should-not (sendonce-recipient--flaw address))
              (should-not (string-match-p "[\000-\037\177]" address))
              (should (equal address
                             (car (sendonce-recipient-addresses address)))))
          (sendonce-config-error nil))))))

(ert-deftest sendonce-recipient-corpus-endless ()
  "What is long, or nested deeply, is neither slow nor too deep."
  (dolist (scrap '("(" "<" "\"" "\\" "[" "," ":" ";" "@" "a" "a@" "()" "<>" "\"\""
                   "=?utf-8?Q?=3A?=" "\"\\\""))
    (ert-info (scrap)
      (with-timeout (30 (ert-fail "too slow"))
        (condition-case nil
            (sendonce-recipient-addresses
             (concat "a@b.test, " (apply #'concat (make-list 20000 scrap))))
          (sendonce-config-error nil)))))
  (should (= 10000 (length (sendonce-recipient-addresses
                            (mapconcat (lambda (n) (format "U %d <u%d@b.test>"
                                                           n n))
                                       (number-sequence 1 10000) ", "))))))

;;;; To the peer

(defun sendonce-corpus--send (value)
  "Send a message with VALUE in To, as `message-mode' hands one over."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert (encode-coding-string
             (format "From: me@here.example\nTo: %s\nSubject: %s\n\nHello.\n"
                     value (secure-hash 'md5 (encode-coding-string
                                              value 'utf-8)))
             'utf-8))
    (let ((mail-header-separator ""))
      (sendonce-send-it))))

(defun sendonce-corpus--envelope (addresses)
  "Return what the peer writes down of a message to ADDRESSES."
  (encode-coding-string
   (concat "from <me@here.example>\n"
           (mapconcat (lambda (address) (format "to <%s>\n" address))
                      addresses ""))
   'utf-8))

(defun sendonce-corpus--header-p (value)
  "Return non-nil if VALUE is one field's: each line of it begins with a blank."
  (not (string-match-p "\n[^ \t]" value)))

(ert-deftest sendonce-recipient-corpus-on-the-wire ()
  (sendonce-test-with-peer ("--no-sync")
    (let (envelopes)
      (pcase-dolist (`(,value ,expected) sendonce-recipient-corpus)
        (cond ((not (sendonce-corpus--header-p value)))
              ((eq (car expected) 'error)
               (sendonce-corpus-check
                value expected (lambda () (sendonce-corpus--send value))))
              ((null expected)
               (should-error (sendonce-corpus--send value)
                             :type 'sendonce-config-error))
              (t (ert-info ((format "%S" value) :prefix "Field: ")
                   (sendonce-corpus--send value)
                   (push (sendonce-corpus--envelope expected) envelopes)
                   (should (equal (car (last (sendonce-test-envelopes)))
                                  (car envelopes)))))))
      (should (equal (sendonce-test-envelopes) (reverse envelopes)))
      (should (= (length (sendonce-entries)) (length envelopes))))))

(provide 'sendonce-recipient-corpus-tests)

;;; sendonce-recipient-corpus-tests.el ends here
