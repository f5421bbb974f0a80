//! `pgctl backup`: look, choose the pod, take, tell.

use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::watch;

use super::super::context::Context;
use super::super::interruption::interruption;
use super::copy_to::copied_to;
use super::failure::{cannot_open, not_taken};
use super::progress::Display;
use super::store::usage;
use super::{second, store};
use crate::backup::format::{Compression, Kind, Manifest, Recipient};
use crate::backup::store::Store;
use crate::backup::take::{
    ChosenSource, OriginalNames, Reconnect, SourceChoice, SourcePod, TakeRequest, TransferProgress,
    application_name, choose_source, take,
};
use crate::backup::tools::{LocalSocket, ToolLocation};
use crate::cli::{TakeArgs, Via};
use crate::events::RunEvent;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Credentials, Kube};
use crate::observe::{Observed, login, open};
use crate::output::{BackupDocument, CopyEnd, backup_taken, copy_end_screen, encode};
use crate::postgres::Login;

pub(super) async fn run(context: &Context, args: &TakeArgs) -> Result<ExitCode, Failure> {
    let store = store::open(&args.store)?;
    let second = args.copy_to.as_deref();
    let second = second.map(|text| second::open("--copy-to", text, &store));
    let second = second.transpose()?;
    let (stop, stopped) = watch::channel(false);
    let watching = async {
        interruption().await;
        stop.send_replace(true);
        // A second one ends it at once; what is left is not listed as a backup.
        interruption().await;
        Failure::new(
            ExitCode::Interrupted,
            "interrupted twice: `pgctl backup prune` removes what was begun",
        )
    };
    let manifest = tokio::select! {
        taken = taken(context, args, &store, stopped) => taken?,
        failure = watching => return Err(failure),
    };
    match second {
        None => {
            context.print(&told(context, &store, &manifest, None))?;
            Ok(ExitCode::Done)
        }
        Some(second) => copied(context, &store, &second, &manifest, &stop).await,
    }
}

/// Copies what was taken, which is said first: it is a backup, whatever becomes of the copy.
async fn copied(
    context: &Context,
    store: &Arc<dyn Store>,
    second: &Arc<dyn Store>,
    manifest: &Manifest,
    stop: &watch::Sender<bool>,
) -> Result<ExitCode, Failure> {
    let (screen, quiet) = (&context.screen, context.quiet);
    let in_words = !context.format.is_document();
    let said = match in_words {
        true => context.print(&told(context, store, manifest, None)),
        false => Ok(()),
    };
    let display = Display::new(context);
    let copy = copied_to(store, second, &manifest.id, stop, &display).await;
    let problem = copy.problem.as_ref();
    if let Some(problem) = problem.filter(|_| quiet || !in_words) {
        let second = &copy.store;
        display.warning(&format!(
            "the backup is finished; there is no copy in {second}: {problem}"
        ));
    }
    drop(display);
    said?;
    if !in_words {
        context.print(&told(context, store, manifest, Some(&copy)))?;
    } else if !quiet {
        context.print(&copy_end_screen(&manifest.id, &copy, screen))?;
    }
    Ok(match copy.problem {
        None => ExitCode::Done,
        Some(_) => ExitCode::Incomplete,
    })
}

/// The backup.
async fn taken(
    context: &Context,
    args: &TakeArgs,
    store: &Arc<dyn Store>,
    mut stopped: watch::Receiver<bool>,
) -> Result<Manifest, Failure> {
    let request = request(args)?;
    let kube = context.connect().await?;
    let observed = tokio::select! {
        observed = context.observe(&kube) => observed?,
        _ = stopped.wait_for(|stop| *stop) => {
            return Err(Failure::new(ExitCode::Interrupted, "interrupted: nothing was begun"));
        }
    };
    let from = match args.from.as_deref() {
        None => SourceChoice::Any,
        Some("primary") => SourceChoice::Primary,
        Some("replica" | "standby") => SourceChoice::Replica,
        Some(pod) => SourceChoice::Pod(pod.to_owned()),
    };
    let credentials = credentials(&observed)?;
    let choice = choose_source(&observed.snapshot, &from)?;
    let display = Display::new(context);
    display.event(&RunEvent::SourceChosen {
        pod: choice.pod.clone(),
        role: choice.role.to_owned(),
        why: choice.why.to_string(),
        store: store.location(),
    });
    let place = place(context, &kube, &observed, &credentials, &choice, args.via).await?;
    let progress = Arc::new(TransferProgress::default());
    let application = application_name();
    let tell = |event: RunEvent| display.event(&event);
    let taking = take(
        &place,
        store,
        &request,
        application.clone(),
        Arc::clone(&progress),
        stopped,
        &tell,
    );
    let physical = request.kind == Kind::Physical;
    let share = async || {
        if physical {
            let asked = place.session.base_backup_progress(&application).await;
            asked.ok().flatten()
        } else {
            None
        }
    };
    let taken = tokio::select! {
        taken = taking => taken,
        () = display.follow(progress, share) => unreachable!("it follows until it is dropped"),
    };
    taken.map_err(|error| not_taken(&choice.pod, error))
}

