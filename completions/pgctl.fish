# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_pgctl_global_optspecs
    string join \n n/namespace= context= kubeconfig= l/selector= cluster= secret= o/output= timeout= v/verbose q/quiet no-color h/help V/version
end

function __fish_pgctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_pgctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_pgctl_using_subcommand
    set -l cmd (__fish_pgctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c pgctl -n "__fish_pgctl_needs_command" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_needs_command" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_needs_command" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_needs_command" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_needs_command" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_needs_command" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_needs_command" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_needs_command" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_needs_command" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_needs_command" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_needs_command" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_needs_command" -s V -l version -d 'Print version'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "status" -d 'Show how a cluster is, what is wrong and what to type about it'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "lag" -d 'Show how far each standby is behind, or check it'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "slots" -d 'Show what each replication slot holds back, and how long that can go on; or drop one'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "logs" -d 'Show what the servers write into their logs, all in one'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "doctor" -d 'Examine a cluster: health, protection, vacuum, indexes, security, settings, rights'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "metrics" -d 'Tell what is known of a cluster in OpenMetrics, once or for Prometheus'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "report" -d 'Collect what a ticket needs into one archive, without secrets'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "queries" -d 'Show what every server does now, and who waits for whom; or end a query'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "locks" -d 'Show who waits for a lock, and for whom'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "connections" -d 'Show who is connected, against the limit, and what keeps dead rows from going'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "config" -d 'Show the settings that each server goes by and where they come from, or how they differ; or change them'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "tune" -d 'Propose settings for the memory, the processors and the volume that the pods have'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "disk" -d 'Show what takes the space on each volume, how fast that grows, and when it is full'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "databases" -d 'List the databases: owner, size, sessions, encoding, collation'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "users" -d 'List the roles: what they may, how their password is stored, where they may connect'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "passwords" -d 'Change the passwords of the superuser and of the standbys, without anybody being locked out'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "pooler" -d 'Set up the poolers that lead clients to the cluster'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "query" -d 'Ask the primary, or every server at once, a question in SQL'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "psql" -d 'Open psql on the primary, on a standby, or on a pod'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "shell" -d 'Open a shell in a pod, or run a command there'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "port-forward" -d 'Open a local port that leads to the primary, to the standbys, or to a pod'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "top" -d 'Show what every server does at the moment, live'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "failover" -d 'Make another pod the primary'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "rejoin" -d 'Bring a former primary back as a standby'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "reinit" -d 'Give a broken standby a new volume, copied from the primary'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "scale" -d 'Change the number of replica pods, and see it through'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "rollout" -d 'Bring every pod to what its StatefulSet says, the standbys first'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "upgrade" -d 'Bring every server to another minor version, the standbys first'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "hpa" -d 'Show the autoscaler, and why it does not scale; or change it'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "sync" -d 'Show for how many standbys commits wait; or change it'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "history" -d 'Show the operations that have run: when, who, what, and what it cost'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "backup" -d 'Take a backup; list, verify or prune those there are'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "restore" -d 'Restore a backup into the cluster'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "wal" -d 'Archive the WAL, so that any second can be restored; list or verify what is archived'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "explain" -d 'Say what a code means: of a finding, of a check, of an exit'
complete -c pgctl -n "__fish_pgctl_needs_command" -f -a "version" -d 'Show the versions of pgctl, of Kubernetes, and of PostgreSQL in every pod'
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -l contexts -d 'Every cluster of several contexts of the kubeconfig at once: their names, or "all"' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -l store -d 'Look at the backups in this store, too: a directory, or s3://BUCKET/PREFIX' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -l max-lag -d 'A standby behind by more is a problem: a time, a size, or both' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -s A -l all-namespaces -d 'Every cluster of all namespaces'
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -s w -l watch -d 'Look again and again, until Ctrl-C'
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -l max-lag -d 'Make it a check: a time (10s), a size (16MB), or both (10s,16MB)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -l sample -d 'Time over which the pace is measured; 0 measures none' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -s w -l watch -d 'Look again and again, until Ctrl-C'
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand lag" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -l sample -d 'Time over which the growth is measured; 0 measures none' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -s w -l watch -d 'Look again and again, until Ctrl-C'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and not __fish_seen_subcommand_from drop" -f -a "drop" -d 'Drop a slot that nobody uses'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -l pod -d 'The server that has it [default: the primary, or the only one that has such a slot]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -l allow-slot-loss -d 'Go on although a standby of the cluster loses the slot that it streams through'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand slots; and __fish_seen_subcommand_from drop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l tail -d 'The last lines of each pod, or `all` [default: 100; all with --since or --slow]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l since -d 'What was written in the last time (10m), or since a moment (2026-11-28T13:00:00Z)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l grep -d 'Only entries in which this regular expression matches ((?i) ignores case)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l level -d 'Only entries that are at least so bad' -r -f -a "debug\t''
info\t''
log\t''
notice\t''
warning\t''
error\t''
fatal\t''
panic\t''"
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -s f -l follow -d 'Go on with what is written from now on'
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -s p -l previous -d 'Of the containers before these'
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l slow -d 'Sum up the statements that log_min_duration_statement wrote, by their shape'
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l contexts -d 'Every cluster of several contexts of the kubeconfig at once: their names, or "all"' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l fail-on -d 'Exit with 4 when something is at least as bad' -r -f -a "note\t'Anything that was found'
warning\t'Warnings, what could not be looked at, and worse'
critical\t'Only what is critical'"
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l check -d 'Only the check of this code; may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l store -d 'Look at the backups in this store, too: a directory, or s3://BUCKET/PREFIX' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l max-lag -d 'A standby behind by more is a problem: a time, a size, or both' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l statistics-age -d 'How old statistics must be to call an index unused' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -s A -l all-namespaces -d 'Every cluster of all namespaces'
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -s w -l watch -d 'Look again and again, until Ctrl-C'
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l contexts -d 'Every cluster of several contexts of the kubeconfig at once: their names, or "all"' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l listen -d 'Serve at this address, and do not end' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l interval -d 'With --listen: look at the cluster at most once in so long' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l store -d 'Look at the backups in this store, too: a directory, or s3://BUCKET/PREFIX' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l max-lag -d 'A standby behind by more is a problem: a time, a size, or both' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -s A -l all-namespaces -d 'Every cluster of all namespaces'
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand metrics" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -l file -d 'Write it here [default: pgctl-report-NAMESPACE-CLUSTER-TIME.tar.gz]; an existing file is kept' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -l tail -d 'Lines of each log' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -l with-queries -d 'Keep the texts of queries, and the values that log entries quote'
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -l pod -d 'Only the server of this pod; may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -l top -d 'The statements that took the most time (pg_stat_statements), so many of them' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -s a -l all -d 'Idle sessions and the server\'s own processes, too'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -s w -l watch -d 'Look again and again, until Ctrl-C'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -f -a "cancel" -d 'Cancel the query that a process runs; its session stays'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and not __fish_seen_subcommand_from cancel terminate" -f -a "terminate" -d 'End a session, with its query and its transaction'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -l pod -d 'The server that has it [default: the only one that has a process of this number]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -l process -d 'Go on although it is no client\'s session: a walsender, a launcher, autovacuum against wraparound'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from cancel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -l pod -d 'The server that has it [default: the only one that has a process of this number]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -l process -d 'Go on although it is no client\'s session: a walsender, a launcher, autovacuum against wraparound'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand queries; and __fish_seen_subcommand_from terminate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -l pod -d 'Only the server of this pod; may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -s w -l watch -d 'Look again and again, until Ctrl-C'
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand locks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -l pod -d 'Only the server of this pod; may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -l by -d 'By what they are taken together' -r -f -a "user\t'The role'
database\t'The database'
application\t'The application, as it calls itself'
client\t'The address that it comes from'"
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -l max-used -d 'How many percent of the connections may be used' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -s w -l watch -d 'Look again and again, until Ctrl-C'
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand connections" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -l pod -d 'Only the server of this pod; may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -s a -l all -d 'Every setting, also those that nobody has set'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -a "show" -d 'Show the settings that each server goes by'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -a "diff" -d 'Show what differs between the servers, and from the deployment\'s ConfigMap'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -a "set" -d 'Set settings on every server, by ALTER SYSTEM and a reload'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -a "unset" -d 'Take out what ALTER SYSTEM has set, on every server'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and not __fish_seen_subcommand_from show diff set unset reload" -a "reload" -d 'Let the servers read their files again, and say what that has brought'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -l pod -d 'Only the server of this pod; may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -s a -l all -d 'Every setting, also those that nobody has set'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l pod -d 'Only the server of this pod; may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -l pod -d 'Only the server of this pod; may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -l pod -d 'Only the server of this pod; may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand config; and __fish_seen_subcommand_from reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -l diff -d 'Print the lines that would change in the deployment\'s files'
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -l patch -d 'Print a kustomize patch for the overlay'
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand tune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l pod -d 'Only the server of this pod; may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l tables -d 'How many of the largest tables are shown; 0 asks for none' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l max-used -d 'How many percent of a volume may be used' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l sample -d 'Time over which the growth is measured; 0 measures none' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -s w -l watch -d 'Look again and again, until Ctrl-C'
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand disk" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -s w -l watch -d 'Look again and again, until Ctrl-C'
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand databases" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -s a -l all -d 'PostgreSQL\'s own roles, too'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -s w -l watch -d 'Look again and again, until Ctrl-C'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -f -a "create" -d 'Make a role for an application, with its database, and its password in a Secret'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and not __fish_seen_subcommand_from create drop" -f -a "drop" -d 'Drop a role of an application, and its Secret'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -s d -l database -d 'The database that it is for; it is made if it is not there' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -l connection-limit -d 'How many sessions it may have on each server [default: any number]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -l app-secret -d 'Name of the Secret for its password [default: CLUSTER-user-NAME]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -l readonly -d 'It may read everything there, and write nothing'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -l app-secret -d 'Name of the Secret with its password [default: CLUSTER-user-NAME]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -l disconnect -d 'End its sessions'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand users; and __fish_seen_subcommand_from drop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and not __fish_seen_subcommand_from rotate" -f -a "rotate" -d 'Give a role a new password, in the database and in the Secret'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -l password-file -d 'Take the new password from this file; - for standard input' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -l wait -d 'How long the pods may take to get it; then the same command goes on' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -s a -l all -d 'Both'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -l abort -d 'Go back to the password of before'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand passwords; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and not __fish_seen_subcommand_from setup" -f -a "setup" -d 'Make the role and the functions in PostgreSQL that the poolers ask for passwords by'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand pooler; and __fish_seen_subcommand_from setup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l contexts -d 'Every cluster of several contexts of the kubeconfig at once: their names, or "all"' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l pod -d 'Ask the server of this pod; may be given several times [default: the primary]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -s d -l database -d 'Database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l max-rows -d 'The most rows that are taken of a server; 0 for no limit but that of bytes' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l statement-timeout -d 'The longest that the statement may take on a server' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -s A -l all-namespaces -d 'Every cluster of all namespaces'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -s a -l all -d 'Ask every server'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l replica -d 'Ask every standby'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l csv -d 'Print CSV (RFC 4180): NULL is empty, the empty string is ""'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l write -d 'It may change something: on the primary only, and somebody has to agree'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l dry-run -d 'Only show what would be done, and what speaks against it'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand query" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -s d -l database -d 'Database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -l primary -d 'On the primary, whichever pod that is'
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -l replica -d 'On a standby that is ready'
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -l in-pod -d 'With the pod\'s psql, also where this machine has one'
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand psql" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand shell" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -l port -d 'Port of this machine; 0 is any that is free' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -l address -d 'Address of this machine; anything but a loopback address lets others in' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand port-forward" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -l interval -d 'Time between two looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -l count -d 'End after so many looks' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l to -d 'The pod to promote, by any unambiguous tail of its name [default: the best]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l max-lag-bytes -d 'How many bytes the new primary may be behind when it begins' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l stop-timeout -d 'How long the old primary may take to shut down [default: the grace period of its pod and 30 s, which is also the least]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l hold -d 'Let the clients of poolers wait while the primary moves, in place of failing (only in a switchover)' -r -f -a "try\t'Where it can be done; else they may see errors, and are told of'
require\t'Or the primary stays where it is'
off\t'No'"
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l hold-limit -d 'How long running transactions may take until they wait; then nobody does' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l rejoin -d 'Bring the old primary back as a standby, too'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l blind -d 'Stop a primary that is alive and that pgctl can\'t reach, through Kubernetes; one that would lack any of its data is not promoted'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l accept-loss -d 'Promote although commits are lost that the old primary has acknowledged'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l accept-split-brain-risk -d 'Promote although nobody can prove that the old primary has stopped'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l allow-drift -d 'Go on although a GitOps tool may revert the changes'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l allow-slot-loss -d 'Go on although logical replication slots are lost'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l allow-backup-loss -d 'Go on although a base backup is cut off'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l allow-archive-gap -d 'Go on although WAL is missing from the archive, for a primary whose archiving can\'t be mended'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l resume -d 'Go on with the operation that was left unfinished'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l abort -d 'Put back what the unfinished operation has done'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand failover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l stream-timeout -d 'How long it may take until it streams' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l clone -d 'Throw its data away and copy it anew'
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l resume -d 'Go on with the operation that was left unfinished'
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l abort -d 'Put back what the unfinished operation has done'
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand rejoin" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l stream-timeout -d 'How long it may take until it streams' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l resume -d 'Go on with the operation that was left unfinished'
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l abort -d 'Put back what the unfinished operation has done'
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand reinit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l max-lag-bytes -d 'How many bytes a standby that is done may be behind' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l wait-timeout -d 'How long the new standbys may take' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l pin -d 'Hold the autoscaler at this number, until pgctl hpa resume'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l permanent -d 'Make it the autoscaler\'s minimum, and its maximum at least that'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l temporary -d 'Leave the autoscaler alone: it may change the number again'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l no-wait -d 'Do not wait until the pods are there, or gone'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l delete-volumes -d 'Delete the volumes of the pods that go, and of those that went before'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l resume -d 'Go on with the operation that was left unfinished'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l abort -d 'Put back what the unfinished operation has done'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand scale" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l pod -d 'Only this pod, by any unambiguous tail of its name' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l pod-timeout -d 'How long one pod may take until it is back' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l max-lag-bytes -d 'How many bytes a standby that is done may be behind' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l restart -d 'Also those that were made from the present template'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l undo -d 'First go back to the template of before the last change'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l back -d 'At the end make the pod primary again that was it at the beginning'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l allow-drift -d 'Hand the role over although a GitOps tool may revert it'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l allow-slot-loss -d 'Hand the role over although logical slots are lost'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l allow-archive-gap -d 'Hand the role over although WAL is missing from the archive'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l allow-backup-loss -d 'Hand the role over although a base backup is cut off'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l resume -d 'Go on with the operation that was left unfinished'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l abort -d 'Put back what the unfinished operation has done'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand rollout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l to -d 'The version: 17.6' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l image -d 'The image that has it [default: the present one, with the version in its tag]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l pod-timeout -d 'How long one pod may take until it is back' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l back -d 'At the end make the pod primary again that was it at the beginning'
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l allow-drift -d 'Go on although a GitOps tool may revert it'
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand upgrade" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -l resume -d 'Go on with the change that was left unfinished'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -l abort -d 'Put back what the unfinished change has done'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -f -a "show" -d 'Show bounds, metrics against targets, conditions, and why it does not scale'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -f -a "set" -d 'Change its bounds, or the targets of its metrics'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -f -a "pause" -d 'Hold the number of pods where it is; the bounds are remembered'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and not __fish_seen_subcommand_from show set pause resume" -f -a "resume" -d 'Give the bounds of before the pause back'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l min -d 'The least pods (minReplicas)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l max -d 'The most pods (maxReplicas)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l cpu -d 'Average use of the CPU to aim at, in % of the request' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l memory -d 'Average use of the memory to aim at, in % of the request' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand hpa; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -l resume -d 'Go on with the change that was left unfinished'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -l abort -d 'Put back what the unfinished change has done'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -f -a "show" -d 'Show for how many standbys commits wait, and which confirm'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and not __fish_seen_subcommand_from show set" -f -a "set" -d 'Let commits wait for so many standbys'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -l standbys -d 'How many, or `off`' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand sync; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l database -d 'Only this database (pg_dump, custom format)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l from -d 'primary, replica, or a pod [default: a standby where that is safe]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l store -d 'A directory, or s3://BUCKET/PREFIX [default: ~/.local/state/pgctl/backups]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l compress -d 'zstd, gzip or none, with a level if wanted: zstd:9 [default: zstd, else gzip]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l jobs -d 'Databases that are dumped at the same time' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l rate -d 'The most that is taken from the wire in a second, such as 20MB, for each job' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l label -d 'What to call it' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l encrypt -d 'Encrypt it for this age recipient (age1...); may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l via -d 'Where PostgreSQL\'s tools run' -r -f -a "exec\t'The server\'s own tools, in the pod'
port-forward\t'This machine\'s tools, through a forwarded port'"
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l physical -d 'The data directory with the WAL to start it (pg_basebackup)'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -f -a "list" -d 'List the backups of a store'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -f -a "verify" -d 'Read backups again from end to end, and say what is wrong with them'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and not __fish_seen_subcommand_from list verify prune" -f -a "prune" -d 'Delete old backups'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l store -d 'A directory, or s3://BUCKET/PREFIX [default: ~/.local/state/pgctl/backups]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l contexts -d 'Every cluster of several contexts of the kubeconfig at once: their names, or "all"' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -s A -l all-namespaces -d 'Every cluster of all namespaces'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l store -d 'A directory, or s3://BUCKET/PREFIX [default: ~/.local/state/pgctl/backups]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l identity -d 'File with the age key, to look into encrypted ones' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l all -d 'Every backup of the store'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l restore-test -d 'Restore it into a throw-away server on this machine, too, and look at every table'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l to-latest -d 'Of a base backup, with all of the archived WAL after it: the archive\'s proof [default backup: the newest base backup]'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l keep-last -d 'Keep the newest so many' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l keep-daily -d 'Keep the newest of each of the last so many days that have one' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l keep-weekly -d 'Keep the newest of each of the last so many weeks that have one' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l keep-window -d 'Keep what it takes to restore any moment of so long, such as 14d' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l store -d 'A directory, or s3://BUCKET/PREFIX [default: ~/.local/state/pgctl/backups]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l dry-run -d 'Show what would be deleted, and delete nothing'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -s y -l yes -d 'Delete without asking'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand backup; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l to -d 'The cluster, by the label app.kubernetes.io/instance [default: that of the namespace]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l database -d 'Only this database of the backup' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l except -d 'Not this database of the backup (can be given several times)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l as -d 'The name that the one database gets' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l to-time -d 'As it was at this moment, with its time zone: what was committed until then is in' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l to-lsn -d 'Up to the WAL record at this position' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l to-name -d 'Up to this restore point (pg_create_restore_point)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l to-xid -d 'Up to the end of this transaction' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l timeline -d 'The timeline to follow, where several have something else there' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l store -d 'A directory, or s3://BUCKET/PREFIX [default: ~/.local/state/pgctl/backups]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l identity -d 'File with the age key, for an encrypted backup' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l move-timeout -d 'How long moving the data may take' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l clean -d 'Replace databases that hold data; of a full backup, passwords and attributes of roles, too'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l no-safety-backup -d 'Do not back up what --clean replaces'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l latest -d 'With the last of the WAL that is archived'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l exclusive -d 'Leave out what is exactly there: the commits of that microsecond, the record, the transaction'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l pause -d 'Of a base backup: stop when the restored primary runs, before any client is let in; after a look --resume goes on, --abort puts everything back'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l allow-drift -d 'Go on although a GitOps tool may revert the changes'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l discard-old -d 'Delete what earlier restores have kept'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l dry-run -d 'Only show the checks and the plan'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -s y -l yes -d 'Do not ask'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l events -d 'Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l resume -d 'Go on with the operation that was left unfinished'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l abort -d 'Put back what the unfinished operation has done'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -f -a "archive" -d 'Archive the WAL of the cluster as it is written, until stopped'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -f -a "list" -d 'List what is archived: timelines, ranges, gaps, and the moments that can be restored'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and not __fish_seen_subcommand_from archive list verify" -f -a "verify" -d 'Read archived WAL again from end to end, and say what is wrong with it'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l store -d 'A directory, or s3://BUCKET/PREFIX [default: ~/.local/state/pgctl/backups]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l spool -d 'Folder for what is not stored yet; it must outlive this process [default: ~/.local/state/pgctl/wal-spool]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l spool-limit -d 'The most that may wait in it; beyond that nothing is received' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l encrypt -d 'Encrypt for this age recipient (age1...); may be given several times' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l via -d 'The way to the primary [default: service in a pod, else port-forward]' -r -f -a "service\t'The address of the write Service, from within the cluster'
port-forward\t'A port forwarded through the Kubernetes API'"
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from archive" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -l store -d 'A directory, or s3://BUCKET/PREFIX [default: ~/.local/state/pgctl/backups]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -l store -d 'A directory, or s3://BUCKET/PREFIX [default: ~/.local/state/pgctl/backups]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -l identity -d 'File with the age key, to look into encrypted segments' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand wal; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -s n -l namespace -d 'Namespace of the cluster [default: that of the context]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -l context -d 'Context of the kubeconfig [default: the current one]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -l kubeconfig -d 'Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -s l -l selector -d 'Label selector of the cluster\'s objects [default: app.kubernetes.io/name=postgres]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -l cluster -d 'Which cluster, when there are several (label app.kubernetes.io/instance)' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -l secret -d 'Secret with the passwords [default: the one that the pods use]' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -s o -l output -d 'How to print the result' -r -f -a "table\t'For people'
wide\t'For people, with more columns'
json\t'JSON (docs/output.md)'
yaml\t'YAML, the same data'
value=FIELD\t'One field of the JSON document, such as value=kind or value=servers[].pod'"
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -l timeout -d 'The longest to wait for one answer, of the API or of a database' -r
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -l client -d 'Only that of pgctl: nobody is asked'
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -s v -l verbose -d 'Tell more, on stderr'
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -s q -l quiet -d 'Print the answer only'
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -l no-color -d 'No colours (as NO_COLOR=1)'
complete -c pgctl -n "__fish_pgctl_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
