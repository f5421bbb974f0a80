# Runs pg_receivewal for as long as whoever has started this lives: its stdin ends with them.
# POSIX sh, run as: sh -c SCRIPT pgctl pg_receivewal ARGUMENT...
exec 3<&0 </dev/null
"$@" 3<&- &
child=$!
# INT is what it ends by in good order.
(
  while read -r _ <&3; do :; done
  # One that has only just begun does not heed it yet.
  for _ in 1 2 3 4 5; do
    kill -INT "$child" 2>/dev/null || exit 0
    sleep 1
  done
  kill -KILL "$child" 2>/dev/null
) >/dev/null 2>&1 &
watch=$!
exec 3<&-
wait "$child"
status=$?
kill "$watch" 2>/dev/null
exit "$status"
