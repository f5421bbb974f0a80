//! Volumes: what is mounted into the containers of a pod.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{
    Container, DownwardAPIVolumeFile, KeyToPath, PersistentVolume, PersistentVolumeClaim, Pod,
    Volume,
};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::api_access::ApiAccess;
use super::environment;
use super::pod::PodState;
use crate::runtime::Mount;
use crate::store::Store;

/// One file of a volume that is made of API objects: content and permission bits.
type Files = BTreeMap<String, (Vec<u8>, u32)>;

/// A claim among the volumes of a pod.
pub(super) struct ClaimFolder {
    /// The name of the pod's volume.
    pub(super) volume: String,
    /// Where its bytes are.
    pub(super) folder: PathBuf,
    /// What the claim was given.
    pub(super) capacity: Option<Quantity>,
}

/// The volumes of one pod on the host.
pub(super) struct Volumes<'a> {
    store: &'a Store,
    api: Option<&'a ApiAccess>,
    pod: &'a Pod,
    ip: &'a str,
    dir: &'a Path,
}

impl<'a> Volumes<'a> {
    /// Those of a pod, as this object of it declares them.
    pub(super) fn of(state: &'a PodState, pod: &'a Pod) -> Self {
        Self {
            store: &state.context.store,
            api: state.context.api.get(),
            pod,
            ip: &state.ip,
            dir: &state.dir,
        }
    }

    /// Makes every volume ready. The error is the message of a `FailedMount` event.
    pub(super) fn set_up(&self) -> Result<(), String> {
        for volume in self.declared() {
            self.set_up_one(volume).map_err(|e| {
                format!(
                    "MountVolume.SetUp failed for volume \"{}\" : {e}",
                    volume.name
                )
            })?;
        }
        Ok(())
    }

    /// Brings the volumes that are made of API objects up to date. A reference that is missing now
    /// leaves the old files, as the kubelet does.
    pub(super) fn refresh(&self) {
        for volume in self.declared() {
            if let Ok(Some(files)) = self.files(volume) {
                // The next round tries again.
                drop(publish(&self.path(volume), &files));
            }
        }
    }

    fn declared(&self) -> impl Iterator<Item = &Volume> {
        self.pod
            .spec
            .iter()
            .flat_map(|s| s.volumes.iter().flatten())
    }

    fn path(&self, volume: &Volume) -> PathBuf {
        self.dir.join("volumes").join(&volume.name)
    }

