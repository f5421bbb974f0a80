//! The adapter to Kubernetes over its real wire protocol: the sandbox's API server with objects
//! that each test puts there, and no controller or kubelet that acts on them.

#[path = "support/proxy.rs"]
mod proxy;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use pgctl::kubernetes::{
    Annotations, Call, Claim, ConnectOptions, Kube, KubeError, NamespaceScope, Selection, Verb,
};
use pgctl::observe::{Depth, observe_all};
use pgctl_sandbox::api::{Effect, Fault, Identity};
use pgctl_sandbox::{Options, Sandbox};
use proxy::{Proxy, Spoken};
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(120);

/// An API server with an empty namespace `here`.
fn api() -> Sandbox {
    let sandbox = Sandbox::start(&Options {
        api_only: true,
        ..Options::default()
    })
    .expect("the API server starts");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "here"}});
    let namespace: Namespace = serde_json::from_value(namespace).expect("a Namespace");
    sandbox.store().add(&namespace).expect("stored");
    sandbox
}

async fn connect(kubeconfig: &Path, namespace: &str) -> Result<Kube, KubeError> {
    Kube::connect(&ConnectOptions {
        kubeconfig: Some(kubeconfig.to_owned()),
        context: None,
        namespace: Some(namespace.to_owned()),
        timeout: TIMEOUT,
    })
    .await
}

async fn admin(sandbox: &Sandbox) -> Kube {
    connect(&sandbox.kubeconfig(), "here")
        .await
        .expect("a kubeconfig")
}

/// A kubeconfig of this text, beside the sandbox's own.
fn kubeconfig(sandbox: &Sandbox, text: &str) -> PathBuf {
    let file = sandbox.folder().join("other-kubeconfig");
    std::fs::write(&file, text).expect("the folder is ours");
    file
}

fn labels(cluster: &str, component: &str) -> serde_json::Value {
    json!({"app.kubernetes.io/name": "postgres", "app.kubernetes.io/instance": cluster,
        "app.kubernetes.io/component": component})
}

fn stateful_set(namespace: &str, cluster: &str) -> StatefulSet {
    let labels = labels(cluster, "primary");
    serde_json::from_value(json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": format!("{cluster}-primary"), "namespace": namespace, "labels": labels},
        "spec": {"serviceName": "p", "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels},
                "spec": {"containers": [{"name": "postgres", "image": "postgres:17"}]}}}}))
    .expect("a StatefulSet")
}

fn pod(namespace: &str, cluster: &str) -> Pod {
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("{cluster}-primary-0"), "namespace": namespace,
            "labels": labels(cluster, "primary")},
        "spec": {"containers": [{"name": "postgres", "image": "postgres:17"}]}}))
    .expect("a Pod")
}

fn cluster(sandbox: &Sandbox, namespace: &str, name: &str) {
    sandbox
        .store()
        .add(&stateful_set(namespace, name))
        .expect("stored");
    sandbox.store().add(&pod(namespace, name)).expect("stored");
}

fn here() -> NamespaceScope {
    NamespaceScope::Namespace("here".to_owned())
}

async fn discovery_error(kube: &Kube, place: &NamespaceScope) -> KubeError {
    let found = kube.discover_one(place, &Selection::default()).await;
    found.expect_err("nothing that can be used is there")
}

/// Looks at all clusters; gives their number and the number of requests that it took.
async fn count_requests(sandbox: &Sandbox) -> (usize, usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let config = kube::Config::from_custom_kubeconfig(
        kube::config::Kubeconfig::read_from(sandbox.kubeconfig()).expect("a kubeconfig"),
        &kube::config::KubeConfigOptions::default(),
    )
    .await
    .expect("a kubeconfig that can be used");
    let counting = tower::util::MapRequestLayer::new(move |request| {
        counter.fetch_add(1, Ordering::Relaxed);
        request
    });
    let client = kube::client::ClientBuilder::try_from(config)
        .expect("a client")
        .with_layer(&counting)
        .build();
    let kube = Kube::from_client(client, "here", TIMEOUT);
    let depth = Depth::Databases { timeout: TIMEOUT };
    let seen = observe_all(
        &kube,
        &NamespaceScope::AllNamespaces,
        &Selection::default(),
        depth,
    )
    .await
    .expect("clusters are there");
    (seen.len(), count.load(Ordering::Relaxed))
}

