//! Builds snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::nodes::readiness;
use super::open::{OpenError, OpenPod, login, open, replication_login};
use crate::cluster::names;
use crate::cluster::{
    ContainerState, Database, DatabaseFacts, Instance, NotVisible, ObjectKind, PodFacts,
    PresentedCertificate, Role, Snapshot, StartDecision, StoredCertificate, Topology,
    TopologySource,
};
use crate::kubernetes::{
    Credentials, CredentialsSource, Found, Kube, KubeError, NamespaceScope, Selection,
    ServerCertificate, start_decision,
};
use crate::postgres::{Login, Session, SqlError, last_words};

/// Databases asked at the same moment, over all clusters: each is a stream through the API server.
const MAX_FORWARDS: usize = 64;

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Only what Kubernetes says.
    Objects,
    /// The databases, too.
    Databases {
        /// The longest that one pod's database may take, connecting included.
        timeout: Duration,
    },
}

/// A snapshot and what is needed to act on it.
#[derive(Debug, Clone)]
pub struct Observed {
    /// All that was seen of it, at one moment.
    pub snapshot: Snapshot,
    /// The superuser's credentials, when the Secret could be read.
    pub credentials: Option<Credentials>,
}

/// Looks at the one cluster in a place.
///
/// # Errors
/// When the API can't be asked, there is no cluster, or there are several. A database that can't be
/// reached is no error: its row says why.
pub async fn observe(
    kube: &Kube,
    place: &NamespaceScope,
    selection: &Selection,
    depth: Depth,
) -> Result<Observed, KubeError> {
    let taken = Timestamp::now();
    let found = kube.discover_one(place, selection).await?;
    observe_found(kube, &found, taken, depth).await
}

/// Looks at a cluster whose objects were listed at `taken`.
///
/// # Errors
/// When its topology can't be read. A database that can't be reached is no error: its row says why.
pub(super) async fn observe_found(
    kube: &Kube,
    found: &Found,
    taken: Timestamp,
    depth: Depth,
) -> Result<Observed, KubeError> {
    let (observed, _) = observe_and_ask(kube, found, taken, depth, &async |_| ()).await?;
    Ok(observed)
}

/// The same, except that a database that answered in `before` is not asked again: it is held to be as it was.
///
/// # Errors
/// As [`observe_found`].
pub(super) async fn observe_silent(
    kube: &Kube,
    found: &Found,
    taken: Timestamp,
    depth: Depth,
    before: &Snapshot,
) -> Result<Observed, KubeError> {
    let (observed, _) = look(kube, found, taken, depth, Some(before), &async |_| ()).await?;
    Ok(observed)
}

