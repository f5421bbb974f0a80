//! `pgctl lag`: how far each standby is behind, seen from both ends.

use super::plain::plain;
use super::screen::{Screen, Tone};
use super::slots::still_safe;
use super::table::{Column, Table, normal};
use crate::cluster::{
    CatchUp, LagCheck, LagLimit, LagRates, LagReport, LagStage, Lsn, StandbyLag, StandbyRate, words,
};

/// What the screen shows.
#[derive(Debug, Clone, Copy)]
pub struct LagView<'a> {
    /// The lag.
    pub report: &'a LagReport,
    /// Its pace, when two looks were taken.
    pub rates: Option<&'a LagRates>,
    /// The check, when it is one.
    pub limit: Option<&'a LagLimit>,
}

/// The whole screen.
pub fn lag_screen(view: &LagView<'_>, screen: &Screen) -> String {
    let mut parts = vec![
        reference_line(view, screen),
        behind_table(view, screen),
        stages_table(view.report, screen),
        slots_table(view.report, screen),
    ];
    if view.limit.is_none() {
        parts.push(silent_lines(view.report, screen));
    }
    if let Some(limit) = view.limit {
        parts.push(check_lines(view.report, limit, screen));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

fn reference_line(view: &LagView<'_>, screen: &Screen) -> String {
    let several = match view.report.several_primaries.as_slice() {
        [] => String::new(),
        several => format!("{}; ", words::several_primaries(several)),
    };
    let line = match &view.report.reference {
        None if !several.is_empty() => format!("{several}nothing to measure against"),
        None => "no database answers: nothing to measure against".to_owned(),
        Some(reference) if reference.is_primary => {
            let pace = view.rates.and_then(|rates| {
                let produced = words::rate(rates.produced?);
                Some(format!(
                    ", writing {produced} (seen over {})",
                    words::seconds(rates.sample_seconds)
                ))
            });
            format!(
                "primary {} at {}{}",
                reference.pod,
                reference.lsn,
                pace.unwrap_or_default()
            )
        }
        Some(reference) => format!(
            "{several}no single primary: measured against {}, which has received the most ({})",
            reference.pod, reference.lsn
        ),
    };
    screen.wrap(&plain(&line), 2)
}

fn behind_table(view: &LagView<'_>, screen: &Screen) -> String {
    if view.report.standbys.is_empty() {
        return "no standbys".to_owned();
    }
    let mut table = Table::new(&[
        Column::kept("STANDBY"),
        Column::kept("STREAM"),
        Column::kept("BEHIND").right(),
        Column::kept("TIME").right(),
        Column::ranked("REPLAYS", 1).right(),
        Column::ranked("CAUGHT UP", 2),
        Column::ranked("RECEIVES", 4).right(),
        Column::ranked("SYNC", 3),
        Column::wide("UPSTREAM"),
    ]);
    for standby in &view.report.standbys {
        let rate = view
            .rates
            .and_then(|rates| rates.standbys.iter().find(|rate| rate.pod == standby.pod));
        let tone = match view.limit.map(|limit| limit.check(view.report, standby)) {
            Some(LagCheck::Exceeded) => Tone::Bad,
            Some(LagCheck::Unknown) => Tone::Warning,
            Some(LagCheck::Within) => Tone::Good,
            None => Tone::Normal,
        };
        let sync = standby.sync_state.map(super::sections::sync_word);
        table.row([
            normal(&standby.pod),
            stream_word(standby),
            (
                standby
                    .behind
                    .bytes
                    .map_or_else(|| "unknown".into(), words::bytes),
                tone,
            ),
            (time_word(standby), tone),
            normal(
                rate.and_then(|rate| rate.replayed)
                    .map(words::rate)
                    .unwrap_or_default(),
            ),
            rate.map_or_else(|| normal(""), catch_up_word),
            normal(
                rate.and_then(|rate| rate.received)
                    .map(words::rate)
                    .unwrap_or_default(),
            ),
            normal(sync.unwrap_or_default()),
            normal(standby.upstream.clone().unwrap_or_default()),
        ]);
    }
    table.draw(screen)
}

fn time_word(standby: &StandbyLag) -> String {
    standby.behind.time.map_or_else(
        || "unknown".to_owned(),
        |time| {
            let most = if time.at_most { "≤" } else { "" };
            format!("{most}{}", words::seconds(time.seconds))
        },
    )
}

fn stream_word(standby: &StandbyLag) -> (String, Tone) {
    match (&standby.silent, &standby.stream) {
        (Some(_), None) => ("no answer".into(), Tone::Warning),
        (Some(_), Some(stream)) => (format!("{stream}, no answer"), Tone::Warning),
        _ if standby.diverged => ("diverged".into(), Tone::Bad),
        (None, None) => ("none".into(), Tone::Warning),
        (None, Some(stream)) if standby.paused => (format!("{stream}, paused"), Tone::Warning),
        (None, Some(stream)) if stream == "streaming" => (stream.clone(), Tone::Good),
        (None, Some(stream)) => (stream.clone(), Tone::Warning),
    }
}

fn catch_up_word(rate: &StandbyRate) -> (String, Tone) {
    match rate.catch_up {
        CatchUp::Done => ("yes".into(), Tone::Good),
        CatchUp::Keeping => ("keeping up".into(), Tone::Good),
        CatchUp::In(seconds) => (format!("in {}", words::seconds(seconds)), Tone::Normal),
        CatchUp::Never => ("never".into(), Tone::Bad),
        CatchUp::Stalled => ("stalled".into(), Tone::Bad),
        CatchUp::Unknown => normal(""),
    }
}

/// Each stage as the sender sees it, and below it as the standby says itself.
fn stages_table(report: &LagReport, screen: &Screen) -> String {
    let known = |standby: &&StandbyLag| standby.stream.is_some() || standby.silent.is_none();
    let standbys: Vec<&StandbyLag> = report.standbys.iter().filter(known).collect();
    if standbys.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::kept("STANDBY"),
        Column::kept("SEEN BY"),
        Column::ranked("SENT", 2).right(),
        Column::ranked("WRITTEN", 1).right(),
        Column::kept("FLUSHED").right(),
        Column::kept("REPLAYED").right(),
    ]);
    let lsn_too = screen.wide;
    let cell = |stage: &LagStage| normal(stage_words(stage, lsn_too));
    for standby in standbys {
        if standby.stream.is_some() {
            table.row([
                normal(&standby.pod),
                normal("sender"),
                cell(&standby.sent),
                cell(&standby.written),
                cell(&standby.flushed),
                cell(&standby.replayed),
            ]);
        }
        if standby.silent.is_none() {
            // What the standby was told of the sender's position stands for what was sent.
            let told = LagStage {
                lsn: standby.told,
                bytes: report
                    .reference
                    .as_ref()
                    .zip(standby.told)
                    .map(|(reference, told): (_, Lsn)| reference.lsn.bytes_since(told))
                    .filter(|_| !standby.diverged),
                seconds: None,
            };
            table.row([
                normal(&standby.pod),
                normal("itself"),
                cell(&told),
                normal(""),
                cell(&standby.received_here),
                cell(&standby.replayed_here),
            ]);
        }
    }
    table.draw(screen)
}

