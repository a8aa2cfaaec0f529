#!/usr/bin/env bash
# Starts Aurora from this checkout; without a display the same program runs headless, and says so.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
mode=()
if [ "$(uname -s)" = Linux ] && [ -z "${DISPLAY:-}" ] && [ -z "${WAYLAND_DISPLAY:-}" ]; then
    echo "No display here (neither DISPLAY nor WAYLAND_DISPLAY is set): Aurora runs headless, without tray and window."
    echo "Ask it with \`.venv/bin/aurora status\`; end it with Ctrl+C or \`.venv/bin/aurora quit\`."
    mode=(--headless)
fi
# The longer form of an empty list is for the bash 3.2 of macOS.
exec .venv/bin/aurora run ${mode[@]+"${mode[@]}"} "$@"
