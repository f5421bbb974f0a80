//! `pgctl port-forward` as a document.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::holds;
use crate::cluster::fixture::{self, PRIMARY};
use crate::output::{Format, Forwarded, PortForwardDocument, encode, encode_next};

fn forwarded(address: SocketAddr) -> Forwarded {
    Forwarded {
        address,
        destination: "write".to_owned(),
        pods: vec![PRIMARY.to_owned()],
        user: "postgres".to_owned(),
        password_command: Some("kubectl -n staging get secret x".to_owned()),
    }
}

#[test]
fn a_port_is_a_document_by_its_schema_whatever_is_known_of_it()
-> Result<(), Box<dyn std::error::Error>> {
    let snapshot = fixture::healthy(1);
    let here = SocketAddr::from(([127, 0, 0, 1], 15432));
    let everywhere = SocketAddr::from(([0_u16; 8], 15432));
    let nowhere = Forwarded {
        pods: Vec::new(),
        password_command: None,
        ..forwarded(here)
    };
    let hostile = Forwarded {
        user: "o'Brien@x/\u{1b}[2J é".to_owned(),
        password_command: Some("kubectl get secret \u{1b}]0;x\u{7}\u{9b}2J".to_owned()),
        ..forwarded(everywhere)
    };
    for (forwarded, address, connection) in [
        (forwarded(here), "127.0.0.1", "postgres@127.0.0.1"),
        (nowhere, "127.0.0.1", "postgres@127.0.0.1"),
        // Who comes from anywhere comes from this machine, too.
        (hostile, "::", "o%27Brien%40x%2F%1B%5B2J%20%C3%A9@127.0.0.1"),
    ] {
        let document = PortForwardDocument::new(&snapshot, &forwarded);
        let text = encode(&document, Format::Json);
        holds("port-forward.json", &text)?;
        // Whoever reads it reads lines.
        let line = encode_next(&document, Format::Json);
        assert_eq!(line.lines().count(), 1, "{line}");
        for text in [&text, &line, &encode(&document, Format::Yaml)] {
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{text:?}");
        }
        let told: Value = serde_json::from_str(&text)?;
        assert_eq!(serde_json::from_str::<Value>(&line)?, told);
        assert_eq!(told["address"], address);
        assert_eq!(told["port"], 15432);
        let connection = format!("postgresql://{connection}:15432/postgres");
        assert_eq!(told["connectionString"], connection);
        assert_eq!(told["pods"], json!(forwarded.pods));
        assert_eq!(told["passwordCommand"], json!(forwarded.password_command));
    }
    Ok(())
}
