#!/bin/sh
# Radicale, a CalDAV server: radicale.sh install | start | user NAME PASSWORD | stop. Listens on 127.0.0.1:$RADICALE_PORT (15232);
# everybody may do everything in the collections below their name.
. "$(dirname "$0")/lib.sh"
venv="$SERVERS/radicale"
install() { pypi "$venv" "radicale==3.7.3"; }
case "${1:-}" in
install)
    install
    ;;
start)
    install
    here="${NEXUS_SERVERS_RUN:?a folder to run in}"
    touch "$here/users"
    cat >"$here/radicale.conf" <<CONF
[server]
hosts = 127.0.0.1:${RADICALE_PORT:-15232}
max_connections = 100
[auth]
type = htpasswd
htpasswd_filename = $here/users
htpasswd_encryption = plain
delay = 0
[rights]
type = owner_only
[storage]
filesystem_folder = $here/collections
max_sync_token_age = 2592000
[logging]
level = warning
CONF
    "$venv/bin/python" -m radicale --config "$here/radicale.conf" </dev/null >"$here/radicale.log" 2>&1 &
    echo $! >"$here/radicale.pid"
    ;;
user)
    echo "$2:$3" >>"${NEXUS_SERVERS_RUN:?the folder it runs in}/users"
    ;;
stop)
    stop "${NEXUS_SERVERS_RUN:?the folder it runs in}/radicale.pid"
    ;;
*)
    echo "usage: radicale.sh install | start | user NAME PASSWORD | stop" >&2
    exit 2
    ;;
esac
