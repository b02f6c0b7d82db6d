#!/usr/bin/env bash
# The story that started this project: Wanderlust sends hundreds of messages in a row to a server 100 ms away,
# and the packets come in pieces cut at random.
#
#   test/clients/wl-story.sh TLS-MODE SENDS      implicit or starttls; environment as for test/run-ert;
# RUN_ERT: another in its place
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
round_trip=100
mode=$1

export STORY_TLS=$mode STORY_SENDS=$2 STORY_USER=aoi STORY_PASSWORD=open-sesame
export DELAY_SPLIT=${DELAY_SPLIT:-$RANDOM}
echo "Packets are split with DELAY_SPLIT=$DELAY_SPLIT"
# shellcheck disable=SC2016
exec "$here/../run-with-peer" --tls "$mode" --user "$STORY_USER:$STORY_PASSWORD" --require-auth -- \
  bash -c 'exec perl "$1" "$PEER_PORT" "$2" "$3" "$4"' - \
  "$here/../fault/delay.pl" "$round_trip" "${RUN_ERT:-$here/../run-ert}" "$here/sendonce-client-wl-story.el"