/// An autoscaler as `kubectl autoscale` makes it: without a label.
#[tokio::test]
async fn an_autoscaler_without_labels_is_found_by_what_it_scales() {
    let sandbox = api();
    cluster(&sandbox, "here", "one");
    cluster(&sandbox, "here", "other");
    for (name, kind, target) in [
        ("by-hand", "StatefulSet", "other-primary"),
        ("of-another", "Deployment", "one-primary"),
    ] {
        let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name, "namespace": "here"},
            "spec": {"maxReplicas": 3,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": target}}}))
        .expect("an autoscaler");
        sandbox.store().add(&autoscaler).expect("stored");
    }
    let kube = admin(&sandbox).await;
    let clusters = kube.discover(&here(), &Selection::default()).await;
    let found: Vec<Option<String>> = clusters
        .expect("clusters are there")
        .iter()
        .map(|found| found.autoscaler_facts().map(|it| it.name))
        .collect();
    assert_eq!(found, [None, Some("by-hand".to_owned())]);
}

/// A connection that breaks off says nothing about what there is.
#[tokio::test]
async fn what_only_looks_is_asked_again_when_the_connection_breaks_off() {
    for (kind, asked) in [
        (std::io::ErrorKind::ConnectionReset, 2),
        (std::io::ErrorKind::ConnectionRefused, 1),
    ] {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        let service = tower::service_fn(move |_: http::Request<kube::client::Body>| {
            let first = counter.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                if first {
                    return Err(std::io::Error::from(kind));
                }
                let none = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
                    "spec": {"containers": []}});
                Ok(http::Response::new(kube::client::Body::from(
                    none.to_string().into_bytes(),
                )))
            }
        });
        let client = kube::Client::new(service, "here");
        let kube = Kube::from_client(client, "here", TIMEOUT);
        let seen = kube.pod("here", "p").await;
        assert_eq!(count.load(Ordering::Relaxed), asked, "{kind}: {seen:?}");
        assert_eq!(seen.is_ok(), asked == 2, "{kind}");
    }
}

#[tokio::test]
async fn two_hundred_clusters_cost_no_more_calls_than_one() {
    let sandbox = api();
    cluster(&sandbox, "here", "first");
    let (clusters, alone) = count_requests(&sandbox).await;
    assert_eq!(clusters, 1);
    for number in 1..200 {
        let namespace: Namespace = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("n{number}")}}))
        .expect("a Namespace");
        sandbox.store().add(&namespace).expect("stored");
        cluster(&sandbox, &format!("n{number}"), &format!("c{number}"));
    }
    let (clusters, together) = count_requests(&sandbox).await;
    assert_eq!(clusters, 200);
    assert_eq!(together, alone);
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_was_looked_for() {
    let sandbox = api();
    let kube = admin(&sandbox).await;
    let error = discovery_error(&kube, &NamespaceScope::Namespace("nowhere".to_owned())).await;
    assert!(
        matches!(&error, KubeError::NoSuchNamespace { namespace, .. } if namespace == "nowhere"),
        "{error}"
    );
    let error = discovery_error(&kube, &here()).await;
    assert_eq!(
        error.to_string(),
        "no PostgreSQL cluster found: looked for StatefulSets labelled \
         app.kubernetes.io/name=postgres in namespace \"here\""
    );
    cluster(&sandbox, "here", "one");
    cluster(&sandbox, "here", "two");
    let error = discovery_error(&kube, &here()).await;
    assert_eq!(
        error.to_string(),
        "several PostgreSQL clusters found: here/one, here/two"
    );
    assert!(error.advice().contains("--cluster"));
    let one = Selection {
        cluster: Some("two".to_owned()),
        ..Selection::default()
    };
    let found = kube
        .discover_one(&here(), &one)
        .await
        .expect("one is chosen");
    assert_eq!((found.id.name.as_str(), found.pods.len()), ("two", 1));
}

