//! Lists, page by page.

use std::fmt::Debug;

use k8s_openapi::serde::de::DeserializeOwned;
use kube::Api;
use kube::api::ListParams;

use super::{Call, Kube, KubeError};

/// Objects per page, as kubectl does it (`--chunk-size`).
const PAGE: u32 = 500;

impl Kube {
    /// Everything that the selector fits, in as many pages as it takes.
    pub(crate) async fn list<K>(
        &self,
        api: &Api<K>,
        call: &Call,
        selector: &str,
    ) -> Result<Vec<K>, KubeError>
    where
        K: Clone + DeserializeOwned + Debug,
    {
        let mut all = Vec::new();
        let mut params = ListParams::default().limit(PAGE);
        if !selector.is_empty() {
            params = params.labels(selector);
        }
        let mut restarted = false;
        loop {
            let page = match self.read(call, || api.list(&params)).await {
                Ok(page) => page,
                // The server forgot the list that the token belongs to: begin anew, once.
                Err(KubeError::Api { code: 410, .. }) if !restarted => {
                    restarted = true;
                    all.clear();
                    params.continue_token = None;
                    continue;
                }
                Err(error) => return Err(error),
            };
            all.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(all),
            }
        }
    }
}
