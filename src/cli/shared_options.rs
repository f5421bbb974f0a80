//! What several commands are given alike: `--events`, `--store`.

use super::root::Command;
use super::{BackupCommand, HpaCommand, SyncCommand, WalCommand};

impl Command {
    /// Whether what happens is told as JSON Lines.
    pub fn tells_events(&self) -> bool {
        match self {
            Self::Failover(args) => args.operation.change.telling.events,
            Self::Rejoin(args) => args.operation.change.telling.events,
            Self::Reinit(args) => args.operation.change.telling.events,
            Self::Scale(args) => args.operation.change.telling.events,
            Self::Rollout(args) => args.operation.change.telling.events,
            Self::Upgrade(args) => args.change.telling.events,
            Self::Drain(args) => args.change.telling.events,
            Self::Restore(args) => args.operation.change.telling.events,
            Self::Hpa(args) => match &args.command {
                None | Some(HpaCommand::Show) => args.telling.events,
                Some(HpaCommand::Set(set)) => set.run.telling.events,
                Some(HpaCommand::Pause(change) | HpaCommand::Resume(change)) => {
                    change.telling.events
                }
            },
            Self::Sync(args) => match &args.command {
                None | Some(SyncCommand::Show) => args.telling.events,
                Some(SyncCommand::Set(set)) => set.run.telling.events,
            },
            Self::Backup(args) => match &args.command {
                None => args.take.telling.events,
                Some(BackupCommand::Verify(verify)) => verify.telling.events,
                Some(BackupCommand::Copy(copy)) => copy.telling.events,
                Some(BackupCommand::List(_) | BackupCommand::Prune(_)) => false,
            },
            Self::Config(_)
            | Self::Connections(_)
            | Self::Databases(_)
            | Self::Disk(_)
            | Self::Doctor(_)
            | Self::Explain(_)
            | Self::History
            | Self::Lag(_)
            | Self::Locks(_)
            | Self::Logs(_)
            | Self::Metrics(_)
            | Self::Passwords(_)
            | Self::PortForward(_)
            | Self::Query(_)
            | Self::Psql(_)
            | Self::Queries(_)
            | Self::Report(_)
            | Self::Shell(_)
            | Self::Slots(_)
            | Self::Status(_)
            | Self::Top(_)
            | Self::Tune(_)
            | Self::Users(_)
            | Self::Pooler(_)
            | Self::Version(_)
            | Self::Wal(_) => false,
        }
    }

    /// `--store`, of a command that has it.
    pub fn store(&self) -> Option<&str> {
        let of_commands = match self {
            Self::Restore(args) => &args.store,
            Self::Backup(args) => match &args.command {
                None => &args.take.store,
                Some(BackupCommand::List(list)) => &list.store,
                Some(BackupCommand::Verify(verify)) => &verify.store,
                Some(BackupCommand::Copy(copy)) => &copy.store,
                Some(BackupCommand::Prune(prune)) => &prune.store,
            },
            Self::Wal(args) => match &args.command {
                WalCommand::Archive(archive) => &archive.store,
                WalCommand::List(list) => &list.store,
                WalCommand::Verify(verify) => &verify.store,
            },
            _ => return None,
        };
        of_commands.store.as_deref()
    }
}
