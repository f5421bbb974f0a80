//! Settings and sessions of every server.

use futures::future::join_all;
use serde_json::Value;

use super::builder::Observed;
use super::open::{OpenError, login, open};
use crate::kubernetes::Kube;

/// Settings and sessions by pod, or why it does not say. Queries only when they are wanted.
pub async fn settings_and_sessions(
    kube: &Kube,
    observed: &Observed,
    with_queries: bool,
) -> Vec<(String, Result<(Value, Value), String>)> {
    let credentials = observed.credentials.as_ref();
    let login = credentials.map(|it| login(it, kube.timeout()));
    let namespace = &observed.snapshot.cluster.namespace;
    let instances = observed.snapshot.instances.iter();
    join_all(instances.map(async |instance| {
        let pod = instance.name();
        let answer = match (&login, instance.facts()) {
            (None, _) => Err("the Secret could not be read".to_owned()),
            (_, None) => {
                let why = instance.database.unanswered();
                Err(why.unwrap_or("its container does not run").to_owned())
            }
            (Some(login), Some(_)) => {
                let asking = async {
                    let session = open(kube, namespace, pod, login).await?;
                    Ok::<_, OpenError>(session.settings_and_sessions(with_queries).await?)
                };
                match tokio::time::timeout(login.timeout, asking).await {
                    Ok(answer) => answer.map_err(|error| error.to_string()),
                    Err(_) => Err(format!(
                        "no answer within {} s",
                        login.timeout.as_secs_f64()
                    )),
                }
            }
        };
        (pod.to_owned(), answer)
    }))
    .await
}
