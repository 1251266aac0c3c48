#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A private sshd on loopback for tests, with throwaway keys.
#
#   sshd.sh start DIR [--port N] [--user NAME] [--home DIR] [--key-type TYPE]... [--authorized FILE] [LINE]...
#       Makes DIR, host keys (default one ed25519), DIR/authorized_keys (FILE, or a fresh key DIR/client_key) and starts
#       sshd. LINEs are put before the other lines of sshd_config, so they win ("MaxSessions 2").
#       Run as root it drops to --user (default postgres): nobody else can log in there. Without root: you.
#       --home: what HOME is for those who log in; it is made. Prints, for eval: pid= port= user= dir=
#   sshd.sh stop DIR
#       Ends that sshd and its sessions (by pid), waits until they are gone. What a session left behind in a
#       session of its own goes on, as with a real sshd.
set -u -o pipefail

die() {
        echo "sshd.sh: $*" >&2
        exit 1
}


write_config() {
        local type line
        {
                for line in "${lines[@]}"; do echo "$line"; done
                echo "ListenAddress 127.0.0.1:$port"
                for type in "${types[@]}"; do echo "HostKey $dir/host_$type"; done
                cat <<-END
                PidFile none
                UsePAM no
                StrictModes no
                AuthorizedKeysFile $dir/authorized_keys
                PasswordAuthentication no
                KbdInteractiveAuthentication no
                PrintMotd no
                UseDNS no
                MaxStartups 100:30:200
                LogLevel VERBOSE
END
                [ -n "$home" ] && echo "SetEnv HOME=$home"
        } >"$dir/sshd_config"
}

try_start() {
        local deadline=$((SECONDS + 20))
        : >"$dir/log"
        if [ "$(id -u)" -eq 0 ]; then
                chown -R "$user:" "$dir"
                setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups test -r "$dir/sshd_config" ||
                        die "user $user cannot read $dir: chmod 755 the directories above it"
        fi
        # exec keeps the pid from the shell's fork through setsid, setpriv and env to sshd.
        if [ "$(id -u)" -eq 0 ]; then
                setsid setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups \
                        env -i PATH="$PATH" /usr/sbin/sshd -D -f "$dir/sshd_config" -E "$dir/log" \
                        </dev/null >/dev/null 2>&1 &
        else
                setsid /usr/sbin/sshd -D -f "$dir/sshd_config" -E "$dir/log" </dev/null >/dev/null 2>&1 &
        fi
        pid=$!
        while ! grep -q "^Server listening on" "$dir/log"; do
                kill -0 "$pid" 2>/dev/null || return 1
                [ "$SECONDS" -lt "$deadline" ] || { kill "$pid"; return 1; }
                read -r -t 0.02 <> <(:)
        done
        return 0
}

start() {
        dir=$1
        shift
        port= user=postgres home= authorized=
        types=() lines=()
        while [ $# -gt 0 ]; do
                case $1 in
                --port) port=$2; shift 2 ;;
                --user) user=$2; shift 2 ;;
                --home) home=$2; shift 2 ;;
                --key-type) types+=("$2"); shift 2 ;;
                --authorized) authorized=$2; shift 2 ;;
                --*) die "unknown option $1" ;;
                *) lines+=("$1"); shift ;;
                esac
        done
        [ "$(id -u)" -eq 0 ] || user=$(id -un)
        [ ${#types[@]} -gt 0 ] || types=(ed25519)
        mkdir -p "$dir" && chmod 755 "$dir" || die "cannot make $dir"
        dir=$(cd "$dir" && pwd)
        [ -e "$dir/pid" ] && die "$dir is in use by pid $(cat "$dir/pid")"
        if [ -n "$home" ]; then
                mkdir -p "$home" && home=$(cd "$home" && pwd) || die "cannot make $home"
                [ "$(id -u)" -eq 0 ] && chown "$user:" "$home"
        fi
        for type in "${types[@]}"; do
                [ -e "$dir/host_$type" ] || ssh-keygen -q -t "$type" -N '' -C test -f "$dir/host_$type" || die "ssh-keygen"
        done
        if [ -n "$authorized" ]; then
                cp "$authorized" "$dir/authorized_keys"
        else
                [ -e "$dir/client_key" ] || ssh-keygen -q -t ed25519 -N '' -C test -f "$dir/client_key" || die "ssh-keygen"
                [ -e "$dir/authorized_keys" ] || cp "$dir/client_key.pub" "$dir/authorized_keys"
        fi
        if [ -n "$port" ]; then
                write_config
                try_start || die "sshd did not start: $(tail -3 "$dir/log")"
        else
                local n=0
                while :; do
                        port=$((20000 + RANDOM % 12000))
                        write_config
                        try_start && break
                        n=$((n + 1))
                        [ $n -lt 20 ] || die "sshd did not start: $(tail -3 "$dir/log")"
                done
        fi
        echo "$pid" >"$dir/pid"
        echo "pid=$pid port=$port user=$user dir=$dir"
}

alive() {
        local state
        state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 1
        [ -n "$state" ] && [ "$state" != Z ]
}

stop() {
        dir=$1
        [ -e "$dir/pid" ] || exit 0
        local pid p signal=TERM deadline=$((SECONDS + 5)) left
        pid=$(cat "$dir/pid")
        # The sshd of a connection is a child of the listener, in a session of its own.
        mapfile -t left < <(alive "$pid" && echo "$pid" && pgrep -P "$pid")
        while [ ${#left[@]} -gt 0 ]; do
                kill -$signal "${left[@]}" 2>/dev/null
                read -r -t 0.02 <> <(:)
                mapfile -t left < <(for p in "${left[@]}"; do alive "$p" && echo "$p"; done)
                [ "$SECONDS" -lt "$deadline" ] || signal=KILL
        done
        rm -f "$dir/pid"
}

case "${1:-}" in
start) [ $# -ge 2 ] || die "usage: sshd.sh start DIR [options] [config lines]"; shift; start "$@" ;;
stop) [ $# -eq 2 ] || die "usage: sshd.sh stop DIR"; stop "$2" ;;
*) die "usage: sshd.sh start|stop DIR ..." ;;
esac
