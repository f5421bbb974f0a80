//! `pgctl metrics`, asked as Prometheus asks, by Prometheus itself where it is installed.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;

use super::test_cluster::{SandboxCluster, eventually, full, on_sandbox};

const RULES: &str = include_str!("../../deploy/components/monitoring/rules.yaml");
const DASHBOARD: &str = include_str!("../../deploy/components/monitoring/dashboard.json");

#[test]
fn the_metrics_of_a_cluster_reach_prometheus() -> Result<()> {
    on_sandbox(1, async |cluster| {
        once_it_prints_what_there_is(cluster).await?;
        of_all_namespaces_it_tells_the_same(cluster).await?;
        the_role_of_the_component_is_enough(cluster).await?;
        let store = cluster.folder().join("backups");
        let store = store.to_string_lossy();
        cluster
            .pgctl(&["backup", "--store", &store])
            .await?
            .exits(0)?;
        let arguments = ["--interval", "1s", "--store", &store];
        let mut archiver = what_takes_a_while_to_have(cluster, &store).await?;
        let (mut server, address) = serve(cluster, &arguments).await?;
        an_answer_has_everything(&address).await?;
        every_query_of_the_dashboard_has_an_answer(cluster, &address).await?;
        archiver.kill().await?;
        a_pod_that_is_replaced_is_told_of_again(cluster, &address).await?;
        a_store_that_cannot_be_read_is_not_taken_for_an_empty_one(cluster, &address, &store)
            .await?;
        one_pod_that_hangs_costs_its_series(cluster, &address).await?;
        a_cluster_that_hangs_does_not_hold_up_an_answer(cluster, &address).await?;
        of_a_frozen_primary_nothing_is_made_up(cluster, &address).await?;
        server.kill().await?;
        without_a_primary_that_is_told(cluster).await?;
        an_address_that_is_taken_is_told(cluster).await
    })
}

async fn once_it_prints_what_there_is(cluster: &SandboxCluster) -> Result<()> {
    eventually("the standby streams", async || {
        let run = cluster.pgctl(&["metrics"]).await?.exits(0)?;
        ensure!(run.stdout.contains("pgctl_standby_streaming{"), "{run}");
        let primary = format!("pod=\"{}\"}} 1.0", full("primary-0"));
        let lines = run.stdout.lines();
        let mut of_primary = lines.filter(|it| it.starts_with("pgctl_instance_primary{"));
        ensure!(of_primary.any(|it| it.ends_with(&primary)), "{run}");
        ensure!(run.stdout.ends_with("# EOF\n"), "{run}");
        Ok(())
    })
    .await
}

async fn of_all_namespaces_it_tells_the_same(cluster: &SandboxCluster) -> Result<()> {
    let series = |text: &str| -> Vec<String> {
        let of_cluster = text.lines().filter(|it| it.contains("namespace="));
        let about_the_look = ["pgctl_up", "pgctl_seen", "pgctl_look"];
        let names = of_cluster.filter_map(|it| Some(it.rsplit_once(' ')?.0.to_owned()));
        let mut names: Vec<String> = names
            .filter(|it| !about_the_look.iter().any(|look| it.starts_with(look)))
            .collect();
        names.sort();
        names
    };
    let one = cluster.pgctl(&["metrics"]).await?.exits(0)?;
    let all = cluster.pgctl(&["metrics", "-A"]).await?.exits(0)?;
    assert_eq!(series(&all.stdout), series(&one.stdout));
    ensure!(all.stdout.lines().any(|it| it == "pgctl_up 1.0"), "{all}");
    Ok(())
}

/// The documents of a file.
fn documents(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n---\n")
}

async fn the_role_of_the_component_is_enough(cluster: &SandboxCluster) -> Result<()> {
    let text = include_str!("../../deploy/components/monitoring/rbac.yaml");
    let role = documents(text).find(|it| it.contains("\nkind: Role\n"));
    cluster.grant(role.context("a Role")?, "mona")?;
    let mona = cluster.kubeconfig_of("mona")?;
    let run = cluster
        .pgctl(&["metrics", "--kubeconfig", &mona])
        .await?
        .exits(0)?;
    for name in [
        "pgctl_slot_active{",
        "pgctl_connections{",
        "pgctl_disk_size_bytes{",
    ] {
        ensure!(run.stdout.contains(name), "{name} is not in {run}");
    }
    Ok(())
}

