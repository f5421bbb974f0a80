//! What a server says of itself.

use super::json::json;
use super::{Session, SqlError, sql};
use crate::cluster::{DatabaseFacts, Timeline};

const DOING: &str = "asking for the state of replication";

impl Session {
    /// Asks for everything, in one round trip's worth of time.
    ///
    /// What only some users may see (sizes of the disk and of the WAL, the archiver's backlog) is
    /// left at "unknown" when it is refused.
    ///
    /// # Errors
    /// When the server does not answer, or what it says makes no sense.
    pub async fn facts(&self) -> Result<DatabaseFacts, SqlError> {
        let (mut facts, wal, disk, ready, files) = futures::join!(
            self.main_facts(),
            self.text(DOING, sql::WAL_FILES),
            self.text(DOING, sql::DISK),
            self.text(DOING, sql::READY_SEGMENTS),
            self.files(),
        );
        if matches!(&facts, Err(error) if error.sqlstate() == Some("55000")) {
            // It was promoted between two functions of the one statement.
            facts = self.main_facts().await;
        }
        let mut facts = facts?;
        if let Some((bytes, timeline)) = wal.ok().flatten().as_deref().and_then(wal_files) {
            facts.usage.wal_bytes = bytes;
            // After a restart, and until its next restartpoint, the control file of a standby still
            // names the timeline before the one that it has replayed.
            if facts.recovery.is_some() {
                facts.timeline = facts.timeline.max(timeline);
            }
        }
        if let Some([size, used, available]) = disk.ok().flatten().as_deref().and_then(disk_figures)
        {
            facts.usage.size_bytes = Some(size);
            facts.usage.used_bytes = Some(used);
            facts.usage.available_bytes = Some(available);
        }
        if let Ok(Some(files)) = files {
            // Our own session has others.
            let settings = &mut facts.settings;
            settings.default_transaction_read_only = files.default_transaction_read_only;
            settings.synchronous_commit = files.synchronous_commit;
            facts.files = Some(files.facts);
        }
        if let (Some(archiver), Some([ready, stalled])) = (
            &mut facts.archiver,
            ready.ok().flatten().as_deref().and_then(backlog),
        ) {
            archiver.ready_segments = ready;
            archiver.stalled_seconds = stalled;
        }
        Ok(facts)
    }

    async fn main_facts(&self) -> Result<DatabaseFacts, SqlError> {
        json(DOING, self.text(DOING, sql::FACTS).await?)
    }
}

/// Segments that wait, and the seconds for which they have, out of `count seconds`.
fn backlog(line: &str) -> Option<[u64; 2]> {
    let (count, seconds) = line.split_once(' ')?;
    // Clocks may differ from those of the files.
    let seconds: i64 = seconds.parse().ok()?;
    Some([count.parse().ok()?, u64::try_from(seconds).unwrap_or(0)])
}

/// Bytes and the newest timeline out of `bytes timeline`.
fn wal_files(line: &str) -> Option<(u64, Timeline)> {
    let (bytes, timeline) = line.split_once(' ')?;
    Some((bytes.parse().ok()?, Timeline(timeline.parse().ok()?)))
}

/// Size, use and what is available in bytes out of `size_kib used_kib available_kib`.
fn disk_figures(line: &str) -> Option<[u64; 3]> {
    let mut figures = line.split_whitespace().map(str::parse::<u64>);
    let mut next = || figures.next()?.ok()?.checked_mul(1024);
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_probe_left() {
        assert_eq!(disk_figures("100 40 50\n"), Some([102_400, 40_960, 51_200]));
        for line in [
            "",
            "x",
            "100",
            "100 x",
            "100 40",
            "100 40 x",
            "18446744073709551615 1 1",
        ] {
            assert_eq!(disk_figures(line), None, "{line:?}");
        }
    }
}
