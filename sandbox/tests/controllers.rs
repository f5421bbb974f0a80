//! The controllers over a real store, with a kubelet that only pretends to run pods.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{
    ConfigMap, Endpoints, Event, Namespace, PersistentVolume, PersistentVolumeClaim, Pod, Service,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use pgctl_sandbox::controllers::{self, ClusterIps, Controllers, PodUsage, Usage};
use pgctl_sandbox::net::Slice;
use pgctl_sandbox::pod_network::PodNetwork;
use pgctl_sandbox::store::{DeleteOptions, Propagation, Selector, Store, of};
use serde_json::{Value, json};

struct Busy(i64);

impl Usage for Busy {
    fn usage(&self, _: &str, _: &str) -> Option<PodUsage> {
        let (cpu_millis, memory_bytes) = (self.0, 1 << 20);
        Some(PodUsage {
            cpu_millis,
            memory_bytes,
        })
    }
}

/// A store with controllers, and pods that become ready and go when they are told to.
struct World {
    store: Store,
    slice: Arc<Slice>,
    network: Arc<PodNetwork>,
    volumes: tempfile::TempDir,
    _controllers: Controllers,
    _kubelet: tokio::task::JoinHandle<()>,
}

impl World {
    fn new() -> Result<Self> {
        Self::with_usage(10)
    }

    fn with_usage(cpu: i64) -> Result<Self> {
        let store = Store::new();
        let slice = Arc::new(Slice::claim()?);
        let volumes = tempfile::tempdir()?;
        let addresses = ClusterIps::new(slice.network(), slice.services());
        let path = volumes.path().to_owned();
        let network = Arc::<PodNetwork>::default();
        let controllers = controllers::start(
            &store,
            addresses,
            path,
            Arc::new(Busy(cpu)),
            Arc::clone(&network),
        );
        let kubelet = tokio::spawn(pretend(store.clone(), Arc::clone(&slice)));
        let world = Self {
            store,
            slice,
            network,
            volumes,
            _controllers: controllers,
            _kubelet: kubelet,
        };
        world.add::<Namespace>(json!({"metadata": {"name": "db"}}))?;
        Ok(world)
    }

    fn add<T>(&self, object: Value) -> Result<()>
    where
        T: k8s_openapi::Resource,
    {
        let resource = of::<T>();
        let namespace = if resource.namespaced { "db" } else { "" };
        self.store.create(resource, namespace, object)?;
        Ok(())
    }

    fn set(&self, name: &str, spec: &Value) -> Result<()> {
        let mut object = json!({
            "metadata": {"name": name},
            "spec": {
                "serviceName": name, "replicas": 3, "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
                    {"name": "main", "image": "one", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}]}},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                    "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]
            }
        });
        for (key, value) in spec.as_object().context("an object")? {
            object["spec"][key] = value.clone();
        }
        self.add::<StatefulSet>(object)
    }

    fn pods(&self) -> Vec<Pod> {
        let pods = self
            .store
            .read_all::<Pod>(Some("db"), &Selector::everything());
        pods.map(|list| list.items).unwrap_or_default()
    }

    fn pod_names(&self) -> Vec<String> {
        self.pods()
            .into_iter()
            .filter_map(|pod| pod.metadata.name)
            .collect()
    }

    fn ready(&self, set: &str) -> i32 {
        let set = self.store.read::<StatefulSet>("db", set).ok();
        let status = set.and_then(|set| set.status);
        status.and_then(|status| status.ready_replicas).unwrap_or(0)
    }

    fn scale(&self, set: &str, replicas: i32) -> Result<()> {
        self.store.modify::<StatefulSet>("db", set, |set| {
            set.spec.get_or_insert_default().replicas = Some(replicas);
        })?;
        Ok(())
    }

    /// Waits, woken by changes, until something holds. The bound only ends a test that fails.
    async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) -> Result<()> {
        let mut changes = self.store.changes();
        let wait = async {
            loop {
                changes.borrow_and_update();
                if holds(self) {
                    return;
                }
                drop(tokio::time::timeout(Duration::from_millis(20), changes.changed()).await);
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(120), wait).await;
        done.with_context(|| format!("never came true: {what}; pods: {:?}", self.pod_names()))
    }

    fn events(&self, reason: &str) -> Vec<String> {
        let events = self
            .store
            .read_all::<Event>(Some("db"), &Selector::everything());
        let events = events
            .map(|list| list.items)
            .unwrap_or_default()
            .into_iter();
        let events = events.filter(|event| event.reason.as_deref() == Some(reason));
        events.filter_map(|event| event.message).collect()
    }
}

