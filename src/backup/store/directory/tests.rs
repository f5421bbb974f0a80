use std::os::unix::fs::PermissionsExt as _;
use std::time::SystemTime;

use super::*;

const ID: &str = "n_c_20261123T155217Z_logical_3fa9";

fn store() -> anyhow::Result<(tempfile::TempDir, DirectoryStore)> {
    let folder = tempfile::tempdir()?;
    let store = DirectoryStore::new(&folder.path().join("deep/store"))?;
    Ok((folder, store))
}

fn write(unfinished: &dyn UnfinishedBackup, file: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let mut writer = unfinished.create(file)?;
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

#[test]
fn it_is_partial_until_committed_and_private_always() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    assert_eq!(store.list()?, Listing::default());
    let unfinished = store.begin(ID)?;
    write(unfinished.as_ref(), "a.sql", b"text")?;
    assert_eq!(store.list()?.partial, [ID]);
    assert_eq!(store.list()?.finished, [""; 0]);
    assert!(store.open(ID, "a.sql").is_err());
    unfinished.commit(&[], b"{}")?;
    assert_eq!(store.list()?.finished, [ID]);
    assert_eq!(store.list()?.partial, [""; 0]);
    let mode = |path: &Path| fs::metadata(path).map(|meta| meta.permissions().mode() & 0o777);
    let backup = store.root.join(ID);
    assert_eq!(mode(&store.root)?, 0o700);
    assert_eq!(mode(&backup)?, 0o700);
    for file in ["a.sql", MANIFEST_FILE] {
        assert_eq!(mode(&backup.join(file))?, 0o600, "{file}");
    }
    let mut text = String::new();
    store.open(ID, "a.sql")?.read_to_string(&mut text)?;
    assert_eq!(text, "text");
    Ok(())
}

#[test]
fn a_discarded_draft_leaves_nothing() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    let unfinished = store.begin(ID)?;
    write(unfinished.as_ref(), "a.sql", b"text")?;
    unfinished.discard()?;
    assert_eq!(fs::read_dir(&store.root)?.count(), 0);
    Ok(())
}

#[test]
fn removing_takes_the_finished_and_the_unfinished() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    store.begin(ID)?.commit(&[], b"{}")?;
    store.remove(ID)?;
    store.begin(ID)?;
    store.remove(ID)?;
    assert_eq!(fs::read_dir(&store.root)?.count(), 0);
    Ok(())
}

#[test]
fn a_draft_whose_files_were_deleted_can_not_be_finished() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    let unfinished = store.begin(ID)?;
    write(unfinished.as_ref(), "a.sql", b"text")?;
    let file = |bytes| StoredFile {
        name: "a.sql".to_owned(),
        bytes,
    };
    let error = unfinished.commit(&[file(5)], b"{}").expect_err("too short");
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    assert!(store.remove_unfinished(ID)?);
    let error = unfinished.commit(&[file(4)], b"{}").expect_err("deleted");
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    unfinished
        .commit(&[], b"{}")
        .expect_err("the folder is gone");
    let unfinished = store.begin(ID)?;
    assert!(store.remove_unfinished(ID)?);
    assert!(unfinished.still_written().is_err());
    assert_eq!(store.list()?, Listing::default());
    Ok(())
}

#[test]
fn a_backup_that_was_finished_in_the_meantime_is_not_removed_as_unfinished() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    let unfinished = store.begin(ID)?;
    write(unfinished.as_ref(), "a.sql", b"text")?;
    assert!(store.last_written(ID)?.is_some());
    unfinished.commit(&[], b"{}")?;
    assert_eq!(store.last_written(ID)?, None);
    assert!(!store.remove_unfinished(ID)?);
    assert_eq!(store.list()?.finished, [ID]);
    assert!(store.open(ID, "a.sql").is_ok());
    Ok(())
}

#[test]
fn a_draft_shows_that_it_is_still_written() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    let unfinished = store.begun(ID)?;
    write(&unfinished, "a.sql", b"text")?;
    let folder = unfinished.folder.clone();
    let long_ago = SystemTime::UNIX_EPOCH;
    for path in [folder.join("a.sql"), folder] {
        File::open(path)?.set_modified(long_ago)?;
    }
    assert_eq!(store.last_written(ID)?, Some(Timestamp::UNIX_EPOCH));
    unfinished.still_written()?;
    assert!(store.last_written(ID)? > Some(Timestamp::UNIX_EPOCH));
    Ok(())
}

#[test]
fn a_sign_of_life_is_a_file_that_is_written_anew_and_is_gone_when_all_is_done() -> anyhow::Result<()>
{
    let (_folder, store) = store()?;
    let unfinished = store.begun(ID)?;
    let sign = unfinished.folder.join(SIGN_FILE);
    for _ in 0..2 {
        unfinished.still_written()?;
        // Whoever writes to a file does not say when: that does who keeps it.
        assert!(fs::metadata(&sign)?.len() > 0);
        File::options()
            .write(true)
            .open(&sign)?
            .set_modified(SystemTime::UNIX_EPOCH)?;
        File::open(&unfinished.folder)?.set_modified(SystemTime::UNIX_EPOCH)?;
    }
    assert_eq!(store.last_written(ID)?, Some(Timestamp::UNIX_EPOCH));
    unfinished.still_written()?;
    assert!(fs::metadata(&sign)?.modified()? > SystemTime::UNIX_EPOCH);
    unfinished.commit(&[], b"{}")?;
    // None comes after the end.
    unfinished.still_written()?;
    assert!(!store.root.join(ID).join(SIGN_FILE).exists());
    assert_eq!(store.list()?.partial, [""; 0]);
    Ok(())
}

