//! From a container's definition to a running container.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::pod::PodState;
use super::volumes::Volumes;
use super::{disk, environment};
use crate::controllers::EventType;
use crate::runtime::{self, Container, ContainerSpec, Mount};

/// Why a container does not start.
#[derive(Debug)]
pub(super) enum CreateError {
    /// The image is not on this machine.
    Pull(String),
    /// Something that it refers to is missing.
    Config(String),
    /// The runtime could not start it.
    Create(String),
}

impl CreateError {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Pull(_) => "ErrImagePull",
            Self::Config(_) => "CreateContainerConfigError",
            Self::Create(_) => "RunContainerError",
        }
    }
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pull(text) | Self::Config(text) | Self::Create(text) => f.write_str(text),
        }
    }
}

fn create_error(doing: &str) -> impl FnOnce(std::io::Error) -> CreateError {
    let doing = doing.to_owned();
    move |e| CreateError::Create(format!("{doing}: {e}"))
}

/// The file behind a container's `terminationMessagePath`.
pub(super) fn message_file(
    state: &PodState,
    definition: &core::Container,
    attempt: i32,
) -> PathBuf {
    let name = format!("{attempt}.termination-log");
    state
        .dir
        .join("containers")
        .join(&definition.name)
        .join(name)
}

/// Starts the container of a slot.
pub(super) async fn start(state: &Arc<PodState>, index: usize) -> Result<Container, CreateError> {
    let (definition, attempt) = {
        let slots = state.slots();
        let slot = slots
            .get(index)
            .ok_or_else(|| CreateError::Create("no such container".to_owned()))?;
        let next = slot.status.restart_count + i32::from(slot.log.is_some());
        (slot.definition.clone(), next)
    };
    let image_name = definition.image.as_deref().unwrap_or_default();
    let image = runtime::resolve(image_name).map_err(CreateError::Pull)?;
    state.event(
        EventType::Normal,
        "Pulled",
        &format!("Container image \"{image_name}\" already present on machine"),
    );
    let spec = specify(state, &definition, attempt, &image)?;
    let name = &definition.name;
    state.event(
        EventType::Normal,
        "Created",
        &format!("Created container: {name}"),
    );
    let containers = &state.context.containers;
    containers
        .start(spec)
        .await
        .map_err(|e| CreateError::Create(e.to_string()))
}

fn specify(
    state: &PodState,
    definition: &core::Container,
    attempt: i32,
    image: &runtime::Image,
) -> Result<ContainerSpec, CreateError> {
    let pod = state.pod();
    let user = user_of(&pod, definition, image).map_err(CreateError::Config)?;
    let mut defaults = image.env.clone();
    // The runtime takes it from the image's /etc/passwd.
    let known = image.users.iter().find(|known| known.id == user.0);
    let home = known.map_or(if user.0 == 0 { "/root" } else { "/" }, |known| known.home);
    defaults.push(("HOME".to_owned(), home.to_owned()));
    let env = environment::variables(&state.context, &pod, &state.ip, definition, &defaults)
        .map_err(CreateError::Config)?;
    let value = |name: &str| env.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
    let own = definition.command.clone().filter(|c| !c.is_empty());
    let command = own.unwrap_or_else(|| image.entry_point.clone());
    let argv: Vec<String> = command
        .iter()
        .chain(definition.args.iter().flatten())
        .map(|word| environment::expand(word, value))
        .collect();
    if command.is_empty() {
        return Err(CreateError::Create(
            "no command specified: the sandbox knows no entry point of this image, so it must be in the manifest".to_owned(),
        ));
    }
    let mut mounts = Volumes::of(state, &pod)
        .mounts(definition)
        .map_err(CreateError::Config)?;
    let own = state.dir.join("containers").join(&definition.name);
    fs::create_dir_all(&own).map_err(create_error("making the container's folder"))?;
    mounts.extend(own_files(state, definition, attempt, image, &user)?);
    mounts.extend(image_files(state, definition, image)?);
    mounts.extend(disk::mounts(state, definition).map_err(create_error("preparing df"))?);
    let context = definition.security_context.as_ref();
    Ok(ContainerSpec {
        hostname: state.name.clone(),
        argv,
        env,
        working_dir: definition.working_dir.clone().unwrap_or_default(),
        uid: user.0,
        gid: user.1,
        read_only_root: context.and_then(|c| c.read_only_root_filesystem) == Some(true),
        mounts,
        scratch: own.join("scratch"),
        log: own.join(format!("{attempt}.log")),
    })
}