/// A kubelet without containers. A pod with the annotation `hold` never becomes ready, and stays
/// when it is deleted.
async fn pretend(store: Store, slice: Arc<Slice>) {
    let mut watch = store
        .watch(of::<Pod>(), None, 0)
        .expect("from the beginning");
    let mut last = 0;
    loop {
        drop(watch.next().await);
        for object in store.list(of::<Pod>(), None).items {
            let text = |pointer| {
                object
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or("")
            };
            let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
            if object.pointer("/metadata/annotations/hold").is_some() {
                continue;
            }
            if !text("/metadata/deletionTimestamp").is_empty() {
                drop(store.remove::<Pod>(namespace, name, &DeleteOptions::now()));
            } else if text("/status/podIP").is_empty() {
                last += 1;
                let [a, b] = slice.network();
                let status = json!({"phase": "Running", "podIP": format!("{a}.{b}.1.{last}"),
                    "conditions": [{"type": "Ready", "status": "True"}]});
                drop(store.update(of::<Pod>(), namespace, name, |pod| {
                    pod["spec"]["nodeName"] = json!("node");
                    pod["status"] = status.clone();
                    Ok(())
                }));
            }
        }
    }
}

#[tokio::test]
async fn a_set_gives_its_pods_names_labels_and_volumes_of_their_own() -> Result<()> {
    let world = World::new()?;
    world.set("pg", &json!({}))?;
    world
        .until("three ready pods", |w| w.ready("pg") == 3)
        .await?;
    assert_eq!(world.pod_names(), ["pg-0", "pg-1", "pg-2"]);
    let pod = world.store.read::<Pod>("db", "pg-1")?;
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    assert_eq!(labels["statefulset.kubernetes.io/pod-name"], "pg-1");
    assert_eq!(labels["apps.kubernetes.io/pod-index"], "1");
    let set = world.store.read::<StatefulSet>("db", "pg")?;
    let status = set.status.context("it has a status")?;
    assert_eq!(
        Some(&labels["controller-revision-hash"]),
        status.update_revision.as_ref()
    );
    assert_eq!(status.available_replicas, Some(3));
    let spec = pod.spec.context("it has a spec")?;
    assert_eq!(
        (spec.hostname.as_deref(), spec.subdomain.as_deref()),
        (Some("pg-1"), Some("pg"))
    );
    let claim = world
        .store
        .read::<PersistentVolumeClaim>("db", "data-pg-1")?;
    let volume = claim
        .spec
        .context("a spec")?
        .volume_name
        .context("it is bound")?;
    assert_eq!(
        claim.status.context("a status")?.phase.as_deref(),
        Some("Bound")
    );
    let volume = world.store.read::<PersistentVolume>("", &volume)?;
    let path = volume
        .spec
        .and_then(|spec| spec.host_path)
        .context("a path")?
        .path;
    assert!(path.starts_with(&world.volumes.path().display().to_string()));
    assert!(
        world
            .events("SuccessfulCreate")
            .contains(&"create Pod pg-1 in StatefulSet pg successful".to_owned())
    );
    Ok(())
}

#[tokio::test]
async fn an_ordered_set_starts_one_after_the_other() -> Result<()> {
    let world = World::new()?;
    let template = json!({"metadata": {"labels": {"app": "pg"}, "annotations": {"hold": "yes"}},
        "spec": {"containers": [{"name": "main", "image": "one"}]}});
    world.set(
        "pg",
        &json!({"podManagementPolicy": "OrderedReady", "template": template}),
    )?;
    world
        .until("the first pod", |w| w.pod_names() == ["pg-0"])
        .await?;
    world
        .until("a status", |w| {
            w.store
                .read::<StatefulSet>("db", "pg")
                .is_ok_and(|s| s.status.is_some_and(|s| s.replicas == 1))
        })
        .await?;
    assert_eq!(world.pod_names(), ["pg-0"]);
    for pod in 0..3 {
        world
            .until("the next pod", |w| w.pod_names().len() == pod + 1)
            .await?;
        world
            .store
            .modify::<Pod>("db", &format!("pg-{pod}"), |pod| {
                pod.metadata.annotations = None
            })?;
    }
    world.until("all", |w| w.ready("pg") == 3).await
}

