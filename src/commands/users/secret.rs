//! The Secret of a role, as far as a proposal needs to know it.

use crate::change::SecretFound;
use crate::cluster::ClusterId;
use crate::failure::Failure;
use crate::kubernetes::{Call, Kube, KubeError, StoredAccount, Verb};

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
