//! Synchronous replication: for which pods commits wait.

use super::quote::quote_identifier;
use super::{Component, Snapshot};

/// How many pods each StatefulSet has, and below which number no autoscaler goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Pods of the primary StatefulSet.
    pub primary_pods: u32,
    /// Pods of the replica StatefulSet.
    pub replica_pods: u32,
    /// The autoscaler's minimum, when there is one.
    pub minimum: Option<u32>,
}

impl Shape {
    /// What is wanted now.
    pub fn of(snapshot: &Snapshot) -> Self {
        let wanted = |component| snapshot.stateful_set(component).map_or(0, |set| set.wanted);
        Self {
            primary_pods: wanted(Component::Primary),
            replica_pods: wanted(Component::Replica),
            minimum: snapshot.autoscaler.as_ref().map(|it| it.min),
        }
    }

    /// Replicas that stay, whatever an autoscaler does.
    fn staying(&self) -> u32 {
        self.minimum
            .map_or(self.replica_pods, |minimum| minimum.min(self.replica_pods))
    }
}

/// The pods that may confirm commits when `primary` is primary: those that stay. A pod that the
/// autoscaler can take away would take what only it has confirmed with it.
pub fn synchronous_candidates(snapshot: &Snapshot, shape: &Shape, primary: &str) -> Vec<String> {
    let of = |component, pods| {
        let set = snapshot.stateful_set(component);
        set.into_iter()
            .flat_map(move |set| (0..pods).map(|ordinal| format!("{}-{ordinal}", set.name)))
    };
    of(Component::Primary, shape.primary_pods)
        .chain(of(Component::Replica, shape.staying()))
        .filter(|pod| pod != primary)
        .collect()
}

/// The value of `synchronous_standby_names`: any `count` of these. Empty for 0: no commit waits.
///
/// Names are quoted as PostgreSQL reads them (`src/backend/replication/syncrep_scanner.l`): between
/// double quotes anything goes, and a double quote is doubled.
pub fn synchronous_names(count: u32, standbys: &[String]) -> String {
    if count == 0 {
        return String::new();
    }
    let quoted: Vec<String> = standbys.iter().map(|name| quote_identifier(name)).collect();
    format!("ANY {count} ({})", quoted.join(", "))
}

/// How many standbys a value of `synchronous_standby_names` lets commits wait for: `ANY n (…)`,
/// `FIRST n (…)` and `n (…)` say it, a plain list means one
/// (<https://www.postgresql.org/docs/current/runtime-config-replication.html#GUC-SYNCHRONOUS-STANDBY-NAMES>).
pub fn synchronous_needed(names: &str) -> u32 {
    let names = names.trim();
    if names.is_empty() {
        return 0;
    }
    let method =
        |word: &str| word.eq_ignore_ascii_case("any") || word.eq_ignore_ascii_case("first");
    let counted = names.split_once('(').and_then(|(before, _)| {
        let mut words = before.split_whitespace();
        match (words.next(), words.next()) {
            (Some(word), Some(count)) if method(word) => count.parse().ok(),
            (Some(count), None) => count.parse().ok(),
            _ => None,
        }
    });
    counted.unwrap_or(1)
}

/// Who may confirm commits by a value of `synchronous_standby_names`: the names, with their quotes taken off,
/// and `*` for everybody.
pub fn synchronous_listed(names: &str) -> Vec<String> {
    let within = match (names.find('"'), names.find('(')) {
        // A parenthesis within quotes belongs to a name.
        (Some(quote), Some(open)) if quote < open => names,
        (_, Some(open)) => {
            let rest = &names[open + 1..];
            rest.rfind(')').map_or(rest, |close| &rest[..close])
        }
        (_, None) => names,
    };
    let mut listed = Vec::new();
    let mut name = String::new();
    let mut quoted = false;
    let mut letters = within.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                name.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => listed.push(std::mem::take(&mut name)),
            letter if letter.is_ascii_whitespace() && !quoted => {}
            letter => name.push(letter),
        }
    }
    listed.push(name);
    listed.retain(|it| !it.is_empty());
    listed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{PRIMARY, healthy, replica};

    #[test]
    fn only_pods_that_stay_confirm_commits() {
        let mut snapshot = healthy(4);
        let shape = Shape::of(&snapshot);
        let found = synchronous_candidates(&snapshot, &shape, PRIMARY);
        assert_eq!(found, [replica(0), replica(1)], "the minimum is 2");
        snapshot.autoscaler = None;
        let shape = Shape::of(&snapshot);
        let found = synchronous_candidates(&snapshot, &shape, &replica(1));
        assert_eq!(
            found,
            [PRIMARY.to_owned(), replica(0), replica(2), replica(3)]
        );
    }

    #[test]
    fn names_are_quoted_as_postgresql_reads_them() {
        let names = ["a-0".to_owned(), "b\"c".to_owned()];
        assert_eq!(synchronous_names(1, &names), r#"ANY 1 ("a-0", "b""c")"#);
        assert_eq!(synchronous_names(0, &names), "");
    }

    #[test]
    fn as_many_as_the_setting_says() {
        for (names, needed) in [
            ("", 0),
            ("  ", 0),
            ("*", 1),
            ("a, b", 1),
            ("ANY 2 (a, b, c)", 2),
            ("any 2(a,b)", 2),
            ("FIRST 3 (*)", 3),
            ("2 (\"a-0\", \"b\")", 2),
            ("\"odd (name\", b", 1),
        ] {
            assert_eq!(synchronous_needed(names), needed, "{names}");
        }
    }

    #[test]
    fn who_is_listed_is_read_as_postgresql_reads_it() {
        for (names, listed) in [
            ("", &[][..]),
            ("*", &["*"]),
            ("ANY 2 (\"a-0\", b)", &["a-0", "b"]),
            (
                "first 1 ( a , \"with \"\"quotes\"\", and (more)\" )",
                &["a", "with \"quotes\", and (more)"],
            ),
            ("2(a,b)", &["a", "b"]),
            ("\"odd (1)\", b", &["odd (1)", "b"]),
        ] {
            assert_eq!(synchronous_listed(names), listed, "{names}");
        }
        let pods = ["a-0".to_owned(), "b\"c".to_owned()];
        assert_eq!(synchronous_listed(&synchronous_names(1, &pods)), pods);
    }
}
