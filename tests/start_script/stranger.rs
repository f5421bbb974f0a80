//! A server on a pod's address that answers every login with one and the same error.

use anyhow::Result;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{JoinHandle, sleep, spawn},
    time::Duration,
};

/// Requests for encryption, which come before the login (protocol.h).
const ENCRYPTION: [i32; 2] = [80_877_103, 80_877_104];

/// What the server says. The texts are of no language that anybody knows.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    /// SQLSTATE.
    pub(crate) code: &'static str,
    pub(crate) detail: bool,
}

/// Answers until it is dropped.
pub(crate) struct Stranger {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stranger {
    pub(crate) fn at(address: &str, answer: Answer) -> Result<Self> {
        let listener = TcpListener::bind((address, 5432))?;
        listener.set_nonblocking(true)?;
        let ends = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ends);
        let thread = spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                match listener.accept() {
                    // Who hangs up early has heard enough.
                    Ok((stream, _)) => drop(talk(stream, answer)),
                    Err(_) => sleep(Duration::from_millis(5)),
                }
            }
        });
        Ok(Self {
            ends,
            thread: Some(thread),
        })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn talk(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    loop {
        let mut word = [0; 4];
        stream.read_exact(&mut word)?;
        let length = usize::try_from(i32::from_be_bytes(word)).unwrap_or_default();
        let mut body = vec![0; length.saturating_sub(4)];
        stream.read_exact(&mut body)?;
        let code = body.first_chunk().map(|it| i32::from_be_bytes(*it));
        if code.is_some_and(|code| ENCRYPTION.contains(&code)) {
            stream.write_all(b"N")?;
        } else {
            break;
        }
    }
    let mut fields = Vec::new();
    for (kind, text) in [
        ("S", "FATAL"),
        ("V", "FATAL"),
        ("C", answer.code),
        ("M", "qwxz"),
    ] {
        fields.extend_from_slice(format!("{kind}{text}\0").as_bytes());
    }
    if answer.detail {
        fields.extend_from_slice(b"Dzxwq\0");
    }
    fields.push(0);
    let length = i32::try_from(fields.len() + 4).unwrap_or(i32::MAX);
    stream.write_all(b"E")?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&fields)
}
