//! All that `pgctl doctor` goes by, asked at once.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use futures::future::join_all;
use jiff::Timestamp;

use super::asking::{login_of, runs, to_be_asked, within};
use super::builder::{Depth, Observed, observe_found};
use super::open::{OpenError, open, open_database};
use super::rights::{access, missing, questions, rights};
use super::unlogged::unlogged_tables;
use crate::cluster::ClusterId;
use crate::doctor::{
    Access, DatabaseAnswer, Known, ObjectsSeen, PasswordFacts, SecretFacts, ServerAnswer,
    ServerSeen,
};
use crate::kubernetes::{CredentialsSource, Found, Kube, KubeError, NamespaceScope, Selection};
use crate::plan::UnloggedTables;
use crate::postgres::{Login, Session, SqlError};

/// Databases that are asked of each server, the largest first.
const MOST_DATABASES: usize = 30;
/// Clusters that are asked about at the same time.
const CLUSTERS_AT_ONCE: usize = 16;
/// Databases that one server is asked about at the same time: few, because every connection is one that
/// clients lack.
const AT_ONCE: usize = 2;
/// The database that a session is in when nothing else is said.
const OWN_DATABASE: &str = "postgres";

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

/// Looks at the one cluster of a place and asks everything else at the same time. What does not answer says
/// why, and takes no longer than one answer may.
///
/// # Errors
/// As [`super::observe`].
pub async fn observe_and_examine(
    kube: &Kube,
    place: &NamespaceScope,
    selection: &Selection,
    depth: Depth,
) -> Result<(Observed, Examined), KubeError> {
    let taken = Timestamp::now();
    let found = kube.discover_one(place, selection).await?;
    let observed = async {
        let observed = observe_found(kube, &found, taken, depth).await?;
        let unlogged = unlogged_tables(kube, &observed).await;
        Ok::<_, KubeError>((observed, unlogged))
    };
    let objects = async {
        let seen = kube.surroundings(place, std::slice::from_ref(&found)).await;
        seen.into_iter().next()
    };
    let questions = questions();
    let (observed, objects, servers, secret, missing) = futures::join!(
        observed,
        objects,
        running_servers(kube, &found),
        secret(kube, found.credentials.as_ref()),
        missing(kube, Some(&found.id.namespace), &questions),
    );
    let (observed, unlogged) = observed?;
    let asked = Asked {
        servers,
        unlogged,
        secret,
    };
    let objects = objects.unwrap_or_else(|| unseen_objects("its objects are gone"));
    let examined = asked.with(objects, missing.map(|it| access(&it)));
    Ok((observed, examined))
}

/// Asks everything about what was observed. What does not answer says why, and takes no longer than one
/// answer may.
pub async fn examined(kube: &Kube, observed: &Observed, selection: &Selection) -> Examined {
    let cluster = &observed.snapshot.cluster;
    let place = NamespaceScope::Namespace(cluster.namespace.clone());
    let objects = async {
        let mut around = surroundings(kube, &place, selection).await;
        around.take(cluster)
    };
    let questions = questions();
    let missing = missing(kube, Some(&cluster.namespace), &questions);
    let (objects, asked, missing) = futures::join!(objects, asked(kube, observed), missing);
    asked.with(objects, missing.map(|it| access(&it)))
}

/// Asks about each of the clusters of a place, some of them at a time, in their order. The objects around
/// them are listed once, however many clusters there are, and what may be done is asked once for all
/// namespaces, as far as it may be done in all of them. `every_right`: whether the rest is asked of each
/// namespace, however many questions that takes.
pub async fn examined_all(
    kube: &Kube,
    place: &NamespaceScope,
    selection: &Selection,
    clusters: &[Observed],
    every_right: bool,
) -> Vec<Examined> {
    let namespaces = clusters.iter();
    let namespaces = namespaces.map(|it| it.snapshot.cluster.namespace.as_str());
    let (mut around, rights) = futures::join!(
        surroundings(kube, place, selection),
        rights(kube, place, namespaces.collect(), every_right),
    );
    let wanted = clusters.iter().map(|observed| {
        let objects = around.take(&observed.snapshot.cluster);
        (observed, objects)
    });
    let wanted: Vec<(&Observed, ObjectsSeen)> = wanted.collect();
    futures::stream::iter(wanted)
        .map(async |(observed, objects)| {
            let namespace = observed.snapshot.cluster.namespace.as_str();
            let access = match rights.get(namespace) {
                Some(Ok(missing)) => Ok(access(missing)),
                Some(Err(why)) => Err(why.clone()),
                None => Err("not asked".to_owned()),
            };
            asked(kube, observed).await.with(objects, access)
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
        secret(kube, observed.credentials.as_ref().map(|it| &it.source)),
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
        unseen_objects(&why)
    }
}

fn unseen_objects(why: &str) -> ObjectsSeen {
    ObjectsSeen {
        budgets: Err(why.to_owned()),
        policies: Err(why.to_owned()),
        nodes: Err(why.to_owned()),
        security: Vec::new(),
        memory_limits: BTreeMap::new(),
        differences: Vec::new(),
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

async fn secret(kube: &Kube, source: Option<&CredentialsSource>) -> Known<SecretFacts> {
    let source = source.ok_or_else(|| "the Secret could not be read".to_owned())?;
    let judged = kube.judge_secret(source).await;
    judged.map_err(|error| error.to_string())
}

async fn servers(kube: &Kube, observed: &Observed) -> Vec<ServerSeen> {
    let namespace = &observed.snapshot.cluster.namespace;
    each_server(kube, namespace, to_be_asked(kube, observed)).await
}

/// Those of a cluster that nobody has asked yet.
async fn running_servers(kube: &Kube, found: &Found) -> Vec<ServerSeen> {
    let login = login_of(kube, found).await;
    let pods = found.pod_facts(&BTreeMap::new());
    let wanted = pods.iter().map(|pod| {
        let login = match runs(pod) {
            true => login.clone(),
            false => Err("its container does not run".to_owned()),
        };
        (pod.name.as_str(), login)
    });
    each_server(kube, &found.id.namespace, wanted).await
}

async fn each_server(
    kube: &Kube,
    namespace: &str,
    pods: impl Iterator<Item = (&str, Result<Login, String>)>,
) -> Vec<ServerSeen> {
    let asked = pods.map(async |(pod, login)| match login {
        Err(why) => unseen(pod, why),
        Ok(login) => server(kube, namespace, pod, &login).await,
    });
    join_all(asked).await
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
        Ok((session, answer?, passwords))
    };
    let (session, answer, passwords): (Session, ServerAnswer, Known<PasswordFacts>) =
        match within(login.timeout, asking).await {
            Ok(answers) => answers,
            Err(why) => return unseen(pod, why.to_string()),
        };
    let names = answer.databases.iter().take(MOST_DATABASES).cloned();
    let (own, names): (Vec<String>, Vec<String>) = names.partition(|name| name == OWN_DATABASE);
    let own = async {
        let mut seen = BTreeMap::new();
        if let Some(name) = own.into_iter().next() {
            let asking = async { Ok(session.examine_database().await?) };
            let answer = within(login.timeout, asking).await;
            seen.insert(name, answer.map_err(|why| why.to_string()));
        }
        drop(session);
        seen
    };
    let others = futures::stream::iter(names)
        .map(async |name| {
            let answer = database(kube, namespace, pod, login, &name).await;
            (name, answer)
        })
        .buffer_unordered(AT_ONCE)
        .collect::<BTreeMap<_, _>>();
    let (mut databases, others) = futures::join!(own, others);
    databases.extend(others);
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
