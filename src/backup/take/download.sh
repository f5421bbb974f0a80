
# Runs a command, compresses its output onto stdout, and reports on stderr, after a random word, how every stage ended
# and what was sent: bytes and SHA-256. POSIX sh, between pipe_begin.sh and pipe_end.sh, run as:
#   sh -c SCRIPT pgctl WORD METHOD LEVEL COMMAND [ARGUMENT...]
# Anything more on stdin than the password, or its end, stops everything: when the one who asked is gone, nothing is
# left running. Pipes are named, so that each stage is waited for and nothing touches the disk.
"$@" >"$pipes/raw" 3<&- &
command=$!
case $method in
  zstd) zstd -q -c ${number:+"-$number"} <"$pipes/raw" >"$pipes/packed" 3<&- & ;;
  gzip) gzip -c ${number:+"-$number"} <"$pipes/raw" >"$pipes/packed" 3<&- & ;;
  *) cat <"$pipes/raw" >"$pipes/packed" 3<&- & ;;
esac
compress=$!
tee "$pipes/sum" "$pipes/count" <"$pipes/packed" 3<&- &
send=$!

# A container runtime kills the script when the connection breaks, and only it: this part then cleans up alone.
(
  read -r _ <&3
  kill "$command" "$compress" "$send" "$sum" "$count"
  rm -rf "$pipes"
) >/dev/null 2>&1 &
watch=$!
