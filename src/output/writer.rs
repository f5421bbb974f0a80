//! Writing: a closed pipe is no error, and a live screen does not flicker.

use std::io::{self, Write as _};

use super::screen::Screen;

/// Writes to stdout. When the reader has gone (`pgctl status | head -1`) there is nobody left to
/// tell: that is not an error.
///
/// # Errors
/// Anything else that goes wrong, such as a full disk.
pub fn write_stdout(text: &str) -> io::Result<()> {
    still_read(write_now(text)).map(drop)
}

/// Writes much to stdout, without holding up the runtime when its reader is slow or stands still (`| less`): Ctrl-C
/// ends the command all the same. Returns whether somebody still reads.
///
/// # Errors
/// As [`write_stdout`].
pub async fn write_all_of(text: String) -> io::Result<bool> {
    apart(move || write_now(&text)).await
}

/// Does what writes to stdout (as [`super::write_json`]), likewise.
///
/// # Errors
/// As [`write_stdout`].
pub async fn written(
    write: impl FnOnce(io::StdoutLock<'static>) -> io::Result<()> + Send + 'static,
) -> io::Result<bool> {
    apart(move || write(io::stdout().lock())).await
}

async fn apart(write: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<bool> {
    let writing = tokio::task::spawn_blocking(move || still_read(write()));
    writing
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn write_now(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Whether somebody still reads what was written.
fn still_read(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        other => other.map(|()| true),
    }
}

/// Writes to stderr. When even that fails there is nobody left to tell.
pub fn write_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Screens that follow each other in one place (`-w`). The cursor is hidden while it lives and
/// comes back when it is dropped, whatever ends the command.
#[derive(Debug)]
pub struct WatchScreen {
    screen: Screen,
    started: bool,
}

impl WatchScreen {
    /// Nothing is written yet.
    pub fn new(screen: Screen) -> Self {
        Self {
            screen,
            started: false,
        }
    }

    /// Shows the next screen, with one write. Returns whether somebody still reads.
    ///
    /// # Errors
    /// When stdout can't be written to for another reason than that its reader has gone.
    pub async fn show(&mut self, text: &str, footer: &str) -> io::Result<bool> {
        let frame = if self.screen.is_terminal() {
            let first = !std::mem::replace(&mut self.started, true);
            frame(text, footer, self.screen.height, first)
        } else {
            text.to_owned()
        };
        write_all_of(frame).await
    }
}

impl Drop for WatchScreen {
    fn drop(&mut self) {
        if self.started {
            // Below the last screen, which stays to be read.
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(b"\x1b[?25h");
            let _ = stdout.flush();
        }
    }
}

/// One frame: home, each line followed by "clear to the end of the line", then clear what is left
/// below. Nothing is blank at any moment, so nothing flickers. A screen that is too long is cut
/// above the footer: scrolling would leave pieces behind.
fn frame(text: &str, footer: &str, height: Option<u16>, first: bool) -> String {
    let room = height.map_or(usize::MAX, |height| usize::from(height).saturating_sub(2));
    let mut frame = String::from(if first {
        "\x1b[?25l\x1b[2J\x1b[H"
    } else {
        "\x1b[H"
    });
    let lines: Vec<&str> = text.lines().collect();
    let cut = lines.len() > room;
    let shown = if cut {
        room.saturating_sub(1)
    } else {
        lines.len()
    };
    for line in &lines[..shown] {
        frame.push_str(line);
        frame.push_str("\x1b[K\r\n");
    }
    if cut {
        frame.push_str(&format!("... {} more lines\x1b[K\r\n", lines.len() - shown));
    }
    frame.push_str(&format!("{footer}\x1b[K\r\n\x1b[J"));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_never_clears_the_whole_screen_after_the_first() {
        let next = frame("a\nb\n", "every 2s", Some(24), false);
        assert_eq!(next, "\x1b[Ha\x1b[K\r\nb\x1b[K\r\nevery 2s\x1b[K\r\n\x1b[J");
        assert!(frame("a", "", Some(24), true).starts_with("\x1b[?25l\x1b[2J"));
    }

    #[test]
    fn a_frame_never_scrolls() {
        let text = "line\n".repeat(100);
        for height in [3_u16, 10, 24] {
            let frame = frame(&text, "footer", Some(height), false);
            assert!(
                frame.matches("\r\n").count() < usize::from(height),
                "{height}"
            );
        }
    }
}
