#!/bin/sh
# What looking costs, measured on one sandbox of a primary and five standbys: every one-shot command against `pgctl status`,
# `pgctl logs` while five pods write 20 MB a second, what `pgctl top` costs the primary; then `pgctl status -A` over 1,000 clusters
# that are objects only. Leaves nothing behind, however it ends. Called by `make bench`, which builds first. BENCH_RUNS sets how often
# each command is run (15), BENCH_SECONDS for how long logs and top are watched (20), BENCH_CLUSTERS how many clusters there are (1000).
# At the end it says which aims (docs/runbooks/looking.md) are met; exit code 1 when one is not.
set -eu

# shellcheck source=sandbox/common.sh
. "$(dirname "$0")/common.sh"

runs=${BENCH_RUNS:-15}
seconds=${BENCH_SECONDS:-20}
clusters=${BENCH_CLUSTERS:-1000}
work=$(mktemp -d)

# looks ARGUMENTS...: a command that looks; that it finds something (4) or that nobody answers (7) is an answer
looks() {
    "$bin/pgctl" "$@" && return
    case $? in 4 | 7) ;; *) return 1 ;; esac
}

# high_water PID: the most memory that the process has had, in MiB
high_water() {
    awk '/^VmHWM/ { print int($2 / 1024 + 0.5) }' "/proc/$1/status"
}

# aim WHAT VALUE LIMIT UNIT: notes whether what was measured is no more than it may be
aim() {
    awk -v what="$1" -v value="$2" -v limit="$3" -v unit="$4" 'BEGIN {
        printf "%-4s %-48s %8s, and may be %s %s\n", value + 0 <= limit + 0 ? "ok" : "OVER", what, value, limit, unit
    }' >>"$work/aims"
}

echo "Starting a primary and five standbys..." >&2
start_cluster bench-looking-$$ 5
"$bin/pgctl" backup --store "$work/store" >/dev/null 2>&1

# Each one-shot command, in turn with `status`, so that all see the same machine; the first round counts for nothing. What grows is
# looked at once (--sample 0): `lag`, `slots` and `disk` else look twice, a second apart, which is what they are asked for. `report`
# has no aim: it reads every log.
cat >"$work/commands" <<'EOF'
status
lag --sample 0
slots --sample 0
doctor
queries
locks
connections
config
config diff
disk --sample 0
hpa
sync
history
logs --tail 100
metrics
users
databases
query values(1)
query --all values(1)
queries --top
version
tune
backup list --store STORE
report --file REPORT
EOF
round=0
while [ "$round" -le "$runs" ]; do
    while read -r line; do
        # shellcheck disable=SC2046  # The words of the line are the arguments.
        set -- $(echo "$line" | sed "s|STORE|$work/store|; s|REPORT|$work/report.tar.gz|")
        # Not every version has all of them.
        [ "$round" -gt 0 ] || "$bin/pgctl" "$1" -h >/dev/null 2>&1 || continue
        file="$work/$(echo "$line" | tr -c 'a-z0-9\n' '-')"
        [ "$round" -eq 0 ] || [ -e "$file.warm" ] || continue
        [ "$round" -gt 0 ] || file=$file.warm
        # One that is there is kept.
        rm -f "$work/report.tar.gz"
        once "$file" looks "$@"
    done <"$work/commands"
    round=$((round + 1))
done
status=$(pick median "$work/status")
while read -r line; do
    file="$work/$(echo "$line" | tr -c 'a-z0-9\n' '-')"
    [ -e "$file" ] || continue
    median=$(pick median "$file")
    times=$(awk -v a="$median" -v b="$status" 'BEGIN { printf "%.2f", a / b }')
    printf '%-48s median %8s ms   max %8s   times status %5s   (n=%s)\n' "pgctl $line" "$median" "$(pick max "$file")" "$times" "$runs"
    case $line in report*) ;; *) aim "pgctl $line" "$times" 1.2 "times status" ;; esac
done <"$work/commands"

# 20 MB a second into the logs of five pods: each writes what a server would, to where its server does, a tenth of a second's lines at a time.
cat >"$work/writes" <<'EOF'
begin=$(date +%s%N)
tick=0
while :; do
    due=$((($(date +%s%N) - begin) / 100000000))
    [ "$due" -lt $(($1 * 10)) ] || break
    [ "$tick" -lt "$due" ] || {
        sleep 0.02
        continue
    }
    awk -v moment="$(date -u '+%Y-%m-%d %H:%M:%S')" -v bytes="$2" 'BEGIN {
        while (sum < bytes) {
            line = sprintf("%s.%03d UTC [4711] LOG:  duration: %.3f ms  statement: SELECT abalance FROM pgbench_accounts WHERE aid = %d;", moment, n % 1000, n / 1000, ++n)
            print line
            sum += length(line) + 1
        }
        print n >"/dev/stderr"
    }' >/proc/1/fd/2
    tick=$((tick + 1))
