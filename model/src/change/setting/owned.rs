//! Settings that are none of an operator's to change by hand: pgctl and the start script keep them, or nobody can.

use crate::cluster::{STANDBY_LIMITS, Setting};

/// Why it is not to be changed, and what to type instead.
pub(super) struct Owned {
    pub(super) why: &'static str,
    pub(super) next: Option<&'static str>,
}

/// Given on the command line by the start script, or taken out of `postgresql.auto.conf` at each start
/// (`IDENTITY_SETTINGS` in deploy/base/scripts/settings.sh).
const IDENTITY: [&str; 12] = [
    "hot_standby",
    "config_file",
    "hba_file",
    "ident_file",
    "data_directory",
    "external_pid_file",
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "unix_socket_group",
    "unix_socket_permissions",
    "cluster_name",
];

/// The start script raises these on the command line where they would be too low; what the files say still counts at
/// the next start.
const RAISED: [&str; 1] = ["idle_replication_slot_timeout"];

/// Why nobody changes this setting by `ALTER SYSTEM`; none when it may be.
pub(super) fn owned(name: &str) -> Option<Owned> {
    let (why, next) = match name {
        "primary_conninfo" | "primary_slot_name" => (
            "pgctl and the start script say from whom a standby streams",
            Some("pgctl status"),
        ),
        "synchronous_standby_names" => (
            "pgctl keeps it, with the topology, so that a failover knows it",
            Some("pgctl sync"),
        ),
        "promote_trigger_file" | "restore_command" => (
            "it would make another server of a standby, and each copy would have it, too",
            None,
        ),
        _ if name.starts_with("recovery_") => (
            "it would make another server of a standby, and each copy would have it, too",
            None,
        ),
        _ if IDENTITY.contains(&name) => (
            "the start script gives it on the command line: what a pod is, is no setting",
            None,
        ),
        "transaction_isolation" | "transaction_read_only" | "transaction_deferrable" => {
            ("each transaction has its own", None)
        }
        _ => return None,
    };
    Some(Owned { why, next })
}

/// The same by what a server says of it.
pub(super) fn fixed(setting: &Setting) -> Option<&'static str> {
    let name = setting.name.as_str();
    let raised = STANDBY_LIMITS.contains(&name) || RAISED.contains(&name);
    if setting.context == "internal" {
        Some("nothing changes it: it is how the server was built, or its data made")
    } else if setting.source == "command line" && !raised {
        Some("the container's command line has it, which overrules every file")
    } else {
        None
    }
}