fn stage_words(stage: &LagStage, lsn_too: bool) -> String {
    let mut words = match (stage.bytes, stage.seconds) {
        (Some(0), _) => "0 B".to_owned(),
        (Some(bytes), Some(seconds)) => {
            format!("{} {}", words::bytes(bytes), words::seconds(seconds))
        }
        (Some(bytes), None) => words::bytes(bytes),
        (None, _) if stage.lsn.is_some() => "?".to_owned(),
        (None, _) => return String::new(),
    };
    if let Some(lsn) = stage.lsn.filter(|_| lsn_too) {
        words.push_str(&format!(" @{lsn}"));
    }
    words
}

fn slots_table(report: &LagReport, screen: &Screen) -> String {
    let slots: Vec<_> = report
        .standbys
        .iter()
        .filter_map(|standby| standby.slot.as_ref())
        .collect();
    if slots.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::kept("SLOT"),
        Column::kept("ACTIVE"),
        Column::kept("WAL KEPT").right(),
        Column::kept("STILL SAFE").right(),
        Column::ranked("WAL STATUS", 1),
    ]);
    for slot in slots {
        let safe = still_safe(slot.safe_bytes);
        let status = slot.wal_status.clone().unwrap_or_default();
        let tone = match status.as_str() {
            "lost" => Tone::Bad,
            "unreserved" => Tone::Warning,
            _ => Tone::Normal,
        };
        table.row([
            normal(&slot.name),
            if slot.active {
                normal("yes")
            } else {
                ("no".into(), Tone::Warning)
            },
            normal(words::bytes(slot.retained_bytes)),
            safe,
            (status, tone),
        ]);
    }
    table.draw(screen)
}

/// The standbys that fail a check, each with why.
pub fn failing_standbys(report: &LagReport, limit: &LagLimit) -> Vec<(String, String)> {
    let reason = |standby: &StandbyLag| match limit.check(report, standby) {
        LagCheck::Within => None,
        LagCheck::Exceeded => Some(format!(
            "behind by {}, more than {limit}",
            super::status::behind_words(&standby.behind)
        )),
        LagCheck::Unknown => Some(match &standby.silent {
            Some(silent) => format!("its lag is not known: {silent}"),
            None if !report.reference.as_ref().is_some_and(|it| it.is_primary) => {
                "its lag is not known: no primary answers".to_owned()
            }
            None if standby.diverged => "its lag is not known: it has diverged".to_owned(),
            None => "its lag is not known".to_owned(),
        }),
    };
    report
        .standbys
        .iter()
        .filter_map(|standby| Some((standby.pod.clone(), reason(standby)?)))
        .collect()
}

/// Why a database says nothing of its lag. A check says it itself.
fn silent_lines(report: &LagReport, screen: &Screen) -> String {
    let lines = report.standbys.iter().filter_map(|standby| {
        let line = format!("pod/{}: {}", standby.pod, standby.silent.as_ref()?);
        Some(screen.wrap(&plain(&line), 2))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn check_lines(report: &LagReport, limit: &LagLimit, screen: &Screen) -> String {
    let failing = failing_standbys(report, limit);
    if failing.is_empty() {
        return screen.paint(Tone::Good, &format!("all within --max-lag {limit}"));
    }
    let lines: Vec<String> = failing
        .iter()
        .map(|(pod, why)| {
            let line = screen.wrap(&plain(&format!("TOO FAR pod/{pod}: {why}")), 2);
            format!(
                "{}{}",
                screen.paint(Tone::Bad, "TOO FAR"),
                &line["TOO FAR".len()..]
            )
        })
        .collect();
    lines.join("\n")
}
