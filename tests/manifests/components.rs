//! The components that change where the image or the Secret comes from, each in an overlay with a prefix.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::needs::{Need, does_without};
use super::{named, objects, of_kind, through};

/// What an overlay of the base with this component applies; nothing where it is known that there is no kubectl.
fn overlay(component: &str) -> Result<Option<Vec<Value>>> {
    if does_without(Need::Kubectl) {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let up = "../".repeat(folder.path().components().count().saturating_sub(1));
    let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy").trim_start_matches('/');
    let text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: shop\nnamePrefix: shop-\n\
         resources: [{up}{deploy}/base]\ncomponents: [{up}{deploy}/components/{component}]\n"
    );
    std::fs::write(folder.path().join("kustomization.yaml"), text)?;
    let output = Command::new("kubectl")
        .arg("kustomize")
        .arg(folder.path())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{component}: {said}");
    objects(&String::from_utf8(output.stdout)?).map(Some)
}

/// The names and keys of the Secrets that the pods read.
fn read_by_pods(all: &[Value]) -> (BTreeSet<String>, BTreeSet<String>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for set in of_kind(all, "StatefulSet") {
        let containers = set["spec"]["template"]["spec"]["containers"].as_array();
        let variables = containers
            .into_iter()
            .flatten()
            .flat_map(|container| container["env"].as_array().into_iter().flatten());
        for reference in variables.map(|variable| &variable["valueFrom"]["secretKeyRef"]) {
            if reference.is_object() {
                names.insert(text(&reference["name"]));
                keys.insert(text(&reference["key"]));
            }
        }
    }
    (names, keys)
}

/// The Secret of the manifests: it is there to be referred to, and nobody applies it.
fn is_not_applied(all: &[Value]) -> Result<()> {
    // kustomize leaves what is `local-config` out of what it prints.
    let secrets = of_kind(all, "Secret");
    ensure!(
        secrets.is_empty(),
        "somebody else's Secret would be overwritten: {secrets:?}"
    );
    Ok(())
}

#[test]
fn the_alpine_image_runs_as_its_own_user_everywhere() -> Result<()> {
    let Some(all) = overlay("alpine")? else {
        return Ok(());
    };
    let sets = of_kind(&all, "StatefulSet");
    assert_eq!(sets.len(), 2);
    for set in sets {
        through::<k8s_openapi::api::apps::v1::StatefulSet>(set)?;
        let pod = &set["spec"]["template"]["spec"];
        let image = named(&pod["containers"], "postgres")["image"].as_str();
        ensure!(image.is_some_and(|it| it.ends_with("-alpine")), "{image:?}");
        let context = &pod["securityContext"];
        for field in ["runAsUser", "runAsGroup", "fsGroup"] {
            ensure!(context[field] == 70, "{field}: {context}");
        }
        ensure!(context["runAsNonRoot"] == true, "{context}");
    }
    Ok(())
}

#[test]
fn an_external_secret_writes_what_the_pods_read() -> Result<()> {
    let Some(all) = overlay("external-secrets")? else {
        return Ok(());
    };
    is_not_applied(&all)?;
    let external = of_kind(&all, "ExternalSecret");
    let external = external.first().context("no ExternalSecret")?;
    let (names, keys) = read_by_pods(&all);
    let target = external["spec"]["target"]["name"]
        .as_str()
        .unwrap_or_default();
    ensure!(
        names == [target.to_owned()].into(),
        "{names:?}, and {target:?} is written"
    );
    let data = external["spec"]["data"].as_array();
    let written = data
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["secretKey"].as_str().map(str::to_owned));
    ensure!(
        written.collect::<BTreeSet<_>>() == keys,
        "the pods read {keys:?}"
    );
    Ok(())
}

#[test]
fn a_sealed_secret_is_left_to_its_controller_under_the_name_that_the_pods_read() -> Result<()> {
    let Some(all) = overlay("sealed-secrets")? else {
        return Ok(());
    };
    is_not_applied(&all)?;
    let (names, _) = read_by_pods(&all);
    // The overlay's prefix goes to the name that they read, too.
    ensure!(
        names == ["shop-postgres-secret".to_owned()].into(),
        "{names:?}"
    );
    Ok(())
}

#[test]
fn monitoring_follows_the_prefix_and_its_alerts_lead_to_the_runbooks_that_are_named_once()
-> Result<()> {
    let Some(all) = overlay("monitoring")? else {
        return Ok(());
    };
    let deployments = of_kind(&all, "Deployment");
    let deployment = deployments.first().context("no Deployment")?;
    let pod = &deployment["spec"]["template"]["spec"];
    let exporter = named(&pod["containers"], "postgres-exporter");
    let service = &named(&exporter["env"], "WRITE_SERVICE")["value"];
    let services = of_kind(&all, "Service");
    let names: Vec<&Value> = services.iter().map(|it| &it["metadata"]["name"]).collect();
    ensure!(
        names.contains(&service) && *service == "shop-postgres-write",
        "{service} of {names:?}"
    );
    let address = named(&exporter["env"], "DATA_SOURCE_URI")["value"].as_str();
    ensure!(
        address.is_some_and(|it| it.starts_with("$(WRITE_SERVICE):5432/")),
        "{address:?}"
    );
    // Not as the superuser, and nothing waits for a Secret that is not there yet.
    for variable in ["DATA_SOURCE_USER", "DATA_SOURCE_PASS"] {
        let from = &named(&exporter["env"], variable)["valueFrom"]["secretKeyRef"];
        ensure!(from["name"] == "postgres-exporter", "{variable}: {from}");
        ensure!(from["optional"] == true, "{variable}: {from}");
    }
    let store = &named(&pod["containers"], "pgctl")["envFrom"][0]["secretRef"];
    ensure!(store["optional"] == true, "{store}");
    let text = include_str!("../../deploy/components/monitoring/kustomization.yaml");
    let runbooks = text
        .lines()
        .find_map(|it| it.trim().strip_prefix("- runbooks="));
    let runbooks = runbooks.context("one place for the runbooks")?;
    let rules = of_kind(&all, "PrometheusRule");
    let groups = rules.first().context("no PrometheusRule")?["spec"]["groups"].as_array();
    let alerts = groups
        .into_iter()
        .flatten()
        .flat_map(|it| it["rules"].as_array());
    let mut count = 0;
    for alert in alerts.flatten() {
        let page = alert["annotations"]["runbook_url"]
            .as_str()
            .context("a page")?;
        ensure!(
            page.starts_with(&format!("{runbooks}/")) && page.ends_with(".md"),
            "{page}"
        );
        count += 1;
    }
    ensure!(count > 10, "{count} alerts");
    // It is for kustomize only.
    let maps = of_kind(&all, "ConfigMap");
    let left = maps.iter().any(|it| it["data"]["runbooks"].is_string());
    ensure!(!left, "{maps:?}");
    Ok(())
}

