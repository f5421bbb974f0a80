//! What settings take of the container's memory.

use super::ground::{SettingGround, SettingRequest};
use crate::change::ChangeCheck;
use crate::cluster::{ServerConfig, amount_in_bytes, words};

/// Settings that are memory, which is taken as a whole or by each session. Others (effective_cache_size, max_wal_size)
/// are in bytes, too, and take none.
const TAKEN: [&str; 8] = [
    "shared_buffers",
    "work_mem",
    "maintenance_work_mem",
    "autovacuum_work_mem",
    "temp_buffers",
    "logical_decoding_work_mem",
    "wal_buffers",
    "min_dynamic_shared_memory",
];

/// More than that share of the memory for shared_buffers leaves too little for all else.
const LARGEST_SHARE: f64 = 0.5;

const CHECK: &str = "memory";

/// Whether it fits the smallest container that it is for; none when no setting is about memory.
pub(super) fn memory(
    requests: &[SettingRequest],
    ground: &SettingGround<'_>,
) -> Option<ChangeCheck> {
    let about =
        |it: &&SettingRequest| TAKEN.contains(&it.name.as_str()) || it.name == "max_connections";
    let mut asked = requests.iter().filter(about).peekable();
    asked.peek()?;
    let limits = ground.chosen_servers().filter_map(|(pod, config)| {
        let limit = ground.memory_limits.get(pod).copied().flatten()?;
        Some((limit, pod, config))
    });
    let Some((limit, pod, config)) = limits.min_by_key(|(limit, ..)| *limit) else {
        return Some(ChangeCheck::warn(
            CHECK,
            "no container has a memory limit, or none could be seen: whether it fits is not known",
        ));
    };
    for request in asked {
        let Some((setting, value)) = config.setting(&request.name).zip(request.value.as_deref())
        else {
            continue;
        };
        let bytes = amount_in_bytes(setting, value).unwrap_or_default();
        if bytes >= limit {
            return Some(
                ChangeCheck::refuse(
                    CHECK,
                    format!(
                        "{} of {} is more than the container of {pod} has: its limit is {}",
                        request.name,
                        words::bytes(bytes),
                        words::bytes(limit)
                    ),
                )
                .next(format!("pgctl config show {}", request.name)),
            );
        }
        if request.name == "shared_buffers" && bytes as f64 > limit as f64 * LARGEST_SHARE {
            return Some(ChangeCheck::warn(
                CHECK,
                format!(
                    "{} of a limit of {}: a quarter is usual, sessions and the cache of files need the rest",
                    words::bytes(bytes),
                    words::bytes(limit)
                ),
            ));
        }
    }
    Some(all_at_work(requests, config, pod, limit))
}

/// All sessions at work, each with one sort.
fn all_at_work(
    requests: &[SettingRequest],
    config: &ServerConfig,
    pod: &str,
    limit: u64,
) -> ChangeCheck {
    let value = |name: &str| {
        let setting = config.setting(name)?;
        let asked = requests.iter().find(|it| it.name == name);
        let value = asked.and_then(|it| it.value.as_deref());
        Some((setting, value.unwrap_or(&setting.value)))
    };
    let bytes = |name: &str| {
        value(name)
            .and_then(|(setting, value)| amount_in_bytes(setting, value))
            .unwrap_or_default()
    };
    let connections = value("max_connections").and_then(|(_, it)| it.trim().parse::<u64>().ok());
    let sessions = connections.unwrap_or_default();
    let most = bytes("shared_buffers").saturating_add(bytes("work_mem").saturating_mul(sessions));
    let said = format!(
        "{} of shared_buffers and {} for each of {sessions} sessions are {}",
        words::bytes(bytes("shared_buffers")),
        words::bytes(bytes("work_mem")),
        words::bytes(most)
    );
    if most > limit {
        let reason = format!("{said}, and the limit of {pod} is {}", words::bytes(limit));
        return ChangeCheck::warn(CHECK, reason);
    }
    ChangeCheck::pass(CHECK, format!("{said}, of {}", words::bytes(limit)))
}
