//! What `kubectl kustomize` makes of `deploy/`: the promises of the manifests that the scripts and pgctl rely on.

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::CronJob,
    core::v1::{ConfigMap, Namespace, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{ClusterRole, Role, RoleBinding},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fs, path::Path, process::Command};

use needs::Need;

#[path = "manifests/components.rs"]
mod components;
#[path = "support/needs.rs"]
mod needs;

/// The rendered overlay; nothing where it is known that there is no kubectl.
fn render(folder: &str) -> Result<Option<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(folder);
    if needs::does_without(Need::Kubectl) {
        return Ok(None);
    }
    let output = Command::new("kubectl")
        .arg("kustomize")
        .arg(path)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{folder}: {said}");
    Ok(Some(String::from_utf8(output.stdout)?))
}

fn objects(text: &str) -> Result<Vec<Value>> {
    text.split("\n---\n")
        .map(|part| {
            serde_saphyr::from_str(part).with_context(|| part.chars().take(200).collect::<String>())
        })
        .collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array()
        .into_iter()
        .flatten()
        .find(|item| item["name"] == name)
        .unwrap_or(&Value::Null)
}

#[test]
fn the_rendered_sandbox_is_fresh() -> Result<()> {
    let Some(text) = render("sandbox")? else {
        return Ok(());
    };
    let stored = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/sandbox/rendered.yaml"),
    )?;
    ensure!(
        stored == text,
        "stale: run `kubectl kustomize deploy/sandbox > deploy/sandbox/rendered.yaml`"
    );
    Ok(())
}

#[test]
fn every_reference_carries_the_prefix() -> Result<()> {
    for prefix in ["staging", "sandbox"] {
        let Some(text) = render(prefix)? else {
            return Ok(());
        };
        let objects = objects(&text)?;
        let sets = of_kind(&objects, "StatefulSet");
        assert_eq!(sets.len(), 2, "{prefix}");
        for set in sets {
            let name = set["metadata"]["name"].as_str().unwrap_or_default();
            ensure!(name.starts_with(&format!("{prefix}-postgres-")), "{name}");
            assert_eq!(
                set["spec"]["serviceName"], name,
                "a headless Service of the same name"
            );
            // A changed template must not take the primary down, wherever that is.
            assert_eq!(set["spec"]["updateStrategy"]["type"], "OnDelete", "{name}");
            let pod = &set["spec"]["template"]["spec"];
            let topology = &named(&pod["volumes"], "topology")["configMap"];
            assert_eq!(topology["name"], format!("{prefix}-postgres-topology"));
            assert_eq!(topology["optional"], true);
            assert_eq!(
                named(&pod["volumes"], "config")["configMap"]["name"],
                format!("{prefix}-postgres-config")
            );
            let password = &named(
                &named(&pod["containers"], "postgres")["env"],
                "POSTGRES_PASSWORD",
            )["valueFrom"]["secretKeyRef"];
            assert_eq!(password["name"], format!("{prefix}-postgres-secret"));
            assert_eq!(
                set["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/instance"],
                prefix
            );
        }
        let autoscaler = of_kind(&objects, "HorizontalPodAutoscaler");
        assert_eq!(
            autoscaler[0]["spec"]["scaleTargetRef"]["name"],
            format!("{prefix}-postgres-replica")
        );
    }
    Ok(())
}

#[test]
fn the_pods_get_the_very_scripts_of_the_repository() -> Result<()> {
    let Some(text) = render("staging")? else {
        return Ok(());
    };
    let objects = objects(&text)?;
    let config = of_kind(&objects, "ConfigMap");
    for script in [
        "start.sh",
        "session.sh",
        "peers.sh",
        "copy.sh",
        "linger.sh",
        "passwords.sh",
        "settings.sh",
        "tls.sh",
        "probe.sh",
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("deploy/base/scripts")
            .join(script);
        assert_eq!(
            config[0]["data"][script],
            fs::read_to_string(file)?,
            "{script}"
        );
    }
    Ok(())
}

#[test]
fn applying_staging_again_never_overwrites_a_password() -> Result<()> {
    let Some(text) = render("staging")? else {
        return Ok(());
    };
    let objects = objects(&text)?;
    for secret in of_kind(&objects, "Secret") {
        for key in ["postgres-password", "replication-password"] {
            ensure!(
                secret["stringData"][key].is_null() && secret["data"][key].is_null(),
                "{key} is in the manifests"
            );
        }
    }
    Ok(())
}

#[test]
fn the_placeholder_of_the_manifests_is_the_one_that_the_start_script_refuses() -> Result<()> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/base");
    let secret: Value =
        serde_saphyr::from_str(&fs::read_to_string(base.join("postgres-secret.yaml"))?)?;
    let script = fs::read_to_string(base.join("scripts/start.sh"))?;
    for key in ["postgres-password", "replication-password"] {
        let value = secret["stringData"][key].as_str().context(key)?;
        ensure!(
            script.contains(&format!("\nPLACEHOLDER={value}\n")),
            "{key}: {value}"
        );
    }
    Ok(())
}

