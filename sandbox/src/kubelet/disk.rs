//! What `df` says in a container about the volume claims.
//!
//! On a cluster a claim is a file system of its own, of the claim's size. Here all claims are folders
//! of one disk, and the machine's `df` would tell about that one. A `df` of the sandbox's own stands in
//! front of it; it also shows the fault of a volume that runs full.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::pod::PodState;
use super::volumes::{ClaimFolder, Volumes};
use crate::runtime::Mount;

/// Stands in front of the machine's `df`.
const WRAPPER: &str = include_str!("df.sh");

/// Where the wrapper finds the machine's `df` and the list of claims.
const TARGET: &str = "/.sandbox";

/// The folder on the host that becomes [`TARGET`].
fn folder(state: &PodState, container: &str) -> PathBuf {
    state.dir.join("containers").join(container).join("disk")
}

/// Writes the files of one container, and says how to mount them. Nothing for a container without a
/// claim, or on a machine without `df`.
pub(super) fn mounts(state: &PodState, definition: &Container) -> io::Result<Vec<Mount>> {
    let Some(df) = machines_df() else {
        return Ok(Vec::new());
    };
    if !write_claims(state, definition)? {
        return Ok(Vec::new());
    }
    let folder = folder(state, &definition.name);
    let bin = folder.join("bin");
    fs::create_dir_all(&bin)?;
    // A copy, because the wrapper hides the file itself.
    fs::copy(&df, bin.join("df"))?;
    let wrapper = folder.join("df");
    fs::write(&wrapper, WRAPPER)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    let mount = |source: PathBuf, target: String| Mount {
        source,
        target,
        read_only: true,
    };
    Ok(vec![
        mount(folder, TARGET.to_owned()),
        mount(wrapper, df.display().to_string()),
    ])
}

/// Writes the list of claims of every container of the pod anew.
pub(super) fn refresh(state: &PodState) -> io::Result<()> {
    let definitions: Vec<Container> = state
        .slots()
        .iter()
        .map(|slot| slot.definition.clone())
        .collect();
    for definition in definitions {
        if folder(state, &definition.name).exists() {
            match write_claims(state, &definition) {
                // The pod has just ended.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                written => drop(written?),
            }
        }
    }
    Ok(())
}

/// The folders of the pod's claims.
pub(super) fn claims_of(state: &PodState, pod: &Pod) -> Vec<PathBuf> {
    let volumes = Volumes::of(state, pod);
    let folders = volumes.claims().into_iter();
    folders.map(|claim| claim.folder).collect()
}

/// False when the container mounts no claim.
fn write_claims(state: &PodState, definition: &Container) -> io::Result<bool> {
    let pod = state.pod();
    let claims = Volumes::of(state, &pod).claims();
    let mut text = String::new();
    for mount in definition.volume_mounts.iter().flatten() {
        let Some(claim) = claims.iter().find(|claim| claim.volume == mount.name) else {
            continue;
        };
        if let Some(line) = line(state, claim, &mount.mount_path) {
            text.push_str(&line);
        }
    }
    if text.is_empty() {
        return Ok(false);
    }
    let folder = folder(state, &definition.name);
    fs::create_dir_all(&folder)?;
    // A container that is just being made and a fault may both write it.
    let next = folder.join(format!("claims.{}", uuid::Uuid::new_v4().simple()));
    fs::write(&next, text)?;
    fs::rename(next, folder.join("claims"))?;
    Ok(true)
}

/// As `df.sh` reads it: percent that are used at least, size in KiB, and where it is mounted.
fn line(state: &PodState, claim: &ClaimFolder, target: &str) -> Option<String> {
    let size = claim.capacity.as_ref().and_then(kib).filter(|k| *k > 0)?;
    let percent = state.context.fill_of(&claim.folder);
    let mut line = String::new();
    let target = target.trim_end_matches('/');
    writeln!(line, "{percent} {size} {target}").ok()?;
    Some(line)
}

/// The file behind `df` on this machine.
fn machines_df() -> Option<PathBuf> {
    ["/usr/bin/df", "/bin/df"]
        .iter()
        .map(Path::new)
        .find(|path| path.is_file())
        .map(Path::to_path_buf)
}

/// A quantity of bytes, such as `20Gi` or `5e9`, in KiB.
fn kib(quantity: &Quantity) -> Option<u64> {
    let text = quantity.0.trim();
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        exponent => 10f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    let kib = number * factor / 1024.0;
    // Whole numbers up to 2^53 are exact; a claim of more than an exabyte is none.
    (kib.is_finite() && (0.0..9e15).contains(&kib)).then(|| format!("{kib:.0}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_kubernetes_writes_them() {
        for (text, expected) in [
            ("1Gi", Some(1_048_576)),
            ("20Gi", Some(20_971_520)),
            ("1.5Mi", Some(1536)),
            ("1024", Some(1)),
            ("2e9", Some(1_953_125)),
            ("512k", Some(500)),
            ("much", None),
            ("1Zi", None),
        ] {
            assert_eq!(kib(&Quantity(text.to_owned())), expected, "{text}");
        }
    }
}
