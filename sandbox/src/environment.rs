//! How a client on this machine reaches the cluster's write Service.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Secret, Service};

use crate::store::{Selector, Store};

/// The superuser of a cluster, from its Secret.
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Login {
    pub(crate) fn read(store: &Store, namespace: &str) -> Result<Self> {
        let secrets = store.read_all::<Secret>(Some(namespace), &Selector::everything())?;
        let data = secrets
            .items
            .into_iter()
            .filter_map(|secret| secret.data)
            .find(|data| data.contains_key("postgres-password"))
            .with_context(|| format!("no Secret in {namespace} has the key postgres-password"))?;
        let text = |key: &str| match data.get(key) {
            Some(value) => String::from_utf8(value.0.clone()).context("a Secret that is no text"),
            None => Ok("postgres".to_owned()),
        };
        Ok(Self {
            user: text("postgres-user")?,
            password: text("postgres-password")?,
        })
    }
}

/// Shell commands that point `psql`, `pgbench` and any libpq program at the write Service.
pub(crate) fn exports(store: &Store, namespace: &str) -> Result<String> {
    let services = store.read_all::<Service>(Some(namespace), &Selector::everything())?;
    let address = services
        .items
        .iter()
        .filter(|service| {
            service
                .metadata
                .name
                .as_deref()
                .is_some_and(|name| name.ends_with("-write"))
        })
        .find_map(|service| service.spec.as_ref()?.cluster_ip.as_deref())
        .with_context(|| format!("no Service in {namespace} is called …-write"))?;
    let login = Login::read(store, namespace)?;
    let variables = [
        ("PGHOST", address),
        ("PGPORT", "5432"),
        ("PGUSER", &login.user),
        ("PGPASSWORD", &login.password),
        ("PGDATABASE", "postgres"),
    ];
    let lines =
        variables.map(|(name, value)| format!("export {name}='{}'", value.replace('\'', r"'\''")));
    Ok(lines.join("\n"))
}
