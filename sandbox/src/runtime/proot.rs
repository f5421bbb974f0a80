//! The command line of proot, and what makes current programs work under it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use super::spec::ContainerSpec;

/// The arguments up to the command. The container's own folders for `/tmp` and `/dev/shm` hide the
/// host's; everything else of the host can be seen.
pub(super) fn arguments(spec: &ContainerSpec, argv: &[String]) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["-i".into(), format!("{}:{}", spec.uid, spec.gid).into()];
    let private = spec.scratch.join("tmp");
    bind(&mut args, &private, "/tmp");
    for mount in spec.ordered_mounts() {
        bind(&mut args, &mount.source, &mount.target);
    }
    args.push("-w".into());
    args.push(spec.cwd().into());
    args.extend(argv.iter().map(OsString::from));
    args
}

fn bind(args: &mut Vec<OsString>, source: &Path, target: &str) {
    args.push("-b".into());
    let mut pair = source.as_os_str().to_owned();
    pair.push(":");
    pair.push(target);
    args.push(pair);
}

/// Answers "no such system call" to the path calls that proot does not know.
///
/// proot 5.1 (Debian 12) translates the paths of the system calls of its time. Newer ones pass by
/// it and see the host's files. Every C library falls back to the older calls when the kernel has
/// no new ones. The filter belongs to the calling thread and to all processes it starts.
///
/// # Errors
/// When the kernel refuses the filter.
pub(super) fn forget_new_system_calls() -> io::Result<()> {
    let calls = [
        libc::SYS_statx,
        libc::SYS_renameat2,
        libc::SYS_faccessat2,
        libc::SYS_openat2,
        452, // fchmodat2, which libc does not name on every platform; the same number on all
    ];
    let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> =
        calls.into_iter().map(|call| (call, Vec::new())).collect();
    let arch = std::env::consts::ARCH
        .try_into()
        .map_err(io::Error::other)?;
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        arch,
    )
    .map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}
