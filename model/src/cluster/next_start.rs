//! What a server's facts mean for its next start, and for standbys that start beside it.

use super::{
    DatabaseFacts, FileMistake, PendingSetting, RecoverySetting, ReplicationLogin, Settings,
};

impl DatabaseFacts {
    /// Mistakes in its files: it takes in no change, and would not start again.
    pub fn mistakes(&self) -> &[FileMistake] {
        self.files.as_ref().map_or(&[], |files| &files.mistakes)
    }

    /// Settings that its next start brings.
    pub fn pending(&self) -> &[PendingSetting] {
        self.files.as_ref().map_or(&[], |files| &files.pending)
    }

    /// Settings in its files that change what a server in recovery is, and that nothing overrules.
    pub fn recovery_settings(&self) -> impl Iterator<Item = &RecoverySetting> {
        let files = self.files.as_ref();
        files
            .map_or(&[][..], |files| &files.recovery)
            .iter()
            .filter(|setting| !setting.overruled)
    }

    /// Settings that it will have lower than `primary` once it is restarted, and has not now: it could
    /// not start as its standby.
    pub fn lower_when_restarted(&self, primary: &Settings) -> Vec<String> {
        let pending = self.pending();
        primary
            .standby_limits()
            .into_iter()
            .filter_map(|(name, of_primary)| {
                let change = pending.iter().find(|it| it.name == name)?;
                let next: u32 = change.next.as_deref()?.trim().parse().ok()?;
                (next < of_primary).then(|| format!("{name} {next} < {of_primary}"))
            })
            .collect()
    }

    /// Why standbys are not let in any more, and SQL that mends it, when one statement does. Streams
    /// that are open say nothing about that: they were let in before.
    pub fn keeps_standbys_out(&self) -> Option<(String, Option<&'static str>)> {
        const RIGHTS: &str = "alter role replicator login replication valid until 'infinity'";
        if let Some(role) = &self.replication_role {
            let lost = if !role.can_log_in {
                Some("the role replicator may not log in (NOLOGIN)".to_owned())
            } else if !role.can_replicate {
                Some("the role replicator may not replicate (NOREPLICATION)".to_owned())
            } else {
                role.valid_until
                    .filter(|until| *until <= self.clock)
                    .map(|until| {
                        format!("the password of the role replicator was valid until {until}")
                    })
            };
            if let Some(lost) = lost {
                return Some((lost, Some(RIGHTS)));
            }
            if !role.connects {
                return Some((
                    "the role replicator may not connect to the database postgres".to_owned(),
                    Some("grant connect on database postgres to replicator"),
                ));
            }
        }
        match &self.replication_login {
            ReplicationLogin::Refused { reason } => Some((reason.clone(), None)),
            ReplicationLogin::Unknown
            | ReplicationLogin::Works
            | ReplicationLogin::NoConnectionLeft { .. } => None,
        }
    }

    /// What keeps a standby that starts from being let in for as long as applications have all
    /// connections, in PostgreSQL's own words.
    pub fn no_connection_left(&self) -> Option<&str> {
        match &self.replication_login {
            ReplicationLogin::NoConnectionLeft { reason } => Some(reason),
            ReplicationLogin::Unknown
            | ReplicationLogin::Works
            | ReplicationLogin::Refused { .. } => None,
        }
    }
}
