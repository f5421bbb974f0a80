//! `pgctl config init` and `pgctl config where`: the file with defaults of pgctl's own options.

use std::ffi::OsString;
use std::path::PathBuf;

use super::super::context::Context;
use crate::cli::{ConfigFile, command, config_file_place, write_template};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::current_context;
use crate::output::{ConfigFileDocument, OwnDefault, OwnDefaults, encode, own_defaults_screen};

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn place() -> Result<PathBuf, Failure> {
    config_file_place(&variable).ok_or_else(|| {
        Failure::new(
            ExitCode::Usage,
            "there is no place for a file with defaults",
        )
        .because("PGCTL_CONFIG is empty, which means none; or nobody knows a home (HOME)")
        .next("PGCTL_CONFIG=FILE pgctl config init")
    })
}

pub(super) fn init(context: &Context) -> Result<ExitCode, Failure> {
    let path = place()?;
    let named = path.display().to_string();
    let made = write_template(&path).map_err(|error| {
        Failure::new(ExitCode::Failed, "it can't be written")
            .on(&named)
            .caused_by(&error)
            .next("PGCTL_CONFIG=FILE pgctl config init")
    })?;
    if !made {
        return Err(
            Failure::new(ExitCode::Refused, "there is one, which stays as it is")
                .on(&named)
                .next("pgctl config where"),
        );
    }
    let found = OwnDefaults {
        path: named,
        exists: true,
        context: None,
        defaults: Vec::new(),
    };
    show_them(context, &found)
}

pub(super) fn show(context: &Context) -> Result<ExitCode, Failure> {
    let path = place()?;
    let file = ConfigFile::read(&variable, &command()).map_err(|error| {
        Failure::new(ExitCode::Usage, error.to_string())
            .next("mend the file, or go without: PGCTL_CONFIG= pgctl status")
    })?;
    let mut found = OwnDefaults {
        path: path.display().to_string(),
        exists: file.is_some(),
        context: None,
        defaults: Vec::new(),
    };
    if let Some(file) = file {
        let connect = &context.connect;
        let (asked, defaults) = file.in_force(
            connect.context.as_deref(),
            connect.kubeconfig.as_deref(),
            &current_context,
        );
        found.context = asked;
        let defaults = defaults.into_iter().map(|it| {
            let name = format!("PGCTL_{}", it.option.replace('-', "_").to_uppercase());
            let set = variable(&name).is_some_and(|value| !value.is_empty());
            OwnDefault {
                option: it.option,
                value: it.value,
                context: it.context,
                overruled_by: set.then_some(name),
            }
        });
        found.defaults = defaults.collect();
    }
    show_them(context, &found)
}

fn show_them(context: &Context, found: &OwnDefaults) -> Result<ExitCode, Failure> {
    let text = match context.format.is_document() {
        true => encode(&ConfigFileDocument::new(found), context.format),
        false => own_defaults_screen(found, &context.screen),
    };
    context.print(&text)?;
    Ok(ExitCode::Done)
}
