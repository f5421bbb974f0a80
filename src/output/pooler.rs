//! `pgctl pooler`.

use super::answers::silent_line;
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{Pool, PoolerAnswer, PoolerPurpose, databases_in_words, words};

/// What is to be seen of the poolers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolerView {
    /// How long a client may wait, in seconds.
    pub max_wait_seconds: f64,
}

impl PoolerView {
    /// Whether its clients can't go on, or wait for too long.
    pub fn is_bad(&self, pooler: &PoolerAnswer) -> bool {
        let paused = pooler.is_paused() || !pooler.paused_databases().is_empty();
        paused || self.waits_too_long(pooler)
    }

    /// Whether somebody has waited for longer.
    pub fn waits_too_long(&self, pooler: &PoolerAnswer) -> bool {
        pooler
            .oldest_wait()
            .is_some_and(|it| it > self.max_wait_seconds)
    }
}

/// Whom a pooler leads.
pub(super) const fn purpose_word(purpose: PoolerPurpose) -> &'static str {
    match purpose {
        PoolerPurpose::Write => "writes",
        PoolerPurpose::Read => "reads",
    }
}

/// A line and a table for each pooler, then those that do not answer.
pub fn poolers_screen(answers: &[PoolerAnswer], view: &PoolerView, screen: &Screen) -> String {
    let mut parts = Vec::new();
    for pooler in answers {
        if pooler.answer.is_err() {
            continue;
        }
        let pools = pooler.pools();
        let purpose = purpose_word(pooler.purpose);
        let line = format!(
            "pooler for {purpose} {}: {}",
            pooler.pod,
            summary(pools, pooler)
        );
        let line = screen.wrap(&plain(&line), 2);
        parts.push(match view.is_bad(pooler) {
            true => screen.paint(Tone::Bad, &line),
            false => line,
        });
        if !pools.is_empty() {
            parts.push(table(pools, view, screen));
        }
    }
    let silent = answers
        .iter()
        .filter_map(|it| Some((it, it.answer.as_ref().err()?)));
    parts.extend(silent.map(|(it, why)| silent_line(&it.pod, why, screen)));
    parts.join("\n\n") + "\n"
}

fn summary(pools: &[Pool], pooler: &PoolerAnswer) -> String {
    let sum = |of: fn(&Pool) -> u64| pools.iter().map(of).sum::<u64>();
    let (clients, waiting) = (sum(|it| it.clients + it.waiting), sum(|it| it.waiting));
    let servers = sum(|it| it.servers_active + it.servers_idle + it.servers_connecting);
    let plural = |count: u64, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    let waits = match pooler.oldest_wait() {
        Some(oldest) => format!(
            "{waiting} of them waiting, for {} by now",
            words::seconds(oldest)
        ),
        None => "nobody waits".to_owned(),
    };
    let paused = match pooler.is_paused() {
        true => "PAUSED, nobody gets a server until `pgctl pooler resume`; ",
        false => "",
    };
    let databases = match databases_in_words(pooler.paused_databases()) {
        Some(words) => format!("{words} PAUSED alone, until RESUME at its console; "),
        None => String::new(),
    };
    format!(
        "{paused}{databases}{}, {waits}; {}",
        plural(clients, "client"),
        plural(servers, "server")
    )
}

fn table(pools: &[Pool], view: &PoolerView, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("CLIENTS").right(),
        Column::kept("WAITING").right(),
        Column::kept("FOR").right(),
        Column::kept("ACTIVE").right(),
        Column::kept("IDLE").right(),
        Column::ranked("CONNECTING", 2).right(),
        Column::kept("USER"),
        Column::kept("DATABASE"),
    ]);
    for pool in pools {
        let waits = match pool.waiting {
            0 => normal("-"),
            _ if pool.oldest_wait_seconds > view.max_wait_seconds => {
                (words::seconds(pool.oldest_wait_seconds), Tone::Bad)
            }
            _ => normal(words::seconds(pool.oldest_wait_seconds)),
        };
        table.row([
            normal((pool.clients + pool.waiting).to_string()),
            normal(pool.waiting.to_string()),
            waits,
            normal(pool.servers_active.to_string()),
            normal(pool.servers_idle.to_string()),
            normal(pool.servers_connecting.to_string()),
            normal(plain(&pool.user)),
            normal(plain(&pool.database)),
        ]);
    }
    table.draw(screen)
}
