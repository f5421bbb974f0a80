use serde_json::{Value, json};

use super::strategic::merge;

fn check(kind: &str, cases: &[(&str, Value, Value, Value)]) {
    for (what, original, patch, wanted) in cases {
        assert_eq!(merge(kind, original, patch).as_ref(), Ok(wanted), "{what}");
    }
}
