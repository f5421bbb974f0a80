//! The last values of something, for a sparkline.

use std::collections::VecDeque;

/// Values kept: as many as a wide screen has room for.
const KEPT: usize = 120;

/// The last values of something, oldest first. A gap is a moment in which nobody knew.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series(VecDeque<Option<f64>>);

impl Series {
    /// Adds the newest value.
    pub fn push(&mut self, value: Option<f64>) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    /// The newest value; none when nobody knows it.
    pub fn last(&self) -> Option<f64> {
        self.0.back().copied().flatten()
    }

    /// The newest `count`, oldest first, as parts of the greatest among them (0 to 1). A gap stays one.
    pub fn scaled(&self, count: usize) -> Vec<Option<f64>> {
        let newest = || self.0.iter().skip(self.0.len().saturating_sub(count));
        let greatest = newest().flatten().copied().fold(0.0, f64::max);
        let part = |value: f64| match greatest > 0.0 {
            true => value / greatest,
            false => 0.0,
        };
        newest().map(|value| value.map(part)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_shown_by_the_greatest_of_them() {
        let mut series = Series::default();
        for value in [100.0, 1.0, 4.0, 2.0] {
            series.push(Some(value));
        }
        series.push(None);
        assert_eq!(
            series.scaled(4),
            [Some(0.25), Some(1.0), Some(0.5), None],
            "the 100 is out of sight"
        );
        assert_eq!(series.last(), None);
    }

    #[test]
    fn it_forgets_what_no_screen_shows() {
        let mut series = Series::default();
        for number in 0..1000 {
            series.push(Some(f64::from(number)));
        }
        assert_eq!(series.scaled(usize::MAX).len(), KEPT);
        assert_eq!(series.last(), Some(999.0));
    }

    #[test]
    fn nothing_is_no_division_by_zero() {
        let mut series = Series::default();
        assert!(series.scaled(5).is_empty());
        series.push(Some(0.0));
        assert_eq!(series.scaled(5), [Some(0.0)]);
    }
}
