//! The variables that tell a container where Services are (pkg/kubelet/envvars/envvars.go), the API server's among them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;

use super::context::Context;
use crate::store::Selector;

/// The API server's in any case; with `links` those of the namespace's Services, too.
pub(super) fn variables(
    context: &Context,
    namespace: &str,
    links: bool,
) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if links {
        let services = context
            .store
            .read_all::<Service>(Some(namespace), &Selector::everything());
        for service in services.map(|list| list.items).unwrap_or_default() {
            let name = service.metadata.name.unwrap_or_default();
            let spec = service.spec.unwrap_or_default();
            let address = spec.cluster_ip.unwrap_or_default();
            if address.is_empty() || address == "None" {
                continue;
            }
            let ports: Vec<Port> = spec
                .ports
                .unwrap_or_default()
                .iter()
                .map(Port::of)
                .collect();
            add(&mut all, &name, &address, &ports);
        }
    }
    if let Some(api) = context.api.get() {
        let port = Port {
            name: "https".to_owned(),
            number: i32::from(api.address.port()),
            protocol: "tcp".to_owned(),
        };
        add(
            &mut all,
            "kubernetes",
            &api.address.ip().to_string(),
            &[port],
        );
    }
    all
}

struct Port {
    name: String,
    number: i32,
    protocol: String,
}

impl Port {
    fn of(port: &k8s_openapi::api::core::v1::ServicePort) -> Self {
        Self {
            name: port.name.clone().unwrap_or_default(),
            number: port.port,
            protocol: port
                .protocol
                .clone()
                .unwrap_or("TCP".to_owned())
                .to_lowercase(),
        }
    }
}

fn add(all: &mut BTreeMap<String, String>, name: &str, address: &str, ports: &[Port]) {
    let upper = |text: &str| text.replace('-', "_").to_uppercase();
    let own = upper(name);
    all.insert(format!("{own}_SERVICE_HOST"), address.to_owned());
    for (index, port) in ports.iter().enumerate() {
        let number = port.number.to_string();
        let url = format!("{}://{address}:{number}", port.protocol);
        if index == 0 {
            all.insert(format!("{own}_SERVICE_PORT"), number.clone());
            all.insert(format!("{own}_PORT"), url.clone());
        }
        if !port.name.is_empty() {
            let named = format!("{own}_SERVICE_PORT_{}", upper(&port.name));
            all.insert(named, number.clone());
        }
        let link = format!("{own}_PORT_{number}_{}", port.protocol.to_uppercase());
        all.insert(format!("{link}_PROTO"), port.protocol.clone());
        all.insert(format!("{link}_PORT"), number);
        all.insert(format!("{link}_ADDR"), address.to_owned());
        all.insert(link, url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_reads_as_docker_links_did() {
        let mut all = BTreeMap::new();
        let port = |name: &str, number| Port {
            name: name.to_owned(),
            number,
            protocol: "tcp".to_owned(),
        };
        add(
            &mut all,
            "redis-primary",
            "10.0.0.11",
            &[port("db", 6379), port("", 80)],
        );
        let lines: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            lines,
            [
                "REDIS_PRIMARY_PORT=tcp://10.0.0.11:6379",
                "REDIS_PRIMARY_PORT_6379_TCP=tcp://10.0.0.11:6379",
                "REDIS_PRIMARY_PORT_6379_TCP_ADDR=10.0.0.11",
                "REDIS_PRIMARY_PORT_6379_TCP_PORT=6379",
                "REDIS_PRIMARY_PORT_6379_TCP_PROTO=tcp",
                "REDIS_PRIMARY_PORT_80_TCP=tcp://10.0.0.11:80",
                "REDIS_PRIMARY_PORT_80_TCP_ADDR=10.0.0.11",
                "REDIS_PRIMARY_PORT_80_TCP_PORT=80",
                "REDIS_PRIMARY_PORT_80_TCP_PROTO=tcp",
                "REDIS_PRIMARY_SERVICE_HOST=10.0.0.11",
                "REDIS_PRIMARY_SERVICE_PORT=6379",
                "REDIS_PRIMARY_SERVICE_PORT_DB=6379",
            ]
        );
    }
}