#[tokio::test]
async fn volumes_stay_when_the_set_shrinks_and_are_found_again() -> Result<()> {
    let world = World::new()?;
    world.set("pg", &json!({}))?;
    world.until("three", |w| w.ready("pg") == 3).await?;
    let before = world
        .store
        .read::<PersistentVolumeClaim>("db", "data-pg-2")?;
    world.scale("pg", 1)?;
    world
        .until("one pod", |w| w.pod_names() == ["pg-0"])
        .await?;
    let kept = world
        .store
        .read::<PersistentVolumeClaim>("db", "data-pg-2")?;
    assert_eq!(kept.metadata.uid, before.metadata.uid);
    world.scale("pg", 3)?;
    world.until("three again", |w| w.ready("pg") == 3).await?;
    let again = world
        .store
        .read::<PersistentVolumeClaim>("db", "data-pg-2")?;
    assert_eq!(again.metadata.uid, before.metadata.uid);
    Ok(())
}

#[tokio::test]
async fn a_deleted_claim_takes_its_volume_and_bytes_along() -> Result<()> {
    let world = World::new()?;
    world.set("pg", &json!({"replicas": 1}))?;
    world.until("one", |w| w.ready("pg") == 1).await?;
    let claim = world
        .store
        .read::<PersistentVolumeClaim>("db", "data-pg-0")?;
    let volume = claim
        .spec
        .and_then(|spec| spec.volume_name)
        .context("bound")?;
    let path = world.volumes.path().join(&volume);
    std::fs::create_dir_all(path.join("pgdata"))?;
    world.scale("pg", 0)?;
    world.until("none", |w| w.pod_names().is_empty()).await?;
    world
        .store
        .remove::<PersistentVolumeClaim>("db", "data-pg-0", &DeleteOptions::default())?;
    world
        .until("the bytes are gone", |_| !path.exists())
        .await?;
    assert!(
        world
            .store
            .read_opt::<PersistentVolume>("", &volume)?
            .is_none()
    );
    Ok(())
}

