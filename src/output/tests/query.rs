//! `pgctl query` as a document.

use serde_json::{Value, json};

use super::holds;
use crate::cluster::fixture::{self, PRIMARY, replica};
use crate::cluster::{
    NoAnswer, PodAnswer, QueryAnswer, QueryColumn, QueryColumnKind, QueryCut, Role,
};
use crate::output::{Format, QueryResultDocument, encode};

fn columns() -> Vec<QueryColumn> {
    let column = |name: &str, type_name: &str, kind| QueryColumn {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        kind,
    };
    vec![
        column("n", "int8", QueryColumnKind::Integer),
        // A name may stand twice, and be anything.
        column("n", "numeric", QueryColumnKind::Number),
        column("", "bool", QueryColumnKind::Boolean),
        column("\u{1b}[2J", "jsonb", QueryColumnKind::Json),
        column("t", "_text", QueryColumnKind::Text),
    ]
}

fn row(cells: [Option<&str>; 5]) -> Vec<Option<String>> {
    cells.map(|it| it.map(str::to_owned)).to_vec()
}

fn answers() -> Vec<PodAnswer<QueryAnswer>> {
    let of = |pod: String, role, answer| PodAnswer { pod, role, answer };
    let all = QueryAnswer {
        columns: columns(),
        rows: vec![
            row([
                Some("9223372036854775807"),
                Some("NaN"),
                Some("t"),
                Some("{\"a\": [1, null]}"),
                Some("{a,\u{1b}]0;x\u{7}\u{9b}}"),
            ]),
            row([None; 5]),
            // What is none of its kind is not made one.
            row([Some("?"), Some("1e999"), Some("f"), Some("{"), Some("")]),
        ],
        count: Some(3),
        cut: None,
    };
    let first = |cut| QueryAnswer {
        count: None,
        cut: Some(cut),
        ..all.clone()
    };
    let mut answers = vec![of(PRIMARY.to_owned(), Role::Primary, Ok(all.clone()))];
    let others = [
        Ok(first(QueryCut::Rows)),
        Ok(first(QueryCut::Bytes)),
        Ok(QueryAnswer {
            columns: columns(),
            count: Some(0),
            ..QueryAnswer::default()
        }),
        // A statement that gives no rows, and says nothing.
        Ok(QueryAnswer::default()),
        Err(NoAnswer::Silent("no answer\u{1b}[2J".to_owned())),
        Err(NoAnswer::NotRunning),
    ];
    for (number, answer) in (0..).zip(others) {
        answers.push(of(replica(number), Role::Standby, answer));
    }
    answers
}

#[test]
fn what_servers_answer_is_a_document_by_its_schema_and_loses_nothing()
-> Result<(), Box<dyn std::error::Error>> {
    let cluster = fixture::healthy(1).cluster;
    let document = QueryResultDocument::new(&cluster, "shop \u{1b}[2J", &answers());
    let text = encode(&document, Format::Json);
    holds("query-result.json", &text)?;
    for text in [&text, &encode(&document, Format::Yaml)] {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{text:?}");
    }
    let told: Value = serde_json::from_str(&text)?;
    assert_eq!(told["database"], "shop \u{1b}[2J");
    let servers = told["servers"].as_array().ok_or("no servers")?;
    let rows = json!([
        [
            i64::MAX,
            "NaN",
            true,
            {"a": [1, null]},
            "{a,\u{1b}]0;x\u{7}\u{9b}}"
        ],
        [null, null, null, null, null],
        ["?", "1e999", false, "{", ""],
    ]);
    for (server, count, cut) in [
        (0, json!(3), json!(null)),
        (1, json!(null), json!("rows")),
        (2, json!(null), json!("bytes")),
    ] {
        let answer = &servers[server]["answer"];
        assert_eq!(answer["rows"], rows);
        assert_eq!((&answer["count"], &answer["cut"]), (&count, &cut));
    }
    let names = servers[0]["answer"]["columns"].as_array();
    let names: Vec<&Value> = names.into_iter().flatten().map(|it| &it["name"]).collect();
    assert_eq!(names, ["n", "n", "", "\u{1b}[2J", "t"]);
    // No rows is an answer, and no answer is none.
    assert_eq!(servers[3]["answer"]["rows"], json!([]));
    assert_eq!(servers[4]["answer"]["columns"], json!([]));
    for silent in &servers[5..] {
        assert_eq!(silent["answer"], Value::Null);
        assert!(silent["error"].is_string(), "{silent}");
    }
    Ok(())
}
