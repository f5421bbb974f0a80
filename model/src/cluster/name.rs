//! Names: how a person may call a pod, and how a pod's slot is called.

/// A pod's name that could not be made out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No pod has this name or ends in it.
    #[error("no pod is called {given:?} or ends in it; there are: {}", candidates.join(", "))]
    Unknown {
        /// The argument, as it was typed.
        given: String,
        /// Every pod of the cluster.
        candidates: Vec<String>,
    },
    /// Several pods end in it.
    #[error("{given:?} could be any of: {}", candidates.join(", "))]
    Ambiguous {
        /// The argument, as it was typed.
        given: String,
        /// The pods that it could be.
        candidates: Vec<String>,
    },
}

impl NameError {
    /// The name that was meant most likely; none when nothing is near.
    pub fn nearest(&self) -> Option<&str> {
        let (Self::Unknown { given, candidates } | Self::Ambiguous { given, candidates }) = self;
        nearest(given, candidates.iter().map(String::as_str))
    }
}

/// Finds the pod that `given` names: in full, or by any unambiguous tail that starts at a dash
/// (`replica-0` for `staging-postgres-replica-0`).
///
/// # Errors
/// [`NameError`] when none or several fit; it lists the candidates.
pub fn resolve_tail<'a>(
    given: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<&'a str, NameError> {
    let names: Vec<&str> = names.into_iter().collect();
    if let Some(exact) = names.iter().find(|name| **name == given) {
        return Ok(exact);
    }
    let fits = |name: &&str| {
        !given.is_empty()
            && name
                .strip_suffix(given)
                .is_some_and(|head| head.ends_with('-'))
    };
    let found: Vec<&str> = names.iter().copied().filter(|name| fits(name)).collect();
    let owned = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    match found.as_slice() {
        [only] => Ok(only),
        [] => Err(NameError::Unknown {
            given: given.to_owned(),
            candidates: owned(&names),
        }),
        several => Err(NameError::Ambiguous {
            given: given.to_owned(),
            candidates: owned(several),
        }),
    }
}

/// What of a pod's name tells it from the others, where space is short: what comes after the dash up to
/// which all names are the same (`replica-0`), and more than a number. [`resolve_tail`] finds the pod by it.
pub fn tail_of<'a>(name: &'a str, names: &[&str]) -> &'a str {
    let common = |length: usize| {
        names
            .iter()
            .all(|it| it.get(..length) == name.get(..length))
    };
    let mut dashes = name.match_indices('-').map(|(at, _)| at + 1).rev();
    match names {
        [] | [_] => name,
        _ => dashes
            .find(|at| common(*at) && name[*at..].contains(|it: char| !it.is_ascii_digit()))
            .map_or(name, |at| &name[at..]),
    }
}

/// Which of the names was probably meant: the nearest in letters, in full or by a tail; of several that
/// are as near the first. None when it is no mere slip: more than a third of the letters are others.
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = given.chars().count();
    // Where every letter is another, it was no slip.
    let most = (1 + letters / 3).min(letters.saturating_sub(1));
    let near = names.into_iter().map(|name| (nearness(given, name), name));
    let near = near.filter(|(distance, _)| *distance <= most);
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How far a name is from what was typed, in letters; or its nearest tail, if that is nearer.
pub fn nearness(given: &str, name: &str) -> usize {
    let tails = name.match_indices('-').map(|(at, _)| &name[at + 1..]);
    let distances = tails.map(|tail| strsim::osa_distance(given, tail));
    distances.fold(strsim::osa_distance(given, name), usize::min)
}

/// The name of the physical replication slot that a pod streams through: the pod's name in the
/// characters that a slot may have (PostgreSQL documentation, section 27.2.6.1: lower-case
/// letters, digits, underscore; at most 63).
pub fn slot_name(pod: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            c
        } else {
            '_'
        }
    };
    pod.chars().map(allowed).take(63).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_leads_to_the_nearest_name() {
        let names = [
            "s-postgres-replica-1",
            "s-postgres-replica-0",
            "s-postgres-primary-0",
        ];
        assert_eq!(nearest("replcia-0", names), Some("s-postgres-replica-0"));
        assert_eq!(nearest("replica-9", names), Some("s-postgres-replica-1"));
        assert_eq!(nearest("pirmary-0", names), Some("s-postgres-primary-0"));
        assert_eq!(nearest("x", []), None);
    }

    const PODS: [&str; 4] = [
        "staging-postgres-primary-0",
        "staging-postgres-replica-0",
        "staging-postgres-replica-1",
        "staging-postgres-replica-10",
    ];

    #[test]
    fn the_tail_is_what_not_all_names_have() {
        let all = [
            "s-postgres-primary-0",
            "s-postgres-replica-0",
            "s-postgres-replica-1",
        ];
        assert_eq!(tail_of(all[1], &all), "replica-0");
        assert_eq!(tail_of(all[1], &all[1..]), "replica-0");
        assert_eq!(tail_of(all[0], &all[..1]), all[0]);
        assert_eq!(tail_of("nodash", &["nodash", "other"]), "nodash");
        for name in all {
            assert_eq!(resolve_tail(tail_of(name, &all), all), Ok(name));
        }
    }

    #[test]
    fn a_tail_is_enough() {
        for (given, pod) in [
            ("staging-postgres-replica-0", PODS[1]),
            ("postgres-replica-0", PODS[1]),
            ("replica-0", PODS[1]),
            ("replica-10", PODS[3]),
            ("10", PODS[3]),
            ("primary-0", PODS[0]),
        ] {
            assert_eq!(resolve_tail(given, PODS), Ok(pod), "{given}");
        }
    }

    #[test]
    fn an_ambiguous_tail_lists_its_candidates() {
        let error = resolve_tail("0", PODS).expect_err("two pods end in -0");
        assert_eq!(
            error.to_string(),
            "\"0\" could be any of: staging-postgres-primary-0, staging-postgres-replica-0"
        );
    }

    #[test]
    fn an_unknown_name_lists_all_pods() {
        for given in ["replica-7", "eplica-0", "", "-0"] {
            assert!(matches!(
                resolve_tail(given, PODS),
                Err(NameError::Unknown { candidates, .. }) if candidates.len() == PODS.len()
            ));
        }
    }

    #[test]
    fn a_slot_has_only_the_characters_that_postgresql_allows() {
        assert_eq!(
            slot_name("staging-postgres-replica-0"),
            "staging_postgres_replica_0"
        );
        assert_eq!(slot_name("a.B-9"), "a___9");
        assert_eq!(slot_name(&"x".repeat(80)).len(), 63);
    }
}
