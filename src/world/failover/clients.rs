//! Where the write Service leads, as those see it who connect through it.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::engine::WorldError;
use crate::world::connections::Connections;

/// How late a kube-proxy may act on a change that the API shows: it applies changes at most once a second
/// (`minSyncPeriod` in pkg/proxy/apis/config/v1alpha1/defaults.go, pkg/proxy/runner/bounded_frequency_runner.go), and takes a
/// moment to do it. Each node has its own, and none can be asked.
pub(super) const PROXIES: Duration = Duration::from_millis(1100);

/// Since when a Service is seen to lead to a pod: the Service, the pod, and the first such look.
#[derive(Default)]
pub(in crate::world) struct SeenToLead(Mutex<Option<(String, String, Instant)>>);

impl SeenToLead {
    /// Whether the Service's ready endpoints are exactly this pod.
    pub(in crate::world) async fn leads_to(
        &self,
        cluster: &Connections,
        service: &str,
        pod: &str,
    ) -> Result<bool, WorldError> {
        let ready = cluster
            .kube
            .ready_endpoints(cluster.namespace(), service)
            .await?;
        let leads = ready == [pod];
        let mut led = self.0.lock().await;
        let same = |(its, to, _): &(String, String, Instant)| its == service && to == pod;
        if !leads {
            *led = None;
        } else if !led.as_ref().is_some_and(same) {
            // Not when it was changed: whoever resumes has not seen that.
            *led = Some((service.to_owned(), pod.to_owned(), Instant::now()));
        }
        Ok(leads)
    }

    /// How much longer a proxy may be behind; none when it does not lead there.
    pub(super) async fn proxies_behind(
        &self,
        cluster: &Connections,
        service: &str,
        pod: &str,
    ) -> Result<Option<Duration>, WorldError> {
        if !self.leads_to(cluster, service, pod).await? {
            return Ok(None);
        }
        let led = self.0.lock().await;
        let since = led.as_ref().map(|(_, _, since)| since.elapsed());
        Ok(since.map(|since| PROXIES.saturating_sub(since)))
    }
}
