//! Which images the host can stand in for.

use std::path::{Path, PathBuf};

use super::image::{Image, User};
use super::programs::{self, Program};

/// Names the folder of another PostgreSQL's programs than the newest of the host.
pub const POSTGRES_VARIABLE: &str = "PGCTL_SANDBOX_POSTGRES";

/// Where Debian and its relatives keep one PostgreSQL for each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder of the PostgreSQL programs that pods run: the one that [`POSTGRES_VARIABLE`] names,
/// or the newest of the host. None when there is no such folder: they may still be in the `PATH`.
pub fn postgres_programs() -> Option<PathBuf> {
    let chosen = std::env::var_os(POSTGRES_VARIABLE).filter(|value| !value.is_empty());
    chosen
        .map(PathBuf::from)
        .or_else(|| newest(Path::new(DEBIAN)))
}

/// Finds what stands in for an image, by the last part of its name: with any registry, tag and digest it is what the host
/// has. `postgres` is the PostgreSQL of the host, whatever version the tag says; the others are in `programs`.
///
/// # Errors
/// The message of the pull error, as in the container's `ErrImagePull` status.
pub fn resolve(image: &str) -> Result<Image, String> {
    resolve_with(image, postgres_programs().as_deref())
}

fn resolve_with(image: &str, programs: Option<&Path>) -> Result<Image, String> {
    let without_digest = image.split('@').next().unwrap_or_default();
    let last = without_digest.rsplit('/').next().unwrap_or_default();
    let (name, tag) = last.split_once(':').unwrap_or((last, "latest"));
    if let Some(program) = Program::of_image(name) {
        return program
            .image()
            .map_err(|why| format!("failed to pull and unpack image \"{image}\": {why}"));
    }
    if name != "postgres" {
        return Err(format!(
            "failed to pull and unpack image \"{image}\": the sandbox has no registry: it stands in for images called postgres, {}",
            programs::names()
        ));
    }
    let folders = match &programs {
        Some(folder) => vec![*folder],
        None => vec![Path::new("/usr/bin"), Path::new("/usr/local/bin")],
    };
    if !folders
        .iter()
        .any(|folder| folder.join("postgres").exists())
    {
        let looked: Vec<_> = folders.iter().map(|it| it.display().to_string()).collect();
        return Err(format!(
            "failed to pull and unpack image \"{image}\": no PostgreSQL server is installed on this machine (looked in {}{})",
            looked.join(", "),
            if programs.is_none() {
                format!(" and {DEBIAN}")
            } else {
                String::new()
            }
        ));
    }
    let mut path = Vec::new();
    path.extend(programs.map(|folder| folder.display().to_string()));
    path.push(programs::PATH.to_owned());
    Ok(Image {
        env: vec![
            ("PATH".to_owned(), path.join(":")),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("PGDATA".to_owned(), "/var/lib/postgresql/data".to_owned()),
        ],
        users: vec![User {
            name: "postgres",
            id: if tag.contains("alpine") { 70 } else { 999 },
            home: "/var/lib/postgresql",
        }],
        ..Image::default()
    })
}

/// The programs of the newest installed major version.
fn newest(versions: &Path) -> Option<PathBuf> {
    std::fs::read_dir(versions)
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let major: u32 = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("postgres").exists().then_some((major, bin))
        })
        .max_by_key(|(major, _)| *major)
        .map(|(_, bin)| bin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_with(majors: &[&str]) -> std::io::Result<tempfile::TempDir> {
        let dir = tempfile::tempdir()?;
        for major in majors {
            let bin = dir.path().join(major).join("bin");
            std::fs::create_dir_all(&bin)?;
            std::fs::write(bin.join("postgres"), "")?;
        }
        Ok(dir)
    }

    #[test]
    fn the_newest_postgresql_of_the_host_comes_first_in_the_path() -> std::io::Result<()> {
        let host = host_with(&["9", "15", "17"])?;
        for image in [
            "postgres",
            "postgres:15",
            "docker.io/library/postgres:15.4-bookworm",
            "localhost:5000/postgres@sha256:0123",
        ] {
            let found = resolve_with(image, newest(host.path()).as_deref())
                .map_err(std::io::Error::other)?;
            let expected = host.path().join("17/bin").display().to_string();
            assert!(found.env[0].1.starts_with(&expected), "{image}");
            assert_eq!(found.users[0].id, 999);
        }
        Ok(())
    }

    #[test]
    fn a_folder_without_postgresql_is_named() {
        let error = resolve_with("postgres:17", Some(Path::new("/nowhere/bin")));
        let error = error.expect_err("nothing is there");
        assert!(error.contains("looked in /nowhere/bin"), "{error}");
    }

    #[test]
    fn an_alpine_image_has_its_own_user_id() -> std::io::Result<()> {
        let host = host_with(&["16"])?;
        let found = resolve_with("postgres:16-alpine", newest(host.path()).as_deref())
            .map_err(std::io::Error::other)?;
        assert_eq!(found.users[0].id, 70);
        Ok(())
    }

    #[test]
    fn an_image_that_the_host_has_not_cannot_be_pulled() -> std::io::Result<()> {
        let host = host_with(&["16"])?;
        for image in ["nginx:1", "redis:1", "example.com/postgres/other"] {
            let error = resolve_with(image, newest(host.path()).as_deref())
                .expect_err("nothing is known of it");
            assert!(error.contains(image), "{error}");
        }
        Ok(())
    }
}
