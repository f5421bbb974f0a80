//! Which Kubernetes it is.

use super::{Call, Kube, KubeError, Verb};

impl Kube {
    /// `gitVersion` of the API server, such as `v1.33.0`. Everybody may ask for it
    /// (`system:public-info-viewer`).
    ///
    /// # Errors
    /// When the API does not answer.
    pub async fn api_version(&self) -> Result<String, KubeError> {
        let client = self.client();
        let call = Call::new(Verb::Get, "", "version");
        let info = self.read(&call, || client.apiserver_version()).await?;
        Ok(info.git_version)
    }
}
