//! What the API would allow.

use futures::future::try_join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use super::{Call, Kube, KubeError, Verb};

impl Kube {
    /// Asks for each call whether it would be allowed, all at once; those that would not come back.
    ///
    /// # Errors
    /// When the API does not answer. (Everybody may ask this of himself: `system:basic-user`.)
    pub async fn not_allowed<'a>(&self, calls: &'a [Call]) -> Result<Vec<&'a Call>, KubeError> {
        let answers = try_join_all(calls.iter().map(|call| self.allowed(call))).await?;
        Ok(calls
            .iter()
            .zip(answers)
            .filter(|(_, allowed)| !allowed)
            .map(|(call, _)| call)
            .collect())
    }

    /// Whether a call would be allowed.
    ///
    /// # Errors
    /// When the API does not answer.
    pub async fn allowed(&self, call: &Call) -> Result<bool, KubeError> {
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client());
        let review = review(call);
        let asking = Call::new(
            Verb::Create,
            "authorization.k8s.io",
            "selfsubjectaccessreviews",
        );
        let params = PostParams::default();
        let answer = self.read(&asking, || api.create(&params, &review)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}

fn review(call: &Call) -> SelfSubjectAccessReview {
    let (resource, subresource) = match call.resource.split_once('/') {
        Some((resource, sub)) => (resource, Some(sub.to_owned())),
        None => (call.resource, None),
    };
    SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                verb: Some(call.verb.as_str().to_owned()),
                group: Some(call.group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource,
                name: call.name.clone(),
                namespace: call.namespace.clone(),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    }
}