#[test]
fn poolers_go_through_the_services_and_only_their_own_pods_are_behind_theirs() -> Result<()> {
    let Some(all) = overlay("pooler")? else {
        return Ok(());
    };
    let deployments = of_kind(&all, "Deployment");
    assert_eq!(deployments.len(), 2);
    let services = of_kind(&all, "Service");
    let budgets = of_kind(&all, "PodDisruptionBudget");
    for deployment in deployments {
        through::<k8s_openapi::api::apps::v1::Deployment>(deployment)?;
        let name = deployment["metadata"]["name"].as_str().unwrap_or_default();
        let leads_to = name
            .replace("pooler-read", "read")
            .replace("pooler", "write");
        let pod = &deployment["spec"]["template"]["spec"];
        let container = named(&pod["containers"], "pgbouncer");
        assert_eq!(
            named(&container["env"], "POOLER_SERVICE")["value"],
            leads_to
        );
        ensure!(
            services.iter().any(|it| it["metadata"]["name"] == leads_to),
            "{leads_to}"
        );
        ensure!(
            container["securityContext"]["readOnlyRootFilesystem"] == true,
            "{container}"
        );
        ensure!(pod["securityContext"]["runAsNonRoot"] == true, "{pod}");
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        ensure!(labels["app.kubernetes.io/name"] == "pgbouncer", "{labels}");
        let own = services.iter().find(|it| it["metadata"]["name"] == name);
        let own = own.with_context(|| format!("no Service {name}"))?;
        assert_eq!(own["spec"]["selector"], *labels);
        let budget = budgets.iter().find(|it| it["metadata"]["name"] == name);
        let budget = budget.with_context(|| format!("no budget {name}"))?;
        assert_eq!(budget["spec"]["selector"]["matchLabels"], *labels);
        // The Secret is read as files: nothing of it is in the environment.
        ensure!(
            !container["env"].to_string().contains("secretKeyRef"),
            "{container}"
        );
        let secret = &named(&pod["volumes"], "passwords")["secret"]["secretName"];
        assert_eq!(*secret, "shop-postgres-pooler-secret");
    }
    Ok(())
}

/// Rules as words, without what is for people.
fn rules(text: &str) -> Vec<Vec<&str>> {
    let rules = text.lines().filter(|it| !it.trim_start().starts_with('#'));
    let words = rules.map(|it| it.split_whitespace().collect::<Vec<_>>());
    words.filter(|it| !it.is_empty()).collect()
}

#[test]
fn certificates_are_mounted_first_and_only_then_does_a_pod_demand_encryption() -> Result<()> {
    for (component, demands) in [("tls-offered", false), ("tls", true)] {
        let Some(all) = overlay(component)? else {
            return Ok(());
        };
        let sets = of_kind(&all, "StatefulSet");
        assert_eq!(sets.len(), 2);
        for set in sets {
            through::<k8s_openapi::api::apps::v1::StatefulSet>(set)?;
            let pod = &set["spec"]["template"]["spec"];
            let container = named(&pod["containers"], "postgres");
            let mount = named(&container["volumeMounts"], "certificate");
            assert_eq!(mount["mountPath"], "/etc/postgresql-tls");
            assert_eq!(mount["readOnly"], true);
            let told = &named(&container["env"], "PG_TLS_DIR")["value"];
            assert_eq!(*told, mount["mountPath"], "the script looks elsewhere");
            // Nobody's prefix: cert-manager, or a person, makes it by this name.
            let secret = &named(&pod["volumes"], "certificate")["secret"];
            assert_eq!(secret["secretName"], "postgres-tls");
            assert_eq!(secret["defaultMode"], 0o440);
            let mode = &named(&container["env"], "PG_SSLMODE")["value"];
            assert_eq!(*mode == "verify-full", demands, "{component}: {mode}");
        }
        let configs = of_kind(&all, "ConfigMap");
        let config = configs
            .iter()
            .find(|it| it["metadata"]["name"] == "shop-postgres-config");
        let data = &config.context("no ConfigMap with the settings")?["data"];
        let encrypted = data["pg_hba-tls.conf"].as_str();
        assert_eq!(encrypted.is_some(), demands, "{component}");
        let Some(encrypted) = encrypted else {
            continue;
        };
        // The same people by the same methods, but encrypted.
        let mut expected = rules(data["pg_hba.conf"].as_str().context("the usual rules")?);
        for rule in &mut expected {
            if rule[0] == "host" && rule.last() != Some(&"reject") {
                rule[0] = "hostssl";
            }
        }
        assert_eq!(rules(encrypted), expected);
    }
    Ok(())
}
