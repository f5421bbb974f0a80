//! The shipped Roles: the operator's is enough for all of it, the viewer's for nothing of it.

use anyhow::Result;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding, RoleRef, Subject};
use kube::core::ObjectMeta;
use pgctl_sandbox::api::Identity;

use super::lab::{Lab, Oracle, on_sandbox};

const VIEWER: &str = include_str!("../../deploy/rbac/viewer.yaml");
const OPERATOR: &str = include_str!("../../deploy/rbac/operator.yaml");

impl Lab {
    /// Makes a Role of the deployment, and gives it to a person.
    fn grant(&self, role: &str, person: &str) -> Result<()> {
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
    fn kubeconfig_of(&self, person: &str) -> Result<String> {
        let server = self.sandbox.server()?;
        let identity = Identity::new(person, &[]);
        let text = server.token_kubeconfig(person, self.namespace(), &identity);
        let file = self.sandbox.folder().join(format!("kubeconfig-{person}"));
        std::fs::write(&file, text)?;
        Ok(file.to_string_lossy().into_owned())
    }
}

#[test]
fn the_viewer_is_refused_before_the_first_change_and_the_operator_can_do_all_of_it() -> Result<()> {
    on_sandbox(1, async |lab| {
        let oracle = Oracle::start(lab).await?;
        lab.grant(VIEWER, "vera")?;
        lab.grant(VIEWER, "olga")?;
        lab.grant(OPERATOR, "olga")?;
        let (vera, olga) = (lab.kubeconfig_of("vera")?, lab.kubeconfig_of("olga")?);
        let mut arguments = vec!["failover", "--to", "replica-0", "--rejoin", "--kubeconfig"];
        let dry_run = [arguments.as_slice(), &[vera.as_str(), "--dry-run"]].concat();
        lab.refuses(&dry_run, "patch").await?;
        let refused = [arguments.as_slice(), &[vera.as_str(), "--yes"]].concat();
        lab.refuses(&refused, "patch").await?;
        arguments.extend([olga.as_str(), "--yes"]);
        lab.pgctl(&arguments).await?.exits(0)?;
        oracle.content(lab).await?;
        lab.pgctl(&[
            "failover",
            "--to",
            "primary-0",
            "--yes",
            "--kubeconfig",
            &olga,
        ])
        .await?
        .exits(0)?;
        oracle.content(lab).await?;
        lab.pgctl(&["history", "--kubeconfig", &vera])
            .await?
            .exits(0)?
            .says("primary-0")?;
        Ok(())
    })
}
