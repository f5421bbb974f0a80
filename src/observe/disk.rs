//! What takes the space on a server's volume.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::Instant;

use super::open::{OpenError, OpenPod};
use crate::cluster::{DiskUsage, Mount, TableSpace, names, parse_df};

/// Databases that are asked for their tables at the same moment.
const AT_ONCE: usize = 4;
/// Databases that are asked for their tables: the largest.
const MAX_DATABASES: usize = 50;

/// Prints the file systems of the data, of its WAL and of its tablespaces. Argument: the data directory when the
/// container names none.
const DF: &str = r#"data="${PGDATA:-$1}"
set -- "$data" "$data/pg_wal"
for space in "$data"/pg_tblspc/*; do
  # One whose target is gone is told by df.
  if [ -e "$space" ] || [ -L "$space" ]; then set -- "$@" "$space"; fi
done
exec df -Pk "$@""#;

/// Looks at a server: what it counts, what `df` says in its pod, and, when `tables` says how many, the largest
/// tables of all its databases. What can't be looked at is said in the answer; each part has its own limit.
///
/// # Errors
/// When the server itself does not answer.
pub async fn disk_usage(
    pod: &OpenPod<'_>,
    tables: Option<u32>,
    limit: Duration,
) -> Result<DiskUsage, OpenError> {
    let end = Instant::now() + limit;
    let (space, mounts) = futures::join!(pod.session.space(limit), mounts(pod, limit));
    let mut space = space?;
    let mut unseen = Vec::new();
    match pod.session.shared_temp_bytes(limit).await {
        Ok(bytes) => space.temp_bytes += bytes,
        Err(why) => unseen.push(format!("temporary files of parallel queries: {why}")),
    }
    let (mounts, why) = mounts;
    unseen.extend(why.map(|why| match mounts.is_empty() {
        true => format!("its volume: {why}"),
        false => format!("one of its volumes: {why}"),
    }));
    let mut found = None;
    if let Some(count) = tables {
        let names = space.databases.iter().map(|it| it.name.clone());
        let names: Vec<String> = names.filter(|it| it != "template0").collect();
        if names.len() > MAX_DATABASES {
            unseen.push(format!(
                "tables of all but the {MAX_DATABASES} largest databases"
            ));
        }
        let mut all = Vec::new();
        let mut asked = stream::iter(names.into_iter().take(MAX_DATABASES))
            .map(async |name| {
                let asking = largest_tables(pod, &name, count, limit);
                (tokio::time::timeout_at(end, asking).await, name)
            })
            .buffered(AT_ONCE);
        while let Some((tables, name)) = asked.next().await {
            match tables {
                Ok(Ok(tables)) => all.extend(tables),
                Ok(Err(why)) => unseen.push(format!("tables of the database {name}: {why}")),
                Err(_) => unseen.push(format!("tables of the database {name}: no time was left")),
            }
        }
        all.sort_by_key(|it| std::cmp::Reverse(it.total_bytes));
        all.truncate(count as usize);
        found = Some(all);
    }
    Ok(DiskUsage {
        space,
        mounts,
        tables: found,
        unseen,
    })
}

async fn largest_tables(
    pod: &OpenPod<'_>,
    database: &str,
    count: u32,
    limit: Duration,
) -> Result<Vec<TableSpace>, OpenError> {
    let session = pod.database(database).await?;
    let mut tables = session.largest_tables(count, limit).await?;
    for table in &mut tables {
        database.clone_into(&mut table.database);
    }
    Ok(tables)
}

/// The file systems, and why there are not all of them.
async fn mounts(pod: &OpenPod<'_>, limit: Duration) -> (Vec<Mount>, Option<String>) {
    let argv = ["sh", "-c", DF, "pgctl", names::DEFAULT_PGDATA];
    let running = pod
        .kube
        .run_command(pod.namespace, &pod.pod.name, &argv, None, limit);
    let output = match running.await {
        Ok(output) => output,
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let mounts = parse_df(&text(&output.stdout));
    let all = output.code == 0 && !mounts.is_empty();
    let why = (!all).then(|| {
        format!(
            "df ended with exit code {}: {}",
            output.code,
            text(&output.stderr)
        )
    });
    (mounts, why)
}
