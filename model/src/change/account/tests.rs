use super::*;

fn request(readonly: bool) -> AccountRequest {
    of(match readonly {
        true => AccountAccess::ReadOnly,
        false => AccountAccess::ReadWrite,
    })
}

fn of(access: AccountAccess) -> AccountRequest {
    AccountRequest {
        role: "app".to_owned(),
        database: "shop".to_owned(),
        access,
        limit: None,
        secret: "c-user-app".to_owned(),
    }
}

fn ours(request: &AccountRequest) -> SecretFound {
    SecretFound::Ours {
        role: request.role.clone(),
        database: request.database.clone(),
        access: request.access().to_owned(),
    }
}

fn facts(role: bool, database: bool) -> AccountFacts {
    AccountFacts {
        role: role.then_some(RoleFound {
            login: true,
            privileged: false,
        }),
        database: database.then_some(DatabaseFound {
            open: true,
            public_connect: false,
        }),
        settings: Vec::new(),
        role_has: Vec::new(),
    }
}

fn refused(request: &AccountRequest, facts: &AccountFacts, secret: &SecretFound) -> bool {
    propose_account("p-0", request, facts, secret, &[], None).is_refused()
}

#[test]
fn a_role_is_made_once_and_never_taken_from_somebody() {
    let it = request(false);
    assert!(!refused(&it, &facts(false, false), &SecretFound::None));
    assert!(!refused(&it, &facts(false, true), &SecretFound::None));
    // Begun before, wherever it died.
    assert!(!refused(&it, &facts(false, false), &ours(&it)));
    assert!(!refused(&it, &facts(true, true), &ours(&it)));
    // Somebody's.
    assert!(refused(&it, &facts(true, true), &SecretFound::None));
    assert!(refused(&it, &facts(false, true), &SecretFound::Foreign));
    assert!(refused(&it, &facts(true, true), &ours(&request(true))));
    let unknown = SecretFound::Unknown("forbidden".to_owned());
    assert!(refused(&it, &facts(false, true), &unknown));
    let mut privileged = facts(true, true);
    privileged.role = Some(RoleFound {
        login: true,
        privileged: true,
    });
    assert!(refused(&it, &privileged, &ours(&it)));
}

#[test]
fn a_role_for_monitoring_looks_and_nothing_more_is_made_of_one_that_may_more() {
    let it = of(AccountAccess::Monitoring);
    let said = |facts: &AccountFacts, secret: &SecretFound| {
        propose_account("p-0", &it, facts, secret, &[], None)
    };
    let open = AccountFacts {
        database: Some(DatabaseFound {
            open: true,
            public_connect: true,
        }),
        ..facts(false, true)
    };
    let proposal = said(&open, &SecretFound::None);
    assert!(!proposal.is_refused());
    assert_eq!(proposal.title, "user app (monitoring) of database shop");
    let facts_told = proposal.facts.join("\n");
    assert!(
        facts_told.contains("pg_monitor") && facts_told.contains("5 sessions on each server"),
        "{facts_told}"
    );
    // Nobody is told to lock others out of a database that it only looks from.
    let warned = proposal
        .checks
        .iter()
        .find(|it| it.verdict == CheckVerdict::Warn);
    assert!(warned.is_none(), "{warned:?}");
    assert!(
        refused(&it, &facts(false, false), &SecretFound::None),
        "no database"
    );

    // Begun before: what somebody has set of it stays.
    let again = said(&facts(true, true), &ours(&it));
    assert!(!again.is_refused());
    let told = again.facts.join("\n");
    assert!(told.contains("as many sessions as it has"), "{told}");
    // An application's, or one that somebody has given more.
    assert!(refused(&it, &facts(true, true), &SecretFound::None));
    assert!(refused(&it, &facts(true, true), &ours(&request(true))));
    let more = AccountFacts {
        role_has: vec!["it is in the role pg_write_server_files".to_owned()],
        ..facts(true, true)
    };
    assert!(refused(&it, &more, &ours(&it)));
    let application = request(false);
    assert!(!refused(&application, &more, &ours(&application)));
    let limited = AccountRequest {
        limit: Some(2),
        ..it.clone()
    };
    assert_eq!(limited.limit_when_made(), Some(2));
    assert_eq!(request(true).limit_when_made(), None);
}

/// What is said of the settings of its sessions, and what to type about it.
fn settings_told(request: &AccountRequest, settings: &[&str]) -> Option<(String, String)> {
    let facts = AccountFacts {
        settings: settings.iter().map(|it| (*it).to_owned()).collect(),
        ..facts(false, true)
    };
    let proposal = propose_account("p-0", request, &facts, &SecretFound::None, &[], None);
    assert!(!proposal.is_refused());
    let mut checks = proposal.checks.into_iter();
    let check = checks.find(|it| it.check == "settings")?;
    assert_eq!(check.verdict, CheckVerdict::Warn);
    Some((check.reason, check.next.unwrap_or_default()))
}

