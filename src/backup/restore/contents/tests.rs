use super::*;

fn entry(kind: &str, tag: &str, definition: &str) -> TocEntry {
    TocEntry {
        kind: kind.to_owned(),
        tag: tag.to_owned(),
        definition: definition.to_owned(),
        ..TocEntry::default()
    }
}

fn contents(entries: Vec<TocEntry>) -> DatabaseContents {
    DatabaseContents { entries }
}

const CREATE: &str = "CREATE DATABASE \"a b\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'C' TABLESPACE = fast;\n";

#[test]
fn a_database_is_made_under_another_name_and_without_a_tablespace_that_is_not_there() {
    let mut database = entry("DATABASE", "a b", CREATE);
    database.owner = "o'Brien".to_owned();
    let contents = contents(vec![database]);
    assert_eq!(contents.tablespaces(), ["fast"]);
    assert_eq!(
        contents.create("x", true),
        Some(vec![
            "CREATE DATABASE \"x\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'C' "
                .to_owned(),
            "alter database \"x\" owner to \"o'Brien\"".to_owned(),
        ])
    );
}

#[test]
fn settings_privileges_and_comment_follow_the_name() {
    let contents = contents(vec![
        entry("DATABASE", "a b", CREATE),
        entry(
            "DATABASE PROPERTIES",
            "a b",
            "ALTER DATABASE \"a b\" SET work_mem TO '8MB';\nALTER ROLE r IN DATABASE \"a b\" SET x.y TO 'a;b';\n",
        ),
        entry(
            "COMMENT",
            "DATABASE \"a b\"",
            "COMMENT ON DATABASE \"a b\" IS 'mine';\n",
        ),
        entry("COMMENT", "TABLE t", "COMMENT ON TABLE t IS 'no';\n"),
        entry(
            "ACL",
            "DATABASE \"a b\"",
            "GRANT ALL ON DATABASE \"a b\" TO app;\n",
        ),
    ]);
    assert_eq!(
        contents.properties("new"),
        [
            "comment on database \"new\" is null",
            "ALTER DATABASE \"new\" SET work_mem TO '8MB'",
            "ALTER ROLE r IN DATABASE \"new\" SET x.y TO 'a;b'",
            "COMMENT ON DATABASE \"new\" IS 'mine'",
            "GRANT ALL ON DATABASE \"new\" TO app",
        ]
    );
    assert_eq!(contents.roles(), ["app", "r"]);
    assert!(contents.has_content());
}

#[test]
fn roles_are_found_wherever_they_are_named() {
    let contents = contents(vec![
        entry(
            "DATABASE PROPERTIES",
            "shop",
            "ALTER DATABASE shop SET role TO 'pg_monitor';\nALTER ROLE chief IN DATABASE shop SET role TO 'none';\n",
        ),
        entry(
            "POLICY",
            "t own",
            "CREATE POLICY own ON s.t FOR SELECT TO clerk, \"the boss\" USING ((span > '1'::interval day TO second));\n",
        ),
        entry(
            "POLICY",
            "t all",
            "CREATE POLICY all_of_it ON s.t USING (true);\n",
        ),
        entry(
            "USER MAPPING",
            "USER MAPPING clark SERVER far",
            "CREATE USER MAPPING FOR clark SERVER far OPTIONS (password 'x');\n",
        ),
        entry(
            "USER MAPPING",
            "USER MAPPING public SERVER far",
            "CREATE USER MAPPING FOR public SERVER far;\n",
        ),
    ]);
    assert_eq!(contents.roles(), ["chief", "clark", "clerk", "the boss"]);
}

#[test]
fn what_every_template1_has_is_no_content() {
    let contents = contents(vec![
        entry("ENCODING", "ENCODING", "SET client_encoding = 'UTF8';\n"),
        entry(
            "DATABASE",
            "template1",
            "CREATE DATABASE template1 WITH TEMPLATE = template0;\n",
        ),
        entry(
            "COMMENT",
            "DATABASE template1",
            "COMMENT ON DATABASE template1 IS 'default';\n",
        ),
        entry(
            "DATABASE PROPERTIES",
            "template1",
            "ALTER DATABASE template1 IS_TEMPLATE = true;\n",
        ),
        entry(
            "ACL",
            "DATABASE template1",
            "REVOKE CONNECT,TEMPORARY ON DATABASE template1 FROM PUBLIC;\n",
        ),
    ]);
    assert!(!contents.has_content());
    assert_eq!(contents.roles(), [""; 0]);
}
