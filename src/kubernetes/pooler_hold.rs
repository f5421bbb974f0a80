//! Letting the clients of a pooler wait: a command in its pod (`hold.sh` in `deploy/components/pooler`), which lasts
//! for as long as it is told to. When this process dies, is cut off or drops the [`PoolerHold`], the pooler goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachedProcess;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, watch};

use super::exec::attach_to;
use super::{Kube, KubeError};
use crate::cluster::names;

/// Between two words: the start script takes three seconds without one for the end.
const BEAT: Duration = Duration::from_millis(500);

/// The most that is read of what the command writes: a handful of words.
const MOST: u64 = 64 * 1024;

/// How far a hold has come, in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HoldStage {
    /// The command is started.
    Started,
    /// The pooler makes its servers at the primary itself, wherever its Service leads.
    Pinned,
    /// No transaction begins any more.
    Held,
    /// None is under way.
    Drained,
    /// The pooler's own way leads to the primary that was named.
    Led,
    /// Its clients go on.
    Released,
    /// It has ended otherwise: why, in the script's words.
    Over(String),
}

/// The hold of one pooler. Dropping it lets its clients go on.
#[derive(Debug)]
pub struct PoolerHold {
    pod: String,
    words: mpsc::Sender<String>,
    stage: watch::Receiver<HoldStage>,
    paused: Arc<AtomicBool>,
}

impl PoolerHold {
    /// Name of the pooler's pod.
    pub fn pod(&self) -> &str {
        &self.pod
    }

    /// Whether it has come this far, and is not over.
    pub fn is_at(&self, stage: &HoldStage) -> bool {
        let now = self.stage.borrow();
        *now >= *stage && !matches!(&*now, HoldStage::Over(_))
    }

    /// Whether somebody had paused it by hand when its clients were to be held: that goes on when this is over.
    pub fn is_paused_by_hand(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Waits until it has come this far.
    ///
    /// # Errors
    /// Why it has not, in words, when it is over or the time is up.
    pub async fn reaches(&mut self, stage: &HoldStage, limit: Duration) -> Result<(), String> {
        let reached = self.stage.wait_for(|now| now >= stage);
        match tokio::time::timeout(limit, reached).await {
            Ok(Ok(now)) => match &*now {
                HoldStage::Over(why) => Err(why.clone()),
                _ => Ok(()),
            },
            Ok(Err(_)) => Err("its end was not seen".to_owned()),
            Err(_) => Err(format!("not within {} s", limit.as_secs_f64())),
        }
    }

    /// Lets nobody begin a transaction from now on ([`HoldStage::Held`], and [`HoldStage::Drained`]).
    pub fn hold(&self) {
        self.say("hold".to_owned());
    }

    /// Lets it look for the way to one of these addresses, until that is found ([`HoldStage::Led`]).
    pub fn lead(&self, addresses: &[String]) {
        self.say(format!("lead {}", addresses.join(",")));
    }

    /// Lets its clients go on, through their Service. To let them go on where they were it is dropped.
    pub fn release(&self) {
        self.say("release".to_owned());
    }

    /// When nobody listens any more it is over, and that shows.
    fn say(&self, word: String) {
        self.words.try_send(word).ok();
    }
}

impl Kube {
    /// Pins a pooler to the primary at `origin`, and makes ready to hold its clients. It is over when the [`PoolerHold`] is
    /// dropped: then they go on there, until their Service leads to a primary.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn hold_pooler(
        &self,
        namespace: &str,
        pod: &str,
        origin: &str,
    ) -> Result<PoolerHold, KubeError> {
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let params = attach_to(names::POOLER_CONTAINER, true, false);
        let call = Self::exec_call(namespace, pod);
        let argv = ["/bin/sh", names::POOLER_HOLD, origin];
        // Not repeated: the command may have run.
        let process = self
            .write(&call, || api.exec(pod, argv.to_vec(), &params))
            .await?;
        let (words, told) = mpsc::channel(8);
        let (reports, stage) = watch::channel(HoldStage::Started);
        let paused = Arc::new(AtomicBool::new(false));
        tokio::spawn(keep_up(process, told, reports, Arc::clone(&paused)));
        Ok(PoolerHold {
            pod: pod.to_owned(),
            words,
            stage,
            paused,
        })
    }