#[test]
fn what_the_database_has_set_for_its_sessions_may_be_in_the_way() {
    let it = request(false);
    let (reason, next) = settings_told(&it, &["search_path=public"]).expect("a warning");
    assert!(reason.contains("search_path is public"), "{reason}");
    let sql = r#"alter role "app" in database "shop" set search_path = "$user", public"#;
    assert!(next.contains(sql), "{next}");
    let read_only = ["default_transaction_read_only=On", "search_path=public"];
    let (reason, next) = settings_told(&it, &read_only).expect("a warning");
    assert!(reason.contains("can't write"), "{reason}");
    assert!(
        next.contains("default_transaction_read_only = off"),
        "{next}"
    );
    for fine in [
        &[][..],
        &["search_path=\"$user\", public"],
        &["search_path=app"],
        // Of several the first counts.
        &["search_path=app, public", "search_path=public"],
        &["default_transaction_read_only=f"],
    ] {
        assert_eq!(settings_told(&it, fine), None, "{fine:?}");
    }
    assert_eq!(settings_told(&request(true), &read_only), None);
}

#[test]
fn what_is_read_has_to_be_there() {
    let it = request(true);
    assert!(refused(&it, &facts(false, false), &SecretFound::None));
    assert!(!refused(&it, &facts(false, true), &SecretFound::None));
}

#[test]
fn who_may_not_make_the_secret_is_told_the_role_for_it() {
    let it = request(false);
    let missing = ["create secrets".to_owned()];
    let proposal = propose_account(
        "p-0",
        &it,
        &facts(false, false),
        &SecretFound::None,
        &missing,
        None,
    );
    assert!(proposal.is_refused());
    let check = &proposal.checks[3];
    assert!(check.reason.contains("create secrets"));
    assert!(
        check
            .next
            .as_ref()
            .is_some_and(|it| it.contains("pgctl-users"))
    );
}

#[test]
fn names_are_easy_to_write_or_refused() {
    for name in ["app", "shop_2", "a-b"] {
        assert_eq!(bad_account_name(name), None, "{name}");
    }
    let long = "a".repeat(64);
    for name in [
        "",
        "App",
        "pg_app",
        "public",
        "1a",
        "a b",
        "a\"b",
        "a'; drop",
        "ä",
        long.as_str(),
    ] {
        assert!(bad_account_name(name).is_some(), "{name}");
    }
    assert_eq!(account_secret("c", "shop_app"), "c-user-shop-app");
}

fn drop_of(left: &AccountLeft, sessions: u32, disconnect: bool) -> ChangeProposal {
    let request = AccountDropRequest {
        role: "app".to_owned(),
        secret: "c-user-app".to_owned(),
        disconnect,
    };
    let sessions = [("p-0".to_owned(), sessions)];
    propose_account_drop(
        &request,
        left,
        &sessions,
        &[],
        &SecretFound::None,
        &[],
        None,
    )
}

#[test]
fn what_it_owns_and_who_uses_it_keeps_a_role() {
    let bare = AccountLeft {
        role: facts(true, true).role,
        owns_in: Vec::new(),
        owns_databases: Vec::new(),
        known_in: vec!["shop".to_owned()],
    };
    assert!(!drop_of(&bare, 0, false).is_refused());
    assert!(drop_of(&bare, 2, false).is_refused());
    assert!(!drop_of(&bare, 2, true).is_refused());
    let owns = AccountLeft {
        owns_in: vec!["it's".to_owned()],
        ..bare.clone()
    };
    let proposal = drop_of(&owns, 0, false);
    assert!(proposal.is_refused());
    let next = proposal.checks[1].next.clone().unwrap_or_default();
    assert!(
        next.contains("reassign owned by \"app\" to current_user"),
        "{next}"
    );
    let owns = AccountLeft {
        owns_in: vec!["-x".to_owned()],
        ..bare.clone()
    };
    let next = drop_of(&owns, 0, false).checks[1].next.clone();
    assert!(next.is_some_and(|it| it.contains(" --database=-x ")));
    let owner = AccountLeft {
        owns_databases: vec!["shop".to_owned()],
        ..bare.clone()
    };
    assert!(drop_of(&owner, 0, true).is_refused());
    // It went before, and its Secret is left.
    let gone = AccountLeft { role: None, ..bare };
    assert!(!drop_of(&gone, 0, false).is_refused());
}
