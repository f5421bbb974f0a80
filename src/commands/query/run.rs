//! Whether it asks or writes.

use super::super::context::Context;
use super::{look, text, write};
use crate::change::StatementOutline;
use crate::cli::QueryArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::postgres::QueryLimits;

/// The most text that is taken of a server. The driver holds an answer in memory.
const BYTES: u64 = 32 << 20;

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
        bytes: BYTES,
    };
    if args.write {
        return write::run(context, args, &sql, limits).await;
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
    look::run(context, args, &sql, limits).await
}
