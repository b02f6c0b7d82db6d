# shellcheck shell=bash
# Sourced with the directory of a Wine prefix: the environment in which programs of Windows run here, quietly,
# without a display, and without Wine's offer to install Mono or Gecko.

export WINEPREFIX=$1 WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
unset DISPLAY WAYLAND_DISPLAY

# Makes the prefix, unless it is there.
start_prefix() {
  if [[ -e $WINEPREFIX/system.reg ]]; then return; fi
  mkdir -p "$WINEPREFIX"
  timeout 120 wineboot -i
  timeout 60 wineserver -w
}

# One server for all that follows, until end_server: else one is started and ends with each program, and a program
# that comes while it ends is refused.  The first program starts services, which keep its output open.
start_server() {
  wineserver -p
  timeout 60 wine cmd /c exit </dev/null >/dev/null 2>&1
}
end_server() { wineserver -k || true; }
