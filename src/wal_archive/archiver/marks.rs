//! Until when what was committed is stored: pure.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::cluster::{Lsn, Timeline};
use crate::postgres::WalWritten;

/// The most that are kept: one a second of what may lie between the server and the store.
const MOST: usize = 100_000;

/// How far the server had come, and when, of what is not all stored yet.
#[derive(Debug, Default)]
pub(super) struct Marks {
    waiting: VecDeque<WalWritten>,
    reached: Option<(Timeline, Timestamp)>,
}

impl Marks {
    /// The server has come so far.
    pub(super) fn add(&mut self, mark: WalWritten) {
        if self
            .waiting
            .back()
            .is_some_and(|it| it.timeline != mark.timeline)
        {
            self.waiting.clear();
        }
        match self.waiting.back_mut() {
            // An idle server: the same position at a later time.
            Some(last) if last.flushed == mark.flushed => last.now = mark.now,
            _ => self.waiting.push_back(mark),
        }
        if self.waiting.len() > MOST {
            self.waiting.pop_front();
        }
    }

    /// All up to a position is stored. The moment up to which that is all that was committed; none before
    /// anything is known.
    pub(super) fn stored(&mut self, timeline: Timeline, position: Lsn) -> Option<Timestamp> {
        let done = |it: &WalWritten| it.timeline == timeline && it.flushed <= position;
        while self.waiting.front().is_some_and(done) {
            // The last one stays: the server may be idle, and come to it again.
            let last = self.waiting.len() == 1;
            let mark = self.waiting.front().copied()?;
            let time = match self.reached {
                Some((of, time)) if of == timeline => time.max(mark.now),
                _ => mark.now,
            };
            self.reached = Some((timeline, time));
            if last {
                break;
            }
            self.waiting.pop_front();
        }
        let (of, time) = self.reached?;
        (of == timeline).then_some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(timeline: u32, flushed: u64, seconds: i64) -> WalWritten {
        WalWritten {
            timeline: Timeline(timeline),
            flushed: Lsn::new(flushed),
            now: time(seconds),
        }
    }

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time")
    }

    #[test]
    fn the_moment_is_that_of_the_last_position_that_is_stored() {
        let mut marks = Marks::default();
        assert_eq!(marks.stored(Timeline(1), Lsn::new(9)), None);
        for (flushed, seconds) in [(10, 1), (20, 2), (30, 3)] {
            marks.add(mark(1, flushed, seconds));
        }
        assert_eq!(marks.stored(Timeline(1), Lsn::new(9)), None);
        assert_eq!(marks.stored(Timeline(1), Lsn::new(25)), Some(time(2)));
        assert_eq!(marks.stored(Timeline(1), Lsn::new(25)), Some(time(2)));
        assert_eq!(marks.stored(Timeline(1), Lsn::new(30)), Some(time(3)));
    }

    #[test]
    fn on_an_idle_server_it_goes_on() {
        let mut marks = Marks::default();
        for seconds in 1..5 {
            marks.add(mark(1, 10, seconds));
            assert_eq!(marks.stored(Timeline(1), Lsn::new(10)), Some(time(seconds)));
        }
    }

    #[test]
    fn another_timeline_begins_anew() {
        let mut marks = Marks::default();
        marks.add(mark(1, 10, 1));
        marks.add(mark(2, 20, 2));
        assert_eq!(marks.stored(Timeline(1), Lsn::new(10)), None);
        assert_eq!(marks.stored(Timeline(2), Lsn::new(10)), None);
        assert_eq!(marks.stored(Timeline(2), Lsn::new(20)), Some(time(2)));
        // A clock that is put back does not take back what was said.
        marks.add(mark(2, 30, 1));
        assert_eq!(marks.stored(Timeline(2), Lsn::new(30)), Some(time(2)));
    }
}