#[tokio::test]
async fn claims_go_with_the_set_when_the_policy_says_so() -> Result<()> {
    let world = World::new()?;
    world.set("pg", &json!({"replicas": 2, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Delete"}}))?;
    world.until("two", |w| w.ready("pg") == 2).await?;
    let has = |w: &World, name: &str| w.store.read::<PersistentVolumeClaim>("db", name).is_ok();
    world.scale("pg", 1)?;
    world
        .until("the upper claim is gone", |w| !has(w, "data-pg-1"))
        .await?;
    assert!(has(&world, "data-pg-0"));
    world
        .store
        .remove::<StatefulSet>("db", "pg", &DeleteOptions::default())?;
    world
        .until("the lower claim is gone", |w| !has(w, "data-pg-0"))
        .await
}

#[tokio::test]
async fn a_deleted_pod_is_made_again_only_when_it_is_gone() -> Result<()> {
    let world = World::new()?;
    world.set("pg", &json!({"replicas": 1}))?;
    world.until("one", |w| w.ready("pg") == 1).await?;
    let old = world.store.modify::<Pod>("db", "pg-0", |pod| {
        pod.metadata.annotations = Some([("hold".to_owned(), "yes".to_owned())].into());
    })?;
    world
        .store
        .remove::<Pod>("db", "pg-0", &DeleteOptions::default())?;
    world
        .until("the set has seen it", |w| {
            let set = w.store.read::<StatefulSet>("db", "pg");
            set.is_ok_and(|set| set.status.is_some_and(|s| s.current_replicas == Some(0)))
        })
        .await?;
    assert_eq!(
        world.store.read::<Pod>("db", "pg-0")?.metadata.uid,
        old.metadata.uid
    );
    world
        .store
        .remove::<Pod>("db", "pg-0", &DeleteOptions::now())?;
    world
        .until("a new one", |w| {
            w.store
                .read::<Pod>("db", "pg-0")
                .is_ok_and(|pod| pod.metadata.uid != old.metadata.uid)
        })
        .await
}

#[tokio::test]
async fn a_new_template_rolls_from_above_and_leaves_a_history() -> Result<()> {
    let world = World::new()?;
    world.set("pg", &json!({}))?;
    world.until("three", |w| w.ready("pg") == 3).await?;
    let image = |w: &World, image: &str| {
        w.store.modify::<StatefulSet>("db", "pg", |set| {
            let template = &mut set.spec.get_or_insert_default().template;
            template.spec.get_or_insert_default().containers[0].image = Some(image.to_owned());
        })
    };
    let first = world
        .store
        .read::<StatefulSet>("db", "pg")?
        .status
        .and_then(|s| s.update_revision);
    image(&world, "two")?;
    let done = |w: &World| {
        let set = w.store.read::<StatefulSet>("db", "pg").ok();
        let Some(set) = set else { return false };
        let status = set.status.unwrap_or_default();
        status.observed_generation == set.metadata.generation
            && status.updated_replicas == Some(3)
            && status.ready_replicas == Some(3)
            && status.current_revision == status.update_revision
    };
    world.until("rolled out", done).await?;
    for pod in world.pods() {
        let image = pod.spec.and_then(|spec| spec.containers[0].image.clone());
        assert_eq!(image.as_deref(), Some("two"));
    }
    let deleted = world.events("SuccessfulDelete");
    assert_eq!(deleted.len(), 3, "{deleted:?}");
    let revisions = world
        .store
        .read_all::<ControllerRevision>(Some("db"), &Selector::everything())?;
    assert_eq!(revisions.items.len(), 2);
    // Rolling back finds the old revision again.
    image(&world, "one")?;
    world.until("rolled back", done).await?;
    let set = world.store.read::<StatefulSet>("db", "pg")?;
    assert_eq!(set.status.and_then(|status| status.update_revision), first);
    Ok(())
}

#[tokio::test]
async fn on_delete_brings_a_new_template_to_those_pods_that_are_deleted() -> Result<()> {
    let world = World::new()?;
    world.set("pg", &json!({"updateStrategy": {"type": "OnDelete"}}))?;
    world.until("three", |w| w.ready("pg") == 3).await?;
    let status = |w: &World| {
        let set = w.store.read::<StatefulSet>("db", "pg").ok();
        set.and_then(|set| set.status).unwrap_or_default()
    };
    let label = "controller-revision-hash";
    let revisions = |w: &World| -> Vec<Option<String>> {
        let labels = w.pods().into_iter().map(|pod| pod.metadata.labels);
        labels.map(|it| it?.get(label).cloned()).collect()
    };
    let first = status(&world).update_revision;
    world.store.modify::<StatefulSet>("db", "pg", |set| {
        let template = &mut set.spec.get_or_insert_default().template;
        template.spec.get_or_insert_default().containers[0].image = Some("two".to_owned());
    })?;
    world
        .until("the new revision", |w| status(w).update_revision != first)
        .await?;
    let second = status(&world).update_revision;
    assert_eq!(revisions(&world), vec![first.clone(); 3]);
    assert_eq!(status(&world).updated_replicas, Some(0));

    world
        .store
        .remove::<Pod>("db", "pg-1", &DeleteOptions::now())?;
    world
        .until("one is new", |w| {
            status(w).updated_replicas == Some(1) && w.ready("pg") == 3
        })
        .await?;
    let expected = vec![first.clone(), second.clone(), first.clone()];
    assert_eq!(revisions(&world), expected);
    // The current revision stays what it was: only a rolling update completes.
    for pod in ["pg-0", "pg-2"] {
        world
            .store
            .remove::<Pod>("db", pod, &DeleteOptions::now())?;
    }
    world
        .until("all are new", |w| {
            status(w).updated_replicas == Some(3) && w.ready("pg") == 3
        })
        .await?;
    assert_eq!(status(&world).current_revision, first);
    assert_eq!(revisions(&world), vec![second; 3]);
    Ok(())
}

fn service(name: &str, more: &Value) -> Value {
    let mut spec = json!({"selector": {"app": "pg"}, "ports": [{"name": "db", "port": 5432}]});
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": name}, "spec": spec})
}

fn addresses(world: &World, service: &str) -> (Vec<String>, Vec<String>) {
    let endpoints = world.store.read::<Endpoints>("db", service).ok();
    let subsets = endpoints.and_then(|e| e.subsets).unwrap_or_default();
    let names = |list: Option<Vec<k8s_openapi::api::core::v1::EndpointAddress>>| {
        let list = list.unwrap_or_default().into_iter();
        list.filter_map(|a| a.target_ref?.name).collect::<Vec<_>>()
    };
    let mut both = (Vec::new(), Vec::new());
    for subset in subsets {
        both.0.extend(names(subset.addresses));
        both.1.extend(names(subset.not_ready_addresses));
    }
    both
}

#[tokio::test]
async fn endpoints_follow_readiness_and_headless_services_publish_all() -> Result<()> {
    let world = World::new()?;
    world.add::<Service>(service("read", &json!({})))?;
    world.add::<Service>(service(
        "pg",
        &json!({"clusterIP": "None", "publishNotReadyAddresses": true}),
    ))?;
    world.set("pg", &json!({"replicas": 2}))?;
    world
        .until("both ready", |w| addresses(w, "read").0.len() == 2)
        .await?;
    world.store.modify::<Pod>("db", "pg-1", |pod| {
        let conditions = pod
            .status
            .get_or_insert_default()
            .conditions
            .get_or_insert_default();
        conditions[0].status = "False".to_owned();
    })?;
    let split = (vec!["pg-0".to_owned()], vec!["pg-1".to_owned()]);
    world
        .until("one left", |w| addresses(w, "read") == split)
        .await?;
    assert_eq!(addresses(&world, "pg").0.len(), 2);
    let slices = world
        .store
        .read_all::<EndpointSlice>(Some("db"), &Selector::everything())?
        .items;
    let of = |service: &str| {
        let of = slices.iter().find(|s| {
            s.metadata
                .labels
                .as_ref()
                .is_some_and(|l| l["kubernetes.io/service-name"] == service)
        });
        of.cloned().with_context(|| format!("a slice of {service}"))
    };
    let unready = |slice: &EndpointSlice| {
        let ready = |e: &&k8s_openapi::api::discovery::v1::Endpoint| {
            e.conditions
                .as_ref()
                .is_some_and(|c| c.ready == Some(false))
        };
        slice.endpoints.iter().filter(ready).count()
    };
    assert_eq!((unready(&of("read")?), unready(&of("pg")?)), (1, 0));
    let hostnames: Vec<_> = of("pg")?
        .endpoints
        .into_iter()
        .filter_map(|e| e.hostname)
        .collect();
    assert_eq!(hostnames, ["pg-0", "pg-1"]);
    Ok(())
}

/// Answers every connection with a name, to the end of the process: nobody else gets these addresses.
fn answer(world: &World, address: SocketAddr, name: &'static str) -> Result<()> {
    let listener = TcpListener::bind(address)?;
    let slice = Arc::clone(&world.slice);
    std::thread::spawn(move || {
        let _kept = slice;
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            std::thread::spawn(move || {
                let mut byte = [0];
                while stream.read(&mut byte).is_ok_and(|n| n > 0) {
                    if stream.write_all(name.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(())
}

fn ask(stream: &mut TcpStream) -> Result<String> {
    stream.write_all(b"?")?;
    let mut buffer = [0; 4];
    stream.read_exact(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_leads_to_a_ready_pod_and_refuses_without_one() -> Result<()> {
    let world = World::new()?;
    world.add::<Service>(service("write", &json!({})))?;
    let ip = world
        .store
        .read::<Service>("db", "write")?
        .spec
        .and_then(|s| s.cluster_ip);
    let ip = ip.context("it got an address")?;
    assert!(ip.starts_with(&format!("127.{}.", world.slice.network()[1])));
    let address: SocketAddr = format!("{ip}:5432").parse()?;
    let refused = TcpStream::connect(address).expect_err("no pod yet");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

    world.set("pg", &json!({"replicas": 1}))?;
    world.until("ready", |w| w.ready("pg") == 1).await?;
    let pod_ip = world
        .store
        .read::<Pod>("db", "pg-0")?
        .status
        .and_then(|s| s.pod_ip);
    answer(
        &world,
        format!("{}:5432", pod_ip.context("it has one")?).parse()?,
        "pg-0",
    )?;
    world
        .until("it listens", |_| TcpStream::connect(address).is_ok())
        .await?;
    let mut open = TcpStream::connect(address)?;
    assert_eq!(ask(&mut open)?, "pg-0");

    // The write Service is pointed elsewhere: open connections stay where they are.
    world.store.modify::<Service>("db", "write", |service| {
        let selector = service
            .spec
            .get_or_insert_default()
            .selector
            .get_or_insert_default();
        selector.insert("app".to_owned(), "other".to_owned());
    })?;
    world
        .until("refused", |_| TcpStream::connect(address).is_err())
        .await?;
    assert_eq!(ask(&mut open)?, "pg-0");
    Ok(())
}

/// A Service's address, and the addresses of two ready pods that it could lead to.
async fn service_of_two(world: &World) -> Result<(SocketAddr, [SocketAddr; 2])> {
    world.add::<Service>(service("write", &json!({})))?;
    let spec = world.store.read::<Service>("db", "write")?.spec;
    let ip = spec.and_then(|spec| spec.cluster_ip);
    let address = format!("{}:5432", ip.context("it got an address")?).parse()?;
    for name in ["pg", "other"] {
        world.set(name, &json!({"replicas": 1}))?;
        world.until("ready", |w| w.ready(name) == 1).await?;
    }
    let of = |name: &str| -> Result<SocketAddr> {
        let status = world.store.read::<Pod>("db", name)?.status;
        let ip = status.and_then(|status| status.pod_ip);
        Ok(format!("{}:5432", ip.context("it has an address")?).parse()?)
    };
    Ok((address, [of("pg-0")?, of("other-0")?]))
}

fn point(world: &World, app: &str) -> Result<()> {
    world.store.modify::<Service>("db", "write", |service| {
        let spec = service.spec.get_or_insert_default();
        let selector = spec.selector.get_or_insert_default();
        selector.insert("app".to_owned(), app.to_owned());
    })?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_change_of_a_service_the_next_one_waits_for_its_second() -> Result<()> {
    let world = World::new()?;
    let (address, [one, two]) = service_of_two(&world).await?;
    answer(&world, one, "pg-0")?;
    answer(&world, two, "ot-0")?;
    let leads_to = |name: &'static str| {
        move |_: &World| {
            let asked = TcpStream::connect(address).map_err(anyhow::Error::from);
            asked
                .and_then(|mut stream| ask(&mut stream))
                .is_ok_and(|it| it == name)
        }
    };
    world
        .until("it leads to the first", leads_to("pg-0"))
        .await?;
    tokio::time::sleep(Duration::from_millis(1100)).await;

    let begun = std::time::Instant::now();
    point(&world, "other")?;
    world.until("at once", leads_to("ot-0")).await?;
    point(&world, "pg")?;
    // The endpoints are right long before.
    world
        .until("slice", |w| addresses(w, "write").0 == ["pg-0"])
        .await?;
    world.until("a second later", leads_to("pg-0")).await?;
    // However slow this machine is: the second change comes a second after the first.
    let later = begun.elapsed();
    assert!(later > Duration::from_millis(950), "{later:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminating_pod_serves_to_its_end_and_then_swallows_what_it_is_sent() -> Result<()> {
    let world = World::new()?;
    let (address, [pod, _]) = service_of_two(&world).await?;
    let listener = TcpListener::bind(pod)?;
    let hold = |pod: &mut Pod| {
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.insert("hold".to_owned(), "yes".to_owned());
    };
    world.store.modify::<Pod>("db", "pg-0", hold)?;
    world
        .store
        .remove::<Pod>("db", "pg-0", &DeleteOptions::default())?;
    world
        .until("it is terminating and serves", |w| {
            let slices = w
                .store
                .read_all::<EndpointSlice>(Some("db"), &Selector::everything());
            let slices = slices.map(|list| list.items).unwrap_or_default();
            slices
                .iter()
                .flat_map(|slice| &slice.endpoints)
                .any(|endpoint| {
                    let it = endpoint.conditions.clone().unwrap_or_default();
                    (it.ready, it.serving, it.terminating) == (Some(false), Some(true), Some(true))
                })
        })
        .await?;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mut client = TcpStream::connect(address)?;
    let (mut server, _) = listener.accept()?;
    client.write_all(b"?")?;
    server.read_exact(&mut [0])?;

    // Its process ends, then its network: whoever was connected learns of the first only.
    drop((server, listener));
    assert_eq!(client.read(&mut [0])?, 0, "the process says goodbye");
    let std::net::IpAddr::V4(ip) = pod.ip() else {
        anyhow::bail!("an IPv4 address");
    };
    world.network.tear_down(ip, &[pod.port()]).await;
    for _ in 0..20 {
        client.write_all(b"?")?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut late = TcpStream::connect(address)?;
    late.set_read_timeout(Some(Duration::from_millis(500)))?;
    late.write_all(b"?")?;
    let silent = late.read(&mut [0]).expect_err("nobody is there to answer");
    assert_eq!(silent.kind(), std::io::ErrorKind::WouldBlock);

    // What the API says of it does not change what is sent to it; that it serves nobody does.
    world.store.modify::<Pod>("db", "pg-0", |pod| {
        pod.status.get_or_insert_default().phase = Some("Succeeded".to_owned());
    })?;
    world
        .until("refused", |_| TcpStream::connect(address).is_err())
        .await?;
    let silent = late.read(&mut [0]).expect_err("still nobody");
    assert_eq!(silent.kind(), std::io::ErrorKind::WouldBlock);
    Ok(())
}

#[tokio::test]
async fn an_address_is_given_once_kept_and_never_given_twice() -> Result<()> {
    let world = World::new()?;
    world.add::<Service>(service("one", &json!({})))?;
    let ip = |w: &World, name: &str| {
        let service = w.store.read::<Service>("db", name).ok();
        service.and_then(|s| s.spec?.cluster_ip).unwrap_or_default()
    };
    let first = ip(&world, "one");
    let twice = world.add::<Service>(service("two", &json!({"clusterIP": first})));
    assert!(
        twice
            .expect_err("taken")
            .to_string()
            .contains("provided IP is already allocated")
    );
    let outside = world.add::<Service>(service("two", &json!({"clusterIP": "10.0.0.1"})));
    assert!(
        outside
            .expect_err("not ours")
            .to_string()
            .contains("does not match the current range")
    );
    world
        .store
        .update(of::<Service>(), "db", "one", |service| {
            service["spec"]
                .as_object_mut()
                .map(|spec| spec.remove("clusterIP"));
            Ok(())
        })?;
    assert_eq!(ip(&world, "one"), first);
    Ok(())
}

fn scaler(minimum: i32, maximum: i32) -> Value {
    json!({"metadata": {"name": "hpa"}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "pg"},
        "minReplicas": minimum, "maxReplicas": maximum,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}]}})
}

fn condition(world: &World, kind: &str) -> Option<(String, String)> {
    let scaler = world
        .store
        .read::<HorizontalPodAutoscaler>("db", "hpa")
        .ok()?;
    let conditions = scaler.status?.conditions?;
    let found = conditions.into_iter().find(|c| c.type_ == kind)?;
    Some((found.status, found.reason.unwrap_or_default()))
}

#[tokio::test]
async fn an_autoscaler_keeps_the_bounds_at_once() -> Result<()> {
    let world = World::with_usage(200)?;
    world.set("pg", &json!({"replicas": 1}))?;
    world.until("one", |w| w.ready("pg") == 1).await?;
    world.add::<HorizontalPodAutoscaler>(scaler(2, 5))?;
    world
        .until("at the minimum", |w| w.pod_names().len() >= 2)
        .await?;
    let events = world.events("SuccessfulRescale");
    assert!(
        events.contains(
            &"New size: 2; reason: Current number of replicas below Spec.MinReplicas".to_owned()
        ),
        "{events:?}"
    );
    let able = Some(("True".to_owned(), "SucceededRescale".to_owned()));
    world
        .until("able to scale", |w| condition(w, "AbleToScale") == able)
        .await?;
    world.scale("pg", 9)?;
    world
        .until("at the maximum", |w| {
            w.ready("pg") == 5 && w.pod_names().len() == 5
        })
        .await
}

#[tokio::test]
async fn an_autoscaler_rests_when_its_target_is_at_zero() -> Result<()> {
    let world = World::new()?;
    world.set("pg", &json!({"replicas": 0}))?;
    world.add::<HorizontalPodAutoscaler>(scaler(2, 5))?;
    let rests = Some(("False".to_owned(), "ScalingDisabled".to_owned()));
    world
        .until("disabled", |w| condition(w, "ScalingActive") == rests)
        .await?;
    assert!(world.pod_names().is_empty());
    Ok(())
}

#[tokio::test]
async fn an_autoscaler_shows_what_it_measures() -> Result<()> {
    let world = World::with_usage(200)?;
    world.set("pg", &json!({"replicas": 2}))?;
    world.until("two", |w| w.ready("pg") == 2).await?;
    world.add::<HorizontalPodAutoscaler>(scaler(2, 2))?;
    let limited = Some(("True".to_owned(), "TooManyReplicas".to_owned()));
    world
        .until("at its maximum", |w| {
            condition(w, "ScalingLimited") == limited
        })
        .await?;
    let status = world
        .store
        .read::<HorizontalPodAutoscaler>("db", "hpa")?
        .status
        .context("a status")?;
    assert_eq!(
        (status.current_replicas, status.desired_replicas),
        (Some(2), 2)
    );
    let metric = status.current_metrics.context("metrics")?[0]
        .resource
        .clone()
        .context("cpu")?;
    assert_eq!(metric.current.average_utilization, Some(200));
    Ok(())
}

#[tokio::test]
async fn the_owned_go_after_their_owner_unless_it_leaves_them_behind() -> Result<()> {
    let world = World::new()?;
    for name in ["a", "b"] {
        world.set(name, &json!({"replicas": 1}))?;
    }
    world
        .until("two", |w| w.ready("a") + w.ready("b") == 2)
        .await?;
    world
        .store
        .remove::<StatefulSet>("db", "a", &DeleteOptions::default())?;
    world
        .until("a's pod is gone", |w| w.pod_names() == ["b-0"])
        .await?;
    let orphan = DeleteOptions {
        propagation: Some(Propagation::Orphan),
        ..DeleteOptions::default()
    };
    let b = world.store.read::<Pod>("db", "b-0")?;
    world.store.remove::<StatefulSet>("db", "b", &orphan)?;
    world
        .until("b is gone", |w| {
            w.store.read::<StatefulSet>("db", "b").is_err()
        })
        .await?;
    let left = world.store.read::<Pod>("db", "b-0")?;
    assert_eq!(left.metadata.uid, b.metadata.uid);
    assert!(
        left.metadata
            .owner_references
            .unwrap_or_default()
            .is_empty()
    );
    // A set of the same name adopts it again.
    world.set("b", &json!({"replicas": 1}))?;
    world.until("adopted", |w| w.ready("b") == 1).await?;
    assert_eq!(
        world.store.read::<Pod>("db", "b-0")?.metadata.uid,
        b.metadata.uid
    );
    Ok(())
}

#[tokio::test]
async fn in_the_foreground_the_owner_goes_last() -> Result<()> {
    let world = World::new()?;
    world.set("pg", &json!({"replicas": 2}))?;
    world.until("two", |w| w.ready("pg") == 2).await?;
    world.store.modify::<Pod>("db", "pg-1", |pod| {
        pod.metadata.annotations = Some([("hold".to_owned(), "yes".to_owned())].into());
    })?;
    let foreground = DeleteOptions {
        propagation: Some(Propagation::Foreground),
        ..DeleteOptions::default()
    };
    world.store.remove::<StatefulSet>("db", "pg", &foreground)?;
    world
        .until("the free pod is gone", |w| w.pod_names() == ["pg-1"])
        .await?;
    assert!(world.store.read::<StatefulSet>("db", "pg").is_ok());
    world.store.update(of::<Pod>(), "db", "pg-1", |pod| {
        pod["metadata"]["annotations"] = json!(null);
        Ok(())
    })?;
    world
        .until("all is gone", |w| {
            w.store.read::<StatefulSet>("db", "pg").is_err()
        })
        .await?;
    assert!(world.pod_names().is_empty());
    Ok(())
}

#[tokio::test]
async fn an_object_whose_owner_never_was_goes() -> Result<()> {
    let world = World::new()?;
    world.add::<ConfigMap>(json!({"metadata": {"name": "stray", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "nobody", "uid": "none"}]}}))?;
    world
        .until("gone", |w| {
            w.store.read::<ConfigMap>("db", "stray").is_err()
        })
        .await
}

#[tokio::test]
async fn a_namespace_takes_everything_along() -> Result<()> {
    let world = World::new()?;
    world.set("pg", &json!({}))?;
    world.add::<Service>(service("read", &json!({})))?;
    world.until("three", |w| w.ready("pg") == 3).await?;
    world
        .store
        .remove::<Namespace>("", "db", &DeleteOptions::default())?;
    world
        .until("gone", |w| w.store.read::<Namespace>("", "db").is_err())
        .await
}

#[tokio::test]
async fn a_budget_counts_how_many_pods_may_go() -> Result<()> {
    let world = World::new()?;
    world.add::<PodDisruptionBudget>(json!({"metadata": {"name": "pdb"}, "spec": {
        "maxUnavailable": 1, "selector": {"matchLabels": {"app": "pg"}}}}))?;
    world.set("pg", &json!({}))?;
    let status = |w: &World| {
        let budget = w.store.read::<PodDisruptionBudget>("db", "pdb").ok();
        let status = budget.and_then(|b| b.status).unwrap_or_default();
        (
            status.expected_pods,
            status.current_healthy,
            status.desired_healthy,
            status.disruptions_allowed,
        )
    };
    world
        .until("all healthy", |w| status(w) == (3, 3, 2, 1))
        .await?;
    world.store.modify::<Pod>("db", "pg-1", |pod| {
        let conditions = pod
            .status
            .get_or_insert_default()
            .conditions
            .get_or_insert_default();
        conditions[0].status = "False".to_owned();
    })?;
    world
        .until("none may go", |w| status(w) == (3, 2, 2, 0))
        .await
}
