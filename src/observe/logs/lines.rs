//! Bytes become lines.

/// The most that is kept of a line.
const LONGEST: usize = 64 * 1024;

/// Finds the lines in what comes piece by piece. Of a line that does not end only the beginning is kept.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    dropped: u64,
}

impl Lines {
    /// Takes the next bytes, and gives each line that ends in them, with the number of its bytes that
    /// were not kept.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8], u64)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            if self.partial.is_empty() && line.len() <= LONGEST {
                each(line, 0);
            } else {
                self.keep(line);
                each(&self.partial, self.dropped);
                self.partial.clear();
                self.dropped = 0;
            }
            bytes = rest;
        }
        self.keep(bytes);
    }

    /// The end: a line that has no line break.
    pub(super) fn end(&mut self, each: impl FnOnce(&[u8], u64)) {
        if !self.partial.is_empty() {
            each(&self.partial, self.dropped);
        }
        *self = Self::default();
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
        self.dropped += (bytes.len() - room) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<(Vec<u8>, u64)> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in pieces {
            lines.feed(piece, |line, dropped| found.push((line.to_vec(), dropped)));
        }
        lines.end(|line, dropped| found.push((line.to_vec(), dropped)));
        found
    }

    #[test]
    fn pieces_do_not_matter() {
        let whole = lines(&[b"one\ntwo\n\nthree"]);
        assert_eq!(whole.len(), 4);
        assert_eq!(whole, lines(&[b"o", b"ne", b"\n", b"two\n\nth", b"ree"]));
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_memory() {
        let mebibyte = vec![b'x'; 1 << 20];
        let mut lines = Lines::default();
        for _ in 0..10 {
            lines.feed(&mebibyte, |_, _| panic!("no line has ended"));
        }
        assert!(lines.partial.capacity() <= 2 * LONGEST);
        let mut ended = None;
        lines.feed(b"\nnext\n", |line, dropped| {
            ended.get_or_insert((line.len(), dropped));
        });
        assert_eq!(ended, Some((LONGEST, (10 << 20) - LONGEST as u64)));
    }
}
