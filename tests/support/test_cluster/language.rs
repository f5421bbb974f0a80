//! A cluster in another language than English.

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, EnvVar};

use super::cluster::{TestCluster, full, tail_of};

impl TestCluster {
    /// The servers of this new cluster, and PostgreSQL's programs in their pods, speak German from now
    /// on. With a locale that every image has: its messages go by `LANGUAGE`, which only `C` overrules
    /// (`guess_category_value` in the C library's intl/dcigettext.c).
    pub(crate) async fn speaks_german(&self) -> Result<()> {
        let (store, namespace) = (self.store(), self.namespace());
        store.modify(namespace, &full("config"), |map: &mut ConfigMap| {
            let files = map.data.iter_mut();
            let file = files.flat_map(|it| it.get_mut("postgresql.conf"));
            file.for_each(|text| text.push_str("\nlc_messages = 'C.UTF-8'\n"));
        })?;
        for set in ["primary", "replica"] {
            store.modify(namespace, &full(set), |set: &mut StatefulSet| {
                let pod = set.spec.as_mut().and_then(|it| it.template.spec.as_mut());
                for container in pod.into_iter().flat_map(|it| &mut it.containers) {
                    let language = [("LANG", "C.UTF-8"), ("LANGUAGE", "de")];
                    let language = language.map(|(name, value)| EnvVar {
                        name: name.into(),
                        value: Some(value.into()),
                        ..EnvVar::default()
                    });
                    container.env.get_or_insert_default().extend(language);
                }
            })?;
        }
        for pod in self.pods()? {
            self.replace(&tail_of(&pod)).await?;
            self.all_stream().await?;
        }
        self.all_ready().await?;
        let logs = self.pgctl(&["logs", "primary"]).await?.exits(0)?;
        ensure!(logs.stdout.contains("Datenbanksystem"), "{logs}");
        Ok(())
    }
}
