//! Users, as RBAC sees them.

/// A user as RBAC sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name that RBAC knows it by.
    pub user: String,
    /// Groups, without the ones every user has.
    pub groups: Vec<String>,
}

impl Identity {
    /// A user in groups.
    pub fn new(user: &str, groups: &[&str]) -> Self {
        Self {
            user: user.to_owned(),
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        }
    }

    /// The administrator of the cluster, as in kubeadm's admin.conf.
    pub fn admin() -> Self {
        Self::new("kubernetes-admin", &["system:masters"])
    }

    /// A service account.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self::new(
            &format!("system:serviceaccount:{namespace}:{name}"),
            &[
                "system:serviceaccounts",
                &format!("system:serviceaccounts:{namespace}"),
            ],
        )
    }

    pub(super) fn anonymous() -> Self {
        Self::new("system:anonymous", &["system:unauthenticated"])
    }

    pub(super) fn authenticated(mut self) -> Self {
        let group = "system:authenticated".to_owned();
        if !self.groups.contains(&group) && self.user != "system:anonymous" {
            self.groups.push(group);
        }
        self
    }
}
