//! What the poolers of a cluster say, through their consoles.

use std::time::Duration;

use futures::future::join_all;

use super::open::OpenError;
use crate::cluster::{ClusterId, Pool, PoolerAnswer, PoolerPod, names};
use crate::kubernetes::{Kube, KubeError};
use crate::postgres::{Login, Rights, Session};

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
        let answer = match &pod.stopped {
            Some(why) => Err(why.clone()),
            None => match tokio::time::timeout(limit, pools(kube, cluster, pod, limit)).await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer within {} s", limit.as_secs_f64())),
            },
        };
        PoolerAnswer {
            pod: pod.name.clone(),
            purpose: pod.purpose,
            answer,
        }
    });
    Ok(join_all(asked).await)
}

async fn pools(
    kube: &Kube,
    cluster: &ClusterId,
    pod: &PoolerPod,
    limit: Duration,
) -> Result<Vec<Pool>, OpenError> {
    let secret = pod.secret.as_deref().unwrap_or_default();
    let key = names::KEY_POOLER_ADMIN;
    let login = Login {
        user: names::POOLER_ADMIN.to_owned(),
        password: kube.pooler_password(cluster, secret, key).await?,
        source_of_password: format!("Secret {secret}, key {key}"),
        others: Vec::new(),
        timeout: limit,
    };
    let forward = kube
        .forward(&cluster.namespace, &pod.name, names::PORT)
        .await?;
    let (stream, reason) = (forward.stream, forward.reason);
    let session = Session::connect_to(
        stream,
        reason,
        &login,
        names::POOLER_CONSOLE,
        Rights::Console,
    )
    .await?;
    Ok(session.pools().await?)
}
