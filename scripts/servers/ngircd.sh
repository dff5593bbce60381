#!/bin/sh
# ngircd, an IRC server: ngircd.sh install | start | stop. Listens on 127.0.0.1:$NGIRCD_PORT (16667).
. "$(dirname "$0")/lib.sh"
case "${1:-}" in
install)
    debs ngircd libident libwrap0
    ;;
start)
    debs ngircd libident libwrap0
    here="${NEXUS_SERVERS_RUN:?a folder to run in}"
    unprivileged "$here"
    cat >"$here/ngircd.conf" <<CONF
[Global]
Name = irc.nexus.test
Info = for tests
Listen = 127.0.0.1
Ports = ${NGIRCD_PORT:-16667}
ServerUID = $who
ServerGID = $group
MotdPhrase = hello
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 120
PongTimeout = 20
[Options]
Ident = no
DNS = no
PAM = no
CONF
    LD_LIBRARY_PATH="$(library_path)" "$ROOT/usr/sbin/ngircd" -n -f "$here/ngircd.conf" </dev/null >"$here/ngircd.log" 2>&1 &
    echo $! >"$here/ngircd.pid"
    ;;
stop)
    stop "${NEXUS_SERVERS_RUN:?the folder it runs in}/ngircd.pid"
    ;;
*)
    echo "usage: ngircd.sh install | start | stop" >&2
    exit 2
    ;;
esac
