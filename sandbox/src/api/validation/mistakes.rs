//! What is wrong with an object, gathered.

use serde_json::Value;

use crate::store::Cause;

/// The mistakes found so far.
#[derive(Default)]
pub(super) struct Mistakes(pub(super) Vec<Cause>);

impl Mistakes {
    pub(super) fn add(
        &mut self,
        field: impl Into<String>,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.0.push(Cause {
            field: field.into(),
            reason,
            message: message.into(),
        });
    }

    pub(super) fn invalid(&mut self, field: impl Into<String>, value: &Value, why: &str) {
        self.add(
            field,
            "FieldValueInvalid",
            format!("Invalid value: {value}: {why}"),
        );
    }

    pub(super) fn required(&mut self, field: impl Into<String>, why: &str) {
        self.add(
            field,
            "FieldValueRequired",
            if why.is_empty() {
                "Required value".to_owned()
            } else {
                format!("Required value: {why}")
            },
        );
    }

    pub(super) fn immutable(&mut self, field: &str, old: &Value, new: &Value, pointer: &str) {
        let (old, new) = (old.pointer(pointer), new.pointer(pointer));
        if old.is_some_and(|o| !o.is_null()) && old != new {
            self.invalid(field, new.unwrap_or(&Value::Null), "field is immutable");
        }
    }
}
