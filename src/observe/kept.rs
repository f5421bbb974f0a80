//! What restores of base backups have kept, in the volumes of the pods that run.

use std::time::Duration;

use futures::future::join_all;

use crate::cluster::names;
use crate::cluster::{ContainerState, Snapshot};
use crate::kubernetes::Kube;
use crate::plan::{DiscardRequest, KeptData, KeptFacts};

/// Adding up the sizes looks at each file.
const LIMIT: Duration = Duration::from_secs(300);

/// Prints size in KiB and name of each directory that was kept. Arguments: the data directory when the
/// container names none, and what the names begin with.
const LIST: &str = r#"volume=$(dirname "${PGDATA:-$1}")
for kept in "$volume/$2"*; do
  [ -d "$kept" ] || continue
  printf '%s %s\n' "$(du -sk "$kept" 2>/dev/null | cut -f 1)" "${kept##*/}"
done
exit 0"#;

/// Looks into every volume that a running pod has.
pub async fn kept_data(kube: &Kube, snapshot: &Snapshot) -> DiscardRequest {
    let namespace = &snapshot.cluster.namespace;
    let running = snapshot
        .instances
        .iter()
        .filter(|it| matches!(it.pod.container, ContainerState::Running { .. }));
    let looked = join_all(running.map(async |instance| {
        let argv = [
            "sh",
            "-c",
            LIST,
            "pgctl",
            names::DEFAULT_PGDATA,
            names::KEPT_DATA,
        ];
        let output = kube
            .run_command(namespace, instance.name(), &argv, None, LIMIT)
            .await;
        (instance, output)
    }))
    .await;
    let mut request = DiscardRequest::default();
    for (instance, output) in looked {
        let text = match output {
            Ok(output) if output.code == 0 => output.stdout,
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                request.unseen.push(format!("{}: {why}", instance.name()));
                continue;
            }
            Err(error) => {
                request.unseen.push(format!("{}: {error}", instance.name()));
                continue;
            }
        };
        for line in String::from_utf8_lossy(&text).lines() {
            let Some((size, directory)) = line.split_once(' ') else {
                continue;
            };
            let claim = instance
                .pod
                .claim
                .clone()
                .unwrap_or_else(|| format!("{}-{}", names::DATA_VOLUME, instance.name()));
            request.kept.push(KeptFacts {
                pod: instance.name().to_owned(),
                data: KeptData {
                    claim,
                    directory: directory.to_owned(),
                },
                bytes: size.parse::<u64>().unwrap_or(0) * 1024,
            });
        }
    }
    let used: Vec<String> = request
        .kept
        .iter()
        .map(|it| it.data.claim.clone())
        .collect();
    let asleep = snapshot
        .volumes
        .iter()
        .filter(|it| !it.in_use && !used.contains(&it.claim));
    request
        .unseen
        .extend(asleep.map(|it| format!("{}: no pod uses it", it.claim)));
    request
}
