//! Documents as scripts read them: each is what its published schema says.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result, ensure};
use jsonschema::Validator;
use serde_json::Value;

thread_local! {
    static VALIDATORS: RefCell<HashMap<String, Rc<Validator>>> = RefCell::default();
}

/// What `pgctl` has printed, and every JSON text that is a document of its own: it has a schema, and holds to it.
pub(crate) fn document(text: &str) -> Result<Value> {
    let document: Value = serde_json::from_str(text).with_context(|| format!("no JSON: {text}"))?;
    let kind = document["kind"].as_str();
    let kind = kind.with_context(|| format!("no kind: {document:#}"))?;
    let wrong: Vec<String> = validator(kind)?
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    ensure!(
        wrong.is_empty(),
        "it is no {kind} by its schema: {wrong:#?}\n{document:#}"
    );
    Ok(document)
}

fn validator(kind: &str) -> Result<Rc<Validator>> {
    if let Some(known) = VALIDATORS.with_borrow(|all| all.get(kind).cloned()) {
        return Ok(known);
    }
    let (file, schema) = schema(kind)?;
    let options = jsonschema::options().with_base_uri(format!("file://{}", file.display()));
    let validator = Rc::new(options.build(&schema)?);
    VALIDATORS.with_borrow_mut(|all| all.insert(kind.to_owned(), Rc::clone(&validator)));
    Ok(validator)
}

fn schema(kind: &str) -> Result<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
        if schema["properties"]["kind"]["const"] == kind {
            return Ok((file, schema));
        }
    }
    anyhow::bail!("docs/schema has none for {kind}")
}
