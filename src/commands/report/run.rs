//! Collects, takes out what nobody may know, and writes the archive.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::archive::Archive;
use super::collect::{Extent, collect, document};
use super::piece::Piece;
use super::redaction::Redaction;
use crate::cli::ReportArgs;
use crate::cluster::{Instance, Limits};
use crate::commands::context::Context;
use crate::commands::doctor::examination;
use crate::commands::interruption::interruptible;
use crate::commands::journal::JournalSeen;
use crate::commands::throw_away::beside;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, SecretValues};
use crate::observe::Observed;
use crate::output::plain;

pub(in crate::commands) async fn run(
    context: &Context,
    args: &ReportArgs,
) -> Result<ExitCode, Failure> {
    interruptible(write(context, args)).await
}

async fn write(context: &Context, args: &ReportArgs) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let (mut observed, found) = beside(&kube, context.observe(&kube)).await?;
    let journal = JournalSeen::look(&kube, &observed.snapshot.cluster, &found).await;
    journal.note(&mut observed.snapshot);
    let secrets = secrets(&kube, &observed).await;
    let known = secrets.as_ref().map_or(&[][..], |it| it.values.as_slice());
    let redaction = Redaction::new(known, args.with_queries);
    let extent = Extent {
        limits: Limits {
            lag: args.judging.max_lag,
            ..Limits::default()
        },
        lines: args.tail,
        with_queries: args.with_queries,
    };
    let (mut pieces, examined) = futures::join!(
        collect(context, &kube, &observed, &journal, &redaction, &extent),
        examination(context, &kube, &observed, &args.judging),
    );
    pieces.push(Piece {
        name: "doctor.json".to_owned(),
        content: Ok(document(&examined, &redaction)),
    });
    let now = Timestamp::now();
    let cluster = &observed.snapshot.cluster;
    let name = format!(
        "pgctl-report-{}-{}-{}",
        cluster.namespace,
        cluster.name,
        now.strftime("%Y%m%dT%H%M%SZ")
    );
    let file = args
        .file
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{name}.tar.gz")));
    let looked_for = looked_for(&observed, &secrets);
    let readme = readme(&observed, &pieces, &looked_for, args, now);
    let written = store(&file, &name, now, &redaction.text(&readme), &pieces);
    written.map_err(|error| {
        Failure::new(
            ExitCode::Failed,
            format!("the archive {} can't be written", file.display()),
        )
        .caused_by(&error)
        .next("pgctl report --file OTHER.tar.gz")
    })?;
    let missing = pieces.iter().filter(|it| it.content.is_err()).count();
    context.print(&format!("{}\n", plain(&file.display().to_string())))?;
    if !matches!(&secrets, Ok(it) if it.only_own.is_none()) {
        let told =
            "not all Secrets could be read: README.txt in it says whose values were looked for\n";
        context.telling.say(told);
    }
    context.telling.say(&match missing {
        0 => "look through it before it leaves your hands\n".to_owned(),
        1 => "1 part could not be collected: README.txt in it says why\n".to_owned(),
        more => format!("{more} parts could not be collected: README.txt in it says why\n"),
    });
    Ok(ExitCode::Done)
}

fn store(
    file: &Path,
    folder: &str,
    now: Timestamp,
    readme: &str,
    pieces: &[Piece],
) -> io::Result<()> {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let mut archive = Archive::begin(file, folder, seconds)?;
    archive.add("README.txt", readme)?;
    for piece in pieces {
        if let Ok(text) = &piece.content {
            archive.add(&piece.name, text)?;
        }
    }
    archive.end(file)
}

/// Values that must be nowhere, or why they are not known.
async fn secrets(kube: &Kube, observed: &Observed) -> Result<SecretValues, String> {
    let snapshot = &observed.snapshot;
    let cluster = &snapshot.cluster;
    let own = observed.credentials.as_ref().map(|it| &it.source);
    let pods = snapshot.instances.iter().map(Instance::name);
    let services = snapshot.services.iter().map(|it| it.name.as_str());
    let names = [cluster.namespace.as_str(), cluster.name.as_str()];
    let public: Vec<&str> = names.into_iter().chain(pods).chain(services).collect();
    let values = kube.secret_values(&cluster.namespace, own, &public).await;
    values.map_err(|error| error.to_string())
}

/// How far the search for secrets got, in a sentence.
fn looked_for(observed: &Observed, secrets: &Result<SecretValues, String>) -> String {
    let own = observed.credentials.as_ref().map(|it| &it.source.secret);
    match (secrets, own) {
        (Err(why), _) => format!(
            "THE VALUES OF THE SECRETS ARE NOT KNOWN ({why}): only what looks like a password is left out.\n"
        ),
        (Ok(SecretValues { only_own: Some(why), .. }), Some(own)) => format!(
            "The values of Secret {own} were looked for in every file, and left out. THOSE OF OTHER SECRETS ARE NOT \
             KNOWN ({why}): of them only what looks like a password is left out.\n"
        ),
        (Ok(_), _) => {
            "The values of all Secrets of the namespace were looked for in every file, and left out.\n".to_owned()
        }
    }
}

fn readme(
    observed: &Observed,
    pieces: &[Piece],
    looked_for: &str,
    args: &ReportArgs,
    now: Timestamp,
) -> String {
    let cluster = &observed.snapshot.cluster;
    let mut text = format!(
        "{cluster}, collected {now:.0} by pgctl {}\n\n",
        env!("CARGO_PKG_VERSION")
    );
    text.push_str(match args.with_queries {
        true => "Texts of queries are in it (--with-queries).\n",
        false => "Texts of queries, and values that log entries quote, are left out.\n",
    });
    text.push_str(looked_for);
    text.push_str("\nIn it:\n");
    for piece in pieces.iter().filter(|it| it.content.is_ok()) {
        text.push_str(&format!("  {}\n", piece.name));
    }
    let missing: Vec<String> = pieces
        .iter()
        .filter_map(|it| Some(format!("  {}: {}\n", it.name, it.content.as_ref().err()?)))
        .collect();
    if !missing.is_empty() {
        text.push_str("\nNot collected:\n");
        text.extend(missing);
    }
    text
}
