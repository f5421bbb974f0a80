//! The same where there is no screen to draw on: a line for each server and look, as `vmstat` has it.

use super::super::plain::plain;
use super::board::short_bytes;
use super::view::{cell, right};
use crate::cluster::{Role, TopBoard, tail_of};

/// The heads of the columns of [`top_lines`].
pub fn top_heading() -> String {
    format!(
        "{} {} {} {} {} {} {} {} {}\n",
        cell("TIME", 8),
        cell("POD", 12),
        cell("ROLE", 7),
        right("TPS", 7),
        right("WAL/s", 9),
        right("ACTIVE", 6),
        right("CLIENTS", 7),
        right("CACHE", 5),
        right("BEHIND", 9),
    )
}

/// A line for each server. `time` is that of the look, as it is to be printed.
pub fn top_lines(board: &TopBoard, time: &str) -> String {
    let instances = board.instances();
    let pods: Vec<&str> = instances.iter().map(|it| it.pod.as_str()).collect();
    let line = |instance: &&crate::cluster::InstanceActivity| {
        let begins = format!(
            "{} {}",
            cell(time, 8),
            cell(&plain(tail_of(&instance.pod, &pods)), 12)
        );
        let counters = match &instance.answer {
            None => return format!("{begins} asking\n"),
            Some(Err(why)) => return format!("{begins} {}\n", plain(&why.to_string())),
            Some(Ok(sample)) => &sample.counters,
        };
        let role = match instance.role() {
            Role::Primary => "primary",
            Role::Standby | Role::Unknown => "standby",
        };
        let rates = instance.rates;
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let behind = board
            .behind(instance)
            .map(|bytes| short_bytes(bytes as f64));
        format!(
            "{begins} {} {} {} {} {} {} {}\n",
            cell(role, 7),
            right(
                &or_dash(rates.map(|it| format!("{:.0}", it.transactions))),
                7
            ),
            right(
                &or_dash(rates.and_then(|it| it.wal_bytes).map(short_bytes)),
                9
            ),
            right(&counters.active.to_string(), 6),
            right(&counters.clients().to_string(), 7),
            right(
                &or_dash(
                    rates
                        .and_then(|it| it.cache_hits)
                        .map(|part| format!("{:.0}%", part * 100.0))
                ),
                5
            ),
            right(&or_dash(behind), 9),
        )
    };
    instances.iter().map(line).collect()
}