#[test]
fn the_deployment_runs_a_command_that_pgctl_knows() -> Result<()> {
    let text = include_str!("../../deploy/components/monitoring/deployment.yaml");
    let first = documents(text).next().context("a document")?;
    let deployment: Value = serde_saphyr::from_str(first)?;
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let words = [&container["command"], &container["args"]];
    let words = words
        .into_iter()
        .flat_map(|it| it.as_array().into_iter().flatten());
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    let parsed = <pgctl::cli::Cli as clap::Parser>::try_parse_from(&words);
    ensure!(parsed.is_ok(), "{words:?}");
    ensure!(words.contains(&"--listen"), "{words:?}");
    Ok(())
}

/// Starts it, and waits for the address that it says.
async fn serve(cluster: &SandboxCluster, arguments: &[&str]) -> Result<(Child, String)> {
    let all = [
        &["metrics", "--listen", "127.0.0.1:0", "--timeout", "5s"],
        arguments,
    ]
    .concat();
    let mut child = cluster.command(&all)?.spawn()?;
    let stderr = child.stderr.take().context("stderr")?;
    let mut lines = BufReader::new(stderr).lines();
    let line = lines.next_line().await?.context("it ended")?;
    let address = line
        .strip_prefix("serving http://")
        .and_then(|it| it.strip_suffix("/metrics"));
    let address = address.with_context(|| line.clone())?.to_owned();
    // Read on, so that it never waits for a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, address))
}

