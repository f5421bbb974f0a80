//! One question to every database of a cluster, or to chosen ones, at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use tokio::sync::Semaphore;

use super::builder::Observed;
use super::open::{OpenError, OpenPod, encryption, login, open};
use crate::cluster::{
    ClusterId, ContainerState, Instance, NameError, NoAnswer, PodAnswer, PodFacts, Role, Topology,
    meant_throw_away, primary_first, resolve_tail, throw_away_pod,
};
use crate::kubernetes::{Credentials, Found, Kube, KubeError, NamespaceScope, Selection};
use crate::postgres::{Encryption, Login};

/// Databases asked at the same moment, over all clusters: each is a stream through the API server.
const MAX_FORWARDS: usize = 64;
/// Secrets that are read at the same moment.
const MAX_SECRETS: usize = 16;

/// A cluster that was found, and whose databases can be asked. Nobody was asked yet.
#[derive(Debug, Clone)]
pub struct AskedCluster {
    /// Its objects.
    pub found: Found,
    /// Its pods, by component and ordinal.
    pub pods: Vec<PodFacts>,
    /// Or why there are none.
    credentials: Result<Credentials, String>,
    forwards: Arc<Semaphore>,
}

impl AskedCluster {
    /// Finds the one cluster of a place.
    ///
    /// # Errors
    /// When the API can't be asked, there is not exactly one cluster, or the Secret can't be read.
    pub async fn find(
        kube: &Kube,
        place: &NamespaceScope,
        selection: &Selection,
    ) -> Result<Self, KubeError> {
        let found = kube.discover_one(place, selection).await?;
        let credentials = credentials(kube, &found).await?;
        Ok(Self::new(found, Ok(credentials), &forwards()))
    }

    /// Finds every cluster of a place, sorted by namespace and name, by one list of each kind. Where a Secret
    /// can't be read, no pod of that cluster answers; where nothing runs none is read.
    ///
    /// # Errors
    /// When the API can't be asked, or there is no cluster.
    pub async fn find_all(
        kube: &Kube,
        place: &NamespaceScope,
        selection: &Selection,
    ) -> Result<Vec<Self>, KubeError> {
        let forwards = forwards();
        let found = kube.discover(place, selection).await?;
        let asked = futures::stream::iter(found).map(async |found| {
            let mut cluster = Self::new(found, Err("nothing runs".to_owned()), &forwards);
            if cluster.pods.iter().any(runs) {
                let read = credentials(kube, &cluster.found).await;
                cluster.credentials = read.map_err(|error| error.to_string());
            }
            cluster
        });
        Ok(asked.buffered(MAX_SECRETS).collect().await)
    }

    fn new(
        found: Found,
        credentials: Result<Credentials, String>,
        forwards: &Arc<Semaphore>,
    ) -> Self {
        Self {
            pods: found.pod_facts(&BTreeMap::new()),
            credentials,
            forwards: Arc::clone(forwards),
            found,
        }
    }

    /// Has those of its throw-away servers among its pods from here on that somebody has named.
    ///
    /// # Errors
    /// When they can't be listed.
    pub async fn add_throw_away(&mut self, kube: &Kube, given: &[String]) -> Result<(), KubeError> {
        let id = &self.found.id;
        let named: Vec<String> = given
            .iter()
            .filter_map(|it| meant_throw_away(id, it))
            .map(|name| throw_away_pod(id, name))
            .collect();
        let mut more = kube.throw_away_pods(id).await?;
        more.retain(|it| named.contains(&it.name));
        self.pods.extend(more);
        Ok(())
    }

    /// Which cluster it is.
    pub fn id(&self) -> &ClusterId {
        &self.found.id
    }

    /// Name of the pod that is to be the primary, by the topology, when there is no such pod: whoever asks all would
    /// not miss it. None also where nothing says which it is to be.
    pub async fn absent_primary(&self, kube: &Kube) -> Option<String> {
        let absent = |topology: Result<Topology, KubeError>| {
            let pods = self.pods.iter().map(|it| it.name.as_str());
            topology.ok()?.absent_primary(pods).map(str::to_owned)
        };
        absent(self.found.listed_topology())?;
        // The list may lack the ConfigMap that says so.
        absent(kube.topology(&self.found).await)
    }

    /// The full names of the pods that somebody named, in full or by a tail; all of them when nobody
    /// named any.
    ///
    /// # Errors
    /// When there is none of a name, or several.
    pub fn choose(&self, given: &[String]) -> Result<Vec<String>, NameError> {
        let names = || self.pods.iter().map(|it| it.name.as_str());
        if given.is_empty() {
            return Ok(names().map(str::to_owned).collect());
        }
        let chosen = given
            .iter()
            .map(|given| resolve_tail(given, names()).map(str::to_owned));
        chosen.collect()
    }

