//! What the built-in types say about merging their lists and maps.
//!
//! The tables are those of the Go struct tags `patchStrategy` and `patchMergeKey` and of the markers
//! `+listType`, `+listMapKey`, `+mapType` and `+structType` in k8s.io/api.

/// How strategic merge patch treats a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Strategy {
    /// Lists: merge by this key. Empty with `merge`: a list of primitive values.
    pub(super) key: &'static str,
    /// Merge instead of replace (lists only; maps always merge unless `replace`).
    pub(super) merge: bool,
    /// Maps: replace instead of merge.
    pub(super) replace: bool,
}

/// How server-side apply treats a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Shape {
    /// A map or struct that merges field by field, or a scalar.
    Granular,
    /// One value as a whole.
    Atomic,
    /// A list whose items are found by these keys.
    Map(&'static [&'static str]),
    /// A list of distinct primitive values.
    Set,
}

const fn by(key: &'static str) -> Strategy {
    Strategy {
        key,
        merge: true,
        replace: false,
    }
}

const REPLACE: Strategy = Strategy {
    key: "",
    merge: false,
    replace: false,
};

const CONTAINERS: &[&str] = &["containers", "initContainers", "ephemeralContainers"];

/// The path inside a pod's spec, when it is in one (list indices are left out of paths).
fn in_pod_spec<'a>(kind: &str, path: &'a [String]) -> Option<Vec<&'a str>> {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    let inner = match (kind, words.as_slice()) {
        ("Pod", ["spec", rest @ ..]) => rest,
        (
            "StatefulSet" | "Deployment" | "DaemonSet" | "ReplicaSet" | "Job",
            ["spec", "template", "spec", rest @ ..],
        )
        | ("CronJob", ["spec", "jobTemplate", "spec", "template", "spec", rest @ ..]) => rest,
        _ => return None,
    };
    Some(inner.to_vec())
}

fn has_conditions(kind: &str) -> bool {
    matches!(
        kind,
        "Pod"
            | "Service"
            | "Node"
            | "Namespace"
            | "PersistentVolumeClaim"
            | "StatefulSet"
            | "Deployment"
            | "DaemonSet"
            | "ReplicaSet"
            | "Job"
            | "HorizontalPodAutoscaler"
            | "PodDisruptionBudget"
    )
}

/// `patchStrategy` and `patchMergeKey` of a field.
pub(super) fn strategy(kind: &str, path: &[String]) -> Strategy {
    if let Some(inner) = in_pod_spec(kind, path) {
        return match inner.as_slice() {
            ["volumes" | "imagePullSecrets" | "schedulingGates" | "resourceClaims"] => by("name"),
            [c] if CONTAINERS.contains(c) => by("name"),
            ["hostAliases"] => by("ip"),
            ["topologySpreadConstraints"] => by("topologyKey"),
            [c, "ports"] if CONTAINERS.contains(c) => by("containerPort"),
            [c, "env"] if CONTAINERS.contains(c) => by("name"),
            [c, "volumeMounts"] if CONTAINERS.contains(c) => by("mountPath"),
            [c, "volumeDevices"] if CONTAINERS.contains(c) => by("devicePath"),
            _ => REPLACE,
        };
    }
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    match (kind, words.as_slice()) {
        (
            _,
            ["metadata", "ownerReferences"] | ["spec", "template", "metadata", "ownerReferences"],
        ) => by("uid"),
        (_, ["metadata", "finalizers"] | ["spec", "template", "metadata", "finalizers"])
        | ("Node", ["spec", "podCIDRs"]) => by(""),
        ("Service", ["spec", "ports"]) => by("port"),
        ("ServiceAccount", ["secrets"]) => by("name"),
        ("Pod", ["status", "podIPs" | "hostIPs"]) => by("ip"),
        ("Pod", ["status", "resourceClaimStatuses"]) => by("name"),
        ("Node", ["status", "addresses"]) => by("type"),
        ("PodDisruptionBudget", ["spec", "selector"]) => Strategy {
            replace: true,
            ..REPLACE
        },
        (kind, ["status", "conditions"]) if has_conditions(kind) => by("type"),
        _ => REPLACE,
    }
}

/// How server-side apply merges a field.
pub(in crate::api) fn shape_of(kind: &str, path: &[String], is_list: bool) -> Shape {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    // LabelSelector, the key selectors and the references are atomic structs.
    if let Some("selector" | "labelSelector" | "namespaceSelector" | "podSelector") =
        words.last().copied()
        && kind != "Scale"
    {
        return Shape::Atomic;
    }
    if let Some(
        "configMapKeyRef" | "secretKeyRef" | "fieldRef" | "resourceFieldRef" | "roleRef"
        | "nodeSelector" | "claimRef" | "targetRef" | "involvedObject",
    ) = words.last().copied()
    {
        return Shape::Atomic;
    }
    if !is_list {
        return Shape::Granular;
    }
    if let Some(inner) = in_pod_spec(kind, path) {
        return match inner.as_slice() {
            ["volumes" | "imagePullSecrets" | "schedulingGates" | "resourceClaims"] => {
                Shape::Map(&["name"])
            }
            [c] if CONTAINERS.contains(c) => Shape::Map(&["name"]),
            ["hostAliases"] => Shape::Map(&["ip"]),
            ["topologySpreadConstraints"] => Shape::Map(&["topologyKey", "whenUnsatisfiable"]),
            [c, "ports"] if CONTAINERS.contains(c) => Shape::Map(&["containerPort", "protocol"]),
            [c, "env"] if CONTAINERS.contains(c) => Shape::Map(&["name"]),
            [c, "volumeMounts"] if CONTAINERS.contains(c) => Shape::Map(&["mountPath"]),
            [c, "volumeDevices"] if CONTAINERS.contains(c) => Shape::Map(&["devicePath"]),
            [c, "resources", "claims"] if CONTAINERS.contains(c) => Shape::Map(&["name"]),
            _ => Shape::Atomic,
        };
    }
    match (kind, words.as_slice()) {
        (
            _,
            ["metadata", "ownerReferences"] | ["spec", "template", "metadata", "ownerReferences"],
        ) => Shape::Map(&["uid"]),
        (_, ["metadata", "finalizers"] | ["spec", "template", "metadata", "finalizers"])
        | ("Node", ["spec", "podCIDRs"]) => Shape::Set,
        ("Service", ["spec", "ports"]) => Shape::Map(&["port", "protocol"]),
        ("ServiceAccount", ["secrets"]) => Shape::Map(&["name"]),
        ("Pod", ["status", "podIPs" | "hostIPs"]) => Shape::Map(&["ip"]),
        ("Node", ["status", "addresses"]) | (_, ["status", "conditions"]) => Shape::Map(&["type"]),
        _ => Shape::Atomic,
    }
}