pub(super) async fn get(address: &str, path: &str, timeout: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Prometheus-Scrape-Timeout-Seconds: {timeout}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn an_answer_has_everything(address: &str) -> Result<()> {
    let answer = get(address, "/metrics", "30").await?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    ensure!(answer.contains("application/openmetrics-text"), "{answer}");
    for name in [
        "pgctl_connections{",
        "pgctl_slot_active{",
        "pgctl_autoscaler_max_replicas{",
        "pgctl_disk_size_bytes{",
    ] {
        ensure!(answer.contains(name), "{name} is not in {answer}");
    }
    ensure!(get(address, "/healthz", "30").await?.contains("ok"));
    ensure!(
        get(address, "/else", "30")
            .await?
            .starts_with("HTTP/1.1 404")
    );
    Ok(())
}

/// Operations, a trial restore, and archived WAL, for as long as what is given back runs.
async fn what_takes_a_while_to_have(cluster: &SandboxCluster, store: &str) -> Result<Child> {
    for to in ["replica-0", "primary-0"] {
        let change = ["failover", "--to", to, "--rejoin", "--yes"];
        cluster.pgctl(&change).await?.exits(0)?;
    }
    let spool = cluster.folder().join("spool");
    let spool = spool.to_string_lossy();
    let archiver = cluster
        .command(&["wal", "archive", "--spool", &spool, "--store", store])?
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    eventually("WAL is archived", async || {
        let list = ["wal", "list", "--store", store, "-o", "json"];
        let list = cluster.pgctl(&list).await?.exits(0)?.json()?;
        let archives = list["archives"].as_array();
        ensure!(archives.is_some_and(|it| !it.is_empty()), "{list:#}");
        Ok(())
    })
    .await?;
    let physical = ["backup", "--physical", "--store", store, "-o", "json"];
    let taken = cluster.pgctl(&physical).await?.exits(0)?.json()?;
    let id = taken["id"].as_str().context("a name")?;
    let verify = ["backup", "verify", id, "--restore-test", "--store", store];
    cluster.pgctl(&verify).await?.exits(0)?;
    Ok(archiver)
}

async fn a_pod_that_is_replaced_is_told_of_again(
    cluster: &SandboxCluster,
    address: &str,
) -> Result<()> {
    let up = |value: &str| format!("pod=\"{}\"}} {value}", full("replica-0"));
    let told = async |value: &str| {
        let up = up(value);
        eventually(&up, async || {
            let answer = get(address, "/metrics", "10").await?;
            let mut lines = answer.lines();
            let is_up = lines.any(|it| {
                it == "pgctl_up 1.0" || it.starts_with("pgctl_up{") && it.ends_with(" 1.0")
            });
            ensure!(is_up, "the look failed: {answer}");
            let mut instances = answer
                .lines()
                .filter(|it| it.starts_with("pgctl_instance_up{"));
            ensure!(instances.any(|it| it.ends_with(&up)), "{answer}");
            Ok(())
        })
        .await
    };
    cluster.freeze("replica-0").await?;
    told("0.0").await?;
    cluster.mend().await?;
    cluster.replace("replica-0").await?;
    told("1.0").await?;
    cluster.all_stream().await.map(drop)
}

async fn one_pod_that_hangs_costs_its_series(
    cluster: &SandboxCluster,
    address: &str,
) -> Result<()> {
    cluster.freeze("replica-0").await?;
    let down = format!("pod=\"{}\"}} 0.0", full("replica-0"));
    eventually("the pod is down, and the others are told of", async || {
        let answer = get(address, "/metrics", "60").await?;
        let mut lines = answer
            .lines()
            .filter(|it| it.starts_with("pgctl_instance_up{"));
        ensure!(lines.any(|it| it.ends_with(&down)), "{answer}");
        ensure!(
            answer
                .lines()
                .any(|it| it.starts_with("pgctl_up{") && it.ends_with(" 1.0")),
            "{answer}"
        );
        Ok(())
    })
    .await?;
    cluster.mend().await
}

async fn a_store_that_cannot_be_read_is_not_taken_for_an_empty_one(
    cluster: &SandboxCluster,
    address: &str,
    store: &str,
) -> Result<()> {
    let up = async |value: &str| -> Result<String> {
        let answer = get(address, "/metrics", "30").await?;
        let mut lines = answer.lines();
        let told = lines.find(|it| it.starts_with("pgctl_store_up{"));
        ensure!(told.is_some_and(|it| it.ends_with(value)), "{answer}");
        Ok(answer)
    };
    eventually("the backup is told", async || {
        let answer = up(" 1.0").await?;
        ensure!(
            answer.contains("pgctl_backup_newest_timestamp_seconds{"),
            "{answer}"
        );
        Ok(())
    })
    .await?;
    // A file is in its place.
    let elsewhere = format!("{store}.elsewhere");
    std::fs::rename(store, &elsewhere)?;
    std::fs::write(store, "")?;
    eventually("the store is down", async || {
        let answer = up(" 0.0").await?;
        ensure!(!answer.contains("pgctl_backup_newest"), "{answer}");
        Ok(())
    })
    .await?;
    let once = cluster.pgctl(&["metrics", "--store", store]).await?;
    once.exits(0)?.says(&format!("store {store}: "))?;
    std::fs::remove_file(store)?;
    std::fs::rename(&elsewhere, store)?;
    eventually("the store is back", async || up(" 1.0").await).await?;
    Ok(())
}

/// It may be writing: that there is no primary, and how far the standbys are behind it, nobody knows.
async fn of_a_frozen_primary_nothing_is_made_up(
    cluster: &SandboxCluster,
    address: &str,
) -> Result<()> {
    cluster.freeze("primary-0").await?;
    let down = format!("pod=\"{}\"}} 0.0", full("primary-0"));
    eventually(
        "the primary is silent, and nothing else is told",
        async || {
            let answer = get(address, "/metrics", "60").await?;
            let of = |name: &str| -> Vec<&str> {
                let begin = format!("pgctl_{name}{{");
                answer.lines().filter(|it| it.starts_with(&begin)).collect()
            };
            let up = of("instance_up");
            ensure!(up.iter().any(|it| it.ends_with(&down)), "{answer}");
            let unknown = of("instances_unknown");
            ensure!(unknown.iter().any(|it| it.ends_with(" 1.0")), "{answer}");
            for name in [
                "primaries",
                "standby_lag_bytes",
                "standby_lag_seconds",
                "standby_streaming",
                "standby_synchronous",
            ] {
                ensure!(of(name).is_empty(), "{name}: {answer}");
            }
            Ok(())
        },
    )
    .await?;
    cluster.mend().await
}

async fn a_cluster_that_hangs_does_not_hold_up_an_answer(
    cluster: &SandboxCluster,
    address: &str,
) -> Result<()> {
    use pgctl_sandbox::cli::FaultKind;
    let hang = FaultKind::Api {
        verb: None,
        resource: None,
        fail: None,
        delay: Some(Duration::from_secs(600)),
        count: None,
    };
    cluster.fault(&hang).await?;
    eventually("it tells that it can't look", async || {
        let asking = get(address, "/metrics", "0.5");
        let answer = tokio::time::timeout(Duration::from_secs(60), asking).await??;
        let up = answer.lines().find(|it| it.starts_with("pgctl_up{"));
        ensure!(up.is_some_and(|it| it.ends_with(" 0.0")), "{answer}");
        // What was known is still told.
        ensure!(answer.contains("pgctl_instance_primary{"), "{answer}");
        Ok(())
    })
    .await?;
    cluster.mend().await?;
    eventually("it looks again", async || {
        let answer = get(address, "/metrics", "30").await?;
        ensure!(
            answer
                .lines()
                .any(|it| it.starts_with("pgctl_up{") && it.ends_with(" 1.0")),
            "{answer}"
        );
        Ok(())
    })
    .await
}

/// Also to whoever begins to serve then. What the alerts go by is there: nobody accepts writes, and that is known.
async fn without_a_primary_that_is_told(cluster: &SandboxCluster) -> Result<()> {
    cluster.scale("primary", 0)?;
    cluster.gone("primary-0").await?;
    let (mut server, address) = serve(cluster, &["--interval", "1s"]).await?;
    let told = async |what: &str, series: &[(&str, &str)]| {
        eventually(what, async || {
            let answer = get(&address, "/metrics", "60").await?;
            ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            for (begin, end) in series {
                let mut lines = answer.lines().filter(|it| it.starts_with(*begin));
                ensure!(lines.any(|it| it.ends_with(*end)), "{begin}{end}: {answer}");
            }
            Ok(answer)
        })
        .await
    };
    let standby = format!("pod=\"{}\"}} 1.0", full("replica-0"));
    let answer = told(
        "that there is no primary",
        &[
            ("pgctl_up{", " 1.0"),
            ("pgctl_primaries{", " 0.0"),
            ("pgctl_instances_unknown{", " 0.0"),
            ("pgctl_verdict{", "verdict=\"critical\"} 1.0"),
            ("pgctl_instance_up{", standby.as_str()),
        ],
    )
    .await?;
    // Behind whom nobody is can't be told.
    for name in ["standby_lag_bytes", "standby_streaming"] {
        let begin = format!("pgctl_{name}{{");
        let mut lines = answer.lines();
        ensure!(!lines.any(|it| it.starts_with(&begin)), "{name}: {answer}");
    }
    cluster.scale("primary", 1)?;
    let back = [("pgctl_up{", " 1.0"), ("pgctl_primaries{", " 1.0")];
    told("that there is one again", &back).await?;
    server.kill().await?;
    cluster.all_stream().await.map(drop)
}

async fn an_address_that_is_taken_is_told(cluster: &SandboxCluster) -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let run = cluster
        .pgctl(&["metrics", "--listen", &address])
        .await?
        .exits(1)?;
    run.says(&format!("can't listen at {address}"))?;
    Ok(())
}

