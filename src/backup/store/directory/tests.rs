use std::os::unix::fs::PermissionsExt as _;

use super::*;

const ID: &str = "n_c_20261123T155217Z_logical_3fa9";

fn store() -> anyhow::Result<(tempfile::TempDir, DirectoryStore)> {
    let folder = tempfile::tempdir()?;
    let store = DirectoryStore::new(&folder.path().join("deep/store"))?;
    Ok((folder, store))
}

fn write(unfinished: &Arc<dyn UnfinishedBackup>, file: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let mut writer = unfinished.create(file)?;
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

#[test]
fn it_is_partial_until_committed_and_private_always() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    assert_eq!(store.list()?, Listing::default());
    let unfinished = store.begin(ID)?;
    write(&unfinished, "a.sql", b"text")?;
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
    write(&unfinished, "a.sql", b"text")?;
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
    write(&unfinished, "a.sql", b"text")?;
    let file = |bytes| StoredFile {
        name: "a.sql".to_owned(),
        bytes,
    };
    let error = unfinished.commit(&[file(5)], b"{}").expect_err("too short");
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    assert!(store.remove_unfinished(ID)?);
    assert!(unfinished.still_written().is_err());
    let error = unfinished.commit(&[file(4)], b"{}").expect_err("deleted");
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    unfinished
        .commit(&[], b"{}")
        .expect_err("the folder is gone");
    assert_eq!(store.list()?, Listing::default());
    Ok(())
}

#[test]
fn a_backup_that_was_finished_in_the_meantime_is_not_removed_as_unfinished() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    let unfinished = store.begin(ID)?;
    write(&unfinished, "a.sql", b"text")?;
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
    let unfinished = store.begin(ID)?;
    write(&unfinished, "a.sql", b"text")?;
    let folder = store.root.join(format!("{ID}{PARTIAL}"));
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
fn a_finished_backup_is_never_written_over() -> anyhow::Result<()> {
    let (_folder, store) = store()?;
    let first = store.begin(ID)?;
    write(&first, "a.sql", b"text")?;
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
