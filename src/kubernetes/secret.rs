//! Credentials out of the cluster's Secret. Their values are never printed.

use k8s_openapi::api::core::v1::{PodTemplateSpec, Secret};
use kube::Api;
use secrecy::SecretString;

use super::facts::database_container;
use super::server_certificate::{CertificateSource, ServerCertificate, certificate_source};
use super::{Call, Kube, KubeError, Verb};
use crate::cluster::names;
use crate::doctor::SecretFacts;

/// A password that is shorter is tried out soon.
const SHORTEST: usize = 12;

/// What everybody tries first: the most common passwords of every leaked list, the defaults of images and
/// tutorials, and this deployment's placeholder.
const COMMON: [&str; 44] = [
    "123456",
    "12345678",
    "123456789",
    "1234567890",
    "1q2w3e4r",
    "abc123",
    "access",
    "admin",
    "administrator",
    "adminpassword",
    "changeit",
    "changeme",
    "change-me",
    "database",
    "default",
    "dragon",
    "example",
    "guest",
    "iloveyou",
    "letmein",
    "login",
    "master",
    "monkey",
    "mypassword",
    "mysecretpassword",
    "p@ssw0rd",
    "pass",
    "passw0rd",
    "password",
    "pgpassword",
    "postgres",
    "postgresql",
    "postgrespassword",
    "qwerty",
    "replace-me-before-use",
    "replication",
    "replicator",
    "root",
    "secret",
    "supersecret",
    "test",
    "testpassword",
    "user",
    "welcome",
];

/// Where the superuser's name and password are, by what the pod template says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsSource {
    /// `metadata.namespace` of its objects.
    pub namespace: String,
    /// Name of the Secret with the password.
    pub secret: String,
    /// Key of the user's name; none when the template gives it in the open.
    pub user_key: Option<String>,
    /// The user's name, when the template gives it in the open.
    pub user: String,
    /// Key of the password.
    pub password_key: String,
    /// Key of the password of the standbys' role, when it is in the same Secret.
    pub replication_key: Option<String>,
    /// Where the servers' certificate comes from; none where the pods have none.
    pub certificate: Option<CertificateSource>,
}

/// A user and its password.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Name of the superuser.
    pub user: String,
    /// Its password, which is never shown.
    pub password: SecretString,
    /// The password of the standbys' role; none when it is not known.
    pub replication_password: Option<SecretString>,
    /// Others that the superuser may have while the password is being changed.
    pub others: Vec<SecretString>,
    /// The same of the standbys' role.
    pub replication_others: Vec<SecretString>,
    /// Where they come from, for messages.
    pub source: CredentialsSource,
    /// By what the servers prove who they are; none where they don't, and where that can't be read.
    pub certificate: Option<ServerCertificate>,
    /// Why nobody knows who has signed the servers' certificates, where they have some.
    pub no_authority: Option<String>,
    /// What is wrong with the passwords in that Secret.
    pub judged: SecretFacts,
}

impl CredentialsSource {
    /// Reads the `secretKeyRef`s of the database container. `over` (`--secret`) replaces the name
    /// of the Secret. None when the template names no Secret and none was given.
    pub fn from_template(
        template: &PodTemplateSpec,
        namespace: &str,
        over: Option<&str>,
    ) -> Option<Self> {
        let env = template
            .spec
            .as_ref()
            .and_then(database_container)
            .and_then(|container| container.env.as_deref())
            .unwrap_or_default();
        let variable = |name: &str| env.iter().find(|variable| variable.name == name);
        let reference = |name: &str| {
            let key = variable(name)?
                .value_from
                .as_ref()?
                .secret_key_ref
                .as_ref()?;
            Some((key.name.clone(), key.key.clone()))
        };
        let password = reference(names::ENV_PASSWORD);
        let user = reference(names::ENV_USER);
        let replication = reference(names::ENV_REPLICATION_PASSWORD);
        let plain_user = variable(names::ENV_USER).and_then(|variable| variable.value.clone());
        let secret = over
            .map(str::to_owned)
            .or_else(|| password.as_ref().map(|(secret, _)| secret.clone()))?;
        let user_key = match (&user, &plain_user) {
            (Some((_, key)), _) => Some(key.clone()),
            (None, Some(_)) => None,
            (None, None) => over.map(|_| names::KEY_USER.to_owned()),
        };
        let same = |from: &String| password.as_ref().is_some_and(|(of, _)| of == from);
        let replication_key = replication.filter(|(of, _)| same(of)).map(|(_, key)| key);
        Some(Self {
            namespace: namespace.to_owned(),
            secret,
            user_key,
            user: plain_user.unwrap_or_else(|| "postgres".to_owned()),
            password_key: password.map_or_else(|| names::KEY_PASSWORD.to_owned(), |(_, key)| key),
            replication_key,
            certificate: template.spec.as_ref().and_then(certificate_source),
        })
    }

