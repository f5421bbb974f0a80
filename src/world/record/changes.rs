//! The history of small changes, in a ConfigMap of its own: whoever writes to the journal takes it from
//! the operation that runs.

use std::collections::BTreeMap;

use crate::change::ChangeRecord;
use crate::cluster::ClusterId;
use crate::kubernetes::{Kube, KubeError, StoredMap};
use crate::world::record::config_map::write_map;

/// Key of the records, oldest first.
const CHANGES: &str = "changes";
/// How many are kept.
const MAX_CHANGES: usize = 100;
/// How often somebody else may be faster.
const TRIES: usize = 5;

/// Name of the ConfigMap. That of a journal has a dash where this has a dot, whatever a cluster is called.
fn object_name(cluster: &ClusterId) -> String {
    format!("pgctl.changes-{}", cluster.name)
}

/// The small changes of a cluster, oldest first.
///
/// # Errors
/// When they can't be read.
pub async fn changes_of(kube: &Kube, cluster: &ClusterId) -> Result<Vec<ChangeRecord>, KubeError> {
    let name = object_name(cluster);
    let map = kube.stored_map(&cluster.namespace, &name).await?;
    let known = map.as_ref().map(|map| known(&stored(&map.data)));
    Ok(known.unwrap_or_default())
}

/// Writes small changes down.
pub struct ChangeStore {
    kube: Kube,
    cluster: ClusterId,
}

impl ChangeStore {
    /// Of this cluster.
    pub fn new(kube: Kube, cluster: ClusterId) -> Self {
        Self { kube, cluster }
    }

    /// Adds a record, or puts it in the place of the one of its id. What others write at the same moment
    /// stays, and so does what a newer pgctl has written.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn put(&self, record: &ChangeRecord) -> Result<(), KubeError> {
        let namespace = &self.cluster.namespace;
        let name = object_name(&self.cluster);
        let mut tries = 0;
        loop {
            tries += 1;
            let map = self.kube.stored_map(namespace, &name).await?;
            let result = self.write(&name, map.as_ref(), record).await;
            match result {
                Err(KubeError::Conflict { .. } | KubeError::AlreadyExists { .. })
                    if tries < TRIES => {}
                other => return other,
            }
        }
    }

    async fn write(
        &self,
        name: &str,
        map: Option<&StoredMap>,
        record: &ChangeRecord,
    ) -> Result<(), KubeError> {
        let mut data = map.map(|map| map.data.clone()).unwrap_or_default();
        let list = with(stored(&data), record);
        data.insert(
            CHANGES.to_owned(),
            serde_json::Value::Array(list).to_string(),
        );
        write_map(&self.kube, &self.cluster, name, map, &data)
            .await
            .map(drop)
    }
}

fn stored(data: &BTreeMap<String, String>) -> Vec<serde_json::Value> {
    let list = data.get(CHANGES);
    // What makes no sense is no reason not to go on: it is a history, and nothing is decided by it.
    list.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

fn known(list: &[serde_json::Value]) -> Vec<ChangeRecord> {
    let read = |value: &serde_json::Value| serde_json::from_value(value.clone()).ok();
    list.iter().filter_map(read).collect()
}

fn with(mut list: Vec<serde_json::Value>, record: &ChangeRecord) -> Vec<serde_json::Value> {
    let value = serde_json::to_value(record).unwrap_or_default();
    match list.iter_mut().find(|it| it["id"] == record.id.as_str()) {
        Some(old) => *old = value,
        None => list.push(value),
    }
    list.drain(..list.len().saturating_sub(MAX_CHANGES));
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::ChangeOutcome;

    fn record(id: &str, outcome: ChangeOutcome) -> ChangeRecord {
        ChangeRecord {
            id: id.to_owned(),
            change: "drop of slot x on pod y".to_owned(),
            by: "ann@laptop/1-2-3".to_owned(),
            started: jiff::Timestamp::UNIX_EPOCH,
            outcome,
            reason: None,
            undo: Vec::new(),
        }
    }

    #[test]
    fn the_end_takes_the_place_of_the_beginning_and_others_stay() {
        let newer = serde_json::json!({"id": "n", "outcome": "of-later", "more": 1});
        let list = with(vec![newer.clone()], &record("a", ChangeOutcome::Begun));
        let list = with(list, &record("b", ChangeOutcome::Begun));
        let list = with(list, &record("a", ChangeOutcome::Done));
        assert_eq!(list[0], newer);
        let outcomes: Vec<_> = known(&list)
            .into_iter()
            .map(|it| (it.id, it.outcome))
            .collect();
        let of = |id: &str, outcome| (id.to_owned(), outcome);
        assert_eq!(
            outcomes,
            [of("a", ChangeOutcome::Done), of("b", ChangeOutcome::Begun)]
        );
    }

    #[test]
    fn the_oldest_are_given_up() {
        let mut list = Vec::new();
        for n in 0..=MAX_CHANGES {
            list = with(list, &record(&n.to_string(), ChangeOutcome::Done));
        }
        assert_eq!(list.len(), MAX_CHANGES);
        assert_eq!(list[0]["id"], "1");
    }

    #[test]
    fn what_is_no_list_is_begun_anew() {
        let data = BTreeMap::from([(CHANGES.to_owned(), "{".to_owned())]);
        assert!(stored(&data).is_empty());
    }
}
