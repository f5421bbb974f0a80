//! A series in one line of text.

use crate::cluster::Series;

/// The eighths of a cell, and nothing.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What stands for a moment in which nobody knew.
const GAP: char = '·';

/// The newest `width` values, the newest at the right edge.
pub(super) fn spark(series: &Series, width: usize) -> String {
    let cells: Vec<char> = series
        .scaled(width)
        .into_iter()
        .map(|part| match part {
            None => GAP,
            Some(part) if part <= 0.0 => BLOCKS[0],
            // What is there at all is seen.
            Some(part) => BLOCKS[((part * 8.0).round() as usize).clamp(1, 8)],
        })
        .collect();
    let blank = width.saturating_sub(cells.len());
    " ".repeat(blank) + &cells.into_iter().collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_at_the_right_and_little_is_not_nothing() {
        let mut series = Series::default();
        for value in [Some(0.0), Some(0.01), None, Some(4.0), Some(8.0)] {
            series.push(value);
        }
        assert_eq!(spark(&series, 8), "    ▁·▄█");
        assert_eq!(spark(&series, 2), "▄█");
        assert_eq!(spark(&series, 0), "");
    }
}
