//! Clients of the write Service, with libpq's defaults and a retry loop: what they see while the primary moves.

use std::env;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use crate::encryption::Anybody;

/// Between two writes, and before a client tries again.
const PAUSE: Duration = Duration::from_millis(5);
/// A connection that takes longer has hung.
const HANGS: Duration = Duration::from_secs(1);
/// The table that is written to.
const TABLE: &str = "public.sandbox_clients";

/// What a client has seen.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: Option<Instant>,
    longest: Duration,
    connecting: Option<Instant>,
    connections: u64,
    hung: u64,
    writes: u64,
}

impl Seen {
    fn wrote(&mut self) {
        let now = Instant::now();
        if let Some(last) = self.acknowledged.replace(now) {
            self.longest = self.longest.max(now - last);
        }
        self.writes += 1;
    }

    fn connects(&mut self) {
        self.connecting = Some(Instant::now());
        self.connections += 1;
    }

    /// It is connected, or was refused, or gives up at the end.
    fn settles(&mut self) {
        let since = self.connecting.take();
        if since.is_some_and(|since| since.elapsed() > HANGS) {
            self.hung += 1;
        }
    }

    fn ends(&mut self) {
        self.settles();
        if let Some(last) = self.acknowledged {
            self.longest = self.longest.max(last.elapsed());
        }
    }
}

/// Writes through `PGHOST` until stdin ends, and then says what was seen: two clients, one that keeps its session as
/// long as it is of use, and one that connects anew for each write.
pub(crate) async fn run() -> Result<String> {
    let config = from_environment()?;
    let anybody = Anybody::new()?;
    let connected = config.connect(anybody.clone()).await;
    let (client, connection) = connected.context("connecting")?;
    let connection = tokio::spawn(connection);
    let make = format!("CREATE TABLE IF NOT EXISTS {TABLE} (at timestamptz)");
    client.batch_execute(&make).await?;
    drop(client);
    connection.abort();
    let clients = [true, false].map(|keeps| {
        let seen = Arc::<Mutex<Seen>>::default();
        let task = tokio::spawn(work(
            config.clone(),
            anybody.clone(),
            keeps,
            Arc::clone(&seen),
        ));
        (seen, task)
    });
    // Whoever has started us ends us so, or by ending.
    let input =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    input.await.context("reading standard input")??;
    let mut lines = Vec::new();
    for ((seen, task), name) in clients.iter().zip(["kept", "fresh"]) {
        task.abort();
        let mut seen = lock(seen);
        seen.ends();
        lines.push(format!(
            "{name} longest={:.1} hung={} connections={} writes={}",
            seen.longest.as_secs_f64() * 1000.0,
            seen.hung,
            seen.connections,
            seen.writes
        ));
    }
    Ok(lines.join("\n"))
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn from_environment() -> Result<Config> {
    let read = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
    let mut config = Config::new();
    config
        .host(read("PGHOST")?)
        .port(
            env::var("PGPORT")
                .map_or(Ok(5432), |port| port.parse())
                .context("PGPORT")?,
        )
        .user(read("PGUSER")?)
        .password(read("PGPASSWORD")?)
        .dbname(env::var("PGDATABASE").unwrap_or_else(|_| "postgres".to_owned()))
        .application_name("sandbox-clients");
    Ok(config)
}

async fn work(config: Config, anybody: Anybody, keeps: bool, seen: Arc<Mutex<Seen>>) {
    loop {
        lock(&seen).connects();
        let connected = config.connect(anybody.clone()).await;
        lock(&seen).settles();
        if let Ok((client, connection)) = connected {
            let connection = tokio::spawn(connection);
            while write(&client, keeps).await {
                lock(&seen).wrote();
                tokio::time::sleep(PAUSE).await;
                if !keeps {
                    break;
                }
            }
            drop(client);
            connection.abort();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// False when the session is of no use any more. One to a server that refuses writes for now (25006) is: it is where
/// writes will be.
async fn write(client: &Client, keeps: bool) -> bool {
    let sql = format!("INSERT INTO {TABLE} VALUES (clock_timestamp())");
    loop {
        match client.batch_execute(&sql).await {
            Ok(()) => return true,
            Err(_) if client.is_closed() => return false,
            Err(error) if keeps && error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_time_without_a_write_counts_to_the_end() {
        let mut seen = Seen::default();
        seen.wrote();
        seen.wrote();
        let between = seen.longest;
        std::thread::sleep(Duration::from_millis(30));
        seen.connects();
        seen.ends();
        assert!(seen.longest >= Duration::from_millis(30), "{seen:?}");
        assert!(between < seen.longest);
        assert_eq!(seen.hung, 0);
        seen.connecting = Instant::now().checked_sub(HANGS * 2);
        seen.ends();
        assert_eq!(seen.hung, 1, "one that never ended has hung, too");
    }
}
