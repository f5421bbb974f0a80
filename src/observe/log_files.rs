//! Where the servers write their logs to by themselves.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::asking::{to_be_asked, within};
use super::builder::Observed;
use super::open::open;
use crate::kubernetes::Kube;

/// The pods whose server writes its log into files of its own (`logging_collector`), each with the path of
/// the file that it writes to now, as far as that can be known. Only those are asked.
pub async fn server_log_files(
    kube: &Kube,
    observed: &Observed,
) -> BTreeMap<String, Option<String>> {
    let snapshot = &observed.snapshot;
    let namespace = &snapshot.cluster.namespace;
    let collects = |pod: &str| {
        let facts = snapshot.instance(pod).and_then(|it| it.facts());
        facts.is_some_and(|it| it.settings.logging_collector)
    };
    let asked = to_be_asked(kube, observed).map(|(instance, login)| (instance.name(), login));
    let asked = asked.filter(|(pod, _)| collects(pod));
    let asked = asked.map(async |(pod, login)| {
        let file = match login {
            Ok(login) => {
                let asking = async {
                    let session = open(kube, namespace, pod, &login).await?;
                    Ok(session.log_file().await?)
                };
                within(login.timeout, asking).await.ok().flatten()
            }
            Err(_) => None,
        };
        (pod.to_owned(), file)
    });
    join_all(asked).await.into_iter().collect()
}
