//! `pgctl config where`.

use super::screen;
use crate::output::{OwnDefault, OwnDefaults, own_defaults_screen};

#[test]
fn the_file_and_what_it_says_in_a_context() {
    let default = |option: &str, value: &str, context: Option<&str>| OwnDefault {
        option: option.to_owned(),
        value: value.to_owned(),
        context: context.map(str::to_owned),
        overruled_by: (option == "store").then(|| "PGCTL_STORE".to_owned()),
    };
    let mut found = OwnDefaults {
        path: "/home/ann/.config/pgctl/config.toml".to_owned(),
        exists: true,
        context: Some("prod\u{1b}[2J".to_owned()),
        defaults: vec![
            default("namespace", "shop", Some("prod\u{1b}[2J")),
            default("store", "s3://backups/shop", None),
        ],
    };
    let whole = own_defaults_screen(&found, &screen(80));
    assert!(!whole.contains('\u{1b}'));
    found.defaults.clear();
    let nothing_in_force = own_defaults_screen(&found, &screen(80));
    found.exists = false;
    let none = own_defaults_screen(&found, &screen(80));
    insta::assert_snapshot!([whole, nothing_in_force, none].join("\n---\n"));
}
