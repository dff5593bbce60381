#!/bin/sh
# A Kafka of two brokers: kafka.sh install | start | stop. Takes commands on 127.0.0.1:$KAFKA_PORT (19092); what it is, where its
# brokers listen and what may be commanded is in kafka.py.
. "$(dirname "$0")/lib.sh"
venv="$SERVERS/kafka"
install() { pypi "$venv" "confluent-kafka==2.16.1"; }
case "${1:-}" in
install)
    install
    ;;
start)
    install
    here="${NEXUS_SERVERS_RUN:?a folder to run in}"
    "$venv/bin/python" "$(dirname "$0")/kafka.py" "${KAFKA_PORT:-19092}" </dev/null >"$here/kafka.log" 2>&1 &
    echo $! >"$here/kafka.pid"
    ;;
stop)
    stop "${NEXUS_SERVERS_RUN:?the folder it runs in}/kafka.pid"
    ;;
*)
    echo "usage: kafka.sh install | start | stop" >&2
    exit 2
    ;;
esac
