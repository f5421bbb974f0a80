//! What a guided operation asks of a database again and again, and what has to be quick.

use std::time::Duration;

use super::{Session, SqlError, sql};
use crate::cluster::Lsn;

/// How often a server that was told to end recovery is asked whether it has. There is nothing that
/// would tell; pg_promote itself looks every 100 ms.
const POLL: Duration = Duration::from_millis(3);

impl Session {
    /// Promotes a standby and comes back as soon as it accepts writes. A server that is out of
    /// recovery already needs nothing.
    ///
    /// # Errors
    /// When it has not ended recovery within `limit`, or does not answer: look before repeating.
    pub async fn promote_now(&self, limit: Duration) -> Result<(), SqlError> {
        const DOING: &str = "promoting";
        let deadline = tokio::time::Instant::now() + limit;
        match self.run(DOING, sql::PROMOTE_NOW).await {
            // "recovery is not in progress": it was promoted before.
            Err(error) if error.sqlstate() == Some("55000") => {}
            other => other?,
        }
        while self.in_recovery().await? {
            if tokio::time::Instant::now() >= deadline {
                return Err(SqlError::TimedOut {
                    doing: DOING.to_owned(),
                    after: limit,
                });
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// What the start script calls the container in which this server runs: another one, or the same after
    /// a restart, has another name. None where the script does not tell.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn container_name(&self) -> Result<Option<String>, SqlError> {
        self.text("asking in which container it runs", sql::CONTAINER)
            .await
    }

    /// Commits a record in the WAL that means nothing.
    ///
    /// # Errors
    /// When the server does not accept writes, or does not answer.
    pub async fn heartbeat(&self) -> Result<(), SqlError> {
        self.run("committing a heartbeat", sql::HEARTBEAT).await
    }

    /// Lets the commits of this session wait for no standby.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn commit_locally(&self) -> Result<(), SqlError> {
        self.run("setting synchronous_commit", sql::COMMIT_LOCALLY)
            .await
    }

    /// Commits a record in the WAL that means nothing, without waiting for any standby; gives a position
    /// behind it.
    ///
    /// # Errors
    /// When the server does not accept writes, or does not answer.
    pub async fn mark(&self) -> Result<Lsn, SqlError> {
        const DOING: &str = "committing a mark";
        self.run(DOING, sql::MARK).await?;
        self.value(DOING, sql::FLUSHED).await
    }

    /// Ends the sessions of clients on a standby that are not older than `age`; none out of recovery.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn end_stranded(&self, age: Duration) -> Result<u64, SqlError> {
        let sql = sql::end_stranded(age.as_secs_f64());
        self.value("sending clients away", &sql).await
    }

    /// Which of these standbys, by `application_name`, are connected and have not confirmed within `limit`
    /// that they have all up to `position`. Those that take a base backup are no standbys.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn not_confirmed(
        &self,
        position: Lsn,
        standbys: &[String],
        limit: Duration,
    ) -> Result<Vec<String>, SqlError> {
        const PAUSE: Duration = Duration::from_millis(20);
        let statement = sql::not_confirmed(position, standbys);
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let missing = self
                .words("asking who has confirmed it", &statement)
                .await?;
            if missing.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(missing);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// `application_name` of every standby that streams from here.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn streaming_standbys(&self) -> Result<Vec<String>, SqlError> {
        self.words("asking who streams", sql::STREAMING).await
    }

    /// Names of the replication slots.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn slot_names(&self) -> Result<Vec<String>, SqlError> {
        self.words("asking for the slots", sql::SLOTS).await
    }

    /// Drops physical slots that exist and that nobody streams through; the others stay.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn drop_idle_slots<'a>(
        &self,
        slots: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SqlError> {
        for slot in slots {
            let doing = format!("dropping the slot {slot}");
            self.run(&doing, &sql::drop_idle_slot(slot)).await?;
        }
        Ok(())
    }

    /// Seconds since the last transaction that was replayed here was committed on its primary, by
    /// the clocks of both; none when none was replayed.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn seconds_since_last_replayed(&self) -> Result<Option<f64>, SqlError> {
        let text = self
            .text(
                "asking for the last replayed commit",
                sql::SINCE_LAST_REPLAYED,
            )
            .await?;
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// Where this primary has left the timeline before its own: up to there it has its
    /// predecessor's WAL. None on the first timeline.
    ///
    /// # Errors
    /// When it is in recovery, or does not answer.
    pub async fn fork_position(&self) -> Result<Option<Lsn>, SqlError> {
        let history = self
            .text("reading the history of the timeline", sql::TIMELINE_HISTORY)
            .await?
            .unwrap_or_default();
        Ok(last_fork(&history))
    }

    async fn words(&self, doing: &str, statement: &str) -> Result<Vec<String>, SqlError> {
        let text = self.text(doing, statement).await?.unwrap_or_default();
        Ok(text
            .split(' ')
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect())
    }
}

/// Lines of `timeline<TAB>LSN<TAB>reason`; comments and empty lines between them
/// (`readTimeLineHistory` in PostgreSQL's timeline.c).
fn last_fork(history: &str) -> Option<Lsn> {
    let lines = history.lines().map(str::trim);
    let last = lines
        .rev()
        .find(|line| line.starts_with(|c: char| c.is_ascii_digit()))?;
    last.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_history_tells_the_fork() {
        let history = "1\t0/5000098\tno recovery target specified\n\n2\t0/70000A0\tno recovery target specified\n";
        assert_eq!(last_fork(history), "0/70000A0".parse().ok());
        assert_eq!(last_fork(""), None);
    }
}
