//! Service addresses: how they are given.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::store::{Admission, Cause, Operation, Resource, Store, StoreError, of, text};

/// Gives every Service an address out of a range, as the API server does.
pub struct ClusterIps {
    network: [u8; 2],
    thirds: std::ops::RangeInclusive<u8>,
}

impl ClusterIps {
    /// The range: `network` are the first two bytes, `thirds` the values of the third one.
    pub fn new(network: [u8; 2], thirds: std::ops::RangeInclusive<u8>) -> Self {
        Self { network, thirds }
    }

    fn size(&self) -> u64 {
        let thirds = u64::from(*self.thirds.end()) - u64::from(*self.thirds.start()) + 1;
        thirds * 254
    }

    fn address(&self, index: u64) -> Ipv4Addr {
        let third = u8::try_from(index / 254).unwrap_or(0) + self.thirds.start();
        let fourth = u8::try_from(index % 254).unwrap_or(0) + 1;
        Ipv4Addr::new(self.network[0], self.network[1], third, fourth)
    }

    fn holds(&self, ip: Ipv4Addr) -> bool {
        let [a, b, third, fourth] = ip.octets();
        [a, b] == self.network && self.thirds.contains(&third) && (1..=254).contains(&fourth)
    }

    /// The first free address, beginning at a place that depends on the name: two Services made at
    /// the same instant do not meet.
    fn free(&self, store: &Store, namespace: &str, name: &str) -> Option<Ipv4Addr> {
        let services = store.list(of::<Service>(), None).items;
        let used: BTreeSet<&str> = services
            .iter()
            .map(|s| text(s, "/spec/clusterIP"))
            .collect();
        let hash = format!("{namespace}/{name}")
            .bytes()
            .fold(0_u64, |hash, byte| {
                hash.wrapping_mul(31).wrapping_add(u64::from(byte))
            });
        (0..self.size())
            .map(|step| self.address((hash % self.size() + step) % self.size()))
            .find(|ip| !used.contains(ip.to_string().as_str()))
    }
}

impl Admission for ClusterIps {
    fn admit(
        &self,
        store: &Store,
        resource: &'static Resource,
        _operation: Operation,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), StoreError> {
        if resource != of::<Service>() {
            return Ok(());
        }
        let namespace = text(object, "/metadata/namespace").to_owned();
        let name = text(object, "/metadata/name").to_owned();
        let wanted = text(object, "/spec/clusterIP").to_owned();
        let before = old
            .map_or("", |old| text(old, "/spec/clusterIP"))
            .to_owned();
        let external = text(object, "/spec/type") == "ExternalName";
        let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
            return Ok(());
        };
        if external {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
            return Ok(());
        }
        let invalid = |message: String| StoreError::Invalid {
            resource,
            name: name.clone(),
            causes: vec![Cause {
                field: "spec.clusterIPs[0]".to_owned(),
                reason: "FieldValueInvalid",
                message: format!("Invalid value: {}: {message}", json!([&wanted])),
            }],
        };
        let ip = if wanted.is_empty() && !before.is_empty() {
            before
        } else if !before.is_empty() && wanted != before {
            return Err(invalid("may not change once set".to_owned()));
        } else if wanted == "None" {
            wanted.clone()
        } else if wanted.is_empty() {
            let free = self.free(store, &namespace, &name);
            free.ok_or_else(|| invalid("failed to allocate a serviceIP: range is full".to_owned()))?
                .to_string()
        } else {
            let parsed: Option<Ipv4Addr> = wanted.parse().ok();
            if !parsed.is_some_and(|ip| self.holds(ip)) {
                return Err(invalid(format!(
                    "failed to allocate IP {wanted}: the provided network does not match the current range"
                )));
            }
            let services = store.list(of::<Service>(), None).items;
            let taken = |service: &Arc<Value>| {
                text(service, "/spec/clusterIP") == wanted
                    && (
                        text(service, "/metadata/name"),
                        text(service, "/metadata/namespace"),
                    ) != (name.as_str(), namespace.as_str())
            };
            if services.iter().any(taken) {
                return Err(invalid(format!(
                    "failed to allocate IP {wanted}: provided IP is already allocated"
                )));
            }
            wanted.clone()
        };
        spec.insert("clusterIPs".to_owned(), json!([&ip]));
        spec.insert("clusterIP".to_owned(), json!(ip));
        for (field, value) in [
            ("type", json!("ClusterIP")),
            ("ipFamilies", json!(["IPv4"])),
            ("ipFamilyPolicy", json!("SingleStack")),
            ("internalTrafficPolicy", json!("Cluster")),
            ("sessionAffinity", json!("None")),
        ] {
            spec.entry(field).or_insert(value);
        }
        Ok(())
    }
}
