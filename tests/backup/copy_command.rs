//! `pgctl backup copy`, `--copy-to` and `verify --compare` as they are typed.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use hyper::Method;
use pgctl::backup::store::Store;
use serde_json::Value;

use crate::copying::{GLOBALS, SECOND, directory, listed, small};
use crate::fixture::{Fixture, signal};
use crate::support::S3Server;
use crate::test_cluster::{document, eventually};

/// Folders for two stores, and `pgctl` as it is typed.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // A second store is never made.
        std::fs::create_dir(folder.path().join("to"))?;
        Ok(Self { folder })
    }

    fn path(&self, store: &str) -> PathBuf {
        self.folder.path().join(store)
    }

    fn text(&self, store: &str) -> String {
        self.path(store).display().to_string()
    }

    /// Its document, or else what it said, after it ended with this code.
    async fn runs(&self, arguments: &[&str], code: i32) -> Result<String> {
        self.runs_with(arguments, &[], code).await
    }

    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_pgctl"));
        command
            .arg("backup")
            .args(arguments)
            .env("PGCTL_CONFIG", "")
            .env("PGCTL_STORE", self.path("from"));
        command
    }

    async fn runs_with(
        &self,
        arguments: &[&str],
        environment: &[(String, String)],
        code: i32,
    ) -> Result<String> {
        let output = self
            .command(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .output()
            .await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        ensure!(
            output.status.code() == Some(code),
            "{arguments:?}: {:?}\n{stdout}{stderr}",
            output.status
        );
        Ok(match stdout.is_empty() {
            true => stderr,
            false => stdout,
        })
    }

    /// What became of each, after it ended with this code.
    async fn copies(&self, arguments: &[&str], code: i32) -> Result<Vec<String>> {
        let to = self.text("to");
        let line = [&["copy", "--to", &to, "-o", "json"][..], arguments].concat();
        let found = document(&self.runs(&line, code).await?)?;
        let backups = found["backups"].as_array().context("no backups")?.iter();
        let outcome = |it: &Value| it["outcome"].as_str().unwrap_or_default().to_owned();
        Ok(backups.map(outcome).collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_a_copy_tells_what_came_of_it() -> Result<()> {
    let desk = Desk::new()?;
    let from = directory(desk.folder.path(), "from");
    // Of nothing there is no copy.
    let to = desk.text("to");
    desk.runs(&["copy", "--all", "--to", &to], 3).await?;
    let ids = [small(&from, 48).await.id, small(&from, 24).await.id];
    for same in ["from", "from/", "to/../from"] {
        let said = desk.runs(&["copy", "--to", &desk.text(same)], 2).await?;
        ensure!(said.contains("--to names the place"), "{said}");
    }
    let mount = desk.text("mnt/to");
    let said = desk.runs(&["copy", "--to", &mount], 3).await?;
    ensure!(said.contains("is not there"), "{said}");
    ensure!(!desk.path("mnt").exists(), "it was made");
    desk.runs(&["copy", "nonsense", "--to", &to], 3).await?;
    let dry = desk.copies(&["--all", "--dry-run"], 0).await?;
    ensure!(dry == ["to-be-copied", "to-be-copied"], "{dry:?}");
    let made = std::fs::read_dir(desk.path("to"))?.count();
    ensure!(made == 0, "a dry run has made something");
    // The newest is meant when none is named.
    let newest = desk.copies(&["--latest", "--dry-run"], 0).await?;
    ensure!(newest == ["to-be-copied"], "{newest:?}");
    let file = desk.path("from").join(&ids[0]).join(SECOND);
    std::fs::write(&file, b"x")?;
    let some = desk.copies(&["--all"], 5).await?;
    ensure!(some == ["refused", "copied"], "{some:?}");
    let none = desk.copies(&["--all"], 3).await?;
    ensure!(none == ["refused", "already-there"], "{none:?}");
    let said = desk.runs(&["copy", &ids[0], "--to", &to], 3).await?;
    let store = desk.text("from");
    let next = format!("pgctl backup verify --store {store} {}", ids[0]);
    ensure!(said.contains("not copied"), "{said}");
    ensure!(said.contains(&next), "{said}");
    std::fs::write(&file, GLOBALS)?;
    let all = desk.copies(&["--all"], 0).await?;
    ensure!(all == ["copied", "already-there"], "{all:?}");
    // A place that can't be written to.
    std::fs::write(desk.path("file"), "in the way")?;
    let said = desk.runs(&["copy", "--to", &desk.text("file")], 1).await?;
    ensure!(said.contains("error:"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_says_whether_the_copy_is_equal_lacks_or_differs() -> Result<()> {
    let desk = Desk::new()?;
    let from = directory(desk.folder.path(), "from");
    let id = small(&from, 1).await.id;
    let to = desk.text("to");
    let verify = ["verify", "--compare", &to];
    let state = async |code, copy: &str| {
        let line = [&verify[..], &["-o", "json"]].concat();
        let found = document(&desk.runs(&line, code).await?)?;
        let compared = &found["comparison"]["backups"][0];
        ensure!(compared["copy"] == copy, "{found:#}");
        ensure!(found["backups"][0]["whole"] == true, "{found:#}");
        anyhow::Ok(())
    };
    state(4, "lacking").await?;
    let said = desk.runs(&verify, 4).await?;
    let store = desk.text("from");
    let next = format!("pgctl backup copy --store {store} {id} --to {to}");
    ensure!(said.contains("LACKING") && said.contains(&next), "{said}");
    desk.copies(&[], 0).await?;
    state(0, "equal").await?;
    let file = desk.path("to").join(&id).join(SECOND);
    let mut flipped = GLOBALS.to_vec();
    flipped[7] ^= 1;
    std::fs::write(&file, flipped)?;
    state(4, "different").await?;
    let said = desk.runs(&verify, 4).await?;
    ensure!(said.contains("DIFFERENT"), "{said}");
    ensure!(said.contains(SECOND), "{said}");
    // Its size is right; that it is broken is known now, and it is not taken for a copy.
    let copies = desk.copies(&[], 3).await?;
    ensure!(copies == ["refused"], "{copies:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_bucket_may_have_credentials_of_its_own() -> Result<()> {
    let desk = Desk::new()?;
    let s3 = S3Server::start().await;
    let from = directory(desk.folder.path(), "from");
    let id = small(&from, 1).await.id;
    let wrong = s3.environment_with("not-the-secret").into_iter();
    let wrong: Vec<(String, String)> = wrong.map(|(name, it)| (name.to_owned(), it)).collect();
    let own = s3.environment().into_iter();
    let own = own.map(|(name, it)| (format!("PGCTL_COPY_{name}"), it));
    let copy = ["copy", "--to", "s3://backups/copies"];
    let said = desk.runs_with(&copy, &wrong, 1).await?;
    ensure!(said.contains("refused the credentials"), "{said}");
    ensure!(!said.contains("not-the-secret"), "{said}");
    ensure!(!said.contains("PGCTL_COPY_AWS"), "{said}");
    let both: Vec<_> = wrong.into_iter().chain(own).collect();
    desk.runs_with(&copy, &both, 0).await?;
    let to: Arc<dyn Store> = Arc::new(s3.store("copies"));
    assert_eq!(listed(&to).await.finished, [id]);
    // Its own are named, and have to be there.
    let own = |secret: &str| -> Vec<(String, String)> {
        let all = s3.environment_with(secret).into_iter();
        all.map(|(name, it)| (format!("PGCTL_COPY_{name}"), it))
            .collect()
    };
    let said = desk.runs_with(&copy, &own("not-the-secret"), 1).await?;
    ensure!(said.contains("PGCTL_COPY_AWS_ACCESS_KEY_ID"), "{said}");
    let (endpoint, _): (Vec<_>, Vec<_>) = own("any")
        .into_iter()
        .partition(|(name, _)| name.ends_with("ENDPOINT_URL"));
    let said = desk.runs_with(&copy, &endpoint, 2).await?;
    ensure!(said.contains("PGCTL_COPY_AWS_ACCESS_KEY_ID"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bucket_is_one_place_by_whatever_address() -> Result<()> {
    const STORE: &str = "s3://backups/p";
    let desk = Desk::new()?;
    let s3 = S3Server::start().await;
    let bucket: Arc<dyn Store> = Arc::new(s3.store("p"));
    small(&bucket, 1).await;
    let own = |endpoint: Option<String>| -> Vec<(String, String)> {
        let first = s3.environment().into_iter();
        let mut all: Vec<_> = first
            .flat_map(|(name, it)| {
                [
                    (name.to_owned(), it.clone()),
                    (format!("PGCTL_COPY_{name}"), it),
                ]
            })
            .collect();
        let other = endpoint.map(|it| ("PGCTL_COPY_AWS_ENDPOINT_URL".to_owned(), it));
        all.extend(other);
        all
    };
    let copy = ["copy", "--store", STORE, "--to", "s3://backups/p/"];
    for environment in [own(None), own(Some(s3.other_endpoint()))] {
        let said = desk.runs_with(&copy, &environment, 2).await?;
        ensure!(said.contains("--to names the place"), "{said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_of_the_first_is_told_when_the_second_does_not_answer() -> Result<()> {
    let desk = Desk::new()?;
    let s3 = S3Server::start().await;
    let from = directory(desk.folder.path(), "from");
    let ids = [small(&from, 48).await.id, small(&from, 24).await.id];
    let wrong = s3.environment_with("not-the-secret").into_iter();
    let wrong: Vec<(String, String)> = wrong.map(|(name, it)| (name.to_owned(), it)).collect();
    let line = [
        "verify",
        "--all",
        "--compare",
        "s3://backups/copies",
        "-o",
        "json",
    ];
    let found = document(&desk.runs_with(&line, &wrong, 1).await?)?;
    for (place, id) in ids.iter().enumerate() {
        ensure!(found["backups"][place]["id"] == *id, "{found:#}");
        ensure!(found["backups"][place]["whole"] == true, "{found:#}");
        let compared = &found["comparison"]["backups"][place];
        ensure!(compared["copy"] == "unknown", "{found:#}");
        ensure!(compared["whole"].is_null(), "{found:#}");
    }
    // What is known to be wrong outweighs that.
    std::fs::write(desk.path("from").join(&ids[0]).join(SECOND), b"x")?;
    let found = document(&desk.runs_with(&line, &wrong, 4).await?)?;
    ensure!(found["backups"][0]["whole"] == false, "{found:#}");
    // Nobody is told to copy what is broken.
    let to = desk.text("to");
    let verify = ["verify", "--compare", &to, &ids[0]];
    let said = desk.runs(&verify, 4).await?;
    ensure!(said.contains("LACKING"), "{said}");
    ensure!(!said.contains("pgctl backup copy"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_interrupts_a_copy_twice_is_told_what_was_copied_and_what_is_not_known()
-> Result<()> {
    let desk = Desk::new()?;
    let from = directory(desk.folder.path(), "from");
    for hours in [48, 24] {
        small(&from, hours).await;
    }
    let interrupted = async |s3: &S3Server, arguments: &[&str]| {
        let copy = ["copy", "--all", "--to", "s3://backups/p"];
        let mut child = desk
            .command(&[&copy[..], arguments].concat())
            .envs(s3.environment())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()?;
        let held = async || {
            ensure!(s3.holds());
            Ok(())
        };
        eventually("the second store hangs", held).await?;
        let ends = async || {
            if child.try_wait()?.is_none() {
                signal(&child, rustix::process::Signal::INT)?;
                bail!("it runs");
            }
            Ok(())
        };
        eventually("it ends", ends).await?;
        let output = child.wait_with_output().await?;
        s3.let_go();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (told, said) = (text(&output.stdout), text(&output.stderr));
        let code = output.status.code();
        ensure!(code == Some(130), "{code:?}: {told}{said}");
        anyhow::Ok((told, said))
    };
    // Nothing is to be removed after a trial: it ends at once.
    let s3 = S3Server::start().await;
    s3.hold(Method::GET, "list-type=2");
    let (_, said) = interrupted(&s3, &["--dry-run"]).await?;
    ensure!(said.contains("nothing was begun"), "{said}");
    let s3 = S3Server::start().await;
    s3.hold_after(1, Method::PUT, "manifest.json");
    let (told, _) = interrupted(&s3, &["-o", "json"]).await?;
    let found = document(&told)?;
    ensure!(found["backups"][0]["outcome"] == "copied", "{found:#}");
    let problem = found["backups"][1]["problem"].as_str();
    let problem = problem.unwrap_or_default();
    ensure!(problem.contains("finished there or not"), "{found:#}");
    Ok(())
}

/// Into two places, one after the other; and what becomes of it when the second one fails.
pub(crate) async fn into_two_places(fixture: &Fixture<'_>) -> Result<()> {
    const COPIES: &str = "s3://backups/copies";
    let [first, _] = fixture.stores();
    let kinds: [&[&str]; 2] = [&[], &["--physical"]];
    for kind in kinds {
        let line = [&["backup", "--copy-to", COPIES][..], kind].concat();
        let taken = fixture.json(&first, &line, 0).await?;
        ensure!(taken["copy"]["store"] == COPIES, "{taken:#}");
        ensure!(taken["copy"]["problem"].is_null(), "{taken:#}");
        let id = taken["id"].as_str().context("no id")?;
        let line = ["backup", "verify", id, "--compare", COPIES];
        let found = fixture.json(&first, &line, 0).await?;
        let copy = &found["comparison"]["backups"][0]["copy"];
        ensure!(copy == "equal", "{found:#}");
    }
    let before = fixture.listed(COPIES).await?;
    for kind in kinds {
        // What is tried first and the mark are written; an archive finds no room.
        fixture.s3.full_after(2);
        let line = [&["backup", "--copy-to", COPIES, "-o", "json"][..], kind].concat();
        let run = fixture.run(&first, &line).await?.exits(5)?;
        fixture.s3.full_after(u64::MAX);
        let run = run.says("there is no copy in s3://backups/copies")?;
        let taken = run.json()?;
        let problem = taken["copy"]["problem"].as_str().unwrap_or_default();
        ensure!(problem.contains("XMinioStorageFull"), "{taken:#}");
        let id = taken["id"].as_str().context("no id")?;
        // It is whole in the first, and nothing of it is in the second.
        fixture.json(&first, &["backup", "verify", id], 0).await?;
        ensure!(fixture.listed(COPIES).await? == before, "something is left");
        fixture
            .run(&first, &["backup", "copy", id, "--to", COPIES, "--dry-run"])
            .await?
            .exits(0)?
            .says("to be copied")?;
    }
    // Whoever may not write there at all has a backup all the same, and is told what to type.
    let wrong = fixture.s3.environment_with("not-the-secret");
    let line = ["backup", "--database", "postgres", "--copy-to", COPIES];
    let run = fixture.run_with(&first, &line, &wrong).await?.exits(5)?;
    let run = run.says("NOT in s3://backups/copies")?;
    ensure!(!run.stderr.contains("not-the-secret"), "{run}");
    let (_, next) = run
        .stdout
        .split_once("next: pgctl ")
        .context("no next command")?;
    let next: Vec<&str> = next.split_whitespace().collect();
    let run = fixture.run(&first, &next).await?;
    run.exits(0)?.says("copied")?;
    a_second_place_that_hangs(fixture, &first, COPIES).await?;
    fixture.nothing_runs().await
}

/// It holds up no backup, and whoever does not want to wait for it has one, is told so, and sees no panic.
async fn a_second_place_that_hangs(fixture: &Fixture<'_>, first: &str, second: &str) -> Result<()> {
    let (before, _) = fixture.listed(first).await?;
    fixture.s3.hold(Method::PUT, "/copies/");
    let line = ["backup", "--database", "postgres", "--copy-to", second];
    let mut child = fixture.command(first, &line)?.spawn()?;
    let hangs = eventually("the second store hangs", async || {
        ensure!(fixture.s3.holds());
        Ok(())
    });
    hangs.await?;
    // It is finished and listed by now.
    let (now, unfinished) = fixture.listed(first).await?;
    ensure!(now.len() == before.len() + 1, "{now:?}");
    ensure!(unfinished.is_empty(), "{unfinished:?}");
    // One signal may come while another is answered.
    let ends = eventually("it ends", async || {
        if child.try_wait()?.is_none() {
            signal(&child, rustix::process::Signal::INT)?;
            bail!("it runs");
        }
        Ok(())
    });
    ends.await?;
    let output = child.wait_with_output().await?;
    fixture.s3.let_go();
    let told = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(5),
        "{:?}: {told}{said}",
        output.status
    );
    ensure!(
        told.contains("NOT in s3://backups/copies: interrupted"),
        "{told}"
    );
    ensure!(told.contains("next: pgctl backup copy"), "{told}");
    ensure!(!said.contains("panicked"), "{said}");
    Ok(())
}
