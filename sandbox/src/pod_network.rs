//! What becomes of a pod's address when its network is gone.
//!
//! On a cluster a packet to such an address goes nowhere: a new connection hangs until TCP gives up (two minutes),
//! and one that is open gets no answer, not even a reset. On one machine every loopback address is always there, and
//! nobody listening on it means "refused". So a listener that never accepts and whose queue is full takes the place
//! of the pod's: the kernel then drops every further SYN, for root and plain users alike.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{Instant, sleep};

/// How many addresses are kept silent, the last ones that were left: each costs two file descriptors a port.
const KEPT: usize = 128;
/// The container's processes may still be letting go of the port.
const PATIENCE: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(2);

/// The networks of a sandbox's pods.
#[derive(Debug, Default)]
pub struct PodNetwork {
    gone: Mutex<Gone>,
}

#[derive(Debug, Default)]
struct Gone {
    addresses: BTreeMap<Ipv4Addr, Vec<Silence>>,
    order: VecDeque<Ipv4Addr>,
}

/// A port that swallows what is sent to it.
#[derive(Debug)]
struct Silence {
    _listener: TcpListener,
    /// Fills the queue of one.
    _waiting: Option<TcpStream>,
}

impl PodNetwork {
    /// A pod gets the address.
    pub fn set_up(&self, address: Ipv4Addr) {
        let mut gone = self.lock();
        gone.addresses.remove(&address);
        gone.order.retain(|it| *it != address);
    }

    /// A pod's network is gone: from now on its address does not answer on these ports. Does nothing when that was
    /// done before.
    pub async fn tear_down(&self, address: Ipv4Addr, ports: &[u16]) {
        {
            let mut gone = self.lock();
            if gone.addresses.contains_key(&address) {
                return;
            }
            gone.addresses.insert(address, Vec::new());
            gone.order.push_back(address);
            if gone.order.len() > KEPT
                && let Some(oldest) = gone.order.pop_front()
            {
                gone.addresses.remove(&oldest);
            }
        }
        for port in ports {
            let Some(silence) = silence(SocketAddr::from((address, *port))).await else {
                continue;
            };
            if let Some(silent) = self.lock().addresses.get_mut(&address) {
                silent.push(silence);
            }
        }
    }

    /// Whether nothing that is sent to this address arrives.
    pub fn is_gone(&self, address: Ipv4Addr) -> bool {
        self.lock().addresses.contains_key(&address)
    }

    /// The sandbox ends: the machine gets its ports back.
    pub fn clear(&self) {
        *self.lock() = Gone::default();
    }

    fn lock(&self) -> MutexGuard<'_, Gone> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// None: the machine does not let us have the port. Then connections are refused, as before.
async fn silence(address: SocketAddr) -> Option<Silence> {
    let end = Instant::now() + PATIENCE;
    let listener = loop {
        match listen(address) {
            Ok(listener) => break listener,
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < end => {
                sleep(STEP).await;
            }
            Err(_) => return None,
        }
    };
    // At once, as long as there is room; if somebody else was first, the queue is full as well.
    let waiting = TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok();
    Some(Silence {
        _listener: listener,
        _waiting: waiting,
    })
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // Room for one.
    socket.listen(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Slice;

    #[tokio::test]
    async fn an_address_is_silent_from_its_pods_end_to_the_next_pod() -> std::io::Result<()> {
        let slice = Slice::claim()?;
        let [a, b] = slice.network();
        let address = Ipv4Addr::new(a, b, 1, 1);
        let target = SocketAddr::from((address, 5432));
        let moment = Duration::from_millis(300);
        let network = PodNetwork::default();
        let try_it = || TcpStream::connect_timeout(&target, moment).map_err(|error| error.kind());

        assert_eq!(try_it().err(), Some(ErrorKind::ConnectionRefused));
        network.tear_down(address, &[5432]).await;
        network.tear_down(address, &[5432]).await;
        assert!(network.is_gone(address));
        for _ in 0..3 {
            assert_eq!(try_it().err(), Some(ErrorKind::TimedOut));
        }
        network.set_up(address);
        assert!(!network.is_gone(address));
        assert_eq!(try_it().err(), Some(ErrorKind::ConnectionRefused));
        let pod = listen(target)?;
        assert!(try_it().is_ok());
        drop(pod);
        Ok(())
    }
}
