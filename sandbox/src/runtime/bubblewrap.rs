//! The command line of bubblewrap.

use std::ffi::OsString;
use std::path::Path;

use super::spec::ContainerSpec;

/// What of the host's `/etc` an image would bring along by itself.
const ETC: &[&str] = &[
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "default",
    "host.conf",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "locale.gen",
    "localtime",
    "login.defs",
    "nsswitch.conf",
    "pki",
    "postgresql-common",
    "profile",
    "profile.d",
    "protocols",
    "services",
    "ssl",
    "static",
    "timezone",
];

/// The arguments that build the container's file system and namespaces, up to its command.
///
/// The root is a fresh tmpfs with the host's programs mounted read-only into it, so that a volume
/// can be mounted at any path and nothing of the host can be changed.
///
/// `/dev` is put together by hand: `--dev` would nest a second user namespace, which a plain user
/// could not enter from outside any more (the mount namespace belongs to the first).
pub(super) fn arguments(spec: &ContainerSpec, status_fd: i32) -> Vec<OsString> {
    let mut args = Args(Vec::new());
    args.add(&["--unshare-user", "--unshare-pid", "--unshare-uts"]);
    args.add(&["--unshare-ipc", "--die-with-parent", "--as-pid-1"]);
    args.add(&["--new-session", "--cap-drop", "ALL"]);
    args.add(&["--json-status-fd", &status_fd.to_string()]);
    args.add(&["--uid", &spec.uid.to_string()]);
    args.add(&["--gid", &spec.gid.to_string()]);
    args.add(&["--hostname", &spec.hostname]);
    programs(&mut args);
    devices(&mut args);
    args.add(&["--proc", "/proc"]);
    for file in ETC {
        let path = format!("/etc/{file}");
        args.add(&["--ro-bind-try", &path, &path]);
    }
    for dir in ["/tmp", "/var/tmp", "/run", "/var/lib", "/var/log", "/root"] {
        args.add(&["--perms", "1777", "--dir", dir]);
    }
    // Relative, so that mount points below it are made inside the new root.
    args.add(&["--symlink", "../run", "/var/run"]);
    for mount in spec.ordered_mounts() {
        args.0.push(
            if mount.read_only {
                "--ro-bind"
            } else {
                "--bind"
            }
            .into(),
        );
        args.0.push(mount.source.clone().into());
        args.0.push(real_path(&mount.target).into());
    }
    if spec.read_only_root {
        args.add(&["--remount-ro", "/"]);
    }
    args.add(&["--chdir", &real_path(spec.cwd()), "--"]);
    args.0.extend(spec.argv.iter().map(OsString::from));
    args.0
}

struct Args(Vec<OsString>);

impl Args {
    fn add(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }
}

/// The host's programs and libraries, at their own paths.
fn programs(args: &mut Args) {
    for dir in ["/usr", "/opt", "/nix", "/gnu"] {
        args.add(&["--ro-bind-try", dir, dir]);
    }
    for dir in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
        match Path::new(dir).read_link() {
            Ok(target) => {
                args.add(&["--symlink"]);
                args.0.push(target.into());
                args.add(&[dir]);
            }
            Err(_) => args.add(&["--ro-bind-try", dir, dir]),
        }
    }
}

fn devices(args: &mut Args) {
    args.add(&["--tmpfs", "/dev"]);
    for name in [
        "null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts",
    ] {
        let path = format!("/dev/{name}");
        args.add(&["--dev-bind-try", &path, &path]);
    }
    for (target, link) in [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
    ] {
        args.add(&["--symlink", target, link]);
    }
    args.add(&["--perms", "1777", "--tmpfs", "/dev/shm"]);
}

/// `/var/run` is a link to `/run`: mount points are made behind it.
fn real_path(path: &str) -> String {
    match path.strip_prefix("/var/run") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("/run{rest}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Mount;

    fn joined(spec: &ContainerSpec) -> String {
        let args = arguments(spec, 7);
        let words: Vec<_> = args.iter().map(|a| a.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn a_volume_inside_another_is_mounted_after_it_and_behind_links() {
        let mount = |source: &str, target: &str, read_only| Mount {
            source: source.into(),
            target: target.to_owned(),
            read_only,
        };
        let line = joined(&ContainerSpec {
            mounts: vec![
                mount("/s/inner", "/var/run/postgresql/inner", true),
                mount("/s/outer", "/var/run/postgresql", false),
            ],
            argv: vec!["sh".to_owned()],
            ..ContainerSpec::default()
        });
        assert!(line.contains(
            "--bind /s/outer /run/postgresql --ro-bind /s/inner /run/postgresql/inner --chdir / -- sh"
        ));
    }

    #[test]
    fn the_environment_is_not_on_the_command_line() {
        let line = joined(&ContainerSpec {
            env: vec![("POSTGRES_PASSWORD".to_owned(), "hidden".to_owned())],
            ..ContainerSpec::default()
        });
        assert!(!line.contains("hidden"));
    }
}
