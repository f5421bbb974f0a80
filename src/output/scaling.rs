//! The screens of `pgctl hpa` and `pgctl sync`.

use jiff::Timestamp;

use super::document::SynchronousDocument;
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table};
use crate::cluster::{Autoscaler, condition_words, why_not_scaling, words};
use crate::plan::Bounds;

/// The autoscaler: what it may do, what it does, and why not more.
pub fn autoscaler_screen(autoscaler: &Autoscaler, now: Timestamp, screen: &Screen) -> String {
    let bounds = Bounds::of(autoscaler);
    let meant = Bounds::meant(autoscaler);
    let paused = Bounds::paused(autoscaler).is_some();
    let able = |kind: &str| {
        let mut conditions = autoscaler.conditions.iter();
        conditions.all(|it| it.kind != kind || it.holds)
    };
    let state = if paused {
        screen.paint(Tone::Warning, "PAUSED")
    } else if able("AbleToScale") && able("ScalingActive") {
        screen.paint(Tone::Good, "ACTIVE")
    } else {
        screen.paint(Tone::Bad, "STUCK")
    };
    let first = format!(
        "{state} {}: {bounds} pods of {}, {} now, {} wanted",
        plain(&autoscaler.name),
        plain(&autoscaler.target),
        autoscaler.current,
        autoscaler.desired
    );
    let mut text = format!("{}\n", screen.wrap(&first, 7));
    if paused {
        text += &line(
            screen,
            &format!("paused: pgctl hpa resume gives {meant} back"),
        );
    } else if meant != bounds {
        text += &line(
            screen,
            &format!(
                "a failover has raised the minimum from {}, or the primary could be deleted; failing back puts it back",
                meant.min
            ),
        );
    }
    for why in why_not_scaling(autoscaler) {
        text += &line(screen, &format!("does not scale: {}", plain(&why)));
    }
    let last = autoscaler.last_scaled.map_or_else(
        || "never".to_owned(),
        |at| {
            let seconds = now.duration_since(at).as_secs();
            format!("{} ago", words::age(seconds))
        },
    );
    text += &line(screen, &format!("scaled last: {last}"));
    text += "\n";
    text += &metrics(autoscaler, screen);
    if !autoscaler.conditions.is_empty() {
        text += "\n";
        text += &conditions(autoscaler, screen);
    }
    text
}

fn line(screen: &Screen, text: &str) -> String {
    format!("{}\n", screen.wrap(&format!("  {text}"), 4))
}

fn metrics(autoscaler: &Autoscaler, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("METRIC"),
        Column::kept("NOW").right(),
        Column::kept("TARGET").right(),
    ]);
    let percent = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| format!("{n} %"));
    for metric in &autoscaler.metrics {
        let tone = match (metric.current_percent, metric.target_percent) {
            (None, Some(_)) => Tone::Warning,
            (Some(now), Some(target)) if now > target => Tone::Warning,
            _ => Tone::Normal,
        };
        table.row([
            (metric.name.clone(), Tone::Normal),
            (percent(metric.current_percent), tone),
            (percent(metric.target_percent), Tone::Normal),
        ]);
    }
    table.draw(screen) + "\n"
}

fn conditions(autoscaler: &Autoscaler, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("CONDITION"),
        Column::kept("HOLDS"),
        Column::ranked("REASON", 2),
        Column::kept("IN WORDS"),
    ]);
    for condition in &autoscaler.conditions {
        // Only this one is good news when it does not hold.
        let good = condition.holds != (condition.kind == "ScalingLimited");
        table.row([
            (condition.kind.clone(), Tone::Normal),
            (
                if condition.holds { "yes" } else { "no" }.to_owned(),
                if good { Tone::Good } else { Tone::Warning },
            ),
            (condition.reason.clone(), Tone::Normal),
            (condition_words(condition), Tone::Normal),
        ]);
    }
    table.draw(screen) + "\n"
}

/// For how many standbys commits wait, and whether these are there.
pub fn synchronous_screen(document: &SynchronousDocument, screen: &Screen) -> String {
    let mut text = match document.standbys {
        None => "synchronous replication was never set with pgctl\n".to_owned(),
        Some(0) => "synchronous replication is off: commits wait for no standby\n".to_owned(),
        Some(count) => format!(
            "commits wait for {count} of {}\n",
            document.candidates.len()
        ),
    };
    match (&document.primary, &document.names) {
        (Some(primary), Some(names)) if names.is_empty() => {
            text += &line(screen, &format!("{}: no names are set", plain(primary)));
        }
        (Some(primary), Some(names)) => {
            text += &line(screen, &format!("{}: {}", plain(primary), plain(names)));
        }
        _ => text += &line(screen, "no primary answers"),
    }
    if let (Some(expected), Some(names)) = (&document.expected_names, &document.names)
        && expected != names
    {
        let count = document.standbys.unwrap_or(0);
        let word = match count {
            0 => "off".to_owned(),
            count => count.to_string(),
        };
        text += &line(
            screen,
            &format!("it ought to be {expected:?}: pgctl sync set --standbys {word} mends it"),
        );
    }
    if let Some(level @ ("off" | "local")) = document.synchronous_commit.as_deref() {
        text += &line(
            screen,
            &format!("synchronous_commit is {level}: no commit waits, whatever the names are"),
        );
    }
    if document.standbys.is_some_and(|it| it > 0) && !document.writes_flow {
        let words = "fewer standbys stream than commits wait for: writes are blocked";
        text += &line(screen, &screen.paint(Tone::Bad, words));
    }
    if !document.candidates.is_empty() {
        let mut table = Table::new(&[
            Column::kept("MAY CONFIRM"),
            Column::kept("STREAMS"),
            Column::kept("STATE"),
        ]);
        for it in &document.candidates {
            let (word, tone) = match it.streams {
                true => ("yes", Tone::Good),
                false => ("no", Tone::Warning),
            };
            table.row([
                (it.pod.clone(), Tone::Normal),
                (word.to_owned(), tone),
                (it.state.unwrap_or_default().to_owned(), Tone::Normal),
            ]);
        }
        text += &format!("\n{}\n", table.draw(screen));
    }
    text
}
