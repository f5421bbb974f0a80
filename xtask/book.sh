#!/bin/sh
# Makes a book of docs/, in target/book. Brings mdbook when it is missing, built here. That its links lead somewhere is held by
# tests/architecture, without it.
set -eu
cd "$(dirname "$0")/.."
version=0.5.4
folder=${CARGO_TARGET_DIR:-target}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
tools=$folder/tools
PATH=$tools/bin:$PATH

if [ "$(mdbook --version 2>/dev/null)" != "mdbook v$version" ]; then
    echo "Building mdbook $version into $tools" >&2
    # It runs for seconds: optimizing it would take longer.
    "${CARGO:-cargo}" install --quiet --debug --locked --no-default-features --features search --root "$tools" "mdbook@$version"
fi
mdbook build --dest-dir "$folder/book" docs
echo "$folder/book/index.html"
