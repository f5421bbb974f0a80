//! `pgctl backup list -A`.

use jiff::{SignedDuration, Timestamp};

use super::{holds, screen};
use crate::backup::catalogue::Newest;
use crate::backup::format::Kind;
use crate::cluster::{ClusterId, fixture};
use crate::output::{
    ClusterBackupListDocument, ClusterBackups, FleetView, Format, LastRestoreTest,
    cluster_backups_screen, encode,
};

fn kept(namespace: &str, hours: Option<i64>, restored: Option<Option<&str>>) -> ClusterBackups {
    let ago = |hours| -> Timestamp { fixture::now() - SignedDuration::from_hours(hours) };
    ClusterBackups {
        cluster: ClusterId {
            namespace: namespace.to_owned(),
            name: "shop".to_owned(),
        },
        count: if hours.is_some() { 30 } else { 0 },
        newest: hours.map(|hours| Newest {
            id: format!("{namespace}_shop_20261128T020000Z_logical_3fa9"),
            kind: Kind::Logical,
            started: ago(hours),
            verified: ago(hours),
        }),
        restored: restored.map(|problem| LastRestoreTest {
            id: "x".to_owned(),
            at: ago(100),
            problem: problem.map(str::to_owned),
        }),
    }
}

#[test]
fn the_newest_backups_of_many_clusters() -> Result<(), Box<dyn std::error::Error>> {
    let mut broken = kept("team-3", None, None);
    broken.count = 2;
    let all = [
        kept("team-0", Some(50), Some(None)),
        kept("team-1", None, None),
        kept("team-2", Some(2), Some(Some("it is cut"))),
        broken,
        kept("team-4 \u{1b}[31m", Some(300), None),
    ];
    let view = FleetView {
        clusters: all.iter().map(|it| (None, it)).collect(),
        unreached: &[],
        empty: &[],
    };
    let store = "s3://backups/pg";
    let text = [80, 160].map(|width| {
        let text = cluster_backups_screen(&view, store, fixture::now(), &screen(width));
        assert!(
            !text.contains('\u{1b}'),
            "no escape of the cluster's gets out"
        );
        text
    });
    let document = ClusterBackupListDocument::new(fixture::now(), store, &view);
    holds("cluster-backup-list.json", &encode(&document, Format::Json))?;
    insta::assert_snapshot!(text.join("\n"));
    Ok(())
}
