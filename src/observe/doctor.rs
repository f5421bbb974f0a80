//! All that `pgctl doctor` goes by, asked at once.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use jiff::Timestamp;

use super::builder::{Depth, Observed, observe_and_ask};
use super::rights::{access, missing, questions, rights};
use super::servers::{ExaminedServers, Said, each_server, examine, settled};
use crate::cluster::{ClusterId, Instance};
use crate::doctor::{Access, Known, ObjectsSeen, PasswordFacts, SecretFacts, ServerSeen};
use crate::kubernetes::{CredentialsSource, Kube, KubeError, NamespaceScope, Selection};
use crate::plan::UnloggedTables;

/// Clusters that are asked about at the same time.
const CLUSTERS_AT_ONCE: usize = 16;

/// What was asked besides the snapshot.
#[derive(Debug)]
pub struct Examined {
    /// Objects around the cluster.
    pub objects: ObjectsSeen,
    /// What each server says, in the order of the pods.
    pub servers: Vec<ServerSeen>,
    /// Roles whose password is their name, and those stored as MD5.
    pub passwords: Known<PasswordFacts>,
    /// Unlogged tables by database.
    pub unlogged: Known<Vec<UnloggedTables>>,
    /// What is wrong with the Secret's values.
    pub secret: Known<SecretFacts>,
    /// What may be done.
    pub access: Known<Vec<Access>>,
}

/// Looks at the one cluster of a place and asks everything else at the same time. What does not answer says
/// why. No single answer is waited for longer than it may take; of a server with many databases there are many.
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
        let (observed, said) = observe_and_ask(kube, &found, taken, depth, &examine).await?;
        let names = observed.snapshot.instances.iter().map(Instance::name);
        let said = names.zip(said);
        let said = said.map(|(pod, said)| said.unwrap_or_else(|why| Said::nothing(pod, why)));
        let (servers, secret) = futures::join!(
            settled(kube, &observed, said.collect()),
            secret(kube, &observed, found.credentials.as_ref()),
        );
        Ok::<_, KubeError>((observed, Asked { servers, secret }))
    };
    let objects = async {
        let seen = kube.surroundings(place, std::slice::from_ref(&found)).await;
        seen.into_iter().next()
    };
    let questions = questions();
    let (observed, objects, missing) = futures::join!(
        observed,
        objects,
        missing(kube, Some(&found.id.namespace), &questions),
    );
    let (observed, asked) = observed?;
    let objects = objects.unwrap_or_else(|| unseen_objects("its objects are gone"));
    let examined = asked.with(objects, missing.map(|it| access(&it)));
    Ok((observed, examined))
}

/// Asks everything about what was observed, likewise.
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
/// namespace, however many questions that takes. `judge` makes of each what is kept: of a thousand, what was
/// asked is too much to be held at once.
pub async fn examined_all<T>(
    kube: &Kube,
    place: &NamespaceScope,
    selection: &Selection,
    clusters: Vec<Observed>,
    every_right: bool,
    judge: impl AsyncFn(Observed, Examined) -> T,
) -> Vec<T> {
    let namespaces = clusters.iter();
    let namespaces = namespaces.map(|it| it.snapshot.cluster.namespace.clone());
    let namespaces: BTreeSet<String> = namespaces.collect();
    let names = namespaces.iter().map(String::as_str).collect();
    let (mut around, rights) = futures::join!(
        surroundings(kube, place, selection),
        rights(kube, place, names, every_right),
    );
    let wanted = clusters.into_iter().map(|observed| {
        let objects = around.take(&observed.snapshot.cluster);
        (observed, objects)
    });
    let wanted: Vec<(Observed, ObjectsSeen)> = wanted.collect();
    futures::stream::iter(wanted)
        .map(async |(observed, objects)| {
            let namespace = observed.snapshot.cluster.namespace.as_str();
            let access = match rights.get(namespace) {
                Some(Ok(missing)) => Ok(access(missing)),
                Some(Err(why)) => Err(why.clone()),
                None => Err("not asked".to_owned()),
            };
            let examined = asked(kube, &observed).await.with(objects, access);
            judge(observed, examined).await
        })
        .buffered(CLUSTERS_AT_ONCE)
        .collect()
        .await
}

/// What the servers and the Secret of a cluster say.
struct Asked {
    servers: ExaminedServers,
    secret: Known<SecretFacts>,
}

impl Asked {
    fn with(self, objects: ObjectsSeen, access: Known<Vec<Access>>) -> Examined {
        let asked = self.servers;
        Examined {
            objects,
            servers: asked.servers,
            passwords: asked.passwords,
            unlogged: asked.unlogged,
            secret: self.secret,
            access,
        }
    }
}

async fn asked(kube: &Kube, observed: &Observed) -> Asked {
    let servers = async {
        let said = each_server(kube, observed).await;
        settled(kube, observed, said).await
    };
    let (servers, secret) = futures::join!(servers, secret(kube, observed, None));
    Asked { servers, secret }
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
        security: Err(why.to_owned()),
        memory_limits: BTreeMap::new(),
        applied: Err(why.to_owned()),
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

/// What is wrong with the passwords. The Secret that has given the login was read already.
async fn secret(
    kube: &Kube,
    observed: &Observed,
    source: Option<&CredentialsSource>,
) -> Known<SecretFacts> {
    if let Some(credentials) = &observed.credentials {
        return Ok(credentials.judged.clone());
    }
    let source = source.ok_or_else(|| "the Secret could not be read".to_owned())?;
    let judged = kube.judge_secret(source).await;
    judged.map_err(|error| error.to_string())
}
