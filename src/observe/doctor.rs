//! All that `pgctl doctor` goes by, asked at once.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use futures::future::join_all;

use super::asking::{to_be_asked, within};
use super::builder::Observed;
use super::open::{OpenError, open, open_database};
use super::unlogged::unlogged_tables;
use crate::cluster::ClusterId;
use crate::doctor::{
    Access, DatabaseAnswer, Known, ObjectsSeen, PasswordFacts, SecretFacts, ServerAnswer,
    ServerSeen,
};
use crate::kubernetes::{Call, Kube, NamespaceScope, Selection, Verb, calls_of};
use crate::plan::{OperationKind, UnloggedTables};
use crate::postgres::{Login, SqlError};

/// Databases that are asked of each server, the largest first.
const MOST_DATABASES: usize = 30;
/// Clusters that are asked about at the same time.
const CLUSTERS_AT_ONCE: usize = 16;
/// Databases that one server is asked about at the same time.
const AT_ONCE: usize = 4;

/// What was asked besides the snapshot.
#[derive(Debug)]
pub struct Examined {
    /// Objects around the cluster.
    pub objects: ObjectsSeen,
    /// What each server says, in the order of the pods.
    pub servers: Vec<ServerSeen>,
    /// Unlogged tables by database.
    pub unlogged: Known<Vec<UnloggedTables>>,
    /// What is wrong with the Secret's values.
    pub secret: Known<SecretFacts>,
    /// What may be done.
    pub access: Known<Vec<Access>>,
}

/// Asks everything at once. What does not answer says why, and takes no longer than one answer may.
pub async fn examined(kube: &Kube, observed: &Observed, selection: &Selection) -> Examined {
    let cluster = &observed.snapshot.cluster;
    let place = NamespaceScope::Namespace(cluster.namespace.clone());
    let objects = async {
        let mut around = surroundings(kube, &place, selection).await;
        around.take(cluster)
    };
    let access = access(kube, &cluster.namespace);
    let (objects, asked, access) = futures::join!(objects, asked(kube, observed), access);
    asked.with(objects, access)
}

/// Asks about each of the clusters of a place, some of them at a time, in their order. The objects around
/// them are listed once, however many clusters there are. `access`: whether it is asked what may be done,
/// which takes dozens of questions for each namespace.
pub async fn examined_all(
    kube: &Kube,
    place: &NamespaceScope,
    selection: &Selection,
    clusters: &[Observed],
    with_access: bool,
) -> Vec<Examined> {
    let mut around = surroundings(kube, place, selection).await;
    let wanted = clusters.iter().map(|observed| {
        let objects = around.take(&observed.snapshot.cluster);
        (observed, objects)
    });
    let wanted: Vec<(&Observed, ObjectsSeen)> = wanted.collect();
    futures::stream::iter(wanted)
        .map(async |(observed, objects)| {
            let namespace = &observed.snapshot.cluster.namespace;
            let access = async {
                match with_access {
                    true => access(kube, namespace).await,
                    false => Err("not asked of many clusters at once".to_owned()),
                }
            };
            let (asked, access) = futures::join!(asked(kube, observed), access);
            asked.with(objects, access)
        })
        .buffered(CLUSTERS_AT_ONCE)
        .collect()
        .await
}

/// What the servers and the Secret of a cluster say.
struct Asked {
    servers: Vec<ServerSeen>,
    unlogged: Option<Vec<UnloggedTables>>,
    secret: Known<SecretFacts>,
}

impl Asked {
    fn with(self, objects: ObjectsSeen, access: Known<Vec<Access>>) -> Examined {
        let unlogged = self.unlogged;
        Examined {
            objects,
            servers: self.servers,
            unlogged: unlogged.ok_or_else(|| "no server says which tables are unlogged".to_owned()),
            secret: self.secret,
            access,
        }
    }
}

async fn asked(kube: &Kube, observed: &Observed) -> Asked {
    let (servers, unlogged, secret) = futures::join!(
        servers(kube, observed),
        unlogged_tables(kube, observed),
        secret(kube, observed),
    );
    Asked {
        servers,
        unlogged,
        secret,
    }
}

/// What is around the clusters of a place, or why nobody can say.
struct Surroundings(Known<BTreeMap<ClusterId, ObjectsSeen>>);

impl Surroundings {
    /// Those of a cluster.
    fn take(&mut self, cluster: &ClusterId) -> ObjectsSeen {
        let why = match &mut self.0 {
            Ok(seen) => match seen.remove(cluster) {
                Some(seen) => return seen,
                None => "its objects are gone".to_owned(),
            },
            Err(why) => why.clone(),
        };
        ObjectsSeen {
            budgets: Err(why.clone()),
            policies: Err(why.clone()),
            nodes: Err(why),
            security: Vec::new(),
            memory_limits: BTreeMap::new(),
            differences: Vec::new(),
        }
    }
}

/// The objects are looked at anew: a snapshot keeps of them only what every command needs.
async fn surroundings(kube: &Kube, place: &NamespaceScope, selection: &Selection) -> Surroundings {
    let found = match kube.discover(place, selection).await {
        Ok(found) => found,
        Err(error) => return Surroundings(Err(error.to_string())),
    };
    let seen = kube.surroundings(place, &found).await;
    let ids = found.into_iter().map(|it| it.id);
    Surroundings(Ok(ids.zip(seen).collect()))
}