    /// Asks these pods, all at once. Each has `limit` for everything, connecting included: one that hangs
    /// costs its row. The primary comes first, by what each says of itself.
    pub async fn ask<T>(
        &self,
        kube: &Kube,
        pods: &[String],
        limit: Duration,
        question: impl AsyncFn(&OpenPod<'_>) -> Result<T, OpenError>,
    ) -> Vec<PodAnswer<T>> {
        let login = self.login(kube.timeout().min(limit));
        let chosen = self.pods.iter().filter(|it| pods.contains(&it.name));
        let mut answers = join_all(chosen.map(async |pod| {
            let mut role = Role::Unknown;
            let answer = match &login {
                _ if !runs(pod) => Err(NoAnswer::NotRunning),
                Err(why) => Err(NoAnswer::Silent(why.clone())),
                Ok(login) => {
                    let _permit = self.forwards.acquire().await;
                    within(limit, self.ask_one(kube, pod, login, &mut role, &question)).await
                }
            };
            PodAnswer {
                pod: pod.name.clone(),
                role,
                answer,
            }
        }))
        .await;
        primary_first(&mut answers);
        answers
    }

    async fn ask_one<T>(
        &self,
        kube: &Kube,
        pod: &PodFacts,
        login: &Login,
        role: &mut Role,
        question: &impl AsyncFn(&OpenPod<'_>) -> Result<T, OpenError>,
    ) -> Result<T, OpenError> {
        let open = self.open_as(kube, pod, login).await?;
        *role = open.role;
        question(&open).await
    }

    /// Opens a session on one of its pods, by its full name.
    ///
    /// # Errors
    /// When it is gone, can't be reached, or does not let us in.
    pub async fn open<'a>(&'a self, kube: &'a Kube, pod: &str) -> Result<OpenPod<'a>, OpenError> {
        let Some(pod) = self.pods.iter().find(|it| it.name == pod) else {
            return Err(OpenError::Kube(KubeError::Unexpected {
                doing: format!("opening a session on {pod}"),
                reason: "there is no such pod any more".to_owned(),
            }));
        };
        let login = self.login(kube.timeout()).map_err(|reason| {
            let doing = format!("finding the password for {}", self.found.id);
            OpenError::Kube(KubeError::Unexpected { doing, reason })
        })?;
        self.open_as(kube, pod, &login).await
    }

    /// How sessions with its servers are encrypted.
    pub fn encryption(&self) -> Encryption {
        let credentials = self.credentials.as_ref();
        credentials.map_or(Encryption::AsDemanded, encryption)
    }

    fn login(&self, limit: Duration) -> Result<Login, String> {
        let credentials = self.credentials.as_ref();
        let made = credentials.map(|it| login(it, limit));
        made.map_err(String::clone)
    }

    async fn open_as<'a>(
        &'a self,
        kube: &'a Kube,
        pod: &'a PodFacts,
        login: &Login,
    ) -> Result<OpenPod<'a>, OpenError> {
        let namespace = &self.found.id.namespace;
        let session = open(kube, namespace, &pod.name, login).await?;
        let role = match session.in_recovery().await? {
            true => Role::Standby,
            false => Role::Primary,
        };
        let login = login.clone();
        Ok(OpenPod {
            pod,
            role,
            session,
            kube,
            namespace,
            login,
        })
    }
}

fn forwards() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_FORWARDS))
}

fn runs(pod: &PodFacts) -> bool {
    matches!(pod.container, ContainerState::Running { .. })
}

async fn credentials(kube: &Kube, found: &Found) -> Result<Credentials, KubeError> {
    let Some(source) = &found.credentials else {
        return Err(KubeError::Unexpected {
            doing: format!("finding the password for {}", found.id),
            reason: "the pod template names no Secret for POSTGRES_PASSWORD; name it with --secret"
                .to_owned(),
        });
    };
    kube.credentials(source).await
}

/// Waits for an answer, for no longer than `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    asking: impl Future<Output = Result<T, OpenError>>,
) -> Result<T, NoAnswer> {
    match tokio::time::timeout(limit, asking).await {
        Ok(answer) => answer.map_err(no_answer),
        Err(_) => Err(NoAnswer::Silent(format!(
            "no answer within {} s",
            limit.as_secs_f64()
        ))),
    }
}

/// The pods of a snapshot, each with the login to ask it more; or why it is not asked. One that did not
/// answer a moment ago is not waited for again: that would tell no more.
pub(super) fn to_be_asked<'a>(
    kube: &Kube,
    observed: &'a Observed,
) -> impl Iterator<Item = (&'a Instance, Result<Login, String>)> {
    let credentials = observed.credentials.as_ref();
    let login = credentials.map(|it| login(it, kube.timeout()));
    observed.snapshot.instances.iter().map(move |instance| {
        let login = match (instance.facts(), instance.database.unanswered()) {
            (Some(_), _) => login.clone().ok_or("the Secret could not be read"),
            (None, why) => Err(why.unwrap_or("its container does not run")),
        };
        (instance, login.map_err(str::to_owned))
    })
}

fn no_answer(error: OpenError) -> NoAnswer {
    let reason = error.to_string();
    match error {
        OpenError::Sql(error) if error.shows_life() => NoAnswer::Refused(reason),
        OpenError::Kube(error) if error.is_forbidden() => NoAnswer::NotAllowed(reason),
        OpenError::Sql(_) | OpenError::Kube(_) => NoAnswer::Silent(reason),
    }
}
