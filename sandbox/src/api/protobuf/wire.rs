use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::messages::{Kind, Place, fields, root};

/// Every Kubernetes protobuf body begins with these bytes, then a `runtime.Unknown` message follows.
const MAGIC: &[u8] = b"k8s\0";

/// One field on the wire.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A body as JSON. None: it is broken, or of a kind whose messages are not known here.
pub(in crate::api) fn read(body: &[u8]) -> Option<Value> {
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for (tag, field) in split(body.strip_prefix(MAGIC)?)? {
        match (tag, field) {
            (1, Field::Bytes(meta)) => {
                for (tag, field) in split(meta)? {
                    match (tag, field) {
                        (1, Field::Bytes(b)) => api_version = text(b)?,
                        (2, Field::Bytes(b)) => kind = text(b)?,
                        _ => {}
                    }
                }
            }
            (2, Field::Bytes(b)) => raw = b,
            _ => {}
        }
    }
    let mut object = message(root(&api_version, &kind)?, raw)?;
    object.insert("apiVersion".to_owned(), json!(api_version));
    object.insert("kind".to_owned(), json!(kind));
    Some(Value::Object(object))
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// Takes a message apart into its fields.
fn split(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (field, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Field::Bytes(field)
            }
            // No message that is known here has fixed-width fields.
            _ => return None,
        };
        all.push((key >> 3, field));
    }
    Some(all)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn message(name: &str, bytes: &[u8]) -> Option<Map<String, Value>> {
    let known = fields(name);
    let mut object = Map::new();
    for (tag, field) in split(bytes)? {
        let Some(of) = known.iter().find(|known| known.tag == tag) else {
            continue;
        };
        match (of.place, of.kind) {
            (Place::Inline, Kind::Message(inner)) => {
                let Field::Bytes(bytes) = field else {
                    return None;
                };
                object.extend(message(inner, bytes)?);
            }
            (_, Kind::Texts | Kind::Blobs | Kind::Quantities) => {
                let (key, entry) = pair(of.kind, &field)?;
                object
                    .entry(of.name)
                    .or_insert_with(|| json!({}))
                    .as_object_mut()?
                    .insert(key, entry);
            }
            (Place::List, kind) => {
                let list = object.entry(of.name).or_insert_with(|| json!([]));
                let list = list.as_array_mut()?;
                match (kind, &field) {
                    // Numbers of a list may come in one piece.
                    (Kind::Number, Field::Bytes(packed)) => {
                        let mut rest = *packed;
                        while !rest.is_empty() {
                            list.push(json!(varint(&mut rest)?.cast_signed()));
                        }
                    }
                    _ => list.push(value(kind, &field)?),
                }
            }
            (_, kind) => {
                let value = value(kind, &field)?;
                // Go writes unset strings and times as empty ones.
                if value != "" && !value.is_null() {
                    object.insert(of.name.to_owned(), value);
                }
            }
        }
    }
    Some(object)
}

fn value(kind: Kind, field: &Field<'_>) -> Option<Value> {
    Some(match (kind, field) {
        (Kind::Text, Field::Bytes(b)) => json!(text(b)?),
        (Kind::Flag, Field::Number(n)) => json!(*n != 0),
        (Kind::Number, Field::Number(n)) => json!(n.cast_signed()),
        (Kind::Time, Field::Bytes(b)) => time(b)?,
        (Kind::Quantity, Field::Bytes(b)) => quantity(b)?,
        (Kind::Either, Field::Bytes(b)) => either(b)?,
        (Kind::Message(name), Field::Bytes(b)) => Value::Object(message(name, b)?),
        _ => return None,
    })
}

/// `Quantity`: its text.
fn quantity(bytes: &[u8]) -> Option<Value> {
    let fields = split(bytes)?.into_iter();
    let mut texts = fields.filter_map(|(tag, field)| match (tag, field) {
        (1, Field::Bytes(b)) => text(b),
        _ => None,
    });
    Some(json!(texts.next().unwrap_or_default()))
}