/// The same, and a question to each server that has told its facts, in the session that has told them: a session of its
/// own would cost as much as the look. The answers are in the order of the pods; one that was not asked says
/// why. A question takes care itself that it ends.
///
/// # Errors
/// As [`observe_found`].
pub(super) async fn observe_and_ask<T>(
    kube: &Kube,
    found: &Found,
    taken: Timestamp,
    depth: Depth,
    question: &impl AsyncFn(OpenPod<'_>) -> T,
) -> Result<(Observed, Vec<Result<T, String>>), KubeError> {
    look(kube, found, taken, depth, None, question).await
}

async fn look<T>(
    kube: &Kube,
    found: &Found,
    taken: Timestamp,
    depth: Depth,
    before: Option<&Snapshot>,
    question: &impl AsyncFn(OpenPod<'_>) -> T,
) -> Result<(Observed, Vec<Result<T, String>>), KubeError> {
    let forwards = Semaphore::new(MAX_FORWARDS);
    let (nodes, (seen, credentials), topology) = futures::join!(
        readiness(kube, nodes_of([found])),
        databases(kube, found, depth, &forwards, before, question),
        kube.topology(found),
    );
    let (seen, answers): (Vec<Seen>, Vec<Option<T>>) = seen.into_iter().unzip();
    let observed = put_together(found, taken, &nodes, (seen, credentials), topology?);
    let instances = observed.snapshot.instances.iter();
    let answers = instances.zip(answers).map(|(instance, answer)| {
        answer.ok_or_else(|| {
            let why = instance.database.unanswered();
            why.unwrap_or("its container does not run").to_owned()
        })
    });
    let answers = answers.collect();
    Ok((observed, answers))
}

/// Looks at every cluster in a place, all at once, sorted by namespace and name. Apart from the
/// databases it takes a number of calls that does not depend on how many clusters there are.
///
/// # Errors
/// As [`observe`], except that several clusters are fine.
pub async fn observe_all(
    kube: &Kube,
    place: &NamespaceScope,
    selection: &Selection,
    depth: Depth,
) -> Result<Vec<Observed>, KubeError> {
    let taken = Timestamp::now();
    let found = kube.discover(place, selection).await?;
    let forwards = Semaphore::new(MAX_FORWARDS);
    // Where nothing runs nobody is asked, and no password is needed.
    let depth_of = |found: &Found| match found.pod_facts(&BTreeMap::new()).iter().any(running) {
        true => depth,
        false => Depth::Objects,
    };
    let (nodes, seen) = futures::join!(
        readiness(kube, nodes_of(&found)),
        join_all(found.iter().map(|found| databases(
            kube,
            found,
            depth_of(found),
            &forwards,
            None,
            &async |_| ()
        ))),
    );
    let together = found
        .iter()
        .zip(seen)
        .map(async |(found, (seen, credentials))| {
            let seen: Vec<Seen> = seen.into_iter().map(|(seen, _)| seen).collect();
            let topology = topology(kube, found, &seen).await?;
            let seen = (seen, credentials);
            Ok(put_together(found, taken, &nodes, seen, topology))
        });
    futures::stream::iter(together)
        .buffered(MAX_FORWARDS)
        .try_collect()
        .await
}

/// The topology of one of many clusters. The ConfigMap that a failover has made has no label of the cluster, so no list
/// brings it: it is asked for where a pod is seen to be something else than it is without one.
async fn topology(kube: &Kube, found: &Found, seen: &[Seen]) -> Result<Topology, KubeError> {
    let listed = found.listed_topology()?;
    if !matches!(listed.source, TopologySource::Default { .. }) {
        return Ok(listed);
    }
    let pods = found.pod_facts(&BTreeMap::new());
    let is_otherwise = pods.iter().zip(seen).any(|(pod, seen)| {
        let facts = seen.database.facts();
        let is_primary = facts.map(|it| it.recovery.is_none());
        is_primary.is_some_and(|it| it != (pod.name == listed.primary))
    });
    match is_otherwise {
        true => kube.topology(found).await,
        false => Ok(listed),
    }
}

fn nodes_of<'a>(found: impl IntoIterator<Item = &'a Found>) -> BTreeSet<String> {
    found
        .into_iter()
        .flat_map(|found| &found.pods)
        .filter_map(|pod| pod.spec.as_ref()?.node_name.clone())
        .collect()
}

fn put_together(
    found: &Found,
    taken: Timestamp,
    (nodes, nodes_unseen): &(BTreeMap<String, bool>, Option<NotVisible>),
    (databases, credentials): (Vec<Seen>, Option<Credentials>),
    topology: Topology,
) -> Observed {
    let instances = found
        .pod_facts(nodes)
        .into_iter()
        .zip(databases)
        .map(|(pod, seen)| Instance {
            pod,
            database: seen.database,
            waiting: seen.waiting,
            last_words: seen.last_words,
            expired_certificate: seen.expired_certificate,
        })
        .collect();
    let mut unseen = found.unseen.clone();
    unseen.extend(nodes_unseen.clone());
    let no_authority = credentials.as_ref().and_then(|it| it.no_authority.clone());
    unseen.extend(no_authority.map(|why| NotVisible {
        what: ObjectKind::Authority,
        why,
    }));
    Observed {
        snapshot: Snapshot {
            cluster: found.id.clone(),
            taken,
            topology,
            stateful_sets: found.stateful_set_facts(),
            instances,
            services: found.service_facts(),
            autoscaler: found.autoscaler_facts(),
            volumes: found.volume_facts(),
            unseen,
            unfinished: None,
            unreadable_journal: None,
            throw_aways: Vec::new(),
        },
        credentials,
    }
}

/// What was seen of the database in a pod.
struct Seen {
    database: Database,
    waiting: Option<StartDecision>,
    last_words: Option<String>,
    expired_certificate: Option<Timestamp>,
}

impl Seen {
    fn new(database: Database) -> Self {
        Self {
            database,
            waiting: None,
            last_words: None,
            expired_certificate: None,
        }
    }
}

/// What each pod's database says, and its answer to the question, in the order of the pods, all asked at once.
async fn databases<T>(
    kube: &Kube,
    found: &Found,
    depth: Depth,
    forwards: &Semaphore,
    before: Option<&Snapshot>,
    question: &impl AsyncFn(OpenPod<'_>) -> T,
) -> (Vec<(Seen, Option<T>)>, Option<Credentials>) {
    let pods = found.pod_facts(&BTreeMap::new());
    let all = |database: Database| {
        pods.iter()
            .map(|pod| match running(pod) {
                true => (Seen::new(database.clone()), None),
                false => (Seen::new(Database::NotRunning), None),
            })
            .collect()
    };
    let unreachable = |reason: String| match pods.iter().any(running) {
        true => Database::Unreachable {
            reason,
            alive: false,
        },
        false => Database::NotRunning,
    };
    let Depth::Databases { timeout } = depth else {
        return (all(unreachable("not asked".to_owned())), None);
    };
    let Some(source) = &found.credentials else {
        let reason =
            "the pod template names no Secret for POSTGRES_PASSWORD; name it with --secret";
        return (all(unreachable(reason.to_owned())), None);
    };
    let credentials = match kube.credentials(source).await {
        Ok(credentials) => credentials,
        Err(error) => return (all(unreachable(error.to_string())), None),
    };
    let login = login(&credentials, timeout);
    let namespace = &found.id.namespace;
    let seen = join_all(pods.iter().map(async |pod| {
        if !running(pod) {
            let seen = Seen {
                last_words: why_it_crashed(kube, namespace, pod).await,
                ..Seen::new(Database::NotRunning)
            };
            return (seen, None);
        }
        if let Some(facts) = before.and_then(|it| told(it, pod)) {
            return (Seen::new(Database::Reached(Box::new(facts.clone()))), None);
        }
        let _permit = forwards.acquire().await;
        let ((mut seen, answer), standbys) = futures::join!(
            ask(kube, namespace, pod, &login, &credentials, question),
            replication_login(kube, namespace, &pod.name, &credentials, login.timeout),
        );
        match &mut seen.database {
            Database::Reached(facts) => facts.replication_login = standbys,
            Database::LockedOut { .. } | Database::NotAllowed { .. } => {}
            Database::Unreachable { .. } | Database::NotRunning => {
                seen.last_words = why_it_crashed(kube, namespace, pod).await;
            }
        }
        (seen, answer)
    }))
    .await;
    (seen, Some(credentials))
}

/// What the database of this very pod has told before.
fn told<'a>(before: &'a Snapshot, pod: &PodFacts) -> Option<&'a DatabaseFacts> {
    let instance = before.instance(&pod.name)?;
    let same = instance.pod.uid == pod.uid && instance.pod.restarts == pod.restarts;
    instance.facts().filter(|_| same)
}

