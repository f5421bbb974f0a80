//! The values of the Secrets of a namespace: to see that they are nowhere.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _};

use super::{Call, CredentialsSource, Kube, KubeError, Verb};
use crate::cluster::names;

/// Keys under which no secret stands, by their whole name: `superuser-password` has "user" in it, too. They are
/// those of Service Binding, of libpq, of operators (`account_secret.rs`), and of tokens of service accounts.
const OPEN_KEYS: [&str; 11] = [
    "type",
    "provider",
    "host",
    "port",
    "database",
    "dbname",
    "namespace",
    "ca.crt",
    "user",
    "username",
    names::KEY_USER,
];

/// Parts of keys under which a secret may stand, whatever it looks like.
const SECRET_WORDS: [&str; 8] = [
    "pass", "pw", "secret", "token", "key", "cred", "auth", "pin",
];

/// Values that must be nowhere.
#[derive(Clone)]
pub struct SecretValues {
    /// As they are stored, byte for byte.
    pub values: Vec<Vec<u8>>,
    /// Why they are those of the cluster's own Secret only; none when they are those of all Secrets of the
    /// namespace.
    pub only_own: Option<String>,
}

impl Kube {
    /// The values of all Secrets of a namespace, except what is no secret; of the cluster's own only, where no
    /// more can be read. `public` are names that stand in every answer: such a value is no secret, unless its
    /// key says so.
    ///
    /// # Errors
    /// When not even the cluster's own can be read.
    pub async fn secret_values(
        &self,
        namespace: &str,
        own: Option<&CredentialsSource>,
        public: &[&str],
    ) -> Result<SecretValues, KubeError> {
        let api: Api<Secret> = Api::namespaced(self.client(), namespace);
        let call = Call::new(Verb::List, "", "secrets").within(namespace);
        let (secrets, only_own) = match (self.list(&api, &call, "").await, own) {
            (Ok(secrets), _) => (secrets, None),
            (Err(error), None) => return Err(error),
            // The viewer's Role may get a Secret whose name is known, and list none.
            (Err(error), Some(own)) => (vec![self.secret(own).await?], Some(error.to_string())),
        };
        let values = secrets.iter().flat_map(|it| hidden(it, own, public));
        Ok(SecretValues {
            values: values.collect(),
            only_own,
        })
    }
}

/// The values of a Secret that nobody may see.
fn hidden(secret: &Secret, own: Option<&CredentialsSource>, public: &[&str]) -> Vec<Vec<u8>> {
    let name = secret.name_any();
    let user_key = own.filter(|it| it.secret == name);
    let user_key = user_key.and_then(|it| it.user_key.as_deref());
    let is_open = |key: &str, value: &[u8]| {
        OPEN_KEYS.contains(&key)
            || user_key == Some(key)
            || !may_hold_a_secret(key) && public.iter().any(|it| it.as_bytes() == value)
    };
    let pairs = secret.data.iter().flatten();
    pairs
        .filter(|(key, value)| !is_open(key, &value.0))
        .map(|(_, value)| value.0.clone())
        .collect()
}

fn may_hold_a_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    SECRET_WORDS.iter().any(|it| key.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::ByteString;
    use kube::core::ObjectMeta;

    fn secret(name: &str, pairs: &[(&str, &str)]) -> Secret {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
        Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            data: Some(pairs.collect()),
            ..Secret::default()
        }
    }

    fn source() -> CredentialsSource {
        CredentialsSource {
            namespace: "n".to_owned(),
            secret: "own".to_owned(),
            user_key: Some("login".to_owned()),
            user: "postgres".to_owned(),
            password_key: "pw".to_owned(),
            replication_key: None,
            certificate: None,
        }
    }

    fn found(name: &str, pairs: &[(&str, &str)]) -> Vec<String> {
        let source = source();
        let values = hidden(&secret(name, pairs), Some(&source), &["shop-db", "staging"]);
        let text = |it: Vec<u8>| String::from_utf8_lossy(&it).into_owned();
        values.into_iter().map(text).collect()
    }

    #[test]
    fn a_key_that_has_user_in_it_may_hold_a_secret() {
        let pairs = [
            ("postgres-user", "a"),
            ("superuser-password", "b\n"),
            ("user", "c"),
            ("user-password", "d"),
            ("user-token", "e"),
            ("username", "f"),
        ];
        assert_eq!(found("other", &pairs), ["b\n", "d", "e"]);
    }

    #[test]
    fn the_users_name_is_under_the_key_that_the_template_names_and_only_there() {
        let pairs = [("login", "admin"), ("pw", "hunter2")];
        assert_eq!(found("own", &pairs), ["hunter2"]);
        assert_eq!(found("other", &pairs), ["admin", "hunter2"]);
    }

    #[test]
    fn what_says_where_a_database_is_is_no_secret() {
        let pairs = [
            ("database", "shop"),
            ("dbname", "shop"),
            ("host", "h"),
            ("password", "hunter2"),
            ("port", "5432"),
            ("provider", "pgctl"),
            ("type", "postgresql"),
            ("uri", "postgresql://app:hunter2@h/shop"),
            ("user", "app"),
            ("username", "app"),
        ];
        let secrets = ["hunter2", "postgresql://app:hunter2@h/shop"];
        assert_eq!(found("of-app", &pairs), secrets);
        let account = [("ca.crt", "c"), ("namespace", "staging"), ("token", "t")];
        assert_eq!(found("of-a-service-account", &account), ["t"]);
    }

    #[test]
    fn a_public_name_is_a_secret_only_where_the_key_says_so() {
        let pairs = [("PGHOST", "shop-db"), ("admin_pw", "shop-db")];
        assert_eq!(found("other", &pairs), ["shop-db"]);
    }
}
