#!/usr/bin/env bash
# Every check of this checkout: linters, types, architecture, generated docs, then all tests with coverage.
# Arguments go to pytest, as in `installer/test.sh tests/unit -k policy`; then the coverage is not judged.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly BIN=.venv/bin
# The end-to-end tests start Aurora hundreds of times: compiled anew each time, that would be half of their work.
unset PYTHONDONTWRITEBYTECODE

step() { printf '\n== %s\n' "$*"; "$@"; }

measured() { step "$BIN/coverage" run -m pytest "$@"; }

# One lane for each of two processors, about equally long. In the first the brake's tests, whose lease of 150 ms bears no
# crowd, then most parts; in the second all other end-to-end tests, then the rest, on what the first leaves of the
# processors. The second is shown whole in the end.
readonly REST=(tests/unit/api tests/unit/cli tests/unit/link)
first_lane() {
    local brake=0 parts=0
    measured tests/e2e -m brake || brake=$?
    [ "$brake" -ne 2 ] || return 2 # interrupted: what follows must not begin then
    measured tests/unit "${REST[@]/#/--ignore=}" || parts=$?
    first="$(verdict 'end-to-end tests of the brake' "$brake")
$(verdict 'tests of most parts' "$parts")"
    [ "$brake" -eq 0 ] && [ "$parts" -eq 0 ]
}
second_lane() {
    local program=0 parts=0
    measured tests/e2e -m "not brake" || program=$?
    [ "$program" -ne 2 ] || return 2
    measured "${REST[@]}" tests/ui || parts=$?
    [ "$program" -eq 0 ] && [ "$parts" -eq 0 ]
}

verdict() { if [ "$2" -eq 0 ]; then printf '%s: passed\n' "$1"; else printf '%s: FAILED\n' "$1"; fi; }

# The exit code says whether both lanes passed; Ctrl+C ends both.
both_lanes() {
    local said pid first="" ours=0 others=0
    said=$(mktemp)
    set -m # a process group of its own: without, it would be deaf to the SIGINT with which its pytest is ended
    (renice -n 10 "$BASHPID" >/dev/null && second_lane) </dev/null >"$said" 2>&1 &
    pid=$!
    set +m
    trap 'kill -INT -- "-$pid" 2>/dev/null || true' INT TERM EXIT
    first_lane || ours=$?
    printf '\n== the other lane, once it has ended\n'
    wait "$pid" || others=$?
    [ "$others" -le 128 ] || wait "$pid" || others=$? # the first was interrupted by the signal that it was sent
    trap - INT TERM EXIT
    cat "$said"
    rm -f "$said"
    printf '\n== lanes\n%s\n' "$first"
    verdict 'all other tests' "$others"
    [ "$ours" -eq 0 ] && [ "$others" -eq 0 ]
}

step "$BIN/ruff" check .
step "$BIN/ruff" format --check .
step "$BIN/mypy"
step "$BIN/lint-imports" --no-cache
step "$BIN/python" -m aurora_desktop.core.settings.reference --check
if [ $# -gt 0 ]; then
    step "$BIN/pytest" "$@"
    exit
fi
# Processes that Aurora starts are measured too, each into a file of its own.
step "$BIN/coverage" erase
both_lanes
step "$BIN/coverage" combine --quiet
step "$BIN/coverage" report
