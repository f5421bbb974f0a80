//! Containers as local processes, and the trait through which the API server reaches them.

mod access;
mod bubblewrap;
mod container;
mod exec;
mod image;
mod images;
mod isolation;
mod logs;
mod process;
mod programs;
mod proot;
mod signals;
mod spawner;
mod spec;
mod terminal;

pub use access::{
    ContainerRef, ExecRequest, ExecStreams, InputStream, LogOptions, LogStart, OutputStream,
    PodRuntime, RuntimeError, TerminalSize,
};
pub use container::{Container, Containers, Exit, StartError};
pub use exec::CommandOutcome;
pub use image::{Image, User};
pub use images::{POSTGRES_VARIABLE, postgres_programs, resolve};
pub use isolation::{Isolation, IsolationError, RUNTIME_VARIABLE, Tools};
pub use logs::Log;
pub use process::Usage;
pub use programs::PROGRAMS_VARIABLE;
pub use spec::{ContainerSpec, Mount};
