//! What the API would allow.

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, ResourceRule, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
    SelfSubjectRulesReview, SelfSubjectRulesReviewSpec, SubjectRulesReviewStatus,
};
use kube::Api;
use kube::api::PostParams;

use super::{Call, Kube, KubeError, Verb};

/// Questions that are asked at the same time where there may be many: each is a connection of its own.
const AT_ONCE: usize = 8;

impl Kube {
    /// Asks for each call whether it would be allowed, all at once; those that would not come back.
    ///
    /// # Errors
    /// When the API does not answer. (Everybody may ask this of himself: `system:basic-user`.)
    pub async fn not_allowed<'a>(&self, calls: &'a [Call]) -> Result<Vec<&'a Call>, KubeError> {
        self.denied(calls.iter(), calls.len().max(1)).await
    }

    /// Those of the calls, all in one namespace, that would not be allowed, for a look at what one may do: what is
    /// among the rules that the API lists for a user is not asked one by one. (Right before something is
    /// changed it is: [`Self::not_allowed`].)
    ///
    /// # Errors
    /// When the API does not answer.
    pub async fn not_listed<'a>(
        &self,
        namespace: &str,
        calls: &'a [Call],
    ) -> Result<Vec<&'a Call>, KubeError> {
        let rules = self.own_rules(namespace).await;
        let open = calls.iter().filter(|call| !listed(&rules, call));
        self.denied(open, AT_ONCE).await
    }

    async fn denied<'a>(
        &self,
        calls: impl Iterator<Item = &'a Call>,
        at_once: usize,
    ) -> Result<Vec<&'a Call>, KubeError> {
        let answers = futures::stream::iter(calls)
            .map(async |call| Ok((call, self.allowed(call).await?)))
            .buffered(at_once)
            .try_collect::<Vec<_>>()
            .await?;
        let denied = answers.into_iter().filter(|(_, allowed)| !allowed);
        Ok(denied.map(|(call, _)| call).collect())
    }

    /// What the API says one may do in a namespace; nothing where it can't say all of it.
    async fn own_rules(&self, namespace: &str) -> Vec<ResourceRule> {
        let api: Api<SelfSubjectRulesReview> = Api::all(self.client());
        let review = SelfSubjectRulesReview {
            spec: SelfSubjectRulesReviewSpec {
                namespace: Some(namespace.to_owned()),
            },
            ..SelfSubjectRulesReview::default()
        };
        let asking = Call::new(
            Verb::Create,
            "authorization.k8s.io",
            "selfsubjectrulesreviews",
        );
        let params = PostParams::default();
        match self.read(&asking, || api.create(&params, &review)).await {
            Ok(answer) => answer.status.map(whole).unwrap_or_default(),
            // Whoever can't list them (it is forbidden, something between here and the API does not know it) may still be asked
            // about each; and when nothing answers, that says so.
            Err(_) => Vec::new(),
        }
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

/// The rules, when they are all. An authorizer that can't list its own (a webhook) may also be one that forbids what
/// another's rules allow: then each call has to be asked about.
fn whole(status: SubjectRulesReviewStatus) -> Vec<ResourceRule> {
    let complains = status.evaluation_error.is_some_and(|it| !it.is_empty());
    match status.incomplete || complains {
        true => Vec::new(),
        false => status.resource_rules,
    }
}

/// Whether one of the rules allows it, as RBAC reads them (`VerbMatches`, `ResourceMatches` and their like in
/// pkg/apis/rbac/v1/evaluation_helpers.go). What is not among them may still be allowed.
fn listed(rules: &[ResourceRule], call: &Call) -> bool {
    let has = |list: &[String], wanted: &str| list.iter().any(|it| it == "*" || it == wanted);
    let suffix = call
        .resource
        .split_once('/')
        .map(|(_, sub)| format!("*/{sub}"));
    rules.iter().any(|rule| {
        let resources = rule.resources.as_deref().unwrap_or_default();
        let names = rule.resource_names.as_deref().unwrap_or_default();
        let of_all = suffix.as_ref().is_some_and(|it| resources.contains(it));
        has(&rule.verbs, call.verb.as_str())
            && has(rule.api_groups.as_deref().unwrap_or_default(), call.group)
            && (has(resources, call.resource) || of_all)
            && (names.is_empty() || call.name.as_ref().is_some_and(|it| names.contains(it)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str], names: &[&str]) -> ResourceRule {
        let owned = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect();
        ResourceRule {
            api_groups: Some(owned(groups)),
            resources: Some(owned(resources)),
            verbs: owned(verbs),
            resource_names: Some(owned(names)),
        }
    }

    #[test]
    fn a_rule_allows_what_rbac_says_it_does() {
        let exec = Call::new(Verb::Create, "", "pods/exec");
        let scale = Call::new(Verb::Patch, "apps", "statefulsets/scale");
        let secret = Call::new(Verb::Get, "", "secrets");
        for (rule, call, expected) in [
            (rule(&[""], &["pods/exec"], &["create"], &[]), &exec, true),
            (rule(&[""], &["*/exec"], &["*"], &[]), &exec, true),
            (rule(&["*"], &["*"], &["*"], &[]), &scale, true),
            (rule(&[""], &["pods"], &["create"], &[]), &exec, false),
            (rule(&[""], &["pods/exec"], &["get"], &[]), &exec, false),
            (
                rule(&[""], &["statefulsets/scale"], &["patch"], &[]),
                &scale,
                false,
            ),
            (
                rule(&["apps"], &["*/status"], &["patch"], &[]),
                &scale,
                false,
            ),
            // A rule for one object is none for all.
            (
                rule(&[""], &["secrets"], &["get"], &["other"]),
                &secret,
                false,
            ),
        ] {
            assert_eq!(
                listed(std::slice::from_ref(&rule), call),
                expected,
                "{rule:?}"
            );
        }
        let named = secret.named("other");
        assert!(listed(
            &[rule(&[""], &["secrets"], &["get"], &["other"])],
            &named
        ));
    }

    #[test]
    fn rules_that_may_not_be_all_are_none() {
        let status = |incomplete, error: Option<&str>| SubjectRulesReviewStatus {
            incomplete,
            evaluation_error: error.map(str::to_owned),
            resource_rules: vec![rule(&["*"], &["*"], &["*"], &[])],
            ..SubjectRulesReviewStatus::default()
        };
        assert_eq!(whole(status(false, None)).len(), 1);
        assert_eq!(whole(status(false, Some(""))).len(), 1);
        assert!(whole(status(true, None)).is_empty());
        let why = "webhook authorizer does not support user rule resolution";
        assert!(whole(status(false, Some(why))).is_empty());
    }
}
