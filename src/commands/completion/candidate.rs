//! What is offered.

/// A word that can be typed at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) text: String,
    /// What it is, on one line; may be empty.
    pub(super) about: String,
}

impl Candidate {
    pub(super) fn new(text: impl Into<String>, about: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            about: about.into(),
        }
    }

    /// A name that somebody else gave; none when no shell may get it.
    pub(super) fn named(name: &str) -> Option<Self> {
        is_plain(name).then(|| Self::new(name, ""))
    }
}

/// Whether a name stands for itself in every shell, whatever comes before and after it. Names of Kubernetes do; a
/// context of a kubeconfig, or what a hostile server calls its pods, may hold anything.
pub(super) fn is_plain(name: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b"._:/@+-".contains(&b);
    name.bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_stands_for_itself_is_offered() {
        for name in [
            "postgres-replica-0",
            "kubernetes-admin@kubernetes",
            "arn:aws:eks:eu-central-1:12:cluster/shop",
            "default/api-shop:6443/kube:admin",
            "gke_shop_europe-west1_a",
            "20261123T155217Z-3fa9",
        ] {
            assert!(is_plain(name), "{name}");
        }
        for name in [
            "",
            "-rf",
            "--yes",
            "a b",
            "$(reboot)",
            "`id`",
            "a;b",
            "a\nb",
            "a\tb",
            "\u{1b}[2J",
            "~root",
            "a*",
            "a{b}",
            "a'b",
            "a\"b",
            "a\\b",
            "a&b",
            "a|b",
            "a>b",
            "=ls",
            "@file",
            "ö",
            "a\u{202e}b",
            "!!",
            "%1",
            "#a",
        ] {
            assert!(!is_plain(name), "{name:?}");
        }
    }

    const SPECIAL: &str = " $`\"'\\;&|<>(){}[]*?!#~=,^%";

    proptest! {
        #[test]
        fn no_shell_sees_more_than_a_word(name in ".*") {
            if is_plain(&name) {
                prop_assert!(name.is_ascii() && !name.starts_with(['-', '@', '+', '/', '.']));
                let special = |c: char| c.is_control() || SPECIAL.contains(c);
                prop_assert!(!name.contains(special));
            }
        }
    }
}
