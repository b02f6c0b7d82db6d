# shellcheck shell=bash
# How the sanitizers' runtimes behave when they are preloaded into an Emacs that was built without them;
# sourced by test/run-ert.
#
# Leaks are not looked for: Emacs frees nothing at its end.  Emacs' own frames are not instrumented, so
# nothing is found in them; what is suppressed (tsan.supp) is named there with its reason, and is none of
# ours.  ASan's handlers stay off the signals and the stack that Emacs claims for itself.
directory=$(dirname "${BASH_SOURCE[0]}")
ASAN_OPTIONS=detect_leaks=0:exitcode=66:handle_segv=0:use_sigaltstack=0:detect_stack_use_after_return=1
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=66
TSAN_OPTIONS=exitcode=66:second_deadlock_stack=1:history_size=4:suppressions=$directory/tsan.supp
export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS
unset directory
