#!/bin/sh
# Installs what the sandbox needs from Debian when it is missing; with sudo when not root.
# Usage: requirements.sh [--lint]     (--lint: what `make lint` needs, too)
#        requirements.sh --tests      the drivers of the example applications in Python and Node, too, if that can be done
#                                     without asking anybody: when not, their tests are left out
#        requirements.sh --drivers    and of those in Java and Go: 800 MB
#        requirements.sh --lacking    prints, with commas, what this machine lacks and only a person, or --drivers, gives
#                                     it: tests that need it are left out by name (tests/support/needs.rs reads the list)
set -eu

# All three in one, Debian's or another.
have_python() {
    for python in python3 /usr/bin/python3; do
        "$python" -c 'import psycopg, psycopg_pool, psycopg2' && return 0
    done
    return 1
}

# Debian's folders, and those of npm install --global.
have_node_pg() {
    NODE_PATH=${NODE_PATH-}:/usr/share/nodejs:/usr/lib/node_modules:/usr/local/lib/node_modules node -e "require('pg')"
}

# One that is too old can't read the example.
have_node() {
    have_node_pg && node --check "$(dirname "$0")/../examples/applications/node/app.js"
}

# Debian's pg can only be installed beside Debian's node.
others_node() {
    command -v node >/dev/null 2>&1 || return 1
    case $(dpkg-query -W -f '${Version}' nodejs 2>/dev/null) in *dfsg*) return 1 ;; esac
}

have_java() {
    for jar in postgresql HikariCP slf4j-api slf4j-jdk14; do
        [ -e "/usr/share/java/$jar.jar" ] || return 1
    done
    # A program that is started from its source needs the compiler.
    javac -version
}

have_go() {
    for library in jackc/pgx/v4 gofrs/uuid; do
        [ -e "/usr/share/gocode/src/github.com/$library" ] || return 1
    done
    go version
}

if [ "${1-}" = --lacking ]; then
    lacking=
    lack() { # lack WORD WHY
        lacking=${lacking:+$lacking,}$1
        echo "Tests that need $1 are left out: $2" >&2
    }
    minor=$(kubectl version --client -o json 2>/dev/null | sed -n 's/.*"minor": "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${minor:-0}" -ge 31 ] || lack kubectl "there is no kubectl 1.31 or newer (https://kubernetes.io/docs/tasks/tools)"
    bwrap --unshare-user --unshare-pid --ro-bind / / true 2>/dev/null || lack namespaces "bubblewrap may not make them here"
    have_python >/dev/null 2>&1 || lack python "no Python has psycopg, psycopg_pool and psycopg2 (sandbox/requirements.sh --tests)"
    have_node >/dev/null 2>&1 ||
        lack node "there is no Node.js 16 or newer with pg (sandbox/requirements.sh --tests, or npm install --global pg)"
    have_java >/dev/null 2>&1 || lack java "sandbox/requirements.sh --drivers installs it"
    have_go >/dev/null 2>&1 || lack go "sandbox/requirements.sh --drivers installs it"
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
required=$missing

# examples/applications. Python's drivers are Debian's, whichever Python comes first.
missing=
if [ "${1-}" = --tests ] || [ "${1-}" = --drivers ]; then
    need "python3-psycopg python3-psycopg-pool python3-psycopg2" have_python
    others_node || need "nodejs node-pg" have_node_pg
fi
if [ "${1-}" = --drivers ]; then
    need "default-jdk-headless libpostgresql-jdbc-java libhikaricp-java libslf4j-java" have_java
    need "golang-go golang-github-jackc-pgx-v4-dev golang-github-gofrs-uuid-dev" have_go
fi
drivers=$missing
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Nothing but the tests of the applications needs them: without a network, without root, or where Debian's packages
# don't fit, they are left out (--lacking).
as_root_if_allowed() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}
try_drivers() {
    [ -n "$drivers" ] || return 0
    echo "Installing, if it can be done:$drivers" >&2
    quick="-o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10"
    # shellcheck disable=SC2086  # Lists.
    if ! { as_root_if_allowed env DEBIAN_FRONTEND=noninteractive apt-get $quick update &&
        as_root_if_allowed env DEBIAN_FRONTEND=noninteractive apt-get $quick install -y --no-install-recommends $drivers
    } >"$log" 2>&1 </dev/null; then
        tail -n 3 "$log" >&2
        echo "Not installed, and not needed but for the tests of examples/applications:$drivers" >&2
    fi
}

missing=$required
if [ -z "$missing" ]; then
    try_drivers
    exit 0
fi

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
# shellcheck disable=SC2086  # $missing is a list, and $root may be empty.
if ! { $root env DEBIAN_FRONTEND=noninteractive apt-get update &&
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "Installing$missing failed; the lines above say why." >&2
    exit 1
fi
try_drivers
