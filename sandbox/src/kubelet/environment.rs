//! The environment of a container: literal values, references and what they expand to.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar, EnvVarSource, Pod, Secret};

use super::context::Context;
use super::service_links;
use crate::store::Store;

/// What a pod's own fields are, for `fieldRef`.
pub(super) fn field(pod: &Pod, ip: &str, path: &str) -> Option<String> {
    let meta = &pod.metadata;
    let keyed = |map: &Option<BTreeMap<String, String>>, rest: &str| {
        let key = rest.strip_prefix("['")?.strip_suffix("']")?;
        Some(
            map.as_ref()
                .and_then(|m| m.get(key))
                .cloned()
                .unwrap_or_default(),
        )
    };
    if let Some(rest) = path.strip_prefix("metadata.labels") {
        if rest.is_empty() {
            return Some(lines(&meta.labels));
        }
        return keyed(&meta.labels, rest);
    }
    if let Some(rest) = path.strip_prefix("metadata.annotations") {
        if rest.is_empty() {
            return Some(lines(&meta.annotations));
        }
        return keyed(&meta.annotations, rest);
    }
    let spec = pod.spec.as_ref();
    match path {
        "metadata.name" => meta.name.clone(),
        "metadata.namespace" => meta.namespace.clone(),
        "metadata.uid" => meta.uid.clone(),
        "spec.nodeName" => spec.and_then(|s| s.node_name.clone()),
        "spec.serviceAccountName" => Some(
            spec.and_then(|s| s.service_account_name.clone())
                .unwrap_or_else(|| "default".to_owned()),
        ),
        "status.podIP" | "status.podIPs" => Some(ip.to_owned()),
        "status.hostIP" | "status.hostIPs" => pod.status.as_ref().and_then(|s| s.host_ip.clone()),
        _ => None,
    }
}

