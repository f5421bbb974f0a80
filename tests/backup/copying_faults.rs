//! Copies beside others, into places that are none, and into stores that hang.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use hyper::Method;
use pgctl::backup::catalogue::{Catalogue, record};
use pgctl::backup::copy::{Copied, CopyError, CopyState, Proof, Silence, two_places};
use pgctl::backup::format::write_checksummed;
use pgctl::backup::store::Store;
use pgctl::events::RunEvent;

use crate::common::is_empty;
use crate::copying::{
    GLOBALS, SECOND, compared, copied, copied_and, directory, listed, small, verification, work,
};
use crate::support::{BUCKET, S3Server, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_read_in_the_second_store_is_not_called_verified() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let from = directory(folder.path(), "from");
    let to = directory(folder.path(), "to");
    let (_keep, work) = work(&from, &to);
    let id = small(&from, 1).await.id;
    copied(&work, &id).await?;
    // It rots there, and is verified here.
    let mut flipped = GLOBALS.to_vec();
    flipped[7] ^= 1;
    std::fs::write(folder.path().join("to").join(&id).join(SECOND), flipped)?;
    let entry = Catalogue::read(&from).await?.entries.remove(0);
    record(from.as_ref(), &verification(&id, entry.fingerprint, &[]))?;
    assert_eq!(copied(&work, &id).await?, Copied::Before);
    let there = Catalogue::read(&to).await?.entries.remove(0);
    assert_eq!(there.verification, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_copy_the_same_backup_at_the_same_time_end_neither_of_them() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    let from = directory(folder.path(), "from");
    let id = small(&from, 1).await.id;
    let bucket: Arc<dyn Store> = Arc::new(s3.store("p"));
    for to in [directory(folder.path(), "to"), bucket] {
        let ((_keep, first), (_keep_too, second)) = (work(&from, &to), work(&from, &to));
        let (a, b) = futures::join!(copied(&first, &id), copied(&second, &id));
        let both = [a, b];
        assert!(both.iter().any(Result::is_ok), "{both:?}");
        for copied in both {
            assert!(
                copied
                    .as_ref()
                    .map_or_else(CopyError::is_about_one, |_| true),
                "{copied:?}"
            );
        }
        assert_eq!(compared(&from, &to, &id).await, CopyState::Equal);
        assert_eq!(listed(&to).await.partial, [""; 0]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_hangs_is_told_of_and_given_up() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    let from = directory(folder.path(), "from");
    let to: Arc<dyn Store> = Arc::new(s3.store("p"));
    let id = small(&from, 1).await.id;
    let (_keep, mut work) = work(&from, &to);
    s3.hold(Method::PUT, "manifest.json");
    work.silence = Silence {
        said_after: Duration::from_millis(100),
        given_up_after: Duration::from_secs(5),
    };
    let told = Mutex::new(Vec::new());
    let tell = |event| {
        if let RunEvent::Warning { message } = event {
            told.lock().expect("no panic").push(message);
        }
    };
    let error = copied_and(&work, &id, &tell).await.expect_err("it hangs");
    assert!(matches!(error, CopyError::Silent(_)), "{error}");
    let told = told.into_inner()?;
    let is_said = told.iter().any(|it| it.contains("a store does not answer"));
    assert!(is_said, "{told:?}");
    s3.let_go();
    work.silence = Silence::default();
    // What hung is finished in the end.
    eventually("it is copied", async || copied(&work, &id).await.ok()).await;
    assert_eq!(compared(&from, &to, &id).await, CopyState::Equal);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_his_mark_removed_is_not_told_that_all_is_there_by_its_sizes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    let from = directory(folder.path(), "from");
    let to: Arc<dyn Store> = Arc::new(s3.store("p"));
    let id = small(&from, 1).await.id;
    let (_keep, work) = work(&from, &to);
    s3.hold(Method::PUT, "manifest.json");
    let mark = s3.folder().join(BUCKET).join("p").join(&id).join("partial");
    let removing = async {
        let held = async || s3.holds().then_some(());
        eventually("the manifest is on its way", held).await;
        // Somebody has begun to remove it, and may go on.
        std::fs::remove_file(mark).expect("it is there");
        s3.let_go();
    };
    let (copy, ()) = futures::join!(copied(&work, &id), removing);
    assert!(matches!(copy, Err(CopyError::Removed(_))), "{copy:?}");
    // Nobody did.
    assert_eq!(copied(&work, &id).await?, Copied::Before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_of_one_copy_hides_none_of_the_others() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let from = directory(folder.path(), "from");
    let to = directory(folder.path(), "to");
    let (_keep, work) = work(&from, &to);
    let (file, empty) = (small(&from, 2).await.id, small(&from, 1).await.id);
    std::fs::create_dir_all(folder.path().join("to").join(&empty))?;
    std::fs::write(folder.path().join("to").join(&file), "in the way")?;
    for id in [file, empty] {
        let error = copied(&work, &id).await.expect_err("it is in the way");
        assert!(matches!(error, CopyError::Different(_)), "{error}");
        let found = compared(&from, &to, &id).await;
        assert!(matches!(found, CopyState::Different { .. }), "{found:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_the_place_that_it_is_copied_from_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let from = directory(folder.path(), "from");
    small(&from, 1).await;
    std::os::unix::fs::symlink("from", folder.path().join("link"))?;
    std::fs::create_dir(folder.path().join("to"))?;
    let s3 = S3Server::start().await;
    let bucket: Arc<dyn Store> = Arc::new(s3.store("p"));
    // Whoever looks at its address only can't know.
    let by_another_name: Arc<dyn Store> = Arc::new(s3.store_by_another_name("p"));
    let other: Arc<dyn Store> = Arc::new(s3.store("q"));
    let looked = async |from: &Arc<dyn Store>, to: &Arc<dyn Store>, proof: Proof| {
        let two = two_places(from, to, proof, Silence::default(), &|_| {}).await;
        match two {
            Ok(()) => "two",
            Err(CopyError::SamePlace) => "one",
            Err(CopyError::NotThere(_)) => "none",
            Err(_) => "unknown",
        }
    };
    let link = directory(folder.path(), "link");
    let to = directory(folder.path(), "to");
    let missing = directory(folder.path(), "mnt/to");
    for proof in [Proof::Looking, Proof::Writing] {
        assert_eq!(looked(&from, &link, proof).await, "one");
        assert_eq!(looked(&from, &to, proof).await, "two");
        assert_eq!(looked(&from, &bucket, proof).await, "two");
        assert_eq!(looked(&bucket, &other, proof).await, "two");
        assert_eq!(looked(&bucket, &bucket, proof).await, "one");
        assert_eq!(looked(&from, &missing, proof).await, "none");
    }
    assert!(!folder.path().join("mnt").exists());
    assert_eq!(
        looked(&bucket, &by_another_name, Proof::Writing).await,
        "one"
    );
    // Nothing is left of the trial.
    let left = std::fs::read_dir(folder.path().join("to"))?.count();
    assert_eq!(left, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_names_an_archive_twice_is_not_trusted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let from = directory(folder.path(), "from");
    let to = directory(folder.path(), "to");
    let (_keep, work) = work(&from, &to);
    let mut made = small(&from, 1).await;
    let again = made.archives[0].clone();
    made.archives.push(again);
    let file = folder
        .path()
        .join("from")
        .join(&made.id)
        .join("manifest.json");
    std::fs::write(file, write_checksummed(&made)?)?;
    let error = copied(&work, &made.id).await.expect_err("twice");
    assert!(matches!(error, CopyError::Damaged(_)), "{error}");
    assert!(error.to_string().contains("twice"), "{error}");
    assert!(is_empty(&to).await);
    Ok(())
}
