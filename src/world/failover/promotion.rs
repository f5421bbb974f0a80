//! The promotion, and the first writes of a new primary.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::{Known, WorldError};
use crate::plan::{OperationFinding, OutageMethod};
use crate::world::connections::Connections;
use crate::world::failover::outage::Outage;

/// Over the connection that was opened before this was journaled, and over no other.
pub(in crate::world) async fn promote(
    cluster: &Connections,
    outage: &Outage,
    pod: &str,
    known: &Known,
    limit: Duration,
) -> Result<Vec<OperationFinding>, WorldError> {
    let session = cluster.open_session(pod).await.ok_or_else(|| {
        WorldError::transient(format!(
            "the connection to {pod} was lost before its promotion"
        ))
    })?;
    let sent = Instant::now();
    session.promote_now(limit).await?;
    let promoted = Instant::now();
    if known.outage_measured {
        return Ok(Vec::new());
    }
    // The first write that it takes ends the outage. Standbys that follow later don't count:
    // a commit that waits for one is proven in a step of its own.
    session.commit_locally().await?;
    session.heartbeat().await?;
    let parts = outage.parts(sent, promoted);
    let measured = outage
        .since_last()
        .map(|seconds| (seconds, OutageMethod::OwnWrites));
    outage.end();
    let (seconds, method) = match measured {
        Some(measured) => measured,
        None => match session.seconds_since_last_replayed().await? {
            Some(seconds) => (seconds.max(0.0), OutageMethod::CommitTimes),
            None => return Ok(Vec::new()),
        },
    };
    let mut findings = vec![OperationFinding::Outage { seconds, method }];
    findings.extend(parts.map(OperationFinding::OutageParts));
    Ok(findings)
}

/// A write that a client could make, and where the new timeline began.
pub(in crate::world) async fn prove_write(
    cluster: &Connections,
    pod: &str,
) -> Result<Vec<OperationFinding>, WorldError> {
    // A session of its own: with all that a client's commit waits for.
    let session = cluster.connect(pod).await?;
    session.heartbeat().await?;
    let mut findings = Vec::new();
    let facts = session.facts().await?;
    if let Some(position) = facts_position(&session).await {
        findings.push(OperationFinding::Promoted {
            position,
            timeline: facts.timeline,
        });
    }
    Ok(findings)
}

/// Where the old timeline ended here, as the server's own history of the new one says.
async fn facts_position(session: &crate::postgres::Session) -> Option<crate::cluster::Lsn> {
    session.fork_position().await.ok().flatten()
}
