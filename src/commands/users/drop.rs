//! `pgctl users drop`.

use super::super::asking::{Asking, cannot_propose};
use super::super::context::Context;
use super::super::small_change;
use super::secret;
use crate::change::{
    AccountDropRequest, AccountLeft, ChangeProposal, SecretFound, account_secret,
    propose_account_drop,
};
use crate::cli::UserDropArgs;
use crate::cluster::{ClusterId, Role, answered, nearest, silent};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, StoredAccount, Verb};
use crate::observe::{AskedCluster, OpenError, OpenPod};
use crate::operate::{Around, NotDone, SmallChange};
use crate::output::plain;

pub(super) async fn run(context: &Context, args: &UserDropArgs) -> Result<ExitCode, Failure> {
    let next = "name its Secret: pgctl users drop ROLE --app-secret NAME";
    secret::can_be_named(args.app_secret.as_deref(), &args.name, next)?;
    let mut asking = Asking::connect(context, &[]).await?;
    let pod = asking.only_primary(context).await?;
    let cluster = asking.cluster().clone();
    let change = DropUser {
        context,
        kube: &asking.kube,
        id: &cluster,
        cluster: asking.found(),
        pod,
        request: AccountDropRequest {
            role: args.name.clone(),
            secret: match &args.app_secret {
                Some(name) => name.clone(),
                None => account_secret(&cluster.name, &args.name),
            },
            disconnect: args.disconnect,
        },
    };
    let kube = &asking.kube;
    small_change::run(context, &args.change, "users drop", kube, &cluster, &change).await
}

struct DropUser<'a> {
    context: &'a Context,
    kube: &'a Kube,
    id: &'a ClusterId,
    cluster: &'a AskedCluster,
    pod: String,
    request: AccountDropRequest,
}

impl DropUser<'_> {
    async fn open(&self) -> Result<OpenPod<'_>, OpenError> {
        self.cluster.open(self.kube, &self.pod).await
    }

    /// Its sessions by pod, and the pods that do not say.
    async fn sessions(&self) -> Result<(Vec<(String, u32)>, Vec<String>), Failure> {
        let pods = self.cluster.choose(&[])?;
        let question = async |pod: &OpenPod<'_>| Ok(pod.session.roles().await?);
        let limit = self.context.timeout();
        let answers = self.cluster.ask(self.kube, &pods, limit, question).await;
        let sessions = answered(&answers).map(|(who, roles)| {
            let own = roles.iter().find(|it| it.name == self.request.role);
            (who.pod.clone(), own.map_or(0, |it| it.connections))
        });
        let not_asked = silent(&answers).filter(|(_, why)| !why.nothing_runs());
        let not_asked = not_asked.map(|(who, _)| who.pod.clone());
        Ok((sessions.collect(), not_asked.collect()))
    }

    /// There is no such role, and no Secret of one: what there is.
    async fn no_such_role(&self, open: &OpenPod<'_>) -> Failure {
        let what = format!("there is no role {}", self.request.role);
        let failure = Failure::new(ExitCode::Usage, plain(&what));
        let roles = open.session.roles().await.unwrap_or_default();
        let names: Vec<&str> = roles
            .iter()
            .filter(|it| !it.name.starts_with("pg_"))
            .map(|it| it.name.as_str())
            .collect();
        let there = names.join(", ");
        let why = match nearest(&self.request.role, names.iter().copied()) {
            Some(nearest) => format!("nearest is {nearest}; there are: {there}"),
            None => format!("there are: {there}"),
        };
        // Every server has a superuser: where none is named, nobody has answered.
        match names.is_empty() {
            true => failure.next("pgctl users"),
            false => failure.because(plain(&why)).next("pgctl users"),
        }
    }

    /// Where somebody has looked before, another look tells no more.
    async fn roles_and_rights(&self) -> Result<(), OpenError> {
        let role = &self.request.role;
        let open = self.open().await?;
        let left = open.session.account_left(role).await?;
        if left.role.is_none() {
            return Ok(());
        }
        open.session.lock_out(role).await?;
        if self.request.disconnect {
            self.disconnect().await?;
        }
        for database in &left.known_in {
            let there = open.database(database).await?;
            there.take_from(role).await?;
        }
        // Its rights on databases go with those in any of them.
        open.session.take_from(role).await?;
        open.session.drop_role(role).await?;
        Ok(())
    }

    /// On every server that answers: a session on a standby does not notice that its role is gone.
    async fn disconnect(&self) -> Result<(), OpenError> {
        let role = &self.request.role;
        let Ok(pods) = self.cluster.choose(&[]) else {
            return Ok(());
        };
        let question = async |pod: &OpenPod<'_>| Ok(pod.session.end_sessions_of(role).await?);
        let limit = self.context.timeout();
        self.cluster.ask(self.kube, &pods, limit, question).await;
        Ok(())
    }
}

impl SmallChange for DropUser<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let asking = async {
            let open = self.open().await?;
            let left = open.session.account_left(&self.request.role).await?;
            Ok::<_, OpenError>((open, left))
        };
        let (open, left): (OpenPod<'_>, AccountLeft) = asking
            .await
            .map_err(|error| cannot_propose(&self.pod, error))?;
        if open.role != Role::Primary {
            let what = "it is not the primary any more; nothing was changed";
            return Err(Failure::new(ExitCode::Refused, what)
                .on(plain(&self.pod))
                .next("pgctl status"));
        }
        let stored = self
            .kube
            .account_secret(self.id, &self.request.secret)
            .await;
        let found = secret::found(&stored);
        let ours = matches!(&found, SecretFound::Ours { role, .. } if *role == self.request.role);
        if left.role.is_none() && !ours {
            return Err(self.no_such_role(&open).await);
        }
        let missing = match ours {
            true => secret::missing(self.kube, self.id, &[Verb::Delete]).await?,
            false => Vec::new(),
        };
        let (sessions, not_asked) = self.sessions().await?;
        Ok(propose_account_drop(
            &self.request,
            &left,
            &sessions,
            &not_asked,
            &found,
            &missing,
            around.unfinished.as_ref(),
        ))
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        let begun = |error: OpenError| {
            NotDone::Unknown(format!(
                "{error}; it can't log in any more, and the same command goes on"
            ))
        };
        self.roles_and_rights().await.map_err(begun)?;
        let name = &self.request.secret;
        let stored = self.kube.account_secret(self.id, name).await;
        if let StoredAccount::Ours(account, uid) = stored.map_err(OpenError::from).map_err(begun)?
            && account.role == self.request.role
        {
            let deleted = self.kube.delete_account_secret(self.id, name, &uid).await;
            deleted.map_err(OpenError::from).map_err(begun)?;
        }
        Ok(())
    }

    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        let open = self.open().await?;
        if open.session.has_role(&self.request.role).await? {
            return Ok(false);
        }
        let stored = self
            .kube
            .account_secret(self.id, &self.request.secret)
            .await?;
        Ok(!matches!(stored, StoredAccount::Ours(account, _) if account.role == self.request.role))
    }
}
