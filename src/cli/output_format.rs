//! `-o`: how to print the result.

use std::ffi::OsStr;

use clap::Command;
use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use crate::output::Field;

/// How to print the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputFormat {
    /// For people.
    Table,
    /// For people, with more columns.
    Wide,
    /// JSON (docs/output.md).
    Json,
    /// YAML, the same data.
    Yaml,
    /// The values of one field of the document, one a line.
    Value(Field),
}

/// What can be typed, with what it means.
const FORMATS: [(&str, &str); 5] = [
    ("table", "For people"),
    ("wide", "For people, with more columns"),
    ("json", "JSON (docs/output.md)"),
    ("yaml", "YAML, the same data"),
    (
        "value=FIELD",
        "One field of the JSON document, such as value=kind; of status, value=instances[].pod",
    ),
];

/// Reads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutputFormatParser;

impl TypedValueParser for OutputFormatParser {
    type Value = OutputFormat;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<OutputFormat, Error> {
        let given = value.to_string_lossy();
        let failed = |kind: ErrorKind| {
            let mut error = Error::new(kind).with_cmd(command);
            if let Some(argument) = argument {
                let name = ContextValue::String(argument.to_string());
                error.insert(ContextKind::InvalidArg, name);
            }
            error.insert(
                ContextKind::InvalidValue,
                ContextValue::String(given.clone().into_owned()),
            );
            error
        };
        match given.as_ref() {
            "table" => Ok(OutputFormat::Table),
            "wide" => Ok(OutputFormat::Wide),
            "json" => Ok(OutputFormat::Json),
            "yaml" => Ok(OutputFormat::Yaml),
            other => match other.strip_prefix("value=") {
                Some(field) => field.parse().map(OutputFormat::Value).map_err(|why| {
                    let text = format!("'{given}' names no field: {why}");
                    Error::raw(ErrorKind::ValueValidation, text + "\n").with_cmd(command)
                }),
                None => {
                    let mut error = failed(ErrorKind::InvalidValue);
                    let all = FORMATS.map(|(name, _)| name.to_owned()).to_vec();
                    error.insert(ContextKind::ValidValue, ContextValue::Strings(all));
                    Err(error)
                }
            },
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let all = FORMATS.map(|(name, help)| PossibleValue::new(name).help(help));
        Some(Box::new(all.into_iter()))
    }
}
