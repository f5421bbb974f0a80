//! What a server that is being stopped still does.

use std::time::Duration;

use crate::world::connections::Connections;

/// Prints the titles of PostgreSQL's processes.
const TITLES: &str = r#"for process in /proc/[0-9]*/cmdline; do
  tr '\000' ' ' <"$process" 2>/dev/null && echo
done
exit 0"#;

/// So many processes are named.
const MOST: usize = 4;

/// The processes that a stop waits for, by the titles that PostgreSQL gives them; none when
/// nobody can be asked.
pub(in crate::world) async fn still_running(cluster: &Connections, pod: &str) -> Option<String> {
    const LIMIT: Duration = Duration::from_secs(3);
    let argv = ["sh", "-c", TITLES, "pgctl"];
    let asking = cluster
        .kube
        .run_command(cluster.namespace(), pod, &argv, None, LIMIT);
    let output = asking.await.ok().filter(|output| output.code == 0)?;
    waited_for(&String::from_utf8_lossy(&output.stdout))
}

/// Titles are `postgres: CLUSTER_NAME: archiver archiving 00000001…`.
fn waited_for(titles: &str) -> Option<String> {
    let work: Vec<&str> = titles
        .lines()
        .filter_map(|line| line.trim().strip_prefix("postgres: "))
        .map(|title| {
            title
                .split_once(": ")
                .map_or(title, |(_, work)| work)
                .trim()
        })
        .filter(|work| !work.is_empty())
        // They end last, by themselves.
        .filter(|work| !["logger", "stats collector"].contains(work))
        .take(MOST)
        .collect();
    (!work.is_empty()).then(|| work.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archiver_is_named_with_what_it_archives() {
        let titles = "sh /scripts/start.sh \npostgres -D /data -c port=5432 \n\
             postgres: p-0: checkpointer   \n\
             postgres: p-0: archiver archiving 000000010000000000000005 \n\
             sh -c sleep 1000 \n";
        assert_eq!(
            waited_for(titles).as_deref(),
            Some("checkpointer, archiver archiving 000000010000000000000005")
        );
        assert_eq!(waited_for("sh /scripts/start.sh \n"), None);
    }
}
