//! What a change of the number of standbys needs: standbys that come and go, and their claims.

pub(super) mod claims;
pub(super) mod serving;
pub(super) mod standbys;
