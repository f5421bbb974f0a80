//! Logging in, with plugins that are small shell scripts.

use std::time::{Duration, Instant};

use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::LoginError;
use super::plugin;
use super::source::Source;

const LIMIT: Duration = Duration::from_secs(60);

fn plugin(script: &str) -> ExecConfig {
    ExecConfig {
        api_version: Some("client.authentication.k8s.io/v1".to_owned()),
        command: Some("sh".to_owned()),
        args: Some(vec!["-c".to_owned(), script.to_owned()]),
        interactive_mode: Some(ExecInteractiveMode::Never),
        install_hint: Some("brew install it".to_owned()),
        ..ExecConfig::default()
    }
}

async fn fails(script: &str) -> LoginError {
    match plugin::run(&plugin(script), LIMIT).await {
        Ok(_) => panic!("{script}: it gave something"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn json_and_yaml_are_answers() {
    for script in [
        r#"echo '{"status": {"token": "t0ken"}}'"#,
        "printf 'kind: ExecCredential\nstatus:\n  token: t0ken\n'",
    ] {
        let answer = plugin::run(&plugin(script), LIMIT).await;
        let token = answer.ok().and_then(|answer| answer.token);
        let token = token.expect("a token");
        assert_eq!(token.expose_secret(), "t0ken", "{script}");
    }
}

#[tokio::test]
async fn nothing_of_an_answer_is_ever_told() {
    for script in [
        r#"echo '{"status": {"token": "c0rrect-h0rse"}}'; echo "for c0rrect-h0rse" >&2; exit 3"#,
        "echo c0rrect-h0rse; exit 3",
        "echo 'token: c0rrect-h0rse: ['; echo 'bad: c0rrect-h0rse' >&2",
        r#"echo '{"status": {"clientKeyData": "c0rrect-h0rse"}}'"#,
        r#"echo '{"status": {"token": "t", "expirationTimestamp": "c0rrect-h0rse"}}'"#,
    ] {
        let error = fails(script).await;
        for said in [error.to_string(), format!("{error:?}"), error.advice()] {
            assert!(!said.contains("c0rrect-h0rse"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_failure_is_told_with_status_stderr_and_hint() {
    let error = fails("printf '\\033[31mSSO session\\033[0m\\nhas expired\\n' >&2; exit 255").await;
    assert_eq!(
        error.to_string(),
        "its credential plugin sh failed with exit status 255; it says: SSO session has expired"
    );
    assert!(error.advice().contains("brew install it"));
    assert!(!error.is_of_the_file());
    let error = fails("kill -9 $$").await;
    assert!(error.to_string().contains("signal 9"), "{error}");
}

#[tokio::test]
async fn one_that_is_not_there_is_told_with_its_hint() {
    let exec = ExecConfig {
        command: Some("/nonexistent/plugin".to_owned()),
        ..plugin("")
    };
    let error = plugin::run(&exec, LIMIT).await.err().expect("none there");
    assert!(error.to_string().contains("/nonexistent/plugin"), "{error}");
    assert!(error.advice().contains("brew install it"));
}

#[tokio::test]
async fn one_that_hangs_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alive");
    let script = format!(
        "(sleep 3; touch {}) & echo 'open https://login' >&2; sleep 600",
        file.display()
    );
    let began = Instant::now();
    let limit = Duration::from_secs(1);
    let error = plugin::run(&plugin(&script), limit)
        .await
        .err()
        .expect("no answer");
    assert!(began.elapsed() < Duration::from_secs(300));
    let said = error.to_string();
    assert!(said.contains("no answer within 1 s"), "{said}");
    assert!(said.contains("open https://login"), "{said}");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!file.exists(), "what it started went on");
}

#[tokio::test]
async fn a_process_left_behind_does_not_hold_the_answer() {
    let script = r#"echo '{"status": {"token": "t"}}'; sleep 600 &"#;
    let began = Instant::now();
    let answer = plugin::run(&plugin(script), Duration::from_secs(300)).await;
    assert!(answer.is_ok_and(|answer| answer.token.is_some()));
    assert!(began.elapsed() < Duration::from_secs(300));
}

#[tokio::test]
async fn what_no_header_can_carry_is_refused() {
    let token = Some(SecretString::from("t0ken-secret\n"));
    let mut user = AuthInfo {
        token,
        ..AuthInfo::default()
    };
    let source = Source::take(&mut user).expect("a token");
    let error = source.ask(LIMIT).await.expect_err("it has a line break");
    assert!(error.to_string().contains("a line break"), "{error}");
    assert!(!error.to_string().contains("t0ken"), "{error}");
    let script = r#"printf '%s' '{"status": {"token": "t0ken-secret\n"}}'"#;
    let source = Source::Plugin(Box::new(plugin(script)));
    let error = source.ask(LIMIT).await.expect_err("it has a line break");
    assert!(
        error.to_string().contains("gave a token that has a line"),
        "{error}"
    );
    assert!(!error.to_string().contains("t0ken"), "{error}");
}

#[tokio::test]
async fn a_file_may_end_in_a_line_break_and_counts_before_the_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "from-file\r\n").expect("written");
    let mut user = AuthInfo {
        token: Some(SecretString::from("inline")),
        token_file: Some(file.display().to_string()),
        ..AuthInfo::default()
    };
    let source = Source::take(&mut user).expect("a file");
    let header = |given: super::source::Given| given.header.expect("a header");
    let given = source.ask(LIMIT).await.expect("a token");
    assert_eq!(header(given), "Bearer from-file");
    std::fs::remove_file(&file).expect("removed");
    let given = source.ask(LIMIT).await.expect("the other token");
    assert_eq!(header(given), "Bearer inline");
}
