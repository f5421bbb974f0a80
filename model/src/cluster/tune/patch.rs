//! The proposal as a change of the deployment's files.

use std::fmt::Write as _;

use super::advice::TuneAdvice;
use crate::cluster::DeployedConfig;

/// The file that an overlay adds to the deployment's.
const OVERLAY: &str = "overlay.conf";

fn line(advice: &TuneAdvice) -> String {
    format!("{} = '{}'", advice.name, advice.proposed)
}

/// What is proposed, as `diff -u` shows a change: each file with the lines that go and that come.
pub fn tune_diff(advice: &[TuneAdvice], deployed: &[DeployedConfig]) -> String {
    let mut text = String::new();
    let mut files: Vec<(&str, &str)> = advice.iter().map(file_of).collect();
    files.dedup();
    files.sort_unstable();
    files.dedup();
    for (map, key) in files {
        // Into a text nothing is ever not written.
        let _ = writeln!(text, "--- {map}/{key}\n+++ {map}/{key}");
        for it in advice.iter().filter(|it| file_of(it) == (map, key)) {
            if let Some(found) = &it.deployed {
                let file = deployed
                    .iter()
                    .find(|file| file.config_map == map && file.key == key);
                let number = found.line as usize;
                let old = file.and_then(|file| file.text.lines().nth(number.saturating_sub(1)));
                let _ = writeln!(text, "@@ line {number} @@\n-{}", old.unwrap_or_default());
            }
            let _ = writeln!(text, "+{}", line(it));
        }
    }
    text
}

fn file_of(advice: &TuneAdvice) -> (&str, &str) {
    match &advice.deployed {
        Some(found) => (&found.config_map, &found.key),
        None => ("postgres-config", OVERLAY),
    }
}

/// What is proposed, as a part of an overlay's `kustomization.yaml`. What the overlay has already stays.
pub fn tune_patch(advice: &[TuneAdvice], deployed: &[DeployedConfig]) -> String {
    let mut text = "configMapGenerator:\n  - name: postgres-config\n    behavior: merge\n    literals:\n      - |-\n        \
                    overlay.conf=# proposed by pgctl tune\n"
        .to_owned();
    let kept = deployed.iter().filter(|it| it.key == OVERLAY);
    for old in kept.flat_map(|it| it.text.lines()) {
        let name = old.split(['=', ' ', '\t']).next().unwrap_or_default();
        let replaced = advice.iter().any(|it| it.name.eq_ignore_ascii_case(name));
        if !replaced && !old.trim().is_empty() {
            let _ = writeln!(text, "        {old}");
        }
    }
    for it in advice {
        let _ = writeln!(text, "        {}  # {}", line(it), it.reason);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::DeployedSetting;

    fn advice(name: &str, proposed: &str, deployed: Option<(&str, u32)>) -> TuneAdvice {
        TuneAdvice {
            name: name.to_owned(),
            now: "1".to_owned(),
            proposed: proposed.to_owned(),
            reason: "so".to_owned(),
            source: "https://x",
            restart: false,
            deployed: deployed.map(|(key, line)| DeployedSetting {
                config_map: "c".to_owned(),
                key: key.to_owned(),
                line,
                value: "1".to_owned(),
            }),
        }
    }

    #[test]
    fn the_lines_that_go_and_that_come_are_shown() {
        let files = [DeployedConfig {
            config_map: "c".to_owned(),
            key: "postgresql.conf".to_owned(),
            text: "# all\nwork_mem = '4MB'  # small\n".to_owned(),
        }];
        let advice = [
            advice("work_mem", "8MB", Some(("postgresql.conf", 2))),
            advice("jit", "off", None),
        ];
        assert_eq!(
            tune_diff(&advice, &files),
            "--- c/postgresql.conf\n+++ c/postgresql.conf\n@@ line 2 @@\n-work_mem = '4MB'  # small\n+work_mem = '8MB'\n\
             --- postgres-config/overlay.conf\n+++ postgres-config/overlay.conf\n+jit = 'off'\n"
        );
    }

    #[test]
    fn a_patch_keeps_what_the_overlay_has() {
        let files = [DeployedConfig {
            config_map: "c".to_owned(),
            key: OVERLAY.to_owned(),
            text: "# ours\nwork_mem = 4MB\nwal_keep_size = '64MB'\n".to_owned(),
        }];
        let patch = tune_patch(&[advice("work_mem", "8MB", None)], &files);
        assert!(
            patch.contains("        wal_keep_size = '64MB'\n        work_mem = '8MB'  # so\n"),
            "{patch}"
        );
        assert!(!patch.contains("4MB\n        w"), "{patch}");
    }
}
