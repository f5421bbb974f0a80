//! The part of the loopback network that belongs to one sandbox.
//!
//! Every address in 127.0.0.0/8 is this machine's. A sandbox takes a slice `127.X.0.0/16`: the API
//! server, every pod and every Service get addresses of their own in it, and so the same port
//! (5432) can be had by many.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::ops::RangeInclusive;

/// The port that marks a slice as taken, on the slice's last address: that of a kubelet.
const GUARD_PORT: u16 = 10250;

/// A slice of the loopback network, taken as long as this lives.
///
/// The claim is a listening socket: it holds against every process of the machine, whoever runs it
/// and wherever its folders are, and the kernel ends it with the process.
#[derive(Debug)]
pub struct Slice {
    second: u8,
    _guard: TcpListener,
}

impl Slice {
    /// Takes a free slice.
    ///
    /// # Errors
    /// When all are taken, or the machine does not let us listen.
    pub fn claim() -> io::Result<Self> {
        // 127.0 is everybody's, and 127.255 has the broadcast address.
        let (first, count) = (1_u32, 254_u32);
        // Beginning at different places, sandboxes that start together seldom meet.
        let start = std::process::id() % count;
        let mut last = None;
        for step in 0..count {
            let second = u8::try_from(first + (start + step) % count).unwrap_or(1);
            let guard = SocketAddrV4::new(Ipv4Addr::new(127, second, 255, 254), GUARD_PORT);
            match TcpListener::bind(guard) {
                Ok(guard) => {
                    return Ok(Self {
                        second,
                        _guard: guard,
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
    }

    /// The first two bytes of all addresses.
    pub fn network(&self) -> [u8; 2] {
        [127, self.second]
    }

    /// Where the API server listens.
    pub fn api_server(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, self.second, 0, 1)
    }

    /// The addresses of nodes.
    pub fn node(&self, index: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.second, 0, index.saturating_add(2))
    }

    /// The third bytes of pods' addresses; the fourth is 1 to 254.
    pub fn pods(&self) -> RangeInclusive<u8> {
        1..=127
    }

    /// The third bytes of Services' addresses; the fourth is 1 to 254.
    pub fn services(&self) -> RangeInclusive<u8> {
        128..=254
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sandboxes_never_share_a_slice() -> io::Result<()> {
        let (one, two) = (Slice::claim()?, Slice::claim()?);
        assert_ne!(one.network(), two.network());
        Ok(())
    }

    #[test]
    fn a_slice_is_free_again_when_its_sandbox_is_gone() -> io::Result<()> {
        let gone = Slice::claim()?.network();
        let guard = SocketAddrV4::new(Ipv4Addr::new(gone[0], gone[1], 255, 254), GUARD_PORT);
        TcpListener::bind(guard).map(drop)
    }
}
