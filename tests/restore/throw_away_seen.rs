//! A throw-away server is seen wherever somebody looks at the cluster, and the cluster is no worse for it.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::test_cluster::{SandboxCluster, eventually, unpacked};

const CODE: &str = "throw-away-left";

/// The finding of a throw-away server among others.
fn of_server(findings: &Value) -> Option<&Value> {
    findings.as_array()?.iter().find(|it| it["code"] == CODE)
}

/// Whether one of the commands of a finding has these words.
fn suggests(finding: &Value, words: &str) -> bool {
    let commands = finding["next"].as_array().into_iter().flatten();
    let mut commands = commands.filter_map(Value::as_str);
    commands.any(|it| it.contains(words))
}

impl SandboxCluster {
    async fn seen(&self, line: &[&str]) -> Result<Value> {
        let line = [line, &["-o", "json"]].concat();
        self.pgctl(&line).await?.exits(0)?.json()
    }

    /// What `pgctl status` says of a throw-away server, of this cluster and of all: the same.
    async fn throw_away_finding(&self) -> Result<Option<Value>> {
        let one = self.seen(&["status"]).await?;
        let all = self.seen(&["status", "-A"]).await?;
        let (one, all) = (
            of_server(&one["findings"]),
            of_server(&all["items"][0]["findings"]),
        );
        ensure!(
            one.map(|it| &it["object"]) == all.map(|it| &it["object"]),
            "{one:?}; {all:?}"
        );
        Ok(one.cloned())
    }

    /// How many the metrics tell of, and the lines about the age of each.
    async fn throw_away_metrics(&self) -> Result<(String, Vec<String>)> {
        let run = self.pgctl(&["metrics"]).await?.exits(0)?;
        let of = |metric: &'static str| {
            let lines = run.stdout.lines();
            lines.filter(move |it| it.starts_with(metric))
        };
        let count = of("pgctl_throw_away_servers{").next();
        let count = count.and_then(|it| it.rsplit(' ').next());
        let count = count.context("no number of throw-away servers")?;
        let ages = of("pgctl_throw_away_created_timestamp_seconds{");
        Ok((count.to_owned(), ages.map(str::to_owned).collect()))
    }

    /// The one of this name runs: that is said, and what to type.
    pub(super) async fn sees_throw_away(&self, name: &str) -> Result<()> {
        // What has been seen to accept writes is ready a probe later.
        let found = eventually("its pod is ready", async || {
            let found = self.throw_away_finding().await?;
            let found = found.context("status is silent")?;
            let what = found["what"].as_str().context("what")?;
            ensure!(what.ends_with("its pod runs"), "{found}");
            Ok(found)
        })
        .await?;
        let pod = format!("{}-restored-{name}", self.name()?);
        ensure!(found["severity"] == "note", "{found}");
        ensure!(found["object"]["name"] == pod.as_str(), "{found}");
        let what = found["what"].as_str().context("what")?;
        let begin = format!("throw-away server {name}, since 2");
        ensure!(what.starts_with(&begin), "{found}");
        let why = found["why"].as_str().context("why")?;
        ensure!(why.contains("iB, until the server is deleted"), "{found}");
        for words in [
            format!("pgctl psql restored-{name} -n "),
            format!("pgctl restore --discard-into {name} -n "),
        ] {
            ensure!(suggests(&found, &words), "{words}: {found}");
        }

        let doctor = self.seen(&["doctor", "--check", CODE]).await?;
        let result = of_server(&doctor["results"]).context("the doctor is silent")?;
        ensure!(result["outcome"] == "note", "{result}");

        let (count, ages) = self.throw_away_metrics().await?;
        let label = format!("server=\"{name}\"");
        ensure!(count == "1.0", "{count} throw-away servers");
        ensure!(ages.len() == 1 && ages[0].contains(&label), "{ages:?}");

        let history = self.seen(&["history"]).await?;
        let unfinished = &history["unfinishedThrowAways"];
        ensure!(*unfinished == serde_json::json!([]), "{unfinished}");
        self.reports_throw_away(&pod).await
    }

    /// Its objects and its log are in the archive, without the password that its pod has.
    async fn reports_throw_away(&self, pod: &str) -> Result<()> {
        let file = self.folder().join("throw-away.tar.gz");
        let line = ["report", "--file", &file.to_string_lossy()];
        self.pgctl(&line).await?.exits(0)?;
        let files = unpacked(&file)?;
        std::fs::remove_file(&file)?;
        let journal = format!("pgctl.throw-away-{}", self.name()?);
        let (claim, log) = (format!("data-{pod}"), format!("logs/{pod}.postgres.log"));
        for (name, words) in [
            ("status.json", pod),
            ("history.json", "restore-"),
            ("objects/own-pods.yaml", pod),
            ("objects/own-persistentvolumeclaims.yaml", claim.as_str()),
            ("objects/own-configmaps.yaml", journal.as_str()),
            ("objects/leases.yaml", journal.as_str()),
            (log.as_str(), ""),
        ] {
            let text = files.get(name);
            let text = text.with_context(|| format!("{name} is not among {:?}", files.keys()))?;
            ensure!(text.contains(words), "{words} is not in {name}: {text}");
            ensure!(
                !text.contains(self.login.password()),
                "a password is in {name}"
            );
        }
        Ok(())
    }

    /// Its making was interrupted: what goes on with it is said, and what puts it back.
    #[cfg(feature = "failpoints")]
    pub(super) async fn sees_unfinished_throw_away(&self, name: &str) -> Result<()> {
        let found = self
            .throw_away_finding()
            .await?
            .context("status is silent")?;
        let what = found["what"].as_str().context("what")?;
        let begun = "its making was begun and has not ended";
        ensure!(what.contains(begun), "{found}");
        for option in ["--resume", "--abort"] {
            let command = format!("pgctl restore --into {name} {option} -n ");
            ensure!(suggests(&found, &command), "{command}: {found}");
        }
        let (count, _) = self.throw_away_metrics().await?;
        ensure!(count == "1.0", "{count} throw-away servers");
        let history = self.seen(&["history"]).await?;
        let unfinished = history["unfinishedThrowAways"].as_array();
        let unfinished = unfinished.context("unfinishedThrowAways")?;
        ensure!(
            unfinished.len() == 1
                && unfinished[0]["plan"]["id"] == history["unfinished"]["plan"]["id"],
            "{history:#}"
        );
        Ok(())
    }

    /// There is none any more, and nothing says that there is.
    pub(super) async fn sees_no_throw_away(&self) -> Result<()> {
        let found = self.throw_away_finding().await?;
        ensure!(found.is_none(), "{found:?}");
        let doctor = self.seen(&["doctor", "--check", CODE]).await?;
        let result = of_server(&doctor["results"]).context("every check has a result")?;
        ensure!(result["outcome"] == "passed", "{result}");
        let (count, ages) = self.throw_away_metrics().await?;
        ensure!(count == "0.0" && ages.is_empty(), "{count}: {ages:?}");
        Ok(())
    }
}
