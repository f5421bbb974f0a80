//! A stream to a port of a pod, through the API server. No local port is opened.

use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::DuplexStream;

use super::{Call, Kube, KubeError, Verb};

/// How long to wait for the reason why a stream ended: it arrives right after the end, or never.
const REASON_TIMEOUT: Duration = Duration::from_millis(300);

/// One forwarded TCP connection.
pub struct Forward {
    /// What the port in the pod sends and takes.
    pub stream: DuplexStream,
    /// Resolves after the stream has ended (and been dropped): why it did, when that is known. A
    /// transport failure reads as a plain end of file, so this is the only place that tells.
    pub reason: BoxFuture<'static, Option<String>>,
}

impl Kube {
    /// Connects to a port of a pod.
    ///
    /// # Errors
    /// When the API refuses. A pod that does not listen shows as an end of the stream, with the
    /// cause in [`Forward::reason`].
    pub async fn forward(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<Forward, KubeError> {
        let call = Call::new(Verb::Create, "", "pods/portforward")
            .named(pod)
            .within(namespace);
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let ports = [port];
        let mut forwarder = self.read(&call, || api.portforward(pod, &ports)).await?;
        let lost = |reason: &str| KubeError::StreamLost {
            doing: call.to_string(),
            reason: reason.to_owned(),
        };
        let stream = forwarder
            .take_stream(port)
            .ok_or_else(|| lost("no stream for the port"))?;
        let error = forwarder.take_error(port);
        let reason = Box::pin(async move {
            let told = async {
                let from_pod = match error {
                    Some(error) => error.await,
                    None => None,
                };
                match from_pod {
                    Some(text) => Some(shortened(&text)),
                    None => forwarder.join().await.err().map(|error| error.to_string()),
                }
            };
            tokio::time::timeout(REASON_TIMEOUT, told).await.ok()?
        });
        Ok(Forward { stream, reason })
    }
}

/// Container runtimes wrap the one fact that matters in the internals of their network namespace.
fn shortened(text: &str) -> String {
    if text.contains("connection refused") {
        "nothing listens on the port yet".to_owned()
    } else {
        text.trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_is_said_in_plain_words() {
        // containerd 2.0
        let text = "error forwarding port 5432 to pod 3f1c, uid : failed to execute portforward \
             in network namespace \"/var/run/netns/cni-1\": failed to connect to localhost:5432 \
             inside namespace \"3f1c\", IPv4: dial tcp4 127.0.0.1:5432: connect: connection \
             refused IPv6 dial tcp6: address localhost: no suitable address found ";
        assert_eq!(shortened(text), "nothing listens on the port yet");
    }
}
