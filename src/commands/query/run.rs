//! Whether it asks or writes.

use super::super::context::Context;
use super::{look, many, text, write};
use crate::change::StatementOutline;
use crate::cli::QueryArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::postgres::QueryLimits;

/// The most text that is taken of a server. The driver holds an answer in memory.
const BYTES: u64 = 32 << 20;

/// The same of each server of many clusters: all answers are held until the last has come.
const BYTES_OF_MANY: u64 = 1 << 20;

/// What "no limit" is: longer than anybody waits.
const FOR_EVER: std::time::Duration = std::time::Duration::from_secs(24 * 86_400);

pub(in crate::commands) async fn run(
    context: &Context,
    args: &QueryArgs,
) -> Result<ExitCode, Failure> {
    if args.csv && context.format.is_document() {
        return Err(Failure::new(
            ExitCode::Usage,
            "--csv and -o are two ways to print it: give one",
        )
        .next("pgctl query --help"));
    }
    let sql = text::statement(&args.sql).await?;
    let outline = StatementOutline::of(&sql);
    if outline.is_empty() || sql.contains('\0') {
        return Err(
            Failure::new(ExitCode::Usage, "there is no statement").next("pgctl query 'select 1'")
        );
    }
    let limits = QueryLimits {
        time: match args.statement_timeout {
            time if time.is_zero() => FOR_EVER,
            time => time.min(FOR_EVER),
        },
        rows: match args.max_rows {
            0 => usize::MAX,
            rows => rows,
        },
        bytes: match args.fleet.several() {
            true => BYTES_OF_MANY,
            false => BYTES,
        },
    };
    if args.write && args.fleet.several() {
        return Err(Failure::new(
            ExitCode::Refused,
            "--write is for one cluster, and not for many at once; nothing was sent",
        )
        .because(
            "what may change something is proposed, agreed to and written into the history of one \
             cluster, and where it fails in the middle of many nobody could say which have it",
        )
        .next("on each of them: pgctl -n NAMESPACE --cluster NAME query --write SQL"));
    }
    if args.write {
        return write::run(context, args, &sql, limits).await;
    }
    if sql.trim_start().starts_with('\\') {
        return Err(Failure::new(
            ExitCode::Usage,
            format!(
                "{} is a command of psql's, and no SQL; nothing was sent",
                outline.title()
            ),
        )
        .next("in psql itself: pgctl psql")
        .next("or pgctl databases, pgctl users, pgctl disk"));
    }
    if outline.is_unknown() {
        return Err(no_statement(&outline));
    }
    if !outline.only_asks() {
        return Err(Failure::new(
            ExitCode::Refused,
            format!("{} may change something; nothing was sent", outline.title()),
        )
        .because(
            "without --write only SELECT, WITH, VALUES, TABLE, SHOW and EXPLAIN are sent, in a \
             transaction that can't write",
        )
        .next("on the primary, after you have agreed to it: pgctl query --write SQL"));
    }
    match args.fleet.several() {
        true => many::run(context, args, &sql, limits).await,
        false => look::run(context, args, &sql, limits).await,
    }
}

/// Most likely mistyped: nobody is led to the writing way by that. Its text is not repeated, which may be anything.
fn no_statement(outline: &StatementOutline) -> Failure {
    let failure = Failure::new(
        ExitCode::Usage,
        "it begins with no word that a statement begins with; nothing was sent",
    );
    let help = "what it takes: pgctl query --help";
    match outline.nearest_command() {
        Some(word) if StatementOutline::of(word).only_asks() => {
            failure.next(format!("the nearest word: pgctl query '{word} ...'"))
        }
        Some(word) => failure.next(format!("the nearest word: {word}")).next(help),
        None => failure.next(help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_does_not_lead_to_writing() {
        let of = |sql: &str| no_statement(&StatementOutline::of(sql));
        let asks = of("selct count(*) from t");
        assert_eq!(asks.exit, ExitCode::Usage);
        assert_eq!(asks.next, ["the nearest word: pgctl query 'select ...'"]);
        let help = "what it takes: pgctl query --help";
        let writes = of("delte from t where word = 'hunter2'");
        assert_eq!(writes.next, ["the nearest word: delete", help]);
        let none = of("hunter2hunter2");
        assert_eq!(none.next, [help]);
        for failure in [asks, writes, none] {
            let told = format!("{failure} {:?}", failure.next);
            assert!(!told.contains("hunter2"), "{told}");
            assert!(!told.contains("--write"), "{told}");
        }
    }
}
