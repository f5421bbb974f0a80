//! What happens at an exact point of an operation, however slow the machine is.

use anyhow::{Context as _, Result, ensure};

use super::cluster::{TestCluster, eventually};
use super::pgctl::Run;

impl TestCluster {
    /// Runs `pgctl`, which stays at `point` (`STEP.before`, `STEP.middle` or `STEP.after`) until `happens` has ended.
    pub(crate) async fn pgctl_meanwhile<T>(
        &self,
        arguments: &[&str],
        point: &str,
        happens: impl AsyncFnOnce() -> Result<T>,
    ) -> Result<(Run, T)> {
        let meeting = tempfile::tempdir()?;
        let stays = format!("{point}=return(stay={})", meeting.path().display());
        let here = meeting.path().join("here");
        let meanwhile = async {
            let arrived = eventually("pgctl at the point", async || {
                ensure!(here.exists(), "it has not come to {point}");
                Ok(())
            });
            let happened = match arrived.await {
                Ok(()) => happens().await,
                Err(error) => Err(error),
            };
            std::fs::write(meeting.path().join("go"), "")?;
            happened
        };
        let environment = [("FAILPOINTS", stays.as_str())];
        let (run, happened) = futures::join!(self.pgctl_with(arguments, &environment), meanwhile);
        let run = run?;
        let happened = happened.with_context(|| run.to_string())?;
        Ok((run, happened))
    }
}
