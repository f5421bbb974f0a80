//! What is done about a setting of a server.

/// What is done about one setting of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSetting {
    /// Name of the pod.
    pub pod: String,
    /// The setting; empty where only the files are read again.
    pub name: String,
    /// The value that it is to have; none where it is reset, or its file read again.
    pub value: Option<String>,
    /// What `ALTER SYSTEM` had set before.
    pub before: Option<String>,
    /// What is done.
    pub step: SettingStep,
    /// When the server had last read its files (`ServerConfig::loaded`).
    pub loaded: String,
}

/// What is done on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingStep {
    /// `ALTER SYSTEM`, and a reload.
    Set,
    /// Only a reload.
    Reload,
    /// Nothing: it is so already.
    AlreadySo,
    /// Nothing yet, and why.
    Waits(String),
    /// Nothing can be: it does not answer, and why.
    Silent(String),
}
