//! One thread from which every process is started.

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Starts processes from one thread that lives as long as this value.
///
/// The kernel's "die with the parent" means the parent's *thread*: a process started from a
/// worker that the async runtime later retires would be killed with it. Here the death of the
/// thread is the death of the daemon (or the drop of this value), which is what is wanted.
#[derive(Debug)]
pub(super) struct Spawner {
    jobs: mpsc::Sender<Job>,
}

impl Spawner {
    /// Starts the thread, and runs `prepare` on it before anything else.
    pub(super) fn start(
        prepare: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (ready, prepared) = mpsc::channel();
        thread::Builder::new()
            .name("container-spawner".to_owned())
            .spawn(move || {
                let outcome = prepare();
                let failed = outcome.is_err();
                if ready.send(outcome).is_err() || failed {
                    return;
                }
                for job in inbox {
                    job();
                }
            })?;
        prepared.recv().map_err(io::Error::other)??;
        Ok(Self { jobs })
    }

    /// Runs a function on the thread, inside the caller's async runtime.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (done, outcome) = oneshot::channel();
        let handle = Handle::current();
        let job = Box::new(move || {
            let _inside = handle.enter();
            // The caller may have gone away; the process it started is dropped with the result.
            drop(done.send(work()));
        });
        self.jobs
            .send(job)
            .map_err(|_| io::Error::other("the thread that starts processes has ended"))?;
        outcome.await.map_err(io::Error::other)?
    }
}