/// Asks one database. Without the question it never takes longer than the login's timeout, and a moment more for
/// the reason why nothing listens.
async fn ask<T>(
    kube: &Kube,
    namespace: &str,
    pod: &PodFacts,
    login: &Login,
    credentials: &Credentials,
    question: &impl AsyncFn(OpenPod<'_>) -> T,
) -> (Seen, Option<T>) {
    let asking = async {
        let session = open(kube, namespace, &pod.name, login).await?;
        let mut facts = session.facts().await?;
        facts.certificate = presented(&session, credentials);
        Ok::<_, OpenError>((session, facts))
    };
    let (session, facts) = match tokio::time::timeout(login.timeout, asking).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(error)) => {
            let source = &credentials.source;
            let seen = unanswered(kube, namespace, &pod.name, source, error).await;
            return (seen, None);
        }
        Err(_) => {
            let reason = format!("no answer within {} s", login.timeout.as_secs_f64());
            let alive = false;
            let seen = Seen::new(Database::Unreachable { reason, alive });
            return (seen, None);
        }
    };
    let open = OpenPod {
        pod,
        role: match facts.recovery.is_some() {
            true => Role::Standby,
            false => Role::Primary,
        },
        session,
        kube,
        namespace,
        login: login.clone(),
    };
    let answer = question(open).await;
    let seen = Seen::new(Database::Reached(Box::new(facts)));
    (seen, Some(answer))
}

