#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh OUTDIR: build the dashboard into OUTDIR: index.html and assets/NAME-HASH.{js,css,svg}, each
# beside its .br and .gz. Same sources, same bytes. Says nothing unless something is wrong.
set -eu

die() {
        printf 'web/ui/build.sh: %s\n' "$1" >&2
        exit 1
}

[ $# -eq 1 ] || die "usage: web/ui/build.sh OUTDIR"
for tool in node npm; do
        command -v "$tool" >/dev/null 2>&1 ||
                die "$tool is missing; install Debian's nodejs and npm (\"make deps\" does it), version 18 or newer"
done
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 18 ] || die "node $(node --version) is too old; 18 or newer is needed"

mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"

# Two variants may be built at once, but they share node_modules: one installs, the other waits.
exec 9<.
flock 9
if ! cmp -s package-lock.json node_modules/.installed-lock; then
        log=$(mktemp)
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >"$log" 2>&1 || {
                cat "$log" >&2
                rm -f "$log"
                die "npm ci failed (above): it fetches packages, so it needs the npm registry or a filled npm cache"
        }
        rm -f "$log"
        cp package-lock.json node_modules/.installed-lock
fi
flock -u 9

node_modules/.bin/tsc --noEmit -p tsconfig.json
node build.mjs "$out"
