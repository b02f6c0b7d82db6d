;;; dovecot-submission-tests.el --- A real server  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Run by dovecot-submission.sh, which starts the server.

;;; Code:

(require 'sendonce-server-battery)

;;; dovecot-submission-tests.el ends here
