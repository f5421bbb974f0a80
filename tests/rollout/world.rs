//! What these tests change and see past `pgctl`.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use super::test_cluster::{SandboxCluster, eventually, full, tail_of};

impl SandboxCluster {
    /// Somebody applies another image, to the StatefulSets of these names.
    pub(crate) async fn apply_image(&self, sets: &[&str], image: &str) -> Result<()> {
        for set in sets {
            let name = full(set);
            self.store()
                .modify::<StatefulSet>(self.namespace(), &name, |set| {
                    let spec = set.spec.get_or_insert_default();
                    let pod = spec.template.spec.get_or_insert_default();
                    for container in &mut pod.containers {
                        container.image = Some(image.to_owned());
                    }
                })?;
        }
        eventually("the controller has seen it", async || {
            for set in sets {
                let set: StatefulSet = self.store().read(self.namespace(), &full(set))?;
                let seen = set.status.and_then(|it| it.observed_generation);
                ensure!(
                    seen == set.metadata.generation,
                    "{set:?}",
                    set = set.metadata
                );
            }
            Ok(())
        })
        .await
    }

    /// The image of each pod, by the tail of its name.
    pub(crate) fn images(&self) -> Result<BTreeMap<String, String>> {
        let pods = self.pods()?.into_iter().map(|pod| {
            let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
            let image = containers.filter_map(|it| it.image.clone()).next();
            (tail_of(&pod), image.unwrap_or_default())
        });
        Ok(pods.collect())
    }

    /// Every pod has this image.
    pub(crate) fn all_have(&self, image: &str) -> Result<()> {
        let images = self.images()?;
        ensure!(images.values().all(|it| it == image), "{images:?}");
        Ok(())
    }

    /// The UID of each pod, by the tail of its name.
    pub(crate) fn uids(&self) -> Result<BTreeMap<String, String>> {
        let pods = self.pods()?.into_iter();
        Ok(pods
            .map(|pod| (tail_of(&pod), pod.metadata.uid.unwrap_or_default()))
            .collect())
    }

    /// The autoscaler never goes below this number from now on.
    pub(crate) fn at_least(&self, min: i32) -> Result<()> {
        let name = full("replica-hpa");
        self.store()
            .modify::<HorizontalPodAutoscaler>(self.namespace(), &name, |hpa| {
                hpa.spec.get_or_insert_default().min_replicas = Some(min);
            })?;
        Ok(())
    }

    /// `pgctl rollout --yes`, which is to end like this.
    pub(crate) async fn rolls_out(&self, options: &[&str], code: i32) -> Result<String> {
        let mut arguments = vec!["rollout", "--yes"];
        arguments.extend(options);
        let run = self.pgctl(&arguments).await?.exits(code)?;
        Ok(run.stdout + &run.stderr)
    }
}

/// Both StatefulSets.
pub(crate) const BOTH: [&str; 2] = ["primary", "replica"];
