//! The real kubectl against the sandbox's API server, for everything that needs no running pods.

use crate::support::{Cluster, TestResult};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  labels: {app: db}\ndata:\n  a: one\n";

const STATEFUL_SET: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
  labels: {app: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
        - name: postgres
          image: postgres:17
          ports: [{containerPort: 5432, name: postgres}]
          env: [{name: A, value: "1"}, {name: B, value: "2"}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec:
        accessModes: [ReadWriteOnce]
        resources: {requests: {storage: 1Gi}}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn apply_creates_then_changes_only_what_changed() -> TestResult {
    let Some(cluster) = Cluster::with_kubectl().await? else {
        return Ok(());
    };
    let first = cluster.apply(STATEFUL_SET, &[]).await?;
    assert_eq!(first.ok()?, "statefulset.apps/db created\n");
    let version = [
        "get",
        "sts",
        "db",
        "-o",
        "jsonpath={.metadata.resourceVersion}",
    ];
    let before = cluster.kubectl(&version).await?.ok()?;
    // kubectl says "configured" for any StatefulSet with claim templates, because their defaults differ from the
    // file; what counts is that nothing changed.
    cluster.apply(STATEFUL_SET, &[]).await?.ok()?;
    assert_eq!(cluster.kubectl(&version).await?.ok()?, before);
    cluster.apply(CONFIG, &[]).await?.ok()?;
    assert_eq!(
        cluster.apply(CONFIG, &[]).await?.ok()?,
        "configmap/settings unchanged\n"
    );
    let changed = STATEFUL_SET
        .replace("value: \"2\"", "value: \"3\"")
        .replace("replicas: 2", "replicas: 3");
    assert_eq!(
        cluster.apply(&changed, &[]).await?.ok()?,
        "statefulset.apps/db configured\n"
    );
    let env = cluster
        .kubectl(&[
            "get",
            "sts",
            "db",
            "-o",
            "jsonpath={.spec.template.spec.containers[0].env}",
        ])
        .await?;
    assert_eq!(
        env.ok()?,
        r#"[{"name":"A","value":"1"},{"name":"B","value":"3"}]"#
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_with_validation_names_an_unknown_field() -> TestResult {
    let Some(cluster) = Cluster::with_kubectl().await? else {
        return Ok(());
    };
    let wrong = STATEFUL_SET.replace("replicas: 2", "replicaz: 2");
    let said = cluster.apply(&wrong, &[]).await?.failed()?;
    assert!(said.contains("unknown field \"spec.replicaz\""), "{said}");
    let wrong = STATEFUL_SET.replace("replicas: 2", "replicas: two");
    let said = cluster.apply(&wrong, &[]).await?.failed()?;
    assert!(
        said.contains("StatefulSet in version \"v1\" cannot be handled as a StatefulSet"),
        "{said}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn server_side_apply_keeps_owners_and_refuses_conflicts() -> TestResult {
    let Some(cluster) = Cluster::with_kubectl().await? else {
        return Ok(());
    };
    let apply = ["--server-side", "--field-manager=first"];
    assert_eq!(
        cluster.apply(CONFIG, &apply).await?.ok()?,
        "configmap/settings serverside-applied\n"
    );
    let other = CONFIG.replace("a: one", "a: two");
    let conflict = cluster
        .apply(&other, &["--server-side", "--field-manager=second"])
        .await?
        .failed()?;
    assert!(
        conflict.contains("conflict with \"first\": .data.a"),
        "{conflict}"
    );
    cluster
        .apply(
            &other,
            &[
                "--server-side",
                "--field-manager=second",
                "--force-conflicts",
            ],
        )
        .await?
        .ok()?;
    let more = CONFIG.replace("a: one", "b: mine");
    cluster
        .apply(&more, &["--server-side", "--field-manager=first"])
        .await?
        .ok()?;
    let data = cluster
        .kubectl(&["get", "cm", "settings", "-o", "jsonpath={.data}"])
        .await?;
    assert_eq!(data.ok()?, r#"{"a":"two","b":"mine"}"#);
    let fewer = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";
    cluster
        .apply(fewer, &["--server-side", "--field-manager=first"])
        .await?
        .ok()?;
    let data = cluster
        .kubectl(&["get", "cm", "settings", "-o", "jsonpath={.data}"])
        .await?;
    assert_eq!(data.ok()?, r#"{"a":"two"}"#);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn get_shows_tables_yaml_selectors_and_a_watch() -> TestResult {
    let Some(cluster) = Cluster::with_kubectl().await? else {
        return Ok(());
    };
    cluster.apply(STATEFUL_SET, &[]).await?.ok()?;
    cluster.apply(CONFIG, &[]).await?.ok()?;
    let table = cluster.kubectl(&["get", "sts", "-o", "wide"]).await?.ok()?;
    let head: Vec<_> = table
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    assert_eq!(head, ["NAME", "READY", "AGE", "CONTAINERS", "IMAGES"]);
    assert!(
        table.contains("db     0/2") && table.contains("postgres:17"),
        "{table}"
    );
    let yaml = cluster
        .kubectl(&["get", "sts", "db", "-o", "yaml"])
        .await?
        .ok()?;
    assert!(yaml.contains("podManagementPolicy: OrderedReady"), "{yaml}");
    assert_eq!(
        cluster
            .kubectl(&["get", "all,cm", "-l", "app in (db)", "-o", "name"])
            .await?
            .ok()?,
        "statefulset.apps/db\nconfigmap/settings\n"
    );
    assert_eq!(
        cluster
            .kubectl(&["get", "cm", "-l", "app!=db", "-o", "name"])
            .await?
            .ok()?,
        ""
    );
    let missing = cluster.kubectl(&["get", "pod", "none"]).await?.failed()?;
    assert_eq!(
        missing,
        "Error from server (NotFound): pods \"none\" not found\n"
    );
    let unknown = cluster.kubectl(&["get", "widgets"]).await?.failed()?;
    assert!(
        unknown.contains("the server doesn't have a resource type \"widgets\""),
        "{unknown}"
    );
    let described = cluster.kubectl(&["describe", "sts", "db"]).await?.ok()?;
    assert!(
        described.contains("Replicas:           2 desired") && described.contains("postgres:17"),
        "{described}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn patch_takes_all_three_types_and_scale_works() -> TestResult {
    let Some(cluster) = Cluster::with_kubectl().await? else {
        return Ok(());
    };
    cluster.apply(STATEFUL_SET, &[]).await?.ok()?;
    let container = r#"{"spec":{"template":{"spec":{"containers":[{"name":"postgres","image":"postgres:18"}]}}}}"#;
    cluster
        .kubectl(&["patch", "sts", "db", "-p", container])
        .await?
        .ok()?;
    cluster
        .kubectl(&[
            "patch",
            "sts",
            "db",
            "--type=merge",
            "-p",
            r#"{"metadata":{"labels":{"x":"y"}}}"#,
        ])
        .await?
        .ok()?;
    let json = r#"[{"op":"test","path":"/spec/replicas","value":2},{"op":"replace","path":"/spec/replicas","value":4}]"#;
    cluster
        .kubectl(&["patch", "sts", "db", "--type=json", "-p", json])
        .await?
        .ok()?;
    let refused = cluster
        .kubectl(&["patch", "sts", "db", "--type=json", "-p", json])
        .await?
        .failed()?;
    assert!(refused.contains("The request is invalid"), "{refused}");
    let path = "jsonpath={.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].ports[0].containerPort} {.metadata.labels.x} {.spec.replicas}";
    assert_eq!(
        cluster
            .kubectl(&["get", "sts", "db", "-o", path])
            .await?
            .ok()?,
        "postgres:18 5432 y 4"
    );
    assert_eq!(
        cluster
            .kubectl(&["scale", "sts", "db", "--replicas=1"])
            .await?
            .ok()?,
        "statefulset.apps/db scaled\n"
    );
    let wrong = cluster
        .kubectl(&["scale", "sts", "db", "--replicas=3", "--current-replicas=2"])
        .await?
        .failed()?;
    assert!(
        wrong.contains("Expected replicas to be 2, was 1"),
        "{wrong}"
    );
    assert_eq!(
        cluster
            .kubectl(&["get", "sts", "db", "-o", "jsonpath={.spec.replicas}"])
            .await?
            .ok()?,
        "1"
    );
    let frozen = cluster
        .kubectl(&[
            "patch",
            "sts",
            "db",
            "--type=merge",
            "-p",
            r#"{"spec":{"serviceName":"other"}}"#,
        ])
        .await?
        .failed()?;
    assert!(
        frozen.contains("updates to statefulset spec for fields other than"),
        "{frozen}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_and_wait_end_when_the_object_is_gone() -> TestResult {
    let Some(cluster) = Cluster::with_kubectl().await? else {
        return Ok(());
    };
    cluster.apply(CONFIG, &[]).await?.ok()?;
    let (waited, deleted) = tokio::join!(
        cluster.kubectl(&["wait", "--for=delete", "cm/settings", "--timeout=230s"]),
        cluster.kubectl(&["delete", "cm", "settings"]),
    );
    assert_eq!(deleted?.ok()?, "configmap \"settings\" deleted\n");
    waited?.ok()?;
    cluster.apply(STATEFUL_SET, &[]).await?.ok()?;
    cluster
        .kubectl(&[
            "wait",
            "--for=jsonpath={.spec.replicas}=2",
            "sts/db",
            "--timeout=230s",
        ])
        .await?
        .ok()?;
    cluster.kubectl(&["delete", "sts", "--all"]).await?.ok()?;
    cluster.kubectl(&["create", "ns", "other"]).await?.ok()?;
    cluster.kubectl(&["delete", "ns", "other"]).await?.ok()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_tells_what_a_service_account_may_do() -> TestResult {
    let Some(cluster) = Cluster::with_kubectl().await? else {
        return Ok(());
    };
    assert_eq!(
        cluster
            .kubectl(&["auth", "can-i", "delete", "pods"])
            .await?
            .ok()?,
        "yes\n"
    );
    cluster
        .kubectl(&["create", "serviceaccount", "runbook"])
        .await?
        .ok()?;
    cluster
        .kubectl(&[
            "create",
            "role",
            "reader",
            "--verb=get,list",
            "--resource=pods,pods/log",
        ])
        .await?
        .ok()?;
    cluster
        .kubectl(&[
            "create",
            "rolebinding",
            "reader",
            "--role=reader",
            "--serviceaccount=default:runbook",
        ])
        .await?
        .ok()?;
    let account = "--as=system:serviceaccount:default:runbook";
    assert_eq!(
        cluster
            .kubectl(&["auth", "can-i", "get", "pods", "--subresource=log", account])
            .await?
            .ok()?,
        "yes\n"
    );
    let no = cluster
        .kubectl(&["auth", "can-i", "delete", "pods", account])
        .await?;
    assert_eq!((no.code, no.stdout.as_str()), (Some(1), "no\n"));
    let said = cluster
        .kubectl(&["delete", "pod", "x", account])
        .await?
        .failed()?;
    assert_eq!(
        said,
        "Error from server (Forbidden): pods \"x\" is forbidden: User \"system:serviceaccount:default:runbook\" cannot delete resource \"pods\" in API group \"\" in the namespace \"default\"\n"
    );
    let token = cluster
        .kubectl(&["create", "token", "runbook"])
        .await?
        .ok()?;
    let pods = cluster
        .kubectl(&[
            "get",
            "pods",
            "--token",
            token.trim(),
            "--kubeconfig",
            &cluster.anonymous(),
        ])
        .await?;
    assert!(pods.ok()?.contains("db-0"));
    let who = cluster
        .kubectl(&[
            "auth",
            "whoami",
            "-o",
            "jsonpath={.status.userInfo.username}",
            account,
        ])
        .await?;
    assert_eq!(who.ok()?, "system:serviceaccount:default:runbook");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_and_logs_reach_the_container_and_bring_back_exit_codes() -> TestResult {
    let Some(cluster) = Cluster::with_kubectl().await? else {
        return Ok(());
    };
    let input = "line\n".repeat(20_000);
    let back = cluster
        .kubectl_with(&["exec", "-i", "db-0", "--", "cat"], &input)
        .await?
        .ok()?;
    assert!(
        back == input,
        "{} of {} bytes came back",
        back.len(),
        input.len()
    );
    let exit = cluster
        .kubectl(&["exec", "db-0", "--", "exit", "7"])
        .await?;
    assert_eq!(
        (exit.code, exit.stderr.as_str()),
        (Some(7), "bye\ncommand terminated with exit code 7\n")
    );
    assert_eq!(
        cluster
            .kubectl(&["logs", "db-0", "--tail=3", "-f"])
            .await?
            .ok()?,
        "tail Some(3) follow true\n"
    );
    let wrong = cluster
        .kubectl(&["exec", "db-0", "-c", "other", "--", "cat"])
        .await?
        .failed()?;
    assert!(
        wrong.contains("container other is not valid for pod db-0"),
        "{wrong}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_deletion_is_waited_for() -> TestResult {
    let Some(cluster) = Cluster::with_kubectl().await? else {
        return Ok(());
    };
    let pods = pgctl_sandbox::store::of::<k8s_openapi::api::core::v1::Pod>();
    let mut watch = cluster.store.watch(pods, None, cluster.store.revision())?;
    let kubelet = async {
        // As a kubelet: the pod is marked first, then goes for good.
        let events = watch.next().await?;
        let marked = events
            .iter()
            .any(|e| e.object.pointer("/metadata/deletionGracePeriodSeconds") == Some(&30.into()));
        cluster.store.delete(
            pods,
            "default",
            "db-0",
            &pgctl_sandbox::store::DeleteOptions::now(),
        )?;
        Ok::<_, crate::support::Error>(marked)
    };
    let (deleted, marked) = tokio::join!(cluster.kubectl(&["delete", "pod", "db-0"]), kubelet);
    assert_eq!(deleted?.ok()?, "pod \"db-0\" deleted\n");
    assert!(marked?, "the pod got its grace period");
    Ok(())
}