fn lines(map: &Option<BTreeMap<String, String>>) -> String {
    map.iter()
        .flatten()
        .map(|(k, v)| format!("{k}={v:?}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The variables of a container, later ones over earlier ones. The error is the message of a
/// `CreateContainerConfigError`.
pub(super) fn variables(
    context: &Context,
    pod: &Pod,
    ip: &str,
    container: &Container,
    image: &[(String, String)],
) -> Result<Vec<(String, String)>, String> {
    let store = &context.store;
    let mut all: BTreeMap<String, String> = image.iter().cloned().collect();
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let spec = pod.spec.as_ref();
    let links = spec.and_then(|s| s.enable_service_links).unwrap_or(true);
    let services = service_links::variables(context, namespace, links);
    all.extend(services.clone());
    all.insert(
        "HOSTNAME".to_owned(),
        pod.metadata.name.clone().unwrap_or_default(),
    );
    let own = from_whole_objects(store, pod, container, &mut all)?;
    // What a value may refer to: Services, then whole objects, then the variables before it.
    let mut known = services;
    known.extend(own);
    for var in container.env.iter().flatten() {
        let Some(value) = value(store, pod, ip, var, &known)? else {
            continue;
        };
        known.insert(var.name.clone(), value.clone());
        all.insert(var.name.clone(), value);
    }
    Ok(all.into_iter().collect())
}

fn from_whole_objects(
    store: &Store,
    pod: &Pod,
    container: &Container,
    all: &mut BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let mut taken = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        let data = if let Some(wanted) = &source.config_map_ref {
            config_map(store, namespace, &wanted.name, wanted.optional)?
        } else if let Some(wanted) = &source.secret_ref {
            secret(store, namespace, &wanted.name, wanted.optional)?
        } else {
            None
        };
        for (key, value) in data.into_iter().flatten() {
            let value = String::from_utf8_lossy(&value).into_owned();
            taken.insert(format!("{prefix}{key}"), value);
        }
    }
    all.extend(taken.clone());
    Ok(taken)
}

fn value(
    store: &Store,
    pod: &Pod,
    ip: &str,
    var: &EnvVar,
    known: &BTreeMap<String, String>,
) -> Result<Option<String>, String> {
    match &var.value_from {
        None => Ok(Some(expand(
            var.value.as_deref().unwrap_or_default(),
            |name| known.get(name).cloned(),
        ))),
        Some(source) => referenced(store, pod, ip, source),
    }
}

fn referenced(
    store: &Store,
    pod: &Pod,
    ip: &str,
    source: &EnvVarSource,
) -> Result<Option<String>, String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    if let Some(wanted) = &source.field_ref {
        return match field(pod, ip, &wanted.field_path) {
            Some(value) => Ok(Some(value)),
            None => Err(format!("unsupported fieldPath: {}", wanted.field_path)),
        };
    }
    let (data, key, optional, what) = if let Some(wanted) = &source.secret_key_ref {
        let data = secret(store, namespace, &wanted.name, wanted.optional)?;
        (
            data,
            &wanted.key,
            wanted.optional,
            format!("Secret {namespace}/{}", wanted.name),
        )
    } else if let Some(wanted) = &source.config_map_key_ref {
        let data = config_map(store, namespace, &wanted.name, wanted.optional)?;
        (
            data,
            &wanted.key,
            wanted.optional,
            format!("ConfigMap {namespace}/{}", wanted.name),
        )
    } else {
        return Err("the sandbox knows no resourceFieldRef".to_owned());
    };
    match data.and_then(|mut data| data.remove(key)) {
        Some(value) => Ok(Some(String::from_utf8_lossy(&value).into_owned())),
        None if optional == Some(true) => Ok(None),
        None => Err(format!("couldn't find key {key} in {what}")),
    }
}

type Data = BTreeMap<String, Vec<u8>>;

/// The contents of a ConfigMap; None when it is missing and may be.
pub(super) fn config_map(
    store: &Store,
    namespace: &str,
    name: &str,
    optional: Option<bool>,
) -> Result<Option<Data>, String> {
    let found = store.read_opt::<ConfigMap>(namespace, name);
    match found.map_err(|e| e.to_string())? {
        Some(object) => {
            let mut data: Data = object
                .binary_data
                .into_iter()
                .flatten()
                .map(|(k, v)| (k, v.0))
                .collect();
            let text = object.data.into_iter().flatten();
            data.extend(text.map(|(k, v)| (k, v.into_bytes())));
            Ok(Some(data))
        }
        None if optional == Some(true) => Ok(None),
        None => Err(format!("configmap \"{name}\" not found")),
    }
}

/// The contents of a Secret; None when it is missing and may be.
pub(super) fn secret(
    store: &Store,
    namespace: &str,
    name: &str,
    optional: Option<bool>,
) -> Result<Option<Data>, String> {
    let found = store.read_opt::<Secret>(namespace, name);
    match found.map_err(|e| e.to_string())? {
        Some(object) => {
            let data = object.data.into_iter().flatten();
            let mut data: Data = data.map(|(k, v)| (k, v.0)).collect();
            let text = object.string_data.into_iter().flatten();
            data.extend(text.map(|(k, v)| (k, v.into_bytes())));
            Ok(Some(data))
        }
        None if optional == Some(true) => Ok(None),
        None => Err(format!("secret \"{name}\" not found")),
    }
}

/// Replaces `$(NAME)` by its value; unknown names stay as they are, `$$` stands for `$`.
pub(super) fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
            match value(name) {
                Some(value) => out.push_str(&value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_expand_as_kubernetes_documents() {
        let value = |name: &str| (name == "A").then(|| "1".to_owned());
        for (text, expected) in [
            ("$(A)-$(A)", "1-1"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("$A ${A} $(A", "$A ${A} $(A"),
            ("100$", "100$"),
        ] {
            assert_eq!(expand(text, value), expected, "{text}");
        }
    }
}
