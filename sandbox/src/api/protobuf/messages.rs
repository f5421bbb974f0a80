//! The messages that kubectl's typed commands send (`create job`, `create role`, `auth can-i`, `drain`, …): `messages.txt` read.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The table, as a text that is easily made from the `generated.proto` files.
const TABLE: &str = include_str!("messages.txt");

/// How a field is encoded and how it reads in JSON.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Flag,
    Number,
    Time,
    /// An amount such as `500m`.
    Quantity,
    /// A number or a text.
    Either,
    Texts,
    Blobs,
    Quantities,
    Message(&'static str),
}

/// How a field stands in its message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    One,
    List,
    /// Its own fields stand among those of the message.
    Inline,
}

/// One field of a message.
pub(super) struct Field {
    pub(super) tag: u64,
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) kind: Kind,
}

static MESSAGES: LazyLock<HashMap<&'static str, Vec<Field>>> = LazyLock::new(|| {
    let mut messages = HashMap::new();
    let parts = TABLE.split("\n\n").map(|part| {
        let mut lines = part.lines().filter(|line| !line.starts_with('#'));
        (
            lines.by_ref().find(|line| !line.is_empty()),
            lines.collect::<Vec<_>>(),
        )
    });
    for (name, lines) in parts {
        if let Some(name) = name {
            messages.insert(name, lines.into_iter().filter_map(field).collect());
        }
    }
    messages
});

fn field(line: &'static str) -> Option<Field> {
    let mut words = line.split(' ');
    let (tag, name, kind) = (words.next()?, words.next()?, words.next()?);
    let (place, kind) = match kind.split_at_checked(1)? {
        ("*", kind) => (Place::List, kind),
        ("=", kind) => (Place::Inline, kind),
        _ => (Place::One, kind),
    };
    let kind = match kind {
        "text" => Kind::Text,
        "flag" => Kind::Flag,
        "number" => Kind::Number,
        "time" => Kind::Time,
        "quantity" => Kind::Quantity,
        "either" => Kind::Either,
        "texts" => Kind::Texts,
        "blobs" => Kind::Blobs,
        "quantities" => Kind::Quantities,
        message => Kind::Message(message),
    };
    Some(Field {
        tag: tag.parse().ok()?,
        name,
        place,
        kind,
    })
}

/// The message of an object kind.
pub(super) fn root(api_version: &str, kind: &str) -> Option<&'static str> {
    let package = match api_version {
        "v1" => "core",
        "apps/v1" => "apps",
        "batch/v1" => "batch",
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
    let name = format!("{package}.{kind}");
    MESSAGES.get_key_value(name.as_str()).map(|(name, _)| *name)
}

/// The fields of a message.
pub(super) fn fields(message: &str) -> &'static [Field] {
    MESSAGES.get(message).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_that_a_field_has_is_known() {
        assert!(MESSAGES.len() > 100, "{}", MESSAGES.len());
        for (name, fields) in MESSAGES.iter() {
            for field in fields {
                if let Kind::Message(inner) = field.kind {
                    assert!(
                        MESSAGES.contains_key(inner),
                        "{name}.{}: {inner}",
                        field.name
                    );
                }
            }
        }
    }
}
