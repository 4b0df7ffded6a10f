use serde_json::json;

use super::*;
use crate::output::unfinished::Stored;
use crate::space::Tczyx;

fn zarr_folder(target: &Path, mark: &str) {
    fs::create_dir(target).unwrap();
    fs::write(target.join("zarr.json"), mark).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>();
    names.sort();
    names
}

fn target(path: &Path) -> Target {
    Target::new(path)
}

const RULES: Rules = Rules { why_kept, identity: |_| None };

/// A folder is one of Zarr, and nothing else is.
fn why_kept(path: &Path) -> Result<Option<&'static str>> {
    Ok((!path.join("zarr.json").is_file()).then_some("is not a Zarr folder"))
}

fn open_as(target: &Target, identity: &Value) -> Result<(PartialFolder, Past)> {
    let names = std::slice::from_ref(&target.path);
    let opened = PartialFolder::open(target, (names, RULES), identity, &Arc::default())?;
    opened.0.make(&opened.0.path(0))?;
    Ok(opened)
}

fn open(target: &Target) -> Result<PartialFolder> {
    open_as(target, &json!({ "a": 1 })).map(|(partial, _)| partial)
}

fn finish_a_shard(partial: &PartialFolder) {
    let stored = Stored { bytes: 0, range: None, in_file: None };
    partial.record().stored((0, 0, Tczyx::new(0, 0, 0, 0, 0)), stored).unwrap();
    partial.keep();
}

#[test]
fn appears_on_commit_only_and_leaves_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("out.zarr");
    let partial = open(&target(&path)).unwrap();
    fs::write(partial.path(0).join("zarr.json"), "new").unwrap();
    finish_a_shard(&partial);
    assert!(!path.exists());
    partial.commit().unwrap();
    assert_eq!(names(home.path()), ["out.zarr"]);
    assert_eq!(fs::read_to_string(path.join("zarr.json")).unwrap(), "new");
}

#[test]
fn the_old_one_stays_until_the_new_one_is_complete() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("out.zarr");
    zarr_folder(&path, "old");
    let overwrite = Target { overwrite: true, ..target(&path) };
    assert!(matches!(open(&target(&path)), Err(Error::Option { .. })));
    drop(open(&overwrite).unwrap());
    let partial = open(&overwrite).unwrap();
    fs::write(partial.path(0).join("zarr.json"), "new").unwrap();
    assert_eq!(fs::read_to_string(path.join("zarr.json")).unwrap(), "old");
    partial.commit().unwrap();
    assert_eq!(fs::read_to_string(path.join("zarr.json")).unwrap(), "new");
    assert_eq!(names(home.path()), ["out.zarr"]);
}

#[test]
fn what_is_finished_stays_and_only_the_same_run_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let new = target(&home.path().join("out.zarr"));
    let resume = Target { resume: true, ..new.clone() };
    let overwrite = Target { overwrite: true, ..new.clone() };

    drop(open(&new).unwrap());
    assert_eq!(names(home.path()), [""; 0], "nothing was finished");
    let partial = open(&new).unwrap();
    fs::write(partial.unnamed().join("half"), "torn").unwrap();
    finish_a_shard(&partial);
    drop(partial);
    assert_eq!(names(home.path()), [".out.zarr.partial"]);

    let refused = open(&new).unwrap_err().to_string();
    assert!(refused.contains("1 shards finished; --resume"), "{refused}");
    let other = open_as(&resume, &json!({ "a": 2 })).unwrap_err().to_string();
    assert!(other.contains("a was 1, is 2"), "{other}");
    for _ in 0..2 {
        let (partial, past) = open_as(&resume, &json!({ "a": 1 })).unwrap();
        assert_eq!((past.shards.len(), names(&partial.unnamed()).len()), (1, 0));
    }
    let (partial, past) = open_as(&overwrite, &json!({ "a": 2 })).unwrap();
    assert!(past.shards.is_empty());
    drop(partial);
    assert_eq!(names(home.path()), [""; 0]);
}

#[test]
fn a_record_that_is_not_understood_is_refused_until_it_may_be_thrown_away() {
    let home = tempfile::tempdir().unwrap();
    let new = target(&home.path().join("out.zarr"));
    let image = home.path().join(".out.zarr.partial/image");
    fs::create_dir_all(&image).unwrap();
    fs::write(home.path().join(".out.zarr.partial/record"), "what?\n").unwrap();
    for resume in [false, true] {
        let refused = open(&Target { resume, ..new.clone() }).unwrap_err().to_string();
        assert!(refused.contains("another version"), "{refused}");
        assert!(image.exists());
    }
    open(&Target { overwrite: true, ..new }).unwrap();
}

#[test]
fn a_crash_between_the_renames_loses_neither() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("out.zarr");
    zarr_folder(&path, "old");
    let overwrite = Target { overwrite: true, resume: true, ..target(&path) };
    let partial = open(&overwrite).unwrap();
    finish_a_shard(&partial);
    fs::rename(&path, home.path().join(".out.zarr.partial/old")).unwrap();
    drop(partial);
    let (partial, past) = open_as(&overwrite, &json!({ "a": 1 })).unwrap();
    assert_eq!((fs::read_to_string(path.join("zarr.json")).unwrap().as_str(), past.shards.len()), ("old", 1));
    partial.commit().unwrap();
    assert_eq!(names(home.path()), ["out.zarr"]);
}

#[test]
fn what_is_not_a_zarr_folder_is_never_replaced() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("thesis.doc"), "precious").unwrap();
    let file = home.path().join("thesis.doc");
    for path in [home.path(), &file, Path::new("/"), Path::new("..")] {
        let refused = open(&Target { overwrite: true, ..target(path) });
        assert!(matches!(refused, Err(Error::Option { .. })), "{}: {refused:?}", path.display());
    }
    assert_eq!(names(home.path()), ["thesis.doc"]);
}

#[test]
fn a_target_that_appears_meanwhile_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("out.zarr");
    let partial = open(&target(&path)).unwrap();
    zarr_folder(&path, "other");
    assert!(matches!(partial.commit(), Err(Error::Io { .. })));
    drop(partial);
    assert_eq!(fs::read_to_string(path.join("zarr.json")).unwrap(), "other");
    assert_eq!(names(home.path()), ["out.zarr"]);
}

#[test]
fn a_missing_parent_is_an_io_error_with_its_path() {
    let home = tempfile::tempdir().unwrap();
    let parent = home.path().join("missing");
    match open(&target(&parent.join("out.zarr"))) {
        Err(Error::Io { path, source }) => {
            assert_eq!((path, source.kind()), (parent, io::ErrorKind::NotFound));
        }
        other => panic!("{other:?}"),
    }
}
