;;; opensmtpd-tests.el --- A real server  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Run by opensmtpd.sh, which starts the server.

;;; Code:

(require 'sendonce-server-battery)

;;; opensmtpd-tests.el ends here
