# Sourced by the scripts beside it, which run real servers for tests: on loopback, without root, without installing anything
# into the system. Packages are downloaded and unpacked once, below $NEXUS_SERVERS; what a server writes lies below
# $NEXUS_SERVERS_RUN, which is the caller's to remove.
set -eu
SERVERS="${NEXUS_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/nexus/servers}"
ROOT="$SERVERS/root"

# debs NAME..: these Debian packages, unpacked below $ROOT.
debs() {
    mkdir -p "$ROOT" "$SERVERS/debs"
    unpacked="$SERVERS/debs/.$(echo "$*" | cksum | cut -d' ' -f1)"
    if [ -e "$unpacked" ]; then return 0; fi
    command -v apt-get >/dev/null || { echo "servers: apt-get is not here; on Debian or Ubuntu these tests run" >&2; exit 3; }
    (
        cd "$SERVERS/debs"
        # A machine whose package lists were never fetched gets lists of its own, which needs no root either.
        if ! apt-get download -q "$@" >log 2>&1; then
            mkdir -p "$SERVERS/apt/lists/partial" "$SERVERS/apt/cache/archives/partial"
            own="-o Dir::State::Lists=$SERVERS/apt/lists -o Dir::Cache=$SERVERS/apt/cache -o APT::Sandbox::User="
            { apt-get $own update -q && apt-get $own download -q "$@"; } >log 2>&1 || { cat log >&2; exit 1; }
        fi
        for name in "$@"; do
            for deb in "$name"_*.deb; do dpkg -x "$deb" "$ROOT"; done
        done
    )
    touch "$unpacked"
}

# pypi FOLDER PACKAGE: this Python package, in an environment of its own. Of many at once the first installs it.
pypi() {
    if [ -e "$1/.installed" ]; then return 0; fi
    mkdir -p "$SERVERS"
    (
        ! command -v flock >/dev/null || flock 9
        if [ -e "$1/.installed" ]; then exit 0; fi
        if ! python3 -m venv "$1" >&2; then
            echo "servers: python3 with venv is not here" >&2
            exit 3
        fi
        "$1/bin/pip" install -q --disable-pip-version-check "$2" >&2
        touch "$1/.installed"
    ) 9>"$1.lock"
}

# unprivileged FOLDER: sets $who and $group: the caller and the folder's group; nobody where the caller is root, whom servers
# refuse to be.
unprivileged() {
    who="$(whoami)"
    group="$(stat -c %G "$1")"
    if [ "$who" = root ]; then
        who=nobody
        group=nogroup
    fi
}

# started PIDFILE: whether that process runs.
started() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

# stop PIDFILE: asks it to end, and after ten seconds makes it.
stop() {
    started "$1" || return 0
    pid=$(cat "$1")
    kill "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ]; then kill -9 "$pid"; fi
        sleep 0.1
    done
    rm -f "$1"
}

# library_path: where the unpacked libraries are.
library_path() { find "$ROOT/usr/lib" -maxdepth 1 -type d | paste -sd: -; }

# certificates FOLDER: a certificate for localhost and its key there, with an authority of its own (ca.pem) that vouches for it.
certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=tests -keyout "$1/ca.key" -out "$1/ca.pem"
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$1/key.pem" -out "$1/request.pem"
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$1/names"
    openssl x509 -req -in "$1/request.pem" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial -days 30 \
        -extfile "$1/names" -out "$1/cert.pem"
}

# inside COMMAND..: runs it where what was unpacked lies over /usr, as if it were installed: for programs that have their paths
# built in. As root in a mount namespace, as anyone else in a user namespace too. The process id is the caller's.
inside() {
    mount='mount -t overlay -o lowerdir="$0/usr:/usr" overlay /usr && exec "$@"'
    if [ "$(whoami)" = root ]; then
        exec unshare -m sh -c "$mount" "$ROOT" "$@"
    fi
    exec unshare --user --map-current-user --keep-caps -m sh -c "$mount" "$ROOT" "$@"
}
