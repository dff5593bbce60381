#!/bin/sh
# Synapse, a Matrix homeserver: synapse.sh install | start | user NAME PASSWORD | stop. Listens on 127.0.0.1:$SYNAPSE_PORT
# (18008); SQLite, no federation, no limits.
. "$(dirname "$0")/lib.sh"
venv="$SERVERS/synapse"
port="${SYNAPSE_PORT:-18008}"
install() { pypi "$venv" "matrix-synapse==1.163.2"; }
case "${1:-}" in
install)
    install
    ;;
start)
    install
    here="${NEXUS_SERVERS_RUN:?a folder to run in}"
    cat >"$here/homeserver.yaml" <<CONF
server_name: localhost
pid_file: $here/synapse.own.pid
listeners:
  - port: $port
    type: http
    bind_addresses: ["127.0.0.1"]
    resources: [{names: [client], compress: false}]
database: {name: sqlite3, args: {database: $here/homeserver.db, cp_min: 1, cp_max: 1}}
log_config: $here/log.yaml
media_store_path: $here/media
signing_key_path: $here/signing.key
registration_shared_secret: a-test
macaroon_secret_key: a-test
form_secret: a-test
report_stats: false
enable_registration: false
trusted_key_servers: []
federation_domain_whitelist: []
presence: {enabled: false}
suppress_key_server_warning: true
url_preview_enabled: false
rc_message: {per_second: 100000, burst_count: 100000}
rc_registration: {per_second: 1000, burst_count: 1000}
rc_login:
  address: {per_second: 1000, burst_count: 1000}
  account: {per_second: 1000, burst_count: 1000}
  failed_attempts: {per_second: 1000, burst_count: 1000}
rc_joins: {local: {per_second: 1000, burst_count: 1000}}
rc_admin_redaction: {per_second: 1000, burst_count: 1000}
CONF
    cat >"$here/log.yaml" <<CONF
version: 1
formatters: {plain: {format: '%(asctime)s %(levelname)s %(name)s %(message)s'}}
handlers: {file: {class: logging.FileHandler, formatter: plain, filename: $here/synapse.log}}
root: {level: WARNING, handlers: [file]}
CONF
    mkdir -p "$here/media"
    "$venv/bin/python" -m synapse.app.homeserver -c "$here/homeserver.yaml" --generate-keys >"$here/out" 2>&1
    (cd "$here" && exec "$venv/bin/python" -m synapse.app.homeserver -c homeserver.yaml </dev/null >>"$here/out" 2>&1) &
    echo $! >"$here/synapse.pid"
    ;;
user)
    "$venv/bin/register_new_matrix_user" -u "$2" -p "$3" --no-admin -k a-test "http://127.0.0.1:$port" >&2
    ;;
stop)
    stop "${NEXUS_SERVERS_RUN:?the folder it runs in}/synapse.pid"
    ;;
*)
    echo "usage: synapse.sh install | start | user NAME PASSWORD | stop" >&2
    exit 2
    ;;
esac
