#!/usr/bin/env bash
# Every check of this checkout: linters, types, architecture, generated docs, then all tests with coverage.
# Arguments go to pytest, as in `installer/test.sh tests/unit -k policy`; then the coverage is not judged.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly BIN=.venv/bin

step() { printf '\n== %s\n' "$*"; "$@"; }

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
step "$BIN/coverage" run -m pytest
step "$BIN/coverage" combine --quiet
step "$BIN/coverage" report
