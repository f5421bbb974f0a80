//! A journal as the data of its ConfigMap: read in every format that this pgctl knows, and written so
//! that nothing is lost which it does not know.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::engine::{FORMAT, Header, Journal, Record, WorldError};
use crate::kubernetes::KubeError;
use crate::plan::Plan;
use crate::world::record::later_checks::{put_together, set_apart};

/// Key of what is said in every format.
const HEADER: &str = "format";
/// Key of the plan of the operation that runs or ran last.
const PLAN: &str = "plan";
/// Key of its entries.
const ENTRIES: &str = "entries";
/// Key of the operations before.
const HISTORY: &str = "history";

/// The data of the ConfigMap.
type Data = BTreeMap<String, String>;

/// Why a journal could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The API did not let us.
    #[error(transparent)]
    Kube(#[from] KubeError),
    /// A newer pgctl has written it.
    #[error(
        "the journal is of a newer pgctl: the {} ({}) is written down in format {}, and this pgctl ({}) reads up to format {FORMAT}; pgctl {} or newer reads it",
        .0.operation, .0.id, .0.format, env!("CARGO_PKG_VERSION"), .0.needs
    )]
    Newer(Header),
    /// It makes no sense.
    #[error("the journal's {what} can't be read: {source}")]
    Unreadable {
        /// Which key of the ConfigMap.
        what: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl From<JournalError> for WorldError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Kube(error) => error.into(),
            other => Self::permanent(other.to_string()),
        }
    }
}

/// The journal of a ConfigMap; none when no operation has ever been written to it.
///
/// # Errors
/// When it is of a newer format, or makes no sense.
pub(super) fn read(data: &Data) -> Result<Option<Journal>, JournalError> {
    if let Some(text) = data.get(HEADER) {
        let header: Header = parsed(HEADER, text)?;
        if !header.is_known() {
            return Err(JournalError::Newer(header));
        }
    }
    let Some(plan) = data.get(PLAN) else {
        return Ok(None);
    };
    let list = |key| data.get(key).map_or("[]", String::as_str);
    Ok(Some(Journal {
        plan: plan_of(plan).map_err(|source| JournalError::Unreadable { what: PLAN, source })?,
        entries: parsed(ENTRIES, list(ENTRIES))?,
        history: parsed(HISTORY, list(HISTORY))?,
    }))
}

fn parsed<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|source| JournalError::Unreadable { what, source })
}

/// The plan that is stored as `text`.
fn plan_of(text: &str) -> Result<Plan, serde_json::Error> {
    let mut plan: Value = serde_json::from_str(text)?;
    put_together(&mut plan);
    serde_json::from_value(plan)
}

/// The plan as it is stored.
fn text_of(plan: &Plan) -> Result<String, serde_json::Error> {
    let mut plan = serde_json::to_value(plan)?;
    set_apart(&mut plan);
    Ok(plan.to_string())
}

/// The data for a journal. What is as it was in the data of `before` keeps the words that it had there,
/// with every field that this pgctl does not know; and so does every key.
///
/// # Errors
/// When it can't be written as JSON.
pub(super) fn written(journal: &Journal, before: Option<&Data>) -> Result<Data, WorldError> {
    let failed = |error: serde_json::Error| WorldError::permanent(error.to_string());
    let mut data = before.cloned().unwrap_or_default();
    let entries = kept(&data, ENTRIES, &journal.entries, |_, place, _| place).map_err(failed)?;
    let of_same_id = |record: &Record, _, stored: &[Value]| {
        let id = |value: &Value| value.get("id").and_then(Value::as_str).map(str::to_owned);
        let same = |value| id(value).as_deref() == Some(&record.id.0);
        stored.iter().position(same).unwrap_or(usize::MAX)
    };
    let history = kept(&data, HISTORY, &journal.history, of_same_id).map_err(failed)?;
    let same_plan = data
        .get(PLAN)
        .is_some_and(|text| plan_of(text).is_ok_and(|plan| journal.plan == plan));
    if !same_plan {
        let plan = text_of(&journal.plan).map_err(failed)?;
        data.insert(PLAN.to_owned(), plan);
    }
    let header = serde_json::to_string(&Header::of(journal)).map_err(failed)?;
    data.insert(HEADER.to_owned(), header);
    data.insert(ENTRIES.to_owned(), entries);
    data.insert(HISTORY.to_owned(), history);
    Ok(data)
}