done
EOF
mkfifo "$work/shown"
wc -l <"$work/shown" >"$work/lines" &
counts=$!
"$bin/pgctl" logs replicas --follow --tail 0 >"$work/shown" 2>"$work/err" &
load=$!
sleep 3
begin=$(date +%s%N)
writers=
for pod in 0 1 2 3 4; do
    "$bin/pgctl" shell "replica-$pod" -- sh -c "$(cat "$work/writes")" sh "$seconds" 400000 2>"$work/written-$pod" &
    writers="$writers $!"
done
for writer in $writers; do
    wait "$writer"
done
spent=$(($(date +%s%N) - begin))
sleep 2
memory=$(high_water "$load")
used=$(awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$load/stat")
kill "$load"
wait "$load" 2>/dev/null || true
load=
wait "$counts"
# What pgctl and the servers say of themselves are a few lines more.
cat "$work"/written-? | awk -v ns="$spent" -v shown="$(cat "$work/lines")" -v used="$used" -v memory="$memory" -v hz="$(getconf CLK_TCK)" '
    { written += $1; ticks++ }
    END {
        s = ns / 1000000000
        printf "%-48s %8.1f MB/s written, %.0f%% of the lines shown, %.0f%% of a core, %d MiB of memory\n", "pgctl logs -f, five pods that write", \
            ticks * 0.4 / s, 100 * (shown < written ? shown / written : 1), 100 * used / hz / s, memory
    }'

lacking=$(cat "$work"/written-? | awk -v shown="$(cat "$work/lines")" '{ written += $1 } END { print shown < written ? written - shown : 0 }')
aim "pgctl logs -f, lines that were not shown" "$lacking" 0 lines
aim "pgctl logs -f, memory" "$memory" 50 MiB
# What was not written says nothing of whoever shows it.
short=$(cat "$work"/written-? | awk -v ns="$spent" '{ ticks++ } END { printf "%.1f", 20 - ticks * 0.4 / (ns / 1000000000) }')
aim "pgctl logs -f, what lacks of 20 MB/s" "$short" 1 MB/s

# CPU of all processes of the primary's server, those that have ended as well, with `top` and without.
eval "$("$bin/pgctl-sandbox" env --name "$name")"
spent_by_primary() {
    psql -XAt <<'EOF'
WITH server AS (SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int AS pid),
  process AS (SELECT pid, false AS parent FROM pg_stat_activity UNION ALL SELECT pid, true FROM server),
  stat AS (SELECT parent, string_to_array(regexp_replace(
    pg_read_file('/proc/' || pid || '/stat', 0, 2000, true), '^.*\) ', ''), ' ') AS f FROM process)
SELECT sum(f[12]::int + f[13]::int + CASE WHEN parent THEN f[14]::int + f[15]::int ELSE 0 END) FROM stat;
EOF
}
before=$(spent_by_primary)
sleep "$seconds"
without=$(spent_by_primary)
"$bin/pgctl" top --interval 1s --count 100000 >/dev/null 2>"$work/err" &
load=$!
# Its beginning is that of every command.
sleep 2
begin=$(spent_by_primary)
sleep "$seconds"
with=$(spent_by_primary)
kill -0 "$load" || {
    cat "$work/err" >&2
    exit 1
}
kill "$load"
wait "$load" 2>/dev/null || true
load=
share() {
    awk -v ticks="$1" -v s="$seconds" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", 100 * ticks / hz / s }'
}
cost=$(share $((with - begin - without + before)))
printf '%-48s %8s%% of a core, of %s%% with all else\n' "pgctl top, what it costs the primary" "$cost" "$(share $((with - begin)))"
aim "pgctl top, what it costs the primary" "$cost" 1 "% of a core"

# Many clusters of a primary and two standbys. Nothing runs: what is measured is the way from the API to the screen.
"$bin/pgctl-sandbox" down --name "$name" >/dev/null 2>&1
awk -v clusters="$clusters" 'BEGIN {
    for (script = "#"; length(script) < 65536; script = script script) {}
    for (n = 0; n < clusters; n++) {
        space = "team-" n
        print (n ? "," : "{\"kind\": \"List\", \"items\": [")
        print "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"" space "\"}}"
        component = "primary"
        object("v1", "ConfigMap", "shop-postgres-scripts", "\"data\": {\"start.sh\": \"" script "\"}")
        for (set = 0; set < 2; set++) {
            component = set ? "replica" : "primary"
            name = "shop-postgres-" component
            containers = "\"containers\": [{\"name\": \"postgres\", \"image\": \"postgres:17\"}]"
            object("apps/v1", "StatefulSet", name, "\"spec\": {\"serviceName\": \"" name "\", \"replicas\": " set + 1 \
                ", \"selector\": {\"matchLabels\": {\"component\": \"" component "\"}}, \"template\": {\"metadata\": {\"labels\": {\"component\": \"" \
                component "\"}}, \"spec\": {" containers "}}}")
            object("v1", "Service", name, "\"spec\": {\"ports\": [{\"port\": 5432}]}")
            for (pod = 0; pod <= set; pod++) {
                object("v1", "Pod", name "-" pod, "\"spec\": {" containers "}")
                object("v1", "PersistentVolumeClaim", "data-" name "-" pod, \
                    "\"spec\": {\"accessModes\": [\"ReadWriteOnce\"], \"resources\": {\"requests\": {\"storage\": \"1Gi\"}}}")
            }
        }
    }
    print "]}"
}
function object(version, kind, name, rest) {
    print ", {\"apiVersion\": \"" version "\", \"kind\": \"" kind "\", \"metadata\": {\"name\": \"" name "\", \"namespace\": \"" space \
        "\", \"labels\": {\"app.kubernetes.io/name\": \"postgres\", \"app.kubernetes.io/instance\": \"shop\", \"app.kubernetes.io/component\": \"" \
        component "\"}}, " rest "}"
}' >"$work/fleet.json"
name=bench-fleet-$$
"$bin/pgctl-sandbox" up --name "$name" --manifests "$work/fleet.json" --objects-only >/dev/null 2>&1
KUBECONFIG=$("$bin/pgctl-sandbox" kubeconfig --name "$name")
export KUBECONFIG
# fleet COMMAND...: the whole time, the CPU time of pgctl and the most memory that it has had, each of three runs after one that counts
# for nothing. 7: nothing runs, so no database answers; 4: something lacks.
fleet() {
    rm -f "$work/fleet" "$work/fleet-cpu" "$work/fleet-memory"
    count=0
    while [ "$count" -le 3 ]; do
        used=0
        memory=0
        begin=$(date +%s%N)
        "$bin/pgctl" "$@" >"$work/out" 2>"$work/err" &
        child=$!
        while :; do
            # Once it has ended and is not waited for yet it has no memory any more, and all its CPU time.
            now=$(high_water "$child" 2>/dev/null) || true
            memory=${now:-$memory}
            now=$(awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$child/stat" 2>/dev/null) || true
            used=${now:-$used}
            kill -0 "$child" 2>/dev/null || break
            case $(awk '{ sub(/^.*\) /, ""); print $1 }' "/proc/$child/stat" 2>/dev/null) in Z | '') break ;; esac
            sleep 0.02
        done
        spent=$(awk -v ns=$(($(date +%s%N) - begin)) 'BEGIN { printf "%.1f", ns / 1000000 }')
        wait "$child" || case $? in 4 | 7) ;; *) false ;; esac || {
            cat "$work/err" >&2
            exit 1
        }
        [ "$count" -eq 0 ] || {
            echo "$spent" >>"$work/fleet"
            echo "$memory" >>"$work/fleet-memory"
            awk -v used="$used" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.1f\n", 1000 * used / hz }' >>"$work/fleet-cpu"
        }
        count=$((count + 1))
    done
    tell "pgctl $*, $clusters clusters" "$work/fleet" ms
    printf '%-48s CPU %8s ms   %s MiB of memory, %s clusters found\n' '' "$(pick median "$work/fleet-cpu")" \
        "$(pick max "$work/fleet-memory")" "$(grep -cE '"cluster": \{|^pgctl_verdict\{.*critical' "$work/out" || true)"
    aim "pgctl $*" "$(awk -v ms="$(pick median "$work/fleet")" 'BEGIN { printf "%.2f", ms / 1000 }')" 5 s
    aim "pgctl $*, memory" "$(pick max "$work/fleet-memory")" 200 MiB
}
fleet status -A -o json
fleet doctor -A -o json
fleet metrics -A
fleet query -A -o json 'values(1)'
fleet backup list -A -o json --store "$work/store"

echo
cat "$work/aims"
! grep -q '^OVER' "$work/aims"
