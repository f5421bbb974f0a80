
# Takes an archive from stdin, decompresses it, and feeds it to a command; reports on stderr, after a random word, how
# every stage ended and what arrived: bytes and SHA-256. POSIX sh, between pipe_begin.sh and pipe_end.sh, run as:
#   sh -c SCRIPT pgctl WORD METHOD BYTES COMMAND [ARGUMENT...]
# After the password come so many bytes. After them stdin stays open: its end stops everything, so that nothing is left
# running when the one who asked is gone. The command is told by the exit status alone whether what it got was whole;
# whoever asked compares bytes and SHA-256 before he believes it.
"$@" <"$pipes/raw" 1>&2 3<&- &
command=$!
case $method in
  zstd) zstd -q -d -c <"$pipes/packed" >"$pipes/raw" 3<&- & ;;
  gzip) gzip -d -c <"$pipes/packed" >"$pipes/raw" 3<&- & ;;
  *) cat <"$pipes/packed" >"$pipes/raw" 3<&- & ;;
esac
compress=$!
tee "$pipes/sum" "$pipes/count" <"$pipes/in" >"$pipes/packed" 3<&- &
send=$!

(
  head -c "$number" <&3 >"$pipes/in"
  read -r _ <&3
  kill "$command" "$compress" "$send" "$sum" "$count"
) >/dev/null 2>&1 &
watch=$!
