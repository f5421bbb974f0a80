//! What steps are called.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a step is called: stable, for the journal, the failpoints and JSON.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum StepName {
    /// The autoscaler can no longer delete the candidate.
    GuardAutoscaler,
    /// Slots for the standbys on the server that they will follow.
    CreateSlots,
    /// A checkpoint, so that the shutdown is short.
    Checkpoint,
    /// Queries on the candidate are cancelled when they hold up its replay.
    DropStandbyDelay,
    /// New connections through the write Service come to the candidate, before the old primary goes.
    MoveClients,
    /// The old primary's object outlives its container.
    HoldRecord,
    /// The topology names the candidate: the old primary cannot come back as primary.
    Fence,
    /// Standbys that do not keep up are disconnected: the shutdown would wait for them.
    DetachLaggards,
    /// The old primary's pod stays for a moment once its server has stopped, and refuses connections.
    LingerOnStop,
    /// The clients of poolers wait, and no transaction is under way there.
    HoldClients,
    /// The old primary is stopped, and that is proven.
    StopPrimary,
    /// The old primary's end, hastened when it takes long, and its proof.
    HastenEnd,
    /// Pods of earlier operations, whose end was never proven, are stopped, and that is proven.
    StopUnproven,
    /// The candidate has everything.
    CatchUp,
    /// The candidate becomes primary.
    Promote,
    /// The write Service leads to it.
    PointService,
    /// The clients of poolers go on, with the new primary.
    ReleaseClients,
    /// The write Service leads to nothing.
    CloseService,
    /// The read Service leads to the replicas alone, of which there are none for now.
    CloseReads,
    /// The other standbys follow it.
    Repoint,
    /// The read Service leads to every standby.
    SpreadReads,
    /// A write on it was committed.
    ProveWrite,
    /// Queries there may hold replay up again as long as before.
    RestoreStandbyDelay,
    /// Whose end was proven is no longer kept in the topology.
    SettleProofs,
    /// The old primary's object may go.
    ReleaseRecord,
    /// The object that a replaced operation has kept may go.
    ReleaseReplaced,
    /// The objects of other pods that have ended may go.
    ReleaseOthers,
    /// Slots that nobody will use again are dropped.
    TidySlots,
    /// The autoscaler gets its old minimum back.
    RestoreAutoscaler,
    /// The data on the pod's volume is to be thrown away for a fresh copy.
    RequestClone,
    /// The claim is deleted, and with it the data.
    DeleteVolume,
    /// The pod is restarted.
    RestartPod,
    /// The pod that was restarted is back, and follows.
    AwaitRestarted,
    /// The pod is started, and follows.
    Rejoin,
    /// Slots left on it from its time as primary are dropped.
    DropStaleSlots,

    // Scaling, the autoscaler, synchronous replication.
    /// Standbys that go confirm no commits any more.
    ShrinkSynchronous,
    /// The autoscaler's bounds or targets.
    PatchAutoscaler,
    /// The number of pods.
    Scale,
    /// The new standbys serve reads.
    AwaitStandbys,
    /// The pods that go are gone.
    AwaitGone,
    /// Slots of standbys that are gone are dropped.
    ForgetStandbys,
    /// Claims that no pod uses are deleted, and with them the data.
    DeleteVolumes,
    /// It is recorded for how many standbys commits wait.
    RecordSynchronous,
    /// Commits wait for the right standbys.
    SetSynchronous,
    // Restores.
    /// What was replaced is backed up.
    SafetyBackup,
    /// Roles that the restored databases need are made.
    CreateRoles,
    /// Every database is loaded, under a name of its own.
    LoadDatabases,
    /// The loaded databases take the places of those that were there.
    SwapDatabases,
    /// Standbys have replayed it all.
    Follow,
    /// Roles that exist get what the backup says of them.
    ChangeRoles,
    /// The databases that were replaced are dropped.
    DropReplaced,
    /// The replica StatefulSet is at 0.
    StopReplicas,
    /// The volume exists.
    MakeVolume,
    /// A pod works on the volume.
    OpenVolume,
    /// Pods work on the other volumes whose data may be the only copy.
    OpenOthers,
    /// The archive is unpacked beside the old data, and verified.
    Unpack,
    /// The WAL that is replayed after the backup's own is fetched.
    FetchWal,
    /// It is recovered to a timeline of its own, beside the old data.
    Recover,
    /// The old data gets another name, and the restored data its place.
    KeepOld,
    /// Data on other volumes that may be the only copy gets another name.
    KeepOthers,
    /// The topology names the restored pod and its system.
    NamePrimary,
    /// The pod that works on the volume is gone.
    CloseVolume,
    /// The pods that work on the other volumes are gone.
    CloseOthers,
    /// The restored pod is started.
    StartPrimary,
    /// The restored data answers.
    ProveRestored,
    /// The throw-away server answers.
    StartServer,
    /// The replicas' old copies are deleted.
    RenewReplicas,
    /// The replicas are started, and copy the restored data.
    StartReplicas,
    /// Data that a restore has kept is deleted.
    DiscardKept,
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In kebab-case: serde's words, and no second list of them.
        self.serialize(f)
    }
}
