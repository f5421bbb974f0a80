//! The few changes that guided operations make in a database. Each sets a state, so that doing it
//! again changes nothing.

use std::time::Duration;

use super::{Session, SqlError, conninfo, sql};
use crate::cluster::{HeldUp, Lsn};

/// How often a position that is waited for is looked at.
const POLL: Duration = Duration::from_millis(10);
/// One that has received and replayed nothing for so long gets nothing any more. Longer than the five seconds
/// after which a standby asks an archive again (`wal_retrieve_retry_interval`).
const STANDSTILL: Duration = Duration::from_secs(6);
/// One that stands still for so long is asked whether somebody has paused it, which does not pass by itself.
const PAUSED: Duration = Duration::from_secs(1);

/// How far a standby is on its way through the WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayPosition {
    /// Up to where WAL was received (and flushed).
    pub received: Lsn,
    /// Up to where it was replayed.
    pub replayed: Lsn,
}

impl Session {
    /// Whether the server is in recovery.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn in_recovery(&self) -> Result<bool, SqlError> {
        self.truth("asking whether it is in recovery", sql::IN_RECOVERY)
            .await
    }

    /// Whether the server can be written to: whatever it tells new transactions to be by default
    /// (`default_transaction_read_only`), each may still begin as `READ WRITE`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn writable(&self) -> Result<bool, SqlError> {
        Ok(!self.in_recovery().await?)
    }

    /// A checkpoint, so that the shutdown after it is short.
    ///
    /// # Errors
    /// When it takes longer than `limit`, or the server does not answer.
    pub async fn checkpoint(&self, limit: Duration) -> Result<(), SqlError> {
        self.run_within("taking a checkpoint", sql::CHECKPOINT, limit)
            .await
    }

    /// Promotes a standby and waits until it accepts writes. A server that is out of recovery
    /// already needs nothing.
    ///
    /// # Errors
    /// When it has not ended recovery within `limit`, or does not answer: look before repeating.
    pub async fn promote(&self, limit: Duration) -> Result<(), SqlError> {
        const DOING: &str = "promoting";
        let statement = sql::promote(limit.as_secs().max(1));
        match self.text_within(DOING, &statement, limit).await {
            Ok(Some(promoted)) if promoted == "true" => Ok(()),
            Ok(_) => Err(SqlError::TimedOut {
                doing: DOING.to_owned(),
                after: limit,
            }),
            // "recovery is not in progress": somebody did it before.
            Err(error) if error.sqlstate() == Some("55000") && !self.in_recovery().await? => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes physical slots that hold WAL from now on. Those that exist stay as they are.
    ///
    /// # Errors
    /// When there is no room for one (`max_replication_slots`), a logical slot has its name, or the
    /// server does not answer.
    pub async fn create_slots<'a>(
        &self,
        slots: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SqlError> {
        for slot in slots {
            let doing = format!("making the slot {slot}");
            self.run(&doing, &sql::create_slot(slot)).await?;
        }
        Ok(())
    }

    /// Drops physical slots. Those that do not exist need nothing.
    ///
    /// # Errors
    /// When somebody streams through one (SQLSTATE 55006), or the server does not answer.
    pub async fn drop_slots<'a>(
        &self,
        slots: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SqlError> {
        for slot in slots {
            let doing = format!("dropping the slot {slot}");
            self.run(&doing, &sql::drop_slot(slot)).await?;
        }
        Ok(())
    }

    /// Makes a standby stream from another host, through a slot. All else in its
    /// `primary_conninfo` (user, passfile, TLS) stays. The start script of the pod sets the same
    /// anew at every start.
    ///
    /// # Errors
    /// When its `primary_conninfo` can't be read, or the server does not answer.
    pub async fn set_upstream(&self, host: &str, slot: &str) -> Result<(), SqlError> {
        let doing = format!("pointing it at {host}");
        let before = self
            .text(&doing, sql::PRIMARY_CONNINFO)
            .await?
            .unwrap_or_default();
        // Where slots are synchronized (`sync_replication_slots`), they are read in a database.
        let database = (self.major() >= 17).then_some("postgres");
        let after =
            conninfo::with_host(&before, host, database).ok_or_else(|| SqlError::Unexpected {
                doing: doing.clone(),
                // Not shown: it may hold a password.
                reason: "its primary_conninfo is not made of key=value pairs".to_owned(),
            })?;
        // ALTER SYSTEM runs in no transaction: one statement after the other.
        for statement in [
            sql::alter_system("primary_slot_name", slot),
            sql::alter_system("primary_conninfo", &after),
            sql::RELOAD.to_owned(),
        ] {
            self.run(&doing, &statement).await?;
        }
        Ok(())
    }

    /// How far a standby has received and replayed; none when it is out of recovery.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn progress(&self) -> Result<Option<ReplayPosition>, SqlError> {
        const DOING: &str = "asking how far it has replayed";
        let Some(text) = self.text(DOING, sql::PROGRESS).await? else {
            return Ok(None);
        };
        let unexpected = || SqlError::Unexpected {
            doing: DOING.to_owned(),
            reason: format!("it says {text:?}"),
        };
        let mut positions = text.split(' ').map(str::parse);
        match (positions.next(), positions.next()) {
            (Some(Ok(received)), Some(Ok(replayed))) => {
                Ok(Some(ReplayPosition { received, replayed }))
            }
            // Nothing received and nothing replayed yet.
            (Some(Err(_)), None) if text.is_empty() => Ok(Some(ReplayPosition {
                received: Lsn::ZERO,
                replayed: Lsn::ZERO,
            })),
            _ => Err(unexpected()),
        }
    }

    /// Waits until a standby has received and replayed *more* than a position: with the start of
    /// the shutdown checkpoint record, it then has that record and all before it.
    ///
    /// Whoever sent it its WAL has ended, so one that stands still is not waited for to the end: clients
    /// wait as well.
    ///
    /// # Errors
    /// When it has not within `limit` ([`SqlError::TimedOut`]), makes no way any more (the message says how
    /// far it is), is out of recovery, or does not answer.
    pub async fn wait_past(
        &self,
        position: Lsn,
        limit: Duration,
    ) -> Result<ReplayPosition, SqlError> {
        let doing = format!("waiting until it has replayed past {position}");
        let deadline = tokio::time::Instant::now() + limit;
        let mut moved: Option<(ReplayPosition, tokio::time::Instant)> = None;
        let mut asked = None;
        loop {
            let Some(now) = self.progress().await? else {
                return Err(SqlError::Unexpected {
                    doing,
                    reason: "it is out of recovery".to_owned(),
                });
            };
            if now.received > position && now.replayed > position {
                return Ok(now);
            }
            let since = match moved {
                Some((before, since)) if before == now => since,
                _ => tokio::time::Instant::now(),
            };
            moved = Some((now, since));
            let still = since.elapsed();
            let paused = still >= PAUSED && asked != Some(now) && {
                asked = Some(now);
                self.held_up().await == Some(HeldUp::Paused)
            };
            let stands = paused || still >= STANDSTILL;
            if stands || tokio::time::Instant::now() >= deadline {
                let why = self.held_up().await.map(|why| format!("; {why}"));
                let far = format!("received {}, replayed {}", now.received, now.replayed);
                let far = format!("{far}{}", why.unwrap_or_default());
                // To wait on would not help.
                return Err(match stands {
                    true => SqlError::Unexpected {
                        doing,
                        reason: format!("it makes no way any more ({far})"),
                    },
                    false => SqlError::TimedOut {
                        doing: format!("{doing} ({far})"),
                        after: limit,
                    },
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What keeps this standby from replaying, as far as it says so.
    async fn held_up(&self) -> Option<HeldUp> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            replay_paused: bool,
            apply_delay_seconds: f64,
            replay_waits_for: Option<String>,
        }
        let answer = self
            .text("asking what replay waits for", sql::HELD_UP)
            .await;
        let answer: Answer = serde_json::from_str(&answer.ok()??).ok()?;
        HeldUp::of(
            answer.replay_paused,
            answer.apply_delay_seconds,
            answer.replay_waits_for.as_deref(),
        )
    }

    /// Sets `max_standby_streaming_delay`; none puts back what the configuration file says.
    ///
    /// # Errors
    /// When the server refuses the value, or does not answer.
    pub async fn set_standby_delay(&self, value: Option<&str>) -> Result<(), SqlError> {
        const PARAMETER: &str = "max_standby_streaming_delay";
        self.alter_system(PARAMETER, value).await
    }

    /// `max_standby_streaming_delay` that the server goes by, in milliseconds; -1 waits for ever.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn standby_delay_ms(&self) -> Result<i64, SqlError> {
        self.value("asking for max_standby_streaming_delay", sql::STANDBY_DELAY)
            .await
    }

    /// Sets a parameter in `postgresql.auto.conf`, or takes it out, and has the files read again.
    async fn alter_system(&self, parameter: &str, value: Option<&str>) -> Result<(), SqlError> {
        let doing = format!("setting {parameter}");
        let statement = match value {
            Some(value) => sql::alter_system(parameter, value),
            None => sql::alter_system_reset(parameter),
        };
        self.run(&doing, &statement).await?;
        self.run(&doing, sql::RELOAD).await
    }

    /// Sets `synchronous_standby_names`; none puts back what the configuration file says.
    ///
    /// # Errors
    /// When the server refuses the value, or does not answer.
    pub async fn set_synchronous_standbys(&self, names: Option<&str>) -> Result<(), SqlError> {
        self.alter_system("synchronous_standby_names", names).await
    }

    /// Ends the streams to the standby with this application_name; gives their number.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn terminate_senders(&self, application_name: &str) -> Result<u64, SqlError> {
        let doing = format!("ending the stream to {application_name}");
        self.value(&doing, &sql::terminate_senders(application_name))
            .await
    }

    /// The answer of a statement that says `true` or `false`.
    pub(super) async fn truth(&self, doing: &str, statement: &str) -> Result<bool, SqlError> {
        self.value(doing, statement).await
    }

    /// The one value of a statement.
    pub(super) async fn value<T: std::str::FromStr>(
        &self,
        doing: &str,
        statement: &str,
    ) -> Result<T, SqlError> {
        let text = self.text(doing, statement).await?;
        text.as_deref()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| SqlError::Unexpected {
                doing: doing.to_owned(),
                reason: format!("it says {text:?}"),
            })
    }
}