/// The groups of the PrometheusRule, as Prometheus itself reads them.
fn rules() -> Result<String> {
    let rule: Value = serde_saphyr::from_str(RULES)?;
    Ok(serde_json::to_string_pretty(&rule["spec"])?)
}

const RULES_TEST: &str = include_str!("../monitoring/rules_test.yaml");
const WEEKS_TEST: &str = include_str!("../monitoring/rules_of_weeks_test.yaml");

#[test]
fn every_alert_fires_when_it_ought_to_and_else_does_not() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("rules.yaml"), rules()?)?;
    let files = [("rules_test.yaml", RULES_TEST), ("weeks.yaml", WEEKS_TEST)];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text)?;
    }
    let run = std::process::Command::new("promtool")
        .current_dir(folder.path())
        .args(["test", "rules"])
        .args(files.map(|(name, _)| name))
        .output()
        .context("promtool, which sandbox/requirements.sh installs")?;
    let said = [run.stdout, run.stderr].concat();
    ensure!(run.status.success(), "{}", String::from_utf8_lossy(&said));
    // Each has its two tests, and a page of the runbook that is there.
    let rule: Value = serde_saphyr::from_str(RULES)?;
    let rules = rule["spec"]["groups"][0]["rules"]
        .as_array()
        .context("rules")?;
    let tested = [RULES_TEST, WEEKS_TEST].concat();
    for rule in rules {
        let name = rule["alert"].as_str().context("a name")?;
        for words in ["fires", "is silent"] {
            ensure!(
                tested.contains(&format!("- name: {name} {words}\n")),
                "{name} {words}"
            );
        }
        let page = rule["annotations"]["runbook_url"]
            .as_str()
            .context("a runbook")?;
        let page = page
            .strip_prefix("RUNBOOKS/")
            .context("a page of the runbooks")?;
        let runbooks = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
        let page = runbooks.join(page);
        ensure!(page.exists(), "{name}: {}", page.display());
    }
    Ok(())
}

