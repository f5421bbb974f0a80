//! Events in words, for the screen; and how a command ended, for `--events`.

use super::advice::Given;
use super::plain::plain;
use super::screen::Screen;
use crate::cluster::words;
use crate::events::{EventError, RunEvent};
use crate::exit::ExitCode;
use crate::failure::Failure;

/// A line of progress of an operation; none for what is not worth one.
pub fn event_line(event: &RunEvent, screen: &Screen) -> Option<String> {
    let line = match event {
        RunEvent::StepBegan {
            number, of, title, ..
        } => format!("[{number}/{of}] {}", plain(title)),
        RunEvent::StepRetrying { reason, .. } => format!("      trying again: {}", plain(reason)),
        RunEvent::StepWaiting { reason, .. } => format!("      waiting: {}", plain(reason)),
        RunEvent::StepCompleted { seconds, .. } => format!("      done in {seconds:.2} s"),
        RunEvent::StepFoundDone { step } => format!("      {step} had been done"),
        RunEvent::StepReported { step, reason } => format!("      {step}: {}", plain(reason)),
        RunEvent::StepFailed { step, reason } => format!("      {step} failed: {}", plain(reason)),
        RunEvent::StepUndoing { step } => format!("[back] {step}"),
        RunEvent::StepLeft { step, reason } => format!("      {step} is left: {}", plain(reason)),
        RunEvent::StandbyProgress { pod, stage } => {
            format!("      {}: {}", plain(pod), plain(&stage.to_string()))
        }
        RunEvent::UploadProgress {
            file,
            bytes,
            of_bytes,
        } => {
            let (sent, all) = (words::bytes(*bytes), words::bytes(*of_bytes));
            return Some(format!("      {}: {sent} of {all}", plain(file)));
        }
        RunEvent::SafetyBackupTaken { backup } => {
            return Some(format!(
                "      what was there is in the backup {}",
                plain(backup)
            ));
        }
        RunEvent::Warning { message } => {
            return Some(format!("      warning: {}", plain(message)));
        }
        // The plan and the refusal have screens of their own, and so have the rest.
        RunEvent::Planned { .. }
        | RunEvent::Refused { .. }
        | RunEvent::Started { .. }
        | RunEvent::Resumed { .. }
        | RunEvent::AbortAsked { .. }
        | RunEvent::StepActing { .. }
        | RunEvent::StepUndone { .. }
        | RunEvent::Paused { .. }
        | RunEvent::Found { .. }
        | RunEvent::Ended { .. }
        | RunEvent::SourceChosen { .. }
        | RunEvent::BackupBegan { .. }
        | RunEvent::BackupProgress { .. }
        | RunEvent::FileStored { .. }
        | RunEvent::ReadProgress { .. }
        | RunEvent::RestoreTestBegan { .. }
        | RunEvent::FileRestored { .. }
        | RunEvent::LookingAtTables
        | RunEvent::Exited { .. } => return None,
    };
    Some(screen.wrap(&line, 6))
}

/// A line about a backup that is taken, read or tried; none for what is of an operation.
pub fn backup_event_line(event: &RunEvent) -> Option<String> {
    Some(match event {
        RunEvent::SourceChosen {
            pod,
            role,
            why,
            store,
        } => format!("taking it from {pod} ({role}), {why}; into {store}"),
        RunEvent::BackupBegan {
            id,
            archives,
            database_bytes,
        } => format!(
            "{id}: {archives} archive{}, databases of {}",
            if *archives == 1 { "" } else { "s" },
            words::bytes(*database_bytes)
        ),
        RunEvent::BackupProgress {
            received_bytes,
            bytes_per_second,
            read_bytes,
            of_bytes,
        } => {
            let mut text = format!(
                "{} received, {}",
                words::bytes(*received_bytes),
                words::rate(*bytes_per_second)
            );
            match (read_bytes, of_bytes) {
                (Some(done), Some(total)) if *total > 0 => {
                    let percent = (*done.min(total) as f64) * 100.0 / *total as f64;
                    text += &format!(", {percent:.0} % of {} read", words::bytes(*total));
                }
                (Some(done), _) => text += &format!(", {} read", words::bytes(*done)),
                (None, _) => {}
            }
            text
        }
        RunEvent::FileStored { file, bytes } => format!("  {file}: {}", words::bytes(*bytes)),
        RunEvent::ReadProgress {
            backup,
            bytes,
            of_bytes,
        } => format!(
            "{backup}: {} of {} read",
            words::bytes(*bytes),
            words::bytes(*of_bytes)
        ),
        RunEvent::RestoreTestBegan { backup, server } => format!(
            "{backup}: restoring it into a throw-away PostgreSQL {server} in {}",
            std::env::temp_dir().display()
        ),
        RunEvent::FileRestored { file } => format!("  {file}: restored"),
        RunEvent::LookingAtTables => "  looking at every table".to_owned(),
        RunEvent::Warning { message } => format!("warning: {message}"),
        RunEvent::Planned { .. }
        | RunEvent::Refused { .. }
        | RunEvent::Started { .. }
        | RunEvent::Resumed { .. }
        | RunEvent::AbortAsked { .. }
        | RunEvent::StepActing { .. }
        | RunEvent::StepUndone { .. }
        | RunEvent::Paused { .. }
        | RunEvent::StepBegan { .. }
        | RunEvent::StepRetrying { .. }
        | RunEvent::StepWaiting { .. }
        | RunEvent::StepCompleted { .. }
        | RunEvent::StepFoundDone { .. }
        | RunEvent::StepReported { .. }
        | RunEvent::StepFailed { .. }
        | RunEvent::StepUndoing { .. }
        | RunEvent::StepLeft { .. }
        | RunEvent::StandbyProgress { .. }
        | RunEvent::Found { .. }
        | RunEvent::Ended { .. }
        | RunEvent::UploadProgress { .. }
        | RunEvent::SafetyBackupTaken { .. }
        | RunEvent::Exited { .. } => return None,
    })
}

/// How a command ended: the last of its events.
pub fn exit_event(result: Result<ExitCode, &Failure>, given: &Given) -> RunEvent {
    let (exit, error) = match result {
        Ok(exit) => (exit, None),
        Err(failure) => (
            failure.exit,
            Some(EventError {
                what: failure.what.clone(),
                object: failure.object.clone(),
                why: failure.why.clone(),
                next: given.suggestions(&failure.next),
            }),
        ),
    };
    RunEvent::Exited {
        exit_code: exit.number(),
        error,
    }
}
