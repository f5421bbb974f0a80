# Waits until its stdin ends, which it does however the one ends who started it; then stops the server in the folder and
# removes the folder. POSIX sh, run as: sh -c SCRIPT pgctl FOLDER
trap '' HUP INT TERM
read -r _
pid=
[ ! -e "$1/data/postmaster.pid" ] || IFS= read -r pid <"$1/data/postmaster.pid"
case $pid in
  '' | *[!0-9]*) ;;
  *) kill -s QUIT "$pid" 2>/dev/null ;;
esac
# What runs in it may still write for a moment.
tries=0
while rm -rf "$1" 2>/dev/null; [ -e "$1" ] && [ "$tries" -lt 150 ]; do
  tries=$((tries + 1))
  sleep 0.2
done
[ ! -e "$1" ]
