use serde_json::Value;

use super::mistakes::Mistakes;
use crate::store::{Resource, text};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
     and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an \
     alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SERVICE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, \
     and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start \
     and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
     '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn is_label(text: &str) -> bool {
    let inner = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    !text.is_empty() && inner && !text.starts_with('-') && !text.ends_with('-')
}

fn is_qualified(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && ends(text.chars().next())
        && ends(text.chars().last())
}

pub(super) fn check(resource: &Resource, object: &Value, found: &mut Mistakes) {
    let name = text(object, "/metadata/name");
    let wrong = match resource.plural {
        _ if name.is_empty() => None,
        "namespaces" => (!is_label(name) || name.len() > 63).then_some(LABEL),
        "services" => {
            (!is_label(name) || name.len() > 63 || name.starts_with(|c: char| c.is_ascii_digit()))
                .then_some(SERVICE)
        }
        "roles" | "rolebindings" | "clusterroles" | "clusterrolebindings" => {
            (name.contains(['/', '%']) || name == "." || name == "..")
                .then_some("may not contain '/' or '%'")
        }
        _ => (name.len() > 253 || !name.split('.').all(is_label)).then_some(SUBDOMAIN),
    };
    if let Some(why) = wrong {
        found.invalid("metadata.name", &name.into(), why);
    }
    for field in ["labels", "annotations"] {
        let map = object
            .pointer(&format!("/metadata/{field}"))
            .and_then(Value::as_object);
        for (key, value) in map.into_iter().flatten() {
            let (prefix, short) = key
                .split_once('/')
                .map_or((None, key.as_str()), |(p, s)| (Some(p), s));
            if !is_qualified(short)
                || prefix
                    .is_some_and(|p| p.len() > 253 || !p.to_lowercase().split('.').all(is_label))
            {
                let why = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                           alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                           '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
                found.invalid(format!("metadata.{field}"), &key.clone().into(), why);
            }
            let value = value.as_str().unwrap_or_default();
            if field == "labels" && !value.is_empty() && !is_qualified(value) {
                found.invalid("metadata.labels", &value.into(), LABEL_VALUE);
            }
        }
    }
}