async fn every_query_of_the_dashboard_has_an_answer(
    cluster: &SandboxCluster,
    target: &str,
) -> Result<()> {
    let folder = cluster.folder().join("prometheus");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("rules.yaml"), rules()?)?;
    let configuration = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yaml]\nscrape_configs:\n- job_name: pgctl\n  honor_labels: true\n  static_configs: [{{targets: ['{target}']}}]\n"
    );
    std::fs::write(folder.join("prometheus.yml"), configuration)?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let address = format!("127.0.0.1:{port}");
    let mut prometheus = tokio::process::Command::new("prometheus")
        .current_dir(&folder)
        .arg("--config.file=prometheus.yml")
        .arg("--storage.tsdb.path=data")
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("prometheus, which sandbox/requirements.sh installs")?;
    eventually("Prometheus has scraped", async || {
        let answer = query(&address, "pgctl_up == 1").await?;
        ensure!(!series(&answer).is_empty(), "{answer}");
        Ok(())
    })
    .await?;
    // Somebody has a transaction open, and a standby is paused, which is a finding.
    let client = cluster.open("primary-0").await?;
    client.rows("begin").await?;
    client.rows("select txid_current()").await?;
    cluster
        .sql("replica-0", "select pg_wal_replay_pause()")
        .await?;
    let dashboard: Value = serde_json::from_str(DASHBOARD)?;
    let panels = dashboard["panels"].as_array().context("panels")?;
    let targets = panels
        .iter()
        .flat_map(|it| it["targets"].as_array().into_iter().flatten());
    let mut asked = 0;
    for target in targets {
        let text = target["expr"].as_str().context("a query")?;
        let text = text
            .replace("$namespace", cluster.namespace())
            .replace("$cluster", &cluster.name()?)
            .replace("$context", ".*");
        // This cluster's archive_mode is off.
        let has = !text.contains("archive_ready");
        // What counts over a time takes several looks.
        eventually(&text, async || {
            let answer = query(&address, &text).await?;
            ensure!(answer["status"] == "success", "{answer}");
            ensure!(!has || !series(&answer).is_empty(), "no answer");
            Ok(())
        })
        .await?;
        asked += 1;
    }
    ensure!(asked > 15, "{asked} queries");
    client.rows("rollback").await?;
    cluster
        .sql("replica-0", "select pg_wal_replay_resume()")
        .await?;
    // And the rules are ones that Prometheus itself takes, and can evaluate.
    let rules = ask(&address, "/api/v1/rules").await?;
    let groups = rules["data"]["groups"].as_array().context("groups")?;
    let rules = groups
        .iter()
        .flat_map(|it| it["rules"].as_array().into_iter().flatten());
    let mut evaluated = 0;
    for rule in rules {
        ensure!(rule["health"] == "ok", "{rule:#}");
        evaluated += 1;
    }
    ensure!(evaluated > 15, "{evaluated} rules");
    prometheus.kill().await?;
    Ok(())
}

fn series(answer: &Value) -> &[Value] {
    answer["data"]["result"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

async fn query(address: &str, text: &str) -> Result<Value> {
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    ask(address, &format!("/api/v1/query?query={encoded}")).await
}

async fn ask(address: &str, path: &str) -> Result<Value> {
    let answer = get(address, path, "5").await?;
    let Some((_, body)) = answer.split_once("\r\n\r\n") else {
        bail!("no answer: {answer}");
    };
    // In chunks or not: the JSON is on one line.
    let line = body
        .lines()
        .find(|it| it.starts_with('{'))
        .context("JSON")?;
    Ok(serde_json::from_str(line)?)
}
