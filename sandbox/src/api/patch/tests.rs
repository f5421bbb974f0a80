//! The cases of apimachinery's `patch_test.go` that matter for the kinds stored here.

use serde_json::{Value, json};

use super::strategic::merge;

fn pod(spec: Value) -> Value {
    json!({"spec": spec})
}

/// (what it shows, original, patch, result)
type Case = (&'static str, Value, Value, Value);

fn check(kind: &str, cases: Vec<Case>) {
    for (what, original, patch, wanted) in cases {
        assert_eq!(merge(kind, &original, &patch), Ok(wanted), "{what}");
    }
}

#[test]
fn lists_of_objects_merge_by_their_key() {
    let two = || json!([{"name": "a", "image": "x", "args": ["1"]}, {"name": "b", "image": "y"}]);
    check(
        "Pod",
        vec![
            (
                "an item is changed in its place, its lists without a key are replaced",
                pod(json!({"containers": two()})),
                pod(json!({"containers": [{"name": "a", "args": ["2"]}]})),
                pod(
                    json!({"containers": [{"name": "a", "image": "x", "args": ["2"]}, {"name": "b", "image": "y"}]}),
                ),
            ),
            (
                "a new item is added",
                pod(json!({"containers": [{"name": "a"}]})),
                pod(json!({"containers": [{"name": "c", "image": "z"}]})),
                pod(json!({"containers": [{"name": "a"}, {"name": "c", "image": "z"}]})),
            ),
            (
                "$patch: delete takes an item away",
                pod(json!({"containers": two()})),
                pod(json!({"containers": [{"name": "a", "$patch": "delete"}]})),
                pod(json!({"containers": [{"name": "b", "image": "y"}]})),
            ),
            (
                "$patch: replace replaces the list",
                pod(json!({"containers": two()})),
                pod(json!({"containers": [{"name": "c"}, {"$patch": "replace"}]})),
                pod(json!({"containers": [{"name": "c"}]})),
            ),
            (
                "nested: ports by containerPort, env by name",
                pod(
                    json!({"containers": [{"name": "a", "ports": [{"containerPort": 1, "name": "p"}], "env": [{"name": "E", "value": "1"}]}]}),
                ),
                pod(
                    json!({"containers": [{"name": "a", "ports": [{"containerPort": 2}], "env": [{"name": "E", "value": "2"}]}]}),
                ),
                pod(json!({"containers": [{
                    "name": "a", "ports": [{"containerPort": 1, "name": "p"}, {"containerPort": 2}], "env": [{"name": "E", "value": "2"}],
                }]})),
            ),
            (
                "null takes a field away, and means nothing in a new item",
                pod(json!({"hostname": "x", "containers": [{"name": "a", "image": "x"}]})),
                pod(
                    json!({"hostname": null, "containers": [{"name": "a", "image": null}, {"name": "b", "image": null}]}),
                ),
                pod(json!({"containers": [{"name": "a"}, {"name": "b"}]})),
            ),
        ],
    );
}

#[test]
fn tolerations_and_claim_templates_are_replaced_as_a_whole() {
    check(
        "StatefulSet",
        vec![
            (
                "claim templates",
                json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "a"}}]}}),
                json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "b"}}]}}),
                json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "b"}}]}}),
            ),
            (
                "tolerations",
                json!({"spec": {"template": {"spec": {"tolerations": [{"key": "a"}]}}}}),
                json!({"spec": {"template": {"spec": {"tolerations": [{"key": "b"}]}}}}),
                json!({"spec": {"template": {"spec": {"tolerations": [{"key": "b"}]}}}}),
            ),
        ],
    );
}

