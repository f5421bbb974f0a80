#!/bin/sh
# What demo.sh and the bench scripts share; they source it. A sandbox that is gone when the script ends, however it ends.

bin=${PGCTL_BIN_DIR:-target/debug}
name=
load=
work=
cleanup() {
    status=$?
    trap - EXIT INT TERM
    [ -z "$load" ] || kill "$load" 2>/dev/null || true
    [ -z "$name" ] || "$bin/pgctl-sandbox" down --name "$name" >/dev/null 2>&1 || true
    [ -z "$work" ] || rm -rf "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start_cluster NAME STANDBYS [OPTION...]: points pgctl and kubectl at a new cluster.
start_cluster() {
    name=$1
    standbys=$2
    shift 2
    "$bin/pgctl-sandbox" up --name "$name" --replicas "$standbys" "$@" >/dev/null
    KUBECONFIG=$("$bin/pgctl-sandbox" kubeconfig --name "$name")
    export KUBECONFIG
}

# psql and pgbench of the PostgreSQL that the sandbox runs.
for candidate in /usr/lib/postgresql/*/bin "${PGCTL_SANDBOX_POSTGRES:-}"; do
    [ ! -x "$candidate/pgbench" ] || PATH=$candidate:$PATH
done

# once FILE COMMAND...: runs it, and adds the milliseconds it took to FILE
once() {
    times=$1
    shift
    begin=$(date +%s%N)
    if ! "$@" >"$work/out" 2>"$work/err" </dev/null; then
        echo "failed: $*" >&2
        cat "$work/out" "$work/err" >&2
        exit 1
    fi
    end=$(date +%s%N)
    awk -v ns=$((end - begin)) 'BEGIN { printf "%.1f\n", ns / 1000000 }' >>"$times"
}

# pick median|min|max FILE
pick() {
    sort -n "$2" | awk -v what="$1" '
        { value[NR] = $1 }
        END {
            if (what == "min") chosen = value[1]
            else if (what == "max") chosen = value[NR]
            else chosen = (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2
            printf "%.1f\n", chosen
        }'
}

# tell WHAT FILE UNIT
tell() {
    printf '%-48s median %8s %s   min %8s   max %8s   (n=%s)\n' \
        "$1" "$(pick median "$2")" "$3" "$(pick min "$2")" "$(pick max "$2")" "$(awk 'END { print NR }' "$2")"
}
