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
    let store = &state.context.store;
    let env = environment::variables(store, &pod, &state.ip, definition, &image.env)
        .map_err(CreateError::Config)?;
    let value = |name: &str| env.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
    let argv: Vec<String> = definition
        .command
        .iter()
        .flatten()
        .chain(definition.args.iter().flatten())
        .map(|word| environment::expand(word, value))
        .collect();
    if definition.command.as_ref().is_none_or(Vec::is_empty) {
        return Err(CreateError::Create(
            "no command specified: the sandbox has no images, so the entry point must be in the manifest".to_owned(),
        ));
    }
    let user = user_of(&pod, definition).map_err(CreateError::Config)?;
    let mut mounts = Volumes::of(state, &pod)
        .mounts(definition)
        .map_err(CreateError::Config)?;
    let own = state.dir.join("containers").join(&definition.name);
    fs::create_dir_all(&own).map_err(create_error("making the container's folder"))?;
    mounts.extend(own_files(state, definition, attempt, image, &user)?);
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
fn user_of(pod: &core::Pod, definition: &core::Container) -> Result<(u32, u32), String> {
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
    let uid = uid.unwrap_or(0);
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
    (_, gid): &(u32, u32),
) -> Result<Vec<Mount>, CreateError> {
    let own = state.dir.join("containers").join(&definition.name);
    let postgres = image.postgres_uid;
    let write = |name: &str, content: String| {
        let path = own.join(name);
        fs::write(&path, content).map_err(create_error("writing the container's files"))?;
        Ok(path)
    };
    let passwd = write(
        "passwd",
        format!(
            "root:x:0:0:root:/root:/bin/sh\npostgres:x:{postgres}:{postgres}::/var/lib/postgresql:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        ),
    )?;
    let extra = match *gid {
        0 | 65534 => String::new(),
        gid if gid == postgres => String::new(),
        gid => format!("group{gid}:x:{gid}:\n"),
    };
    let group = write(
        "group",
        format!("root:x:0:\npostgres:x:{postgres}:\nnogroup:x:65534:\n{extra}"),
    )?;
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
