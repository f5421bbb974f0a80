//! `pgctl report`: everything that a ticket needs, and no secret of the cluster.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, EnvVar, Pod, Secret};
use kube::core::ObjectMeta;
use pgctl_sandbox::store::Selector;

use super::test_cluster::{SandboxCluster, VIEWER, full, on_sandbox, unpacked};

/// In places where no Secret is: only their look gives them away.
const STRAY: [&str; 3] = [
    "stray-in-variable-1",
    "stray-in-conninfo-2",
    "stray-in-url-3",
];
const QUERY: &str = "card-4711-of-somebody";
/// Under keys with "user" in them; with the line end that somebody's editor has left.
const OF_USERS: [(&str, &str); 2] = [
    ("superuser-password", "Kw8-of-a-superuser\r\n"),
    ("user-token", "Zt5-of-a-user"),
];
/// What is no secret, by the whole name of its key.
const OPEN_KEYS: [&str; 11] = [
    "type",
    "provider",
    "host",
    "port",
    "database",
    "dbname",
    "namespace",
    "ca.crt",
    "user",
    "username",
    "postgres-user",
];

#[test]
fn a_report_has_what_a_ticket_needs_and_no_secret() -> Result<()> {
    on_sandbox(1, async |cluster| {
        hide_secrets_everywhere(cluster).await?;
        everything_is_in_it_and_no_secret(cluster).await?;
        a_role_of_an_application_leaves_it_readable(cluster).await?;
        the_doctor_looks_at_the_store_that_is_named(cluster).await?;
        queries_are_in_it_when_they_are_wanted(cluster).await?;
        a_file_that_is_there_stays(cluster).await?;
        who_may_not_read_all_secrets_gets_none_either(cluster).await?;
        a_pod_that_hangs_is_named(cluster).await?;
        a_small_change_is_in_its_history(cluster).await?;
        a_journal_that_nobody_can_read_is_told(cluster).await
    })
}

