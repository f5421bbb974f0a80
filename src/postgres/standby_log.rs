//! Why a standby can't stream, as it says in its own log: no view tells.

/// What keeps a standby from streaming, for as long as nobody does something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complaint {
    /// The primary does not let it in.
    NotLetIn,
    /// The WAL that it needs next is gone.
    WalGone,
    /// It went a way of its own.
    Diverged,
}

impl Complaint {
    /// What it is, for people.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotLetIn => "the new primary does not let it in (wrong password, or pg_hba.conf)",
            Self::WalGone => "the WAL that it needs is gone from the new primary",
            Self::Diverged => "it went beyond the point where the new timeline begins",
        }
    }
}

/// The last complaint in a log, in the words of PostgreSQL 14 to 18 (`walreceiver.c`,
/// `xlogrecovery.c`, `walsender.c`, `auth.c`). None when there is none, and also when the log is in
/// another language than English (`lc_messages`): then it is not known, and nothing is guessed. What
/// the server has told its own clients is no complaint of its own: their user and database are in
/// front of it (`%q%u@%d` in `log_line_prefix`).
pub fn complaint(log: &str) -> Option<Complaint> {
    const WORDS: [(&str, Complaint); 6] = [
        ("password authentication failed", Complaint::NotLetIn),
        ("no pg_hba.conf entry", Complaint::NotLetIn),
        ("has already been removed", Complaint::WalGone),
        (
            "forked off current database system timeline",
            Complaint::Diverged,
        ),
        ("is not in this server's history", Complaint::Diverged),
        ("is behind recovery timeline", Complaint::Diverged),
    ];
    log.lines().rev().find_map(|line| {
        let told = ["FATAL:", "ERROR:", "LOG:"]
            .iter()
            .filter_map(|word| line.find(word))
            .min();
        let (before, said) = line.split_at(told?);
        if before.contains('@') {
            return None;
        }
        let found = WORDS.iter().find(|(words, _)| said.contains(words));
        found.map(|(_, complaint)| *complaint)
    })
}

/// What a server that ended has called fatal last, with the detail of it. What it has told clients is
/// no such thing: their user and database are in front of it (`%q%u@%d` in `log_line_prefix`).
pub fn last_words(log: &str) -> Option<String> {
    let lines: Vec<&str> = log.lines().collect();
    let fatal = |line: &str| {
        let (before, said) = ["FATAL:", "PANIC:"]
            .iter()
            .find_map(|word| line.split_once(word))?;
        (!before.contains('@')).then(|| said.trim().to_owned())
    };
    let (at, said) = lines
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, line)| Some((at, fatal(line)?)))?;
    let after = |line: &str| {
        line.split_once("DETAIL:")
            .map(|(_, it)| it.trim().to_owned())
    };
    let detail = lines.get(at + 1).and_then(|line| after(line));
    Some(match detail {
        Some(detail) => format!("{said}: {detail}"),
        None => said,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_fatal_line_is_the_server_s_own() {
        let log = "\
2026-03-01 12:00:00 UTC [29] FATAL:  an earlier one
2026-03-01 12:00:01 UTC [29] FATAL:  recovery aborted because of insufficient parameter settings
2026-03-01 12:00:01 UTC [29] DETAIL:  max_connections = 50 is a lower setting than on the primary server, where its value was 200.
2026-03-01 12:00:01 UTC [29] HINT:  You can restart the server after making the necessary configuration changes.
2026-03-01 12:00:01 UTC [31] app@app web FATAL:  the database system is shutting down
2026-03-01 12:00:01 UTC [1] LOG:  startup process (PID 29) exited with exit code 1
";
        assert_eq!(
            last_words(log).as_deref(),
            Some(
                "recovery aborted because of insufficient parameter settings: max_connections = 50 is a lower setting than on the primary server, where its value was 200."
            )
        );
        assert_eq!(last_words("LOG:  all is well"), None);
    }

    #[test]
    fn another_language_is_not_known_rather_than_guessed() {
        let german = "\
2026-03-01 12:00:00 UTC [71] FATAL:  konnte keine Daten vom WAL-Stream empfangen: FEHLER:  das angeforderte WAL-Segment 000000010000000000000003 wurde bereits entfernt
2026-03-01 12:00:05 UTC [73] FATAL:  konnte nicht mit dem Primärserver verbinden: FATAL:  Passwort-Authentifizierung für Benutzer »replicator« fehlgeschlagen
2026-03-01 12:00:06 UTC [29] LOG:  neue Zeitleiste 2 zweigte von der aktuellen Zeitleiste 1 ab, vor dem aktuellen Wiederherstellungspunkt 0/3000148
";
        assert_eq!(complaint(german), None);
    }

    #[test]
    fn what_a_client_was_told_is_no_complaint_of_the_server_s() {
        let clients = "\
2026-03-01 12:00:00 UTC [71] app@shop web FATAL:  password authentication failed for user \"app\"
2026-03-01 12:00:01 UTC [72] replicator@[unknown] other-1 ERROR:  requested WAL segment 000000010000000000000003 has already been removed
";
        assert_eq!(complaint(clients), None);
    }

    #[test]
    fn the_last_complaint_counts() {
        let log = "\
2026-03-01 12:00:00 UTC [71] FATAL:  could not receive data from WAL stream: ERROR:  requested WAL segment 000000010000000000000003 has already been removed
2026-03-01 12:00:05 UTC [73] FATAL:  could not connect to the primary server: connection to server at \"x\", port 5432 failed: FATAL:  password authentication failed for user \"replicator\"
2026-03-01 12:00:05 UTC [29] LOG:  waiting for WAL to become available at 0/3000018
";
        assert_eq!(complaint(log), Some(Complaint::NotLetIn));
        let first = log.lines().next().unwrap_or_default();
        assert_eq!(complaint(first), Some(Complaint::WalGone));
        assert_eq!(
            complaint(
                "LOG:  new timeline 2 forked off current database system timeline 1 before current recovery point 0/3000148"
            ),
            Some(Complaint::Diverged)
        );
        assert_eq!(
            complaint("LOG:  started streaming WAL from primary at 0/3000000 on timeline 2"),
            None
        );
    }
}
