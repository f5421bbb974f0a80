//! People who have the shipped Roles.

use anyhow::Result;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding, RoleRef, Subject};
use kube::core::ObjectMeta;
use pgctl_sandbox::api::Identity;

use super::SandboxCluster;

pub(crate) const VIEWER: &str = include_str!("../../../deploy/rbac/viewer.yaml");
pub(crate) const OPERATOR: &str = include_str!("../../../deploy/rbac/operator.yaml");

impl SandboxCluster {
    /// Makes a Role of the deployment, and gives it to a person.
    pub(crate) fn grant(&self, role: &str, person: &str) -> Result<()> {
        let mut role: Role = serde_saphyr::from_str(role)?;
        role.metadata.namespace = Some(self.namespace().to_owned());
        let name = role.metadata.name.clone().unwrap_or_default();
        if self
            .store()
            .read_opt::<Role>(self.namespace(), &name)?
            .is_none()
        {
            self.store().add(&role)?;
        }
        self.store().add(&RoleBinding {
            metadata: ObjectMeta {
                name: Some(format!("{name}-{person}")),
                namespace: Some(self.namespace().to_owned()),
                ..ObjectMeta::default()
            },
            role_ref: RoleRef {
                api_group: "rbac.authorization.k8s.io".to_owned(),
                kind: "Role".to_owned(),
                name,
            },
            subjects: Some(vec![Subject {
                api_group: Some("rbac.authorization.k8s.io".to_owned()),
                kind: "User".to_owned(),
                name: person.to_owned(),
                namespace: None,
            }]),
        })?;
        Ok(())
    }

    /// The person's kubeconfig, as a file.
    pub(crate) fn kubeconfig_of(&self, person: &str) -> Result<String> {
        let server = self.sandbox.server()?;
        let identity = Identity::new(person, &[]);
        let text = server.token_kubeconfig(person, self.namespace(), &identity);
        let file = self.sandbox.folder().join(format!("kubeconfig-{person}"));
        std::fs::write(&file, text)?;
        Ok(file.to_string_lossy().into_owned())
    }
}
