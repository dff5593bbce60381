#!/bin/sh
# Dovecot, an IMAP server: dovecot.sh install | start | stop. Listens on 127.0.0.1:$DOVECOT_PORT (10143), and encrypted on
# 127.0.0.1:$DOVECOT_TLS_PORT (10993) with a certificate that $NEXUS_SERVERS_RUN/ca.pem vouches for. One account: test, secret.
# With DOVECOT_OAUTH, the address of oauth.sh's server, that account also logs in with a token of it (XOAUTH2).
. "$(dirname "$0")/lib.sh"
install() { debs libexttextcat-data libexttextcat-2.0-0 liblua5.4-0 libwrap0 dovecot-core dovecot-imapd; }
case "${1:-}" in
install)
    install
    ;;
start)
    install
    here="${NEXUS_SERVERS_RUN:?a folder to run in}"
    own="$here/dovecot"
    unprivileged "$here"
    mkdir -p "$own/mail"
    certificates "$here" 2>"$own/openssl.log"
    printf 'test:{PLAIN}secret::::::\n' >"$own/users"
    mechanisms="plain login"
    tokens=
    if [ -n "${DOVECOT_OAUTH:-}" ]; then
        mechanisms="$mechanisms xoauth2 oauthbearer"
        tokens="passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $own/oauth2.conf
}"
        printf '%s\n' "introspection_url = $DOVECOT_OAUTH/introspect" 'introspection_mode = auth' \
            'username_attribute = username' 'active_attribute = active' 'active_value = true' >"$own/oauth2.conf"
    fi
    cat >"$own/dovecot.conf" <<CONF
base_dir = $own/base
state_dir = $own/state
log_path = $own/log
protocols = imap
listen = 127.0.0.1
default_internal_user = $who
default_internal_group = $group
default_login_user = $who
mail_location = maildir:$own/mail/%u
first_valid_uid = 1
ssl = yes
ssl_cert = <$here/cert.pem
ssl_key = <$here/key.pem
disable_plaintext_auth = no
auth_mechanisms = $mechanisms
mailbox_idle_check_interval = 1 s
mail_fsync = never
mail_max_userip_connections = 100
$tokens
passdb {
  driver = passwd-file
  args = username_format=%u $own/users
}
userdb {
  driver = static
  args = uid=$who gid=$group home=$own/mail/%u
}
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${DOVECOT_PORT:-10143}
  }
  inet_listener imaps {
    port = ${DOVECOT_TLS_PORT:-10993}
    ssl = yes
  }
}
service stats {
  chroot =
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Archive {
    auto = create
  }
}
CONF
    if [ "$(whoami)" = root ]; then
        chown -R "$who:$group" "$own"
        chmod 644 "$here/key.pem"
        (inside setpriv --reuid "$who" --regid "$group" --clear-groups env -i HOME="$own" PATH=/usr/sbin:/usr/bin:/bin \
            dovecot -F -c "$own/dovecot.conf" </dev/null >"$own/out" 2>&1) &
    else
        (inside dovecot -F -c "$own/dovecot.conf" </dev/null >"$own/out" 2>&1) &
    fi
    ;;
stop)
    stop "${NEXUS_SERVERS_RUN:?the folder it runs in}/dovecot/base/master.pid"
    ;;
*)
    echo "usage: dovecot.sh install | start | stop" >&2
    exit 2
    ;;
esac
