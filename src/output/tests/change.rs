//! Small changes.

use super::*;
use std::collections::BTreeMap;

use crate::change::{
    ChangeOutcome, ChangeProposal, ChangeRecord, PasswordFacts, PasswordGround, PasswordOwner,
    PasswordWay, PodPassword, SettingGround, SettingPlan, SettingRequest, SlotDropRequest,
    plan_settings, propose_password_change, propose_slot_drop, setting_effects,
};
use crate::cluster::{DeployedConfig, NoAnswer, PodAnswer, Role, ServerConfig, Setting};

/// The drop of the slot of a standby that is away.
fn proposal(allow_slot_loss: bool) -> ChangeProposal {
    let mut snapshot = fixture::healthy(2);
    let slot = fixture::slot(&mut snapshot, 1);
    slot.active = false;
    let request = SlotDropRequest {
        slot: slot.name.clone(),
        pod: None,
        allow_slot_loss,
    };
    propose_slot_drop(&snapshot, &request, None).expect("it is there")
}

fn record() -> ChangeRecord {
    ChangeRecord {
        id: "slots-drop-20260301T120000000Z-1".to_owned(),
        change: proposal(true).title,
        by: "ann@laptop/1-2-3".to_owned(),
        started: fixture::now(),
        outcome: ChangeOutcome::Unproven,
        reason: Some("\u{1b}[2Jno answer within 10 s".to_owned()),
        undo: Vec::new(),
    }
}

#[test]
fn the_drop_of_a_slot_says_what_it_costs() {
    let text = [80, 160].map(|width| {
        let screen = screen(width);
        format!(
            "--- {width} columns\n{}\n{}\n{}",
            proposal_screen(&proposal(true), &screen),
            refused_proposal_screen(&proposal(false), &screen),
            changes_screen(&[record()], &screen),
        )
    });
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn a_change_is_a_document_by_its_schema() -> Result<(), Box<dyn std::error::Error>> {
    let cluster = fixture::healthy(1).cluster;
    for end in [
        ChangeEnd::Proposed,
        ChangeEnd::Refused,
        ChangeEnd::Done(record()),
    ] {
        let document = ChangeDocument::new(&cluster, &proposal(true), &end);
        holds("change.json", &encode(&document, Format::Json))?;
    }
    Ok(())
}

/// Two servers that answer, and one that does not.
fn servers() -> Vec<PodAnswer<ServerConfig>> {
    let pods = [
        ("shop-postgres-primary-0", Role::Primary),
        ("shop-postgres-replica-0", Role::Standby),
        ("shop-postgres-replica-1", Role::Unknown),
    ];
    let server = |(pod, role): (&str, Role)| {
        let mut server = fixture::server_config(pod, &[("work_mem", "4096")]);
        server.role = role;
        if role == Role::Unknown {
            server.answer = Err(NoAnswer::Silent("no answer within 10 s".to_owned()));
        }
        if let Ok(config) = &mut server.answer {
            config.settings.push(Setting {
                kind: "integer".to_owned(),
                context: "postmaster".to_owned(),
                source: "default".to_owned(),
                file: None,
                line: None,
                default: Some("64".to_owned()),
                ..fixture::setting("max_locks_per_transaction", "64")
            });
        }
        server
    };
    pods.map(server).to_vec()
}

fn settings(deployed: &[DeployedConfig]) -> SettingPlan {
    let request = |name: &str, value: &str| SettingRequest {
        name: name.to_owned(),
        value: Some(value.to_owned()),
    };
    let servers = servers();
    let chosen: Vec<String> = servers.iter().map(|it| it.pod.clone()).collect();
    let ground = SettingGround {
        answers: &servers,
        chosen: &chosen,
        deployed,
        unseen: &[],
        memory_limits: &chosen
            .iter()
            .map(|it| (it.clone(), Some(2 << 30)))
            .collect(),
        not_taken: &BTreeMap::new(),
        unfinished: None,
    };
    let requests = [
        request("work_mem", "8MB"),
        request("max_locks_per_transaction", "128"),
    ];
    plan_settings(&requests, &ground).expect("the servers know both")
}

#[test]
fn a_change_of_settings_says_what_comes_of_it_on_each_server() {
    let plan = settings(&[]);
    let deployed = DeployedConfig {
        config_map: "shop-postgres-config".to_owned(),
        key: "postgresql.conf".to_owned(),
        text: "work_mem = '4MB'\n".to_owned(),
    };
    let refused = settings(&[deployed]).proposal;
    let effects = setting_effects(&plan.rows, &servers(), &[]);
    let line = format!(
        "{}: done in part; the same command goes on",
        plan.proposal.title
    );
    let text = [80, 160].map(|width| {
        let screen = screen(width);
        format!(
            "--- {width} columns\n{}\n{}\n{}",
            proposal_screen(&plan.proposal, &screen),
            refused_proposal_screen(&refused, &screen),
            effects_screen(&line, &effects, &plan.proposal.undo, &screen),
        )
    });
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn what_came_of_settings_is_a_document_by_its_schema() -> Result<(), Box<dyn std::error::Error>> {
    let cluster = fixture::healthy(1).cluster;
    let plan = settings(&[]);
    let effects = setting_effects(&plan.rows, &servers(), &[]);
    for end in [ChangeEnd::Nothing, ChangeEnd::Partly(record())] {
        let document = ChangeDocument::new(&cluster, &plan.proposal, &end).with_effects(&effects);
        let document = encode(&document, Format::Json);
        holds("change.json", &document)?;
        assert!(document.contains("\"exitCode\": 5"), "{document}");
    }
    Ok(())
}

#[test]
fn a_change_of_passwords_says_what_speaks_against_it() {
    let facts = |role: &str| PasswordFacts {
        role: role.to_owned(),
        key: format!("{role}-password"),
        has_next: false,
        has_previous: false,
        in_database: None,
        pods: vec![PodPassword {
            pod: "shop-postgres-replica-1".to_owned(),
            silent: Some("no answer within 10 s".to_owned()),
            mounted: true,
            has_next: false,
            uses: None,
            in_database: None,
        }],
    };
    let passwords = [facts("postgres"), facts("replicator")];
    let proposal = propose_password_change(&PasswordGround {
        passwords: &passwords,
        way: PasswordWay::On,
        secret: "shop-postgres-secret",
        owner: Some(PasswordOwner::ExternalSecrets),
        superuser: "postgres",
        given_differs: false,
        missing: &["patch secrets".to_owned()],
        unfinished: None,
    });
    let text = both_widths(|screen| {
        let proposed = proposal_screen(&proposal, screen);
        format!("{proposed}\n{}", refused_proposal_screen(&proposal, screen))
    });
    insta::assert_snapshot!(text);
}
