use super::Resource;

/// One reason why an object is invalid, as Kubernetes lists them in a Status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Path of the field, for example `spec.replicas`.
    pub field: String,
    /// Machine-readable reason, for example `FieldValueInvalid`.
    pub reason: &'static str,
    /// What is wrong, in Kubernetes' words.
    pub message: String,
}

/// Why the store refused. Each maps to one Kubernetes Status reason.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// 404 NotFound.
    #[error("{} \"{name}\" not found", resource.qualified())]
    NotFound {
        /// Kind that was asked for.
        resource: &'static Resource,
        /// Name that was asked for.
        name: String,
    },
    /// 409 AlreadyExists.
    #[error("{} \"{name}\" already exists", resource.qualified())]
    AlreadyExists {
        /// Kind of the object.
        resource: &'static Resource,
        /// Name of the object.
        name: String,
    },
    /// 409 Conflict: somebody else changed the object, or a precondition does not hold.
    #[error("Operation cannot be fulfilled on {} \"{name}\": {reason}", resource.qualified())]
    Conflict {
        /// Kind of the object.
        resource: &'static Resource,
        /// Name of the object.
        name: String,
        /// Why, in Kubernetes' words.
        reason: String,
    },
    /// 403 Forbidden by an admission rule (not by RBAC).
    #[error("{} \"{name}\" is forbidden: {reason}", resource.qualified())]
    Forbidden {
        /// Kind of the object.
        resource: &'static Resource,
        /// Name of the object.
        name: String,
        /// Why, in Kubernetes' words.
        reason: String,
    },
    /// 422 Invalid.
    #[error("{} \"{name}\" is invalid: {}", resource.qualified_kind(), join(causes))]
    Invalid {
        /// Kind of the object.
        resource: &'static Resource,
        /// Name of the object.
        name: String,
        /// What is wrong with which field.
        causes: Vec<Cause>,
    },
    /// 400 BadRequest: the object can't be read as its kind.
    #[error("{0}")]
    Malformed(String),
    /// 410 Expired: a watch or list continues from a revision that is no longer known.
    #[error("too old resource version: {asked} ({oldest})")]
    Gone {
        /// The revision asked for.
        asked: u64,
        /// The oldest revision still known.
        oldest: u64,
    },
}

fn join(causes: &[Cause]) -> String {
    let all: Vec<String> = causes
        .iter()
        .map(|c| format!("{}: {}", c.field, c.message))
        .collect();
    if let [one] = all.as_slice() {
        one.clone()
    } else {
        format!("[{}]", all.join(", "))
    }
}

impl StoreError {
    /// True when the object does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// True when an object of this name exists already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Self::AlreadyExists { .. })
    }

    /// True when the object changed in between, or a precondition does not hold.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}
