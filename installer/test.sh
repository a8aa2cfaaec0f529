#!/usr/bin/env bash
# Every check of this checkout: linters, types, architecture, generated docs, then all tests with coverage.
# Arguments go to pytest, as in `installer/test.sh tests/unit -k policy`; then the coverage is not judged.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly BIN=.venv/bin

step() { printf '\n== %s\n' "$*"; "$@"; }

# The end-to-end tests mostly wait for their programs. The other two storeys run beside them, on what they leave of
# the processors, and are shown whole in the end. The exit code says whether both halves passed.
both_halves() {
    local said pid program=0 beside=0
    said=$(mktemp)
    set -m # a process group of its own: without, it would be deaf to the SIGINT with which pytest is ended
    nice "$BIN/coverage" run -m pytest tests/unit tests/ui </dev/null >"$said" 2>&1 &
    pid=$!
    set +m
    trap 'kill -INT "$pid" 2>/dev/null || true' INT TERM EXIT
    step "$BIN/coverage" run -m pytest tests/e2e || program=$?
    wait "$pid" || beside=$?
    [ "$beside" -le 128 ] || wait "$pid" || beside=$? # the first was interrupted by the signal that it was sent
    trap - INT TERM EXIT
    printf '\n== %s\n' "$BIN/coverage run -m pytest tests/unit tests/ui"
    cat "$said"
    rm -f "$said"
    [ "$program" -eq 0 ] && [ "$beside" -eq 0 ]
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
both_halves
step "$BIN/coverage" combine --quiet
step "$BIN/coverage" report
