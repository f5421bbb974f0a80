# Completion of pgctl for fish: put this file into ~/.config/fish/completions.
# pgctl itself says what can come; see docs/completion.md.

function __pgctl_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for line in (command pgctl __complete fish $words[2..-1] "$word" 2>/dev/null </dev/null)
        set -l option (string match -r -- '^--[^=]*=' "$word")
        set -l path (string replace -- "$option" '' "$word")
        switch $line
            case :files
                printf '%s\n' "$option"(__fish_complete_path "$path")
            case :folders
                printf '%s\n' "$option"(__fish_complete_directories "$path")
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c pgctl -f -k -a '(__pgctl_complete)'