    fn set_up_one(&self, volume: &Volume) -> Result<(), String> {
        let path = self.path(volume);
        let text = |e: io::Error| e.to_string();
        if let Some(claim) = &volume.persistent_volume_claim {
            let source = self.claim_folder(&claim.claim_name)?;
            fs::create_dir_all(&source).map_err(text)?;
            self.apply_group(&source).map_err(text)?;
            if !path.exists() {
                fs::create_dir_all(path.parent().unwrap_or(self.dir)).map_err(text)?;
                symlink(&source, &path).map_err(text)?;
            }
            return Ok(());
        }
        if volume.empty_dir.is_some() {
            if !path.exists() {
                fs::create_dir_all(&path).map_err(text)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).map_err(text)?;
            }
            return self.apply_group(&path).map_err(text);
        }
        match self.files(volume)? {
            Some(files) => publish(&path, &files).map_err(text),
            None => Err("the sandbox does not know this type of volume".to_owned()),
        }
    }

    fn claim_folder(&self, claim: &str) -> Result<PathBuf, String> {
        let namespace = self.namespace();
        let found = self.store.read::<PersistentVolumeClaim>(namespace, claim);
        let claim = found.map_err(|e| e.to_string())?;
        let volume = claim.spec.and_then(|s| s.volume_name).unwrap_or_default();
        let found = self.store.read::<PersistentVolume>("", &volume);
        let host_path = found
            .map_err(|e| e.to_string())?
            .spec
            .and_then(|s| s.host_path)
            .ok_or_else(|| format!("volume \"{volume}\" is not one of the sandbox's"))?;
        Ok(PathBuf::from(host_path.path))
    }

    /// Gives the group its permissions, as the kubelet does at every mount of a volume when the
    /// pod has an `fsGroup` (pkg/volume/volume_linux.go): rw for files, rwx and setgid for folders.
    fn apply_group(&self, root: &Path) -> io::Result<()> {
        let context = self
            .pod
            .spec
            .as_ref()
            .and_then(|s| s.security_context.as_ref());
        let Some(context) = context.filter(|c| c.fs_group.is_some()) else {
            return Ok(());
        };
        let wanted = 0o2770;
        let has = fs::metadata(root)?.permissions().mode();
        let on_mismatch = context.fs_group_change_policy.as_deref() == Some("OnRootMismatch");
        if on_mismatch && has & wanted == wanted {
            return Ok(());
        }
        give_to_group(root)
    }

    /// The claims that are bound.
    pub(super) fn claims(&self) -> Vec<ClaimFolder> {
        let of = |volume: &Volume| {
            let name = &volume.persistent_volume_claim.as_ref()?.claim_name;
            let claim: PersistentVolumeClaim = self.store.read(self.namespace(), name).ok()?;
            let capacity = claim.status.and_then(|s| s.capacity).unwrap_or_default();
            Some(ClaimFolder {
                volume: volume.name.clone(),
                folder: self.claim_folder(name).ok()?,
                capacity: capacity.get("storage").cloned(),
            })
        };
        self.declared().filter_map(of).collect()
    }

    /// Whether nobody but one user (or the pod's group) needs the pod's files: then its tokens are for him alone
    /// (pkg/volume/projected/projected.go).
    fn has_one_user(&self) -> bool {
        let Some(spec) = &self.pod.spec else {
            return false;
        };
        let of_pod = spec.security_context.clone().unwrap_or_default();
        let containers = spec.init_containers.iter().flatten();
        let users: std::collections::BTreeSet<Option<i64>> = containers
            .chain(&spec.containers)
            .map(|container| {
                let own = container.security_context.as_ref();
                own.and_then(|c| c.run_as_user).or(of_pod.run_as_user)
            })
            .collect();
        of_pod.fs_group.is_some() || (users.len() == 1 && !users.contains(&None))
    }

    fn namespace(&self) -> &str {
        self.pod.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The files of a volume that is made of API objects; None for other types.
    fn files(&self, volume: &Volume) -> Result<Option<Files>, String> {
        let (store, namespace) = (self.store, self.namespace());
        if let Some(source) = &volume.config_map {
            let data = environment::config_map(store, namespace, &source.name, source.optional)?;
            let mode = source.default_mode;
            return pick(data, &source.items, mode, source.optional).map(Some);
        }
        if let Some(source) = &volume.secret {
            let name = source.secret_name.as_deref().unwrap_or_default();
            let data = environment::secret(store, namespace, name, source.optional)?;
            return pick(data, &source.items, source.default_mode, source.optional).map(Some);
        }
        if let Some(source) = &volume.downward_api {
            return self.downward(&source.items, source.default_mode).map(Some);
        }
        let Some(source) = &volume.projected else {
            return Ok(None);
        };
        let mut all = Files::new();
        let mode = source.default_mode;
        for part in source.sources.iter().flatten() {
            if let Some(s) = &part.config_map {
                let data = environment::config_map(store, namespace, &s.name, s.optional)?;
                all.extend(pick(data, &s.items, mode, s.optional)?);
            } else if let Some(s) = &part.secret {
                let data = environment::secret(store, namespace, &s.name, s.optional)?;
                all.extend(pick(data, &s.items, mode, s.optional)?);
            } else if let Some(s) = &part.downward_api {
                all.extend(self.downward(&s.items, mode)?);
            } else if let Some(s) = &part.service_account_token {
                let api = self.api.ok_or("there is no API server to give a token")?;
                let token = api.token(self.pod, s)?;
                let mode = if self.has_one_user() {
                    0o600
                } else {
                    permission(mode)
                };
                all.insert(s.path.clone(), (token.into_bytes(), mode));
            } else {
                return Err("the sandbox does not know this projected source".to_owned());
            }
        }
        Ok(Some(all))
    }

    fn downward(
        &self,
        items: &Option<Vec<DownwardAPIVolumeFile>>,
        mode: Option<i32>,
    ) -> Result<Files, String> {
        let mut files = Files::new();
        for item in items.iter().flatten() {
            let path = item
                .field_ref
                .as_ref()
                .map_or("", |f| f.field_path.as_str());
            let value = environment::field(self.pod, self.ip, path)
                .ok_or_else(|| format!("unsupported fieldPath: {path}"))?;
            let mode = permission(item.mode.or(mode));
            files.insert(item.path.clone(), (value.into_bytes(), mode));
        }
        Ok(files)
    }

    /// Where a container sees the pod's volumes. The error is for the container's status.
    pub(super) fn mounts(&self, container: &Container) -> Result<Vec<Mount>, String> {
        let mut mounts = Vec::new();
        for mount in container.volume_mounts.iter().flatten() {
            let volume = self
                .declared()
                .find(|v| v.name == mount.name)
                .ok_or_else(|| format!("volume \"{}\" is not declared", mount.name))?;
            let mut source = self.path(volume);
            if let Some(sub) = mount.sub_path.as_deref().filter(|s| !s.is_empty()) {
                if sub.starts_with('/') || sub.split('/').any(|part| part == "..") {
                    return Err(format!("subPath \"{sub}\" must stay inside the volume"));
                }
                source = source.join(sub);
                if !source.exists() {
                    fs::create_dir_all(&source).map_err(|e| format!("subPath \"{sub}\": {e}"))?;
                }
            }
            // The mount is of what a link leads to.
            let source =
                fs::canonicalize(&source).map_err(|e| format!("volume \"{}\": {e}", mount.name))?;
            let from_objects = volume.config_map.is_some()
                || volume.secret.is_some()
                || volume.downward_api.is_some()
                || volume.projected.is_some();
            mounts.push(Mount {
                source,
                target: mount.mount_path.clone(),
                read_only: mount.read_only == Some(true) || from_objects,
            });
        }
        Ok(mounts)
    }
}

