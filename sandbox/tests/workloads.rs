//! Deployments, Jobs, CronJobs and the tokens of service accounts on a running sandbox, by the real kubectl.

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use pgctl_sandbox::{Options, Sandbox};

use needs::{Need, does_without};

#[path = "../../tests/support/needs.rs"]
mod needs;

const WAIT: &str = "--timeout=120s";

/// Two pods behind a Service, an account with a Role, and Jobs of every fate.
const MANIFESTS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: work}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: looker, namespace: work}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: silent, namespace: work}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: looker, namespace: work}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: looker}]
---
apiVersion: v1
kind: Service
metadata: {name: web-front, namespace: work}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: work}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: looker
      terminationGracePeriodSeconds: 1
      securityContext: {runAsUser: 1000, runAsNonRoot: true}
      containers:
        - name: main
          image: registry.example.com/postgres:17
          command: [sh, -c, "touch /tmp/ready; exec sleep 1000"]
          env: [{name: GREETING, value: "at $(WEB_FRONT_SERVICE_HOST)"}]
          ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9100}]
          readinessProbe: {exec: {command: [test, -f, /tmp/ready]}, periodSeconds: 1}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: work}
spec:
  schedule: "15 1 * * *"
  timeZone: Europe/Berlin
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        metadata: {labels: {app: nightly}}
        spec:
          serviceAccountName: silent
          restartPolicy: Never
          containers:
            - {name: main, image: postgres:17, command: [sh, -c, "echo done by hand; ls /var/run/secrets 2>&1; true"]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: minutely, namespace: work}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: postgres:17, command: ["true"]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: broken, namespace: work}
spec:
  backoffLimit: 1
  podFailurePolicy:
    rules: [{action: FailJob, onExitCodes: {containerName: main, operator: In, values: [4]}}]
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: postgres:17, command: [sh, -c, "echo no luck >&2; exit 4"]}]
"#;

struct World {
    sandbox: Sandbox,
}

impl World {
    fn command(&self, arguments: &[&str]) -> Result<Output> {
        Command::new("kubectl")
            .args(["--kubeconfig"])
            .arg(self.sandbox.kubeconfig())
            .args(arguments)
            .env("KUBECTL_KUBERC", "false")
            .output()
            .context("running kubectl")
    }

    fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        ensure!(
            output.status.success(),
            "kubectl {}: {}{}",
            arguments.join(" "),
            text(&output.stdout),
            text(&output.stderr)
        );
        Ok(text(&output.stdout))
    }

    fn fails(&self, arguments: &[&str], words: &str) -> Result<()> {
        let output = self.command(arguments)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            !output.status.success(),
            "kubectl {} went well",
            arguments.join(" ")
        );
        ensure!(
            said.contains(words),
            "kubectl {}: {said}",
            arguments.join(" ")
        );
        Ok(())
    }

    /// Waits until what kubectl prints has these words.
    fn until(&self, arguments: &[&str], holds: impl Fn(&str) -> bool) -> Result<String> {
        let end = Instant::now() + Duration::from_secs(180);
        loop {
            let said = self.kubectl(arguments)?;
            if holds(&said) {
                return Ok(said);
            }
            if Instant::now() > end {
                bail!("kubectl {} still says: {said}", arguments.join(" "));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Those that are not being deleted.
    fn pods(&self, label: &str) -> Result<Vec<String>> {
        let list = self.kubectl(&["get", "pods", "-l", label, "-o", "json"])?;
        let list: serde_json::Value = serde_json::from_str(&list)?;
        let pods = list["items"].as_array().cloned().unwrap_or_default();
        let stays = |pod: &&serde_json::Value| pod["metadata"]["deletionTimestamp"].is_null();
        let name = |pod: &serde_json::Value| {
            let name = pod["metadata"]["name"].as_str();
            format!("pod/{}", name.unwrap_or_default())
        };
        Ok(pods.iter().filter(stays).map(name).collect())
    }
}

#[test]
fn workloads_run_as_on_a_cluster() -> Result<()> {
    if does_without(Need::Kubectl) {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("work.yaml");
    fs::write(&file, MANIFESTS)?;
    let sandbox = Sandbox::start(&Options {
        manifests: Some(file),
        ..Options::default()
    })?;
    let world = World { sandbox };
    a_deployment_rolls(&world)?;
    pods_know_where_they_are(&world)?;
    jobs_end(&world)?;
    what_is_deleted_takes_its_own_along(&world)?;
    world.until(&["get", "jobs"], |said| {
        said.lines().any(|line| {
            line.starts_with("minutely-") && line.contains("Complete") && line.contains("1/1")
        })
    })?;
    Ok(())
}

fn a_deployment_rolls(world: &World) -> Result<()> {
    world.kubectl(&["rollout", "status", "deployment/web", WAIT])?;
    let table = world.kubectl(&["get", "deployment", "web"])?;
    let heads: Vec<&str> = table
        .lines()
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    ensure!(
        heads == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"],
        "{table}"
    );
    ensure!(table.contains("2/2"), "{table}");
    let slice = world.kubectl(&[
        "get",
        "endpointslices",
        "-l",
        "kubernetes.io/service-name=web-front",
        "-o",
        "jsonpath={.items[*].ports[*].port} {.items[*].endpoints[*].conditions.ready}",
    ])?;
    ensure!(slice == "8080 true true", "{slice}");
    let first = world.pods("app=web")?;
    world.kubectl(&["set", "env", "deployment/web", "EXTRA=1"])?;
    world.kubectl(&["rollout", "status", "deployment/web", WAIT])?;
    let second = world.pods("app=web")?;
    ensure!(
        first.iter().all(|pod| !second.contains(pod)),
        "{first:?} {second:?}"
    );
    let history = world.kubectl(&["rollout", "history", "deployment/web"])?;
    ensure!(
        history.contains("\n1 ") && history.contains("\n2 "),
        "{history}"
    );
    world.kubectl(&["rollout", "undo", "deployment/web"])?;
    world.kubectl(&["rollout", "status", "deployment/web", WAIT])?;
    let revision = world.kubectl(&[
        "get",
        "deployment",
        "web",
        "-o",
        r"jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}",
    ])?;
    ensure!(revision == "3", "{revision}");
    let sets = world.kubectl(&["get", "replicasets", "-o", "wide"])?;
    ensure!(
        sets.lines().count() == 3 && sets.contains("pod-template-hash="),
        "{sets}"
    );
    world.kubectl(&["scale", "deployment/web", "--replicas=3"])?;
    world.kubectl(&["rollout", "status", "deployment/web", WAIT])?;
    ensure!(world.pods("app=web")?.len() == 3);
    // A pod that goes is replaced at once.
    let pod = world.pods("app=web")?.remove(0);
    world.kubectl(&["delete", &pod, "--wait=false"])?;
    world.until(&["get", "deployment", "web"], |said| said.contains("3/3"))?;
    world.fails(
        &[
            "patch",
            "deployment",
            "web",
            "--type=merge",
            "-p",
            r#"{"spec":{"selector":{"matchLabels":{"a":"b"}}}}"#,
        ],
        "field is immutable",
    )?;
    Ok(())
}

fn pods_know_where_they_are(world: &World) -> Result<()> {
    let pod = world.pods("app=web")?.remove(0);
    let shell = |script: &str| world.kubectl(&["exec", &pod, "--", "sh", "-c", script]);
    let folder = "/var/run/secrets/kubernetes.io/serviceaccount";
    ensure!(shell(&format!("cat {folder}/namespace"))? == "work");
    ensure!(shell(&format!("cat {folder}/ca.crt"))?.contains("BEGIN CERTIFICATE"));
    ensure!(shell("echo $GREETING")?.starts_with("at 127."));
    ensure!(shell("echo $WEB_FRONT_PORT_80_TCP_PROTO $HOME")?.trim() == "tcp /");
    let server = shell("echo https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT")?;
    let token = shell(&format!("cat {folder}/token"))?;
    // As whoever is in the pod, with nothing but what is there.
    let ca = world.sandbox.folder().join("pod-ca.crt");
    fs::write(&ca, shell(&format!("cat {folder}/ca.crt"))?)?;
    let inside = |arguments: &[&str]| -> Result<(bool, String)> {
        let output = Command::new("kubectl")
            .args([
                "--kubeconfig=/dev/null",
                "-n",
                "work",
                "--server",
                server.trim(),
            ])
            .arg(format!("--token={token}"))
            .arg("--certificate-authority")
            .arg(&ca)
            .args(arguments)
            .output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        ))
    };
    let (_, who) = inside(&["auth", "whoami"])?;
    ensure!(who.contains("system:serviceaccount:work:looker"), "{who}");
    ensure!(inside(&["get", "pods"])?.0);
    let (may, said) = inside(&["delete", &pod])?;
    ensure!(
        !may && said.contains("cannot delete resource \"pods\""),
        "{said}"
    );
    // Another audience's token is none for this server, and one ends with its pod.
    let foreign = world.kubectl(&["create", "token", "looker", "--audience", "vault"])?;
    let whoami = |token: &str| {
        let server = server.trim();
        Command::new("kubectl")
            .args([
                "--kubeconfig=/dev/null",
                "--server",
                server,
                "--insecure-skip-tls-verify",
            ])
            .arg(format!("--token={token}"))
            .args(["auth", "whoami"])
            .output()
    };
    ensure!(!whoami(foreign.trim())?.status.success());
    let own = world.kubectl(&["create", "token", "looker"])?;
    ensure!(whoami(own.trim())?.status.success());
    world.kubectl(&["delete", &pod, "--force", "--grace-period=0"])?;
    let (may, said) = inside(&["get", "pods"])?;
    ensure!(!may, "{said}");
    world.fails(
        &[
            "run",
            "lost",
            "--image=postgres",
            "--overrides",
            r#"{"spec":{"serviceAccountName":"nobody"}}"#,
        ],
        "serviceaccount \"nobody\" not found",
    )?;
    Ok(())
}

fn jobs_end(world: &World) -> Result<()> {
    world.kubectl(&["create", "job", "by-hand", "--from=cronjob/nightly"])?;
    world.kubectl(&["wait", "--for=condition=complete", "job/by-hand", WAIT])?;
    let log = world.kubectl(&["logs", "job/by-hand"])?;
    ensure!(
        log.contains("done by hand") && log.contains("No such file"),
        "{log}"
    );
    let table = world.until(&["get", "jobs"], |said| said.contains("by-hand"))?;
    let heads: Vec<&str> = table
        .lines()
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    ensure!(
        heads == ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"],
        "{table}"
    );
    let table = world.kubectl(&["get", "cronjobs", "nightly"])?;
    ensure!(
        table.contains("LAST SCHEDULE")
            && table.contains("Europe/Berlin")
            && table.contains("False"),
        "{table}"
    );
    world.kubectl(&["wait", "--for=condition=failed", "job/broken", WAIT])?;
    let why = world.kubectl(&[
        "get",
        "job",
        "broken",
        "-o",
        "jsonpath={.status.conditions[?(@.type==\"Failed\")].reason} {.status.failed}",
    ])?;
    ensure!(why == "PodFailurePolicy 1", "{why}");
    let pods = world.kubectl(&[
        "get",
        "pods",
        "-l",
        "job-name=broken",
        "-o",
        "jsonpath={.items[*].metadata.finalizers}{.items[*].status.phase}",
    ])?;
    ensure!(pods == "Failed", "counted, and free to go: {pods}");
    world.fails(
        &[
            "patch",
            "cronjob",
            "nightly",
            "--type=merge",
            "-p",
            r#"{"spec":{"schedule":"15 1 * *"}}"#,
        ],
        "expected exactly 5 fields",
    )?;
    Ok(())
}

fn what_is_deleted_takes_its_own_along(world: &World) -> Result<()> {
    world.kubectl(&["delete", "job", "by-hand", WAIT])?;
    world.until(
        &["get", "pods", "-l", "job-name=by-hand", "-o", "name"],
        str::is_empty,
    )?;
    world.kubectl(&["delete", "deployment", "web", "--cascade=orphan", WAIT])?;
    let sets = world.kubectl(&["get", "replicasets", "-o", "name"])?;
    ensure!(!sets.is_empty(), "orphans stay");
    for set in sets.lines() {
        world.kubectl(&["delete", set, "--cascade=foreground", WAIT])?;
    }
    let pods = world.kubectl(&["get", "pods", "-l", "app=web", "-o", "name"])?;
    ensure!(pods.is_empty(), "its pods went first: {pods}");
    Ok(())
}
