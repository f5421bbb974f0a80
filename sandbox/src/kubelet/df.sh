#!/bin/sh
# df, as it is on a cluster: a volume claim is a file system of its own, of the claim's size. The host's df would
# show the disk of this machine, which all volumes of the sandbox share. Understood for claims: -P -k -m -h.
real=/.sandbox/bin/df

units=k asked=''
for word in "$@"; do
  case $word in
    -*[!Pkmh]* | -) exec "$real" "$@" ;; # rows that this script cannot draw
    -*h*) units=h ;;
    -*m*) units=m ;;
    -*) ;;
    *) asked=1 ;;
  esac
done

# The claims of this container, a line each: PERCENT KIB PATH (used at least that much of the size; 0: as it is).
claims() { cat /.sandbox/claims; }

human() { # KIB
  tenths=$(($1 * 10)) unit=K
  for next in M G T P; do
    [ "$tenths" -ge 10240 ] || break
    tenths=$(((tenths + 1023) / 1024)) unit=$next
  done
  if [ "$tenths" -lt 100 ]; then printf '%s.%s%s' $((tenths / 10)) $((tenths % 10)) "$unit"; else printf '%s%s' $(((tenths + 9) / 10)) "$unit"; fi
}

amount() { # KIB
  case $units in h) human "$1" ;; m) echo $((($1 + 1023) / 1024)) ;; *) echo "$1" ;; esac
}

row() { # PERCENT KIB PATH
  used=$(du -sk "$3" 2>/dev/null | { read -r kib _; echo "${kib:-0}"; })
  least=$(($2 * $1 / 100))
  [ "$used" -ge "$least" ] || used=$least
  [ "$used" -le "$2" ] || used=$2
  printf '%-20s %10s %10s %10s %4s%% %s\n' "sandbox-volume" "$(amount "$2")" "$(amount "$used")" \
    "$(amount $(($2 - used)))" $(((used * 100 + $2 - 1) / $2)) "$3"
}

heading() {
  case $units in h) size=Size ;; m) size=1M-blocks ;; *) size=1024-blocks ;; esac
  printf '%-20s %10s %10s %10s %5s %s\n' Filesystem "$size" Used Available Use% 'Mounted on'
}

# The row of the claim that a file lies in; false when it lies in none.
row_of() { # FILE
  if [ -d "$1" ]; then file=$(cd "$1" && pwd -P); else file=$(cd "$(dirname "$1")" 2>/dev/null && pwd -P)/${1##*/}; fi
  [ -e "$1" ] || return 1
  claims | {
    while read -r percent kib path; do
      case $file/ in "$path"/*) row "$percent" "$kib" "$path"; exit 0 ;; esac
    done
    exit 1
  }
}

if [ -z "$asked" ]; then
  "$real" "$@"
  claims | while read -r percent kib path; do row "$percent" "$kib" "$path"; done
  exit 0
fi
heading
failed=0
for word in "$@"; do
  case $word in
    -*) ;;
    *) row_of "$word" || { "$real" "-Pk" "$word" >/dev/null || { failed=1; continue; }
         case $units in h) option=-Ph ;; m) option=-Pm ;; *) option=-Pk ;; esac
         "$real" "$option" "$word" | tail -n +2; } ;;
  esac
done
exit "$failed"
