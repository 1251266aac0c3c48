#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh UIDIR [OUTDIR] - drive the dashboard built in UIDIR with Debian's chromium, against canned answers; prints TAP
# and leaves screenshots in OUTDIR.
# run.sh --live [OUTDIR] - the same browser over a real grid, made for the purpose from the programs in $BUILD (or the
# one that REEVE_URL and REEVE_TOKEN name).
# run.sh --sign-on WEBD [OUTDIR] - the same browser signs in at a real OpenID provider and comes back; needs REEVE_TEST_PG.
set -eu

die() {
        printf 'tests/browser/run.sh: %s\n' "$1" >&2
        exit 1
}

[ $# -ge 1 ] || die "usage: run.sh UIDIR [OUTDIR] | --live [OUTDIR] | --sign-on WEBD [OUTDIR]"
for tool in node npm chromium; do
        command -v "$tool" >/dev/null 2>&1 || die "$tool is missing; \"make deps\" installs it"
done
here=$(cd "$(dirname "$0")" && pwd)

# One installs, whoever comes at the same time waits.
exec 9<"$here"
flock 9
if ! cmp -s "$here/package-lock.json" "$here/node_modules/.installed-lock"; then
        (cd "$here" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
                die "npm ci failed (above): it fetches two packages"
        cp "$here/package-lock.json" "$here/node_modules/.installed-lock"
fi
flock -u 9

if [ "$1" = --sign-on ]; then
        exec node "$here/sign_on.mjs" "$2" "${3:-}"
fi
if [ "$1" = --live ]; then
        exec node "$here/live.mjs" "${2:-}"
fi
exec node "$here/run.mjs" "$1" "${2:-}"
