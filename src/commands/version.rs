//! `pgctl version`.

use futures::future::join_all;

use super::context::Context;
use super::interruption::interruptible;
use crate::cli::VersionArgs;
use crate::cluster::{NoAnswer, Role, words};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, NamespaceScope};
use crate::observe::{AskedCluster, OpenPod};
use crate::output::{
    ClientVersion, ClusterVersions, KubernetesVersion, ServerVersion, VersionDocument, Versions,
    encode, version_answer, version_screen,
};

pub(super) async fn run(context: &Context, args: &VersionArgs) -> Result<ExitCode, Failure> {
    interruptible(async {
        let mut versions = Versions {
            client: ClientVersion::of_this_program(),
            kubernetes: None,
            clusters: None,
        };
        if !args.client {
            ask(context, &mut versions).await;
        }
        let text = if context.format.is_document() {
            encode(&VersionDocument::new(&versions), context.format)
        } else if context.quiet {
            version_answer(&versions)
        } else {
            version_screen(&versions, &context.screen)
        };
        context.print(&text)?;
        Ok(ExitCode::Done)
    })
    .await
}

/// What can't be asked is part of the answer.
async fn ask(context: &Context, versions: &mut Versions) {
    let kube = match context.connect().await {
        Ok(kube) => kube,
        Err(failure) => {
            versions.kubernetes = Some(Err(failure.with_a_next()));
            return;
        }
    };
    let (api, clusters) = tokio::join!(kube.api_version(), ask_clusters(context, &kube));
    let told = |failure: Failure| failure.with_a_next();
    let reached = api.is_ok();
    let api = api.map(|version| KubernetesVersion {
        version,
        server: kube.server().to_owned(),
    });
    versions.kubernetes = Some(api.map_err(|error| told(error.into())));
    // An API that can't be reached has told so already.
    if reached || clusters.is_ok() {
        versions.clusters = Some(clusters.map_err(told));
    }
}

/// Every cluster of the namespace, or the one that was named.
async fn ask_clusters(context: &Context, kube: &Kube) -> Result<Vec<ClusterVersions>, Failure> {
    let place = NamespaceScope::Namespace(kube.namespace().to_owned());
    let found = AskedCluster::find_all(kube, &place, &context.selection).await?;
    let asked = found.iter().map(|it| ask_cluster(context, kube, it));
    Ok(join_all(asked).await)
}

async fn ask_cluster(context: &Context, kube: &Kube, found: &AskedCluster) -> ClusterVersions {
    let pods: Vec<String> = found.pods.iter().map(|it| it.name.clone()).collect();
    let question = async |pod: &OpenPod<'_>| Ok(pod.session.version().await?);
    let answers = found.ask(kube, &pods, context.timeout(), question).await;
    let absent = found.absent_primary(kube).await.map(|pod| ServerVersion {
        image: None,
        pod,
        role: Role::Unknown,
        version: Err(NoAnswer::Absent),
    });
    let servers = answers.into_iter().map(|it| {
        let pod = found.pods.iter().find(|pod| pod.name == it.pod);
        ServerVersion {
            image: pod.and_then(|pod| pod.image.clone()),
            pod: it.pod,
            role: it.role,
            version: it.answer.map(words::server_version),
        }
    });
    ClusterVersions {
        cluster: found.id().clone(),
        servers: servers.chain(absent).collect(),
    }
}
