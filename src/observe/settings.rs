//! Settings and sessions of every server.

use futures::future::join_all;
use serde_json::Value;

use super::asking::{to_be_asked, within};
use super::builder::Observed;
use super::open::open;
use crate::kubernetes::Kube;

/// Settings and sessions by pod, or why it does not say. Queries only when they are wanted.
pub async fn settings_and_sessions(
    kube: &Kube,
    observed: &Observed,
    with_queries: bool,
) -> Vec<(String, Result<(Value, Value), String>)> {
    let namespace = &observed.snapshot.cluster.namespace;
    join_all(to_be_asked(kube, observed).map(async |(instance, login)| {
        let pod = instance.name();
        let answer = match login {
            Err(why) => Err(why),
            Ok(login) => {
                let asking = async {
                    let session = open(kube, namespace, pod, &login).await?;
                    Ok(session.settings_and_sessions(with_queries).await?)
                };
                let answer = within(login.timeout, asking).await;
                answer.map_err(|why| why.to_string())
            }
        };
        (pod.to_owned(), answer)
    }))
    .await
}