/// The user and group that the container runs as.
fn user_of(
    pod: &core::Pod,
    definition: &core::Container,
    image: &runtime::Image,
) -> Result<(u32, u32), String> {
    let of_pod = pod.spec.as_ref().and_then(|s| s.security_context.as_ref());
    let of_container = definition.security_context.as_ref();
    let number = |value: Option<i64>| value.and_then(|v| u32::try_from(v).ok());
    let uid = number(of_container.and_then(|c| c.run_as_user))
        .or_else(|| number(of_pod.and_then(|c| c.run_as_user)));
    let gid = number(of_container.and_then(|c| c.run_as_group))
        .or_else(|| number(of_pod.and_then(|c| c.run_as_group)));
    let not_root = of_container
        .and_then(|c| c.run_as_non_root)
        .or_else(|| of_pod.and_then(|c| c.run_as_non_root));
    // A group is the image's only together with its user.
    let gid = gid.or(image.user.filter(|_| uid.is_none()));
    let uid = uid.or(image.user).unwrap_or(0);
    if uid == 0 && not_root == Some(true) {
        return Err("container has runAsNonRoot and image will run as root".to_owned());
    }
    Ok((uid, gid.unwrap_or(0)))
}

/// `/etc` files and the termination message.
fn own_files(
    state: &PodState,
    definition: &core::Container,
    attempt: i32,
    image: &runtime::Image,
    &(_, gid): &(u32, u32),
) -> Result<Vec<Mount>, CreateError> {
    let own = state.dir.join("containers").join(&definition.name);
    let write = |name: &str, content: String| {
        let path = own.join(name);
        fs::write(&path, content).map_err(create_error("writing the container's files"))?;
        Ok(path)
    };
    let mut users = "root:x:0:0:root:/root:/bin/sh\n".to_owned();
    let mut groups = "root:x:0:\n".to_owned();
    let others = image.users.iter().filter(|user| user.id != 65534);
    for runtime::User { name, id, home } in others {
        users.push_str(&format!("{name}:x:{id}:{id}::{home}:/bin/sh\n"));
        groups.push_str(&format!("{name}:x:{id}:\n"));
    }
    users.push_str("nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
    groups.push_str("nogroup:x:65534:\n");
    if !matches!(gid, 0 | 65534) && image.users.iter().all(|user| user.id != gid) {
        groups.push_str(&format!("group{gid}:x:{gid}:\n"));
    }
    let passwd = write("passwd", users)?;
    let group = write("group", groups)?;
    let hostname = write("hostname", format!("{}\n", state.name))?;
    let message = message_file(state, definition, attempt);
    fs::write(&message, "").map_err(create_error("making the termination message"))?;
    let target = definition.termination_message_path.as_deref();
    let target = target
        .filter(|t| !t.is_empty())
        .unwrap_or("/dev/termination-log");
    let mount = |source: PathBuf, target: &str, read_only| Mount {
        source,
        target: target.to_owned(),
        read_only,
    };
    Ok(vec![
        mount(passwd, "/etc/passwd", true),
        mount(group, "/etc/group", true),
        mount(hostname, "/etc/hostname", true),
        mount(state.dir.join("hosts"), "/etc/hosts", true),
        mount(message, target, false),
    ])
}

/// The image's programs at the places that the image has them: each in a folder of its own making, because the host's is
/// read-only and has no place for it.
fn image_files(
    state: &PodState,
    definition: &core::Container,
    image: &runtime::Image,
) -> Result<Vec<Mount>, CreateError> {
    let failed = |e| create_error("making the image's files")(e);
    let own = state.dir.join("containers").join(&definition.name);
    let mut mounts = Vec::new();
    for (source, target) in &image.files {
        let (folder, name) = target.rsplit_once('/').unwrap_or(("", target));
        let places = own.join("image").join(folder.replace('/', "_"));
        fs::create_dir_all(&places).map_err(failed)?;
        fs::write(places.join(name), "").map_err(failed)?;
        let mount = |source: PathBuf, target: &str| Mount {
            source,
            target: target.to_owned(),
            read_only: true,
        };
        let folder = mount(places, folder);
        if !mounts.contains(&folder) {
            mounts.push(folder);
        }
        mounts.push(mount(source.clone(), target));
    }
    Ok(mounts)
}
