//! Where a change of a password stands.

/// One of the passwords that the Secret holds for a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredPassword {
    /// Under the key itself.
    Current,
    /// Under `KEY-next`: to be set.
    Next,
    /// Under `KEY-previous`: it was set before.
    Previous,
}

/// Who owns the Secret, when it is not an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordOwner {
    /// The External Secrets Operator.
    ExternalSecrets,
    /// The Sealed Secrets controller.
    SealedSecrets,
}

/// What is known of a role's password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordFacts {
    /// The role.
    pub role: String,
    /// Its key in the Secret.
    pub key: String,
    /// Whether there is a `KEY-next`.
    pub has_next: bool,
    /// Whether there is a `KEY-previous`.
    pub has_previous: bool,
    /// Which of them the primary lets the role in with; none when it is another one.
    pub in_database: Option<StoredPassword>,
    /// What each running pod has of it.
    pub pods: Vec<PodPassword>,
}

/// What a running pod has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPassword {
    /// Name of the pod.
    pub pod: String,
    /// Why it does not say, when it does not: nothing else is known then.
    pub silent: Option<String>,
    /// Whether it has the Secret as files.
    pub mounted: bool,
    /// Whether its files have the next password.
    pub has_next: bool,
    /// Which of them its start script logs in with; none when it is another one, or not known.
    pub uses: Option<StoredPassword>,
    /// Which of them its server has for the role: a standby has it once it has replayed it.
    pub in_database: Option<StoredPassword>,
}
