//! Faults on demand.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::node::Kubelet;
use super::{disk, lifecycle, nodes};
use crate::runtime::{Container, RuntimeError};

/// Why a fault could not be put into force.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// No such pod, or nothing runs in it.
    #[error(transparent)]
    Pod(#[from] RuntimeError),
    /// No such node.
    #[error("nodes \"{0}\" not found")]
    NoNode(String),
    /// The pod keeps nothing that could run full.
    #[error("pod \"{0}\" has no volume claim")]
    NoClaim(String),
    /// The files that `df` reads could not be written.
    #[error("telling df: {0}")]
    Io(#[from] std::io::Error),
    /// The node's object could not be changed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

impl Kubelet {
    /// Kills every process of the pod's containers with SIGKILL, as a crash would. The restart
    /// policy decides what follows.
    ///
    /// # Errors
    /// No such pod, or nothing runs in it.
    pub fn kill_pod(&self, namespace: &str, pod: &str) -> Result<(), FaultError> {
        self.each(namespace, pod, Container::kill)
    }

    /// Stops every process of the pod where it is: connections stay open and silent.
    ///
    /// # Errors
    /// No such pod, or nothing runs in it.
    pub fn freeze_pod(&self, namespace: &str, pod: &str) -> Result<(), FaultError> {
        self.each(namespace, pod, Container::freeze)
    }

    /// Lets the processes of a frozen pod go on.
    ///
    /// # Errors
    /// No such pod, or nothing runs in it.
    pub fn unfreeze_pod(&self, namespace: &str, pod: &str) -> Result<(), FaultError> {
        self.each(namespace, pod, Container::unfreeze)
    }

    /// Leaves the ConfigMaps and Secrets in the pod's volumes as they are, as a kubelet does that is late: until
    /// [`Kubelet::mend`]. A pod that takes this one's place has new ones.
    ///
    /// # Errors
    /// No such pod.
    pub fn keep_volumes(&self, namespace: &str, pod: &str) -> Result<(), FaultError> {
        let state = self.pods.named(namespace, pod);
        let state = state.ok_or_else(|| RuntimeError::PodNotFound(pod.to_owned()))?;
        state.late_volumes.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Cuts a node off from the API: it becomes NotReady, its pods go on running, and nothing
    /// that the API says about them (their deletion above all) reaches them.
    ///
    /// # Errors
    /// No such node.
    pub fn cut_node(&self, node: &str) -> Result<(), FaultError> {
        self.known(node)?;
        self.context.down.send_if_modified(|down| {
            let new = !down.iter().any(|n| n == node);
            if new {
                down.push(node.to_owned());
            }
            new
        });
        Ok(nodes::mark_unreachable(&self.context, node)?)
    }

    /// Connects a node again; its pods catch up with what the API says.
    ///
    /// # Errors
    /// No such node.
    pub fn restore_node(&self, node: &str) -> Result<(), FaultError> {
        self.known(node)?;
        nodes::mark_reachable(&self.context, node)?;
        self.context
            .down
            .send_modify(|down| down.retain(|n| n != node));
        for pod in self.pods.all() {
            if pod.node == node {
                pod.publish();
            }
        }
        Ok(())
    }

    /// Lets the pod's volume claims look used to this percentage at least, in the `df` of every
    /// container that mounts them. No byte is written: it stays until [`Kubelet::mend`], also when
    /// the pod is replaced.
    ///
    /// # Errors
    /// No such pod, it has no volume claim, or its files can't be written.
    pub fn fill_disk(&self, namespace: &str, pod: &str, percent: u8) -> Result<(), FaultError> {
        let state = self.pods.named(namespace, pod);
        let state = state.ok_or_else(|| RuntimeError::PodNotFound(pod.to_owned()))?;
        let folders = disk::claims_of(&state, &state.pod());
        if folders.is_empty() {
            return Err(FaultError::NoClaim(pod.to_owned()));
        }
        let fills = folders.into_iter().map(|folder| (folder, percent.min(100)));
        self.context.fills().extend(fills);
        self.tell_df()
    }

    fn tell_df(&self) -> Result<(), FaultError> {
        for pod in self.pods.all() {
            disk::refresh(&pod)?;
        }
        Ok(())
    }

    /// Ends all faults: nodes come back, frozen pods go on, volumes show what is in the API, and disks are as full as they
    /// are.
    ///
    /// # Errors
    /// When a node's object or a pod's files cannot be changed.
    pub fn mend(&self) -> Result<(), FaultError> {
        self.context.fills().clear();
        self.tell_df()?;
        let down: Vec<String> = self.context.down.borrow().clone();
        for node in down {
            self.restore_node(&node)?;
        }
        for pod in self.pods.all() {
            if pod.late_volumes.swap(false, Ordering::SeqCst) {
                lifecycle::refresh_volumes(&pod);
            }
            for container in pod.slots().iter().filter_map(|s| s.running.as_ref()) {
                if container.is_frozen() {
                    container.unfreeze();
                }
            }
        }
        Ok(())
    }

    fn known(&self, node: &str) -> Result<(), FaultError> {
        if self.context.node_names().iter().any(|n| n == node) {
            Ok(())
        } else {
            Err(FaultError::NoNode(node.to_owned()))
        }
    }

    fn each(&self, namespace: &str, pod: &str, act: impl Fn(&Container)) -> Result<(), FaultError> {
        let state = self.pods.named(namespace, pod);
        let state = state.ok_or_else(|| RuntimeError::PodNotFound(pod.to_owned()))?;
        let running: Vec<Container> = Arc::clone(&state)
            .slots()
            .iter()
            .filter_map(|s| s.running.clone())
            .collect();
        if running.is_empty() {
            return Err(RuntimeError::NotRunning(pod.to_owned()).into());
        }
        running.iter().for_each(act);
        Ok(())
    }
}
