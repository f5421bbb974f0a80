//! Images that consist of one program of the host's.

use std::path::{Path, PathBuf};

use super::image::{Image, User};

/// Where programs are looked for in every image.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Names folders that are looked in for the programs of images before the host's own, separated by colons.
pub const PROGRAMS_VARIABLE: &str = "PGCTL_SANDBOX_PROGRAMS";

/// Where an image has a program that containers don't see at its own place.
const PLACE: &str = "/usr/local/bin";

/// An image with one program in it.
#[derive(Debug)]
pub(super) struct Program {
    /// The last part of the names that such images have.
    images: &'static [&'static str],
    /// What the program is called, by those who package it.
    files: &'static [&'static str],
    /// The user that the image runs as.
    user: User,
}

const fn user(name: &'static str, id: u32, home: &'static str) -> User {
    User { name, id, home }
}

/// The images. Their users are those of the usual ones.
static PROGRAMS: &[Program] = &[
    // deploy/image/Dockerfile
    Program {
        images: &["pgctl"],
        files: &["pgctl"],
        user: user("nonroot", 65532, "/home/nonroot"),
    },
    // The same with PostgreSQL's programs (--target with-postgres), which every container sees here.
    Program {
        images: &["pgctl-restore"],
        files: &["pgctl"],
        user: user("postgres", 999, "/var/lib/postgresql"),
    },
    Program {
        images: &["pgbouncer"],
        files: &["pgbouncer"],
        user: user("postgres", 70, "/var/lib/postgresql"),
    },
    Program {
        images: &["prometheus"],
        files: &["prometheus"],
        user: user("nobody", 65534, "/nonexistent"),
    },
    Program {
        images: &["postgres-exporter", "postgres_exporter"],
        files: &["postgres_exporter", "prometheus-postgres-exporter"],
        user: user("nobody", 65534, "/nonexistent"),
    },
];

/// The names of the images, for messages.
pub(super) fn names() -> String {
    let all: Vec<&str> = PROGRAMS.iter().map(|program| program.images[0]).collect();
    all.join(", ")
}

/// The folders in which programs are looked for: those of [`PROGRAMS_VARIABLE`], those in which this very program is and is
/// built, and the host's.
fn folders() -> Vec<PathBuf> {
    let named = std::env::var_os(PROGRAMS_VARIABLE).unwrap_or_default();
    let own = std::env::current_exe().unwrap_or_default();
    let beside = own.ancestors().skip(1).take(2).map(Path::to_owned);
    let host = std::env::var_os("PATH").unwrap_or_default();
    let host: Vec<PathBuf> = std::env::split_paths(&host).collect();
    std::env::split_paths(&named)
        .filter(|folder| folder.is_absolute())
        .chain(beside)
        .chain(host)
        // An administrator's programs, which a plain user's path may lack.
        .chain(["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from))
        .collect()
}

impl Program {
    /// The one whose image has this name, without registry and tag.
    pub(super) fn of_image(name: &str) -> Option<&'static Self> {
        PROGRAMS
            .iter()
            .find(|program| program.images.contains(&name))
    }

    /// What stands in for it. The error says what is missing.
    pub(super) fn image(&self) -> Result<Image, String> {
        self.image_from(&folders())
    }

    fn image_from(&self, folders: &[PathBuf]) -> Result<Image, String> {
        let places = folders
            .iter()
            .flat_map(|folder| self.files.iter().map(|file| folder.join(file)));
        let found = places.into_iter().find(|path| path.is_file());
        let Some(found) = found else {
            return Err(format!(
                "no {} is installed on this machine, nor in a folder of {PROGRAMS_VARIABLE}",
                self.files[0]
            ));
        };
        let found = std::fs::canonicalize(&found).unwrap_or(found);
        let folder = found.parent().map(|f| f.display().to_string());
        let folder = folder.unwrap_or_default();
        let seen = PATH.split(':').any(|place| place == folder);
        let named_so = found.file_name().is_some_and(|name| name == self.files[0]);
        let mut image = Image {
            env: vec![("PATH".to_owned(), PATH.to_owned())],
            users: vec![self.user.clone()],
            user: Some(self.user.id),
            entry_point: vec![self.files[0].to_owned()],
            files: Vec::new(),
        };
        if !seen || !named_so {
            let place = format!("{PLACE}/{}", self.files[0]);
            image.files.push((found, place));
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_put_at_the_place_that_its_image_has() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        std::fs::write(dir.path().join("prometheus-postgres-exporter"), "")?;
        let exporter = Program::of_image("postgres-exporter").expect("a known image");
        let folders = [PathBuf::from("/nowhere"), dir.path().to_owned()];
        let image = exporter
            .image_from(&folders)
            .map_err(std::io::Error::other)?;
        let (source, target) = &image.files[0];
        assert!(source.ends_with("prometheus-postgres-exporter"));
        assert_eq!(target, "/usr/local/bin/postgres_exporter");
        assert_eq!(
            (image.user, image.entry_point.as_slice()),
            (Some(65534), &["postgres_exporter".to_owned()][..])
        );
        let missing = exporter
            .image_from(&folders[..1])
            .expect_err("it is not there");
        assert!(
            missing.contains("no postgres_exporter is installed"),
            "{missing}"
        );
        Ok(())
    }
}
