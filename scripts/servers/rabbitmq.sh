#!/bin/sh
# RabbitMQ: rabbitmq.sh install | start | stop | ctl ARGUMENT.. Listens on 127.0.0.1:$RABBITMQ_PORT (15672), and encrypted on
# 127.0.0.1:$RABBITMQ_TLS_PORT (15671) with a certificate that $NEXUS_SERVERS_RUN/ca.pem vouches for. One account: guest, guest.
# `start` returns when it answers.
. "$(dirname "$0")/lib.sh"
install() {
    debs rabbitmq-server erlang-base erlang-asn1 erlang-crypto erlang-eldap erlang-ftp erlang-inets erlang-mnesia erlang-os-mon \
        erlang-parsetools erlang-public-key erlang-runtime-tools erlang-snmp erlang-ssl erlang-syntax-tools erlang-tftp \
        erlang-tools erlang-xmerl
}

# free: a port that nobody listens on.
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# answers: whether it speaks AMQP: an open port is no readiness.
answers() {
    python3 - "${RABBITMQ_PORT:-15672}" <<'PYTHON'
import socket, sys
try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1) as server:
        server.settimeout(2)
        server.sendall(b"AMQP\0\0\x09\x01")
        sys.exit(server.recv(1) != b"\x01")
except OSError:
    sys.exit(1)
PYTHON
}

# surroundings: the variables of its programs. Erlang finds other nodes by a daemon, epmd, and talks to them: both on ports and
# in a home of its own, so that many run at once and none is found.
surroundings() {
    own="$NEXUS_SERVERS_RUN/rabbitmq"
    scripts="$(echo "$ROOT"/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin)"
    scripts="/usr${scripts#"$ROOT/usr"}"
    set -a
    . "$own/ports"
    HOME="$own"
    RABBITMQ_NODENAME="nexus@localhost"
    RABBITMQ_CONFIG_FILE="$own/rabbitmq"
    RABBITMQ_ENABLED_PLUGINS_FILE="$own/enabled_plugins"
    RABBITMQ_MNESIA_BASE="$own/mnesia"
    RABBITMQ_LOG_BASE="$own/logs"
    RABBITMQ_PID_FILE="$own/pid"
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
    set +a
}

case "${1:-}" in
install)
    install
    ;;
start)
    install
    command -v python3 >/dev/null || { echo "servers: python3 is not here" >&2; exit 3; }
    own="${NEXUS_SERVERS_RUN:?a folder to run in}/rabbitmq"
    mkdir -p "$own"
    certificates "$NEXUS_SERVERS_RUN" 2>"$own/openssl.log"
    echo '[].' >"$own/enabled_plugins"
    printf 'ERL_EPMD_PORT=%s\nRABBITMQ_DIST_PORT=%s\n' "$(free)" "$(free)" >"$own/ports"
    cat >"$own/rabbitmq.conf" <<CONF
listeners.tcp.local = 127.0.0.1:${RABBITMQ_PORT:-15672}
listeners.ssl.local = 127.0.0.1:${RABBITMQ_TLS_PORT:-15671}
ssl_options.cacertfile = $NEXUS_SERVERS_RUN/ca.pem
ssl_options.certfile = $NEXUS_SERVERS_RUN/cert.pem
ssl_options.keyfile = $NEXUS_SERVERS_RUN/key.pem
ssl_options.verify = verify_none
consumer_timeout = 60000
CONF
    surroundings
    epmd="$(echo "$ROOT"/usr/lib/erlang/erts-*/bin/epmd)"
    LD_LIBRARY_PATH="$(library_path)" "$epmd" -address 127.0.0.1 -port "$ERL_EPMD_PORT" </dev/null >"$own/epmd.log" 2>&1 &
    echo $! >"$own/epmd.pid"
    (inside "$scripts/rabbitmq-server" </dev/null >"$own/out" 2>&1) &
    tries=0
    until answers; do
        tries=$((tries + 1))
        if [ "$tries" -gt 600 ]; then cat "$own/out" >&2; exit 1; fi
        sleep 0.1
    done
    ;;
stop)
    own="${NEXUS_SERVERS_RUN:?the folder it runs in}/rabbitmq"
    stop "$own/pid"
    stop "$own/epmd.pid"
    ;;
ctl)
    : "${NEXUS_SERVERS_RUN:?the folder it runs in}"
    shift
    surroundings
    inside "$scripts/rabbitmqctl" "$@"
    ;;
*)
    echo "usage: rabbitmq.sh install | start | stop | ctl ARGUMENT.." >&2
    exit 2
    ;;
esac
