//! The API server as kube-rs sees it: streams, faults, watches and refusals on the real wire.

use std::time::Duration;

use crate::support::{Cluster, TestResult, runtime::FLOOD};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{
    AttachParams, ListParams, LogParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::{Api, Client, ResourceExt};
use pgctl_sandbox::api::{Effect, Fault, Identity};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn config_map(name: &str) -> Result<ConfigMap, serde_json::Error> {
    serde_json::from_value(json!({"metadata": {"name": name}, "data": {"k": "v"}}))
}

async fn pods() -> Result<(Cluster, Api<Pod>), crate::support::Error> {
    let cluster = Cluster::with_pods().await?;
    let client = cluster.client().await?;
    Ok((cluster, Api::default_namespaced(client)))
}

#[tokio::test]
async fn exec_carries_stdin_to_its_end_and_reports_success() -> TestResult {
    let (_cluster, pods) = pods().await?;
    let params = AttachParams::default().stdin(true).stderr(false);
    let mut process = pods.exec("db-0", ["cat"], &params).await?;
    let mut stdin = process.stdin().ok_or("no stdin")?;
    let mut stdout = process.stdout().ok_or("no stdout")?;
    let status = process.take_status().ok_or("no status")?;
    let sent: Vec<u8> = (0..200_000_u32)
        .map(|n| u8::try_from(n % 251).unwrap_or(0))
        .collect();
    let expected = sent.clone();
    let write = async move {
        stdin.write_all(&sent).await?;
        stdin.shutdown().await
    };
    let mut received = Vec::new();
    let (written, read, status) = tokio::join!(write, stdout.read_to_end(&mut received), status);
    written?;
    read?;
    assert!(
        received == expected,
        "{} of {} bytes came back",
        received.len(),
        expected.len()
    );
    assert_eq!(status.and_then(|s| s.status).as_deref(), Some("Success"));
    Ok(())
}

#[tokio::test]
async fn an_exit_code_comes_as_a_cause_of_the_status() -> TestResult {
    let (_cluster, pods) = pods().await?;
    let mut process = pods
        .exec("db-0", ["exit", "7"], &AttachParams::default())
        .await?;
    let mut stderr = process.stderr().ok_or("no stderr")?;
    let status = process.take_status().ok_or("no status")?;
    let mut said = String::new();
    let (read, status) = tokio::join!(stderr.read_to_string(&mut said), status);
    read?;
    assert_eq!(said, "bye\n");
    let status = status.ok_or("the connection was lost")?;
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
    let causes = status.details.and_then(|d| d.causes).unwrap_or_default();
    let code = causes
        .first()
        .map(|c| (c.reason.clone(), c.message.clone()));
    assert_eq!(
        code,
        Some((Some("ExitCode".to_owned()), Some("7".to_owned())))
    );
    Ok(())
}

#[tokio::test]
async fn a_cut_exec_has_no_status_and_a_truncated_one_claims_success() -> TestResult {
    let (cluster, pods) = pods().await?;
    let run = async || {
        let mut process = pods
            .exec("db-0", ["flood"], &AttachParams::default().stderr(false))
            .await?;
        let mut stdout = process.stdout().ok_or("no stdout")?;
        let status = process.take_status().ok_or("no status")?;
        let mut received = Vec::new();
        // After a broken connection, which has no status, the end of the stream may never be seen.
        let mut read = std::pin::pin!(stdout.read_to_end(&mut received));
        let mut status = std::pin::pin!(status);
        let mut ended = false;
        let status = loop {
            tokio::select! {
                status = &mut status => break status,
                _ = &mut read, if !ended => ended = true,
            }
        };
        if !ended && status.is_some() {
            drop(tokio::time::timeout(Duration::from_secs(120), read).await);
        }
        Ok::<_, crate::support::Error>((received.len(), status.and_then(|s| s.status)))
    };
    assert_eq!(run().await?, (FLOOD, Some("Success".to_owned())));
    let fault = |effect| Fault::new(effect).resource("pods/exec").times(1);
    cluster
        .server
        .faults()
        .add(fault(Effect::Cut { after_bytes: 1000 }));
    let (length, status) = run().await?;
    assert!(
        length <= 1000 && status.is_none(),
        "{length} bytes, {status:?}"
    );
    cluster
        .server
        .faults()
        .add(fault(Effect::Truncate { after_bytes: 1000 }));
    assert_eq!(run().await?, (1000, Some("Success".to_owned())));
    Ok(())
}

#[tokio::test]
async fn port_forward_carries_both_directions_and_breaks_when_cut() -> TestResult {
    let (cluster, pods) = pods().await?;
    let mut forward = pods.portforward("db-0", &[5432]).await?;
    let mut stream = forward.take_stream(5432).ok_or("no stream")?;
    stream.write_all(b"hello").await?;
    let mut back = [0; 5];
    stream.read_exact(&mut back).await?;
    assert_eq!(&back, b"hello");

    cluster
        .server
        .faults()
        .add(Fault::new(Effect::Cut { after_bytes: 3 }).resource("pods/portforward"));
    let mut forward = pods.portforward("db-0", &[5432]).await?;
    let mut stream = forward.take_stream(5432).ok_or("no stream")?;
    stream.write_all(b"hello").await?;
    let mut back = Vec::new();
    stream.read_to_end(&mut back).await?;
    // kube may drop what came last before the break.
    assert!(b"hel".starts_with(&back), "{back:?}");
    assert!(
        forward.join().await.is_err(),
        "the client is told that the connection broke"
    );
    Ok(())
}

#[tokio::test]
async fn a_closed_port_is_told_on_the_error_channel() -> TestResult {
    let (_cluster, pods) = pods().await?;
    let mut forward = pods.portforward("db-0", &[1]).await?;
    let error = forward
        .take_error(1)
        .ok_or("no error channel")?
        .await
        .ok_or("no error came")?;
    assert!(
        error.contains("error forwarding port 1 to pod db-0"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn logs_take_their_options() -> TestResult {
    let (_cluster, pods) = pods().await?;
    let log = pods
        .logs(
            "db-0",
            &LogParams {
                tail_lines: Some(3),
                ..LogParams::default()
            },
        )
        .await?;
    assert_eq!(log, "tail Some(3) follow false\n");
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_leaves_the_change_done_and_a_refused_one_does_not() -> TestResult {
    let cluster = Cluster::start(None).await?;
    let maps: Api<ConfigMap> = Api::default_namespaced(cluster.client().await?);
    maps.create(&PostParams::default(), &config_map("a")?)
        .await?;
    let patch = |value: &str| Patch::Merge(json!({"data": {"k": value}}));
    let value = async || {
        Ok::<_, crate::support::Error>(maps.get("a").await?.data.unwrap_or_default().remove("k"))
    };
    let fault = |effect| {
        Fault::new(effect)
            .verb("patch")
            .resource("configmaps")
            .name("a")
            .times(1)
    };

    cluster.server.faults().add(fault(Effect::Fail {
        status: 500,
        message: None,
    }));
    assert!(
        maps.patch("a", &PatchParams::default(), &patch("refused"))
            .await
            .is_err()
    );
    assert_eq!(value().await?.as_deref(), Some("v"));

    cluster.server.faults().add(fault(Effect::LoseAnswer));
    assert!(
        maps.patch("a", &PatchParams::default(), &patch("done"))
            .await
            .is_err()
    );
    assert_eq!(value().await?.as_deref(), Some("done"));
    assert!(cluster.server.faults().list().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_watch_filters_by_label_and_expires() -> TestResult {
    use futures::{StreamExt, TryStreamExt};
    let cluster = Cluster::start(None).await?;
    let maps: Api<ConfigMap> = Api::default_namespaced(cluster.client().await?);
    let start = maps
        .list(&ListParams::default())
        .await?
        .metadata
        .resource_version
        .unwrap_or_default();
    let stream = maps
        .watch(&WatchParams::default().labels("on=yes"), &start)
        .await?;
    maps.create(&PostParams::default(), &config_map("a")?)
        .await?;
    for labels in [json!({"on": "yes"}), json!({"on": "no"})] {
        maps.patch(
            "a",
            &PatchParams::default(),
            &Patch::Merge(json!({"metadata": {"labels": labels}})),
        )
        .await?;
    }
    let events: Vec<_> = stream.take(2).try_collect().await?;
    assert!(
        matches!(
            events.as_slice(),
            [WatchEvent::Added(_), WatchEvent::Deleted(_)]
        ),
        "{events:?}"
    );
    cluster.store.compact();
    let mut late = maps.watch(&WatchParams::default(), &start).await?.boxed();
    let first = late.try_next().await?;
    assert!(
        matches!(&first, Some(WatchEvent::Error(e)) if e.code == 410 && e.reason == "Expired"),
        "{first:?}"
    );
    Ok(())
}

#[tokio::test]
async fn lists_go_page_by_page_and_stay_quick_with_hundreds_of_pods() -> TestResult {
    let cluster = Cluster::start(None).await?;
    for n in 0..600 {
        let pod = json!({"metadata": {"name": format!("p-{n}"), "labels": {"n": n.to_string()}}, "spec": {"containers": [{"name": "c", "image": "x"}]}});
        cluster
            .store
            .create(pgctl_sandbox::store::of::<Pod>(), "default", pod)?;
    }
    let pods: Api<Pod> = Api::all(cluster.client().await?);
    assert_eq!(pods.list(&ListParams::default()).await?.items.len(), 600);
    let mut names = Vec::new();
    let mut params = ListParams::default().limit(250);
    loop {
        let page = pods.list(&params).await?;
        names.extend(page.items.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|c| !c.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 600);
    Ok(())
}

#[tokio::test]
async fn refusals_are_status_objects() -> TestResult {
    let cluster = Cluster::start(None).await?;
    let code = |result: Result<ConfigMap, kube::Error>| match result {
        Err(kube::Error::Api(status)) => Ok((status.code, status.reason.clone())),
        other => Err(format!("not a Status: {other:?}")),
    };
    let maps: Api<ConfigMap> = Api::default_namespaced(cluster.client().await?);
    assert_eq!(code(maps.get("x").await)?, (404, "NotFound".to_owned()));
    maps.create(&PostParams::default(), &config_map("a")?)
        .await?;
    assert_eq!(
        code(maps.create(&PostParams::default(), &config_map("a")?).await)?,
        (409, "AlreadyExists".to_owned())
    );
    assert_eq!(
        code(
            maps.create(&PostParams::default(), &config_map("A_b")?)
                .await
        )?,
        (422, "Invalid".to_owned())
    );
    let pods: Api<Pod> = Api::default_namespaced(cluster.client().await?);
    for seconds in [599_i64, (1 << 32) + 1, i64::MAX] {
        let token = json!({"path": "token", "expirationSeconds": seconds});
        let volume =
            json!({"name": "t", "projected": {"sources": [{"serviceAccountToken": token}]}});
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p"},
            "spec": {"containers": [{"name": "c", "image": "i"}], "volumes": [volume]}}))?;
        let Err(kube::Error::Api(status)) = pods.create(&PostParams::default(), &pod).await else {
            return Err(format!("a token for {seconds} seconds").into());
        };
        assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
        let field = "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds";
        assert!(status.message.contains(field), "{}", status.message);
    }
    let mut stale = config_map("a")?;
    stale.metadata.resource_version = Some("1".to_owned());
    assert_eq!(
        code(maps.replace("a", &PostParams::default(), &stale).await)?,
        (409, "Conflict".to_owned())
    );
    let nowhere: Api<ConfigMap> = Api::namespaced(cluster.client().await?, "nowhere");
    assert_eq!(
        code(
            nowhere
                .create(&PostParams::default(), &config_map("a")?)
                .await
        )?,
        (404, "NotFound".to_owned())
    );

    let stranger = cluster
        .client_of(
            &cluster
                .server
                .token_kubeconfig("t", "default", &Identity::new("bob", &[])),
        )
        .await?;
    assert_eq!(
        code(Api::default_namespaced(stranger).get("a").await)?,
        (403, "Forbidden".to_owned())
    );
    let expired =
        cluster
            .server
            .certificate_kubeconfig("t", "default", &Identity::admin(), true)?;
    let expired = cluster.client_of(&expired).await?;
    assert_eq!(
        code(Api::default_namespaced(expired).get("a").await)?,
        (401, "Unauthorized".to_owned())
    );
    let unknown = cluster
        .server
        .anonymous_kubeconfig("t", "default")
        .replace("\"user\": {}", "\"user\": {\"token\": \"wrong\"}");
    let unknown = cluster.client_of(&unknown).await?;
    assert_eq!(
        code(Api::default_namespaced(unknown).get("a").await)?,
        (401, "Unauthorized".to_owned())
    );
    Ok(())
}

#[tokio::test]
async fn faults_can_be_set_over_http_by_the_administrator_only() -> TestResult {
    let cluster = Cluster::start(None).await?;
    let post =
        |body: &str| axum::http::Request::post("/sandbox/v1/faults").body(body.as_bytes().to_vec());
    let fault = r#"{"resource": "configmaps", "effect": {"fail": {"status": 429}}, "count": 1}"#;
    let bob: Client = cluster
        .client_of(
            &cluster
                .server
                .token_kubeconfig("t", "default", &Identity::new("bob", &[])),
        )
        .await?;
    assert!(bob.request_text(post(fault)?).await.is_err());
    assert!(cluster.server.faults().list().is_empty());
    let admin = cluster.client().await?;
    let answer: serde_json::Value = admin.request(post(fault)?).await?;
    assert_eq!(answer, json!({"id": 1}));
    assert_eq!(cluster.server.faults().list().len(), 1);
    let wrong = admin.request_text(post(r#"{"effect": "explode"}"#)?).await;
    assert!(
        matches!(&wrong, Err(kube::Error::Api(s)) if s.code == 400),
        "{wrong:?}"
    );
    Ok(())
}
