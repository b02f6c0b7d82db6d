# sendonce: what a person types.  CMake builds (CMakeLists.txt), ctest tests (test/CMakeLists.txt); each
# target here says what it does in `make help`.

BUILD_DIR ?= build
BUILD_TYPE ?= RelWithDebInfo
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
EMACS ?= emacs
# Each fuzz target runs so long.  The shell that starts make may export a SECONDS of its own: only one
# that was given on the command line counts.
FUZZ_SECONDS = $(if $(filter command line,$(origin SECONDS)),$(SECONDS),60)
# The release of Debian that check-debian runs on.
RELEASE ?= trixie
# What `make bench` measures; empty: everything.
PARTS ?=
CMAKE_FLAGS ?=
CTEST_FLAGS ?=

# Debian's names; a|b means that either will do.  `make deps` installs what is missing.
BUILD_PACKAGES := g++ cmake make ninja-build pkgconf \
  emacs-nox|emacs-gtk|emacs-lucid|emacs-pgtk \
  libgnutls28-dev libgsasl-dev libsqlite3-dev libidn2-dev libexpected-dev
TEST_PACKAGES := libgtest-dev perl openssl gpg gpg-agent gpgsm strace tmux \
  postfix sasl2-bin libsasl2-modules dovecot-imapd dovecot-submissiond \
  libsasl2-modules-gssapi-mit krb5-kdc krb5-admin-server krb5-user gnutls-bin softhsm2 \
  wl mu4e maildir-utils elpa-notmuch notmuch \
  libevent-2.1-7t64|libevent-2.1-7 libgnutls-dane0t64|libgnutls-dane0 libidn12 libnsl2 libpcre2-8-0
# Servers that cannot be installed beside Postfix; the libraries they need are above.
UNPACKED_PACKAGES := exim4-daemon-light opensmtpd
# Where one is missing, `make bench` says so and goes on.
BENCH_PACKAGES := curl msmtp strace
LINT_PACKAGES := clang clang-format clang-tidy emacs-el shellcheck
FUZZ_PACKAGES := clang
DEBIAN_PACKAGES := debootstrap git
# The cross build begins with source packages; the tests run under Wine, with the Lisp of this Emacs.
WINDOWS_PACKAGES := g++-mingw-w64-x86-64-posix mingw-w64-x86-64-dev binutils-mingw-w64-x86-64 dpkg-dev make cmake \
  ninja-build autoconf automake libtool gnulib gperf bison m4 patch perl tcl xz-utils libexpected-dev emacs-common
WINDOWS_TEST_PACKAGES := wine wine64 googletest emacs-el wl

# Looked for when used, after `make deps` has installed them.
GENERATOR = $(if $(shell command -v ninja),Ninja,Unix Makefiles)
LAUNCHER = $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
export EMACS JOBS BUILD_TYPE CMAKE_FLAGS CTEST_FLAGS

.DEFAULT_GOAL := help
.PHONY: help deps deps-build deps-test deps-lint deps-fuzz deps-debian deps-bench deps-windows deps-windows-test build \
  demo check check-clang check-debian check-windows check-faults check-fuzz check-sanitizers bench lint clean windows

help: ## Show this list
	@echo 'sendonce: mail transport for Emacs.  Usage: make TARGET'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'Variables: BUILD_DIR=$(BUILD_DIR) BUILD_TYPE=$(BUILD_TYPE) JOBS=$(JOBS) EMACS=$(EMACS)' \
	  'RELEASE=$(RELEASE) CMAKE_FLAGS= CTEST_FLAGS='

deps: deps-build deps-test deps-lint deps-bench ## Install what build, check, demo, lint and bench need (Debian; root)

deps-build:
	@test/run-deps 'build sendonce' $(foreach p,$(BUILD_PACKAGES),'$(p)')

deps-test:
	@test/run-deps 'run the tests' $(foreach p,$(TEST_PACKAGES),'$(p)')
	@test/unpack-deb '$(BUILD_DIR)/packages' $(UNPACKED_PACKAGES)

deps-fuzz:
	@test/run-deps 'fuzz' $(foreach p,$(FUZZ_PACKAGES),'$(p)')

deps-bench:
	@test/run-deps 'measure beside others' $(foreach p,$(BENCH_PACKAGES),'$(p)')

deps-debian:
	@test/run-deps 'check on another release of Debian' $(foreach p,$(DEBIAN_PACKAGES),'$(p)')

deps-windows:
	@test/run-deps 'build for Windows' $(foreach p,$(WINDOWS_PACKAGES),'$(p)')

deps-windows-test: deps-windows
	@test/run-deps 'test under Wine' $(foreach p,$(WINDOWS_TEST_PACKAGES),'$(p)')

deps-lint:
	@test/run-deps 'lint' $(foreach p,$(LINT_PACKAGES),'$(p)')

# $(call configure,DIRECTORY,FLAGS): a directory keeps the generator it was made with.
comma := ,
configure = cmake -S . -B $(1) $(if $(wildcard $(1)/CMakeCache.txt),,-G '$(GENERATOR)') $(LAUNCHER) \
  -DCMAKE_BUILD_TYPE=$(BUILD_TYPE) $(2) $(CMAKE_FLAGS)

build: deps-build ## Build the module ($(BUILD_DIR)/sendonce-module.so)
	$(call configure,$(BUILD_DIR),-DSENDONCE_TESTS=OFF)
	cmake --build $(BUILD_DIR) --parallel $(JOBS)

