;;; exim-tests.el --- A real server  -*- lexical-binding: t; -*-

;; Copyright (C) 2026  The sendonce authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Run by exim.sh, which starts the server.

;;; Code:

(require 'sendonce-server-battery)

;;; exim-tests.el ends here