async fn hide_secrets_everywhere(cluster: &SandboxCluster) -> Result<()> {
    let (store, namespace) = (cluster.store(), cluster.namespace());
    let app = (
        "app-password".to_owned(),
        ByteString(b"qT7/of-an-application".to_vec()),
    );
    store.add(&Secret {
        metadata: ObjectMeta {
            name: Some("app".into()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([app])),
        ..Secret::default()
    })?;
    let of_users = OF_USERS.map(|(key, value)| {
        let value = ByteString(value.as_bytes().to_vec());
        (key.to_owned(), value)
    });
    store.add(&Secret {
        metadata: ObjectMeta {
            name: Some("of-users".into()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from(of_users)),
        ..Secret::default()
    })?;
    let copy = format!(
        "{{\"data\": \"{}\"}}",
        BASE64_STANDARD.encode("qT7/of-an-application")
    );
    store.modify(namespace, &full("replica"), |set: &mut StatefulSet| {
        let annotations = set.metadata.annotations.get_or_insert_default();
        let applied = "kubectl.kubernetes.io/last-applied-configuration";
        annotations.insert(applied.into(), copy.clone());
        annotations.insert("note".into(), format!("it is {}", cluster.login.password()));
    })?;
    store.modify(namespace, &full("replica-0"), |pod: &mut Pod| {
        let container = pod.spec.iter_mut().flat_map(|it| it.containers.first_mut());
        container.for_each(|it| {
            it.env.get_or_insert_default().push(EnvVar {
                name: "SMTP".into(),
                value: Some(STRAY[0].into()),
                ..EnvVar::default()
            });
        });
    })?;
    store.modify(namespace, &full("config"), |map: &mut ConfigMap| {
        let users = OF_USERS.map(|(_, value)| {
            let (bare, raw) = (value.trim(), BASE64_STANDARD.encode(value));
            format!("{bare} {} {raw}", BASE64_STANDARD.encode(bare))
        });
        map.data
            .get_or_insert_default()
            .insert("users".into(), users.join("\n"));
        let text = format!(
            "host=a password={} user=b\npostgres://shop:{}@db/shop\nqT7/of-an-application\n",
            STRAY[1], STRAY[2]
        );
        map.data
            .get_or_insert_default()
            .insert("notes".into(), text);
    })?;
    // It fails, and stands in the log with all that it says.
    cluster
        .sql(
            "primary-0",
            &format!("select 1/(length('{QUERY}') - {})", QUERY.len()),
        )
        .await
        .ok();
    let role = format!(
        "create role shop login password '{}'",
        cluster.login.password()
    );
    cluster.sql("primary-0", &role).await?;
    Ok(())
}

fn no_secret(cluster: &SandboxCluster, files: &BTreeMap<String, String>) -> Result<()> {
    let secrets = cluster
        .store()
        .read_all::<Secret>(Some(cluster.namespace()), &Selector::everything())?;
    let data = secrets.items.iter().flat_map(|it| it.data.iter().flatten());
    let mut values: Vec<Vec<u8>> = data
        .filter(|(key, _)| !OPEN_KEYS.contains(&key.as_str()))
        .map(|(_, value)| value.0.clone())
        .collect();
    ensure!(values.len() >= 3, "{} secrets", values.len());
    values.extend(STRAY.map(|it| it.as_bytes().to_vec()));
    for value in values {
        let bare = value.trim_ascii();
        let plain = String::from_utf8(bare.to_vec())?;
        for (name, text) in files {
            for shape in [
                plain.clone(),
                BASE64_STANDARD.encode(bare),
                BASE64_STANDARD.encode(&value),
            ] {
                ensure!(!text.contains(&shape), "{plain:?} is in {name}");
            }
            // Its own question about passwords may be among the running queries; a verifier goes on with digits.
            let verifier = text.split("SCRAM-SHA-256$").skip(1);
            ensure!(
                !verifier
                    .into_iter()
                    .any(|it| it.starts_with(|it: char| it.is_ascii_digit())),
                "a verifier is in {name}"
            );
        }
    }
    Ok(())
}

async fn everything_is_in_it_and_no_secret(cluster: &SandboxCluster) -> Result<()> {
    let file = cluster.folder().join("one.tar.gz");
    let run = cluster
        .pgctl(&["report", "--file", &file.to_string_lossy()])
        .await?
        .exits(0)?;
    ensure!(run.stdout.trim() == file.to_string_lossy(), "{run}");
    let files = unpacked(&file)?;
    no_secret(cluster, &files)?;
    for name in [
        "README.txt".to_owned(),
        "status.json".to_owned(),
        "slots.json".to_owned(),
        "history.json".to_owned(),
        "doctor.json".to_owned(),
        "objects/pods.yaml".to_owned(),
        "objects/events.yaml".to_owned(),
        format!("settings/{}.json", full("primary-0")),
        format!("logs/{}.log", full("replica-0")),
    ] {
        ensure!(
            files.contains_key(&name),
            "{name} is not among {:?}",
            files.keys()
        );
    }
    ensure!(
        !files.keys().any(|it| it.contains("secret")),
        "{:?}",
        files.keys()
    );
    ensure!(
        files["README.txt"].contains("were looked for"),
        "{}",
        files["README.txt"]
    );
    let log = &files[&format!("logs/{}.log", full("primary-0"))];
    ensure!(
        log.contains("division by zero") && !log.contains(QUERY),
        "{log}"
    );
    ensure!(
        files["doctor.json"].contains("\"Examination\""),
        "{}",
        files["doctor.json"]
    );
    // Only its owner may read it.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file)?.permissions().mode();
        ensure!(mode & 0o077 == 0, "mode {mode:o}");
    }
    Ok(())
}

/// Its Secret says where the database is, too: those words stand everywhere.
async fn a_role_of_an_application_leaves_it_readable(cluster: &SandboxCluster) -> Result<()> {
    let create = ["users", "create", "app", "--database", "shop", "--yes"];
    cluster.pgctl(&create).await?.exits(0)?;
    let file = cluster.folder().join("account.tar.gz");
    let arguments = ["report", "--file", &file.to_string_lossy()];
    cluster.pgctl(&arguments).await?.exits(0)?;
    let files = unpacked(&file)?;
    no_secret(cluster, &files)?;
    let status = &files["status.json"];
    for name in [
        full("primary-0"),
        full("replica-0"),
        cluster.namespace().to_owned(),
    ] {
        ensure!(status.contains(&format!("{name:?}")), "{name}: {status}");
    }
    let settings = &files[&format!("settings/{}.json", full("primary-0"))];
    ensure!(settings.contains("\"5432\""), "{settings}");
    let doctor = &files["doctor.json"];
    ensure!(doctor.contains("pgctl -n"), "{doctor}");
    Ok(())
}

async fn the_doctor_looks_at_the_store_that_is_named(cluster: &SandboxCluster) -> Result<()> {
    let store = cluster.folder().join("store-of-the-report");
    std::fs::create_dir_all(&store)?;
    let file = cluster.folder().join("store.tar.gz");
    let (store, path) = (store.to_string_lossy(), file.to_string_lossy());
    let arguments = ["report", "--store", &store, "--file", &path];
    cluster.pgctl(&arguments).await?.exits(0)?;
    let doctor = &unpacked(&file)?["doctor.json"];
    ensure!(
        doctor.contains("backup-missing") && !doctor.contains("no store of backups is named"),
        "{doctor}"
    );
    Ok(())
}

async fn queries_are_in_it_when_they_are_wanted(cluster: &SandboxCluster) -> Result<()> {
    let file = cluster.folder().join("queries.tar.gz");
    let arguments = [
        "report",
        "--with-queries",
        "--file",
        &file.to_string_lossy(),
    ];
    cluster.pgctl(&arguments).await?.exits(0)?;
    let files = unpacked(&file)?;
    no_secret(cluster, &files)?;
    let log = &files[&format!("logs/{}.log", full("primary-0"))];
    ensure!(log.contains(QUERY), "{log}");
    Ok(())
}

async fn a_file_that_is_there_stays(cluster: &SandboxCluster) -> Result<()> {
    let file = cluster.folder().join("mine.tar.gz");
    std::fs::write(&file, "mine")?;
    let run = cluster
        .pgctl(&["report", "--file", &file.to_string_lossy()])
        .await?
        .exits(1)?;
    run.says("can't be written")?;
    ensure!(std::fs::read_to_string(&file)? == "mine");
    Ok(())
}

async fn who_may_not_read_all_secrets_gets_none_either(cluster: &SandboxCluster) -> Result<()> {
    cluster.grant(&VIEWER.replace("cronjobs, ", ""), "vera")?;
    let vera = cluster.kubeconfig_of("vera")?;
    let file = cluster.folder().join("vera.tar.gz");
    let arguments = [
        "report",
        "--kubeconfig",
        &vera,
        "--file",
        &file.to_string_lossy(),
    ];
    cluster
        .pgctl(&arguments)
        .await?
        .exits(0)?
        .says("could not be collected")?;
    let files = unpacked(&file)?;
    for (name, text) in &files {
        ensure!(
            !text.contains(cluster.login.password()),
            "a password is in {name}"
        );
    }
    // How far the search for secrets got is told.
    ensure!(
        files["README.txt"].contains("THOSE OF OTHER SECRETS ARE NOT"),
        "{}",
        files["README.txt"]
    );
    // What she may not list is named with the permission.
    ensure!(
        files["README.txt"].contains("cronjobs"),
        "{}",
        files["README.txt"]
    );
    Ok(())
}

async fn a_pod_that_hangs_is_named(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze("replica-0").await?;
    let file = cluster.folder().join("hangs.tar.gz");
    let arguments = [
        "report",
        "--timeout",
        "4s",
        "--file",
        &file.to_string_lossy(),
    ];
    cluster.pgctl(&arguments).await?.exits(0)?;
    let files = unpacked(&file)?;
    // How far it got before it hung is another thing on a busy machine.
    let missing = format!("settings/{}.json: ", full("replica-0"));
    let readme = &files["README.txt"];
    let told = readme
        .lines()
        .find_map(|it| it.trim().strip_prefix(&missing));
    ensure!(
        told.is_some_and(|why| why.contains("no answer")),
        "{readme}"
    );
    ensure!(files.contains_key(&format!("settings/{}.json", full("primary-0"))));
    cluster.mend().await
}

async fn a_small_change_is_in_its_history(cluster: &SandboxCluster) -> Result<()> {
    let slot = "select pg_create_physical_replication_slot('left_over', true)";
    cluster.sql("primary-0", slot).await?;
    let drop = ["slots", "drop", "left_over", "--yes"];
    cluster.pgctl(&drop).await?.exits(0)?;
    let file = cluster.folder().join("changes.tar.gz");
    let arguments = ["report", "--file", &file.to_string_lossy()];
    cluster.pgctl(&arguments).await?.exits(0)?;
    let files = unpacked(&file)?;
    let history: serde_json::Value = serde_json::from_str(&files["history.json"])?;
    let change = format!("drop of physical slot left_over on {}", full("primary-0"));
    // Others are in it as well.
    let changes = history["changes"].as_array();
    let told = changes.is_some_and(|all| all.iter().any(|it| it["change"] == change));
    ensure!(told, "{history:#}");
    Ok(())
}

async fn a_journal_that_nobody_can_read_is_told(cluster: &SandboxCluster) -> Result<()> {
    cluster.store().add(&ConfigMap {
        metadata: ObjectMeta {
            name: Some("pgctl-sandbox".into()),
            namespace: Some(cluster.namespace().to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("plan".to_owned(), "{".to_owned())])),
        ..ConfigMap::default()
    })?;
    let file = cluster.folder().join("journal.tar.gz");
    let arguments = ["report", "--file", &file.to_string_lossy()];
    let run = cluster.pgctl(&arguments).await?.exits(0)?;
    run.says("could not be collected")?;
    let files = unpacked(&file)?;
    let missing = "history.json: the journal's plan can't be read";
    ensure!(
        files["README.txt"].contains(missing),
        "{}",
        files["README.txt"]
    );
    let status = &files["status.json"];
    ensure!(
        status.contains("the journal's plan can't be read"),
        "{status}"
    );
    Ok(())
}