demo: deps-build ## Send a message to a server on this machine and show the transcript
	$(call configure,$(BUILD_DIR),-DSENDONCE_TESTS=ON -DSENDONCE_UNIT_TESTS=OFF)
	cmake --build $(BUILD_DIR) --parallel $(JOBS) --target sendonce-module sendonce-peer
	@BUILD_DIR='$(BUILD_DIR)' test/demo/demo.sh

check: deps-build deps-test ## Build everything and run all tests
	$(call configure,$(BUILD_DIR),-DSENDONCE_TESTS=ON -DSENDONCE_UNIT_TESTS=ON)
	cmake --build $(BUILD_DIR) --parallel $(JOBS)
	ctest --test-dir $(BUILD_DIR) --parallel $(JOBS) --output-on-failure --no-tests=error $(CTEST_FLAGS)

# $(call sanitized,DIRECTORY,SANITIZERS): unit tests and the Lisp suite, the latter in an unmodified Emacs
# (test/run-ert preloads the sanitizer's runtime).
define sanitized
	$(call configure,$(1),-DSENDONCE_TESTS=ON -DSENDONCE_UNIT_TESTS=ON -DSENDONCE_SANITIZE=$(2))
	cmake --build $(1) --parallel $(JOBS)
	ctest --test-dir $(1) --parallel $(JOBS) --output-on-failure --no-tests=error -L '^(unit|lisp)$$' $(CTEST_FLAGS)
endef

check-sanitizers: deps-build deps-test ## Unit and Lisp tests under ASan and UBSan, then under TSan
	$(call sanitized,$(BUILD_DIR)-asan,address$(comma)undefined)
	$(call sanitized,$(BUILD_DIR)-tsan,thread)

check-faults: deps-build deps-test ## The whole cut matrix and kill matrix, and many senders (minutes)
	$(call configure,$(BUILD_DIR),-DSENDONCE_TESTS=ON -DSENDONCE_UNIT_TESTS=ON)
	cmake --build $(BUILD_DIR) --parallel $(JOBS) --target check-faults

check-fuzz: deps-build deps-fuzz ## Fuzz each target for SECONDS=60 under ASan and UBSan
	CC=clang CXX=clang++ $(call configure,$(BUILD_DIR)-fuzz,-DSENDONCE_TESTS=ON -DSENDONCE_UNIT_TESTS=OFF \
	  -DSENDONCE_FUZZ=ON -DSENDONCE_SANITIZE=address$(comma)undefined)
	cmake --build $(BUILD_DIR)-fuzz --parallel $(JOBS) --target fuzz-targets
	@SECONDS_EACH='$(FUZZ_SECONDS)' test/fuzz/fuzz.sh $(BUILD_DIR)-fuzz/test/fuzz

bench: deps-build ## Measure beside smtpmail, msmtp, curl and a raw client: PARTS="roundtrips calls wire lisp throughput queue memory floors"
	$(call configure,$(BUILD_DIR),-DSENDONCE_TESTS=ON)
	cmake --build $(BUILD_DIR) --parallel $(JOBS) --target bench-programs
	@BUILD_DIR='$(BUILD_DIR)' test/bench/bench.sh $(PARTS)

check-clang: deps-build deps-test deps-lint ## Build with clang++, whose warnings are errors too, and run the unit tests
	CC=clang CXX=clang++ $(call configure,$(BUILD_DIR)-clang,-DSENDONCE_TESTS=ON -DSENDONCE_UNIT_TESTS=ON)
	cmake --build $(BUILD_DIR)-clang --parallel $(JOBS)
	ctest --test-dir $(BUILD_DIR)-clang --parallel $(JOBS) --output-on-failure --no-tests=error -L '^unit$$' $(CTEST_FLAGS)

check-debian: deps-debian ## All of check on another Debian: RELEASE=trixie, in a root that debootstrap makes (root)
	test/debian/check.sh '$(RELEASE)' '$(BUILD_DIR)-$(RELEASE)'

windows: deps-windows ## Cross-build $(BUILD_DIR)/windows/sendonce-module.dll, all libraries in it (Debian; minutes)
	$(MAKE) --no-print-directory -j$(JOBS) -f module/platform/windows/build/libraries.mk \
	  PREFIX='$(abspath $(BUILD_DIR))/windows/libraries'
	module/platform/windows/build/module.sh '$(BUILD_DIR)/windows' OFF

check-windows: deps-build deps-windows-test ## Build for Windows, and an Emacs to test it with, under Wine (twenty minutes)
	$(call configure,$(BUILD_DIR),-DSENDONCE_TESTS=ON)
	cmake --build $(BUILD_DIR) --parallel $(JOBS) --target sendonce-peer
	SENDONCE_PEER='$(abspath $(BUILD_DIR))/test/peer/sendonce-peer' test/windows/check.sh '$(BUILD_DIR)/windows'

lint: deps-build deps-test deps-lint ## Formatting, clang-tidy, byte compiler, checkdoc: all without a finding
	@$(call configure,$(BUILD_DIR),-DSENDONCE_TESTS=ON -DSENDONCE_UNIT_TESTS=ON) >/dev/null
	BUILD_DIR='$(BUILD_DIR)' JOBS='$(JOBS)' test/lint/lint.sh

clean: ## Remove what was built
	rm -rf $(BUILD_DIR) $(BUILD_DIR)-asan $(BUILD_DIR)-tsan $(BUILD_DIR)-clang $(BUILD_DIR)-fuzz \
	  $(BUILD_DIR)-bookworm $(BUILD_DIR)-trixie
