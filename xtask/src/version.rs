//! The version, in every place that has it: one command, so that none is forgotten.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::generated::Files;

/// What the deployment's images are called, up to the version.
const IMAGES: [&str; 2] = [
    "registry.example.com/pgctl:",
    "registry.example.com/pgctl-restore:",
];

/// How the section of CHANGELOG.md ends that the next version gets.
const NOT_RELEASED: &str = "not released yet";

/// Sets the version in Cargo.toml, Cargo.lock, CHANGELOG.md and the deployment's images; with a day, that of the release.
///
/// # Errors
///
/// When it is an older version, or CHANGELOG.md has nothing that is not released yet. Nothing is written then.
pub(crate) fn set(root: &Path, to: &str, released: Option<&str>) -> Result<()> {
    let mut files = places(root, to)?;
    let changes = in_changes(&read(root, Path::new("CHANGELOG.md"))?, to, released)?;
    files.insert("CHANGELOG.md".into(), changes.into());
    for (path, contents) in &files {
        fs::write(root.join(path), contents)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// What all but CHANGELOG.md then hold.
fn places(root: &Path, to: &str) -> Result<Files> {
    let manifest = read(root, Path::new("Cargo.toml"))?;
    let from = of_workspace(&manifest)?;
    ensure!(numbers(to)? >= numbers(from)?, "{to} is older than {from}");
    let mut files = Files::new();
    files.insert("Cargo.toml".into(), in_manifest(&manifest, to)?.into());
    let lock = read(root, Path::new("Cargo.lock"))?;
    files.insert("Cargo.lock".into(), in_lock(&lock, from, to).into());
    for path in below(root, Path::new("deploy"))? {
        let text = read(root, &path)?;
        let changed = in_images(&text, to);
        if changed != text {
            files.insert(path, changed.into());
        }
    }
    Ok(files)
}

fn read(root: &Path, path: &Path) -> Result<String> {
    fs::read_to_string(root.join(path)).with_context(|| format!("reading {}", path.display()))
}

/// Every file below a folder, by its path from the root.
fn below(root: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries =
        fs::read_dir(root.join(folder)).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            files.extend(below(root, &path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Major, minor and patch.
fn numbers(version: &str) -> Result<[u64; 3]> {
    let parts: Result<Vec<u64>, _> = version.split('.').map(str::parse).collect();
    match parts
        .ok()
        .and_then(|parts| <[u64; 3]>::try_from(parts).ok())
    {
        // Neither 01 nor +1.
        Some([a, b, c]) if format!("{a}.{b}.{c}") == version => Ok([a, b, c]),
        _ => bail!("{version} is no version: three numbers, such as 1.2.3"),
    }
}

/// The version that all packages of the workspace have.
fn of_workspace(manifest: &str) -> Result<&str> {
    let (_, section) = sections(manifest)?;
    let mut lines = section.lines();
    let version = lines.find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    version.context("Cargo.toml has no version in [workspace.package]")
}

/// What stands before the version's section, and the rest.
fn sections(manifest: &str) -> Result<(&str, &str)> {
    let at = manifest.find("[workspace.package]");
    let at = at.context("Cargo.toml has no [workspace.package]")?;
    Ok(manifest.split_at(at))
}

fn in_manifest(manifest: &str, to: &str) -> Result<String> {
    let from = format!("version = \"{}\"", of_workspace(manifest)?);
    let (before, section) = sections(manifest)?;
    let section = section.replacen(&from, &format!("version = \"{to}\""), 1);
    Ok(format!("{before}{section}"))
}

/// The packages of the workspace are those that come from nowhere.
fn in_lock(lock: &str, from: &str, to: &str) -> String {
    let (from, to) = (
        format!("\nversion = \"{from}\"\n"),
        format!("\nversion = \"{to}\"\n"),
    );
    let packages = lock.split("\n\n").map(|package| {
        if package.contains("\nsource = ") {
            package.to_owned()
        } else {
            package.replacen(&from, &to, 1)
        }
    });
    packages.collect::<Vec<_>>().join("\n\n")
}

fn in_images(text: &str, to: &str) -> String {
    let mut changed = String::new();
    let mut rest = text;
    let next = |text: &str| {
        let ends = IMAGES
            .iter()
            .filter_map(|it| Some(text.find(it)? + it.len()));
        ends.min()
    };
    while let Some(end) = next(rest) {
        changed.push_str(&rest[..end]);
        changed.push_str(to);
        rest = rest[end..].trim_start_matches(|it: char| it.is_ascii_digit() || it == '.');
    }
    changed + rest
}

fn in_changes(changes: &str, to: &str, released: Option<&str>) -> Result<String> {
    let when = released.unwrap_or(NOT_RELEASED);
    let is_day = |text: &str| {
        let shape = text.replace(|it: char| it.is_ascii_digit(), "0");
        shape == "0000-00-00"
    };
    ensure!(
        released.is_none_or(is_day),
        "{when} is no day: such as 2026-01-31"
    );
    let mut lines = changes.lines();
    let heading = lines.find(|line| line.starts_with("## ") && line.ends_with(NOT_RELEASED));
    let heading = heading.with_context(|| {
        format!(
            "CHANGELOG.md has no section that is \"{NOT_RELEASED}\": what does a user see of {to}?"
        )
    })?;
    Ok(changes.replacen(heading, &format!("## {to}, {when}"), 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::workspace_root;

    const MANIFEST: &str = "[workspace]\nmembers = []\n\n[workspace.package]\nversion = \"0.1.0\"\n\n\
        [dependencies]\nother = \"0.1.0\"\n";

    #[test]
    fn the_workspace_gets_it_and_no_dependency() {
        let changed = in_manifest(MANIFEST, "1.2.3").expect("it has a version");
        assert_eq!(of_workspace(&changed).expect("a version"), "1.2.3");
        assert!(changed.contains("other = \"0.1.0\""), "{changed}");
        assert_eq!(changed.len(), MANIFEST.len());
        let lock = "version = 4\n\n[[package]]\nname = \"other\"\nversion = \"0.1.0\"\nsource = \"registry\"\n\n\
            [[package]]\nname = \"pgctl\"\nversion = \"0.1.0\"\ndependencies = [\n]\n";
        let (other, own) = lock.split_at(lock.find("[[package]]\nname = \"pgctl\"").expect("it"));
        let own = own.replace("0.1.0", "1.2.3");
        assert_eq!(in_lock(lock, "0.1.0", "1.2.3"), format!("{other}{own}"));
    }

    #[test]
    fn images_get_it_whatever_they_had() {
        let text = "image: registry.example.com/pgctl-restore:0.0.9\nimage: registry.example.com/pgctl:0.1.0 .\n\
            image: registry.example.com/other:0.1.0\n";
        let changed = "image: registry.example.com/pgctl-restore:1.2.3\nimage: registry.example.com/pgctl:1.2.3 .\n\
            image: registry.example.com/other:0.1.0\n";
        assert_eq!(in_images(text, "1.2.3"), changed);
    }

    #[test]
    fn the_changes_of_a_release_have_its_day() {
        let changes = "# Changes\n\n## 0.2.0, not released yet\n\n- new\n\n## 0.1.0, 2026-01-31\n";
        let of = |released| in_changes(changes, "1.2.3", released);
        let released = of(Some("2026-02-28")).expect("there are changes");
        assert!(released.contains("\n## 1.2.3, 2026-02-28\n\n- new\n\n## 0.1.0, 2026-01-31\n"));
        let later = of(None).expect("there are changes");
        assert!(later.contains("\n## 1.2.3, not released yet\n"), "{later}");
        assert!(of(Some("today")).is_err());
        let none = in_changes(&released, "1.2.4", None).expect_err("nothing is to be released");
        assert!(none.to_string().contains("what does a user see"), "{none}");
    }

    #[test]
    fn no_older_version_is_set() {
        for wrong in ["1.2", "1.2.3.4", "v1.2.3", "1.2.03", "1.2.3-rc.1", ""] {
            assert!(numbers(wrong).is_err(), "{wrong}");
        }
        assert!(numbers("0.10.0").expect("one") > numbers("0.9.9").expect("one"));
        let older = places(&workspace_root(), "0.0.1").expect_err("it is older");
        assert!(older.to_string().contains("is older than"), "{older}");
    }

    /// A package or an image with a version of its own would be forgotten.
    #[test]
    fn all_places_of_this_repository_are_found() {
        let root = workspace_root();
        let files = places(&root, "999.0.0").expect("the places");
        let count = |path: &str, what: &str| {
            let contents = files
                .get(Path::new(path))
                .map(|it| String::from_utf8_lossy(it));
            contents.map_or(0, |it| it.matches(what).count())
        };
        let new = "version = \"999.0.0\"";
        assert_eq!(count("Cargo.toml", new), 1);
        assert_eq!(
            count("Cargo.lock", new),
            4,
            "pgctl, its model, sandbox, xtask"
        );
        for member in [
            "Cargo.toml",
            "model/Cargo.toml",
            "sandbox/Cargo.toml",
            "xtask/Cargo.toml",
        ] {
            let manifest = read(&root, Path::new(member)).expect("a manifest");
            assert!(
                manifest.contains("\nversion.workspace = true\n"),
                "{member}"
            );
        }
        for image in [
            "deploy/image/Dockerfile",
            "deploy/components/backup/cronjobs.yaml",
            "deploy/components/monitoring/deployment.yaml",
            "deploy/components/wal-archive/statefulset.yaml",
        ] {
            assert!(count(image, ":999.0.0") > 0, "{image}");
        }
    }
}
