//! Where there is no screen to draw on: a line for each server and look.

use std::time::Instant;

use jiff::Timestamp;

use super::super::context::{Context, cannot_write};
use super::super::interruption::interruptible;
use super::state::{seen_enough, take};
use crate::cli::TopArgs;
use crate::cluster::TopBoard;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::{Followed, Following};
use crate::output::{plain, top_heading, top_lines, write_all_of};

/// The heads are told again after so many looks.
const HEADS_AGAIN: u64 = 20;

pub(super) async fn run(
    context: &Context,
    args: &TopArgs,
    mut following: Following,
) -> Result<ExitCode, Failure> {
    interruptible(async {
        let began = Instant::now();
        let mut board = TopBoard::default();
        let mut ticks = tokio::time::interval(args.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looks = 0;
        let mut known = false;
        loop {
            tokio::select! {
                told = following.next() => match told {
                    Some(told) => {
                        known |= !matches!(told, Followed::Answer { .. });
                        if let Some(problem) = take(&mut board, began, told) {
                            context.telling.say(&format!("{}\n", plain(&problem)));
                        }
                    }
                    None => return Ok(ExitCode::Done),
                },
                _ = ticks.tick() => {
                    // Nothing is printed before somebody has answered, or said why not; or there is nobody.
                    let instances = board.instances();
                    let none_yet = instances.iter().all(|it| it.answer.is_none());
                    if !known || none_yet && !instances.is_empty() {
                        continue;
                    }
                    let heading = (looks % HEADS_AGAIN == 0).then(top_heading).unwrap_or_default();
                    let time = Timestamp::now().strftime("%H:%M:%S").to_string();
                    let text = heading + &top_lines(&board, &time);
                    looks += 1;
                    let read = write_all_of(text).await.map_err(|error| cannot_write(&error))?;
                    if !read {
                        return Ok(ExitCode::Done);
                    }
                    if Some(looks) == args.count {
                        return seen_enough(&board);
                    }
                }
            }
        }
    })
    .await
}
