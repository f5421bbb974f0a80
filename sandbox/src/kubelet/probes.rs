//! Startup, liveness and readiness probes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::pod::PodState;
use crate::controllers::EventType;
use crate::runtime::{CommandOutcome, Container};

fn seconds(value: Option<i32>, default: u64) -> Duration {
    let given = value.and_then(|v| u64::try_from(v).ok()).filter(|v| *v > 0);
    Duration::from_secs(given.unwrap_or(default))
}

/// Asks the container until it is to be ended; returns why.
///
/// Without a startup probe the container counts as started at once, and without a readiness probe
/// as ready once it has started.
pub(super) async fn watch(state: Arc<PodState>, index: usize, container: Container) -> String {
    let Some(definition) = state.slots().get(index).map(|s| s.definition.clone()) else {
        return std::future::pending().await;
    };
    let began = Instant::now();
    let probing = Probing {
        state: &state,
        container: &container,
        definition: &definition,
        began,
    };
    if let Some(probe) = &definition.startup_probe {
        let failed = tokio::select! {
            failed = probing.until_first_success(probe) => failed,
            () = state.until_ending() => std::future::pending().await,
        };
        if let Some(why) = failed {
            return why;
        }
    }
    let ready_at_once = definition.readiness_probe.is_none();
    state.change(index, |slot| {
        slot.status.started = Some(true);
        slot.status.ready = ready_at_once;
    });
    let readiness = async {
        if let Some(probe) = &definition.readiness_probe {
            probing.readiness(probe, index).await;
        }
        std::future::pending::<()>().await;
    };
    let liveness = async {
        match &definition.liveness_probe {
            Some(probe) => {
                tokio::select! {
                    why = probing.liveness(probe) => why,
                    // A container that is being stopped is not restarted.
                    () = state.until_ending() => std::future::pending().await,
                }
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        why = liveness => why,
        () = readiness => std::future::pending().await,
    }
}

struct Probing<'a> {
    state: &'a PodState,
    container: &'a Container,
    definition: &'a core::Container,
    began: Instant,
}

impl Probing<'_> {
    /// None: it succeeded. Some: it failed too often.
    async fn until_first_success(&self, probe: &core::Probe) -> Option<String> {
        let mut failures = 0;
        self.initial_delay(probe).await;
        loop {
            match self.ask(probe).await {
                Ok(()) => return None,
                Err(output) => {
                    self.unhealthy("Startup", &output);
                    failures += 1;
                    if failures >= probe.failure_threshold.unwrap_or(3) {
                        return Some(format!(
                            "Container {} failed startup probe, will be restarted",
                            self.definition.name
                        ));
                    }
                }
            }
            sleep(seconds(probe.period_seconds, 10)).await;
        }
    }

    async fn liveness(&self, probe: &core::Probe) -> String {
        let mut failures = 0;
        self.initial_delay(probe).await;
        loop {
            match self.ask(probe).await {
                Ok(()) => failures = 0,
                Err(output) => {
                    self.unhealthy("Liveness", &output);
                    failures += 1;
                    if failures >= probe.failure_threshold.unwrap_or(3) {
                        return format!(
                            "Container {} failed liveness probe, will be restarted",
                            self.definition.name
                        );
                    }
                }
            }
            sleep(seconds(probe.period_seconds, 10)).await;
        }
    }

    async fn readiness(&self, probe: &core::Probe, index: usize) {
        let (mut successes, mut failures) = (0, 0);
        let mut ready = false;
        self.initial_delay(probe).await;
        loop {
            match self.ask(probe).await {
                Ok(()) => {
                    (successes, failures) = (successes + 1, 0);
                    if !ready && successes >= probe.success_threshold.unwrap_or(1) {
                        ready = true;
                        self.state.change(index, |slot| slot.status.ready = true);
                    }
                }
                Err(output) => {
                    self.unhealthy("Readiness", &output);
                    (successes, failures) = (0, failures + 1);
                    if ready && failures >= probe.failure_threshold.unwrap_or(3) {
                        ready = false;
                        self.state.change(index, |slot| slot.status.ready = false);
                    }
                }
            }
            sleep(seconds(probe.period_seconds, 10)).await;
        }
    }

    async fn initial_delay(&self, probe: &core::Probe) {
        let delay = probe.initial_delay_seconds.unwrap_or(0);
        let delay = Duration::from_secs(u64::try_from(delay).unwrap_or(0));
        tokio::time::sleep_until(self.began + delay).await;
    }

    fn unhealthy(&self, which: &str, output: &str) {
        // A container that ends fails its last probe: no news.
        if self.container.exit().is_none() && !self.state.ending() {
            let message = format!("{which} probe failed: {output}");
            self.state.event(EventType::Warning, "Unhealthy", &message);
        }
    }

    async fn ask(&self, probe: &core::Probe) -> Result<(), String> {
        let limit = seconds(probe.timeout_seconds, 1);
        if let Some(exec) = &probe.exec {
            let argv = exec.command.clone().unwrap_or_default();
            return match self.container.run(&argv, limit).await {
                CommandOutcome::Exited(0, _) => Ok(()),
                CommandOutcome::Exited(_, output) => Err(output),
                CommandOutcome::Failed(why) => Err(why),
                CommandOutcome::TimedOut => Err(format!(
                    "command timed out: {argv:?} timed out after {}s",
                    limit.as_secs()
                )),
            };
        }
        let asked = async {
            if let Some(tcp) = &probe.tcp_socket {
                self.connect(tcp.host.as_deref(), &tcp.port).await.map(drop)
            } else if let Some(http) = &probe.http_get {
                self.get(http).await
            } else {
                Err("the sandbox does not know this type of probe".to_owned())
            }
        };
        timeout(limit, asked)
            .await
            .unwrap_or_else(|_| Err("context deadline exceeded".to_owned()))
    }

    async fn connect(&self, host: Option<&str>, port: &IntOrString) -> Result<TcpStream, String> {
        let port = self.port(port)?;
        let host = host.unwrap_or(&self.state.ip);
        let address: IpAddr = host.parse().map_err(|_| format!("{host}: no such host"))?;
        TcpStream::connect((address, port))
            .await
            .map_err(|e| format!("dial tcp {host}:{port}: {e}"))
    }

    fn port(&self, port: &IntOrString) -> Result<u16, String> {
        let number = match port {
            IntOrString::Int(number) => Some(*number),
            IntOrString::String(name) => {
                let ports = self.definition.ports.iter().flatten();
                let mut named = ports.filter(|p| p.name.as_ref() == Some(name));
                named.next().map(|p| p.container_port)
            }
        };
        number
            .and_then(|n| u16::try_from(n).ok())
            .ok_or_else(|| format!("port {port:?} is not one of the container's"))
    }

    async fn get(&self, http: &core::HTTPGetAction) -> Result<(), String> {
        let mut stream = self.connect(http.host.as_deref(), &http.port).await?;
        let path = http.path.as_deref().unwrap_or("/");
        let host = http.host.as_deref().unwrap_or(&self.state.ip);
        let request = format!(
            "GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: kube-probe/1.33\r\nAccept: */*\r\n\r\n"
        );
        let text = |e: std::io::Error| e.to_string();
        stream.write_all(request.as_bytes()).await.map_err(text)?;
        let mut answer = Vec::new();
        stream
            .take(1024)
            .read_to_end(&mut answer)
            .await
            .map_err(text)?;
        let answer = String::from_utf8_lossy(&answer);
        let code = answer
            .split_whitespace()
            .nth(1)
            .and_then(|c| c.parse::<u16>().ok());
        match code {
            Some(200..400) => Ok(()),
            Some(code) => Err(format!("HTTP probe failed with statuscode: {code}")),
            None => Err("malformed HTTP response".to_owned()),
        }
    }
}
