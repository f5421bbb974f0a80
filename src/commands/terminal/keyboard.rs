//! What is typed, or what is in the file that standard input is.

use std::io::Read as _;

use tokio::sync::mpsc;

/// Reads standard input in a thread of its own: a read of a terminal can't be given up, and must not
/// hold up the end.
pub(in crate::commands) fn keyboard() -> mpsc::Receiver<Vec<u8>> {
    let (tell, told) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 8 * 1024];
        loop {
            match std::io::stdin().lock().read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => {
                    if tell.blocking_send(buffer[..read].to_vec()).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    told
}
