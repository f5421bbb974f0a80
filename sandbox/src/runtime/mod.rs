//! Containers as local processes, and the trait through which the API server reaches them.

mod access;

pub use access::{
    ContainerRef, ExecRequest, ExecStreams, InputStream, LogOptions, LogStart, OutputStream,
    PodRuntime, RuntimeError, TerminalSize,
};
