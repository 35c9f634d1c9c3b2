# Shared helpers for the peer scripts: sourced, not run.
# State lives in $PEER_STATE/<peer>/. Only processes recorded there, and recognised by their start time, are ever signalled.
set -u
PEER_STATE="${PEER_STATE:-${TMPDIR:-/tmp}/sspi-peers-$(id -u)}"
umask 077
PATH="$PATH:/usr/sbin:/sbin"

now_ms() { date +%s%3N; }
missing() { # missing <what> <debian package> : a missing peer is a failure, never a skip
  echo "missing $1: install the Debian package $2 (scripts/peers/install.sh does)" >&2; exit 1
}
need() { command -v "$1" >/dev/null 2>&1 || missing "$1" "$2"; } # need <binary> <debian package>
proc_start() { # start time (clock ticks) of a pid, empty when it is gone or a zombie
  local s; s=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  s=${s##*) }; set -- $s
  [ "$1" = Z ] && return 0
  echo "${20}"
}
proc_group() { local s; s=$(cat "/proc/$1/stat" 2>/dev/null) || return 0; s=${s##*) }; set -- $s; echo "$3"; }
save_pid() { echo "$2 $(proc_start "$2")" >"$1"; } # save_pid file pid
pid_of() { # prints the pid when the recorded process is still that process
  local p s; [ -s "$1" ] || return 1; read -r p s <"$1"
  [ -n "$s" ] && [ "$(proc_start "$p")" = "$s" ] || return 1; echo "$p"
}
stop_pid() { # stop_pid file : TERM, wait, KILL; the whole process group when it leads one
  local p i; p=$(pid_of "$1") || { rm -f "$1"; return 0; }
  local t=$p; [ "$(proc_group "$p")" = "$p" ] && t="-$p"
  kill -TERM -- "$t" 2>/dev/null
  for i in $(seq 50); do pid_of "$1" >/dev/null || break; sleep 0.1; done
  pid_of "$1" >/dev/null && kill -KILL -- "$t" 2>/dev/null
  rm -f "$1"
}
spawn() { # spawn pidfile logfile cmd... : a session of its own, so that the group can be stopped
  local pf=$1 lf=$2; shift 2
  setsid "$@" >>"$lf" 2>&1 </dev/null &
  local p=$! i; disown
  for i in 1 2 3 4 5; do [ -n "$(proc_start $p)" ] && break; sleep 0.02; done
  save_pid "$pf" "$p"
}
port_open() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }
wait_port() { # wait_port host port tries(0.05 s each) pidfile
  local i; for i in $(seq "$3"); do
    port_open "$1" "$2" && return 0
    pid_of "$4" >/dev/null || return 1
    sleep 0.05
  done; return 1
}
start_xvfb() { # start_xvfb dir : an X server on a free display, its number in dir/display; exports DISPLAY
  if ! pid_of "$1/xvfb.pid" >/dev/null || [ ! -s "$1/display" ]; then
    stop_pid "$1/xvfb.pid"; : >"$1/display"
    spawn "$1/xvfb.pid" "$1/xvfb.log" bash -c 'exec Xvfb -displayfd 3 -screen 0 640x480x24 -nolisten tcp -ac -noreset 3>"$1/display"' bash "$1"
    local i; for i in $(seq 200); do [ -s "$1/display" ] && break; pid_of "$1/xvfb.pid" >/dev/null || break; sleep 0.05; done
  fi
  [ -s "$1/display" ] || { echo "Xvfb did not start; see $1/xvfb.log" >&2; return 1; }
  export DISPLAY=":$(tr -d '\n ' <"$1/display")"
}
dispatch() {
  case "${1:-}" in
    start) do_start ;;
    stop) do_stop ;;
    restart) do_stop; do_start ;;
    status) do_status ;;
    *) if declare -F "do_${1//-/_}" >/dev/null 2>&1; then local c="do_${1//-/_}"; shift; "$c" "$@"; else
         echo "usage: $0 start|stop|restart|status${EXTRA_VERBS:+|$EXTRA_VERBS}" >&2; exit 2; fi ;;
  esac
}
