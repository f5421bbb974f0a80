//! What a URL asks for: Kubernetes' paths taken apart.

use axum::http::{HeaderMap, Method, Uri, header};
use std::collections::HashMap;

use super::access::Attributes;

/// A request for objects, taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) resource: String,
    pub(super) subresource: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) verb: String,
}

/// How the answer shall look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The object itself.
    Object,
    /// A table for `kubectl get`.
    Table,
    /// Only its metadata.
    Metadata,
}

/// Query parameters, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(HashMap<String, Vec<String>>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let mut map: HashMap<String, Vec<String>> = HashMap::new();
        for pair in uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|p| !p.is_empty())
        {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            map.entry(decode(key)).or_default().push(decode(value));
        }
        Self(map)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .and_then(|v| v.first())
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    pub(super) fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// True for `key`, `key=1` and `key=true`, as Go reads a boolean.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.0
            .get(key)
            .and_then(|v| v.first())
            .is_some_and(|v| matches!(v.as_str(), "1" | "t" | "T" | "true" | "True" | "TRUE"))
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.get(key).and_then(|v| v.parse().ok())
    }

    pub(super) fn dry_run(&self) -> bool {
        self.get("dryRun") == Some("All")
    }
}

/// Percent decoding as in a query string.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = text
            .get(at + 1..at + 3)
            .filter(|_| byte == b'%')
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match (byte, hex) {
            (_, Some(value)) => {
                out.push(value);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Target {
    /// Takes a path like `/api/v1/namespaces/x/pods/y/log` apart; None when it is not one for objects.
    pub(super) fn parse(method: &Method, path: &str, query: &Query) -> Option<Self> {
        let parts: Vec<String> = path
            .split('/')
            .filter(|p| !p.is_empty())
            .map(|p| decode(&p.replace('+', "%2B")))
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            // The namespace object itself, or one of its own subresources.
            ["namespaces"] | ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => {
                ("", rest)
            }
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            rest => ("", rest),
        };
        let (resource, name, subresource) = match rest {
            [resource] => (*resource, "", ""),
            [resource, name] => (*resource, *name, ""),
            [resource, name, subresource] => (*resource, *name, *subresource),
            _ => return None,
        };
        let verb = match (method, name.is_empty()) {
            (&Method::GET | &Method::HEAD, false) => "get",
            (&Method::GET | &Method::HEAD, true) if query.flag("watch") => "watch",
            (&Method::GET | &Method::HEAD, true) => "list",
            (&Method::POST, _) => "create",
            (&Method::PUT, _) => "update",
            (&Method::PATCH, _) => "patch",
            (&Method::DELETE, false) => "delete",
            (&Method::DELETE, true) => "deletecollection",
            _ => "",
        };
        let own = |s: &str| s.to_owned();
        Some(Self {
            group: own(group),
            version: own(version),
            resource: own(resource),
            subresource: own(subresource),
            namespace: own(namespace),
            name: own(name),
            verb: own(verb),
        })
    }

    /// The question to RBAC. For a namespace object RBAC sees the namespace itself.
    pub(super) fn attributes(&self) -> Attributes {
        let own_namespace = self.group.is_empty() && self.resource == "namespaces";
        Attributes {
            verb: self.verb.clone(),
            group: self.group.clone(),
            resource: self.resource.clone(),
            subresource: self.subresource.clone(),
            namespace: if own_namespace {
                self.name.clone()
            } else {
                self.namespace.clone()
            },
            name: self.name.clone(),
            path: String::new(),
        }
    }
}

/// What the `Accept` header asks for; None when it is something that this server can't write.
pub(super) fn form(headers: &HeaderMap) -> Option<Form> {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|a| a.to_str().ok())
        .unwrap_or("*/*");
    accept.split(',').map(str::trim).find_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        if !matches!(media, "application/json" | "*/*" | "application/*" | "") {
            return None;
        }
        let mut shape = None;
        let mut version = None;
        for part in parts {
            match part.split_once('=') {
                Some(("as", value)) => shape = Some(value),
                Some(("v", value)) => version = Some(value),
                _ => {}
            }
        }
        match (shape, version) {
            (None, _) => Some(Form::Object),
            (Some("Table"), Some("v1")) => Some(Form::Table),
            (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), Some("v1")) => {
                Some(Form::Metadata)
            }
            _ => None,
        }
    })
}
