#!/bin/sh
# nats-server with JetStream: nats.sh install | start | stop. Listens on 127.0.0.1:$NATS_PORT (14222), where a client may also
# ask for encryption, with a certificate that $NEXUS_SERVERS_RUN/ca.pem vouches for. One account: test, secret.
. "$(dirname "$0")/lib.sh"
case "${1:-}" in
install)
    debs nats-server
    ;;
start)
    debs nats-server
    here="${NEXUS_SERVERS_RUN:?a folder to run in}"
    mkdir -p "$here/nats"
    certificates "$here" 2>"$here/nats/openssl.log"
    cat >"$here/nats/nats.conf" <<CONF
listen: 127.0.0.1:${NATS_PORT:-14222}
jetstream {
  store_dir: "$here/nats"
}
authorization {
  user: test
  password: secret
}
tls {
  cert_file: "$here/cert.pem"
  key_file: "$here/key.pem"
}
allow_non_tls: true
CONF
    "$ROOT/usr/sbin/nats-server" -c "$here/nats/nats.conf" </dev/null >"$here/nats/log" 2>&1 &
    echo $! >"$here/nats.pid"
    ;;
stop)
    stop "${NEXUS_SERVERS_RUN:?the folder it runs in}/nats.pid"
    ;;
*)
    echo "usage: nats.sh install | start | stop" >&2
    exit 2
    ;;
esac
