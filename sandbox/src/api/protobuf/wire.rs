use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::messages::{Kind, fields, root};

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
        let Some((_, name, kind)) = known.iter().find(|(number, _, _)| *number == tag) else {
            continue;
        };
        match kind {
            Kind::List(item) => {
                let list = object.entry(*name).or_insert_with(|| json!([]));
                list.as_array_mut()?.push(value(item, &field)?);
            }
            Kind::Texts | Kind::Blobs => {
                let (key, entry) = pair(kind, &field)?;
                object
                    .entry(*name)
                    .or_insert_with(|| json!({}))
                    .as_object_mut()?
                    .insert(key, entry);
            }
            kind => {
                let value = value(kind, &field)?;
                // Go writes unset strings and times as empty ones.
                if value != "" && !value.is_null() {
                    object.insert((*name).to_owned(), value);
                }
            }
        }
    }
    Some(object)
}

fn value(kind: &Kind, field: &Field<'_>) -> Option<Value> {
    Some(match (kind, field) {
        (Kind::Text, Field::Bytes(b)) => json!(text(b)?),
        (Kind::Flag, Field::Number(n)) => json!(*n != 0),
        (Kind::Number, Field::Number(n)) => json!(n.cast_signed()),
        (Kind::Time, Field::Bytes(b)) => time(b)?,
        (Kind::Message(name), Field::Bytes(b)) => Value::Object(message(name, b)?),
        _ => return None,
    })
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
fn pair(kind: &Kind, field: &Field<'_>) -> Option<(String, Value)> {
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
    let value = if matches!(kind, Kind::Blobs) {
        json!(STANDARD.encode(entry))
    } else {
        json!(text(entry)?)
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
