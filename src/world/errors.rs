//! What the adapters' errors mean for going on.

use crate::engine::WorldError;
use crate::kubernetes::KubeError;
use crate::observe::OpenError;
use crate::postgres::SqlError;

impl From<KubeError> for WorldError {
    fn from(error: KubeError) -> Self {
        let reason = error.to_string();
        let transient = match &error {
            KubeError::Conflict { .. } | KubeError::AlreadyExists { .. } => true,
            KubeError::Api { code, .. } => *code == 429 || *code >= 500,
            other => other.outcome_unknown(),
        };
        if transient {
            Self::transient(reason)
        } else {
            Self::permanent(reason)
        }
    }
}

impl From<SqlError> for WorldError {
    fn from(error: SqlError) -> Self {
        let reason = error.to_string();
        let transient = error.outcome_unknown()
            || error.is_not_ready()
            || matches!(error, SqlError::TooManyConnections { .. });
        if transient {
            Self::transient(reason)
        } else {
            Self::permanent(reason)
        }
    }
}

impl From<OpenError> for WorldError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Kube(error) => error.into(),
            OpenError::Sql(error) => error.into(),
        }
    }
}
