//! Reading the protobuf bodies that kubectl's typed commands send.

mod messages;
mod wire;

pub(super) use wire::read;
