//! Throw-away servers: a backup restored beside the cluster, to look at (`pgctl restore --into NAME`).

use super::{ClusterId, ThrowAwayFacts};

/// The longest name that one may have: with what comes before it, it is the name of a pod.
const LONGEST: usize = 20;

/// What stands between the name of the cluster and the name that it was given.
const RESTORED: &str = "restored-";

/// Whether a throw-away server may be called that: a part of the names of its pod and its claim.
///
/// # Errors
/// What is wrong with it.
pub fn throw_away_name(text: &str) -> Result<String, &'static str> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match text {
        "" => Err("it is empty"),
        _ if !text.chars().all(fits) => {
            Err("it has more than lower case letters, digits and dashes")
        }
        _ if text.starts_with('-') || text.ends_with('-') => Err("it begins or ends with a dash"),
        _ if text.len() > LONGEST => Err("it has more than 20 characters"),
        _ => Ok(text.to_owned()),
    }
}

/// Its pod: `staging-postgres-restored-NAME`.
pub fn throw_away_pod(cluster: &ClusterId, name: &str) -> String {
    format!("{}-{RESTORED}{name}", cluster.name)
}

/// Its claim.
pub fn throw_away_claim(cluster: &ClusterId, name: &str) -> String {
    format!("data-{}", throw_away_pod(cluster, name))
}

/// What stands for it, in kubectl's words: its pod, else its claim, else the operation that was to make them.
pub fn throw_away_object(cluster: &ClusterId, server: &ThrowAwayFacts) -> (&'static str, String) {
    if let Some(pod) = &server.pod {
        return ("pod", pod.name.clone());
    }
    if let Some(claim) = &server.claim {
        return ("persistentvolumeclaim", claim.name.clone());
    }
    match &server.unfinished {
        Some(operation) => ("operation", operation.id.clone()),
        None => ("pod", throw_away_pod(cluster, &server.name)),
    }
}

/// The name of the throw-away server that is meant by the name of a pod: in full, or `restored-NAME`; none when it is not one's.
pub fn meant_throw_away<'a>(cluster: &ClusterId, given: &'a str) -> Option<&'a str> {
    let of_cluster = given
        .strip_prefix(&cluster.name)
        .and_then(|it| it.strip_prefix('-'));
    let name = of_cluster.unwrap_or(given).strip_prefix(RESTORED)?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_part_of_a_pods_name() {
        assert_eq!(throw_away_name("before-1"), Ok("before-1".to_owned()));
        for bad in [
            "",
            "Before",
            "a_b",
            "-a",
            "a-",
            "a.b",
            "a/b",
            "abcdefghijklmnopqrstu",
        ] {
            assert!(throw_away_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn it_is_meant_by_its_pods_name_or_the_tail_of_it() {
        let cluster = ClusterId {
            namespace: "n".to_owned(),
            name: "restored-db".to_owned(),
        };
        let pod = throw_away_pod(&cluster, "before");
        assert_eq!(pod, "restored-db-restored-before");
        assert_eq!(meant_throw_away(&cluster, &pod), Some("before"));
        assert_eq!(
            meant_throw_away(&cluster, "restored-before"),
            Some("before")
        );
        for other in ["replica-0", "restored-", "before", "other-restored-before"] {
            assert_eq!(meant_throw_away(&cluster, other), None, "{other}");
        }
    }
}
