# What the runbooks share; they source it. alert SEVERITY TEXT calls the program that $ALERT names with these two
# arguments (a pager, a chat webhook, logger); without one it writes them to stderr.
# shellcheck shell=sh

alert() {
    if [ -n "${ALERT:-}" ]; then
        "$ALERT" "$1" "$2" || echo "$1: $2 (and $ALERT failed)" >&2
    else
        echo "$1: $2" >&2
    fi
}

# What an exit code of pgctl asks of people (docs/exit-codes.md).
meaning() {
    case $1 in
        1) echo "it failed; nothing is known to have changed beyond what it printed" ;;
        2) echo "the command line or the configuration is wrong" ;;
        3) echo "it was refused, and nothing was changed" ;;
        4) echo "it found something that is not as it should be" ;;
        5) echo "it stopped in the middle: what it printed names the command that goes on" ;;
        6) echo "it failed, and everything was put back" ;;
        7) echo "the Kubernetes API or every database is out of reach" ;;
        8) echo "it waited for too long" ;;
        *) echo "it ended with $1" ;;
    esac
}