#[test]
fn a_variable_stands_before_the_one_that_uses_it() -> Result<()> {
    let Some(text) = render("sandbox")? else {
        return Ok(());
    };
    for set in of_kind(&objects(&text)?, "StatefulSet") {
        let env = &set["spec"]["template"]["spec"]["containers"][0]["env"];
        let names: Vec<&str> = env
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|e| e["name"].as_str())
            .collect();
        let place = |name| names.iter().position(|n| *n == name);
        ensure!(place("POD_IP") < place("PG_LISTEN_ADDRESSES"), "{names:?}");
        assert_eq!(named(env, "PG_LISTEN_ADDRESSES")["value"], "$(POD_IP)");
    }
    Ok(())
}

/// What Kubernetes' own type makes of an object.
fn through<T: Serialize + DeserializeOwned>(object: &Value) -> Result<Value> {
    Ok(serde_json::to_value(T::deserialize(object)?)?)
}

fn understood(object: &Value) -> Result<Value> {
    match object["kind"].as_str().unwrap_or_default() {
        "ConfigMap" => through::<ConfigMap>(object),
        "ClusterRole" => through::<ClusterRole>(object),
        "CronJob" => through::<CronJob>(object),
        "HorizontalPodAutoscaler" => through::<HorizontalPodAutoscaler>(object),
        "Namespace" => through::<Namespace>(object),
        "NetworkPolicy" => through::<NetworkPolicy>(object),
        "PodDisruptionBudget" => through::<PodDisruptionBudget>(object),
        "Role" => through::<Role>(object),
        "RoleBinding" => through::<RoleBinding>(object),
        "Secret" => through::<Secret>(object),
        "Service" => through::<Service>(object),
        "ServiceAccount" => through::<ServiceAccount>(object),
        "StatefulSet" => through::<StatefulSet>(object),
        other => bail!("this test does not know the kind {other:?}"),
    }
}