    /// The addresses of a pod; none when it has none or does not exist.
    ///
    /// # Errors
    /// When the API can't be asked.
    pub async fn pod_addresses(
        &self,
        namespace: &str,
        pod: &str,
    ) -> Result<Vec<String>, KubeError> {
        let found: Option<Pod> = self.get(namespace, pod).await?;
        let status = found.and_then(|it| it.status).unwrap_or_default();
        let all = status.pod_ips.into_iter().flatten().map(|it| it.ip);
        let mut addresses: Vec<String> = status.pod_ip.into_iter().chain(all).collect();
        addresses.dedup();
        Ok(addresses)
    }
}

/// Says again and again that it is meant, and what it is told to say; follows what comes of it.
async fn keep_up(
    mut process: AttachedProcess,
    mut told: mpsc::Receiver<String>,
    reports: watch::Sender<HoldStage>,
    paused: Arc<AtomicBool>,
) {
    let over = |why: &str| drop(reports.send(HoldStage::Over(why.to_owned())));
    let (Some(mut input), Some(output)) = (process.stdin(), process.stdout()) else {
        return over("the command has no streams");
    };
    let errors = process.stderr();
    let unread = async {
        if let Some(mut errors) = errors {
            // What a shell complains about would fill the stream.
            tokio::io::copy(&mut errors, &mut tokio::io::sink())
                .await
                .ok();
        }
        std::future::pending::<()>().await;
    };
    let mut unread = std::pin::pin!(unread);
    let mut lines = BufReader::new(output.take(MOST)).lines();
    let mut beat = tokio::time::interval(BEAT);
    loop {
        let word = tokio::select! {
            () = &mut unread => continue,
            line = lines.next_line() => match line {
                Ok(Some(line)) => {
                    let stage = match line.trim() {
                        "paused" => {
                            // Said before it is held, so that whoever waits for that knows.
                            paused.store(true, Ordering::Relaxed);
                            continue;
                        }
                        "pinned" => HoldStage::Pinned,
                        "held" => HoldStage::Held,
                        "drained" => HoldStage::Drained,
                        "led" => HoldStage::Led,
                        "released" => HoldStage::Released,
                        other => HoldStage::Over(why_over(other)),
                    };
                    // A late word leads to nowhere that it has not been.
                    reports.send_if_modified(|now| {
                        let further = stage > *now;
                        if further {
                            *now = stage;
                        }
                        further
                    });
                    continue;
                }
                Ok(None) | Err(_) => {
                    let lost = "the connection to it was lost";
                    // Whoever has ended keeps the stage that it has reached.
                    reports.send_if_modified(|now| {
                        let ended = matches!(now, HoldStage::Released | HoldStage::Over(_));
                        if !ended {
                            *now = HoldStage::Over(lost.to_owned());
                        }
                        !ended
                    });
                    return;
                }
            },
            word = told.recv() => match word {
                Some(word) => word,
                None => break,
            },
            _ = beat.tick() => "beat".to_owned(),
        };
        let sent = async {
            input.write_all(format!("{word}\n").as_bytes()).await?;
            input.flush().await
        };
        if sent.await.is_err() {
            return over("the connection to it was lost");
        }
    }
    // The end of its input is the end of it.
    input.shutdown().await.ok();
}

/// What the script says when it can't hold.
fn why_over(words: &str) -> String {
    match words {
        "held already" => "somebody else holds its clients".to_owned(),
        "lacks psql" => "its image has no psql".to_owned(),
        "lacks timeout" => "its image has no program timeout".to_owned(),
        "no answer" => "its start script does not answer".to_owned(),
        "silent" => "its console does not say whether somebody has paused it".to_owned(),
        "over" => {
            "it was not heard there for three seconds, or took 30, and its clients go on".to_owned()
        }
        other => format!("it says {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_come_in_order_and_an_end_is_beyond_all_of_them() {
        let stages = [
            HoldStage::Started,
            HoldStage::Pinned,
            HoldStage::Held,
            HoldStage::Drained,
            HoldStage::Led,
            HoldStage::Released,
            HoldStage::Over(String::new()),
        ];
        assert!(stages.is_sorted());
    }
}
