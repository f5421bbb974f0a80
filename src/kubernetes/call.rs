//! What one request to the Kubernetes API is called, in messages and in RBAC.

use std::fmt;

use crate::plan::OperationKind;

/// A verb of the Kubernetes API, as RBAC spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read one object.
    Get,
    /// Read many.
    List,
    /// Follow changes.
    Watch,
    /// Make an object (or a stream, for `pods/exec` and `pods/portforward`).
    Create,
    /// Replace an object.
    Update,
    /// Change part of an object.
    Patch,
    /// Remove an object.
    Delete,
}

impl Verb {
    /// The verb that a Role spells so.
    pub fn of(word: &str) -> Option<Self> {
        let all = [
            Self::Get,
            Self::List,
            Self::Watch,
            Self::Create,
            Self::Update,
            Self::Patch,
            Self::Delete,
        ];
        all.into_iter().find(|it| it.as_str() == word)
    }

    /// As in a Role's `verbs`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    const fn gerund(self) -> &'static str {
        match self {
            Self::Get => "reading",
            Self::List => "listing",
            Self::Watch => "watching",
            Self::Create => "creating",
            Self::Update => "updating",
            Self::Patch => "patching",
            Self::Delete => "deleting",
        }
    }
}

/// What a request does to which object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// What the API server is asked to do.
    pub verb: Verb,
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The resource in the plural, with a subresource after a slash (`pods/exec`).
    pub resource: &'static str,
    /// Name of the object; none when it is about many.
    pub name: Option<String>,
    /// Its namespace; none for all namespaces or a resource that has none.
    pub namespace: Option<String>,
}

impl Call {
    /// About all objects of a resource, everywhere.
    pub fn new(verb: Verb, group: &'static str, resource: &'static str) -> Self {
        Self {
            verb,
            group,
            resource,
            name: None,
            namespace: None,
        }
    }

    /// About the object of this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// In this namespace.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Whether its objects are in namespaces: a Role in one allows nothing of the others.
    pub fn is_namespaced(&self) -> bool {
        !matches!(self.resource, "nodes" | "persistentvolumes")
    }

    /// The Role of `deploy/rbac` that allows it: `pgctl-viewer` may look (which takes streams into
    /// the pods, too), `pgctl-operator` may change; what belongs to no namespace takes a ClusterRole.
    pub fn role(&self) -> &'static str {
        match (self.verb, self.resource) {
            // No part of a namespace: ClusterRoles.
            (Verb::Get | Verb::List | Verb::Watch, "nodes") => "pgctl-nodes",
            (_, "nodes" | "persistentvolumes") => "pgctl-drain",
            (Verb::Get | Verb::List | Verb::Watch, _) | (_, "pods/portforward" | "pods/exec") => {
                "pgctl-viewer"
            }
            _ => "pgctl-operator",
        }
    }
}

/// Every request that an operation of this kind may make, as far as it needs a permission; in no namespace
/// yet.
pub fn calls_of(kind: OperationKind) -> Vec<Call> {
    kind.permissions()
        .filter_map(|(verb, group, resource)| Some(Call::new(Verb::of(verb)?, group, resource)))
        .collect()
}

impl fmt::Display for Call {
    /// `patching statefulsets/scale postgres-primary in namespace staging`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.verb, self.resource) {
            (_, "pods/exec") => f.write_str("running a command in pod")?,
            (_, "pods/portforward") => f.write_str("forwarding a port of pod")?,
            (verb, resource) => write!(f, "{} {resource}", verb.gerund())?,
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        if let Some(namespace) = &self.namespace {
            write!(f, " in namespace {namespace}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_reads_like_a_sentence() {
        let call = Call::new(Verb::Patch, "apps", "statefulsets/scale")
            .named("postgres-primary")
            .within("staging");
        assert_eq!(
            call.to_string(),
            "patching statefulsets/scale postgres-primary in namespace staging"
        );
        assert_eq!(call.role(), "pgctl-operator");
    }

    #[test]
    fn every_verb_that_an_operation_needs_is_known() {
        for kind in OperationKind::ALL {
            let calls = calls_of(kind);
            let known: Vec<_> = calls
                .iter()
                .map(|it| (it.verb.as_str(), it.group, it.resource))
                .collect();
            assert_eq!(known, kind.permissions().collect::<Vec<_>>(), "{kind:?}");
        }
    }

    #[test]
    fn looking_needs_only_the_viewer() {
        assert_eq!(Call::new(Verb::List, "", "pods").role(), "pgctl-viewer");
        assert_eq!(
            Call::new(Verb::Create, "", "pods/portforward").role(),
            "pgctl-viewer"
        );
        assert_eq!(Call::new(Verb::List, "", "nodes").role(), "pgctl-nodes");
        assert_eq!(Call::new(Verb::Patch, "", "nodes").role(), "pgctl-drain");
        assert_eq!(
            Call::new(Verb::Create, "", "leases").role(),
            "pgctl-operator"
        );
    }
}
