//! Values that a server takes, and does not start with, or that cost data.

use super::ground::{SettingGround, SettingRequest, without_alter_system};
use crate::change::ChangeCheck;
use crate::cluster::ServerConfig;

/// What it would have of a setting after the change, as a number.
fn number(requests: &[SettingRequest], config: &ServerConfig, name: &str) -> Option<i64> {
    let setting = config.setting(name)?;
    let asked = requests.iter().find(|it| it.name == name);
    let value = match asked {
        None => setting.value.as_str(),
        Some(SettingRequest {
            value: Some(value), ..
        }) => value,
        Some(_) => without_alter_system(config, setting)?,
    };
    value.trim().parse().ok()
}

/// Whether the servers start again with it.
pub(super) fn next_start(requests: &[SettingRequest], ground: &SettingGround<'_>) -> ChangeCheck {
    const CHECK: &str = "next start";
    let asked = |names: &[&str]| requests.iter().any(|it| names.contains(&it.name.as_str()));
    let value = |name: &str| {
        let request = requests.iter().find(|it| it.name == name)?;
        request.value.as_deref().map(str::to_lowercase)
    };
    if value("wal_level").is_some_and(|it| it == "minimal") {
        return ChangeCheck::refuse(
            CHECK,
            "wal_level = minimal leaves standbys nothing to replay, and with max_wal_senders above 0 no \
             server starts",
        );
    }
    const RESERVED: [&str; 3] = [
        "max_connections",
        "superuser_reserved_connections",
        "reserved_connections",
    ];
    let standbys = i64::try_from(ground.answers.len().saturating_sub(1)).unwrap_or(i64::MAX);
    for (pod, config) in ground.chosen_servers() {
        let of = |name: &str| number(requests, config, name);
        if asked(&RESERVED) {
            let reserved = of(RESERVED[1]).unwrap_or(0) + of(RESERVED[2]).unwrap_or(0);
            if of(RESERVED[0]).is_some_and(|most| reserved >= most) {
                let reason = format!(
                    "{reserved} reserved connections leave none of max_connections: {pod} would not start"
                );
                return ChangeCheck::refuse(CHECK, reason);
            }
        }
        if asked(&["max_replication_slots"])
            && let Some(most) =
                of("max_replication_slots").filter(|it| *it < i64::from(config.slots))
        {
            let reason = format!(
                "{pod} has {} replication slots and would not start with {most}",
                config.slots
            );
            return ChangeCheck::refuse(CHECK, reason).next("pgctl slots");
        }
        for name in ["max_wal_senders", "max_replication_slots"] {
            if asked(&[name])
                && let Some(most) = of(name).filter(|it| *it < standbys)
            {
                let reason =
                    format!("{name} = {most} is less than the {standbys} standbys that stream");
                return ChangeCheck::refuse(CHECK, reason).next("pgctl lag");
            }
        }
    }
    ChangeCheck::pass(CHECK, "nothing in it keeps a server from starting")
}

/// What is known to cost data or safety; none when nothing is.
pub(super) fn price(requests: &[SettingRequest]) -> Option<ChangeCheck> {
    requests.iter().find_map(|it| {
        let value = it.value.as_deref()?.trim().to_lowercase();
        let off = ["off", "false", "no", "0"].contains(&value.as_str());
        match it.name.as_str() {
            "fsync" | "full_page_writes" if off => Some(
                "after a crash of the node the data may be damaged beyond repair, and nobody notices at once",
            ),
            "synchronous_commit" if off || value == "local" => {
                Some("what was committed in the last moment is lost when the primary is")
            }
            "autovacuum" if off => {
                Some("dead rows stay, and the server stops taking writes when transaction ids run out")
            }
            "zero_damaged_pages" | "ignore_checksum_failure" if !off => {
                Some("damaged data is passed over, or thrown away, without an error")
            }
            "default_transaction_read_only" if !off => {
                Some("no client can write until this is taken back")
            }
            "ssl" | "huge_pages" if !off && value != "try" => {
                Some("where what it needs is missing, the server does not start again")
            }
            "wal_keep_size" | "max_slot_wal_keep_size" if value == "0" => {
                Some("a standby that is away for a moment may have to be copied anew")
            }
            _ => None,
        }
        .map(|why| ChangeCheck::warn("price", format!("{} = {value}: {why}", it.name)))
    })
}
