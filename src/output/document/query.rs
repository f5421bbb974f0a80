//! `kind: QueryResult`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::API_VERSION;
use super::answers::ServerAnswer;
use super::fleet::UnreachedDocument;
use super::numbers::{number, with_exact_numbers};
use super::status::ClusterDocument;
use crate::cluster::{ClusterId, PodAnswer, QueryAnswer, QueryColumnKind, QueryCut};
use crate::output::{ClusterAnswers, FleetView};

/// What each server has answered to a statement (`pgctl query -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "QueryResult", deny_unknown_fields)]
pub struct QueryResultDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `QueryResult`.
    #[schemars(extend("const" = "QueryResult"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// The database that was asked.
    database: String,
    /// The servers that were asked, the primary first.
    servers: Vec<ServerAnswer<QueryAnswerDocument>>,
}

/// What the servers of many clusters have answered to a statement (`pgctl query -A -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "QueryResultList", deny_unknown_fields)]
pub struct QueryResultListDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `QueryResultList`.
    #[schemars(extend("const" = "QueryResultList"))]
    kind: &'static str,
    /// The database that was asked on each server.
    database: String,
    /// By context, namespace and name.
    items: Vec<ClusterAnswersDocument>,
    /// The contexts that could not be looked at: nobody was asked there.
    unreached: Vec<UnreachedDocument>,
}

/// The answers of one cluster of many.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ClusterAnswersDocument {
    /// The context of the kubeconfig; `null` when only one was looked at.
    context: Option<String>,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// Why nobody can say which servers are meant (none, or several, answer as the primary); `null` when
    /// that is known.
    error: Option<String>,
    /// The servers that were asked, the primary first.
    servers: Vec<ServerAnswer<QueryAnswerDocument>>,
}

/// Rows.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct QueryAnswerDocument {
    /// The columns; a name may stand twice.
    columns: Vec<ColumnDocument>,
    /// The rows, each with a value for each column: NULL is null, integers, booleans and JSON are as such.
    /// Of `real`, `double precision` and `numeric`, and within JSON, a number where an integer of 64 bits or
    /// a double holds all its digits, and otherwise a string; anything else is a string, as PostgreSQL
    /// writes it.
    rows: Vec<Vec<Value>>,
    /// How many rows the statement has given or changed, as the server says; null when more came than were
    /// taken.
    count: Option<u64>,
    /// Why there are more rows than these: `rows` (`--max-rows`) or `bytes` (32 MiB); null when these are all.
    cut: Option<&'static str>,
}

/// A column.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ColumnDocument {
    /// Its name.
    name: String,
    /// The server's name of its type: `int8`, `text`, `_text`.
    #[serde(rename = "type")]
    type_name: String,
}

impl QueryResultDocument {
    /// Of the servers of a cluster.
    pub fn new(cluster: &ClusterId, database: &str, answers: &[PodAnswer<QueryAnswer>]) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "QueryResult",
            cluster: ClusterDocument::from(cluster),
            database: database.to_owned(),
            servers: ServerAnswer::list(answers, QueryAnswerDocument::from),
        }
    }
}

impl QueryResultListDocument {
    /// Of the servers of many clusters.
    pub fn new(database: &str, fleet: &FleetView<'_, &ClusterAnswers>) -> Self {
        let item = |(context, it): &(Option<&str>, &ClusterAnswers)| ClusterAnswersDocument {
            context: context.map(str::to_owned),
            cluster: (&it.cluster).into(),
            error: it.answers.as_ref().err().map(ToString::to_string),
            servers: ServerAnswer::list(
                it.answers.as_deref().unwrap_or_default(),
                QueryAnswerDocument::from,
            ),
        };
        Self {
            api_version: API_VERSION,
            kind: "QueryResultList",
            database: database.to_owned(),
            items: fleet.clusters.iter().map(item).collect(),
            unreached: fleet.unreached.iter().map(Into::into).collect(),
        }
    }
}

impl From<&QueryAnswer> for QueryAnswerDocument {
    fn from(answer: &QueryAnswer) -> Self {
        let row = |row: &Vec<Option<String>>| {
            let kinds = answer.columns.iter().map(|it| it.kind);
            let values = row.iter().zip(kinds);
            values
                .map(|(text, kind)| value(text.as_deref(), kind))
                .collect()
        };
        Self {
            columns: answer
                .columns
                .iter()
                .map(|it| ColumnDocument {
                    name: it.name.clone(),
                    type_name: it.type_name.clone(),
                })
                .collect(),
            rows: answer.rows.iter().map(row).collect(),
            count: answer.count,
            cut: answer.cut.map(|it| match it {
                QueryCut::Rows => "rows",
                QueryCut::Bytes => "bytes",
            }),
        }
    }
}

fn value(text: Option<&str>, kind: QueryColumnKind) -> Value {
    let Some(text) = text else { return Value::Null };
    let as_it_is = || Value::String(text.to_owned());
    match kind {
        QueryColumnKind::Text => as_it_is(),
        QueryColumnKind::Boolean => Value::Bool(text == "t"),
        // What JSON does not have, and what would lose digits, stays text.
        QueryColumnKind::Integer | QueryColumnKind::Number => number(text).unwrap_or_else(as_it_is),
        QueryColumnKind::Json => {
            serde_json::from_str(&with_exact_numbers(text)).unwrap_or_else(|_| as_it_is())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_what_they_are_and_lose_nothing() {
        for (text, kind, expected) in [
            (
                "9007199254740993",
                QueryColumnKind::Integer,
                json!(9007199254740993_i64),
            ),
            ("0.5", QueryColumnKind::Number, json!(0.5)),
            ("NaN", QueryColumnKind::Number, json!("NaN")),
            (
                "1234567890123456.78901",
                QueryColumnKind::Number,
                json!("1234567890123456.78901"),
            ),
            (
                "9007199254740993",
                QueryColumnKind::Number,
                json!(9007199254740993_i64),
            ),
            (
                "9007199254740993.5",
                QueryColumnKind::Number,
                json!("9007199254740993.5"),
            ),
            ("4711", QueryColumnKind::Number, json!(4711)),
            ("t", QueryColumnKind::Boolean, json!(true)),
            (
                "{\"a\": [12345678901234567890123, 0.5], \"1.23456789012345678\": 1}",
                QueryColumnKind::Json,
                json!({"a": ["12345678901234567890123", 0.5], "1.23456789012345678": 1}),
            ),
            ("{\"a\":1}", QueryColumnKind::Json, json!({"a": 1})),
            ("null", QueryColumnKind::Json, json!(null)),
            ("{1,2}", QueryColumnKind::Text, json!("{1,2}")),
        ] {
            assert_eq!(value(Some(text), kind), expected, "{text}");
        }
        assert_eq!(value(None, QueryColumnKind::Text), json!(null));
    }
}
