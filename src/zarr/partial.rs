//! A folder that appears under its name only when it is complete.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};

/// A hidden folder beside the target, `.<name>.<random>.partial`; removed when dropped.
#[derive(Debug)]
pub(super) struct PartialFolder {
    target: PathBuf,
    overwrite: bool,
    folder: TempDir,
}

impl PartialFolder {
    /// Makes the folder on the target's file system.
    ///
    /// # Errors
    /// `Option` when `target` has no name, exists without `overwrite`, or is something else than a Zarr folder; `Io`.
    pub fn create(target: &Path, overwrite: bool) -> Result<Self> {
        let target = match target.symlink_metadata() {
            Ok(_) => replaceable(target, overwrite)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => target.to_owned(),
            Err(error) => return Err(Error::io(target, error)),
        };
        if target.file_name().is_none() {
            return Err(Error::option(
                "--output",
                format!("{} is not the name of a folder", target.display()),
            ));
        }
        let folder = sibling(&target, ".partial")?;
        Ok(Self { target, overwrite, folder })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where it will appear.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the folder its name. A target to be overwritten steps aside first and is removed last, so that a crash
    /// leaves the old one, the new one or none under the name.
    ///
    /// # Errors
    /// `Io`; the old target is then back, except when only its removal failed.
    pub fn commit(self) -> Result<()> {
        let Self { target, overwrite, mut folder } = self;
        let io = |error| Error::io(&target, error);
        sync(folder.path())?;
        let old = if overwrite && target.exists() {
            let aside = sibling(&target, ".old")?;
            fs::rename(&target, aside.path().join("old")).map_err(io)?;
            Some(aside)
        } else if target.exists() {
            // It appeared while this one was written. On some systems a rename would replace it, were it empty.
            return Err(io(io::ErrorKind::AlreadyExists.into()));
        } else {
            None
        };
        if let Err(error) = fs::rename(folder.path(), &target) {
            if let Some(aside) = old {
                restore(aside, &target)?;
            }
            return Err(io(error));
        }
        folder.disable_cleanup(true);
        sync(parent(&target))?;
        match old {
            Some(aside) => {
                let path = aside.path().to_owned();
                aside.close().map_err(|error| Error::io(path, error))
            }
            None => Ok(()),
        }
    }
}

/// Puts the old target back; if even that fails, it stays where it stepped aside.
fn restore(mut aside: TempDir, target: &Path) -> Result<()> {
    let old = aside.path().join("old");
    fs::rename(&old, target).map_err(|error| {
        aside.disable_cleanup(true);
        Error::io(old, error)
    })
}

/// The real place of a target that may be replaced.
fn replaceable(target: &Path, overwrite: bool) -> Result<PathBuf> {
    let refuse = |flag, what| Err(Error::option(flag, format!("{} {what}", target.display())));
    if !overwrite {
        return refuse("--output", "exists; --overwrite would replace it");
    }
    let real = target.canonicalize().map_err(|error| Error::io(target, error))?;
    let entries = |folder: &Path| fs::read_dir(folder).map_err(|error| Error::io(folder, error));
    if !real.is_dir() {
        return refuse("--overwrite", "is not a folder, so it is not replaced");
    }
    // A slip of the keyboard must not cost anyone a folder of theirs.
    let is_zarr = ["zarr.json", ".zgroup", ".zarray"].iter().any(|name| real.join(name).is_file());
    if !is_zarr && entries(&real)?.next().is_some() {
        return refuse("--overwrite", "is not a Zarr folder, so it is not replaced");
    }
    Ok(real)
}

/// A new folder next to `target`.
fn sibling(target: &Path, suffix: &str) -> Result<TempDir> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(suffix)
        .tempdir_in(parent(target))
        .map_err(|error| Error::io(parent(target), error))
}

fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Flushes the names in a folder, where the system has such a thing.
#[cfg(unix)]
fn sync(folder: &Path) -> Result<()> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    match synced {
        // Some network file systems cannot.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        other => other.map_err(|error| Error::io(folder, error)),
    }
}

#[cfg(not(unix))]
fn sync(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn appears_on_commit_only_and_leaves_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out.zarr");
        let partial = PartialFolder::create(&target, false).unwrap();
        fs::write(partial.path().join("zarr.json"), "new").unwrap();
        assert!(!target.exists());
        partial.commit().unwrap();
        assert_eq!(names(home.path()), ["out.zarr"]);
        assert_eq!(fs::read_to_string(target.join("zarr.json")).unwrap(), "new");
    }

    #[test]
    fn the_old_one_stays_until_the_new_one_is_complete() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out.zarr");
        zarr_folder(&target, "old");
        assert!(matches!(PartialFolder::create(&target, false), Err(Error::Option { .. })));
        drop(PartialFolder::create(&target, true).unwrap());
        let partial = PartialFolder::create(&target, true).unwrap();
        fs::write(partial.path().join("zarr.json"), "new").unwrap();
        assert_eq!(fs::read_to_string(target.join("zarr.json")).unwrap(), "old");
        partial.commit().unwrap();
        assert_eq!(fs::read_to_string(target.join("zarr.json")).unwrap(), "new");
        assert_eq!(names(home.path()), ["out.zarr"]);
    }

    #[test]
    fn what_is_not_a_zarr_folder_is_never_replaced() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("thesis.doc"), "precious").unwrap();
        let file = home.path().join("thesis.doc");
        for target in [home.path(), &file, Path::new("/"), Path::new("..")] {
            let refused = PartialFolder::create(target, true);
            assert!(matches!(refused, Err(Error::Option { .. })), "{}: {refused:?}", target.display());
        }
        assert_eq!(names(home.path()), ["thesis.doc"]);
    }

    #[test]
    fn a_target_that_appears_meanwhile_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out.zarr");
        let partial = PartialFolder::create(&target, false).unwrap();
        zarr_folder(&target, "other");
        assert!(matches!(partial.commit(), Err(Error::Io { .. })));
        assert_eq!(fs::read_to_string(target.join("zarr.json")).unwrap(), "other");
        assert_eq!(names(home.path()), ["out.zarr"]);
    }

    #[test]
    fn a_missing_parent_is_an_io_error_with_its_path() {
        let home = tempfile::tempdir().unwrap();
        let parent = home.path().join("missing");
        match PartialFolder::create(&parent.join("out.zarr"), false) {
            Err(Error::Io { path, source }) => {
                assert_eq!((path, source.kind()), (parent, io::ErrorKind::NotFound));
            }
            other => panic!("{other:?}"),
        }
    }
}
