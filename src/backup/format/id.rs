//! What a backup is called.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::manifest::Kind;
use crate::cluster::ClusterId;

/// The name of a backup's folder: `staging_staging_20261123T155217Z_logical_3fa9`. Namespace and
/// cluster have no underscore (DNS-1123), or theirs become dashes; the tail keeps two backups of
/// the same second apart.
pub(crate) fn new_id(cluster: &ClusterId, started: Timestamp, kind: Kind) -> String {
    format!(
        "{}_{}_{}_{:04x}",
        cluster_words(cluster),
        started.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ"),
        kind.name(),
        rand::random::<u16>()
    )
}

/// Namespace and cluster as they are in names of a store's folders.
pub(crate) fn cluster_words(cluster: &ClusterId) -> String {
    format!("{}_{}", word(&cluster.namespace), word(&cluster.name))
}

fn word(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    text.chars()
        .map(|c| if safe(c) { c } else { '-' })
        .collect()
}

/// Whether the backup of this name could be one of this cluster. Its manifest knows for sure.
pub(crate) fn could_be_of(id: &str, cluster: &ClusterId) -> bool {
    id.starts_with(&format!("{}_", cluster_words(cluster)))
}

/// Whether a folder's name could be that of a backup. Nothing else in a store is ever touched.
pub(crate) fn is_id(name: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    let [namespace, cluster, time, kind, tail] = parts.as_slice() else {
        return false;
    };
    let word = |text: &str| {
        !text.is_empty()
            && !text.starts_with('.')
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    };
    word(namespace)
        && word(cluster)
        && time.len() == 16
        && time.bytes().enumerate().all(|(at, b)| match at {
            8 => b == b'T',
            15 => b == b'Z',
            _ => b.is_ascii_digit(),
        })
        && Kind::ALL.iter().any(|known| known.name() == *kind)
        && tail.len() == 4
        && tail.bytes().all(|b| b.is_ascii_hexdigit())
}

/// When the backup of this name was begun.
pub(crate) fn started(id: &str) -> Option<Timestamp> {
    let time = id.split('_').nth(2)?;
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time)
        .ok()?
        .to_zoned(TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

/// A backup that could not be made out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// None fits.
    #[error("no backup is called {given:?}, in full or in part")]
    Unknown {
        /// The argument, as it was typed.
        given: String,
    },
    /// Several fit.
    #[error("{given:?} could be any of: {}", candidates.join(", "))]
    Ambiguous {
        /// The argument, as it was typed.
        given: String,
        /// What it could be.
        candidates: Vec<String>,
    },
}

/// Finds the backup that `given` names: in full, or by any unambiguous part of its name
/// (`3fa9`, `20261123T155217Z`).
///
/// # Errors
/// [`ResolveError`] when none or several fit.
pub fn resolve<'a>(
    given: &str,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<&'a str, ResolveError> {
    let ids: Vec<&str> = ids.into_iter().collect();
    if let Some(exact) = ids.iter().find(|id| **id == given) {
        return Ok(exact);
    }
    let found: Vec<&str> = ids
        .into_iter()
        .filter(|id| !given.is_empty() && id.contains(given))
        .collect();
    match found.as_slice() {
        [only] => Ok(only),
        [] => Err(ResolveError::Unknown {
            given: given.to_owned(),
        }),
        several => Err(ResolveError::Ambiguous {
            given: given.to_owned(),
            candidates: several.iter().map(|id| (*id).to_owned()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_is_an_id() -> anyhow::Result<()> {
        let cluster = ClusterId {
            namespace: "staging".to_owned(),
            name: "odd_name/x".to_owned(),
        };
        let id = new_id(&cluster, "2026-11-23T15:52:17Z".parse()?, Kind::Physical);
        assert!(
            id.starts_with("staging_odd-name-x_20261123T155217Z_physical_"),
            "{id}"
        );
        assert!(is_id(&id));
        assert!(could_be_of(&id, &cluster));
        let other = ClusterId {
            name: "odd".to_owned(),
            ..cluster
        };
        assert!(!could_be_of(&id, &other));
        assert_eq!(started(&id), Some("2026-11-23T15:52:17Z".parse()?));
        Ok(())
    }

    #[test]
    fn nothing_else_in_a_store_is_taken_for_a_backup() {
        for name in [
            "",
            "lost+found",
            "a_b_20261123T155217Z_logical_3fa9.partial",
            "a_b_20261123T155217Z_other_3fa9",
            "a_b_20261123T155217_logical_3fa9",
            ".._b_20261123T155217Z_logical_3fa9",
            "a/b_c_20261123T155217Z_logical_3fa9",
            "a_b_20261123T155217Z_logical",
        ] {
            assert!(!is_id(name), "{name}");
        }
    }

    #[test]
    fn part_of_the_name_is_enough_when_it_is_the_only_one() {
        let ids = [
            "s_s_20261123T155217Z_logical_3fa9",
            "s_s_20261124T155217Z_logical_aaaa",
        ];
        assert_eq!(resolve("3fa9", ids), Ok(ids[0]));
        assert_eq!(resolve(ids[1], ids), Ok(ids[1]));
        assert!(matches!(
            resolve("logical", ids),
            Err(ResolveError::Ambiguous { .. })
        ));
        assert!(matches!(
            resolve("", ids),
            Err(ResolveError::Unknown { .. })
        ));
        assert!(matches!(
            resolve("zzz", ids),
            Err(ResolveError::Unknown { .. })
        ));
    }
}
