//! What takes the space on a server's volume, how fast that grows, and when it is full.

use serde::Deserialize;

/// What is on the volume of one server.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskUsage {
    /// What the database itself counts.
    pub space: DatabaseSpace,
    /// The file systems that its data, its WAL and its tablespaces are on; empty when they could not be looked at.
    pub mounts: Vec<Mount>,
    /// The largest tables; none when they were not asked for.
    pub tables: Option<Vec<TableSpace>>,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
}

/// What a server counts of its space.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSpace {
    /// `clock_timestamp()`, in seconds since 1970.
    pub clock: f64,
    /// Bytes of segments in `pg_wal`.
    pub wal_bytes: u64,
    /// `max_wal_size`: how much WAL it keeps by itself between checkpoints.
    pub max_wal_bytes: u64,
    /// Bytes of temporary files that queries have written now.
    pub temp_bytes: u64,
    /// Its databases, the largest first.
    pub databases: Vec<NamedBytes>,
    /// The WAL that each slot holds back, the most first.
    pub slots: Vec<NamedBytes>,
}

/// Something, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedBytes {
    /// Its name.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// A file system in a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub path: String,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// Bytes that are used.
    pub used_bytes: u64,
    /// Bytes that may still be written.
    pub available_bytes: u64,
}

/// A table, with its indexes and its TOAST.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableSpace {
    /// Name of its database.
    #[serde(default)]
    pub database: String,
    /// Its name with its schema, as it is written in a query.
    pub name: String,
    /// `pg_total_relation_size()`: rows, indexes and TOAST, in bytes.
    pub total_bytes: u64,
    /// The pages of its rows, in bytes.
    pub heap_bytes: u64,
    /// `pg_indexes_size()`, in bytes.
    pub index_bytes: u64,
    /// What is too long for its rows, in bytes.
    pub toast_bytes: u64,
    /// Rows that are dead and were not taken away yet, by the statistics.
    pub dead_rows: u64,
    /// Rows that live, by the statistics.
    pub live_rows: u64,
    /// Bytes of its rows' pages that the rows do not need, estimated: by the average width of the columns and the number
    /// of rows at the last ANALYZE. None when it was never analyzed, or when that can't be told.
    pub bloat_bytes: Option<u64>,
}

/// How fast a file system grows.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeGrowth {
    /// Where it is mounted.
    pub path: String,
    /// In bytes per second, less than 0 when it shrinks.
    pub bytes_per_second: f64,
    /// In how many seconds it is full if it goes on like this; none when it does not grow.
    pub full_in_seconds: Option<f64>,
}

/// How fast something grows.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskGrowth {
    /// Between the two looks, in seconds.
    pub sample_seconds: f64,
    /// The file systems that were seen twice.
    pub volumes: Vec<VolumeGrowth>,
    /// `pg_wal`, in bytes per second.
    pub wal: f64,
    /// All databases, in bytes per second.
    pub databases: f64,
}

impl DiskGrowth {
    /// Of one file system; none when it was not seen twice.
    pub fn of(&self, mount: &Mount) -> Option<&VolumeGrowth> {
        self.volumes.iter().find(|it| it.path == mount.path)
    }

    /// In how many seconds the first file system is full, which need not be the one that is fullest now; none when
    /// none grows.
    pub fn full_in_seconds(&self) -> Option<f64> {
        let all = self.volumes.iter().filter_map(|it| it.full_in_seconds);
        all.min_by(f64::total_cmp)
    }
}

impl Mount {
    /// How full it is, in percent of what may be used, as `df` says it.
    #[expect(clippy::cast_precision_loss, reason = "no volume has 2^53 bytes")]
    pub fn used_percent(&self) -> f64 {
        match self.used_bytes + self.available_bytes {
            0 => 100.0,
            all => self.used_bytes as f64 * 100.0 / all as f64,
        }
    }
}

impl DiskUsage {
    /// The file system that is fullest.
    pub fn fullest(&self) -> Option<&Mount> {
        let by_use = |a: &&Mount, b: &&Mount| a.used_percent().total_cmp(&b.used_percent());
        self.mounts.iter().max_by(by_use)
    }
}

impl DatabaseSpace {
    /// All databases together.
    pub fn database_bytes(&self) -> u64 {
        self.databases.iter().map(|it| it.bytes).sum()
    }
}