/// `IntOrString`: which of the two it is, the number, the text.
fn either(bytes: &[u8]) -> Option<Value> {
    let (mut is_text, mut number, mut words) = (false, 0, String::new());
    for (tag, field) in split(bytes)? {
        match (tag, field) {
            (1, Field::Number(n)) => is_text = n == 1,
            (2, Field::Number(n)) => number = n.cast_signed(),
            (3, Field::Bytes(b)) => words = text(b)?,
            _ => {}
        }
    }
    Some(if is_text { json!(words) } else { json!(number) })
}

/// `Time`: seconds since 1970.
fn time(bytes: &[u8]) -> Option<Value> {
    let seconds = split(bytes)?
        .into_iter()
        .find_map(|(tag, field)| match (tag, field) {
            (1, Field::Number(n)) => Some(n.cast_signed()),
            _ => None,
        });
    Some(match seconds {
        None => Value::Null,
        Some(seconds) => json!(jiff::Timestamp::from_second(seconds).ok()?.to_string()),
    })
}

/// One entry of a map: key and value are fields 1 and 2.
fn pair(kind: Kind, field: &Field<'_>) -> Option<(String, Value)> {
    let Field::Bytes(bytes) = field else {
        return None;
    };
    let (mut key, mut entry) = (String::new(), &[][..]);
    for (tag, field) in split(bytes)? {
        match (tag, field) {
            (1, Field::Bytes(b)) => key = text(b)?,
            (2, Field::Bytes(b)) => entry = b,
            _ => {}
        }
    }
    let value = match kind {
        Kind::Blobs => json!(STANDARD.encode(entry)),
        Kind::Quantities => quantity(entry)?,
        _ => json!(text(entry)?),
    };
    Some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).expect("short test data");
        [&[tag << 3 | 2, length], bytes].concat()
    }

    #[test]
    fn a_secret_reads_as_json() {
        let meta = [field(1, b"v1"), field(2, b"Secret")].concat();
        let entry = [field(1, b"password"), field(2, b"\xffx")].concat();
        let raw = [
            field(1, &field(1, b"db")),
            field(2, &entry),
            field(3, b"Opaque"),
        ]
        .concat();
        let body = [b"k8s\0".to_vec(), field(1, &meta), field(2, &raw)].concat();
        let wanted = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"password": "/3g="}, "type": "Opaque",
        });
        assert_eq!(read(&body), Some(wanted));
    }

    #[test]
    fn numbers_amounts_and_what_stands_inline_read_as_json() {
        let named = |name: &[u8]| field(1, name);
        let secret = field(6, &named(b"password"));
        let volume = [named(b"v"), field(2, &secret)].concat();
        let limit = field(1, &[named(b"cpu"), field(2, &named(b"100m"))].concat());
        let probe = [
            field(1, &field(3, &field(1, &[8, 0, 16, 0x38]))),
            vec![16, 5],
        ]
        .concat();
        let container = [named(b"c"), field(8, &limit), field(10, &probe)].concat();
        let spec = [field(1, &volume), field(2, &container), vec![32, 30]].concat();
        let meta = [field(1, b"v1"), field(2, b"Pod")].concat();
        let body = [
            b"k8s\0".to_vec(),
            field(1, &meta),
            field(2, &field(2, &spec)),
        ]
        .concat();
        let wanted = json!({"apiVersion": "v1", "kind": "Pod", "spec": {
            "volumes": [{"name": "v", "secret": {"secretName": "password"}}],
            "containers": [{"name": "c", "resources": {"limits": {"cpu": "100m"}},
                "livenessProbe": {"tcpSocket": {"port": 56}, "initialDelaySeconds": 5}}],
            "terminationGracePeriodSeconds": 30}});
        assert_eq!(read(&body), Some(wanted));
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_no_object() {
        for broken in [
            &b"k8s\0"[..],
            b"json",
            b"k8s\0\x0a\x7f",
            b"k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }
}