#[test]
fn a_finished_backup_is_never_written_over() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    let first = store.begin(ID)?;
    write(first.as_ref(), "a.sql", b"text")?;
    first.commit(&[], b"{}")?;
    assert!(store.begin(ID).is_err());
    Ok(())
}

#[test]
fn what_is_not_a_backup_is_left_alone() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    make_folders(&store.root.join("mine"))?;
    fs::write(store.root.join("notes.txt"), "x")?;
    assert_eq!(store.list()?, Listing::default());
    for name in ["mine", "../deep", ".", ""] {
        assert!(store.remove(name).is_err(), "{name}");
        assert!(store.open(name, "a").is_err(), "{name}");
    }
    store.begin(ID)?.commit(&[], b"{}")?;
    for file in ["../../x", "/etc/passwd", "", ".hidden", "a/b"] {
        assert!(store.open(ID, file).is_err(), "{file}");
        assert!(store.put(ID, file, b"").is_err(), "{file}");
    }
    assert!(store.root.join("mine").exists());
    Ok(())
}

#[test]
fn who_was_removed_touches_nothing_of_who_copies_the_same_backup_after_him() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    let first = store.begin(ID)?;
    write(first.as_ref(), "a.sql", b"text")?;
    assert!(store.remove_unfinished(ID)?);
    let second = store.begin(ID)?;
    write(second.as_ref(), "a.sql", b"text")?;
    let file = StoredFile {
        name: "a.sql".to_owned(),
        bytes: 4,
    };
    assert!(first.create("b.sql").is_err());
    assert!(first.still_written().is_err());
    let error = first
        .commit(std::slice::from_ref(&file), b"{}")
        .expect_err("it is not his");
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    first.discard()?;
    second.commit(&[file], b"{}")?;
    first.discard()?;
    assert_eq!(store.list()?.finished, [ID]);
    assert_eq!(store.size(ID, "a.sql")?, Some(4));
    assert_eq!(store.size(ID, "b.sql")?, None);
    Ok(())
}

#[test]
fn who_is_taken_over_at_any_moment_of_finishing_finishes_nothing_of_who_comes_after_him()
-> anyhow::Result<()> {
    let file = StoredFile {
        name: "a.sql".to_owned(),
        bytes: 4,
    };
    let files = std::slice::from_ref(&file);
    for done in 0..3 {
        let (_folder, store) = store()?;
        let first = store.begun(ID)?;
        write(&first, "a.sql", b"text")?;
        let steps: [&dyn Fn() -> Result<(), StoreError>; 3] = [
            &|| first.is_whole(files),
            &|| first.write_manifest(b"{}"),
            &|| first.publish(),
        ];
        for step in &steps[..done] {
            step()?;
        }
        // Here he stands still for over an hour. The other has the same file already, and is not done.
        assert!(store.remove_unfinished(ID)?);
        let second = store.begin(ID)?;
        write(second.as_ref(), "a.sql", b"text")?;
        let error = steps[done..].iter().find_map(|step| step().err());
        let error = error.expect("it is not his");
        assert!(matches!(error, StoreError::Lost { .. }), "{error}");
        first.discard()?;
        let listing = store.list()?;
        assert_eq!(
            (listing.finished, listing.partial),
            (Vec::new(), vec![ID.to_owned()])
        );
        second.commit(files, b"{}")?;
        first.discard()?;
        assert_eq!(store.list()?.finished, [ID]);
        assert_eq!(store.size(ID, "a.sql")?, Some(4));
    }
    Ok(())
}

#[test]
fn two_that_write_the_same_backup_do_so_apart_and_the_first_has_made_it() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    let (first, second) = (store.begin(ID)?, store.begin(ID)?);
    write(first.as_ref(), "a.sql", b"text")?;
    write(second.as_ref(), "a.sql", b"longer")?;
    assert_eq!(store.list()?.partial, [ID]);
    first.commit(&[], b"{}")?;
    let error = second.commit(&[], b"{}").expect_err("it is there");
    assert!(matches!(error, StoreError::Taken { .. }), "{error}");
    second.discard()?;
    assert_eq!(store.list()?.finished, [ID]);
    assert_eq!(store.list()?.partial, [""; 0]);
    assert_eq!(store.size(ID, "a.sql")?, Some(4));
    Ok(())
}

#[test]
fn what_was_left_unfinished_is_known_by_its_name_with_a_word_in_it_or_without() -> anyhow::Result<()>
{
    let (_folder, store) = store()?;
    for name in ["", ".0123456789abcdef"] {
        for ending in [PARTIAL, DOOMED] {
            make_folders(&store.root.join(format!("{ID}{name}{ending}")))?;
        }
    }
    make_folders(&store.root.join(format!("mine{PARTIAL}")))?;
    assert_eq!(store.list()?.partial, [ID]);
    assert!(store.last_written(ID)?.is_some());
    assert!(store.remove_unfinished(ID)?);
    assert_eq!(store.last_written(ID)?, None);
    assert_eq!(fs::read_dir(&store.root)?.count(), 1);
    Ok(())
}

#[test]
fn a_directory_is_one_place_by_whatever_name() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let place = |name: &str| DirectoryStore::new(&folder.path().join(name))?.place();
    assert_eq!(place("a")?, None);
    for name in ["a", "b"] {
        fs::create_dir(folder.path().join(name))?;
    }
    std::os::unix::fs::symlink("a", folder.path().join("link"))?;
    for name in ["a/", "./a", "b/../a", "link", "link/"] {
        assert_eq!(place(name)?, place("a")?, "{name}");
    }
    assert_ne!(place("b")?, place("a")?);
    Ok(())
}
