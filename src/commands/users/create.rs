//! `pgctl users create`.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::super::asking::{Asking, cannot_propose};
use super::super::context::Context;
use super::super::new_password::new_password;
use super::super::small_change;
use super::secret;
use crate::change::{
    AccountAccess, AccountRequest, ChangeProposal, account_secret, bad_account_name,
    propose_account,
};
use crate::cli::UserCreateArgs;
use crate::cluster::{ClusterId, Role, ServiceFacts, ServicePurpose, names};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{AccountSecret, Kube, StoredAccount, Verb};
use crate::observe::{AskedCluster, OpenError, OpenPod, open_as_application};
use crate::operate::{Around, NotDone, SmallChange};
use crate::output::plain;
use crate::postgres::Login;

/// The database that who only looks connects to, unless told otherwise: every server has it.
const MAINTENANCE: &str = "postgres";

pub(super) async fn run(context: &Context, args: &UserCreateArgs) -> Result<ExitCode, Failure> {
    let database = args.database.as_deref().unwrap_or(MAINTENANCE);
    for (what, name) in [("role", args.name.as_str()), ("database", database)] {
        // A database that is there may have any name; the check of it says so.
        let bad = bad_account_name(name).filter(|_| what == "role" || name.is_empty());
        if let Some(why) = bad {
            let said = format!("{name:?} is no name for a {what}: {why}");
            return Err(Failure::new(ExitCode::Usage, plain(&said))
                .next("pgctl users create app --database shop"));
        }
    }
    let next = "name its Secret: pgctl users create app --database shop --app-secret NAME";
    secret::can_be_named(args.app_secret.as_deref(), &args.name, next)?;
    let mut asking = Asking::connect(context, &[]).await?;
    let pod = asking.only_primary(context).await?;
    let cluster = asking.cluster().clone();
    let request = AccountRequest {
        role: args.name.clone(),
        database: database.to_owned(),
        access: match (args.monitor, args.readonly) {
            (true, _) => AccountAccess::Monitoring,
            (false, true) => AccountAccess::ReadOnly,
            (false, false) => AccountAccess::ReadWrite,
        },
        limit: args.connection_limit,
        secret: match &args.app_secret {
            Some(name) => name.clone(),
            None => account_secret(&cluster.name, &args.name),
        },
    };
    let service = service(&asking.found().found.service_facts(), args.readonly)?;
    let change = MakeUser {
        kube: &asking.kube,
        id: &cluster,
        cluster: asking.found(),
        pod,
        request,
        service,
        timeout: context.timeout(),
    };
    let kube = &asking.kube;
    small_change::run(
        context,
        &args.change,
        "users create",
        kube,
        &cluster,
        &change,
    )
    .await
}

/// The name and port that the application is to use: who only reads goes to the standbys.
fn service(all: &[ServiceFacts], readonly: bool) -> Result<(String, u16), Failure> {
    let of = |purpose: ServicePurpose| all.iter().find(|it| it.purpose == purpose);
    let read = of(ServicePurpose::Read).filter(|_| readonly);
    let found = read.or_else(|| of(ServicePurpose::Write));
    let found = found.map(|it| (it.name.clone(), it.port.unwrap_or(names::PORT)));
    found.ok_or_else(|| {
        Failure::new(
            ExitCode::Failed,
            "the cluster has no Service for writes: there is no host to tell the application",
        )
        .next("pgctl status")
    })
}

struct MakeUser<'a> {
    kube: &'a Kube,
    id: &'a ClusterId,
    cluster: &'a AskedCluster,
    pod: String,
    request: AccountRequest,
    service: (String, u16),
    timeout: Duration,
}

