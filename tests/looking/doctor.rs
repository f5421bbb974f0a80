//! `pgctl doctor` on a cluster to which everything is done that it is to find.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use pgctl_sandbox::store::DeleteOptions;
use serde_json::{Value, json};

use super::test_cluster::{Database, SandboxCluster, VIEWER, eventually, full, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";

#[test]
fn the_doctor_finds_what_is_done_to_a_cluster() -> Result<()> {
    on_sandbox(1, async |cluster| {
        a_new_cluster_is_examined_to_the_last_check(cluster).await?;
        what_is_wrong_in_databases_is_found(cluster).await?;
        what_is_wrong_with_a_server_is_found(cluster).await?;
        who_gets_in_is_found(cluster).await?;
        what_protects_it_is_missed(cluster).await?;
        backups_are_looked_at_where_a_store_is_named(cluster).await?;
        who_may_not_look_is_told_what_that_costs(cluster).await?;
        a_wrong_code_is_refused_with_the_right_one(cluster).await?;
        among_many_clusters_it_has_the_same_results(cluster).await?;
        a_server_that_hangs_costs_its_own_results(cluster).await
    })
}

async fn examine(cluster: &SandboxCluster, arguments: &[&str]) -> Result<Value> {
    let all = [
        &["doctor", "-o", "json", "--fail-on", "critical"],
        arguments,
    ]
    .concat();
    let run = cluster.pgctl(&all).await?;
    for password in passwords(cluster)? {
        let shown = [&run.stdout, &run.stderr];
        ensure!(
            !shown.iter().any(|it| it.contains(&password)),
            "a password is shown: {run}"
        );
    }
    run.json()
}

/// The passwords in the cluster's Secret.
fn passwords(cluster: &SandboxCluster) -> Result<Vec<String>> {
    let secret: Secret = cluster.store().read(cluster.namespace(), &full("secret"))?;
    let data = secret.data.context("an empty Secret")?;
    let passwords = data.into_iter().filter(|(key, _)| key.contains("password"));
    let passwords: Vec<String> = passwords
        .map(|(_, value)| Ok(String::from_utf8(value.0)?))
        .collect::<Result<_>>()?;
    ensure!(passwords.len() >= 2, "{} passwords", passwords.len());
    Ok(passwords)
}

/// Outcome, object and evidence of all results of a check, as text.
fn results(document: &Value, code: &str) -> Vec<String> {
    let all = document["results"].as_array().into_iter().flatten();
    all.filter(|it| it["code"] == code)
        .map(|it| {
            format!(
                "{} {}/{} {} {}",
                it["outcome"].as_str().unwrap_or_default(),
                it["object"]["kind"].as_str().unwrap_or_default(),
                it["object"]["name"].as_str().unwrap_or_default(),
                it["what"].as_str().unwrap_or_default(),
                it["evidence"]
            )
        })
        .collect()
}

/// A check has a result that begins so and has these words.
fn found(document: &Value, code: &str, outcome: &str, words: &str) -> Result<()> {
    let results = results(document, code);
    let fits = |it: &String| it.starts_with(outcome) && it.contains(words);
    ensure!(
        results.iter().any(fits),
        "{code}: {results:#?} has no {outcome} with {words:?}"
    );
    Ok(())
}

async fn a_new_cluster_is_examined_to_the_last_check(cluster: &SandboxCluster) -> Result<()> {
    let document = eventually("the standby streams", async || {
        let document = examine(cluster, &[]).await?;
        found(&document, "standby-not-streaming", "passed", "")?;
        Ok(document)
    })
    .await?;
    for code in [
        "split-brain",
        "no-disruption-budget",
        "transaction-id-wraparound",
        "autovacuum-off",
        "autovacuum-behind",
        "invalid-index",
        "collation-mismatch",
        "checksum-failures",
        "checksums-off",
        "sequence-near-end",
        "unlogged-tables",
        "durability-off",
        "same-password",
        "password-is-name",
        "md5-password",
        "trust-login",
        "weak-login-method",
        "superuser-application",
        "no-network-policy",
        "pod-security",
        "public-schema-create",
        "settings-differ",
        "versions-differ",
        "architectures-differ",
        "rights-to-look",
        "rights-to-operate",
        "wal-unlimited",
        "operation-unfinished",
    ] {
        found(&document, code, "passed", "")?;
    }
    // The sandbox has made its objects, and nobody has applied them.
    found(
        &document,
        "differs-from-applied",
        "unknown",
        "recorded nowhere",
    )?;
    found(&document, "backup-missing", "unknown", "no store")?;
    found(&document, "single-standby", "note", "")?;
    found(&document, "memory-settings", "note", "128 MiB for each of")?;
    found(&document, "tls-off", "note", "")?;
    // Exit codes by what is asked for.
    cluster.pgctl(&["doctor"]).await?.exits(0)?;
    cluster
        .pgctl(&["doctor", "--fail-on", "note"])
        .await?
        .exits(4)?;
    let verbose = cluster.pgctl(&["doctor", "-v"]).await?.exits(0)?;
    verbose.says("PASSED Security")?.says("(trust-login)")?;
    Ok(())
}

async fn in_shop(cluster: &SandboxCluster, sql: &str) -> Result<Vec<Vec<String>>> {
    Database::ask(&cluster.address(PRIMARY)?, &cluster.login, "shop", sql).await
}

async fn what_is_wrong_in_databases_is_found(cluster: &SandboxCluster) -> Result<()> {
    cluster.sql(PRIMARY, "create database shop").await?;
    for sql in [
        "create table cart (id int, word text)",
        "insert into cart select n, 'word ' || n from generate_series(1, 100000) n",
        "create index \"o'rder\" on cart (word)",
        "create table twice as select 1 as id from generate_series(1, 2)",
        "create table small (id serial)",
        "select setval('small_id_seq', 2000000000)",
        "create unlogged table cache as select 1 as id",
        "grant create on schema public to public",
        "create table dead (id int) with (autovacuum_enabled = false)",
        "insert into dead select generate_series(1, 60000)",
        "delete from dead",
        "create table sorted (word text collate \"und-x-icu\")",
        "update pg_collation set collversion = '0.1' where collname = 'und-x-icu'",
    ] {
        in_shop(cluster, sql).await?;
    }
    let unique = in_shop(
        cluster,
        "create unique index concurrently broken on twice (id)",
    )
    .await;
    ensure!(unique.is_err(), "a unique index on what is there twice");
    let document = eventually("the statistics have arrived", async || {
        let document = examine(cluster, &["--statistics-age", "0"]).await?;
        found(
            &document,
            "autovacuum-behind",
            "warning",
            "public.dead: 60000 dead rows",
        )?;
        found(&document, "unused-index", "note", "o'rder")?;
        Ok(document)
    })
    .await?;
    found(
        &document,
        "invalid-index",
        "warning database/shop",
        "public.broken on public.twice",
    )?;
    found(
        &document,
        "sequence-near-end",
        "critical database/shop",
        "2000000000 of 2147483647",
    )?;
    found(
        &document,
        "unlogged-tables",
        "note database/shop",
        "1 table is",
    )?;
    found(
        &document,
        "public-schema-create",
        "warning database/shop",
        "",
    )?;
    found(
        &document,
        "collation-mismatch",
        "warning database/shop",
        "und-x-icu",
    )?;
    // Wraparound can't be waited for: the record of it can be made old.
    let old = "update pg_database set datfrozenxid = ((x::bigint + 4294967296 - 1700000000) % 4294967296)::text::xid \
         from (select pg_current_xact_id()::text::bigint % 4294967296 as x) as now where datname = 'shop'";
    let young = cluster
        .sql(
            PRIMARY,
            "select datfrozenxid from pg_database where datname = 'shop'",
        )
        .await?;
    cluster.sql(PRIMARY, old).await?;
    let document = examine(cluster, &["--check", "transaction-id-wraparound"]).await?;
    found(
        &document,
        "transaction-id-wraparound",
        "critical database/shop",
        "million",
    )?;
    let frozen = young
        .first()
        .and_then(|row| row.first())
        .context("an age")?;
    let back = format!("update pg_database set datfrozenxid = '{frozen}' where datname = 'shop'");
    cluster.sql(PRIMARY, &back).await?;
    // By itself the index is not called unused: the statistics are too young.
    let document = examine(cluster, &["--check", "unused-index"]).await?;
    found(
        &document,
        "unused-index",
        "unknown database/shop",
        "too young",
    )?;
    // And not when the replica uses it.
    let replica = cluster.address(REPLICA)?;
    let use_it = "set enable_seqscan = off; select count(*) from cart where word = 'word 7'";
    eventually("the replica has used it", async || {
        Database::ask(&replica, &cluster.login, "shop", use_it).await?;
        let document = examine(
            cluster,
            &["--statistics-age", "0", "--check", "unused-index"],
        )
        .await?;
        found(&document, "unused-index", "passed", "")
    })
    .await?;
    // What is to be typed works: the index is mended, once it can be.
    in_shop(cluster, "delete from twice where ctid = '(0,1)'").await?;
    let next = results_next(&document_of(cluster, "invalid-index").await?)?;
    let (_, sql) = next.rsplit_once(" -- -c ").context("the SQL")?;
    let sql = sql.trim_matches(['"', '\'']);
    assert_eq!(sql, "reindex index concurrently public.broken", "{next}");
    in_shop(cluster, sql).await?;
    found(
        &document_of(cluster, "invalid-index").await?,
        "invalid-index",
        "passed",
        "",
    )
}

async fn document_of(cluster: &SandboxCluster, code: &str) -> Result<Value> {
    examine(cluster, &["--check", code]).await
}

fn results_next(document: &Value) -> Result<String> {
    let first = &document["results"][0]["next"][0];
    Ok(first.as_str().context("a command")?.to_owned())
}

async fn what_is_wrong_with_a_server_is_found(cluster: &SandboxCluster) -> Result<()> {
    for sql in [
        "alter system set work_mem = '6MB'",
        "alter system set autovacuum = off",
        "alter system set fsync = off",
        "alter system set max_slot_wal_keep_size = -1",
        "alter system set maintenance_work_mem = '1GB'",
        "select pg_reload_conf()",
    ] {
        cluster.sql(PRIMARY, sql).await?;
    }
    eventually("the settings are in force", async || {
        let document = examine(cluster, &[]).await?;
        found(&document, "settings-differ", "warning", "work_mem: ")?;
        found(
            &document,
            "autovacuum-off",
            &format!("warning pod/{}", full(PRIMARY)),
            "",
        )?;
        found(&document, "durability-off", "critical", "")?;
        found(&document, "wal-unlimited", "warning", "")?;
        found(&document, "memory-settings", "note", "1 GiB for each of")
    })
    .await?;
    cluster
        .pgctl(&["doctor"])
        .await?
        .exits(4)?
        .says("(durability-off)")?;
    for setting in [
        "work_mem",
        "autovacuum",
        "fsync",
        "max_slot_wal_keep_size",
        "maintenance_work_mem",
    ] {
        cluster
            .sql(PRIMARY, &format!("alter system reset {setting}"))
            .await?;
    }
    cluster.sql(PRIMARY, "select pg_reload_conf()").await?;
    Ok(())
}

async fn who_gets_in_is_found(cluster: &SandboxCluster) -> Result<()> {
    for sql in [
        "create role \"a'pp\" login password 'a''pp'",
        "set password_encryption = md5; create role old_app login password 'x7Kq-9vTz-21'",
    ] {
        cluster.sql(PRIMARY, sql).await?;
    }
    // Another address than that of a forwarded port.
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind("127.0.0.77:0".parse()?)?;
    let server: std::net::IpAddr = cluster.address(PRIMARY)?.parse()?;
    let stream = socket.connect((server, 5432).into()).await?;
    let (client, connection) = tokio_postgres::Config::new()
        .user(cluster.login.user())
        .password(cluster.login.password())
        .dbname("shop")
        .application_name("web\u{1b}[31m")
        .connect_raw(stream, tokio_postgres::NoTls)
        .await?;
    let connection = tokio::spawn(connection);
    let document = examine(cluster, &[]).await?;
    found(&document, "password-is-name", "critical role/a'pp", "")?;
    found(&document, "md5-password", "warning role/old_app", "")?;
    found(
        &document,
        "superuser-application",
        "warning",
        "1 sessions as",
    )?;
    found(&document, "tls-off", "warning", "web")?;
    drop(client);
    connection.abort();
    // A line that lets everybody in, as somebody in a hurry adds it.
    cluster.store().modify(
        cluster.namespace(),
        &full("config"),
        |map: &mut ConfigMap| {
            let data = map.data.get_or_insert_default();
            let rules = data.entry("pg_hba.conf".to_owned()).or_default();
            *rules =
                format!("host all all 10.0.0.0/8 trust\nhost all all 10.1.0.0/16 md5\n{rules}");
        },
    )?;
    renew(cluster, PRIMARY)?;
    eventually("the rule is there", async || {
        let document = examine(cluster, &["--check", "trust-login,weak-login-method"]).await?;
        found(
            &document,
            "trust-login",
            "critical",
            "line 1: host all all 10.0.0.0/8 trust",
        )?;
        found(&document, "weak-login-method", "warning", "md5")
    })
    .await
}

/// Makes the kubelet bring the ConfigMap into a pod at once.
fn renew(cluster: &SandboxCluster, pod: &str) -> Result<()> {
    cluster
        .store()
        .modify(cluster.namespace(), &full(pod), |pod: &mut Pod| {
            let annotations = pod.metadata.annotations.get_or_insert_default();
            annotations.insert("pgctl.io/copy-request".to_owned(), "test".to_owned());
        })?;
    Ok(())
}

async fn what_protects_it_is_missed(cluster: &SandboxCluster) -> Result<()> {
    let (store, namespace) = (cluster.store(), cluster.namespace());
    store.remove::<NetworkPolicy>(
        namespace,
        full("").trim_end_matches('-'),
        &DeleteOptions::default(),
    )?;
    store.remove::<PodDisruptionBudget>(namespace, &full("replica"), &DeleteOptions::default())?;
    store.modify(namespace, &full("replica"), |set: &mut StatefulSet| {
        let annotations = set.metadata.annotations.get_or_insert_default();
        annotations.insert(
            "kubectl.kubernetes.io/last-applied-configuration".to_owned(),
            json!({"spec": {"replicas": 4, "podManagementPolicy": "Parallel"}}).to_string(),
        );
    })?;
    // Applied server-side, and edited since.
    let owners = json!([
        {"manager": "kubectl", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:ports": {}}}},
        {"manager": "kubectl-edit", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:type": {}}}},
    ]);
    store.modify(namespace, &full("write"), |service: &mut Service| {
        service.metadata.managed_fields = serde_json::from_value(owners.clone()).ok();
    })?;
    let document = examine(cluster, &[]).await?;
    let replica = format!("warning pod/{}", full(REPLICA));
    found(&document, "no-network-policy", &replica, "")?;
    found(&document, "no-disruption-budget", &replica, "")?;
    found(
        &document,
        "differs-from-applied",
        "note statefulset/",
        "spec.replicas is 1, and 4 was applied",
    )?;
    found(
        &document,
        "differs-from-applied",
        "note service/",
        "kubectl-edit has changed it since it was applied [\"spec.type\"",
    )?;
    Ok(())
}

async fn backups_are_looked_at_where_a_store_is_named(cluster: &SandboxCluster) -> Result<()> {
    let store = cluster.folder().join("backups");
    let store = store.to_string_lossy();
    let arguments = ["--store", store.as_ref()];
    let document = examine(cluster, &arguments).await?;
    found(
        &document,
        "backup-missing",
        "critical",
        "no verified backup",
    )?;
    found(&document, "backup-not-restored", "unknown", "")?;
    cluster
        .pgctl(&["backup", "--store", &store])
        .await?
        .exits(0)?;
    let document = examine(cluster, &arguments).await?;
    found(&document, "backup-missing", "passed", "")?;
    found(&document, "backup-not-restored", "warning", "ever restored")?;
    let line = ["backup", "list", "-A", "-o", "json", "--store", &store];
    let list = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(list["items"][0]["backups"], 1, "{list}");
    let newest = list["items"][0]["newest"]["id"]
        .as_str()
        .unwrap_or_default();
    let all = cluster
        .pgctl(&["backup", "list", "--store", &store])
        .await?;
    ensure!(
        !newest.is_empty() && all.stdout.contains(newest),
        "{list} {all}"
    );
    Ok(())
}

async fn among_many_clusters_it_has_the_same_results(cluster: &SandboxCluster) -> Result<()> {
    let results = |document: &Value| -> Vec<(String, String, String)> {
        let word = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let found = document["results"].as_array().into_iter().flatten();
        let told = found.map(|it| {
            (
                word(&it["code"]),
                word(&it["outcome"]),
                word(&it["object"]["name"]),
            )
        });
        told.filter(|(_, outcome, _)| outcome != "passed").collect()
    };
    // What was done to a file before reaches each pod in its own time.
    eventually("the same results", async || {
        let one = examine(cluster, &[]).await?;
        let many = examine(cluster, &["-A"]).await?;
        ensure!(many["kind"] == "ExaminationList", "{many}");
        let here = many["items"].as_array().into_iter().flatten();
        let mut here = here.filter(|it| it["cluster"] == one["cluster"]);
        let here = results(here.next().context("this cluster")?);
        let alone = results(&one);
        ensure!(here == alone, "{here:?} instead of {alone:?}");
        Ok(())
    })
    .await?;
    let run = cluster.pgctl(&["doctor", "-A"]).await?;
    ensure!(run.stdout.starts_with("NAMESPACE "), "{run}");
    let next = format!("type: pgctl -n {} --cluster sandbox", cluster.namespace());
    run.says(&next)?;
    let rights = ["-A", "--check", "rights-to-look,rights-to-operate"];
    let rights = examine(cluster, &rights).await?;
    assert_eq!(rights["items"][0]["summary"]["passed"], 2);
    Ok(())
}

async fn who_may_not_look_is_told_what_that_costs(cluster: &SandboxCluster) -> Result<()> {
    let role = VIEWER
        .replace("networkpolicies", "ingresses")
        .replace("pgctl-viewer", "half-viewer");
    cluster.grant(&role, "vera")?;
    let vera = cluster.kubeconfig_of("vera")?;
    let document = examine(cluster, &["--kubeconfig", &vera]).await?;
    found(&document, "no-network-policy", "unknown", "networkpolicies")?;
    found(
        &document,
        "rights-to-look",
        "warning",
        "may not list networkpolicies.networking.k8s.io",
    )?;
    found(&document, "rights-to-operate", "note", "pgctl failover")?;
    found(&document, "trust-login", "critical", "")?;
    // Among many clusters it is asked, too, and never passed in silence.
    let many = examine(cluster, &["--kubeconfig", &vera, "--contexts", "all"]).await?;
    let here = &many["items"][0];
    found(
        here,
        "rights-to-look",
        "warning",
        "may not list networkpolicies.networking.k8s.io",
    )?;
    found(here, "rights-to-operate", "note", "pgctl failover")
}

async fn a_wrong_code_is_refused_with_the_right_one(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster
        .pgctl(&["doctor", "--check", "trust-logins"])
        .await?
        .exits(2)?;
    run.says("pgctl doctor --check trust-login")?
        .says("pgctl explain")?;
    let run = cluster
        .pgctl(&["doctor", "--check", "zzz"])
        .await?
        .exits(2)?;
    run.says("pgctl explain")?;
    Ok(())
}

async fn a_server_that_hangs_costs_its_own_results(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze(REPLICA).await?;
    let document = examine(cluster, &["--timeout", "4s"]).await?;
    found(
        &document,
        "settings-differ",
        &format!("unknown pod/{}", full(REPLICA)),
        "no answer",
    )?;
    found(&document, "unused-index", "unknown", "no answer")?;
    found(&document, "md5-password", "warning role/old_app", "")?;
    cluster.mend().await
}
