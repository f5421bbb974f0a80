# The beginning of a script that runs a command in a pipe with what compresses and what counts. What comes after it sets
# command, compress, send and watch to the processes at the pipes, and pipe_end.sh comes last.
# Arguments: WORD METHOD NUMBER COMMAND [ARGUMENT...]. The first line on stdin is the password; the rest is at 3.
set -u
word=$1 method=$2 number=$3
shift 3
say() { printf '%s %s\n' "$word" "$*" >&2; }

IFS= read -r PGPASSWORD || exit 1
if [ -n "$PGPASSWORD" ]; then export PGPASSWORD; else unset PGPASSWORD; fi
exec 3<&0 </dev/null

umask 077
pipes=$(mktemp -d "${TMPDIR:-/tmp}/pgctl.XXXXXX") || { say failed pipes; exit 1; }
trap 'rm -rf "$pipes"' EXIT
mkfifo "$pipes/in" "$pipes/raw" "$pipes/packed" "$pipes/sum" "$pipes/count" || { say failed pipes; exit 1; }
sha256sum <"$pipes/sum" >"$pipes/sum.txt" 3<&- &
sum=$!
wc -c <"$pipes/count" >"$pipes/count.txt" 3<&- &
count=$!
