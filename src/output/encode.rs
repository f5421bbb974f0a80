//! Documents as JSON or YAML.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Value;

use super::field::Field;
use super::plain::{JsonSafe, json_safe, plain};

/// How a result is wanted (`-o`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with every column.
    Wide,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
    /// The values of one field of the document, one a line.
    Value(&'static Field),
}

impl Format {
    /// Whether scripts read it.
    pub fn is_document(self) -> bool {
        matches!(self, Self::Json | Self::Yaml | Self::Value(_))
    }
}

/// Why encoding can't fail.
const ENCODABLE: &str = "documents have string keys only";

/// Encodes a document, with a line break at the end. `format` must be one for documents.
pub fn encode(document: &impl Serialize, format: Format) -> String {
    match format {
        Format::Yaml => {
            let value = printable(to_value(document));
            let text = serde_saphyr::to_string(&value).expect("a JSON value has a YAML form");
            // Documents may follow each other.
            format!("---\n{}\n", text.trim_end())
        }
        Format::Value(field) => field.lines(document),
        Format::Json | Format::Table | Format::Wide => line(serde_json::to_string_pretty(document)),
    }
}

/// Writes what [`encode`] makes of a document with [`Format::Json`]. It is nowhere as a whole: it may be of a thousand clusters.
///
/// # Errors
/// As the writer's.
pub fn write_json(document: &impl Serialize, writer: impl Write) -> io::Result<()> {
    let mut writer = JsonSafe(BufWriter::new(writer));
    serde_json::to_writer_pretty(&mut writer, document)?;
    writer.write_all(b"\n")?;
    writer.flush()
}

/// Encodes a document as one line (`-w -o json`).
pub fn encode_line(document: &impl Serialize) -> String {
    line(serde_json::to_string(document))
}

fn line(encoded: serde_json::Result<String>) -> String {
    let mut text = json_safe(&encoded.expect(ENCODABLE)).into_owned();
    text.push('\n');
    text
}

/// Encodes a document that others may follow: JSON is a line, YAML says itself where one begins.
pub fn encode_next(document: &impl Serialize, format: Format) -> String {
    match format {
        Format::Json => encode_line(document),
        Format::Yaml | Format::Value(_) | Format::Table | Format::Wide => encode(document, format),
    }
}

fn to_value(document: &impl Serialize) -> Value {
    serde_json::to_value(document).expect(ENCODABLE)
}

/// YAML writers leave some control characters as they are; a document on a terminal must not
/// drive it.
fn printable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(plain(&text)),
        Value::Array(items) => items.into_iter().map(printable).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, printable(value)))
            .collect(),
        other => other,
    }
}
