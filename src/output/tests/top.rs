//! The live screen, drawn on a terminal that is none.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;

use super::super::*;
use crate::cluster::{NoAnswer, TopBoard, TopSample};

const PODS: [&str; 3] = [
    "sandbox-postgres-primary-0",
    "sandbox-postgres-replica-0",
    "sandbox-postgres-replica-1",
];

fn sample(standby: bool, wal: &str, commits: u64, statements: serde_json::Value) -> TopSample {
    serde_json::from_value(json!({
        "counters": {
            "inRecovery": standby, "wal": wal, "commits": commits, "rollbacks": 0, "blocksHit": commits * 99,
            "blocksRead": commits, "temporaryBytes": 0, "checkpoints": 12, "active": 3, "idle": 20,
            "idleInTransaction": 1, "waiting": 1, "maxConnections": 100
        },
        "statements": statements,
    }))
    .expect("as a server answers")
}

fn statements() -> serde_json::Value {
    json!([
        {"pid": 4711, "backendStart": "2026-11-30T08:00:00Z", "user": "app", "database": "shop", "state": "idle in transaction", "waitsFor": null,
         "statementSeconds": 3720.0, "transactionSeconds": 3725.0, "blockedBy": [],
         "statement": "update orders\n   set paid = true where id = 7"},
        {"pid": 4712, "backendStart": "2026-11-30T08:00:00Z", "user": "app", "database": "shop", "state": "active", "waitsFor": "Lock: transactionid",
         "statementSeconds": 12.3, "transactionSeconds": 12.3, "blockedBy": [4711],
         "statement": "delete from orders where id = 7"},
        {"pid": 4713, "backendStart": "2026-11-30T08:00:00Z", "user": "report\u{1b}[2J", "database": "shop", "state": "active", "waitsFor": "IO: DataFileRead",
         "statementSeconds": 0.4, "transactionSeconds": null, "blockedBy": [],
         "statement": "select \u{1b}]0;owned\u{7} count(*) from orders"},
    ])
}

/// Two looks, of which the second finds one standby silent.
fn board() -> TopBoard {
    let mut board = TopBoard::default();
    board.set_pods(&PODS.map(str::to_owned));
    for (second, commits) in [(0.0, 0), (1.0, 800), (2.0, 1000), (3.0, 2234)] {
        let wal = |behind: u64| format!("0/{:X}", 0x3000_0000 + commits * 4000 - behind);
        board.take(
            PODS[0],
            second,
            Ok(sample(false, &wal(0), commits, statements())),
        );
        let behind = if second > 2.0 { 3_000_000 } else { 0 };
        board.take(
            PODS[1],
            second,
            Ok(sample(true, &wal(behind), commits / 10, json!([]))),
        );
    }
    let silent = NoAnswer::Silent("no answer within 10 s".to_owned());
    board.take(PODS[2], 3.0, Err(silent));
    board
}

fn drawn(view: &TopView<'_>, width: u16) -> String {
    drawn_in(view, width, 14)
}

fn drawn_in(view: &TopView<'_>, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal
        .draw(|frame| draw_top(frame, view))
        .expect("it is drawn");
    terminal.backend().to_string()
}

fn on_primary(board: &TopBoard) -> TopView<'_> {
    TopView {
        title: "sandbox/sandbox  12:00:00 UTC  every 1s".to_owned(),
        board,
        pod: Some(PODS[0]),
        pid: Some(4712),
        sort: TopSort::Transaction,
        message: None,
        color: false,
    }
}

#[test]
fn the_live_screen() {
    let board = board();
    let view = on_primary(&board);
    insta::assert_snapshot!([80, 160].map(|width| drawn(&view, width)).join("\n"));
}

#[test]
fn a_high_screen_has_a_second_line_for_each_server() {
    let board = board();
    insta::assert_snapshot!(drawn_in(&on_primary(&board), 80, 18));
}

#[test]
fn what_is_asked_stands_in_the_last_line_and_small_terminals_are_no_panic() {
    let board = board();
    let view = TopView {
        pod: Some(PODS[1]),
        message: Some("cancel PID 4712 of app? y cancels it\u{1b}[2J"),
        ..on_primary(&board)
    };
    insta::assert_snapshot!(drawn(&view, 80));
    for (width, height) in [(1, 1), (5, 3), (20, 2)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        terminal
            .draw(|frame| draw_top(frame, &view))
            .expect("it is drawn");
    }
    let empty = TopBoard::default();
    drawn(
        &TopView {
            pod: None,
            ..on_primary(&empty)
        },
        80,
    );
}

#[test]
fn the_lines_where_there_is_no_screen() {
    let text = top_heading() + &top_lines(&board(), "12:00:00");
    assert!(!text.contains('\u{1b}'));
    insta::assert_snapshot!(text);
}