#[test]
fn primitive_lists_merge_and_delete() {
    let finalizers = |list: Value| json!({"metadata": {"finalizers": list}});
    check(
        "Pod",
        vec![
            (
                "they grow without duplicates",
                finalizers(json!(["a", "b"])),
                finalizers(json!(["b", "c"])),
                finalizers(json!(["a", "b", "c"])),
            ),
            (
                "$deleteFromPrimitiveList",
                finalizers(json!(["a", "b"])),
                json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}),
                finalizers(json!(["b"])),
            ),
            (
                "$setElementOrder of a primitive list",
                finalizers(json!(["a", "b"])),
                json!({"metadata": {"$setElementOrder/finalizers": ["c", "b", "a"], "finalizers": ["c"]}}),
                finalizers(json!(["c", "b", "a"])),
            ),
        ],
    );
}

#[test]
fn retain_keys_clears_the_other_members_of_a_union() {
    check(
        "Pod",
        vec![(
            "a volume changes its source",
            pod(json!({"volumes": [{"name": "v", "emptyDir": {}}]})),
            pod(
                json!({"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}]}),
            ),
            pod(json!({"volumes": [{"name": "v", "configMap": {"name": "c"}}]})),
        )],
    );
    let wrong = pod(json!({"volumes": [{"name": "v", "$retainKeys": ["name"], "secret": {}}]}));
    assert!(merge("Pod", &pod(json!({"volumes": [{"name": "v"}]})), &wrong).is_err());
}

#[test]
fn element_order_puts_items_where_the_patch_says_and_keeps_the_servers_own() {
    let env = |names: &[&str]| {
        let list: Vec<_> = names.iter().map(|n| json!({"name": n})).collect();
        pod(json!({"containers": [{"name": "c", "env": list}]}))
    };
    let order = |names: &[&str], items: Value| {
        let order: Vec<_> = names.iter().map(|n| json!({"name": n})).collect();
        pod(json!({"containers": [{"name": "c", "$setElementOrder/env": order, "env": items}]}))
    };
    check(
        "Pod",
        vec![
            (
                "new items come where they are named",
                env(&["a", "b"]),
                order(&["n", "b", "a"], json!([{"name": "n"}])),
                env(&["n", "b", "a"]),
            ),
            (
                "an item that only the server has stays behind its neighbour",
                env(&["a", "server", "b"]),
                order(&["b", "a"], json!([])),
                env(&["b", "a", "server"]),
            ),
            (
                "with a deletion",
                env(&["a", "b", "c"]),
                order(&["c", "a"], json!([{"name": "b", "$patch": "delete"}])),
                env(&["c", "a"]),
            ),
        ],
    );
}

#[test]
fn maps_merge_unless_told_otherwise() {
    check(
        "ConfigMap",
        vec![
            (
                "fields merge",
                json!({"data": {"a": "1", "b": "2"}}),
                json!({"data": {"b": null, "c": "3"}}),
                json!({"data": {"a": "1", "c": "3"}}),
            ),
            (
                "$patch: replace",
                json!({"data": {"a": "1"}}),
                json!({"data": {"$patch": "replace", "c": "3"}}),
                json!({"data": {"c": "3"}}),
            ),
            (
                "$patch: delete",
                json!({"data": {"a": "1"}}),
                json!({"data": {"$patch": "delete"}}),
                json!({"data": {}}),
            ),
        ],
    );
    check(
        "PodDisruptionBudget",
        vec![(
            "the selector of a budget is replaced",
            json!({"spec": {"selector": {"matchLabels": {"a": "1"}}}}),
            json!({"spec": {"selector": {"matchLabels": {"b": "2"}}}}),
            json!({"spec": {"selector": {"matchLabels": {"b": "2"}}}}),
        )],
    );
}

#[test]
fn a_patch_that_makes_no_sense_is_refused() {
    let original = pod(json!({"containers": [{"name": "a"}]}));
    for wrong in [
        json!([]),
        pod(json!({"containers": [{"image": "x"}]})),
        pod(json!({"containers": ["a"]})),
        pod(json!({"containers": [{"name": "a", "$patch": "unknown"}]})),
        json!({"$patch": "unknown"}),
        pod(json!({"$setElementOrder/containers": "a"})),
    ] {
        assert!(merge("Pod", &original, &wrong).is_err(), "{wrong}");
    }
}