fn permission(mode: Option<i32>) -> u32 {
    mode.and_then(|m| u32::try_from(m).ok()).unwrap_or(0o644) & 0o777
}

fn pick(
    data: Option<BTreeMap<String, Vec<u8>>>,
    items: &Option<Vec<KeyToPath>>,
    mode: Option<i32>,
    optional: Option<bool>,
) -> Result<Files, String> {
    let Some(data) = data else {
        return Ok(Files::new());
    };
    let Some(items) = items else {
        let all = data.into_iter();
        return Ok(all.map(|(k, v)| (k, (v, permission(mode)))).collect());
    };
    let mut files = Files::new();
    for item in items {
        match data.get(&item.key) {
            Some(value) => {
                let mode = permission(item.mode.or(mode));
                files.insert(item.path.clone(), (value.clone(), mode));
            }
            None if optional == Some(true) => {}
            None => return Err(format!("references non-existent config key: {}", item.key)),
        }
    }
    Ok(files)
}

fn give_to_group(path: &Path) -> io::Result<()> {
    let meta = fs::symlink_metadata(path)?;
    if meta.is_symlink() {
        return Ok(());
    }
    let extra = if meta.is_dir() { 0o2770 } else { 0o660 };
    let mode = meta.permissions().mode() & 0o7777;
    fs::set_permissions(path, fs::Permissions::from_mode(mode | extra))?;
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            give_to_group(&entry?.path())?;
        }
    }
    Ok(())
}

/// Writes the files so that a reader sees all of the old or all of the new: each is a link through
/// `..data`, which is replaced in one step (pkg/volume/util/atomic_writer.go).
fn publish(dir: &Path, files: &Files) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let data = dir.join("..data");
    if unchanged(&data, files) {
        return Ok(());
    }
    let version = format!(
        "..{}",
        jiff::Timestamp::now().strftime("%Y_%m_%d_%H_%M_%S.%9f")
    );
    let folder = dir.join(&version);
    fs::create_dir(&folder)?;
    for (name, (content, mode)) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode))?;
    }
    let old = fs::read_link(&data).ok();
    let next = dir.join("..data_tmp");
    drop(fs::remove_file(&next));
    symlink(&version, &next)?;
    fs::rename(&next, &data)?;
    let top: std::collections::BTreeSet<&str> = files
        .keys()
        .filter_map(|name| name.split('/').next())
        .collect();
    for name in &top {
        let link = dir.join(name);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new("..data").join(name), &link)?;
        }
    }
    for entry in fs::read_dir(dir)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("..") && !top.contains(name.as_ref()) {
            fs::remove_file(entry.path())?;
        }
    }
    if let Some(old) = old {
        fs::remove_dir_all(dir.join(old))?;
    }
    Ok(())
}

fn unchanged(data: &Path, files: &Files) -> bool {
    fn count(dir: &Path) -> Option<usize> {
        let mut files = 0;
        for entry in fs::read_dir(dir).ok()?.flatten() {
            files += match entry.file_type() {
                Ok(kind) if kind.is_dir() => count(&entry.path())?,
                _ => 1,
            };
        }
        Some(files)
    }
    count(data) == Some(files.len())
        && files
            .iter()
            .all(|(name, (content, _))| fs::read(data.join(name)).is_ok_and(|now| now == *content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(pairs: &[(&str, &str)]) -> Files {
        let one = |(k, v): &(&str, &str)| ((*k).to_owned(), (v.as_bytes().to_vec(), 0o640));
        pairs.iter().map(one).collect()
    }

    #[test]
    fn a_volume_changes_as_a_whole() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("config");
        publish(&path, &files(&[("a", "1"), ("b", "1"), ("sub/c", "1")]))?;
        assert_eq!(fs::read_to_string(path.join("sub/c"))?, "1");
        let first = fs::read_link(path.join("..data"))?;
        publish(&path, &files(&[("a", "1"), ("b", "1"), ("sub/c", "1")]))?;
        assert_eq!(
            fs::read_link(path.join("..data"))?,
            first,
            "no change, no new version"
        );
        publish(&path, &files(&[("a", "2")]))?;
        assert_eq!(fs::read_to_string(path.join("a"))?, "2");
        assert!(!path.join("b").exists() && !path.join(first).exists());
        let mode = fs::metadata(path.join("a"))?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o640);
        Ok(())
    }

    #[test]
    fn the_group_may_write_after_a_mount() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("pgdata");
        fs::create_dir(&data)?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        give_to_group(dir.path())?;
        assert_eq!(fs::metadata(&data)?.permissions().mode() & 0o7777, 0o2770);
        Ok(())
    }
}
