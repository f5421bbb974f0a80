//! A database cluster with all that dumps and restores get wrong: every type, odd names, rights.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// For psql, as a superuser, into an empty cluster.
pub(crate) const SQL: &str = include_str!("difficult_data.sql");

/// The databases that it makes and that take connections.
pub(crate) const DATABASES: [&str; 9] = [
    "app data",
    "naïve=1 host=evil'",
    "quo\"te's \\ $(reboot) `x` %s ;--",
    "-dash",
    "雪☃𝄞",
    "UPPER",
    "latin",
    "bytes",
    "sixty_three_characters_are_the_longest_name_that_postgresql_ta",
];

/// Runs it through `psql`, which says on its command line or in its environment where to connect.
pub(crate) fn load(mut psql: Command) {
    let mut child = psql
        .args(["--no-psqlrc", "--quiet", "--file=-"])
        .env("PGCLIENTENCODING", "UTF8")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql is there");
    let mut stdin = child.stdin.take().expect("piped");
    let feeder = std::thread::spawn(move || stdin.write_all(SQL.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    feeder.join().expect("no panic").expect("psql reads it all");
}
