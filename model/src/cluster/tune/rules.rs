//! The rules.

use super::facts::TuneFacts;
use crate::cluster::{ServerConfig, amount_in_bytes, words};

const RESOURCE: &str = "https://www.postgresql.org/docs/current/runtime-config-resource.html";
const QUERY: &str = "https://www.postgresql.org/docs/current/runtime-config-query.html";
const WAL: &str = "https://www.postgresql.org/docs/current/runtime-config-wal.html";
const REPLICATION: &str = "https://www.postgresql.org/docs/current/runtime-config-replication.html";
const VACUUM: &str = "https://www.postgresql.org/docs/current/routine-vacuuming.html";
const CLIENT: &str = "https://www.postgresql.org/docs/current/runtime-config-client.html";

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What the rules go by.
pub(super) struct Sizes {
    memory: Option<u64>,
    cpus: Option<f64>,
    volume: Option<u64>,
    standbys: u32,
    connections: u64,
    shared_buffers: Option<u64>,
}

impl Sizes {
    pub(super) fn of(config: &ServerConfig, facts: &TuneFacts) -> Self {
        let connections = config.setting("max_connections");
        let connections = connections.and_then(|it| it.value.parse().ok());
        let buffers = config.setting("shared_buffers");
        Self {
            memory: facts.memory_bytes,
            cpus: facts.cpus,
            volume: facts.volume_bytes,
            standbys: facts.standbys,
            connections: connections.unwrap_or(100),
            shared_buffers: match facts.memory_bytes {
                Some(memory) => Some(memory / 4),
                None => buffers.and_then(|it| amount_in_bytes(it, &it.value)),
            },
        }
    }

    fn cores(&self) -> Option<u64> {
        self.cpus.map(|it| it.ceil().max(1.0) as u64)
    }
}

/// The value of one setting, with its reason; none when what it goes by is not known.
type Value = fn(&Sizes) -> Option<(String, String)>;

/// A rule.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) source: &'static str,
    /// More than that is fine, too.
    pub(super) at_least: bool,
    pub(super) value: Value,
}

const fn rule(name: &'static str, source: &'static str, value: Value) -> Rule {
    Rule {
        name,
        source,
        at_least: false,
        value,
    }
}

const fn enough(name: &'static str, source: &'static str, value: Value) -> Rule {
    Rule {
        name,
        source,
        at_least: true,
        value,
    }
}

/// In the largest unit that it is whole in; to a MiB.
fn mebibytes(bytes: u64) -> String {
    let mib = (bytes / MIB).max(1);
    match mib % 1024 {
        0 => format!("{}GB", mib / 1024),
        _ => format!("{mib}MB"),
    }
}

fn fixed(value: &str, reason: &str) -> Option<(String, String)> {
    Some((value.to_owned(), reason.to_owned()))
}

pub(super) const RULES: [Rule; 19] = [
    rule("shared_buffers", RESOURCE, |it| {
        let memory = it.memory?;
        let reason = format!("a quarter of the container's {}", words::bytes(memory));
        Some((mebibytes(memory / 4), reason))
    }),
    rule("effective_cache_size", QUERY, |it| {
        let memory = it.memory?;
        let reason = format!(
            "what the planner may expect in caches: two thirds of {}",
            words::bytes(memory)
        );
        Some((mebibytes(memory / 3 * 2), reason))
    }),
    rule("work_mem", RESOURCE, |it| {
        let memory = it.memory?;
        let rest = memory.saturating_sub(it.shared_buffers?);
        let each = (rest / (it.connections.max(1) * 3)).clamp(4 * MIB, 256 * MIB);
        let reason = format!(
            "three sorts or hashes of each of {} sessions fit beside shared_buffers",
            it.connections
        );
        Some((mebibytes(each), reason))
    }),
    rule("maintenance_work_mem", RESOURCE, |it| {
        let memory = it.memory?;
        let value = (memory / 16).clamp(64 * MIB, 2 * GIB);
        Some((
            mebibytes(value),
            "a sixteenth of the memory: vacuum and CREATE INDEX have it once each".to_owned(),
        ))
    }),
    rule("huge_pages", RESOURCE, |_| {
        fixed(
            "off",
            "a container without a limit of huge pages dies of SIGBUS where the node has some",
        )
    }),
    enough("max_worker_processes", RESOURCE, |it| {
        let cores = it.cores()?;
        let value = cores.max(8);
        Some((
            value.to_string(),
            format!("{}, and room for extensions", words::counted(cores, "core")),
        ))
    }),
    rule("max_parallel_workers", RESOURCE, |it| {
        let cores = it.cores()?;
        let value = cores.max(2);
        Some((
            value.to_string(),
            format!(
                "no more than the container's {}",
                words::counted(cores, "core")
            ),
        ))
    }),
    rule("max_parallel_workers_per_gather", RESOURCE, |it| {
        let cores = it.cores()?;
        let value = (cores / 2).clamp(1, 4);
        Some((
            value.to_string(),
            format!(
                "one query takes half of {} at most",
                words::counted(cores, "core")
            ),
        ))
    }),
    rule("max_parallel_maintenance_workers", RESOURCE, |it| {
        let cores = it.cores()?;
        let value = (cores / 2).clamp(1, 4);
        Some((
            value.to_string(),
            format!(
                "CREATE INDEX takes half of {} at most",
                words::counted(cores, "core")
            ),
        ))
    }),
    rule("max_wal_size", WAL, |it| {
        let volume = it.volume?;
        let value = (volume / 20).clamp(256 * MIB, 16 * GIB);
        let reason = format!(
            "a twentieth of the volume of {}: fewer checkpoints, and room for the data",
            words::bytes(volume)
        );
        Some((mebibytes(value), reason))
    }),
    rule("max_slot_wal_keep_size", REPLICATION, |it| {
        let volume = it.volume?;
        let value = (volume / 6).max(512 * MIB);
        let reason = format!(
            "a standby that is away must not fill the volume of {}; beyond this it is copied anew",
            words::bytes(volume)
        );
        Some((mebibytes(value), reason))
    }),
    rule("checkpoint_completion_target", WAL, |_| {
        fixed(
            "0.9",
            "writes of a checkpoint are spread over the time until the next",
        )
    }),
    rule("wal_compression", WAL, |_| {
        fixed(
            "on",
            "network and volume are dearer than the CPU time of compressing whole pages",
        )
    }),
    enough("max_wal_senders", REPLICATION, |it| {
        let value = it.standbys * 2 + 2;
        let reason = format!(
            "{} standbys, a copy in the making each, and backups",
            it.standbys
        );
        Some((value.to_string(), reason))
    }),
    enough("max_replication_slots", REPLICATION, |it| {
        let value = it.standbys * 2 + 2;
        let reason = format!("a slot for each of {} standbys, and room", it.standbys);
        Some((value.to_string(), reason))
    }),
    rule("random_page_cost", QUERY, |_| {
        fixed(
            "1.1",
            "network block storage and SSDs seek for almost nothing",
        )
    }),
    enough("effective_io_concurrency", RESOURCE, |_| {
        fixed(
            "100",
            "network block storage and SSDs serve many requests at once",
        )
    }),
    rule("autovacuum_vacuum_scale_factor", VACUUM, |_| {
        fixed(
            "0.05",
            "little and often: a fifth of a large table is a long wait and much bloat",
        )
    }),
    rule("idle_in_transaction_session_timeout", CLIENT, |_| {
        fixed(
            "10min",
            "one forgotten BEGIN must not hold back vacuum on all instances",
        )
    }),
];
