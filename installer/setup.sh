#!/usr/bin/env bash
# Brings this checkout to where `.venv/bin/aurora` runs: system packages, uv, Python, the locked environment.
# Usage: installer/setup.sh [run|test|bench]. Idempotent; the second time it only looks whether all is still there.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly WANTED="${1:-run}"
readonly PACKAGES=installer/debian-packages.txt
readonly STAMPS=build/setup
readonly TOOLS=build/tools
SUDO=()

say() { printf 'setup: %s\n' "$*"; }

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

# --- what the system brings -------------------------------------------------------------------------------

uses_apt() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

wanted_packages() {
    case "$WANTED" in
        run) awk '$1 == "run" { print $2 }' "$PACKAGES" ;;
        *) awk '$1 == "run" || $1 == "test" { print $2 }' "$PACKAGES" ;;
    esac
}

installed_packages() {
    # shellcheck disable=SC2016  # dpkg-query fills in the fields, not the shell
    dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }'
}

# The wanted packages of which no alternative is installed, one a line.
missing_packages() {
    awk 'part == "installed" { there[$1] = 1; next }
         { found = 0; n = split($1, names, "|"); for (i = 1; i <= n; i++) if (names[i] in there) found = 1 }
         !found { print $1 }' part=installed <(installed_packages) part=wanted <(wanted_packages)
}

known_to_apt() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1; }

# The first of the alternatives `a|b` that apt can install; nothing when it knows none.
installable() {
    local name
    for name in ${1//|/ }; do
        if known_to_apt "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
}

# What to type for `a|b`: the name that apt knows, else the older one.
name_to_type() {
    local known
    known="$(installable "$1")"
    printf '%s ' "${known:-${1##*|}}"
}

take_root() {
    local one
    if [ "$(id -u)" -eq 0 ]; then
        return
    fi
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        SUDO=(sudo)
        return
    fi
    fail "these system packages are missing, and this user may not install them:" "  ${*//|/ or }" \
        "ask for them, or run:  sudo apt-get install $(for one in "$@"; do name_to_type "$one"; done)"
}

apt_get() { "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

update_lists() { apt_get update || say "some package lists could not be fetched; going on with those that are there"; }

install_packages() {
    local wanted=("$@") chosen=() updated="" one name
    take_root "${wanted[@]}"
    say "installing system packages with ${SUDO[*]:-root}: ${wanted[*]//|/ or }"
    for one in "${wanted[@]}"; do
        name="$(installable "$one")"
        if [ -z "$name" ] && [ -z "$updated" ]; then
            update_lists
            updated=yes
            name="$(installable "$one")"
        fi
        [ -n "$name" ] || fail "apt does not know ${one//|/ or }"
        chosen+=("$name")
    done
    # Old package lists name files that the mirrors have dropped: fetch them anew and try once more.
    apt_get install --no-install-recommends -y "${chosen[@]}" >/dev/null && return
    [ -z "$updated" ] || fail "apt-get could not install: ${chosen[*]}"
    update_lists
    apt_get install --no-install-recommends -y "${chosen[@]}" >/dev/null ||
        fail "apt-get could not install: ${chosen[*]}"
}

system_packages() {
    local missing
    if uses_apt; then
        mapfile -t missing < <(missing_packages)
        [ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}"
    elif [ "$(uname -s)" = Linux ]; then
        say "no apt here; your system must bring what these Debian packages hold:"
        say "  $(wanted_packages | tr '|\n' '/ ')"
        say "\`.venv/bin/aurora doctor\` names the libraries that are missing"
    fi
}

# --- Python and uv ----------------------------------------------------------------------------------------

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && is_new_enough "$name"; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
}

find_uv() {
    # The option also tells a uv that is new enough, and a shim that leads nowhere.
    if [[ "$(uv sync --help 2>/dev/null)" == *--no-default-groups* ]]; then
        command -v uv
    elif [ -x "$TOOLS/bin/uv" ]; then
        printf '%s\n' "$TOOLS/bin/uv"
    fi
}

install_uv() {
    local python="$1"
    say "installing uv into $TOOLS"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        uses_apt || fail "$python lacks the modules venv and ensurepip; install them, or uv (https://docs.astral.sh/uv/)"
        install_packages "$(basename "$(readlink -f "$python")")-venv|python3-venv"
    fi
    "$python" -m venv --clear "$TOOLS"
    "$TOOLS/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.6'
}

environment() {
    local python uv groups=(--no-default-groups)
    python="$(find_python)"
    if [ -z "$python" ] && uses_apt && known_to_apt python3.11; then
        install_packages python3.11 python3.11-venv
        python="$(find_python)"
    fi
    uv="$(find_uv)"
    [ -n "$python$uv" ] || fail "Aurora needs Python 3.11 or later; install it, or uv (https://docs.astral.sh/uv/)"
    if [ -z "$uv" ]; then
        install_uv "$python"
        uv="$TOOLS/bin/uv"
    fi
    case "$WANTED" in
        test) groups=(--group dev) ;;
        bench) groups=(--group dev --group bench) ;;
    esac
    # An environment that works is kept, whatever Python comes first on PATH today.
    if is_new_enough .venv/bin/python; then python=""; fi
    say "making .venv (uv sync --locked); where nothing is there yet, some hundred MB are fetched, which takes a while"
    # The certificates of the system are those that work behind a company's proxy.
    if [ -s /etc/ssl/certs/ca-certificates.crt ]; then export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"; fi
    # --inexact leaves what the other targets installed. Without a fitting Python, uv fetches one.
    UV_PROJECT_ENVIRONMENT=.venv "$uv" sync --quiet --locked --inexact "${groups[@]}" ${python:+--python "$python"}
    [ -x .venv/bin/aurora ] || fail "uv made no .venv/bin/aurora"
}

# --- the agents that the tests run ------------------------------------------------------------------------

agents() {
    if [ "$WANTED" = test ]; then
        installer/agents.sh ||
            say "Claude Code and Codex could not be installed (why is above): the tests that run them will fail"
    fi
}

# --- once is enough ---------------------------------------------------------------------------------------

state_of_the_checkout() {
    cat uv.lock pyproject.toml installer/setup.sh "$PACKAGES" | cksum
    # The environment holds absolute paths: a copied or moved checkout makes its own anew.
    pwd -P
}

is_done() {
    [ -x .venv/bin/aurora ] && [ -x .venv/bin/python ] && [ -f "$STAMPS/$WANTED" ] &&
        [ "$(state_of_the_checkout)" = "$(cat "$STAMPS/$WANTED")" ]
}

main() {
    [[ "$WANTED" =~ ^(run|test|bench)$ ]] || fail "usage: installer/setup.sh [run|test|bench]"
    if is_done && { ! uses_apt || [ -z "$(missing_packages)" ]; }; then
        agents
        return
    fi
    system_packages
    if ! is_done; then
        environment
        mkdir -p "$STAMPS"
        state_of_the_checkout >"$STAMPS/$WANTED"
    fi
    agents
    say "ready: .venv/bin/aurora"
}

main
