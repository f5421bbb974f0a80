//! `pgctl version`.

use super::*;
use crate::cluster::{NoAnswer, Role};

fn server(pod: String, role: Role, version: Result<&str, NoAnswer>) -> ServerVersion {
    ServerVersion {
        pod,
        role,
        image: Some("postgres:17.6\u{1b}[2J".to_owned()),
        version: version.map(str::to_owned),
    }
}

fn versions() -> Versions {
    let silent = NoAnswer::Silent("no answer within 10 s".to_owned());
    Versions {
        client: ClientVersion {
            version: "1.2.3",
            commit: Some("0123abc"),
            platform: "x86_64-linux".to_owned(),
        },
        kubernetes: Some(Ok(KubernetesVersion {
            version: "v1.33.0".to_owned(),
            server: "https://kube.example.com:6443".to_owned(),
        })),
        clusters: Some(Ok(vec![ClusterVersions {
            cluster: fixture::healthy(1).cluster,
            servers: vec![
                server(PRIMARY.to_owned(), Role::Primary, Ok("17.6")),
                server(replica(0), Role::Standby, Ok("17.5")),
                server(replica(1), Role::Unknown, Err(silent)),
            ],
        }])),
    }
}

#[test]
fn versions_name_who_runs_what_and_who_does_not_say() -> Result<(), Box<dyn std::error::Error>> {
    let all = versions();
    let mut nobody = versions();
    let unreachable = Failure::new(ExitCode::Unreachable, "the API server does not answer");
    nobody.kubernetes = Some(Err(unreachable.next("kubectl cluster-info")));
    nobody.clusters = None;
    let mut lost = versions();
    let missing = Failure::new(ExitCode::Usage, "there is no cluster in the namespace shop");
    lost.clusters = Some(Err(missing.next("pgctl status -A")));
    let mut client = versions();
    (client.kubernetes, client.clusters) = (None, None);
    client.client.commit = None;
    let mut text = Vec::new();
    for (what, it) in [
        ("all", &all),
        ("no API", &nobody),
        ("no cluster", &lost),
        ("--client", &client),
    ] {
        let document = VersionDocument::new(it);
        holds("version.json", &encode(&document, Format::Json))?;
        let shown = both_widths(|screen| version_screen(it, screen));
        text.push(format!("=== {what}\n{shown}"));
    }
    assert_eq!(version_answer(&all), "1.2.3\n");
    insta::assert_snapshot!(text.join("\n"));
    Ok(())
}
