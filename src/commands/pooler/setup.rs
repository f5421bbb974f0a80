//! `pgctl pooler setup`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::super::asking::{Asking, cannot_propose};
use super::super::context::Context;
use super::super::small_change;
use crate::change::{
    ChangeProposal, PoolerDatabase, PoolerFacts, PoolerSecret, is_set_up, propose_pooler_setup,
};
use crate::cli::PoolerSetupArgs;
use crate::cluster::{ClusterId, PoolerPod, Role, names};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::{AskedCluster, OpenError, OpenPod, open_database};
use crate::operate::{Around, NotDone, SmallChange};
use crate::output::plain;
use crate::postgres::Login;

pub(super) async fn run(context: &Context, args: &PoolerSetupArgs) -> Result<ExitCode, Failure> {
    let mut asking = Asking::connect(context, &[]).await?;
    let pod = asking.only_primary(context).await?;
    let cluster = asking.cluster().clone();
    let poolers = asking.kube.poolers(&cluster).await?;
    let secret = secret_of(&poolers).ok_or_else(|| no_pooler(&cluster))?;
    let kube = &asking.kube;
    let change = SetUp {
        kube,
        id: &cluster,
        cluster: asking.found(),
        pod,
        secret,
        timeout: context.timeout(),
        idle: AtomicBool::new(false),
    };
    small_change::run(
        context,
        &args.change,
        "pooler setup",
        kube,
        &cluster,
        &change,
    )
    .await
}

/// The Secret that the pods have mounted: one for all of them.
fn secret_of(poolers: &[PoolerPod]) -> Option<String> {
    poolers.iter().find_map(|it| it.secret.clone())
}

pub(super) fn no_pooler(cluster: &ClusterId) -> Failure {
    let what = format!("the cluster {} has no pooler", cluster.name);
    Failure::new(ExitCode::Refused, plain(&what))
        .because(format!(
            "no pod in the namespace {} has the label {}={}, the component {} or {}, and a Secret of its own",
            cluster.namespace,
            names::NAME,
            names::NAME_POOLER,
            names::POOLER_WRITE,
            names::POOLER_READ
        ))
        .next("add deploy/components/pooler to the overlay: docs/runbooks/pooler.md")
}

struct SetUp<'a> {
    kube: &'a Kube,
    id: &'a ClusterId,
    cluster: &'a AskedCluster,
    pod: String,
    secret: String,
    timeout: Duration,
    /// Whether nothing was missing when it was proposed last.
    idle: AtomicBool,
}

impl SetUp<'_> {
    async fn open(&self) -> Result<OpenPod<'_>, OpenError> {
        self.cluster.open(self.kube, &self.pod).await
    }

    async fn password(&self) -> Result<SecretString, OpenError> {
        let key = names::KEY_POOLER_PASSWORD;
        Ok(self
            .kube
            .pooler_password(self.id, &self.secret, key)
            .await?)
    }

    async fn facts(
        &self,
        open: &OpenPod<'_>,
        password: &SecretString,
    ) -> Result<PoolerFacts, OpenError> {
        let (role, connects) = open.session.pooler_role(password.expose_secret()).await?;
        let mut databases = Vec::new();
        for (name, connects) in connects {
            let complete = connects && open.database(&name).await?.has_pooler_function().await?;
            databases.push(PoolerDatabase { name, complete });
        }
        Ok(PoolerFacts { role, databases })
    }

    async fn look(&self) -> Result<(Role, PoolerFacts, PoolerSecret), OpenError> {
        let password = self.password().await?;
        let open = self.open().await?;
        let facts = self.facts(&open, &password).await?;
        let state = match password.expose_secret() {
            names::PLACEHOLDER => PoolerSecret::Placeholder,
            _ => PoolerSecret::Given,
        };
        Ok((open.role, facts, state))
    }

    async fn make(&self, password: &SecretString) -> Result<(), OpenError> {
        let open = self.open().await?;
        let facts = self.facts(&open, password).await?;
        open.session.make_pooler_role(password).await?;
        for database in facts.databases.iter().filter(|it| !it.complete) {
            open.session.let_pooler_connect(&database.name).await?;
            let there = open.database(&database.name).await?;
            there.make_pooler_function().await?;
        }
        Ok(())
    }
}

impl SmallChange for SetUp<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let seen = self.look().await;
        let (role, facts, secret) = seen.map_err(|error| cannot_propose(&self.pod, error))?;
        if role != Role::Primary {
            let what = "it is not the primary any more; nothing was changed";
            return Err(Failure::new(ExitCode::Refused, what)
                .on(plain(&self.pod))
                .next("pgctl status"));
        }
        self.idle.store(is_set_up(&facts), Ordering::Relaxed);
        Ok(propose_pooler_setup(
            &self.pod,
            (&self.secret, secret),
            &facts,
            around.unfinished.as_ref(),
        ))
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        let password = self.password().await?;
        self.make(&password)
            .await
            .map_err(|error| NotDone::Unknown(format!("{error}; the same command goes on")))
    }

    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        let (_, facts, _) = self.look().await?;
        if !is_set_up(&facts) {
            return Ok(false);
        }
        // Also as PgBouncer does it.
        let login = Login {
            user: names::POOLER_ROLE.to_owned(),
            password: self.password().await?,
            source_of_password: format!(
                "Secret {}, key {}",
                self.secret,
                names::KEY_POOLER_PASSWORD
            ),
            others: Vec::new(),
            timeout: self.timeout,
            encryption: self.cluster.encryption(),
        };
        let namespace = &self.id.namespace;
        let session = open_database(self.kube, namespace, &self.pod, &login, "postgres").await?;
        session.calls_pooler_function().await?;
        Ok(true)
    }

    fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Relaxed)
    }
}