/// The items as a JSON list, where each that is the same in what is stored is taken from there: `find`
/// says at which place it would be.
fn kept<T: Serialize + DeserializeOwned + PartialEq>(
    data: &Data,
    key: &str,
    items: &[T],
    find: impl Fn(&T, usize, &[Value]) -> usize,
) -> Result<String, serde_json::Error> {
    let stored: Vec<Value> = data
        .get(key)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let list: Vec<String> = items
        .iter()
        .enumerate()
        .map(|(place, item)| {
            let same = |value: &&Value| T::deserialize(*value).is_ok_and(|it| it == *item);
            let own = serde_json::to_value(item)?;
            match stored.get(find(item, place, &stored)).filter(same) {
                Some(value) if *value != own => Ok(value.to_string()),
                _ => serde_json::to_string(item),
            }
        })
        .collect::<Result<_, _>>()?;
    Ok(format!("[{}]", list.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{healthy, now};
    use crate::events::RunEvent;
    use crate::plan::{
        Check, CheckName, Circumstances, FailoverRequest, OperationOutcome, plan_failover,
    };
    use serde_json::json;

    fn journal() -> Journal {
        let request = FailoverRequest::default();
        let plan = plan_failover(&healthy(2), &request, &Circumstances::default(), now());
        let mut journal = Journal::new(plan.expect("a plan"), Vec::new());
        let by = "ann@laptop".to_owned();
        journal
            .add(&RunEvent::Started { by })
            .expect("it can begin");
        journal
    }

    fn data(journal: &Journal) -> Data {
        written(journal, None).expect("it can be written")
    }

    #[test]
    fn what_is_written_says_in_which_format_and_is_read_again() {
        let journal = journal();
        let data = data(&journal);
        let header: Value = serde_json::from_str(&data[HEADER]).expect("JSON");
        assert_eq!(header["format"], json!(1));
        assert_eq!(header["needs"], json!("0.1.0"));
        assert_eq!(header["ended"], json!(false));
        assert_eq!(read(&data).expect("it is read"), Some(journal));
    }

    #[test]
    fn a_journal_of_before_there_were_formats_is_read_as_the_first() {
        let journal = journal();
        let mut data = data(&journal);
        data.remove(HEADER);
        assert_eq!(read(&data).expect("it is read"), Some(journal));
        assert_eq!(read(&Data::new()).expect("it is empty"), None);
    }

    #[test]
    fn a_newer_one_is_named_and_not_looked_into() {
        let header = json!({
            "format": 7, "needs": "0.9.0", "id": "quiesce-1", "operation": "quiescing of staging",
            "ended": false, "more": [],
        });
        let data = Data::from([
            (HEADER.to_owned(), header.to_string()),
            (PLAN.to_owned(), "of another kind".to_owned()),
        ]);
        let error = read(&data).expect_err("it is newer");
        let words = error.to_string();
        for part in [
            "quiescing of staging",
            "quiesce-1",
            "format 7",
            "pgctl 0.9.0",
        ] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error_and_not_nothing() {
        for key in [HEADER, PLAN, ENTRIES, HISTORY] {
            let mut data = data(&journal());
            data.insert(key.to_owned(), "{".to_owned());
            let error = read(&data).expect_err("it makes no sense");
            assert!(matches!(error, JournalError::Unreadable { what, .. } if what == key));
        }
    }

    /// A pgctl that only adds fields has written it: whoever goes on with it keeps them.
    #[test]
    fn fields_that_are_not_known_stay_when_it_is_written_again() {
        let mut journal = journal();
        let outcome = OperationOutcome::Replaced;
        let mut over = journal.clone();
        over.add(&RunEvent::Ended { outcome }).expect("it can end");
        journal.history = over.history;
        let mut before = data(&journal);
        before.insert("later".to_owned(), "a key".to_owned());
        let add = |value: &mut Value| value["later"] = json!("a field");
        for key in [PLAN, ENTRIES, HISTORY] {
            let mut value: Value = serde_json::from_str(&before[key]).expect("JSON");
            match &mut value {
                Value::Array(list) => list.iter_mut().for_each(add),
                one => add(one),
            }
            before.insert(key.to_owned(), value.to_string());
        }
        let mut read = read(&before).expect("it is read").expect("there is one");
        let by = "bob@desk".to_owned();
        read.add(&RunEvent::Resumed { by }).expect("it can go on");
        read.history.remove(0);
        read.history.extend(journal.history);
        let after = written(&read, Some(&before)).expect("it can be written");
        assert_eq!(after["later"], "a key");
        assert_eq!(after[PLAN], before[PLAN]);
        let list = |key: &str| -> Vec<Value> { serde_json::from_str(&after[key]).expect("JSON") };
        assert_eq!(list(ENTRIES)[0]["later"], json!("a field"));
        assert_eq!(list(ENTRIES).len(), 2);
        assert_eq!(list(HISTORY)[0]["later"], json!("a field"));
    }

    /// The versions before it can't read a plan that has it among the others.
    #[test]
    fn a_check_that_is_newer_than_the_format_is_stored_apart_and_read_with_the_others() {
        let mut journal = journal();
        let checks = &mut journal.plan.checks;
        checks.push(Check::warn(CheckName::PausedPoolers, "one is paused"));
        checks.sort_by_key(|it| it.check);
        let data = data(&journal);
        let stored: Value = serde_json::from_str(&data[PLAN]).expect("JSON");
        let paused =
            json!([{"check": "paused-poolers", "verdict": "warn", "reason": "one is paused"}]);
        assert_eq!(stored["laterChecks"], paused);
        assert!(!stored["checks"].to_string().contains("paused-poolers"));
        assert_eq!(read(&data).expect("it is read"), Some(journal));
    }

    /// A newer pgctl has made the plan: this one goes on with it, and takes nothing away.
    #[test]
    fn a_check_of_tomorrow_stays_when_it_is_written_again() {
        let journal = journal();
        let mut before = data(&journal);
        let mut plan: Value = serde_json::from_str(&before[PLAN]).expect("JSON");
        let tomorrow = json!({"check": "of-tomorrow", "verdict": "warn", "reason": "who knows"});
        plan["laterChecks"] = json!([tomorrow]);
        // Whatever field it is in.
        let checks = plan["checks"].as_array_mut().expect("a list");
        checks.push(tomorrow);
        before.insert(PLAN.to_owned(), plan.to_string());
        let mut read = read(&before).expect("it is read").expect("there is one");
        assert_eq!(read, journal);
        let by = "bob@desk".to_owned();
        read.add(&RunEvent::Resumed { by }).expect("it can go on");
        let after = written(&read, Some(&before)).expect("it can be written");
        assert_eq!(after[PLAN], before[PLAN]);
        assert_ne!(after[ENTRIES], before[ENTRIES]);
    }
}
