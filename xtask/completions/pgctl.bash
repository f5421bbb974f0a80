# shellcheck shell=bash
# Completion of pgctl for bash: source this file, or put it into /usr/share/bash-completion/completions as `pgctl`.
# pgctl itself says what can come; see docs/completion.md.

_pgctl() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :files) compopt -o default 2>/dev/null ;;
            :folders) compopt -o dirnames 2>/dev/null ;;
            ?*) COMPREPLY+=("$line") ;;
        esac
    done < <(command pgctl @COMPLETE@ bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null </dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}

# bash before 4.4 sorts.
complete -o nosort -F _pgctl pgctl 2>/dev/null || complete -F _pgctl pgctl