/// The backup, in a document with what became of its copy.
fn told(
    context: &Context,
    store: &Arc<dyn Store>,
    manifest: &Manifest,
    copy: Option<&CopyEnd>,
) -> String {
    let store = store.location();
    if context.format.is_document() {
        let document = BackupDocument::new(&store, manifest, copy);
        return encode(&document, context.format);
    }
    backup_taken(manifest, &store, &context.screen, context.quiet)
}

/// What is to be taken, by the command line.
fn request(args: &TakeArgs) -> Result<TakeRequest, Failure> {
    let compression = args.compress.as_deref().map(str::parse::<Compression>);
    let recipients = args.encrypt.iter().map(|text| text.parse::<Recipient>());
    Ok(TakeRequest {
        kind: match (&args.database, args.physical) {
            (Some(_), _) => Kind::Database,
            (None, true) => Kind::Physical,
            (None, false) => Kind::Logical,
        },
        database: args.database.clone(),
        compression: compression.transpose().map_err(|error| usage(&error))?,
        jobs: usize::from(args.jobs),
        rate: args.rate,
        label: args.label.clone(),
        recipients: recipients.collect::<Result<_, _>>()?,
        original_names: OriginalNames::default(),
    })
}

/// The superuser's credentials, or why there are none.
fn credentials(observed: &Observed) -> Result<Credentials, Failure> {
    if let Some(credentials) = &observed.credentials {
        return Ok(credentials.clone());
    }
    let reason = observed
        .snapshot
        .instances
        .iter()
        .find_map(|instance| instance.database.unanswered());
    let failure = Failure::new(
        ExitCode::Unreachable,
        "no database of the cluster can be asked",
    )
    .on(observed.snapshot.cluster.to_string());
    Err(match reason {
        Some(reason) => failure.because(reason),
        None => failure.because("no pod runs"),
    }
    .next("pgctl status"))
}

async fn place(
    context: &Context,
    kube: &Kube,
    observed: &Observed,
    credentials: &Credentials,
    choice: &ChosenSource,
    via: Via,
) -> Result<SourcePod, Failure> {
    let cluster = observed.snapshot.cluster.clone();
    let namespace = cluster.namespace.clone();
    let login = login(credentials, context.timeout());
    let session = open(kube, &namespace, &choice.pod, &login)
        .await
        .map_err(|error| cannot_open(&choice.pod, error))?;
    let tool_location = match via {
        Via::Exec => ToolLocation::Pod {
            kube: kube.clone(),
            namespace,
            pod: choice.pod.clone(),
        },
        Via::PortForward => {
            let encryption = session.encryption().clone();
            let pod = choice.pod.clone();
            let socket = LocalSocket::open(kube.clone(), namespace, pod, encryption).await;
            let socket = socket.map_err(|error| {
                Failure::new(ExitCode::Failed, "no local socket can be made").caused_by(&error)
            })?;
            socket.into_tool_location()
        }
    };
    Ok(SourcePod {
        cluster,
        pod: choice.pod.clone(),
        role: choice.role.to_owned(),
        tool_location,
        session,
        user: credentials.user.clone(),
        password: credentials.password.clone(),
        reconnect: Some(reconnect(kube, choice, observed, login)),
    })
}

/// Another connection to the same pod, when the first one was lost.
fn reconnect(kube: &Kube, choice: &ChosenSource, observed: &Observed, login: Login) -> Reconnect {
    let (kube, pod) = (kube.clone(), choice.pod.clone());
    let namespace = observed.snapshot.cluster.namespace.clone();
    Arc::new(move || {
        let (kube, namespace) = (kube.clone(), namespace.clone());
        let (pod, login) = (pod.clone(), login.clone());
        async move {
            let opened = open(&kube, &namespace, &pod, &login).await;
            opened.map_err(|error| error.to_string())
        }
        .boxed()
    })
}
