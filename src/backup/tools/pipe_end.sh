
# The end of a script that runs a command in a pipe: says how every stage ended, and what was counted.
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
read -r counted <"$pipes/count.txt"
say sent "${counted:-unknown}" "${digest:-unknown}"
exit "$failed"
