use serde_json::{Value, json};

use super::columns::{Column, columns};
use crate::api::response::metadata_only;
use crate::store::Resource;

/// The Table of these objects. `include` is what each row carries of its object (`Object`, `None`, else its metadata).
pub(in crate::api) fn of<'a>(
    resource: &Resource,
    objects: impl IntoIterator<Item = &'a Value>,
    include: &str,
    headers: bool,
) -> Value {
    let columns = columns(resource);
    let rows: Vec<Value> = objects
        .into_iter()
        .map(|object| {
            let cells: Vec<Value> = columns.iter().map(|c| (c.cell)(object)).collect();
            let mut row = json!({"cells": cells});
            match include {
                "None" => {}
                "Object" => row["object"] = object.clone(),
                _ => row["object"] = metadata_only(object),
            }
            row
        })
        .collect();
    let definitions: Value = if headers {
        columns.iter().map(definition).collect()
    } else {
        Value::Null
    };
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": definitions, "rows": rows})
}

fn definition(column: &Column) -> Value {
    let format = if column.name == "Name" { "name" } else { "" };
    json!({"name": column.name, "type": column.kind, "format": format, "description": "", "priority": column.priority})
}
