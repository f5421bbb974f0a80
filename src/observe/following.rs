//! Every database of a cluster, asked again and again. Each has one session that stays open: what looks
//! once a second must not cost a login each time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::asking::{AskedCluster, within};
use super::open::OpenError;
use crate::cluster::{ContainerState, NoAnswer, TopSample};
use crate::kubernetes::{Kube, KubeError, NamespaceScope, Selection};
use crate::postgres::Session;

/// How often it is looked which pods there are.
const PODS_AGAIN: Duration = Duration::from_secs(3);

/// The least time between two attempts to log in.
const AGAIN: Duration = Duration::from_secs(1);

/// Answers that wait to be taken, over all pods; more than that, and the servers wait.
const WAITING: usize = 64;

/// What a [`Following`] tells.
#[derive(Debug)]
pub enum Followed {
    /// The pods that there are now, by component and ordinal.
    Pods(Vec<String>),
    /// The API does not say any more which pods there are. Those that were known are asked on.
    PodsUnknown(KubeError),
    /// What one has answered, or why it does not.
    Answer {
        /// Name of the pod.
        pod: String,
        /// When that was known.
        at: Instant,
        /// The answer.
        answer: Result<TopSample, NoAnswer>,
    },
}

/// How to ask.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// From one answer to the next question.
    pub every: Duration,
    /// The longest that one answer may take, connecting included.
    pub limit: Duration,
}

/// Databases that are being asked. Dropping it ends all sessions.
pub struct Following {
    told: mpsc::Receiver<Followed>,
    work: JoinHandle<()>,
}

impl Following {
    /// Asks every database of the cluster what it does. Pods that come are asked, too; of those that
    /// go nothing more is told.
    pub fn start(kube: Kube, place: NamespaceScope, selection: Selection, pace: Pace) -> Self {
        let (tell, told) = mpsc::channel(WAITING);
        let work = tokio::spawn(async move {
            let mut asked = BTreeMap::new();
            loop {
                let mut absent = None;
                let told = match AskedCluster::find(&kube, &place, &selection).await {
                    Ok(cluster) => {
                        absent = cluster.absent_primary(&kube).await;
                        let mut pods = ask_all(&mut asked, &kube, cluster, pace, &tell);
                        pods.extend(absent.clone());
                        Followed::Pods(pods)
                    }
                    Err(error) => Followed::PodsUnknown(error),
                };
                let of_absent = absent.map(|pod| Followed::Answer {
                    pod,
                    at: Instant::now(),
                    answer: Err(NoAnswer::Absent),
                });
                for told in [Some(told), of_absent].into_iter().flatten() {
                    if tell.send(told).await.is_err() {
                        return;
                    }
                }
                tokio::time::sleep(PODS_AGAIN).await;
            }
        });
        Self { told, work }
    }

    /// What is told next; none when there is nothing more to come.
    pub async fn next(&mut self) -> Option<Followed> {
        self.told.recv().await
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// A container that is being asked. Dropping it ends its session.
struct Asked {
    /// Another pod of the same name, or another container, is another server.
    container: (String, u32, bool),
    /// What was found last: a password may have been changed.
    found: watch::Sender<Arc<AskedCluster>>,
    work: JoinHandle<()>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// Begins to ask the pods that are new, and forgets those that have gone. All their names.
fn ask_all(
    asked: &mut BTreeMap<String, Asked>,
    kube: &Kube,
    cluster: AskedCluster,
    pace: Pace,
    tell: &mpsc::Sender<Followed>,
) -> Vec<String> {
    let cluster = Arc::new(cluster);
    let names: Vec<String> = cluster.pods.iter().map(|pod| pod.name.clone()).collect();
    asked.retain(|pod, _| names.contains(pod));
    for pod in &cluster.pods {
        let running = matches!(pod.container, ContainerState::Running { .. });
        let container = (pod.uid.clone(), pod.restarts, running);
        let known = asked.get(&pod.name);
        // One that has not begun to run is told of again, so that its row does not grow old.
        if let Some(known) = known.filter(|it| it.container == container && running) {
            known.found.send_replace(Arc::clone(&cluster));
            continue;
        }
        let (found, last_found) = watch::channel(Arc::clone(&cluster));
        let one = One {
            kube: kube.clone(),
            found: last_found,
            pod: pod.name.clone(),
            pace,
            tell: tell.clone(),
        };
        let work = match running {
            true => tokio::spawn(one.ask_again_and_again()),
            false => tokio::spawn(one.says_that_it_does_not_run()),
        };
        let one = Asked {
            container,
            found,
            work,
        };
        asked.insert(pod.name.clone(), one);
    }
    names
}

/// One server and the way to it.
struct One {
    kube: Kube,
    found: watch::Receiver<Arc<AskedCluster>>,
    pod: String,
    pace: Pace,
    tell: mpsc::Sender<Followed>,
}

impl One {
    async fn ask_again_and_again(self) {
        let mut session = None;
        loop {
            let answer = within(self.pace.limit, self.ask(&mut session)).await;
            let pause = match answer {
                Ok(_) => self.pace.every,
                Err(_) => {
                    session = None;
                    self.pace.every.max(AGAIN)
                }
            };
            if !self.told(answer).await {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask(&self, session: &mut Option<Session>) -> Result<TopSample, OpenError> {
        let open = match session.take() {
            Some(open) if !open.is_closed() => open,
            _ => {
                let cluster = Arc::clone(&self.found.borrow());
                cluster.open(&self.kube, &self.pod).await?.session
            }
        };
        Ok(session.insert(open).top().await?)
    }

    async fn says_that_it_does_not_run(self) {
        self.told(Err(NoAnswer::NotRunning)).await;
    }

    async fn told(&self, answer: Result<TopSample, NoAnswer>) -> bool {
        let told = Followed::Answer {
            pod: self.pod.clone(),
            at: Instant::now(),
            answer,
        };
        self.tell.send(told).await.is_ok()
    }
}
