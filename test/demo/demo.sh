#!/usr/bin/env bash
# `make demo`: a server on this machine, a message from message-mode to it, the transcript, and the
# message as the server has it.
#
#   test/demo/demo.sh      environment: BUILD_DIR (built: module and peer), EMACS
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$(cd "${BUILD_DIR:-build}" && pwd)
export SENDONCE_MODULE_DIR=$build SENDONCE_PEER=$build/test/peer/sendonce-peer
export DEMO_DIR=$build/demo PEER_DIR=$build/demo/server
export DEMO_USER=aoi DEMO_PASSWORD=open-sesame LC_ALL=C.UTF-8
rm -rf "$DEMO_DIR"
mkdir -p "$DEMO_DIR/home"

test/run-with-peer --tls implicit --user "$DEMO_USER:$DEMO_PASSWORD" --require-auth \
  --greeting-name mail.demo.example -- \
  env HOME="$DEMO_DIR/home" "${EMACS:-emacs}" -Q --batch -L lisp -L "$build" \
  -l test/demo/demo.el -f demo-run </dev/null 2>&1

message=$PEER_DIR/messages/000001.eml
echo
echo "The server has the message in ${message#"$PWD"/}, $(wc -c <"$message") bytes.  It begins:"
echo
sed -e 's/\r$//' -e '/^$/q' -e 's/^/    /' "$message"
echo 'Its envelope (the Bcc is here, and only here):'
echo
sed -n -e '/^\(from\|to\|user\|tls\|via\) /s/^/    /p' "$PEER_DIR/messages/000001.env"
