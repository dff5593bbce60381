#!/bin/sh
# oauth2-mock-server, an OAuth 2 server on Node: oauth.sh install | start | stop. Listens on 127.0.0.1:$OAUTH_PORT (18090):
# /authorize, /token, /revoke, /introspect. What it does beyond the package is in oauth.mjs.
. "$(dirname "$0")/lib.sh"
here="$SERVERS/oauth"
install() {
    if [ -e "$here/.installed" ]; then return 0; fi
    command -v node >/dev/null && command -v npm >/dev/null || { echo "servers: node and npm are not here" >&2; exit 3; }
    mkdir -p "$here"
    npm install --prefix "$here" --silent --no-fund --no-audit "oauth2-mock-server@8.2.3" >&2
    touch "$here/.installed"
}
case "${1:-}" in
install)
    install
    ;;
start)
    install
    run="${NEXUS_SERVERS_RUN:?a folder to run in}"
    node "$(dirname "$0")/oauth.mjs" "$here/node_modules" "${OAUTH_PORT:-18090}" </dev/null >"$run/oauth.log" 2>&1 &
    echo $! >"$run/oauth.pid"
    ;;
stop)
    stop "${NEXUS_SERVERS_RUN:?the folder it runs in}/oauth.pid"
    ;;
*)
    echo "usage: oauth.sh install | start | stop" >&2
    exit 2
    ;;
esac
