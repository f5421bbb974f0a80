//! The Secret of a role, as far as a proposal needs to know it.

use crate::change::{SecretFound, account_secret};
use crate::cluster::ClusterId;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Call, Kube, KubeError, StoredAccount, Verb};
use crate::output::plain;

/// The longest name of an object.
const LONGEST: usize = 253;

/// Whether the Secret can have its name: the one that was given, else that of the role behind the cluster's. `next` is
/// the command that gives it another. Asks nobody.
///
/// # Errors
/// When no Secret can have it.
pub(super) fn can_be_named(given: Option<&str>, role: &str, next: &str) -> Result<(), Failure> {
    let name = match given {
        Some(name) => name.to_owned(),
        None => account_secret("cluster", role),
    };
    if is_object_name(&name) {
        return Ok(());
    }
    let what = match given {
        Some(name) => format!("{name:?} is no name for a Secret"),
        None => format!("{role:?} can't be part of the name of a Secret"),
    };
    Err(Failure::new(ExitCode::Usage, plain(&what))
        .because("small letters, digits, - and . are fine, and a letter or digit at both ends")
        .next(next))
}

/// Whether the API takes it (RFC 1123): words between dots, none of which begins or ends in a dash.
fn is_object_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_word = |word: &str| {
        let mut letters = word.chars();
        word.starts_with(fine) && word.ends_with(fine) && letters.all(|c| fine(c) || c == '-')
    };
    name.len() <= LONGEST && name.split('.').all(is_word)
}

/// What is under the name.
pub(super) fn found(stored: &Result<StoredAccount, KubeError>) -> SecretFound {
    match stored {
        Ok(StoredAccount::None) => SecretFound::None,
        Ok(StoredAccount::Ours(account, _)) => SecretFound::Ours {
            role: account.role.clone(),
            database: account.database.clone(),
            access: account.access.clone(),
        },
        Ok(StoredAccount::Foreign) => SecretFound::Foreign,
        Err(error) => SecretFound::Unknown(error.to_string()),
    }
}

/// Which of these may not be done with Secrets of the cluster's namespace, in words.
///
/// # Errors
/// When the API does not say.
pub(super) async fn missing(
    kube: &Kube,
    cluster: &ClusterId,
    verbs: &[Verb],
) -> Result<Vec<String>, Failure> {
    let calls: Vec<Call> = verbs
        .iter()
        .map(|verb| Call::new(*verb, "", "secrets").within(&cluster.namespace))
        .collect();
    let missing = kube.not_allowed(&calls).await?;
    let words = missing
        .iter()
        .map(|it| format!("{} {}", it.verb.as_str(), it.resource));
    Ok(words.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_secret_can_have_is_told_before_anybody_is_asked() {
        let next = "pgctl users drop ROLE --app-secret NAME";
        for role in ["app", "App", "shop_app", "my.app"] {
            assert_eq!(can_be_named(None, role, next), Ok(()), "{role}");
        }
        for role in ["new\nline\r\tdb", "my app", "app_", "a..b", "", "ü", "../x"] {
            let failure = can_be_named(None, role, next).expect_err(role);
            assert_eq!(failure.exit, ExitCode::Usage);
            assert_eq!(failure.next, [next]);
            assert!(failure.what.contains("Secret"), "{failure}");
            // It may have any name when its Secret has one.
            assert_eq!(can_be_named(Some("its-secret"), role, next), Ok(()));
        }
        let long = "a".repeat(254);
        for name in ["", "A", "a/b", "-a", long.as_str()] {
            assert!(can_be_named(Some(name), "app", next).is_err(), "{name}");
        }
    }
}
