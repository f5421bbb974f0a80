# Takes an archive from stdin, decompresses it, and feeds it to a command; reports on stderr, after a random word, how
# every stage ended and what arrived: bytes and SHA-256. POSIX sh, run as:
#   sh -c SCRIPT pgctl WORD METHOD BYTES COMMAND [ARGUMENT...]
# The first line on stdin is the password, then come so many bytes. After them stdin stays open: its end stops
# everything, so that nothing is left running when the one who asked is gone. The command is told by the exit status
# alone whether what it got was whole; whoever asked compares bytes and SHA-256 before he believes it.
set -u
word=$1 method=$2 bytes=$3
shift 3
say() { printf '%s %s\n' "$word" "$*" >&2; }

IFS= read -r PGPASSWORD || exit 1
if [ -n "$PGPASSWORD" ]; then export PGPASSWORD; else unset PGPASSWORD; fi
exec 3<&0 </dev/null

umask 077
pipes=$(mktemp -d "${TMPDIR:-/tmp}/pgctl.XXXXXX") || { say failed pipes; exit 1; }
trap 'rm -rf "$pipes"' EXIT
mkfifo "$pipes/in" "$pipes/packed" "$pipes/raw" "$pipes/sum" "$pipes/count" || { say failed pipes; exit 1; }

"$@" <"$pipes/raw" 1>&2 3<&- &
command=$!
case $method in
  zstd) zstd -q -d -c <"$pipes/packed" >"$pipes/raw" 3<&- & ;;
  gzip) gzip -d -c <"$pipes/packed" >"$pipes/raw" 3<&- & ;;
  *) cat <"$pipes/packed" >"$pipes/raw" 3<&- & ;;
esac
compress=$!
sha256sum <"$pipes/sum" >"$pipes/sum.txt" 3<&- &
sum=$!
wc -c <"$pipes/count" >"$pipes/count.txt" 3<&- &
count=$!
tee "$pipes/sum" "$pipes/count" <"$pipes/in" >"$pipes/packed" 3<&- &
send=$!

(
  head -c "$bytes" <&3 >"$pipes/in"
  read -r _ <&3
  kill "$command" "$compress" "$send" "$sum" "$count"
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
read -r got <"$pipes/count.txt"
say sent "${got:-unknown}" "${digest:-unknown}"
exit "$failed"
