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
            || matches!(
                error,
                SqlError::TooManyConnections { .. }
                    // A server that can't make one more process says no more.
                    | SqlError::NotAgreed { .. }
                    // A renewed authority is on its way to the pods.
                    | SqlError::NotTrusted {
                        other_authority: true,
                        ..
                    }
            );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ErrorKind;

    #[test]
    fn a_renewed_authority_is_waited_for_and_a_certificate_of_another_name_is_not() {
        let not_trusted = |other_authority: bool| SqlError::NotTrusted {
            reason: "why".to_owned(),
            secret: "postgres-tls".to_owned(),
            look: "kubectl".to_owned(),
            expired: None,
            other_authority,
        };
        let kind = |error: SqlError| WorldError::from(error).kind;
        assert!(matches!(kind(not_trusted(true)), ErrorKind::Transient));
        assert!(matches!(kind(not_trusted(false)), ErrorKind::Permanent));
        let reason = "why".to_owned();
        let not_agreed = SqlError::NotAgreed { reason };
        assert!(not_agreed.shows_life());
        assert!(matches!(kind(not_agreed), ErrorKind::Transient));
    }
}
