//! The steps of a failover.

mod autoscaler;
mod failover_steps;
mod held_clients;
mod laggards;
mod old_primary;
mod order;
mod slots;
mod standby_delay;
mod synchronous;
mod topology;
mod traffic;

pub(super) use order::steps;