/// What the server has proven itself by, beside what it could have by now.
fn presented(session: &Session, credentials: &Credentials) -> Option<PresentedCertificate> {
    let known = credentials.certificate.as_ref();
    let own = known.and_then(|it| Some((it, it.der()?)));
    let stored = own.as_ref().map(|(it, der)| StoredCertificate {
        secret: &it.secret,
        der,
        changed: it.changed,
    });
    let trusted = known.map(ServerCertificate::authorities);
    let trusted = trusted.unwrap_or_default();
    let presented = session.certificates();
    (!presented.is_empty()).then(|| PresentedCertificate::new(presented, &trusted, stored))
}

/// What is seen of a database that does not answer, and why.
async fn unanswered(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    source: &CredentialsSource,
    error: OpenError,
) -> Seen {
    let waiting = match &error {
        // The container runs and nothing listens: the start script may say why.
        OpenError::Sql(SqlError::Lost { .. }) => why_held_back(kube, namespace, pod).await,
        _ => None,
    };
    let expired_certificate = match &error {
        OpenError::Sql(SqlError::NotTrusted { expired, .. }) => *expired,
        _ => None,
    };
    let reason = error.to_string();
    let database = match error {
        OpenError::Sql(SqlError::WrongPassword { .. }) => Database::LockedOut {
            reason,
            secret: source.secret.clone(),
            key: source.password_key.clone(),
        },
        OpenError::Kube(error) if error.is_forbidden() => Database::NotAllowed { reason },
        error => Database::Unreachable {
            reason,
            alive: matches!(&error, OpenError::Sql(error) if error.shows_life()),
        },
    };
    Seen {
        waiting,
        expired_certificate,
        ..Seen::new(database)
    }
}

/// Why the start script holds PostgreSQL back; none when it does not, or can't be asked.
pub async fn why_held_back(kube: &Kube, namespace: &str, pod: &str) -> Option<StartDecision> {
    const LIMIT: Duration = Duration::from_secs(2);
    let limit = kube.patience(LIMIT);
    let reading = kube.run_command(namespace, pod, &["cat", names::WAIT_FILE], None, limit);
    let output = reading.await.ok().filter(|output| output.code == 0)?;
    start_decision(&String::from_utf8_lossy(&output.stdout))
}

/// The last fatal line of a container that has crashed, and that does not run, or does again; none
/// when it has not, or its log can't be read.
async fn why_it_crashed(kube: &Kube, namespace: &str, pod: &PodFacts) -> Option<String> {
    const LIMIT: Duration = Duration::from_secs(2);
    let record = match &pod.container {
        ContainerState::Terminated(record) => Some(record),
        _ => pod.last_termination.as_ref(),
    }?;
    // The start script has said why it refuses.
    let refused = matches!(record.decision, Some(StartDecision::Refused { .. }));
    if record.exit_code == 0 || refused {
        return None;
    }
    let reading = kube.last_log(namespace, &pod.name, running(pod));
    let read = tokio::time::timeout(kube.patience(LIMIT), reading).await;
    let log = read.ok()?.ok()?;
    last_words(&log)
}

fn running(pod: &PodFacts) -> bool {
    matches!(pod.container, ContainerState::Running { .. })
}
