//! The messages that kubectl's typed commands send (`create role`, `auth can-i`, `drain`, …), from the
//! `generated.proto` files of k8s.io/api. Fields that a client does not set (status, managed fields) are left out.

/// How a field is encoded and how it reads in JSON.
pub(super) enum Kind {
    Text,
    Flag,
    Number,
    Time,
    Texts,
    Blobs,
    Message(&'static str),
    List(&'static Kind),
}

use Kind::{Blobs, Flag, List, Message, Number, Text, Texts, Time};

type Field = (u64, &'static str, Kind);

/// The message of an object kind.
pub(super) fn root(api_version: &str, kind: &str) -> Option<&'static str> {
    let package = match api_version {
        "v1" => "core",
        "authorization.k8s.io/v1" => "authorization",
        "authentication.k8s.io/v1" => "authentication",
        "rbac.authorization.k8s.io/v1" => "rbac",
        "policy/v1" => "policy",
        _ => return None,
    };
    let package = if kind == "DeleteOptions" {
        "meta"
    } else {
        package
    };
    let is = |name: &str| name.split_once('.') == Some((package, kind));
    MESSAGES.iter().map(|(name, _)| *name).find(|name| is(name))
}

/// The fields of a message.
pub(super) fn fields(message: &str) -> &'static [Field] {
    MESSAGES
        .iter()
        .find(|(name, _)| *name == message)
        .map_or(&[], |(_, fields)| fields)
}

static MESSAGES: &[(&str, &[Field])] = &[
    (
        "authorization.SelfSubjectAccessReview",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (
                2,
                "spec",
                Message("authorization.SelfSubjectAccessReviewSpec"),
            ),
        ],
    ),
    (
        "authorization.SelfSubjectRulesReview",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (
                2,
                "spec",
                Message("authorization.SelfSubjectRulesReviewSpec"),
            ),
        ],
    ),
    (
        "authentication.SelfSubjectReview",
        &[(1, "metadata", Message("meta.ObjectMeta"))],
    ),
    (
        "authentication.TokenRequest",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (2, "spec", Message("authentication.TokenRequestSpec")),
        ],
    ),
    (
        "core.ServiceAccount",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (2, "secrets", List(&Message("core.ObjectReference"))),
            (
                3,
                "imagePullSecrets",
                List(&Message("core.LocalObjectReference")),
            ),
            (4, "automountServiceAccountToken", Flag),
        ],
    ),
    (
        "core.Namespace",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (2, "spec", Message("core.NamespaceSpec")),
        ],
    ),
    (
        "core.ConfigMap",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (4, "immutable", Flag),
            (2, "data", Texts),
            (3, "binaryData", Blobs),
        ],
    ),
    (
        "core.Secret",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (5, "immutable", Flag),
            (2, "data", Blobs),
            (4, "stringData", Texts),
            (3, "type", Text),
        ],
    ),
    (
        "rbac.Role",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (2, "rules", List(&Message("rbac.PolicyRule"))),
        ],
    ),
    (
        "rbac.RoleBinding",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (2, "subjects", List(&Message("rbac.Subject"))),
            (3, "roleRef", Message("rbac.RoleRef")),
        ],
    ),
    (
        "rbac.ClusterRole",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (2, "rules", List(&Message("rbac.PolicyRule"))),
            (3, "aggregationRule", Message("rbac.AggregationRule")),
        ],
    ),
    (
        "rbac.ClusterRoleBinding",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (2, "subjects", List(&Message("rbac.Subject"))),
            (3, "roleRef", Message("rbac.RoleRef")),
        ],
    ),
    (
        "policy.Eviction",
        &[
            (1, "metadata", Message("meta.ObjectMeta")),
            (2, "deleteOptions", Message("meta.DeleteOptions")),
        ],
    ),
    (
        "meta.DeleteOptions",
        &[
            (1, "gracePeriodSeconds", Number),
            (2, "preconditions", Message("meta.Preconditions")),
            (3, "orphanDependents", Flag),
            (4, "propagationPolicy", Text),
            (5, "dryRun", List(&Text)),
            (6, "ignoreStoreReadErrorWithClusterBreakingPotential", Flag),
        ],
    ),
    (
        "meta.ObjectMeta",
        &[
            (1, "name", Text),
            (2, "generateName", Text),
            (3, "namespace", Text),
            (5, "uid", Text),
            (6, "resourceVersion", Text),
            (7, "generation", Number),
            (8, "creationTimestamp", Time),
            (9, "deletionTimestamp", Time),
            (10, "deletionGracePeriodSeconds", Number),
            (11, "labels", Texts),
            (12, "annotations", Texts),
            (13, "ownerReferences", List(&Message("meta.OwnerReference"))),
            (14, "finalizers", List(&Text)),
        ],
    ),
    (
        "authorization.SelfSubjectAccessReviewSpec",
        &[
            (
                1,
                "resourceAttributes",
                Message("authorization.ResourceAttributes"),
            ),
            (
                2,
                "nonResourceAttributes",
                Message("authorization.NonResourceAttributes"),
            ),
        ],
    ),
    (
        "authorization.SelfSubjectRulesReviewSpec",
        &[(1, "namespace", Text)],
    ),
    (
        "authentication.TokenRequestSpec",
        &[
            (1, "audiences", List(&Text)),
            (4, "expirationSeconds", Number),
            (
                3,
                "boundObjectRef",
                Message("authentication.BoundObjectReference"),
            ),
        ],
    ),
    (
        "core.ObjectReference",
        &[
            (1, "kind", Text),
            (2, "namespace", Text),
            (3, "name", Text),
            (4, "uid", Text),
            (5, "apiVersion", Text),
            (6, "resourceVersion", Text),
            (7, "fieldPath", Text),
        ],
    ),
    ("core.LocalObjectReference", &[(1, "name", Text)]),
    ("core.NamespaceSpec", &[(1, "finalizers", List(&Text))]),
    (
        "rbac.PolicyRule",
        &[
            (1, "verbs", List(&Text)),
            (2, "apiGroups", List(&Text)),
            (3, "resources", List(&Text)),
            (4, "resourceNames", List(&Text)),
            (5, "nonResourceURLs", List(&Text)),
        ],
    ),
    (
        "rbac.Subject",
        &[
            (1, "kind", Text),
            (2, "apiGroup", Text),
            (3, "name", Text),
            (4, "namespace", Text),
        ],
    ),
    (
        "rbac.RoleRef",
        &[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)],
    ),
    (
        "rbac.AggregationRule",
        &[(
            1,
            "clusterRoleSelectors",
            List(&Message("meta.LabelSelector")),
        )],
    ),
    (
        "meta.Preconditions",
        &[(1, "uid", Text), (2, "resourceVersion", Text)],
    ),
    (
        "meta.OwnerReference",
        &[
            (5, "apiVersion", Text),
            (1, "kind", Text),
            (3, "name", Text),
            (4, "uid", Text),
            (6, "controller", Flag),
            (7, "blockOwnerDeletion", Flag),
        ],
    ),
    (
        "authorization.ResourceAttributes",
        &[
            (1, "namespace", Text),
            (2, "verb", Text),
            (3, "group", Text),
            (4, "version", Text),
            (5, "resource", Text),
            (6, "subresource", Text),
            (7, "name", Text),
            (
                8,
                "fieldSelector",
                Message("authorization.FieldSelectorAttributes"),
            ),
            (
                9,
                "labelSelector",
                Message("authorization.LabelSelectorAttributes"),
            ),
        ],
    ),
    (
        "authorization.NonResourceAttributes",
        &[(1, "path", Text), (2, "verb", Text)],
    ),
    (
        "authentication.BoundObjectReference",
        &[
            (1, "kind", Text),
            (2, "apiVersion", Text),
            (3, "name", Text),
            (4, "uID", Text),
        ],
    ),
    (
        "meta.LabelSelector",
        &[
            (1, "matchLabels", Texts),
            (
                2,
                "matchExpressions",
                List(&Message("meta.LabelSelectorRequirement")),
            ),
        ],
    ),
    (
        "authorization.FieldSelectorAttributes",
        &[
            (1, "rawSelector", Text),
            (
                2,
                "requirements",
                List(&Message("meta.FieldSelectorRequirement")),
            ),
        ],
    ),
    (
        "authorization.LabelSelectorAttributes",
        &[
            (1, "rawSelector", Text),
            (
                2,
                "requirements",
                List(&Message("meta.LabelSelectorRequirement")),
            ),
        ],
    ),
    (
        "meta.LabelSelectorRequirement",
        &[
            (1, "key", Text),
            (2, "operator", Text),
            (3, "values", List(&Text)),
        ],
    ),
    (
        "meta.FieldSelectorRequirement",
        &[
            (1, "key", Text),
            (2, "operator", Text),
            (3, "values", List(&Text)),
        ],
    ),
];
