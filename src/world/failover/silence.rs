//! Whether the old primary of an emergency is still silent, right before it is fenced.

use futures::future::join_all;

use crate::engine::WorldError;
use crate::observe::{OpenError, open};
use crate::world::connections::Connections;

/// What came of asking a server whether it takes writes.
enum Answer {
    /// It is out of recovery.
    Primary,
    /// It is in recovery.
    Standby,
    /// It runs, and does not let us in.
    Closed(String),
    /// Nothing, which says nothing.
    Silence(String),
}

/// An emergency is one only as long as the old primary does not take writes: it may have come
/// back since the plan was made, and nobody has seen what it acknowledged. Silence is no proof:
/// what its standbys and its kubelet say counts.
pub(in crate::world) async fn is_silent(
    cluster: &Connections,
    pod: &str,
) -> Result<(), WorldError> {
    let (answer, ready, hearing) = futures::join!(
        ask(cluster, pod),
        counts_as_ready(cluster, pod),
        who_hears(cluster, pod),
    );
    let why = match answer {
        Answer::Standby => return Ok(()),
        Answer::Primary => {
            return Err(WorldError::permanent(format!(
                "{pod} is back: this is no emergency any more"
            )));
        }
        Answer::Closed(why) => {
            return Err(WorldError::permanent(format!(
                "{pod} is alive and does not let pgctl in: {why}"
            )));
        }
        Answer::Silence(why) => why,
    };
    let mut signs = Vec::new();
    if !hearing.is_empty() {
        signs.push(format!("{} receive from it", hearing.join(", ")));
    }
    if ready? {
        signs.push("Kubernetes counts it as ready".to_owned());
    }
    if signs.is_empty() {
        return Ok(());
    }
    Err(WorldError::permanent(format!(
        "{pod} does not answer pgctl ({why}), and is alive: {}",
        signs.join("; ")
    )))
}

/// Whoever is stopped blindly must not be one that answers by now: that could be done in order.
pub(in crate::world) async fn is_unanswering(
    cluster: &Connections,
    pod: &str,
) -> Result<(), WorldError> {
    match ask(cluster, pod).await {
        Answer::Primary => Err(WorldError::permanent(format!(
            "{pod} answers pgctl again: leave --blind away"
        ))),
        Answer::Standby | Answer::Closed(_) | Answer::Silence(_) => Ok(()),
    }
}

/// Asks with all the time that a login has: one that is slow is not silent.
async fn ask(cluster: &Connections, pod: &str) -> Answer {
    let asking = async {
        let session = open(&cluster.kube, cluster.namespace(), pod, &cluster.login).await?;
        Ok::<_, OpenError>(session.in_recovery().await?)
    };
    match tokio::time::timeout(cluster.login.timeout, asking).await {
        Ok(Ok(true)) => Answer::Standby,
        Ok(Ok(false)) => Answer::Primary,
        Ok(Err(OpenError::Sql(error))) if error.shows_life() => Answer::Closed(error.to_string()),
        Ok(Err(error)) => Answer::Silence(error.to_string()),
        Err(_) => Answer::Silence(format!(
            "no answer within {} s",
            cluster.login.timeout.as_secs_f64()
        )),
    }
}

/// Whether its readiness probe succeeds, and its node reports or can't be asked.
async fn counts_as_ready(cluster: &Connections, pod: &str) -> Result<bool, WorldError> {
    let Some(pod) = cluster.kube.pod(cluster.namespace(), pod).await? else {
        return Ok(false);
    };
    if !pod.ready || pod.deleting_since.is_some() {
        return Ok(false);
    }
    let lost = match &pod.node {
        Some(node) => matches!(cluster.kube.node_ready(node).await, Ok(Some(false))),
        None => false,
    };
    Ok(!lost)
}

/// The standbys that have heard it lately. One whose sender has a name that is no pod's may hear
/// any of them.
async fn who_hears(cluster: &Connections, pod: &str) -> Vec<String> {
    let others = cluster.pods.iter().filter(|it| *it != pod);
    let hearing = others.map(async |standby| {
        let facts = cluster.session(standby).await.ok()?.facts().await.ok()?;
        let receiver = facts.recovery?.receiver?;
        let host = receiver.sender_host.clone().unwrap_or_default();
        let name = host.split('.').next().unwrap_or_default();
        let of_another = name != pod && cluster.pods.iter().any(|it| it == name);
        (receiver.hears_its_sender() && !of_another).then(|| standby.clone())
    });
    join_all(hearing).await.into_iter().flatten().collect()
}
