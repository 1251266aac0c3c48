#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A throwaway PostgreSQL of its own: a Unix socket in a new directory, no network, removed at the end.
#
#   pg.sh run CMD...     start one, run CMD with its conninfo in REEVE_TEST_PG, stop and remove it
#   pg.sh start DIR      start one in DIR (made, or existing from an earlier start); prints the conninfo
#   pg.sh stop DIR       stop it; DIR stays
#
# As root it runs under the user postgres (REEVE_TEST_PG_USER names another). REEVE_TEST_PG_OPTIONS is added to the
# server's command line; without it nothing is flushed to disk, as a test needs no durability.
set -eu

user=${REEVE_TEST_PG_USER:-postgres}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "pg.sh: no PostgreSQL server found below /usr/lib/postgresql: install postgresql" >&2; exit 1; }

as_user() {
        if [ "$(id -u)" = 0 ]; then
                setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
        else
                "$@"
        fi
}

start() {
        dir=$1
        mkdir -p "$dir"
        [ "$(id -u)" != 0 ] || chown "$user" "$dir"
        chmod 0700 "$dir"
        cd "$dir"
        [ -f data/PG_VERSION ] || as_user "$bin/initdb" -D data -A trust -U postgres -N --no-locale -E UTF8 >initdb.log
        as_user "$bin/pg_ctl" -D data -l log -w -t 60 -s -o "-c listen_addresses= -c unix_socket_directories=$dir \
                -c unix_socket_permissions=0700 -c max_connections=60 -c max_wal_size=4GB -c wal_compression=on \
                ${REEVE_TEST_PG_OPTIONS--c fsync=off -c full_page_writes=off}" start
        echo "host=$dir user=postgres dbname=postgres"
}

stop() {
        cd "$1"
        as_user "$bin/pg_ctl" -D data -m immediate -w -s stop
}

case ${1:-} in
run)
        shift
        here=$(pwd)
        tmp=$(mktemp -d /tmp/reeve-pg.XXXXXX)
        trap '(stop "$tmp") || true; rm -rf "$tmp"' EXIT
        trap 'exit 130' INT TERM
        REEVE_TEST_PG=$(start "$tmp")
        export REEVE_TEST_PG
        cd "$here"
        "$@"
        ;;
start)
        start "$2"
        ;;
stop)
        stop "$2"
        ;;
*)
        sed -n '3,11s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
