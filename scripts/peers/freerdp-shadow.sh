#!/bin/bash
# FreeRDP 2.11 shadow server peer: a real CredSSP (NLA) acceptor with NTLM, on loopback.
# packages: freerdp2-shadow-x11 freerdp2-x11 winpr-utils xvfb openssl
. "$(dirname "$0")/_lib.sh"
EXTRA_VERBS="add-user <user> <domain> <password>|log|reset"
N=${FREERDP_SHADOW_NAME:-freerdp-shadow}
D="$PEER_STATE/$N"
PORT=${FREERDP_SHADOW_PORT:-13389}
SHADOW=${FREERDP_SHADOW_BIN:-freerdp-shadow-cli}

do_add_user() { # user domain password : the SAM file is read anew for every logon
  local d=(); [ -n "${2:-}" ] && d=(-d "$2")
  winpr-hash -u "$1" "${d[@]}" -p "$3" -f sam >>"$D/sam"
}
provision() {
  rm -rf "$D"; mkdir -p "$D/home/.config/freerdp/shadow" "$D/run"
  : >"$D/sam"
  do_add_user alice EXAMPLE 'AlicePass1!'
  do_add_user alice ''      'AlicePass1!'
  do_add_user bob   EXAMPLE 'BobPass1!'
  do_add_user carol '' 'Pässwörd1€'
  # Our own key pair, so that a tap (rdp-tap.py) can present the same public key.
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=host.example.test \
    -addext 'subjectAltName=DNS:host.example.test,DNS:localhost,IP:127.0.0.1' \
    -keyout "$D/home/.config/freerdp/shadow/shadow.key" -out "$D/home/.config/freerdp/shadow/shadow.crt" 2>/dev/null || return 1
  cat >"$D/info.json" <<C
{"host":"127.0.0.1","port":$PORT,"cert":"$D/home/.config/freerdp/shadow/shadow.crt","key":"$D/home/.config/freerdp/shadow/shadow.key","sam":"$D/sam",
 "users":[{"user":"alice","domain":"EXAMPLE","password":"AlicePass1!"},{"user":"alice","domain":"","password":"AlicePass1!"},{"user":"bob","domain":"EXAMPLE","password":"BobPass1!"},{"user":"carol","domain":"","password":"Pässwörd1€"}],
 "log":"$D/shadow.log"}
C
  touch "$D/.ok"
}
do_start() {
  need "$SHADOW" freerdp2-shadow-x11; need Xvfb xvfb; need winpr-hash winpr-utils; need openssl openssl
  local t0; t0=$(now_ms)
  [ -f "$D/.ok" ] || provision || { echo "provision failed" >&2; exit 1; }
  start_xvfb "$D" || exit 1
  if ! pid_of "$D/shadow.pid" >/dev/null; then
    [ -n "${SHADOW_TRACE:-}" ] && export WLOG_LEVEL=TRACE
    # the shadow server never selects HYBRID_EX: with /sec:ext it falls back to SSL, with +sec-ext to HYBRID
    local i; for i in 1 2 3; do # it gives up at once when the display is not open yet
      HOME="$D/home" XDG_CONFIG_HOME="$D/home/.config" XDG_RUNTIME_DIR="$D/run" LANG=C.UTF-8 \
        spawn "$D/shadow.pid" "$D/shadow.log" "$SHADOW" /bind-address:127.0.0.1 /port:$PORT /sec:${FREERDP_SHADOW_SEC:-nla} /sam-file:"$D/sam" +auth ${FREERDP_SHADOW_ARGS:-}
      wait_port 127.0.0.1 $PORT 200 "$D/shadow.pid" && break; sleep 0.3
    done
    port_open 127.0.0.1 $PORT && pid_of "$D/shadow.pid" >/dev/null || { echo "shadow did not start; see $D/shadow.log" >&2; tail -5 "$D/shadow.log" >&2; exit 1; }
  fi
  echo "$N up in $(( $(now_ms)-t0 )) ms on 127.0.0.1:$PORT (TLS+NLA/NTLM), users in $D/info.json"
}
do_stop() { stop_pid "$D/shadow.pid"; stop_pid "$D/xvfb.pid"; return 0; }
do_status() {
  local p rc=0 n; for n in xvfb shadow; do
    if p=$(pid_of "$D/$n.pid"); then echo "$n running pid $p"; else echo "$n not running"; rc=3; fi; done; exit $rc
}
do_log() { cat "$D/shadow.log"; }
do_reset() { do_stop; rm -rf "$D"; }
dispatch "$@"
