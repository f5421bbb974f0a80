# Runs a command, compresses its output onto stdout, and reports on stderr, after a random word, how every stage ended
# and what was sent: bytes and SHA-256. POSIX sh, run as: sh -c SCRIPT pgctl WORD METHOD LEVEL COMMAND [ARGUMENT...]
# The first line on stdin is the password. Anything more on stdin, or its end, stops everything: when the one who asked
# is gone, nothing is left running. Pipes are named, so that each stage is waited for and nothing touches the disk.
set -u
word=$1 method=$2 level=$3
shift 3
say() { printf '%s %s\n' "$word" "$*" >&2; }

IFS= read -r PGPASSWORD || exit 1
if [ -n "$PGPASSWORD" ]; then export PGPASSWORD; else unset PGPASSWORD; fi
exec 3<&0 </dev/null

umask 077
pipes=$(mktemp -d "${TMPDIR:-/tmp}/pgctl.XXXXXX") || { say failed pipes; exit 1; }
trap 'rm -rf "$pipes"' EXIT
mkfifo "$pipes/raw" "$pipes/packed" "$pipes/sum" "$pipes/count" || { say failed pipes; exit 1; }

"$@" >"$pipes/raw" 3<&- &
command=$!
case $method in
  zstd) zstd -q -c ${level:+"-$level"} <"$pipes/raw" >"$pipes/packed" 3<&- & ;;
  gzip) gzip -c ${level:+"-$level"} <"$pipes/raw" >"$pipes/packed" 3<&- & ;;
  *) cat <"$pipes/raw" >"$pipes/packed" 3<&- & ;;
esac
compress=$!
sha256sum <"$pipes/sum" >"$pipes/sum.txt" 3<&- &
sum=$!
wc -c <"$pipes/count" >"$pipes/count.txt" 3<&- &
count=$!
tee "$pipes/sum" "$pipes/count" <"$pipes/packed" 3<&- &
send=$!

# A container runtime kills the script when the connection breaks, and only it: this part then cleans up alone.
(
  read -r _ <&3
  kill "$command" "$compress" "$send" "$sum" "$count"
  rm -rf "$pipes"
) >/dev/null 2>&1 &
watch=$!

failed=0
ended() {
  wait "$2"
  status=$?
  [ "$status" -eq 0 ] || failed=1
  say stage "$1" "$status"
}
ended command "$command"
ended compress "$compress"
ended send "$send"
ended sum "$sum"
ended count "$count"
kill "$watch" 2>/dev/null
wait "$watch" 2>/dev/null

read -r digest _ <"$pipes/sum.txt"
read -r bytes <"$pipes/count.txt"
say sent "${bytes:-unknown}" "${digest:-unknown}"
exit "$failed"
