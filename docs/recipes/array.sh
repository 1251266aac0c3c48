#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# array.sh FOLDER JOB.json: submit a job, wait for its end, and fetch its outputs into FOLDER. Needs bash, curl and jq.
#
# Where and who: REEVE_URL and REEVE_TOKEN_FILE, as for the command line. Ends with 0 when the job succeeded, 1 when it did not.
set -euo pipefail

folder=${1:?usage: array.sh FOLDER JOB.json} job_file=${2:?usage: array.sh FOLDER JOB.json}
: "${REEVE_URL:?is not set}" "${REEVE_TOKEN_FILE:?is not set}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The token goes by a file: what stands in a command's arguments can be read by everyone on the machine.
(umask 077 && printf 'Authorization: Bearer %s\n' "$(cat "$REEVE_TOKEN_FILE")" >"$work/token")

# api PATH [CURL OPTION...]: the reply on standard output, its headers in $work/headers. Problems go to standard error in the server's
# own words. What was not reached, and what said "later", is tried again: safe for reading, and for what has an Idempotency-Key.
api() {
        local path=$1 status
        shift
        status=$(curl --silent --show-error --retry 5 --retry-all-errors --retry-max-time 120 --max-time 90 --header "@$work/token" \
                --dump-header "$work/headers" --output "$work/reply" --write-out '%{http_code}' "$@" "$REEVE_URL$path")
        case $status in
        2??) cat "$work/reply" ;;
        304) return 0 ;;
        *)
                jq -r '"\(.title): \(.detail)", (.errors[]? | "  \(.pointer): \(.detail)")' "$work/reply" >&2
                return 1
                ;;
        esac
}

header() {
        sed -n "s/^$1: \(.*\)\r\$/\1/Ip" "$work/headers" | tail -n 1
}

# The key makes a second try of the same submission harmless: it answers with the first job.
id=$(api /v1/jobs --json @"$job_file" --header "Idempotency-Key: $(sha256sum <"$job_file" | cut -c 1-32)-$$" | jq .id)
echo "job $id" >&2

# Each question says what was seen last (ETag) and is answered when that changed, or after 30 seconds.
state=unknown etag='""'
until [[ $state == @(succeeded|failed|cancelled) ]]; do
        reply=$(api "/v1/jobs/$id?wait=30" --header "If-None-Match: $etag")
        etag=$(header ETag)
        [ -n "$reply" ] || continue
        state=$(jq -r .state <<<"$reply")
        jq -r '"\(.state): \(.tasks.succeeded) of \(.tasks.total) done, \(.tasks.running) running, \(.tasks.failed) failed\(
                if .wait then "; " + .wait.sentence else "" end)"' <<<"$reply" >&2
done

if [ "$state" != succeeded ]; then
        for task in $(api "/v1/jobs/$id/tasks?state=failed&limit=5" | jq '.items[].task'); do
                echo "--- the end of what task $task wrote to standard error" >&2
                api "/v1/jobs/$id/tasks/$task/log?stream=stderr&offset=-2000" >&2 || true
        done
        exit 1
fi

# fetch DATASET PATH: by pieces, into a file of its own, which gets its name when it is whole.
fetch() {
        local target=$folder/$2 at=0 size=1 query
        query=$(jq -rn --arg path "$2" '$path | @uri')
        mkdir -p "$(dirname "$target")"
        : >"$target.part"
        while [ "$at" -lt "$size" ]; do
                api "/v1/datasets/$1/content?path=$query&offset=$at" >>"$target.part"
                size=$(header Reeve-Size)
                at=$(stat -c %s "$target.part")
        done
        mv "$target.part" "$target"
}

cursor=
while :; do
        page=$(api "/v1/jobs/$id/outputs?limit=1000${cursor:+&cursor=$cursor}")
        dataset=$(jq -r .dataset <<<"$page")
        while IFS=$'\t' read -r path sha256; do
                fetch "$dataset" "$path"
                echo "$sha256  $folder/$path" | sha256sum --check --quiet
                echo "$path"
        done < <(jq -r '.items[] | [.path, .sha256] | @tsv' <<<"$page")
        cursor=$(jq -r '.next_cursor // ""' <<<"$page")
        [ -n "$cursor" ] || break
done
