//! Faults as a client of the API and a command in a pod notice them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{AttachParams, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use pgctl_sandbox::cli::{CutStream, FaultKind, Scope};
use pgctl_sandbox::{Options, Sandbox};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// One pod that keeps a volume, answers on port 7000 what it is told, and counts while it runs.
const ECHO: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: echo, namespace: quiet}
spec:
  serviceName: echo
  replicas: 1
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: postgres:17
          command: [sh, -c, 'n=0; while :; do n=$((n + 1)); echo $n >/data/beat; sleep 0.02; done']
          volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";

struct World {
    sandbox: Sandbox,
    client: Client,
    _folder: tempfile::TempDir,
}

/// The kube client retries what a server refuses; a test wants to see the refusal.
async fn client(sandbox: &Sandbox) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(sandbox.kubeconfig())?;
    let mut config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

impl World {
    async fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let manifests = folder.path().join("echo.yaml");
        std::fs::write(&manifests, ECHO)?;
        let sandbox = tokio::task::spawn_blocking(move || {
            Sandbox::start(&Options {
                manifests: Some(manifests),
                ..Options::default()
            })
        })
        .await??;
        Ok(Self {
            client: client(&sandbox).await?,
            sandbox,
            _folder: folder,
        })
    }

    fn pods(&self) -> Api<Pod> {
        Api::default_namespaced(self.client.clone())
    }

    async fn sh(&self, script: &str) -> Result<String> {
        let attach = AttachParams::default().stderr(false);
        let mut process = self
            .pods()
            .exec("echo-0", ["sh", "-c", script], &attach)
            .await?;
        let status = process
            .take_status()
            .context("a status was not asked for yet")?;
        let mut text = String::new();
        let mut stdout = process.stdout().context("stdout was asked for")?;
        stdout.read_to_string(&mut text).await?;
        let status = status.await.context("the connection was lost")?;
        ensure!(
            status.status.as_deref() == Some("Success"),
            "{script}: {status:?}"
        );
        Ok(text)
    }

    /// The newest number that the pod has written; 0 before the first.
    async fn beat(&self) -> Result<u64> {
        let text = std::fs::read_to_string(self.volume()?.join("beat")).unwrap_or_default();
        Ok(text.trim().parse().unwrap_or(0))
    }

    fn volume(&self) -> Result<std::path::PathBuf> {
        let volumes = std::fs::read_dir(self.sandbox.folder().join("volumes"))?;
        let mut volumes = volumes.collect::<Result<Vec<_>, _>>()?;
        Ok(volumes.pop().context("the pod has a volume")?.path())
    }

    async fn apply(&self, fault: FaultKind) -> Result<String> {
        self.sandbox.faults().apply(&fault).await
    }
}

const ECHO_POD: fn() -> (String, Scope) = || ("echo-0".to_owned(), Scope { namespace: None });

