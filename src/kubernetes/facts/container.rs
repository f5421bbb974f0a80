//! Which container of a pod is the database's.

use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::cluster::{PodEncryption, names};

/// The container of the database; of a template that names it otherwise, the first.
pub(crate) fn database_container(spec: &PodSpec) -> Option<&Container> {
    let containers = &spec.containers;
    let named = containers.iter().find(|it| it.name == names::CONTAINER);
    named.or_else(|| containers.first())
}

/// What the server of a pod does of encryption (`deploy/base/scripts/tls.sh`).
pub(super) fn encryption(spec: &PodSpec) -> PodEncryption {
    let variables = database_container(spec).and_then(|it| it.env.as_deref());
    let is_set = |name: &str| {
        let variable = variables.unwrap_or_default().iter();
        let mut values = variable.filter(|it| it.name == name);
        values
            .any(|it| it.value_from.is_some() || it.value.as_ref().is_some_and(|it| !it.is_empty()))
    };
    match (is_set(names::ENV_CERTIFICATE), is_set(names::ENV_SSLMODE)) {
        (_, true) => PodEncryption::Demanded,
        (true, false) => PodEncryption::Offered,
        (false, false) => PodEncryption::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_server_does_of_encryption_is_what_its_start_script_is_told() {
        let of = |env: serde_json::Value| {
            let spec = json!({"containers": [
                {"name": "exporter", "env": [{"name": "PG_SSLMODE", "value": "verify-full"}]},
                {"name": "postgres", "env": env},
            ]});
            encryption(&serde_json::from_value(spec).expect("a pod"))
        };
        let folder = json!({"name": "PG_TLS_DIR", "value": "/etc/postgresql-tls"});
        let mode = json!({"name": "PG_SSLMODE", "value": "verify-full"});
        assert_eq!(of(json!([])), PodEncryption::None);
        assert_eq!(
            of(json!([{"name": "PG_TLS_DIR", "value": ""}])),
            PodEncryption::None
        );
        assert_eq!(of(json!([folder])), PodEncryption::Offered);
        assert_eq!(of(json!([folder, mode])), PodEncryption::Demanded);
    }
}
