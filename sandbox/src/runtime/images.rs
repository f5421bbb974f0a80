//! Which images the host can stand in for.

use std::path::{Path, PathBuf};

/// What an image brings along, served from the host's own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The image's environment.
    pub env: Vec<(String, String)>,
    /// The user id that the image's `postgres` user has.
    pub postgres_uid: u32,
}

/// Where Debian and its relatives keep one PostgreSQL for each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Finds what stands in for an image. Only PostgreSQL images are known: `postgres`, with any
/// registry, tag and digest, is the newest PostgreSQL of the host.
///
/// # Errors
/// The message of the pull error, as in the container's `ErrImagePull` status.
pub fn resolve(image: &str) -> Result<Image, String> {
    resolve_in(image, Path::new(DEBIAN))
}

fn resolve_in(image: &str, versions: &Path) -> Result<Image, String> {
    let without_digest = image.split('@').next().unwrap_or_default();
    let last = without_digest.rsplit('/').next().unwrap_or_default();
    let (name, tag) = last.split_once(':').unwrap_or((last, "latest"));
    if name != "postgres" {
        return Err(format!(
            "failed to pull and unpack image \"{image}\": the sandbox has no registry: it stands in for postgres images only"
        ));
    }
    let bin = newest(versions);
    let mut path = Vec::new();
    if let Some((_, bin)) = &bin {
        path.push(bin.display().to_string());
    } else if !Path::new("/usr/bin/postgres").exists()
        && !Path::new("/usr/local/bin/postgres").exists()
    {
        return Err(format!(
            "failed to pull and unpack image \"{image}\": no PostgreSQL server is installed on this machine (looked in {}, /usr/bin and /usr/local/bin)",
            versions.display()
        ));
    }
    path.push("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
    let mut env = vec![
        ("PATH".to_owned(), path.join(":")),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("PGDATA".to_owned(), "/var/lib/postgresql/data".to_owned()),
    ];
    if let Some((major, _)) = bin {
        env.push(("PG_MAJOR".to_owned(), major.to_string()));
    }
    Ok(Image {
        env,
        postgres_uid: if tag.contains("alpine") { 70 } else { 999 },
    })
}

/// The newest installed major version and the folder of its programs.
fn newest(versions: &Path) -> Option<(u32, PathBuf)> {
    std::fs::read_dir(versions)
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("postgres").exists().then_some((major, bin))
        })
        .max_by_key(|(major, _)| *major)
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
            let found = resolve_in(image, host.path()).map_err(std::io::Error::other)?;
            let expected = host.path().join("17/bin").display().to_string();
            assert!(found.env[0].1.starts_with(&expected), "{image}");
            assert_eq!(found.postgres_uid, 999);
        }
        Ok(())
    }

    #[test]
    fn an_alpine_image_has_its_own_user_id() -> std::io::Result<()> {
        let host = host_with(&["16"])?;
        let found = resolve_in("postgres:16-alpine", host.path()).map_err(std::io::Error::other)?;
        assert_eq!(found.postgres_uid, 70);
        Ok(())
    }

    #[test]
    fn an_image_that_the_host_has_not_cannot_be_pulled() -> std::io::Result<()> {
        let host = host_with(&["16"])?;
        for image in [
            "nginx:1",
            "postgres-exporter:1",
            "example.com/postgres/other",
        ] {
            let error = resolve_in(image, host.path()).expect_err("only postgres is known");
            assert!(error.contains(image), "{error}");
        }
        Ok(())
    }
}
