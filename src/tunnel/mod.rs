//! Connections of this machine's programs to the cluster's servers: a local port that leads to the right
//! pod, whichever that is at the moment.

mod connection;
mod first_packet;
mod port;
mod routes;

pub use port::{Port, PortError};
pub use routes::{RouteNews, Routes};
