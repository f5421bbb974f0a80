//! Base backups that run.

use crate::cluster::Instance;

/// Base backups that are being taken from these pods.
pub(crate) fn running_backups<'a>(pods: impl Iterator<Item = &'a Instance>) -> Vec<String> {
    pods.filter_map(|it| Some((it.name(), it.facts()?)))
        .flat_map(|(pod, facts)| {
            facts
                .base_backups
                .iter()
                .map(move |backup| format!("{} from {pod}", backup.application_name))
        })
        .collect()
}
