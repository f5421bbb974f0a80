//! A setting in the deployment's files.

use super::facts::DeployedConfig;
use super::file::parse_config;

/// Where the deployment has a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployedSetting {
    /// Name of the ConfigMap.
    pub config_map: String,
    /// Its key, which is the name of the file in the pod.
    pub key: String,
    /// Number of the line in the file, from 1.
    pub line: u32,
    /// Its value there.
    pub value: String,
}

/// Where the deployment has this setting: the line that counts, which is the last.
pub fn deployed_setting(files: &[DeployedConfig], name: &str) -> Option<DeployedSetting> {
    let mut lines = files.iter().flat_map(|file| {
        let lines = parse_config(&file.text).into_iter();
        lines.map(move |line| (file, line))
    });
    let (file, line) = lines.rfind(|(_, it)| it.name.eq_ignore_ascii_case(name))?;
    Some(DeployedSetting {
        config_map: file.config_map.clone(),
        key: file.key.clone(),
        line: line.line,
        value: line.value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_also_of_what_an_overlay_adds() {
        let file = |key: &str, text: &str| DeployedConfig {
            config_map: "c".to_owned(),
            key: key.to_owned(),
            text: text.to_owned(),
        };
        let files = [
            file("postgresql.conf", "work_mem = '4MB'\nfsync = on\n"),
            file("overlay.conf", "# ours\nWork_Mem = 8MB\n"),
        ];
        let found = deployed_setting(&files, "work_mem").expect("it is there");
        assert_eq!(
            (&*found.key, found.line, &*found.value),
            ("overlay.conf", 2, "8MB")
        );
        assert_eq!(deployed_setting(&files, "jit"), None);
    }
}
