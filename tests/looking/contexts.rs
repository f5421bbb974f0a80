//! `--contexts`: the clusters of several APIs at once, one of which takes connections and says nothing.

use std::net::TcpListener;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::test_cluster::{Run, SandboxCluster, on_sandbox};

#[test]
fn of_several_contexts_one_that_hangs_costs_its_row() -> Result<()> {
    on_sandbox(1, async |cluster| {
        // Nobody accepts on it.
        let silent = TcpListener::bind("127.0.0.1:0")?;
        let more = far_away(cluster, &silent)?;
        let looks = Looks { cluster, more };
        looks.documents().await?;
        looks.metrics().await?;
        looks.csv().await?;
        looks.nobody_answers().await
    })
}

/// A kubeconfig with a context of its own, and how to name both files to pgctl.
fn far_away(cluster: &SandboxCluster, silent: &TcpListener) -> Result<String> {
    let address = silent.local_addr()?;
    let file = cluster.folder().join("far-kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\n\
         clusters: [{{name: far, cluster: {{server: 'https://{address}', insecure-skip-tls-verify: true}}}}]\n\
         users: [{{name: me, user: {{token: t}}}}]\n\
         contexts: [{{name: far, context: {{cluster: far, user: me}}}}]\n"
    );
    std::fs::write(&file, text)?;
    let (_, here) = cluster.environment();
    let both = std::env::join_paths([here, file])?;
    both.into_string().ok().context("paths in UTF-8")
}

struct Looks<'a> {
    cluster: &'a SandboxCluster,
    /// Both kubeconfigs, as `KUBECONFIG` takes them.
    more: String,
}

impl Looks<'_> {
    async fn run(&self, arguments: &[&str], contexts: &str) -> Result<Run> {
        let more = ["--timeout", "3s", "--contexts", contexts];
        let environment = [("KUBECONFIG", self.more.as_str())];
        let arguments = [arguments, &more].concat();
        self.cluster.pgctl_with(&arguments, &environment).await
    }

    async fn documents(&self) -> Result<()> {
        let store = self.cluster.folder().join("backups");
        let store = store.to_string_lossy().into_owned();
        let lines: [(&[&str], i32); 4] = [
            (&["status"], 4),
            (&["doctor"], 4),
            (&["backup", "list", "--store", &store], 4),
            (&["query", "select 1 as one"], 7),
        ];
        for (line, exit) in lines {
            let run = self.run(&[line, &["-o", "json"]].concat(), "all").await?;
            let document = run.exits(exit)?.json()?;
            let items = document["items"].as_array().context("items")?;
            ensure!(items.len() == 1, "{line:?}: {document}");
            let here = &items[0];
            assert_eq!(here["cluster"]["namespace"], self.cluster.namespace());
            ensure!(here["context"] != "far" && here["context"] != Value::Null);
            let unreached = &document["unreached"];
            assert_eq!(unreached[0]["context"], "far", "{line:?}");
            ensure!(unreached[0]["next"][0].is_string(), "{line:?}: {document}");
            let run = self.run(line, "all").await?.exits(exit)?;
            run.says("NOT LOOKED AT: context far: ")?;
        }
        Ok(())
    }

    async fn metrics(&self) -> Result<()> {
        let run = self.run(&["metrics"], "all").await?.exits(4)?;
        let run = run.says("context far: ")?;
        let up = |line: &&str| line.starts_with("pgctl_up{context=");
        let told: Vec<&str> = run.stdout.lines().filter(up).collect();
        ensure!(told.len() == 2, "{told:?}");
        let far = told.iter().find(|it| it.contains("\"far\""));
        ensure!(far.is_some_and(|it| it.ends_with(" 0.0")), "{told:?}");
        Ok(())
    }

    /// What is no row goes to stderr: a program reads stdout.
    async fn csv(&self) -> Result<()> {
        let run = self
            .run(&["query", "--csv", "select 1 as one"], "all")
            .await?;
        let run = run.exits(7)?;
        let lines: Vec<&str> = run.stdout.lines().collect();
        ensure!(lines.len() == 2, "{run}");
        assert_eq!(lines[0], "context,namespace,cluster,pod,one");
        ensure!(run.stderr.contains("NOT LOOKED AT: context far: "), "{run}");
        Ok(())
    }

    async fn nobody_answers(&self) -> Result<()> {
        for line in [
            &["status"][..],
            &["doctor"],
            &["metrics"],
            &["query", "select 1"],
        ] {
            let run = self.run(line, "far").await?.exits(7)?;
            run.says("context \"far\": ")?.says("next: ")?;
            let run = self.run(line, "near,far").await?.exits(2)?;
            run.says("has no context \"near\"")?;
        }
        Ok(())
    }
}