async fn secret(kube: &Kube, observed: &Observed) -> Known<SecretFacts> {
    let credentials = observed.credentials.as_ref();
    let source = credentials.map(|it| &it.source);
    let source = source.ok_or_else(|| "the Secret could not be read".to_owned())?;
    let judged = kube.judge_secret(source).await;
    judged.map_err(|error| error.to_string())
}

async fn servers(kube: &Kube, observed: &Observed) -> Vec<ServerSeen> {
    let namespace = &observed.snapshot.cluster.namespace;
    join_all(
        to_be_asked(kube, observed).map(async |(pod, login)| match login {
            Err(why) => unseen(pod, why),
            Ok(login) => server(kube, namespace, pod, &login).await,
        }),
    )
    .await
}

fn unseen(pod: &str, why: String) -> ServerSeen {
    ServerSeen {
        pod: pod.to_owned(),
        answer: Err(why.clone()),
        databases: BTreeMap::new(),
        passwords: Err(why),
    }
}

async fn server(kube: &Kube, namespace: &str, pod: &str, login: &Login) -> ServerSeen {
    let asking = async {
        let session = open(kube, namespace, pod, login).await?;
        let (answer, passwords) =
            futures::join!(session.examine_server(), session.examine_passwords());
        let passwords = passwords.map_err(|error| error.to_string());
        Ok((answer?, passwords))
    };
    let (answer, passwords): (ServerAnswer, Known<PasswordFacts>) =
        match within(login.timeout, asking).await {
            Ok(answers) => answers,
            Err(why) => return unseen(pod, why.to_string()),
        };
    let names = answer.databases.iter().take(MOST_DATABASES).cloned();
    let names: Vec<String> = names.collect();
    let databases = futures::stream::iter(names)
        .map(async |name| {
            let answer = database(kube, namespace, pod, login, &name).await;
            (name, answer)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    ServerSeen {
        pod: pod.to_owned(),
        answer: Ok(answer),
        databases,
        passwords,
    }
}

async fn database(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
    name: &str,
) -> Known<DatabaseAnswer> {
    let asking = async {
        let session = match open_database(kube, namespace, pod, login, name).await {
            Err(OpenError::Sql(SqlError::NotLetIn { .. })) if name.contains("\\x") => {
                return Err(OpenError::Sql(SqlError::Unexpected {
                    doing: format!("connecting to {name}"),
                    reason: "its name is not UTF-8, so pgctl can't log in to it".to_owned(),
                }));
            }
            other => other?,
        };
        Ok(session.examine_database().await?)
    };
    let answer = within(login.timeout, asking).await;
    answer.map_err(|why| why.to_string())
}

/// What looking takes.
const TO_LOOK: [(Verb, &str, &str); 16] = [
    (Verb::List, "", "pods"),
    (Verb::List, "apps", "statefulsets"),
    (Verb::List, "", "services"),
    (Verb::List, "discovery.k8s.io", "endpointslices"),
    (Verb::List, "autoscaling", "horizontalpodautoscalers"),
    (Verb::List, "", "persistentvolumeclaims"),
    (Verb::List, "", "configmaps"),
    (Verb::List, "", "events"),
    (Verb::List, "policy", "poddisruptionbudgets"),
    (Verb::List, "networking.k8s.io", "networkpolicies"),
    (Verb::Get, "coordination.k8s.io", "leases"),
    (Verb::Get, "", "secrets"),
    (Verb::Get, "", "pods/log"),
    (Verb::Create, "", "pods/portforward"),
    (Verb::Create, "", "pods/exec"),
    (Verb::Get, "", "configmaps"),
];

const OPERATIONS: [OperationKind; 7] = [
    OperationKind::Failover,
    OperationKind::Rejoin,
    OperationKind::Reinit,
    OperationKind::Scale,
    OperationKind::Autoscale,
    OperationKind::Synchronous,
    OperationKind::Restore,
];

/// What pgctl's commands need, each permission asked for once.
async fn access(kube: &Kube, namespace: &str) -> Known<Vec<Access>> {
    let mut wanted: Vec<(Call, Option<String>)> = TO_LOOK
        .iter()
        .map(|(verb, group, resource)| (Call::new(*verb, group, resource).within(namespace), None))
        .collect();
    for kind in OPERATIONS {
        let command = format!("pgctl {}", kind.command());
        let calls = calls_of(kind, namespace).into_iter();
        wanted.extend(calls.map(|call| (call, Some(command.clone()))));
    }
    let mut calls: Vec<Call> = Vec::new();
    for (call, _) in &wanted {
        if !calls.contains(call) {
            calls.push(call.clone());
        }
    }
    let missing = kube.not_allowed(&calls).await;
    let missing: BTreeSet<String> = missing
        .map_err(|error| error.to_string())?
        .into_iter()
        .map(permission)
        .collect();
    Ok(wanted
        .iter()
        .map(|(call, command)| Access {
            permission: permission(call),
            command: command.clone(),
            allowed: !missing.contains(&permission(call)),
        })
        .collect())
}

/// `patch statefulsets/scale.apps`, as `kubectl auth can-i` takes it.
fn permission(call: &Call) -> String {
    let group = match call.group {
        "" => String::new(),
        group => format!(".{group}"),
    };
    let (resource, sub) = match call.resource.split_once('/') {
        Some((resource, sub)) => (resource, format!("/{sub}")),
        None => (call.resource, String::new()),
    };
    format!("{} {resource}{group}{sub}", call.verb.as_str())
}
