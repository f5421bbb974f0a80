//! The Secret in which an application finds its role and password.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use secrecy::{ExposeSecret as _, SecretString};

use super::change::call_on;
use super::{Kube, KubeError, Verb};
use crate::cluster::{ClusterId, names};

/// The type that <https://servicebinding.io> gives such Secrets.
const TYPE: &str = "servicebinding.io/postgresql";

/// What such a Secret holds.
#[derive(Debug, Clone)]
pub struct AccountSecret {
    /// The role.
    pub role: String,
    /// Its password, which is never shown.
    pub password: SecretString,
    /// The database that it is for.
    pub database: String,
    /// `read-only` or `read-write`.
    pub access: String,
    /// Whether the database was made for this role.
    pub own_database: bool,
}

/// What is under the name of such a Secret.
#[derive(Debug, Clone)]
pub enum StoredAccount {
    /// Nothing.
    None,
    /// pgctl's, with its UID.
    Ours(AccountSecret, String),
    /// Somebody else's.
    Foreign,
}

impl Kube {
    /// The Secret of this name, and whether it is one of an application's role of this cluster.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn account_secret(
        &self,
        cluster: &ClusterId,
        name: &str,
    ) -> Result<StoredAccount, KubeError> {
        let secret: Option<Secret> = self.get(&cluster.namespace, name).await?;
        Ok(match secret {
            None => StoredAccount::None,
            Some(secret) => understood(&secret, cluster).unwrap_or(StoredAccount::Foreign),
        })
    }

    /// Makes it, with how the database is reached.
    ///
    /// # Errors
    /// [`KubeError::AlreadyExists`] when there is one: it is never overwritten.
    pub async fn create_account_secret(
        &self,
        cluster: &ClusterId,
        name: &str,
        account: &AccountSecret,
        host: &str,
        port: u16,
    ) -> Result<(), KubeError> {
        let api: Api<Secret> = Api::namespaced(self.client(), &cluster.namespace);
        let call = call_on::<Secret>(Verb::Create, &cluster.namespace, name);
        let secret = made(cluster, name, account, host, port);
        let params = PostParams::default();
        self.write(&call, || api.create(&params, &secret))
            .await
            .map(drop)
    }

    /// Deletes it, if it still is the one of this UID.
    ///
    /// # Errors
    /// When it is another one by now, or the API refuses.
    pub async fn delete_account_secret(
        &self,
        cluster: &ClusterId,
        name: &str,
        uid: &str,
    ) -> Result<(), KubeError> {
        self.remove::<Secret>(&cluster.namespace, name, Some(uid), None)
            .await
    }
}

fn understood(secret: &Secret, cluster: &ClusterId) -> Option<StoredAccount> {
    let labels = secret.metadata.labels.as_ref()?;
    let ours = labels.get(names::MANAGED_BY).map(String::as_str) == Some("pgctl")
        && labels.get(names::CLUSTER) == Some(&cluster.name);
    let annotations = secret.metadata.annotations.as_ref()?;
    let noted = |key: &str| annotations.get(key).cloned();
    let password = secret.data.as_ref()?.get("password")?;
    let password = String::from_utf8(password.0.clone()).ok()?;
    let account = AccountSecret {
        role: noted(names::ACCOUNT_USER)?,
        password: SecretString::from(password),
        database: noted(names::ACCOUNT_DATABASE)?,
        access: noted(names::ACCOUNT_ACCESS)?,
        own_database: annotations.contains_key(names::ACCOUNT_OWN_DATABASE),
    };
    let uid = secret.metadata.uid.clone().unwrap_or_default();
    ours.then_some(StoredAccount::Ours(account, uid))
}

fn made(cluster: &ClusterId, name: &str, account: &AccountSecret, host: &str, port: u16) -> Secret {
    let (role, database) = (&account.role, &account.database);
    let password = account.password.expose_secret();
    let uri = format!(
        "postgresql://{role}:{password}@{host}:{port}/{}",
        in_a_uri(database)
    );
    let port = port.to_string();
    let data = [
        // Service Binding's words, libpq's, and those of the operators' Secrets.
        ("type", "postgresql"),
        ("provider", "pgctl"),
        ("host", host),
        ("port", &port),
        ("database", database),
        ("dbname", database),
        ("username", role),
        ("user", role),
        ("password", password),
        ("uri", &uri),
    ];
    let data = data.map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec())));
    let labels = [
        (names::MANAGED_BY, "pgctl"),
        (names::CLUSTER, cluster.name.as_str()),
    ];
    let mut notes = vec![
        (names::ACCOUNT_USER, role.as_str()),
        (names::ACCOUNT_DATABASE, database.as_str()),
        (names::ACCOUNT_ACCESS, account.access.as_str()),
    ];
    if account.own_database {
        notes.push((names::ACCOUNT_OWN_DATABASE, "true"));
    }
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let owned = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        owned.collect()
    };
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(map(&labels)),
            annotations: Some(map(&notes)),
            ..ObjectMeta::default()
        },
        type_: Some(TYPE.to_owned()),
        data: Some(data.into_iter().collect()),
        ..Secret::default()
    }
}

/// Percent-encoded, where it is more than letters, digits and `-._~` (RFC 3986).
fn in_a_uri(text: &str) -> String {
    let fine = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.as_bytes()
        .iter()
        .map(|byte| match fine(byte) {
            true => char::from(*byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str) -> ClusterId {
        ClusterId {
            namespace: "n".to_owned(),
            name: name.to_owned(),
        }
    }

    fn account() -> AccountSecret {
        AccountSecret {
            role: "app".to_owned(),
            password: "hunter2".into(),
            database: "my shop".to_owned(),
            access: "read-write".to_owned(),
            own_database: true,
        }
    }

    #[test]
    fn what_was_made_is_understood_and_of_its_cluster_only() {
        let secret = made(&cluster("c"), "s", &account(), "h.n.svc", 5432);
        let data = secret.data.as_ref().expect("data");
        let uri = &data["uri"].0;
        assert_eq!(
            String::from_utf8_lossy(uri),
            "postgresql://app:hunter2@h.n.svc:5432/my%20shop"
        );
        let Some(StoredAccount::Ours(read, _)) = understood(&secret, &cluster("c")) else {
            panic!("it is ours");
        };
        assert_eq!((read.role.as_str(), read.own_database), ("app", true));
        assert_eq!(read.password.expose_secret(), "hunter2");
        assert!(understood(&secret, &cluster("other")).is_none());
        assert!(understood(&Secret::default(), &cluster("c")).is_none());
        assert!(!format!("{read:?}").contains("hunter2"));
    }
}