    fn bad(&self, problem: String) -> KubeError {
        KubeError::BadSecret {
            secret: self.secret.clone(),
            namespace: self.namespace.clone(),
            problem,
        }
    }
}

impl Kube {
    /// Reads the credentials.
    ///
    /// # Errors
    /// When the Secret or a key is missing, or it may not be read. That of the servers' certificate may be: there are pods that
    /// were made before they had one, and those that have got theirs keep it.
    pub async fn credentials(&self, source: &CredentialsSource) -> Result<Credentials, KubeError> {
        let secret = match self.secret(source).await {
            Err(KubeError::NotFound { .. }) => return Err(source.bad("does not exist".to_owned())),
            other => other?,
        };
        let mut credentials = from_secret(&secret, source)?;
        if let Some(place) = &source.certificate {
            match self.server_certificate(&source.namespace, place).await {
                Ok(certificate) => credentials.certificate = Some(certificate),
                Err(
                    error @ (KubeError::BadCertificate { .. }
                    | KubeError::NoAuthority { .. }
                    | KubeError::Forbidden { .. }),
                ) => credentials.no_authority = Some(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(credentials)
    }

    /// What is wrong with the passwords in a Secret that gives no [`Credentials`].
    ///
    /// # Errors
    /// When it may not be read, or is not there.
    pub async fn judge_secret(&self, source: &CredentialsSource) -> Result<SecretFacts, KubeError> {
        let secret = self.secret(source).await?;
        if passwords(&secret, source).next().is_none() {
            return Err(source.bad("has no password".to_owned()));
        }
        Ok(judged(&secret, source))
    }

    /// The Secret that the password is in.
    pub(super) async fn secret(&self, source: &CredentialsSource) -> Result<Secret, KubeError> {
        let api: Api<Secret> = Api::namespaced(self.client(), &source.namespace);
        let call = Call::new(Verb::Get, "", "secrets")
            .named(&source.secret)
            .within(&source.namespace);
        self.read(&call, || api.get(&source.secret)).await
    }
}

/// The values that are passwords: those that the pod template takes for some, and those whose key says so.
fn passwords<'a>(
    secret: &'a Secret,
    source: &CredentialsSource,
) -> impl Iterator<Item = (&'a String, &'a [u8])> {
    let is_password = |key: &str| {
        let word = key.to_lowercase();
        key == source.password_key
            || source.replication_key.as_deref() == Some(key)
            || ["pass", "pw"].iter().any(|it| word.contains(it))
    };
    let data = secret.data.iter().flatten();
    data.filter(move |(key, _)| is_password(key))
        .map(|(key, value)| (key, value.0.as_slice()))
}

/// What is wrong with the values of a Secret, by comparing them; they are kept nowhere.
fn judged(secret: &Secret, source: &CredentialsSource) -> SecretFacts {
    let values: Vec<(&String, &[u8])> = passwords(secret, source).collect();
    let is_user =
        |key: &str| source.user_key.as_deref() == Some(key) || key.to_lowercase().contains("user");
    let users = secret.data.iter().flatten();
    let users: Vec<&[u8]> = users
        .filter(|(key, _)| is_user(key))
        .map(|(_, value)| value.0.as_slice())
        .chain([names::REPLICATION_ROLE.as_bytes(), source.user.as_bytes()])
        .collect();
    let lower = |value: &[u8]| String::from_utf8_lossy(value).to_lowercase();
    let guessable = |key: &str, value: &[u8]| {
        let word = lower(value);
        let bare =
            word.trim_end_matches(|it: char| it.is_ascii_digit() || it.is_ascii_punctuation());
        COMMON.contains(&word.as_str())
            || COMMON.contains(&bare)
            || word == key.to_lowercase()
            || users.iter().any(|user| lower(user) == word)
    };
    let keys = |wanted: &dyn Fn(&str, &[u8]) -> bool| -> Vec<String> {
        let found = values.iter().filter(|(key, value)| wanted(key, value));
        found.map(|(key, _)| (*key).clone()).collect()
    };
    SecretFacts {
        name: source.secret.clone(),
        guessable: keys(&guessable),
        short: keys(&|key, value| value.len() < SHORTEST && !guessable(key, value)),
        same: keys(&|key, value| {
            values
                .iter()
                .any(|(other, same)| *other != key && *same == value)
        }),
    }
}

fn from_secret(secret: &Secret, source: &CredentialsSource) -> Result<Credentials, KubeError> {
    let value = |key: &str| -> Result<Option<String>, KubeError> {
        let Some(bytes) = secret.data.as_ref().and_then(|data| data.get(key)) else {
            return Ok(None);
        };
        let text = String::from_utf8(bytes.0.clone())
            .map_err(|_| source.bad(format!("holds no text under {key:?}")))?;
        if text.is_empty() {
            return Err(source.bad(format!("holds nothing under {key:?}")));
        }
        Ok(Some(text))
    };
    let password = value(&source.password_key)?.ok_or_else(|| {
        let has: Vec<&str> = secret
            .data
            .iter()
            .flat_map(|data| data.keys().map(String::as_str))
            .collect();
        source.bad(format!(
            "has no key {:?} (it has: {})",
            source.password_key,
            if has.is_empty() {
                "none".to_owned()
            } else {
                has.join(", ")
            }
        ))
    })?;
    let user = match &source.user_key {
        Some(key) => value(key)?.unwrap_or_else(|| source.user.clone()),
        None => source.user.clone(),
    };
    // Without it only a check is missing.
    let replication_password = match &source.replication_key {
        Some(key) => value(key).ok().flatten().map(SecretString::from),
        None => None,
    };
    // While it is being changed, the database may have either.
    let of_change = [names::PASSWORD_NEXT, names::PASSWORD_PREVIOUS];
    let others = |key: &str| -> Vec<SecretString> {
        let found = of_change.iter().filter_map(|suffix| {
            let found = value(&format!("{key}{suffix}"));
            found.ok().flatten().map(SecretString::from)
        });
        found.collect()
    };
    Ok(Credentials {
        others: others(&source.password_key),
        replication_others: source
            .replication_key
            .as_deref()
            .map(others)
            .unwrap_or_default(),
        user,
        replication_password,
        password: SecretString::from(password),
        source: source.clone(),
        certificate: None,
        no_authority: None,
        judged: judged(secret, source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template() -> PodTemplateSpec {
        serde_json::from_value(json!({"spec": {"containers": [
            {"name": "exporter"},
            {"name": "postgres", "env": [
                {"name": "POSTGRES_USER", "valueFrom": {"secretKeyRef": {"name": "s-x7", "key": "postgres-user"}}},
                {"name": "POSTGRES_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s-x7", "key": "pw"}}},
                {"name": "REPLICATION_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s-x7", "key": "rp"}}},
            ]},
        ]}}))
        .expect("a pod template")
    }

    fn secret(data: serde_json::Value) -> Secret {
        serde_json::from_value(json!({"data": data})).expect("a Secret")
    }

    #[test]
    fn the_template_says_where_they_are() {
        let source = CredentialsSource::from_template(&template(), "n", None).expect("named");
        assert_eq!(source.secret, "s-x7");
        assert_eq!(source.user_key.as_deref(), Some("postgres-user"));
        assert_eq!(source.password_key, "pw");
        assert_eq!(source.replication_key.as_deref(), Some("rp"));
        let other =
            CredentialsSource::from_template(&template(), "n", Some("mine")).expect("named");
        assert_eq!(
            (other.secret.as_str(), other.password_key.as_str()),
            ("mine", "pw")
        );
    }

    #[test]
    fn a_template_without_a_secret_needs_one_to_be_given() {
        let bare = PodTemplateSpec::default();
        assert_eq!(CredentialsSource::from_template(&bare, "n", None), None);
        let given = CredentialsSource::from_template(&bare, "n", Some("mine")).expect("given");
        assert_eq!(given.password_key, "postgres-password");
        assert_eq!(given.user_key.as_deref(), Some("postgres-user"));
    }

    #[test]
    fn the_password_never_shows() {
        let source = CredentialsSource::from_template(&template(), "n", None).expect("named");
        // "hunter2" and "admin" in base64.
        let secret = secret(json!({"pw": "aHVudGVyMg==", "postgres-user": "YWRtaW4="}));
        let credentials = from_secret(&secret, &source).expect("complete");
        assert_eq!(credentials.user, "admin");
        assert!(!format!("{credentials:?}").contains("hunter2"));
        assert!(credentials.replication_password.is_none(), "there is none");
    }

    /// What is found in a Secret of these keys and values, by the template of above.
    fn found(pairs: &[(&str, &str)]) -> SecretFacts {
        use k8s_openapi::ByteString;
        let data = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())))
            .collect();
        let secret = Secret {
            data: Some(data),
            ..Secret::default()
        };
        let source = CredentialsSource::from_template(&template(), "n", None).expect("named");
        judged(&secret, &source)
    }

    #[test]
    fn what_the_template_takes_for_a_password_is_judged_by_whatever_key() {
        let bad = found(&[
            ("pw", "Zt55-8rRw-pp0L"),
            ("rp", "Zt55-8rRw-pp0L"),
            ("POSTGRES_PASSWORD", "postgres"),
            ("pgpass", "x7Kq"),
            ("DB_PWD", "changeme1"),
            ("APP_USER", "shop-of-anna-and-bert"),
            ("Passphrase", "shop-of-anna-and-bert"),
            ("note", "x"),
        ]);
        assert_eq!(bad.same, ["pw", "rp"]);
        assert_eq!(bad.guessable, ["DB_PWD", "POSTGRES_PASSWORD", "Passphrase"]);
        assert_eq!(bad.short, ["pgpass"]);
        let weak = found(&[("pw", "postgres"), ("rp", "short")]);
        assert_eq!(
            (weak.guessable, weak.short),
            (vec!["pw".to_owned()], vec!["rp".to_owned()])
        );
    }

    #[test]
    fn passwords_are_compared_and_not_kept() {
        let of = found;
        let good = of(&[
            ("postgres-user", "admin"),
            ("postgres-password", "n3K9-vbE2-wq71"),
            ("replication-password", "Zt55-8rRw-pp0L"),
        ]);
        assert_eq!(
            (good.guessable.len(), good.short.len(), good.same.len()),
            (0, 0, 0)
        );
        let bad = of(&[
            ("a-password", "Password123!"),
            ("b-password", "x7Kq"),
            ("c-password", "Zt55-8rRw-pp0L"),
            ("d-password", "Zt55-8rRw-pp0L"),
            ("e-password", "admin-of-shop"),
            ("user", "admin-of-shop"),
        ]);
        assert_eq!(bad.guessable, ["a-password", "e-password"]);
        assert_eq!(bad.short, ["b-password"]);
        assert_eq!(bad.same, ["c-password", "d-password"]);
        assert!(!format!("{bad:?}").contains("x7Kq"));
    }

    #[test]
    fn a_missing_key_is_named_with_those_that_there_are() {
        let source = CredentialsSource::from_template(&template(), "n", None).expect("named");
        let error = from_secret(&secret(json!({"other": "eA=="})), &source).expect_err("no key");
        assert_eq!(
            error.to_string(),
            "the Secret \"s-x7\" in namespace \"n\" has no key \"pw\" (it has: other)"
        );
    }
}