#[tokio::test]
async fn who_may_not_look_is_told_which_role_to_ask_for() {
    let sandbox = api();
    cluster(&sandbox, "here", "one");
    let server = sandbox.server().expect("it runs");
    let text = server.token_kubeconfig("c", "here", &Identity::new("bob", &[]));
    let kube = connect(&kubeconfig(&sandbox, &text), "here")
        .await
        .expect("a kubeconfig");
    let error = discovery_error(&kube, &here()).await;
    let told = error.to_string();
    assert!(
        told.starts_with("not allowed: list statefulsets.apps in namespace \"here\": "),
        "{told}"
    );
    assert_eq!(
        error.advice(),
        "ask for the Role pgctl-viewer (deploy/rbac)"
    );
    let calls = [Call::new(Verb::Patch, "apps", "statefulsets/scale").within("here")];
    let denied = kube.not_allowed(&calls).await.expect("everybody may ask");
    assert_eq!(denied, [&calls[0]]);
    let denied = admin(&sandbox).await;
    assert!(
        denied
            .not_allowed(&calls)
            .await
            .expect("it answers")
            .is_empty()
    );
}

#[tokio::test]
async fn an_expired_client_certificate_is_called_that() {
    let sandbox = api();
    let server = sandbox.server().expect("it runs");
    let text = server
        .certificate_kubeconfig("old", "here", &Identity::admin(), true)
        .expect("a certificate");
    let kube = connect(&kubeconfig(&sandbox, &text), "here")
        .await
        .expect("a kubeconfig");
    let error = discovery_error(&kube, &here()).await;
    assert!(
        matches!(error, KubeError::ClientCertificateExpired { .. }),
        "{error}"
    );
}

