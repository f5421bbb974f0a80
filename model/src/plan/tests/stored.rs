//! Plans are stored in journals: what was written before can still be read, and is written the same.

use std::collections::BTreeSet;

use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

use crate::plan::{
    Action, Condition, DatabaseAction, DatabaseCondition, Load, VolumeAction, VolumeCondition,
    VolumeHandle,
};

/// As the journals of restores hold it since there are restores.
#[test]
fn the_steps_of_a_stored_restore_are_read_as_they_were_written() {
    let volume = VolumeHandle {
        pod: "db-0-restore".into(),
        claim: "data-db-0".into(),
        stateful_set: "db".into(),
        server: None,
    };
    let load = Load {
        database: "shop".into(),
        file: "01-shop.dump".into(),
        into: "pgctl_load_20260301t120000000z_1".into(),
        default_tablespace: false,
    };
    let stored_volume = json!({"pod": "db-0-restore", "claim": "data-db-0", "statefulSet": "db"});
    let stored_load = json!({"database": "shop", "file": "01-shop.dump",
        "into": "pgctl_load_20260301t120000000z_1", "defaultTablespace": false});
    let actions = [
        (
            json!({"action": "restore", "restore": "load-databases", "pod": "db-0", "databases": [stored_load]}),
            Action::from(DatabaseAction::LoadDatabases {
                pod: "db-0".into(),
                databases: vec![load.clone()],
            }),
        ),
        (
            json!({"action": "restore", "restore": "swap-in", "volume": stored_volume, "aside": "pgdata.before"}),
            Action::from(VolumeAction::SwapIn {
                volume: volume.clone(),
                aside: "pgdata.before".into(),
            }),
        ),
    ];
    for (stored, action) in actions {
        let read: Action = serde_json::from_value(stored.clone()).expect("an action");
        assert_eq!(read, action);
        assert_eq!(serde_json::to_value(&action).expect("JSON"), stored);
    }
    let conditions = [
        (
            json!({"condition": "restore", "restore": "loaded", "pod": "db-0", "databases": [stored_load]}),
            Condition::from(DatabaseCondition::Loaded {
                pod: "db-0".into(),
                databases: vec![load],
            }),
        ),
        (
            json!({"condition": "restore", "restore": "swapped-in", "volume": stored_volume}),
            Condition::from(VolumeCondition::SwappedIn { volume }),
        ),
    ];
    for (stored, condition) in conditions {
        let read: Condition = serde_json::from_value(stored.clone()).expect("a condition");
        assert_eq!(read, condition);
        assert_eq!(serde_json::to_value(&condition).expect("JSON"), stored);
    }
}

/// The words by which the variants of a type are told.
fn words<T: JsonSchema>() -> BTreeSet<String> {
    let schema = schema_for!(T).to_value();
    let variants = schema["oneOf"].as_array().expect("variants");
    let word = |it: &Value| {
        it["properties"]["restore"]["const"]
            .as_str()
            .map(str::to_owned)
    };
    variants.iter().filter_map(word).collect()
}

/// Both are stored under one key, which tells nothing but the word.
#[test]
fn no_word_means_something_on_databases_and_on_volumes() {
    let (databases, volumes) = (words::<DatabaseAction>(), words::<VolumeAction>());
    assert!(databases.len() > 5 && volumes.len() > 5);
    assert!(databases.is_disjoint(&volumes));
    let (databases, volumes) = (words::<DatabaseCondition>(), words::<VolumeCondition>());
    assert!(databases.len() > 5 && volumes.len() > 5);
    assert!(databases.is_disjoint(&volumes));
}
