//! What the poolers of a cluster say, through their consoles.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::asking::within;
use super::open::OpenError;
use crate::cluster::{ClusterId, HandPause, PoolerAnswer, PoolerPod, names};
use crate::kubernetes::{Kube, KubeError};
use crate::postgres::{Encryption, Login, Rights, Session};

/// Asks every pooler of a cluster, all at once. Each has `limit` for everything: one that hangs costs its row.
///
/// # Errors
/// When pods can't be listed.
pub async fn ask_poolers(
    kube: &Kube,
    cluster: &ClusterId,
    limit: Duration,
) -> Result<Vec<PoolerAnswer>, KubeError> {
    let pods = kube.poolers(cluster).await?;
    let asked = pods.iter().map(async |pod| {
        let asking = async {
            let console = open_console(kube, cluster, pod, limit).await?;
            Ok(console.pooler_state().await?)
        };
        PoolerAnswer {
            pod: pod.name.clone(),
            purpose: pod.purpose,
            answer: match &pod.stopped {
                Some(why) => Err(why.clone()),
                None => within(limit, asking).await.map_err(|why| why.to_string()),
            },
        }
    });
    Ok(join_all(asked).await)
}

/// The pods of the poolers of a cluster, and which of them, or which databases there, are paused by hand. Each has `limit` to say
/// so: one that hangs is one of which that is not known.
///
/// # Errors
/// When pods can't be listed.
pub async fn poolers_with_pauses(
    kube: &Kube,
    cluster: &ClusterId,
    limit: Duration,
) -> Result<Vec<PoolerPod>, KubeError> {
    let pods = kube.poolers(cluster).await?;
    let asked = pods.into_iter().map(async |pod| {
        if !pod.can_be_asked() {
            return pod;
        }
        let (pause, paused_databases) = pauses_of(kube, cluster, &pod, limit).await;
        PoolerPod {
            pause,
            paused_databases,
            ..pod
        }
    });
    Ok(join_all(asked).await)
}

/// One question after the other, each with what is left of the time: a console answers in order, and each fails alone.
async fn pauses_of(
    kube: &Kube,
    cluster: &ClusterId,
    pod: &PoolerPod,
    limit: Duration,
) -> (HandPause, Vec<String>) {
    let began = Instant::now();
    let console = match within(limit, open_console(kube, cluster, pod, limit)).await {
        Ok(console) => console,
        Err(why) => return HandPause::told(Err(why.to_string()), Err(why.to_string())),
    };
    let left = || limit.saturating_sub(began.elapsed());
    let paused = within(left(), async { Ok(console.is_pooler_paused().await?) }).await;
    let databases = within(left(), async { Ok(console.paused_databases().await?) }).await;
    HandPause::told(
        paused.map_err(|why| why.to_string()),
        databases.map_err(|why| why.to_string()),
    )
}

/// The databases of a pooler that were told to let their clients wait alone.
///
/// # Errors
/// Why it could not be asked, or did not answer in time, in words.
pub async fn paused_databases(
    kube: &Kube,
    cluster: &ClusterId,
    pod: &PoolerPod,
    limit: Duration,
) -> Result<Vec<String>, String> {
    let asking = async {
        let console = open_console(kube, cluster, pod, limit).await?;
        Ok(console.paused_databases().await?)
    };
    within(limit, asking).await.map_err(|why| why.to_string())
}

/// Whether a pooler was told to let all of its clients wait; none when it does not say.
///
/// # Errors
/// Why it could not be asked, or did not answer in time, in words.
pub async fn is_pooler_paused(
    kube: &Kube,
    cluster: &ClusterId,
    pod: &PoolerPod,
    limit: Duration,
) -> Result<Option<bool>, String> {
    let asking = async {
        let console = open_console(kube, cluster, pod, limit).await?;
        Ok(console.is_pooler_paused().await?)
    };
    within(limit, asking).await.map_err(|why| why.to_string())
}

/// The console of a pooler's pod.
///
/// # Errors
/// When the Secret can't be read, the pod can't be reached, or the console does not let us in.
pub async fn open_console(
    kube: &Kube,
    cluster: &ClusterId,
    pod: &PoolerPod,
    limit: Duration,
) -> Result<Session, OpenError> {
    let secret = pod.secret.as_deref().unwrap_or_default();
    let key = names::KEY_POOLER_ADMIN;
    let login = Login {
        user: names::POOLER_ADMIN.to_owned(),
        password: kube.pooler_password(cluster, secret, key).await?,
        source_of_password: format!("Secret {secret}, key {key}"),
        others: Vec::new(),
        timeout: limit,
        encryption: Encryption::AsDemanded,
    };
    let forward = kube
        .forward(&cluster.namespace, &pod.name, names::PORT)
        .await?;
    let (stream, reason) = (forward.stream, forward.reason);
    let (database, rights) = (names::POOLER_CONSOLE, Rights::Console);
    Ok(Session::connect_to(stream, reason, &login, database, rights).await?)
}