/// The sandbox's kubeconfig, changed.
fn changed(sandbox: &Sandbox, change: impl Fn(&mut Cluster, &mut AuthInfo)) -> PathBuf {
    let mut config = Kubeconfig::read_from(sandbox.kubeconfig()).expect("a kubeconfig");
    let user = config.auth_infos[0].auth_info.get_or_insert_default();
    let cluster = config.clusters[0].cluster.get_or_insert_default();
    change(cluster, user);
    let text = serde_json::to_string(&config).expect("JSON is YAML");
    kubeconfig(sandbox, &text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_the_kubeconfig_names_is_gone_through_with_its_password() {
    let sandbox = api();
    cluster(&sandbox, "here", "shop");
    let server = sandbox.server().expect("it runs");
    let tls = server.tls_of_another().expect("a certificate");
    for (scheme, proxy) in [
        ("http", Proxy::new(Spoken::Http, None).await),
        ("https", Proxy::new(Spoken::Http, Some(tls)).await),
        ("socks5", Proxy::new(Spoken::Socks, None).await),
    ] {
        for (password, comes_through) in [("hunter%202", true), ("wrong", false)] {
            let before = proxy.tunnels.load(Ordering::SeqCst);
            // Its certificate has this name.
            let url = format!("{scheme}://bob:{password}@localhost:{}", proxy.port);
            let file = changed(&sandbox, |cluster, _| cluster.proxy_url = Some(url.clone()));
            let kube = connect(&file, "here").await.expect("a kubeconfig");
            let found = kube.pod("here", "shop-primary-0").await;
            let tunnels = proxy.tunnels.load(Ordering::SeqCst) - before;
            match found {
                Ok(found) => assert!(comes_through && found.is_some(), "{scheme}"),
                Err(error) => {
                    let told = error.to_string();
                    assert!(
                        !comes_through && !told.contains(password),
                        "{scheme}: {told}"
                    );
                }
            }
            assert_eq!(tunnels > 0, comes_through, "{scheme}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_known_by_the_name_that_the_kubeconfig_gives_it() {
    let sandbox = api();
    cluster(&sandbox, "here", "shop");
    for (name, is_it) in [("kubernetes.default.svc", true), ("somebody.else", false)] {
        let file = changed(&sandbox, |cluster, _| {
            cluster.tls_server_name = Some(name.to_owned());
        });
        let kube = connect(&file, "here").await.expect("a kubeconfig");
        match kube.pod("here", "shop-primary-0").await {
            Ok(found) => assert!(is_it && found.is_some(), "{name}"),
            Err(error) => assert!(!is_it && error.to_string().contains(name), "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_the_kubeconfig_impersonates_asks() {
    let sandbox = api();
    cluster(&sandbox, "here", "shop");
    let file = changed(&sandbox, |_, user| {
        user.impersonate = Some("bob".to_owned())
    });
    let bob = connect(&file, "here").await.expect("a kubeconfig");
    let error = bob.pod("here", "shop-primary-0").await;
    let error = error.expect_err("nothing was granted to bob");
    assert!(error.to_string().contains("\"bob\""), "{error}");
    let file = changed(&sandbox, |_, user| {
        user.impersonate = Some("bob".to_owned());
        user.impersonate_groups = Some(vec!["system:masters".to_owned()]);
    });
    let master = connect(&file, "here").await.expect("a kubeconfig");
    let found = master.pod("here", "shop-primary-0").await;
    assert!(found.expect("an answer").is_some());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let sandbox = api();
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound").port()
    };
    let text = std::fs::read_to_string(sandbox.kubeconfig()).expect("a kubeconfig");
    let url = sandbox.server().expect("it runs").url();
    let text = text.replace(&url, &format!("https://127.0.0.1:{port}"));
    let kube = connect(&kubeconfig(&sandbox, &text), "here")
        .await
        .expect("a kubeconfig");
    let error = discovery_error(&kube, &here()).await;
    assert!(
        matches!(&error, KubeError::Unreachable { reason, .. } if reason.contains("refused")),
        "{error}"
    );
}

#[tokio::test]
async fn kubeconfigs_that_can_not_be_used_say_why() {
    let sandbox = api();
    let missing = sandbox.folder().join("no-such-file");
    let error = connect(&missing, "here")
        .await
        .expect_err("there is no such file");
    assert!(error.to_string().contains("no-such-file"), "{error}");
    let broken = kubeconfig(&sandbox, "contexts: [");
    let error = connect(&broken, "here").await.expect_err("no YAML");
    assert!(matches!(error, KubeError::BadConfig { .. }), "{error}");
    let error = Kube::connect(&ConnectOptions {
        kubeconfig: Some(sandbox.kubeconfig()),
        context: Some("elsewhere".to_owned()),
        namespace: None,
        timeout: TIMEOUT,
    })
    .await
    .expect_err("no such context");
    assert!(matches!(error, KubeError::NoSuchContext { .. }), "{error}");
}

#[tokio::test]
async fn a_change_never_overwrites_what_it_has_not_seen() {
    let sandbox = api();
    let kube = admin(&sandbox).await;
    let data = |value: &str| BTreeMap::from([("primary".to_owned(), value.to_owned())]);
    let none = BTreeMap::new();
    let stored = kube
        .create_map("here", "t", &none, &data("a"))
        .await
        .expect("made");
    let twice = kube.create_map("here", "t", &none, &data("b")).await;
    assert!(
        matches!(twice, Err(KubeError::AlreadyExists { .. })),
        "{twice:?}"
    );
    let newer = kube
        .replace_map("here", "t", &stored, &data("c"))
        .await
        .expect("replaced");
    let late = kube.replace_map("here", "t", &stored, &data("d")).await;
    assert!(matches!(late, Err(KubeError::Conflict { .. })), "{late:?}");
    let now = kube
        .stored_map("here", "t")
        .await
        .expect("read")
        .expect("there");
    assert_eq!(
        (now.data, now.resource_version),
        (data("c"), newer.resource_version)
    );

    cluster(&sandbox, "here", "one");
    let other = kube
        .delete_pod("here", "one-primary-0", "another-uid")
        .await;
    assert!(
        matches!(other, Err(KubeError::Conflict { .. })),
        "{other:?}"
    );
    // An eviction asks for the very pod, too.
    let conflict = kube
        .evict_pod("here", "one-primary-0", "another-uid")
        .await
        .expect_err("it is another pod");
    assert!(matches!(conflict, KubeError::Conflict { .. }), "{conflict}");
    assert!(
        sandbox.store().read::<Pod>("here", "one-primary-0").is_ok(),
        "another pod was evicted"
    );
    let gone = kube.delete_pod("here", "never-was", "u").await;
    assert!(gone.is_ok(), "{gone:?}");
    kube.scale("here", "one-primary", 0).await.expect("scaled");
    let set: StatefulSet = sandbox.store().read("here", "one-primary").expect("there");
    assert_eq!(set.spec.and_then(|spec| spec.replicas), Some(0));
}

#[tokio::test]
async fn a_selector_is_replaced_as_a_whole_and_remembered() {
    let sandbox = api();
    let kube = admin(&sandbox).await;
    let service: Service = serde_json::from_value(json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "w", "namespace": "here"},
        "spec": {"selector": {"a": "1", "b": "2"}, "ports": [{"port": 5432}]}}))
    .expect("a Service");
    sandbox.store().add(&service).expect("stored");
    let selector = BTreeMap::from([("b".to_owned(), "3".to_owned())]);
    let note = |value: Option<&str>| -> Annotations {
        BTreeMap::from([("pgctl.io/was".to_owned(), value.map(str::to_owned))])
    };
    for (annotations, remembered) in [(note(Some("x")), true), (note(None), false)] {
        kube.set_service_selector("here", "w", &selector, &annotations)
            .await
            .expect("pointed");
        let now: Service = sandbox.store().read("here", "w").expect("there");
        assert_eq!(
            now.spec.and_then(|spec| spec.selector),
            Some(selector.clone())
        );
        let notes = now.metadata.annotations.unwrap_or_default();
        assert_eq!(notes.contains_key("pgctl.io/was"), remembered);
    }
}

#[tokio::test]
async fn of_two_who_want_the_lease_one_gets_it() {
    let sandbox = api();
    let kube = admin(&sandbox).await;
    let long = Duration::from_secs(60);
    let claims = futures::join!(
        kube.claim_lease("here", "l", "anna", long, None),
        kube.claim_lease("here", "l", "ben", long, None),
    );
    let claims = [claims.0.expect("answered"), claims.1.expect("answered")];
    let mut held: Vec<_> = Vec::new();
    let mut taken = Vec::new();
    for claim in claims {
        match claim {
            Claim::Ours(lease) => held.push(*lease),
            Claim::Taken(holder) => taken.push(holder.holder),
        }
    }
    assert_eq!((held.len(), taken.len()), (1, 1));
    let mut lease = held.remove(0);
    kube.renew_lease(&mut lease).await.expect("ours");
    kube.release_lease(lease).await.expect("given back");
    assert_eq!(kube.lease_holder("here", "l").await.expect("read"), None);
    let next = kube
        .claim_lease("here", "l", "cleo", long, None)
        .await
        .expect("answered");
    assert!(matches!(next, Claim::Ours(_)));
}

#[tokio::test]
async fn a_watch_that_says_nothing_does_not_hide_what_happens() {
    let sandbox = api();
    cluster(&sandbox, "here", "one");
    let kube = Kube::connect(&ConnectOptions {
        kubeconfig: Some(sandbox.kubeconfig()),
        context: None,
        namespace: None,
        timeout: Duration::from_secs(3600),
    })
    .await
    .expect("a kubeconfig");
    // Its connection is there, and nothing ever comes.
    let silent = Effect::Delay { millis: 3_600_000 };
    sandbox.faults().api().add(Fault::new(silent).verb("watch"));
    let limit = Duration::from_secs(3600);
    let waiting = kube.wait_for_pod("here", "one-primary-0", "waiting", limit, |pod| {
        pod.is_none().then_some(())
    });
    let removing = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let api: kube::Api<Pod> = kube::Api::namespaced(
            kube::Client::try_from(
                kube::Config::from_custom_kubeconfig(
                    kube::config::Kubeconfig::read_from(sandbox.kubeconfig())
                        .expect("a kubeconfig"),
                    &kube::config::KubeConfigOptions::default(),
                )
                .await
                .expect("a kubeconfig"),
            )
            .expect("a client"),
            "here",
        );
        let now = kube::api::DeleteParams::default().grace_period(0);
        api.delete("one-primary-0", &now).await.expect("deleted");
    };
    let both = async { futures::join!(waiting, removing).0 };
    let seen = tokio::time::timeout(Duration::from_secs(300), both).await;
    seen.expect("it was looked at").expect("it is gone");
}

#[tokio::test]
async fn a_number_is_only_set_from_where_it_was_seen() {
    let sandbox = api();
    cluster(&sandbox, "here", "one");
    let kube = admin(&sandbox).await;
    let set = "one-primary";
    let seen = kube.stateful_set_version("here", set).await;
    let seen = seen.expect("answered").expect("it is there");
    kube.scale("here", set, 3).await.expect("scaled");
    let late = kube.scale_from("here", set, 0, Some(&seen)).await;
    assert!(matches!(late, Err(KubeError::Conflict { .. })), "{late:?}");
    let now = kube.stateful_set_version("here", set).await;
    let now = now.expect("answered").expect("it is there");
    kube.scale_from("here", set, 0, Some(&now))
        .await
        .expect("scaled");
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_an_unsure_change_is_not() {
    let sandbox = api();
    cluster(&sandbox, "here", "one");
    let kube = admin(&sandbox).await;
    let faults = sandbox.faults().api();
    let fail = |status, verb: &str| {
        let effect = Effect::Fail {
            status,
            message: None,
        };
        Fault::new(effect).verb(verb).times(1)
    };
    faults.add(fail(503, "list"));
    kube.discover_one(&here(), &Selection::default())
        .await
        .expect("a look is repeated");
    faults.add(fail(429, "patch"));
    kube.scale("here", "one-primary", 2)
        .await
        .expect("429 is said before anything is done");
    faults.add(fail(500, "patch"));
    let error = kube
        .scale("here", "one-primary", 3)
        .await
        .expect_err("who knows");
    assert!(error.outcome_unknown(), "{error}");
    let set: StatefulSet = sandbox.store().read("here", "one-primary").expect("there");
    assert_eq!(set.spec.and_then(|spec| spec.replicas), Some(2));
}

#[tokio::test]
async fn waiting_for_a_pod_survives_cut_watches() {
    let sandbox = api();
    cluster(&sandbox, "here", "one");
    let kube = admin(&sandbox).await;
    let store = sandbox.store().clone();
    let annotated = |pod: Option<&pgctl::cluster::PodFacts>| {
        pod.and_then(|pod| pod.term).filter(|term| *term == 7)
    };
    let cut = Effect::Cut { after_bytes: 10 };
    sandbox
        .faults()
        .api()
        .add(Fault::new(cut).verb("watch").times(3));
    let waiting = kube.wait_for_pod("here", "one-primary-0", "waiting", TIMEOUT, annotated);
    let changing = async {
        for term in 1..=7_u32 {
            let note = BTreeMap::from([("pgctl.io/term".to_owned(), Some(term.to_string()))]);
            kube.annotate_pod("here", "one-primary-0", &note)
                .await
                .expect("annotated");
        }
    };
    let (seen, ()) = futures::join!(waiting, changing);
    assert_eq!(seen.expect("seen in the end"), 7);
    let uid = store
        .read::<Pod>("here", "one-primary-0")
        .expect("there")
        .metadata
        .uid
        .expect("a UID");
    // The mark of one who knows more stays, and is written over by the next who does.
    let mark = async |mark: Option<&str>| {
        kube.hold_pod("here", "one-primary-0", &uid, "pgctl.io/hold", mark)
            .await
            .expect("held");
        let pod = store.read::<Pod>("here", "one-primary-0").expect("there");
        pod.metadata.annotations.unwrap_or_default()["pgctl.io/hold"].clone()
    };
    assert_eq!(mark(None).await, "held");
    assert_eq!(mark(Some("a")).await, "a");
    assert_eq!(mark(None).await, "a");
    assert_eq!(mark(Some("b")).await, "b");
    kube.delete_pod("here", "one-primary-0", &uid)
        .await
        .expect("deleted");
    let held = kube
        .pod("here", "one-primary-0")
        .await
        .expect("read")
        .expect("still there");
    assert!(held.deleting_since.is_some());
    kube.release_pod("here", "one-primary-0", &uid, "pgctl.io/hold")
        .await
        .expect("let go");
    kube.release_pod("here", "one-primary-0", &uid, "pgctl.io/hold")
        .await
        .expect("letting go again changes nothing");
}