impl MakeUser<'_> {
    async fn open(&self) -> Result<OpenPod<'_>, OpenError> {
        self.cluster.open(self.kube, &self.pod).await
    }

    /// The Secret, which is made if there is none: before the role, so that its password is never lost, and
    /// whoever goes on finds it there.
    async fn secret(&self, database_is_there: bool) -> Result<AccountSecret, NotDone> {
        let name = &self.request.secret;
        let stored = self.kube.account_secret(self.id, name).await;
        match stored.map_err(OpenError::from)? {
            StoredAccount::Ours(account, _) => return Ok(account),
            StoredAccount::Foreign => {
                return Err(NotDone::NothingChanged(format!(
                    "the Secret {name} is somebody else's by now"
                )));
            }
            StoredAccount::None => {}
        }
        let account = AccountSecret {
            role: self.request.role.clone(),
            password: new_password(),
            database: self.request.database.clone(),
            access: self.request.access().to_owned(),
            own_database: !database_is_there && self.request.writes(),
        };
        let host = format!("{}.{}.svc", self.service.0, self.id.namespace);
        let port = self.service.1;
        let made = self
            .kube
            .create_account_secret(self.id, name, &account, &host, port)
            .await;
        made.map_err(OpenError::from)?;
        Ok(account)
    }

    /// All that comes after the Secret. What was interrupted is done again from the beginning: each part sets
    /// a state.
    async fn in_the_database(&self, account: &AccountSecret) -> Result<(), OpenError> {
        let open = self.open().await?;
        let (session, request) = (&open.session, &self.request);
        let password = account.password.expose_secret();
        session.make_application_role(request, password).await?;
        if account.own_database {
            session.make_own_database(&request.database).await?;
        }
        session.let_connect(request).await?;
        let there = open.database(&request.database).await?;
        there
            .grant_in_database(request, account.own_database)
            .await?;
        session.let_log_in(&request.role).await?;
        Ok(())
    }
}

impl SmallChange for MakeUser<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let asking = async {
            let open = self.open().await?;
            let facts = open.session.account_facts(&self.request).await?;
            Ok::<_, OpenError>((open.role, facts))
        };
        let (role, facts) = asking
            .await
            .map_err(|error| cannot_propose(&self.pod, error))?;
        if role != Role::Primary {
            let what = "it is not the primary any more; nothing was changed";
            return Err(Failure::new(ExitCode::Refused, what)
                .on(plain(&self.pod))
                .next("pgctl status"));
        }
        if facts.database.is_none()
            && let Some(why) = bad_account_name(&self.request.database)
        {
            let said = format!(
                "there is no database {:?}, and it is no name for a new one: {why}",
                self.request.database
            );
            return Err(Failure::new(ExitCode::Usage, plain(&said)).next("pgctl databases"));
        }
        let stored = self
            .kube
            .account_secret(self.id, &self.request.secret)
            .await;
        let missing = secret::missing(self.kube, self.id, &[Verb::Get, Verb::Create]).await?;
        Ok(propose_account(
            &self.pod,
            &self.request,
            &facts,
            &secret::found(&stored),
            &missing,
            around.unfinished.as_ref(),
        ))
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        let open = self.open().await?;
        let facts = open.session.account_facts(&self.request).await;
        let facts = facts.map_err(OpenError::from)?;
        drop(open);
        let account = self.secret(facts.database.is_some()).await?;
        self.in_the_database(&account).await.map_err(|error| {
            NotDone::Unknown(format!(
                "{error}; it can't log in before all is done, and the same command goes on"
            ))
        })
    }

    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        let stored = self
            .kube
            .account_secret(self.id, &self.request.secret)
            .await?;
        let StoredAccount::Ours(account, _) = stored else {
            return Ok(false);
        };
        let login = Login {
            user: self.request.role.clone(),
            password: account.password,
            source_of_password: format!("Secret {}, key password", self.request.secret),
            others: Vec::new(),
            timeout: self.timeout,
            encryption: self.cluster.encryption(),
        };
        let namespace = &self.id.namespace;
        let database = &self.request.database;
        let session =
            open_as_application(self.kube, namespace, &self.pod, &login, database).await?;
        match session.proves_itself(&self.request).await? {
            None => Ok(true),
            Some(wrong) => Err(OpenError::Sql(crate::postgres::SqlError::Unexpected {
                doing: format!("trying the role {} out", self.request.role),
                reason: wrong,
            })),
        }
    }
}
