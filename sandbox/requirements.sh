#!/bin/sh
# Installs what the sandbox needs from Debian when it is missing; with sudo when not root.
# Usage: requirements.sh [--lint]     (--lint: what `make lint` needs, too)
#        requirements.sh --lacking    prints, with commas, what no package of Debian's can give this machine: tests
#                                     that need it are left out by name (tests/support/needs.rs reads the list)
set -eu

if [ "${1-}" = --lacking ]; then
    lacking=
    lack() { # lack WORD WHY
        lacking=${lacking:+$lacking,}$1
        echo "Tests that need $1 are left out: $2" >&2
    }
    minor=$(kubectl version --client -o json 2>/dev/null | sed -n 's/.*"minor": "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${minor:-0}" -ge 31 ] || lack kubectl "there is no kubectl 1.31 or newer (https://kubernetes.io/docs/tasks/tools)"
    bwrap --unshare-user --unshare-pid --ro-bind / / true 2>/dev/null || lack namespaces "bubblewrap may not make them here"
    echo "$lacking"
    exit 0
fi

missing=
need() { # need PACKAGE TEST...: notes PACKAGE when the test fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

have_postgres() {
    [ -z "${PGCTL_SANDBOX_POSTGRES:-}" ] || return 0
    for bin in /usr/lib/postgresql/*/bin; do
        [ -x "$bin/initdb" ] && return 0
    done
    command -v initdb
}

need postgresql have_postgres
# pgbench and pg_amcheck come with the server on Debian 12, and in -contrib before it.
need util-linux command -v nsenter
need bubblewrap command -v bwrap
# deploy/components/pooler. A plain user's PATH may lack where it is.
need pgbouncer ls /usr/sbin/pgbouncer
# A machine that forbids namespaces runs the sandbox through proot; the tests run it both ways everywhere.
need proot command -v proot
# promtool tests the alert rules, Prometheus the queries of the dashboard.
need prometheus command -v promtool
# deploy/components/monitoring
need prometheus-postgres-exporter command -v prometheus-postgres-exporter
# A test of the completion types into it; bash is there anyway.
need zsh command -v zsh
if [ "${1-}" = --lint ]; then
    need shellcheck command -v shellcheck
fi
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "The sandbox needs these, and only knows how to install them on Debian and Ubuntu:$missing" >&2
    echo "Install them with this system's package manager, then run the same command again." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1; then
    root=sudo
else
    echo "The sandbox needs these, and neither root nor sudo is at hand to install them:$missing" >&2
    echo "Ask for: apt-get install$missing" >&2
    exit 1
fi
echo "Installing:$missing" >&2
# The package's own cluster is not wanted: the sandbox makes its own servers.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    $root mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | $root tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086  # $missing is a list, and $root may be empty.
if ! { $root env DEBIAN_FRONTEND=noninteractive apt-get update &&
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "Installing$missing failed; the lines above say why." >&2
    exit 1
fi
