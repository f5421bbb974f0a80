//! On a screen, until somebody has seen enough.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;

use super::super::context::{Context, cannot_write};
use super::super::interruption::interruption;
use super::super::queries::cancel_agreed;
use super::keyboard::{Keyboard, Typed};
use super::state::{Request, State, Target, seen_enough, take};
use crate::cli::TopArgs;
use crate::cluster::{ClusterId, TopBoard};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::Following;
use crate::output::{TopView, draw_top};

/// Answers of several servers that come together are drawn together.
const TOGETHER: Duration = Duration::from_millis(100);

/// Gives the terminal back as it was, whatever ends the command. A panic does so in a hook of ratatui's.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

pub(super) async fn run(
    context: &Context,
    args: &TopArgs,
    cluster: &ClusterId,
    mut following: Following,
) -> Result<ExitCode, Failure> {
    let mut terminal = ratatui::try_init().map_err(|error| cannot_write(&error))?;
    let _restored = Restored;
    let mut keyboard = Keyboard::new();
    let began = Instant::now();
    let (mut board, mut state) = (TopBoard::default(), State::default());
    let mut shown = board.clone();
    let mut taken = Timestamp::now();
    let mut looks = tokio::time::interval(args.interval);
    let mut frames = tokio::time::interval(TOGETHER);
    frames.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut count, mut changed) = (0, true);
    // What was agreed to goes on while everything else is seen and heard.
    let mut cancels = FuturesUnordered::new();
    let mut ending = false;
    let interrupted = interruption();
    tokio::pin!(interrupted);
    loop {
        let mut at_once = false;
        tokio::select! {
            told = following.next() => match told {
                Some(told) => {
                    if let Some(problem) = take(&mut board, began, told) {
                        state.message = Some(problem);
                    }
                    changed = true;
                }
                None => return Ok(ExitCode::Done),
            },
            typed = keyboard.next() => match typed {
                // The terminal has gone: nobody looks any more.
                None => return Ok(ExitCode::Done),
                Some(Typed::Interrupt) => return interrupted_by(cancels.len()),
                Some(Typed::Resized) => at_once = true,
                Some(Typed::Key(key)) => {
                    at_once = true;
                    match state.key(key, &shown) {
                        None => {}
                        Some(Request::Quit) if cancels.is_empty() => return Ok(ExitCode::Done),
                        Some(Request::Quit) => {
                            ending = true;
                            state.message = Some("ends when the cancel has".to_owned());
                        }
                        Some(Request::Cancel(target)) => {
                            state.message = Some(format!("cancels PID {}", target.running.pid));
                            cancels.push(cancel(context, *target));
                        }
                    }
                }
            },
            Some(told) = cancels.next(), if !cancels.is_empty() => {
                if ending && cancels.is_empty() {
                    return Ok(ExitCode::Done);
                }
                state.message = Some(told);
                at_once = true;
            }
            _ = looks.tick() => {
                count += 1;
                if args.count.is_some_and(|wanted| count > wanted) {
                    return seen_enough(&board);
                }
            }
            _ = frames.tick() => at_once = changed,
            () = &mut interrupted => return interrupted_by(cancels.len()),
        }
        if !at_once {
            continue;
        }
        changed = false;
        if !state.paused {
            shown.clone_from(&board);
            taken = Timestamp::now();
        }
        let last_line = state.last_line();
        let view = TopView {
            title: title(cluster, args, taken, state.paused),
            board: &shown,
            pod: state.pod(&shown),
            pid: state.pid(),
            sort: state.sort,
            message: last_line.as_deref(),
            color: context.screen.color,
        };
        terminal
            .draw(|frame| draw_top(frame, &view))
            .map_err(|error| cannot_write(&error))?;
    }
}

fn title(cluster: &ClusterId, args: &TopArgs, taken: Timestamp, paused: bool) -> String {
    let time = taken.strftime("%H:%M:%S UTC");
    let pace = match paused {
        true => "PAUSED: p goes on".to_owned(),
        false => format!("every {}s", args.interval.as_secs_f64()),
    };
    format!("{cluster}  {time}  {pace}")
}

/// How it ends when it is interrupted while so many cancels are under way.
fn interrupted_by(cancels: usize) -> Result<ExitCode, Failure> {
    if cancels == 0 {
        return Ok(ExitCode::Interrupted);
    }
    let what = "interrupted: whether the statement was cancelled is not known";
    Err(Failure::new(ExitCode::Interrupted, what).next("look whether it was done: pgctl history"))
}

async fn cancel(context: &Context, target: Target) -> String {
    match cancel_agreed(context, &target.pod, &target.running).await {
        Ok(told) => told,
        Err(failure) => failure.to_string(),
    }
}
