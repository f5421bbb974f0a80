//! The pods that run, of all nodes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pod::PodState;

/// How many addresses a network of two given bytes has for pods: the third byte up to 127.
const ADDRESSES: u16 = 127 * 254;

/// The pods that run, by uid.
#[derive(Default)]
pub(super) struct Pods(Mutex<HashMap<String, Arc<PodState>>>);

impl Pods {
    fn by_uid(&self) -> MutexGuard<'_, HashMap<String, Arc<PodState>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> Vec<Arc<PodState>> {
        self.by_uid().values().cloned().collect()
    }

    /// The pod of this name; of two, while one is stuck on a lost node, the one that the API has.
    pub(super) fn named(&self, namespace: &str, name: &str) -> Option<Arc<PodState>> {
        self.all()
            .into_iter()
            .filter(|p| p.namespace == namespace && p.name == name)
            .min_by_key(|p| p.wish.borrow().gone)
    }

    pub(super) fn contains(&self, uid: &str) -> bool {
        self.by_uid().contains_key(uid)
    }

    pub(super) fn add(&self, pod: Arc<PodState>) {
        self.by_uid().insert(pod.uid.clone(), pod);
    }

    pub(super) fn remove(&self, uid: &str) {
        self.by_uid().remove(uid);
    }

    pub(super) fn clear(&self) {
        self.by_uid().clear();
    }

    /// An address that no pod has. Those just freed come last, so that nobody meets the successor
    /// of the pod they look for.
    pub(super) fn free_address(&self, [a, b]: [u8; 2], last: &mut u16) -> Option<String> {
        let used: Vec<String> = self.by_uid().values().map(|p| p.ip.clone()).collect();
        for _ in 0..ADDRESSES {
            *last = (*last + 1) % ADDRESSES;
            let (third, fourth) = (*last / 254 + 1, *last % 254 + 1);
            let ip = format!("{a}.{b}.{third}.{fourth}");
            if !used.contains(&ip) {
                return Some(ip);
            }
        }
        None
    }
}
