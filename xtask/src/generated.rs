//! The generated files: what belongs in each, and which ones are stale.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::reference;
use anyhow::{Context, Result, bail};

/// Contents by path, relative to the workspace.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Folders that hold generated files and nothing else: what is not generated any more is stale.
const OWNED: [&str; 3] = ["completions", "docs/man", "docs/schema"];

/// What kubectl runs for the completion of `kubectl pgctl`, by this name.
const KUBECTL_COMPLETION: &str = "kubectl_complete-pgctl";

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every generated file.
pub(crate) fn all(root: &Path) -> Result<Files> {
    let mut files = Files::new();
    completions(&mut files);
    man_pages(&mut files)?;
    files.insert(
        "docs/commands.md".into(),
        reference::markdown(&pgctl::cli::command()).into(),
    );
    schemas(&mut files)?;
    rendered_manifests(root, &mut files)?;
    Ok(files)
}

fn schemas(files: &mut Files) -> Result<()> {
    for (name, schema) in pgctl::output::schemas() {
        let text = format!("{}\n", serde_json::to_string_pretty(&schema)?);
        files.insert(Path::new("docs/schema").join(name), text.into());
    }
    Ok(())
}

fn completions(files: &mut Files) {
    for (name, template) in [
        ("pgctl.bash", include_str!("../completions/pgctl.bash")),
        ("_pgctl", include_str!("../completions/_pgctl")),
        ("pgctl.fish", include_str!("../completions/pgctl.fish")),
        ("_pgctl.ps1", include_str!("../completions/_pgctl.ps1")),
        ("pgctl.elv", include_str!("../completions/pgctl.elv")),
        (
            KUBECTL_COMPLETION,
            include_str!("../completions/kubectl_complete-pgctl"),
        ),
    ] {
        let text = template.replace("@COMPLETE@", pgctl::commands::COMPLETE);
        files.insert(Path::new("completions").join(name), text.into());
    }
}

fn man_pages(files: &mut Files) -> Result<()> {
    let mut command = pgctl::cli::command().disable_help_subcommand(true);
    command.build();
    man_page(&command, "pgctl", files)?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        man_page(sub, &format!("pgctl-{}", sub.get_name()), files)?;
    }
    Ok(())
}

fn man_page(command: &clap::Command, name: &str, files: &mut Files) -> Result<()> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name)
        .render(&mut text)?;
    files.insert(Path::new("docs/man").join(format!("{name}.1")), text);
    Ok(())
}

/// The sandbox's manifests as `kubectl kustomize` renders them. Without kubectl they can't be
/// rendered, so that the committed file is taken as it is.
fn rendered_manifests(root: &Path, files: &mut Files) -> Result<()> {
    let output = match Command::new("kubectl")
        .args(["kustomize", "deploy/sandbox"])
        .current_dir(root)
        .output()
    {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("kubectl is not here: deploy/sandbox/rendered.yaml is not checked");
            return Ok(());
        }
        Err(error) => return Err(error).context("running kubectl kustomize deploy/sandbox"),
    };
    if !output.status.success() {
        bail!(
            "kubectl kustomize deploy/sandbox: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    files.insert("deploy/sandbox/rendered.yaml".into(), output.stdout);
    let output = Command::new("kubectl")
        .args(["kustomize", "deploy/sandbox-pooler"])
        .current_dir(root)
        .output()
        .context("running kubectl kustomize deploy/sandbox-pooler")?;
    if !output.status.success() {
        bail!(
            "kubectl kustomize deploy/sandbox-pooler: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let text = String::from_utf8(output.stdout).context("YAML is text")?;
    // The overlay renders the base with it, so that names follow its prefix.
    let poolers: Vec<&str> = text
        .split("\n---\n")
        .filter(|it| it.contains("\n  name: sandbox-postgres-pooler"))
        .map(|it| it.trim_end_matches('\n'))
        .collect();
    let rendered = poolers.join("\n---\n") + "\n";
    files.insert(
        "deploy/sandbox-pooler/rendered.yaml".into(),
        rendered.into_bytes(),
    );
    Ok(())
}

/// Writes each file, and removes what is left over from before.
pub(crate) fn write(root: &Path, files: &Files) -> Result<()> {
    for path in leftovers(root, files)? {
        fs::remove_file(root.join(&path))
            .with_context(|| format!("removing {}", path.display()))?;
    }
    for (path, contents) in files {
        let full = root.join(path);
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        fs::write(&full, contents).with_context(|| format!("writing {}", path.display()))?;
        if is_program(path) {
            fs::set_permissions(&full, fs::Permissions::from_mode(0o755))
                .with_context(|| format!("making {} a program", path.display()))?;
        }
    }
    Ok(())
}

/// The files that are missing, differ, or should not be there.
pub(crate) fn stale(root: &Path, files: &Files) -> Result<Vec<PathBuf>> {
    let mut stale = leftovers(root, files)?;
    for (path, contents) in files {
        match fs::read(root.join(path)) {
            Ok(present)
                if present == *contents && (!is_program(path) || runs(&root.join(path))?) => {}
            Ok(_) => stale.push(path.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => stale.push(path.clone()),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }
    Ok(stale)
}

/// Whether a file is called, and not read.
fn is_program(path: &Path) -> bool {
    path.ends_with(KUBECTL_COMPLETION)
}

fn runs(file: &Path) -> Result<bool> {
    let metadata = fs::metadata(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(metadata.permissions().mode() & 0o111 == 0o111)
}

fn leftovers(root: &Path, files: &Files) -> Result<Vec<PathBuf>> {
    let mut leftovers = Vec::new();
    for folder in OWNED {
        let entries = match fs::read_dir(root.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("reading {folder}")),
        };
        for entry in entries {
            let path = Path::new(folder).join(entry?.file_name());
            if !files.contains_key(&path) {
                leftovers.push(path);
            }
        }
    }
    Ok(leftovers)
}
