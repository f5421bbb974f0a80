//! Lists, page by page.

use std::fmt::Debug;

use k8s_openapi::serde::de::DeserializeOwned;
use kube::Api;
use kube::api::{ListParams, ObjectList};

use super::{Call, Kube, KubeError};

/// Objects per page, as kubectl does it (`--chunk-size`).
pub(super) const PAGE: u32 = 500;

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
        self.list_those(api, call, selector, PAGE, |_| true).await
    }

    /// The same of those that are wanted: of a page, which is let go before the next is asked for, nothing
    /// else is kept. `page`: objects per page, fewer where one may be big.
    pub(super) async fn list_those<K>(
        &self,
        api: &Api<K>,
        call: &Call,
        selector: &str,
        page: u32,
        wanted: impl Fn(&mut K) -> bool,
    ) -> Result<Vec<K>, KubeError>
    where
        K: Clone + DeserializeOwned + Debug,
    {
        let mut all = Vec::new();
        let mut params = ListParams::default().limit(page);
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
            let ObjectList {
                items, metadata, ..
            } = page;
            all.extend(
                items
                    .into_iter()
                    .filter_map(|mut it| wanted(&mut it).then_some(it)),
            );
            match metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(all),
            }
        }
    }
}
