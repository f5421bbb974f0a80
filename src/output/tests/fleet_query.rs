//! `pgctl query -A`.

use super::{holds, screen};
use crate::cluster::{
    ClusterId, NoAnswer, PodAnswer, QueryAnswer, QueryColumn, QueryColumnKind, Role,
};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{
    ClusterAnswers, FleetView, Format, QueryResultListDocument, encode, fleet_query_csv,
    fleet_query_screen,
};

fn answer(version: &str) -> QueryAnswer {
    let column = |name: &str, kind| QueryColumn {
        name: name.to_owned(),
        type_name: "text".to_owned(),
        kind,
    };
    QueryAnswer {
        columns: vec![
            column("version", QueryColumnKind::Text),
            column("sessions", QueryColumnKind::Integer),
        ],
        rows: vec![vec![Some(version.to_owned()), Some("12".to_owned())]],
        ..QueryAnswer::default()
    }
}

fn clusters() -> Vec<ClusterAnswers> {
    let id = |namespace: &str| ClusterId {
        namespace: namespace.to_owned(),
        name: "shop".to_owned(),
    };
    let of = |pod: &str, role, answer| PodAnswer {
        pod: pod.to_owned(),
        role,
        answer,
    };
    let silent = NoAnswer::Silent("no answer within 10 s".to_owned());
    vec![
        ClusterAnswers {
            cluster: id("team-0"),
            answers: Ok(vec![
                of("shop-postgres-primary-0", Role::Primary, Ok(answer("17.6"))),
                of("shop-postgres-replica-0", Role::Standby, Ok(answer("17.6"))),
                of("shop-postgres-replica-1", Role::Unknown, Err(silent)),
            ]),
        },
        ClusterAnswers {
            cluster: id("team-1 \u{1b}[31m"),
            answers: Ok(vec![
                of(
                    "shop-postgres-primary-0",
                    Role::Primary,
                    Ok(answer("16.10 \u{9b}2J")),
                ),
                of(
                    "shop-postgres-replica-0",
                    Role::Standby,
                    Ok(QueryAnswer {
                        rows: Vec::new(),
                        ..answer("16.10")
                    }),
                ),
            ]),
        },
        ClusterAnswers {
            cluster: id("team-2"),
            answers: Err(Failure::new(
                ExitCode::Unreachable,
                "no pod answers as the primary",
            )),
        },
    ]
}

#[test]
fn each_row_says_its_cluster_and_its_instance() -> Result<(), Box<dyn std::error::Error>> {
    let clusters = clusters();
    let silent = Failure::new(ExitCode::Unreachable, "https://10.0.0.1 does not answer");
    let unreached = [("tokyo".to_owned(), silent)];
    let mut shown = String::new();
    for (context, with_roles) in [(None, false), (Some("berlin"), true)] {
        let view = FleetView {
            clusters: clusters.iter().map(|it| (context, it)).collect(),
            unreached: match context {
                None => &[],
                Some(_) => &unreached,
            },
            empty: &[],
        };
        for width in [80, 160] {
            let text = fleet_query_screen(&view, with_roles, &screen(width));
            shown += &format!("--- {width} columns\n{text}");
        }
        let csv = fleet_query_csv(&view, with_roles, &screen(80));
        shown += &format!("--- csv\n{csv}");
        let document = QueryResultListDocument::new("postgres", &view);
        holds("query-result-list.json", &encode(&document, Format::Json))?;
    }
    assert!(!shown.contains(['\u{1b}', '\u{9b}']));
    insta::assert_snapshot!(shown);
    Ok(())
}
