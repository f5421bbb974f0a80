//! How far a log was read. The API finds the place again by the second only, so that some lines come
//! twice when a log is opened anew.

use jiff::Timestamp;

/// The last line that was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    last: Option<Timestamp>,
    /// Lines of the same moment that were read.
    at_last: u64,
    /// Lines of that moment that come again, and all before it; none when nothing does.
    again: Option<u64>,
}

impl Position {
    /// The time of the last line.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// The log is opened anew.
    pub(super) fn reopened(&mut self) {
        self.again = self.last.map(|_| self.at_last);
    }

    /// Whether a line is new.
    pub(super) fn is_new(&mut self, time: Timestamp) -> bool {
        if let (Some(again), Some(last)) = (self.again, self.last) {
            if time < last {
                return false;
            }
            if time == last && again > 0 {
                self.again = Some(again - 1);
                return false;
            }
            self.again = None;
        }
        if self.last == Some(time) {
            self.at_last += 1;
        } else {
            self.last = Some(time);
            self.at_last = 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_twice_and_nothing_is_missed() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut position = Position::default();
        for second in [1, 2, 2] {
            assert!(position.is_new(at(second)));
        }
        for _ in 0..2 {
            position.reopened();
            assert!(!position.is_new(at(1)));
            assert!(!position.is_new(at(2)));
            assert!(!position.is_new(at(2)));
        }
        assert!(position.is_new(at(2)));
        assert!(position.is_new(at(3)));
        // The node's clock was set back: that is no reason to say nothing.
        assert!(position.is_new(at(1)));
    }
}
