//! Label and field selectors, in the syntax of `kubectl -l` and `--field-selector`.

use serde_json::Value;
use std::collections::BTreeMap;
use std::str::FromStr;

use super::StoreError;

/// Why a selector can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub String);

impl From<SelectorError> for StoreError {
    fn from(error: SelectorError) -> Self {
        Self::Malformed(error.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
    Greater(String, i64),
    Less(String, i64),
}

/// A label selector: equality and set based. Empty matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    rules: Vec<Rule>,
}

impl LabelSelector {
    /// The selector of a map of labels that must all be there.
    #[must_use]
    pub fn from_labels(labels: &BTreeMap<String, String>) -> Self {
        Self {
            rules: labels
                .iter()
                .map(|(k, v)| Rule::In(k.clone(), vec![v.clone()]))
                .collect(),
        }
    }

    /// The selector of an object's `matchLabels` and `matchExpressions`.
    ///
    /// # Errors
    /// When an operator is unknown.
    pub fn from_object(
        selector: &k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector,
    ) -> Result<Self, SelectorError> {
        let mut rules = selector
            .match_labels
            .as_ref()
            .map(Self::from_labels)
            .unwrap_or_default()
            .rules;
        for e in selector.match_expressions.iter().flatten() {
            let values = e.values.clone().unwrap_or_default();
            rules.push(match e.operator.as_str() {
                "In" => Rule::In(e.key.clone(), values),
                "NotIn" => Rule::NotIn(e.key.clone(), values),
                "Exists" => Rule::Exists(e.key.clone()),
                "DoesNotExist" => Rule::Missing(e.key.clone()),
                other => {
                    return Err(SelectorError(format!(
                        "\"{other}\" is not a valid label selector operator"
                    )));
                }
            });
        }
        Ok(Self { rules })
    }

    /// True when these labels match.
    #[must_use]
    pub fn matches(&self, labels: Option<&serde_json::Map<String, Value>>) -> bool {
        let get = |key: &str| labels.and_then(|l| l.get(key)).and_then(Value::as_str);
        self.rules.iter().all(|rule| match rule {
            Rule::In(key, values) => get(key).is_some_and(|v| values.iter().any(|x| x == v)),
            Rule::NotIn(key, values) => get(key).is_none_or(|v| !values.iter().any(|x| x == v)),
            Rule::Exists(key) => get(key).is_some(),
            Rule::Missing(key) => get(key).is_none(),
            Rule::Greater(key, n) => get(key)
                .and_then(|v| v.parse::<i64>().ok())
                .is_some_and(|v| v > *n),
            Rule::Less(key, n) => get(key)
                .and_then(|v| v.parse::<i64>().ok())
                .is_some_and(|v| v < *n),
        })
    }

    /// True when this typed label map matches.
    #[must_use]
    pub fn matches_labels(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        let map = labels.map(|l| {
            l.iter()
                .map(|(k, v)| (k.clone(), Value::String(v.clone())))
                .collect()
        });
        self.matches(map.as_ref())
    }

    /// True when it matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl FromStr for LabelSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        split(text)
            .into_iter()
            .map(|part| rule(&part))
            .collect::<Result<_, _>>()
            .map(|rules| Self { rules })
    }
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_i32;
    for c in text.chars() {
        match c {
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
        .into_iter()
        .map(|p| p.trim().to_owned())
        .filter(|p| !p.is_empty())
        .collect()
}

fn rule(part: &str) -> Result<Rule, SelectorError> {
    let bad = || {
        SelectorError(format!(
            "unable to parse requirement: found '{part}', expected: identifier, =, !=, ==, in, notin, <, >"
        ))
    };
    let key = |k: &str| {
        let k = k.trim();
        let valid = !k.is_empty()
            && k.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        if valid { Ok(k.to_owned()) } else { Err(bad()) }
    };
    let value = |v: &str| {
        let v = v.trim();
        let valid = v
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && v.len() <= 63;
        if valid { Ok(v.to_owned()) } else { Err(bad()) }
    };
    if let Some(rest) = part.strip_prefix('!') {
        return Ok(Rule::Missing(key(rest)?));
    }
    if let Some((head, set)) = part.strip_suffix(')').and_then(|p| p.split_once('(')) {
        let values = set.split(',').map(value).collect::<Result<Vec<_>, _>>()?;
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(k), Some("in"), None) => Ok(Rule::In(key(k)?, values)),
            (Some(k), Some("notin"), None) => Ok(Rule::NotIn(key(k)?, values)),
            _ => Err(bad()),
        };
    }
    let number = |v: &str| v.trim().parse::<i64>().map_err(|_| bad());
    if let Some((k, v)) = part.split_once("!=") {
        return Ok(Rule::NotIn(key(k)?, vec![value(v)?]));
    }
    if let Some((k, v)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok(Rule::In(key(k)?, vec![value(v)?]));
    }
    if let Some((k, v)) = part.split_once('>') {
        return Ok(Rule::Greater(key(k)?, number(v)?));
    }
    if let Some((k, v)) = part.split_once('<') {
        return Ok(Rule::Less(key(k)?, number(v)?));
    }
    Ok(Rule::Exists(key(part)?))
}

/// A field selector: `path=value` and `path!=value`. Empty matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    rules: Vec<(String, String, bool)>,
}

impl FieldSelector {
    /// The paths that are asked for, to check them against what the kind supports.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|(path, _, _)| path.as_str())
    }

    /// True when the object's fields match.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.rules.iter().all(|(path, wanted, equal)| {
            let found = object.pointer(&format!("/{}", path.replace('.', "/")));
            let found = match found {
                Some(Value::String(s)) => s.clone(),
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            };
            (found == *wanted) == *equal
        })
    }
}

impl FromStr for FieldSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let parse = |part: &str| {
            let (path, value, equal) = part
                .split_once("!=")
                .map(|(p, v)| (p, v, false))
                .or_else(|| {
                    part.split_once("==")
                        .or_else(|| part.split_once('='))
                        .map(|(p, v)| (p, v, true))
                })
                .ok_or_else(|| {
                    SelectorError(format!(
                        "invalid selector: '{text}'; can't understand '{part}'"
                    ))
                })?;
            Ok((path.trim().to_owned(), value.trim().to_owned(), equal))
        };
        text.split(',')
            .map(str::trim)
            .filter(|p| !p.is_empty())
            .map(parse)
            .collect::<Result<_, _>>()
            .map(|rules| Self { rules })
    }
}

/// Which objects of a kind are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// By label.
    pub labels: LabelSelector,
    /// By field.
    pub fields: FieldSelector,
}

impl Selector {
    /// Matches everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// The objects that carry all of these labels.
    #[must_use]
    pub fn labels(labels: &BTreeMap<String, String>) -> Self {
        Self {
            labels: LabelSelector::from_labels(labels),
            ..Self::default()
        }
    }

    /// The object with this name.
    #[must_use]
    pub fn name(name: &str) -> Self {
        let fields = FieldSelector {
            rules: vec![("metadata.name".to_owned(), name.to_owned(), true)],
        };
        Self {
            fields,
            ..Self::default()
        }
    }

    /// True when the object matches both.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.labels.matches(
            object
                .pointer("/metadata/labels")
                .and_then(Value::as_object),
        ) && self.fields.matches(object)
    }

    /// True when an event of this object before/after matters: used for watches with selectors.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.rules.is_empty()
    }
}