async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(120);
    while !holds().await? {
        ensure!(Instant::now() < end, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_fails_as_often_as_it_was_told_and_waits_as_long() -> Result<()> {
    let world = World::new().await?;
    let fail = |verb: &str, count| FaultKind::Api {
        verb: Some(verb.to_owned()),
        resource: Some("pods".to_owned()),
        fail: Some(503),
        delay: None,
        count,
    };
    world.apply(fail("list", Some(2))).await?;
    let list = async || world.pods().list(&ListParams::default()).await;
    for round in 1..=2 {
        match list().await {
            Err(kube::Error::Api(status)) => ensure!(status.code == 503, "{status:?}"),
            other => bail!("round {round}: {other:?}"),
        }
    }
    ensure!(list().await?.items.len() == 1, "the third one goes through");

    world.apply(fail("get", None)).await?;
    ensure!(
        world.pods().get("echo-0").await.is_err(),
        "until it is cleared"
    );
    ensure!(list().await.is_ok(), "another verb");
    let maps: Api<ConfigMap> = Api::default_namespaced(world.client.clone());
    ensure!(maps.get_opt("none").await.is_ok(), "another resource");
    world.apply(FaultKind::Clear).await?;
    world.pods().get("echo-0").await?;

    let delay = Duration::from_millis(700);
    world
        .apply(FaultKind::Api {
            verb: Some("get".to_owned()),
            resource: None,
            fail: None,
            delay: Some(delay),
            count: Some(1),
        })
        .await?;
    let begun = Instant::now();
    world.pods().get("echo-0").await?;
    ensure!(begun.elapsed() >= delay, "{:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_stream_that_is_cut_gives_so_many_bytes_and_no_status() -> Result<()> {
    let world = World::new().await?;
    let cut = FaultKind::Cut {
        stream: CutStream::Exec,
        after: 1000,
        upload: false,
        pod: Some("echo-0".to_owned()),
        count: Some(1),
    };
    world.apply(cut).await?;
    let attach = AttachParams::default().stderr(false);
    let script = ["sh", "-c", "head -c 100000 /dev/zero"];
    let mut process = world.pods().exec("echo-0", script, &attach).await?;
    let status = process.take_status().context("not taken yet")?;
    let mut stdout = process.stdout().context("stdout was asked for")?;
    let mut bytes = vec![1; 1000];
    stdout.read_exact(&mut bytes).await?;
    ensure!(
        bytes.iter().all(|byte| *byte == 0),
        "the command's own bytes"
    );
    // After a broken transport kube's stdout may stay open without an end: the status tells.
    let status = tokio::time::timeout(Duration::from_secs(120), status).await?;
    ensure!(
        status.is_none(),
        "a lost connection has no status: {status:?}"
    );
    let more = tokio::time::timeout(Duration::from_millis(100), stdout.read(&mut bytes)).await;
    ensure!(!matches!(more, Ok(Ok(1..))), "more than it was told");

    let whole = world.sh("head -c 100000 /dev/zero | tr '\\0' x").await?;
    ensure!(whole.len() == 100_000, "the next one is whole");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_reaches_the_process_so_far() -> Result<()> {
    let world = World::new().await?;
    let cut = FaultKind::Cut {
        stream: CutStream::Exec,
        after: 100_000,
        upload: true,
        pod: None,
        count: Some(1),
    };
    world.apply(cut).await?;
    let attach = AttachParams::default().stdin(true).stderr(false);
    let script = ["sh", "-c", "wc -c >/tmp/arrived"];
    let mut process = world.pods().exec("echo-0", script, &attach).await?;
    let status = process.take_status().context("not taken yet")?;
    let mut stdin = process.stdin().context("stdin was asked for")?;
    // After a broken transport kube's stdin may never take the rest.
    let writing = async {
        drop(stdin.write_all(&[b'x'; 300_000]).await);
        std::future::pending::<()>().await;
    };
    let status = tokio::select! {
        status = tokio::time::timeout(Duration::from_secs(120), status) => status?,
        () = writing => None,
    };
    ensure!(status.is_none(), "a lost connection has no status");
    let begun = std::time::Instant::now();
    loop {
        let arrived = world.sh("cat /tmp/arrived 2>/dev/null").await?;
        if arrived.trim() == "100000" {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < Duration::from_secs(120),
            "{arrived:?} arrived"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_streams_take_their_time() -> Result<()> {
    let world = World::new().await?;
    world
        .apply(FaultKind::Slow {
            bytes_per_second: 200_000,
        })
        .await?;
    let begun = std::time::Instant::now();
    let output = world.sh("head -c 200000 /dev/zero | tr '\\0' x").await?;
    ensure!(output.len() == 200_000);
    // A second, but for what passes at once; slower is no fault of the stream.
    ensure!(
        begun.elapsed() > Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_forward_that_is_cut_ends_after_so_many_bytes() -> Result<()> {
    let world = World::new().await?;
    let pod = world.pods().get("echo-0").await?;
    let ip = pod
        .status
        .and_then(|s| s.pod_ip)
        .context("it has an address")?;
    let server = tokio::net::TcpListener::bind((ip.as_str(), 7000)).await?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            drop(stream.write_all(&[b'x'; 5000]).await);
        }
    });
    let read = async || -> Result<usize> {
        let mut forward = world.pods().portforward("echo-0", &[7000]).await?;
        let mut stream = forward
            .take_stream(7000)
            .context("the port was asked for")?;
        let mut bytes = Vec::new();
        drop(stream.read_to_end(&mut bytes).await);
        Ok(bytes.len())
    };
    ensure!(read().await? == 5000, "without a fault");
    let cut = FaultKind::Cut {
        stream: CutStream::PortForward,
        after: 1234,
        upload: false,
        pod: None,
        count: None,
    };
    world.apply(cut).await?;
    // What a broken transport had already brought may be lost with it, but no more comes through.
    let cut = read().await?;
    ensure!(cut <= 1234, "with it: {cut}");
    world.apply(FaultKind::Clear).await?;
    ensure!(read().await? == 5000, "after clear");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_pod_does_nothing_until_it_is_unfrozen_or_all_is_cleared() -> Result<()> {
    let world = World::new().await?;
    let (pod, scope) = ECHO_POD();
    for clear in [false, true] {
        let freeze = FaultKind::Freeze {
            pod: pod.clone(),
            scope: scope.clone(),
        };
        world.apply(freeze).await?;
        let still = world.beat().await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        ensure!(world.beat().await? == still, "it counts while frozen");
        let mend = if clear {
            FaultKind::Clear
        } else {
            FaultKind::Unfreeze {
                pod: pod.clone(),
                scope: scope.clone(),
            }
        };
        world.apply(mend).await?;
        until("it counts again", async || Ok(world.beat().await? > still)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_node_is_not_ready_its_pods_run_on_and_cannot_be_reached() -> Result<()> {
    let world = World::new().await?;
    let pod = world.pods().get("echo-0").await?;
    let node = pod
        .spec
        .and_then(|s| s.node_name)
        .context("it is scheduled")?;
    let nodes: Api<Node> = Api::all(world.client.clone());
    let ready = async |wanted: &str| -> Result<bool> {
        let node = nodes.get(&node).await?;
        let pod = world.pods().get("echo-0").await?;
        let node = node.status.and_then(|s| s.conditions).unwrap_or_default();
        let pod = pod.status.and_then(|s| s.conditions).unwrap_or_default();
        let of_node = node
            .iter()
            .find(|c| c.type_ == "Ready")
            .map(|c| c.status.clone());
        let of_pod = pod
            .iter()
            .find(|c| c.type_ == "Ready")
            .map(|c| c.status.clone());
        Ok(of_node.as_deref() == Some(wanted)
            && of_pod.as_deref() == Some(if wanted == "True" { "True" } else { "False" }))
    };
    ensure!(ready("True").await?, "before");
    world
        .apply(FaultKind::NodeNotReady { node: node.clone() })
        .await?;
    until("node and pod are not ready", async || {
        ready("Unknown").await
    })
    .await?;
    ensure!(world.sh("true").await.is_err(), "exec into a lost node");
    let before = world.beat().await?;
    until("its processes run on", async || {
        Ok(world.beat().await? > before)
    })
    .await?;
    world
        .apply(FaultKind::NodeReady { node: node.clone() })
        .await?;
    until("node and pod are ready again", async || ready("True").await).await?;
    world.sh("true").await?;
    let why = world
        .apply(FaultKind::NodeNotReady {
            node: "nowhere".to_owned(),
        })
        .await;
    ensure!(why.is_err(), "a node that is not there");
    Ok(())
}

/// Size, used and free KiB of `/data`, as `df` says it.
async fn df(world: &World) -> Result<[u64; 3]> {
    let text = world.sh("df -Pk /data").await?;
    let row = text
        .lines()
        .nth(1)
        .with_context(|| format!("two lines: {text}"))?;
    let figures: Vec<&str> = row.split_whitespace().collect();
    ensure!(figures.last() == Some(&"/data"), "{text}");
    Ok([
        figures[1].parse()?,
        figures[2].parse()?,
        figures[3].parse()?,
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn df_shows_the_claims_own_size_and_a_disk_that_is_said_to_run_full() -> Result<()> {
    let world = World::new().await?;
    let gib = 1024 * 1024;
    let [size, used, free] = df(&world).await?;
    ensure!(
        size == gib && used < 1024 && used + free == size,
        "{size} {used} {free}"
    );
    world.sh("head -c 5000000 /dev/zero >/data/more").await?;
    ensure!(
        (4882..6000).contains(&df(&world).await?[1]),
        "files are counted"
    );

    let (pod, scope) = ECHO_POD();
    let fill = FaultKind::FillDisk {
        pod: pod.clone(),
        percent: 90,
        scope: scope.clone(),
    };
    world.apply(fill).await?;
    let [size, used, free] = df(&world).await?;
    ensure!(
        size == gib && used == gib * 90 / 100 && used + free == size,
        "{size} {used} {free}"
    );
    for (call, part) in [
        ("df /data/beat", " 90% /data"),
        ("cd /data && df -h .", " 922M "),
        ("/bin/df -Pk /data", " 90% /data"),
        ("df", " 90% /data"),
    ] {
        let text = world.sh(call).await?;
        ensure!(text.contains(part), "{call}: {text}");
    }
    let root = world.sh("df -Pk /").await?;
    ensure!(!root.contains("90% /data"), "{root}");

    // It belongs to the volume: a pod that follows sees it, too.
    world.apply(FaultKind::Kill { pod, scope }).await?;
    until("it was started again", async || {
        let status = world.pods().get("echo-0").await?.status.unwrap_or_default();
        let container = status.container_statuses.unwrap_or_default().pop();
        Ok(container.is_some_and(|c| c.restart_count == 1 && c.ready))
    })
    .await?;
    ensure!(df(&world).await?[1] == gib * 90 / 100, "after a restart");
    world.apply(FaultKind::Clear).await?;
    ensure!(df(&world).await?[1] < 20_000, "after clear");
    Ok(())
}
