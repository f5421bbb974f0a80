//! What a failover and a rejoin need: the old primary's end, the fence, and who follows whom.

pub(super) mod candidate;
pub(super) mod clients;
pub(super) mod end;
pub(super) mod ending;
pub(super) mod followers;
pub(super) mod hanging;
pub(super) mod held_clients;
pub(super) mod laggards;
pub(super) mod lingering;
pub(super) mod number;
pub(super) mod outage;
pub(super) mod promotion;
pub(super) mod released_clients;
pub(super) mod services;
pub(super) mod silence;
pub(super) mod still_running;
pub(super) mod stopping;
pub(super) mod stranded;
pub(super) mod topology;