/// How fast a server's space has grown between two looks; none when no time has passed by its clock.
pub fn disk_growth(before: &DiskUsage, after: &DiskUsage) -> Option<DiskGrowth> {
    let seconds = after.space.clock - before.space.clock;
    if seconds <= 0.0 {
        return None;
    }
    let pace = |old: u64, new: u64| difference(old, new) / seconds;
    let volumes = after.mounts.iter().filter_map(|now| {
        let earlier = before.mounts.iter().find(|it| it.path == now.path)?;
        let pace = pace(earlier.used_bytes, now.used_bytes);
        Some(VolumeGrowth {
            path: now.path.clone(),
            bytes_per_second: pace,
            full_in_seconds: (pace > 0.0).then(|| difference(0, now.available_bytes) / pace),
        })
    });
    Some(DiskGrowth {
        sample_seconds: seconds,
        volumes: volumes.collect(),
        wal: pace(before.space.wal_bytes, after.space.wal_bytes),
        databases: pace(before.space.database_bytes(), after.space.database_bytes()),
    })
}

#[expect(clippy::cast_precision_loss, reason = "no volume has 2^53 bytes")]
fn difference(old: u64, new: u64) -> f64 {
    new as f64 - old as f64
}

/// Reads what `df -Pk` prints: a line for each file system, in 1024 bytes. Two paths on one file system are one.
pub fn parse_df(text: &str) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for line in text.lines().skip(1) {
        // The name of a device may hold spaces: the figures are found from the one with a percent sign.
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(percent) = words.iter().position(|it| it.ends_with('%')) else {
            continue;
        };
        let kib = |back: usize| -> Option<u64> {
            let word = words.get(percent.checked_sub(back)?)?;
            word.parse::<u64>().ok()?.checked_mul(1024)
        };
        let (Some(size), Some(used), Some(available)) = (kib(3), kib(2), kib(1)) else {
            continue;
        };
        let path = words[percent + 1..].join(" ");
        if !mounts.iter().any(|it| it.path == path) {
            mounts.push(Mount {
                path,
                size_bytes: size,
                used_bytes: used,
                available_bytes: available,
            });
        }
    }
    mounts
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn usage(clock: f64, used: u64, wal: u64) -> DiskUsage {
        DiskUsage {
            space: DatabaseSpace {
                clock,
                wal_bytes: wal,
                max_wal_bytes: GIB,
                temp_bytes: 0,
                databases: Vec::new(),
                slots: Vec::new(),
            },
            mounts: vec![Mount {
                path: "/data".to_owned(),
                size_bytes: 10 * GIB,
                used_bytes: used,
                available_bytes: 10 * GIB - used,
            }],
            tables: None,
            unseen: Vec::new(),
        }
    }

    #[test]
    fn what_grows_is_full_some_day() {
        let growth = disk_growth(&usage(0.0, 7 * GIB, 0), &usage(10.0, 8 * GIB, GIB));
        let growth = growth.expect("time has passed");
        assert_eq!(growth.volumes[0].bytes_per_second, GIB as f64 / 10.0);
        assert_eq!(growth.full_in_seconds(), Some(20.0));
        assert_eq!(growth.wal, GIB as f64 / 10.0);
    }

    #[test]
    fn what_shrinks_or_stands_is_never_full() {
        for used in [7 * GIB, 6 * GIB] {
            let growth = disk_growth(&usage(0.0, 7 * GIB, 0), &usage(1.0, used, 0));
            assert_eq!(growth.expect("time has passed").full_in_seconds(), None);
        }
        assert_eq!(disk_growth(&usage(5.0, 0, 0), &usage(5.0, GIB, 0)), None);
    }

    #[test]
    fn the_volume_that_is_full_first_need_not_be_the_fullest() {
        let with_wal = |clock, used| {
            let mut usage = usage(clock, 9 * GIB, 0);
            usage.mounts.push(Mount {
                path: "/wal".to_owned(),
                size_bytes: 10 * GIB,
                used_bytes: used,
                available_bytes: 10 * GIB - used,
            });
            usage
        };
        let (before, after) = (with_wal(0.0, 0), with_wal(10.0, 5 * GIB));
        let growth = disk_growth(&before, &after).expect("time has passed");
        assert_eq!(after.fullest().map(|it| it.path.as_str()), Some("/data"));
        assert_eq!(growth.full_in_seconds(), Some(10.0));
        let of = |at: usize| {
            growth
                .of(&after.mounts[at])
                .and_then(|it| it.full_in_seconds)
        };
        assert_eq!((of(0), of(1)), (None, Some(10.0)));
    }

    #[test]
    fn df_is_read_whatever_a_device_is_called() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
            /dev/my disk 1000 400 600 40% /var/lib/my data\n\
            /dev/my disk 1000 400 600 40% /var/lib/my data\n\
            overlay - - - - /\n\
            tmpfs 10 10 0 100% /wal\n";
        let mounts = parse_df(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].path, "/var/lib/my data");
        assert_eq!(mounts[0].available_bytes, 600 * 1024);
        let usage = DiskUsage {
            mounts,
            ..usage(0.0, 0, 0)
        };
        assert_eq!(usage.fullest().map(|it| it.path.as_str()), Some("/wal"));
    }
}
