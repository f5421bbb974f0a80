//! Where the passwords stand: in the Secret, in the pods, in the databases.

use secrecy::{ExposeSecret as _, SecretString};

use super::super::context::Context;
use crate::change::{PasswordFacts, PodPassword, StoredPassword};
use crate::cluster::{PodAnswer, Role, names};
use crate::kubernetes::{CredentialsSource, Kube, KubeError, NamespaceScope, SecretPasswords};
use crate::observe::{AskedCluster, OpenPod};
use crate::postgres::PasswordTraces;

/// A role, and the key of its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoleKey {
    pub(super) role: String,
    pub(super) key: String,
}

impl RoleKey {
    /// The key under which one of its passwords is.
    pub(super) fn of(&self, which: StoredPassword) -> String {
        let suffix = match which {
            StoredPassword::Current => "",
            StoredPassword::Next => names::PASSWORD_NEXT,
            StoredPassword::Previous => names::PASSWORD_PREVIOUS,
        };
        format!("{}{suffix}", self.key)
    }
}

/// What was seen at once.
pub(super) struct Seen {
    pub(super) cluster: AskedCluster,
    pub(super) secret: SecretPasswords,
    /// The one pod that says it is the primary.
    pub(super) primary: Option<String>,
    /// In the order of the roles.
    pub(super) facts: Vec<PasswordFacts>,
}

/// The cluster with its pods, as it is now.
pub(super) async fn find(context: &Context, kube: &Kube) -> Result<AskedCluster, KubeError> {
    let place = NamespaceScope::Namespace(kube.namespace().to_owned());
    AskedCluster::find(kube, &place, &context.selection).await
}

/// Looks at everything at once.
pub(super) async fn look(
    context: &Context,
    kube: &Kube,
    source: &CredentialsSource,
    roles: &[RoleKey],
) -> Result<Seen, KubeError> {
    let (cluster, secret) = futures::join!(find(context, kube), kube.secret_passwords(source));
    let (cluster, secret) = (cluster?, secret?);
    let mounts = cluster.found.secret_mounts(&source.secret);
    let files: Vec<String> = roles.iter().map(|it| it.of(StoredPassword::Next)).collect();
    let role_names: Vec<&str> = roles.iter().map(|it| it.role.as_str()).collect();
    let question = async |pod: &OpenPod<'_>| {
        let folder = mounts.get(&pod.pod.name).map(String::as_str);
        Ok(pod
            .session
            .password_traces(&role_names, folder, &files)
            .await?)
    };
    let pods: Vec<String> = cluster.pods.iter().map(|it| it.name.clone()).collect();
    let answers = cluster.ask(kube, &pods, context.timeout(), question).await;
    let mut primaries = answers.iter().filter(|it| it.role == Role::Primary);
    let primary = primaries.next().filter(|_| primaries.next().is_none());
    let primary = primary.map(|it| it.pod.clone());
    let facts = roles.iter().map(|role| {
        let has = |which| secret.value(&role.of(which)).is_some();
        let traces = answers.iter().find(|it| Some(&it.pod) == primary.as_ref());
        let traces = traces.and_then(|it| it.answer.as_ref().ok());
        PasswordFacts {
            role: role.role.clone(),
            key: role.key.clone(),
            has_next: has(StoredPassword::Next),
            has_previous: has(StoredPassword::Previous),
            in_database: traces.and_then(|it| in_database(it, role, &secret)),
            pods: answers
                .iter()
                .filter_map(|it| of_pod(it, role, &secret, mounts.contains_key(&it.pod)))
                .collect(),
        }
    });
    let facts = facts.collect();
    Ok(Seen {
        cluster,
        secret,
        primary,
        facts,
    })
}

/// The first of the Secret's passwords for which this holds.
fn which(
    role: &RoleKey,
    secret: &SecretPasswords,
    holds: impl Fn(&SecretString) -> bool,
) -> Option<StoredPassword> {
    let all = [
        StoredPassword::Current,
        StoredPassword::Next,
        StoredPassword::Previous,
    ];
    all.into_iter()
        .find(|which| secret.value(&role.of(*which)).is_some_and(&holds))
}

fn in_database(
    traces: &PasswordTraces,
    role: &RoleKey,
    secret: &SecretPasswords,
) -> Option<StoredPassword> {
    which(role, secret, |it| traces.has(&role.role, it))
}

/// None of a pod in which nothing runs: it reads the Secret when it starts.
fn of_pod(
    answer: &PodAnswer<PasswordTraces>,
    role: &RoleKey,
    secret: &SecretPasswords,
    mounted: bool,
) -> Option<PodPassword> {
    let pod = answer.pod.clone();
    let traces = match &answer.answer {
        Ok(traces) => traces,
        Err(why) if why.nothing_runs() => return None,
        Err(why) => {
            return Some(PodPassword {
                pod,
                silent: Some(why.to_string()),
                mounted,
                has_next: false,
                uses: None,
                in_database: None,
            });
        }
    };
    let next_key = role.of(StoredPassword::Next);
    let next = secret.value(&next_key);
    Some(PodPassword {
        pod,
        silent: None,
        mounted,
        has_next: next.is_some_and(|it| traces.has_file(&next_key, it)),
        uses: which(role, secret, |it| traces.uses(&role.role, it)),
        in_database: in_database(traces, role, secret),
    })
}

/// Whether a password that was given is another one than that which is on its way.
pub(super) fn differs(secret: &SecretPasswords, roles: &[RoleKey], given: &SecretString) -> bool {
    roles.iter().any(|role| {
        let value = |which| secret.value(&role.of(which));
        let coming = match (value(StoredPassword::Next), value(StoredPassword::Previous)) {
            (Some(next), _) => Some(next),
            (None, Some(_)) => value(StoredPassword::Current),
            (None, None) => None,
        };
        coming.is_some_and(|it| it.expose_secret() != given.expose_secret())
    })
}
