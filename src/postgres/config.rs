//! The settings of a server, and where they are from.

use serde::Deserialize;

use super::json::json;
use super::{Session, SqlError};
use crate::cluster::{FileEntry, RoleSetting, ServerConfig, Setting};

/// The settings, and what is set for databases and roles, as one JSON document.
///
/// What this session has asked for in its startup packet is of `source` `client`: the server's own value of those is
/// then that of the files, or the default.
const SETTINGS: &str = r"
select json_build_object(
  'settings', (select json_agg(json_build_object(
      'name', name, 'value', coalesce(setting, ''), 'unit', nullif(unit, ''), 'kind', vartype, 'context', context,
      'source', source, 'file', sourcefile, 'line', sourceline, 'default', boot_val,
      'pendingRestart', pending_restart, 'description', short_desc, 'min', min_val, 'max', max_val,
      'words', coalesce(enumvals, '{}')) order by lower(name)) from pg_settings),
  'loaded', extract(epoch from pg_conf_load_time())::text,
  'slots', (select count(*) from pg_replication_slots),
  'roles', (select coalesce(json_agg(json_build_object(
      'role', r.rolname, 'database', d.datname, 'entry', entry)
      order by d.datname nulls first, r.rolname nulls first), '[]')
    from pg_db_role_setting s cross join unnest(s.setconfig) entry
    left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase))::text";

/// What [`SETTINGS`] gives.
#[derive(Deserialize)]
struct Answer {
    settings: Vec<Setting>,
    roles: Vec<RoleEntry>,
    loaded: String,
    slots: u32,
}

/// `name=value` as it is stored: bytes of any encoding, so that the server can't be asked to take it apart.
#[derive(Deserialize)]
struct RoleEntry {
    role: Option<String>,
    database: Option<String>,
    entry: String,
}

impl From<RoleEntry> for RoleSetting {
    fn from(it: RoleEntry) -> Self {
        let (name, value) = it.entry.split_once('=').unwrap_or((&it.entry, ""));
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            role: it.role,
            database: it.database,
        }
    }
}

/// What the files say now. Only a superuser may know.
const FILES: &str = "\
select coalesce(json_agg(json_build_object('file', sourcefile, 'line', sourceline, 'name', name, 'value', setting, \
    'applied', applied, 'error', error) order by seqno), '[]')::text from pg_file_settings";

impl Session {
    /// The settings of this server.
    ///
    /// # Errors
    /// When it does not answer, or what it says makes no sense.
    pub async fn config(&self) -> Result<ServerConfig, SqlError> {
        const DOING: &str = "asking for its settings";
        let (settings, files) = futures::join!(self.text(DOING, SETTINGS), self.text(DOING, FILES));
        let answer: Answer = json(DOING, settings?)?;
        let files: Option<Vec<FileEntry>> = match files {
            Ok(files) => Some(json(DOING, files)?),
            // permission denied: everything else is known all the same.
            Err(error) if error.sqlstate() == Some("42501") => None,
            Err(error) => return Err(error),
        };
        let mut settings = answer.settings;
        for setting in &mut settings {
            own_value(setting, files.as_deref().unwrap_or_default());
        }
        Ok(ServerConfig {
            settings,
            files,
            roles: answer.roles.into_iter().map(RoleSetting::from).collect(),
            loaded: answer.loaded,
            slots: answer.slots,
        })
    }
}

/// In place of what this session has asked for the value that the server has for everybody.
fn own_value(setting: &mut Setting, files: &[FileEntry]) {
    // In the startup packet (`client`), with SET once it was open (`session`), or what roles and databases carry for sessions of
    // theirs (`PGC_S_GLOBAL` to `PGC_S_DATABASE_USER` of guc.h): nobody else's.
    const OF_THIS_SESSION: [&str; 7] = [
        "global",
        "database",
        "user",
        "database user",
        "client",
        "interactive",
        "session",
    ];
    if !OF_THIS_SESSION.contains(&setting.source.as_str()) {
        return;
    }
    let named = |it: &FileEntry| {
        let name = it.name.as_ref();
        name.is_some_and(|name| name.eq_ignore_ascii_case(&setting.name))
    };
    let applied = files.iter().find(|it| it.applied && named(it));
    // One line that can't be used, and none of them is applied until it is mended: what was loaded before is most
    // likely what they still say.
    let as_written = || files.iter().rfind(|it| it.error.is_none() && named(it));
    let (value, source, file, line) = match applied.or_else(as_written) {
        Some(entry) => (
            entry.value.clone(),
            "configuration file",
            entry.file.clone(),
            entry.line,
        ),
        None => (setting.default.clone(), "default", None, None),
    };
    let raw = value.unwrap_or_default();
    setting.value = crate::cluster::in_unit(&raw, &setting.kind, setting.unit.as_deref());
    source.clone_into(&mut setting.source);
    (setting.file, setting.line) = (file, line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{server_config, setting};

    #[test]
    fn what_pgctl_asks_for_itself_is_not_taken_for_the_servers_own() {
        let asked = [
            ("work_mem", "1"),
            ("search_path", "pg_catalog"),
            ("transaction_timeout", "0"),
        ];
        let answer = server_config("a", &asked);
        let mut config = answer.answer.expect("it answers");
        for (setting, source) in
            config
                .settings
                .iter_mut()
                .zip(["client", "database user", "session"])
        {
            source.clone_into(&mut setting.source);
            setting.default = Some("\"$user\", public".to_owned());
        }
        let line = |line, name: &str, value: &str| FileEntry {
            file: Some("/x/postgresql.conf".to_owned()),
            line: Some(line),
            name: Some(name.to_owned()),
            value: Some(value.to_owned()),
            applied: true,
            error: None,
        };
        let files = [
            line(3, "work_mem", "4MB"),
            line(4, "transaction_timeout", "60000"),
        ];
        config.settings.push(setting("fsync", "on"));
        for setting in &mut config.settings {
            own_value(setting, &files);
        }
        let said: Vec<_> = config
            .settings
            .iter()
            .map(|it| (it.value.as_str(), it.source.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                ("4096", "configuration file"),
                ("\"$user\", public", "default"),
                ("60000", "configuration file"),
                ("on", "configuration file"),
            ]
        );
    }
}