/// The fields that `understood` lost: Kubernetes does not know them, and would drop them silently.
fn lost(given: &Value, understood: &Value, path: &str, found: &mut Vec<String>) {
    match (given, understood) {
        (Value::Object(given), Value::Object(understood)) => {
            for (key, value) in given {
                let path = format!("{path}.{key}");
                match understood.get(key) {
                    Some(same) => lost(value, same, &path, found),
                    None if value.is_null() => {}
                    None => found.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(understood)) => {
            for (index, pair) in given.iter().zip(understood).enumerate() {
                lost(pair.0, pair.1, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn kubernetes_knows_every_field() -> Result<()> {
    for folder in [
        "staging",
        "sandbox",
        "rbac",
        "rbac/nodes",
        "rbac/drain",
        "rbac/users",
        "rbac/passwords",
    ] {
        let Some(text) = render(folder)? else {
            return Ok(());
        };
        for object in objects(&text)? {
            let name = format!(
                "{folder}: {} {}",
                object["kind"], object["metadata"]["name"]
            );
            let mut found = Vec::new();
            let seen = understood(&object).with_context(|| name.clone())?;
            lost(&object, &seen, "", &mut found);
            ensure!(
                found.is_empty(),
                "{name} has fields that do not exist: {found:?}"
            );
        }
    }
    let cronjobs = include_str!("../deploy/components/backup/cronjobs.yaml");
    let archiver = include_str!("../deploy/components/wal-archive/statefulset.yaml");
    let drill = include_str!("../deploy/components/wal-archive/cronjob.yaml");
    let archive = objects(archiver)?.into_iter().chain(objects(drill)?);
    for object in objects(cronjobs)?.into_iter().chain(archive) {
        let mut found = Vec::new();
        lost(&object, &understood(&object)?, "", &mut found);
        ensure!(
            found.is_empty(),
            "{} has fields that do not exist: {found:?}",
            object["metadata"]["name"]
        );
    }
    Ok(())
}

#[test]
fn the_operators_role_holds_all_of_the_viewers() -> Result<()> {
    let rules = |text: &str| -> Result<Vec<Value>> {
        let role = objects(text)?.swap_remove(0);
        Ok(role["rules"].as_array().cloned().unwrap_or_default())
    };
    let viewer = rules(include_str!("../deploy/rbac/viewer.yaml"))?;
    let operator = rules(include_str!("../deploy/rbac/operator.yaml"))?;
    ensure!(!viewer.is_empty(), "the viewer may look at nothing");
    for rule in viewer {
        ensure!(
            operator.contains(&rule),
            "pgctl-operator alone lacks {rule}"
        );
    }
    Ok(())
}

#[test]
fn a_pod_that_is_not_ready_holds_up_no_drain() -> Result<()> {
    let policies = include_str!("../deploy/base/policies.yaml");
    let objects = objects(policies)?;
    let budgets = of_kind(&objects, "PodDisruptionBudget");
    ensure!(budgets.len() == 2, "one for each StatefulSet");
    for budget in budgets {
        ensure!(budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow");
    }
    Ok(())
}

#[test]
fn a_field_that_does_not_exist_is_found() -> Result<()> {
    let service = serde_json::json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
        "spec": {"ports": [{"port": 1, "targetport": 1}], "selctor": {}},
    });
    let mut found = Vec::new();
    lost(&service, &understood(&service)?, "", &mut found);
    found.sort();
    assert_eq!(found, [".spec.ports[0].targetport", ".spec.selctor"]);
    Ok(())
}

#[test]
fn the_cronjobs_run_commands_that_pgctl_knows_as_nobody_on_a_disk_that_they_cant_write()
-> Result<()> {
    let (Some(backup), Some(archive)) = (
        render("components/backup")?,
        render("components/wal-archive")?,
    ) else {
        return Ok(());
    };
    let all = [objects(&backup)?, objects(&archive)?].concat();
    let jobs = of_kind(&all, "CronJob");
    assert_eq!(jobs.len(), 6);
    for job in jobs {
        let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let words = |list: &Value| -> Vec<String> {
            let list = list.as_array().into_iter().flatten();
            list.filter_map(|word| word.as_str().map(str::to_owned))
                .collect()
        };
        let line = [words(&container["command"]), words(&container["args"])].concat();
        let parsed = <pgctl::cli::Cli as clap::Parser>::try_parse_from(&line);
        ensure!(
            parsed.is_ok(),
            "{line:?}: {}",
            parsed.err().map_or_else(String::new, |e| e.to_string())
        );
        ensure!(
            container["securityContext"]["readOnlyRootFilesystem"] == true,
            "{line:?}"
        );
        ensure!(pod["securityContext"]["runAsNonRoot"] == true, "{line:?}");
        ensure!(job["spec"]["concurrencyPolicy"] == "Forbid", "{line:?}");
        ensure!(
            !job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"].is_null(),
            "{line:?}"
        );
        // Only who takes backups may reach into the cluster.
        let takes = !line.iter().any(|word| word == "verify" || word == "prune");
        let account = pod["serviceAccountName"] == "pgctl-backup";
        let no_token = pod["automountServiceAccountToken"] == false;
        ensure!(takes == account && takes != no_token, "{line:?}");
        if line.iter().any(|word| word == "--restore-test") {
            // The server's data goes where it may be written, as the user of the image that has a server.
            let folder = &named(&container["env"], "TMPDIR")["value"];
            let mount = named(&container["volumeMounts"], "scratch");
            ensure!(
                !folder.is_null() && *folder == mount["mountPath"],
                "{line:?}"
            );
            let scratch = named(&pod["volumes"], "scratch");
            ensure!(scratch["emptyDir"].is_object(), "{line:?}");
            let image = container["image"].as_str().unwrap_or_default();
            ensure!(image.contains("/pgctl-restore:"), "{line:?}: {image}");
            ensure!(pod["securityContext"]["runAsUser"] == 999, "{line:?}");
        }
    }
    Ok(())
}

#[test]
fn the_archiver_is_one_pod_that_runs_what_pgctl_knows_and_keeps_its_spool() -> Result<()> {
    let Some(text) = render("components/wal-archive")? else {
        return Ok(());
    };
    let objects = objects(&text)?;
    let sets = of_kind(&objects, "StatefulSet");
    let set = sets.first().context("no StatefulSet")?;
    ensure!(
        set["spec"]["replicas"] == 1,
        "two would wait for each other"
    );
    let pod = &set["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let words = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let line = [words(&container["command"]), words(&container["args"])].concat();
    <pgctl::cli::Cli as clap::Parser>::try_parse_from(&line)?;
    ensure!(container["securityContext"]["readOnlyRootFilesystem"] == true);
    ensure!(pod["securityContext"]["runAsNonRoot"] == true);
    let spool = container["env"].as_array().into_iter().flatten();
    let spool = spool
        .filter(|it| it["name"] == "PGCTL_SPOOL")
        .find_map(|it| it["value"].as_str());
    let spool = spool.context("the spool would be lost with the pod")?;
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    let kept = mounts
        .filter(|it| it["name"] == "spool")
        .find_map(|it| it["mountPath"].as_str());
    ensure!(
        kept.is_some_and(|it| spool.starts_with(it)),
        "{spool} is not in {kept:?}"
    );
    ensure!(set["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "spool");
    Ok(())
}
