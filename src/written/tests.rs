use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::*;
use crate::error::Error;

const JSON: IsKind = is_json;

fn refused(footprint: &Footprint) -> String {
    match footprint.check() {
        Err(error @ Error::Option { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn reading(input: &Path) -> Footprint {
    let mut footprint = Footprint::default();
    footprint.reads("the input", input);
    footprint
}

#[test]
fn a_file_that_is_read_is_not_written_by_any_name() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    fs::write(file("slide.czi"), "[precious]").unwrap();
    fs::create_dir(file("folder")).unwrap();
    let mut names = vec![file("slide.czi"), file("folder/../slide.czi"), file("./slide.czi")];
    fs::hard_link(file("slide.czi"), file("hard.json")).unwrap();
    names.push(file("hard.json"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("slide.czi", file("link")).unwrap();
        std::os::unix::fs::symlink(home.path(), file("folder/up")).unwrap();
        names.extend([file("link"), file("folder/up/slide.czi")]);
    }
    for name in names {
        let mut footprint = reading(&file("slide.czi"));
        footprint.writes("--summary", &name, JSON);
        let said = refused(&footprint);
        assert!(said.starts_with("--summary: ") && said.contains(" is the input"), "{said}");
    }
}

#[test]
fn folders_are_not_written_where_they_hold_or_lie_in_what_is_read() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    fs::create_dir_all(path("c.zarr/0")).unwrap();
    for (input, output, how) in [
        ("c.zarr", "c.zarr", "is the input"),
        ("c.zarr", "c.zarr/0/../../c.zarr", "is the input"),
        ("c.zarr/0", "c.zarr", "holds the input"),
        ("c.zarr", "c.zarr/0", "lies in the input"),
        ("c.zarr", "c.zarr/new/deeper", "lies in the input"),
    ] {
        let mut footprint = reading(&path(input));
        footprint.writes_folder("--output", &path(output));
        let said = refused(&footprint);
        assert!(said.contains(how), "{input} and {output}: {said}");
    }
    let mut footprint = reading(&path("c.zarr"));
    footprint.writes_folder("--output", &path("c.zarr.zarr"));
    footprint.writes("--summary", &path("summary.json"), JSON);
    footprint.check().unwrap();
}

#[test]
fn what_turns_out_to_be_read_is_not_written() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    fs::create_dir_all(path("out.zarr")).unwrap();
    fs::write(path("out.zarr/b.tif"), "II*").unwrap();
    fs::write(path("c.json"), "{}").unwrap();
    fs::hard_link(path("c.json"), path("hard.tif")).unwrap();
    let mut footprint = reading(&path("a.tif"));
    footprint.writes_folder("--output", &path("out.zarr"));
    footprint.writes("--summary", &path("c.json"), JSON);
    footprint.writes("--trace", &path("d.json"), JSON);
    for (name, said) in [
        ("out.zarr/b.tif", "--output: "),
        ("out.zarr/../c.json", "--summary: "),
        ("hard.tif", "--summary: "),
        ("d.json", "--trace: "),
    ] {
        let error = footprint.also_reads("a file of the input", &path(name)).unwrap_err().to_string();
        assert!(error.starts_with(said) && error.contains("a file of the input"), "{name}: {error}");
    }
    for name in ["a.tif", "b.tif", "out.zarr.tif"] {
        footprint.also_reads("a file of the input", &path(name)).unwrap();
    }
}

#[test]
fn two_flags_do_not_write_one_place_also_where_nothing_is_yet() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    let mut written = vec![path("a.json"), path("x.zarr/a.json")];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("a.json", path("dangling")).unwrap();
        std::os::unix::fs::symlink("dangling", path("chain")).unwrap();
        written.extend([path("dangling"), path("chain")]);
    }
    for second in written {
        let mut footprint = reading(&path("slide.czi"));
        footprint.writes_folder("--output", &path("x.zarr"));
        footprint.writes("--summary", &path("a.json"), JSON);
        footprint.writes("--trace", &second, JSON);
        let said = refused(&footprint);
        assert!(said.starts_with("--trace: ") && said.contains(" writes"), "{said}");
    }
}

#[test]
fn what_could_not_be_written_at_the_end_is_said_at_the_start() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    fs::write(path("other.czi"), "ZISRAWFILE").unwrap();
    for (name, what) in [
        ("missing/a.json", "missing"),
        ("other.czi/a.json", "other.czi"),
        ("other.czi", "of another kind"),
        ("", "is a folder"),
    ] {
        let mut footprint = Footprint::default();
        footprint.writes("--summary", &path(name), JSON);
        let said = refused(&footprint);
        assert!(said.starts_with("--summary: ") && said.contains(what), "{name}: {said}");
    }
    let names: Vec<PathBuf> = fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names, [path("other.czi")], "what was tried left something");
}

#[test]
fn kinds_are_told_by_how_files_begin() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    let kinds: [IsKind; 3] = [is_json, is_page, is_picture];
    for (bytes, expected) in [
        (&b"\n {\"a\": 1}"[..], [true, false, false]),
        (b"[1]", [true, false, false]),
        (b"<!DOCTYPE html>\n", [false, true, false]),
        (b"\x89PNG\r\n\x1a\n", [false, false, true]),
        (b"<svg xmlns=", [false, false, true]),
        (b"ZISRAWFILE\0\0", [false; 3]),
        (b"II*\0\x08\0\0\0", [false; 3]),
    ] {
        fs::write(&file, bytes).unwrap();
        assert_eq!(kinds.map(|is| is(&file).unwrap()), expected, "{bytes:?}");
    }
}

#[test]
fn what_was_there_stays_until_the_new_one_is_whole() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file.json");
    fs::write(&path, "old").unwrap();
    let failing = write_whole(&path, |out| {
        out.write_all(b"half")?;
        out.flush()?;
        Err(std::io::Error::other("full"))
    });
    assert!(failing.unwrap_err().to_string().contains("file.json: full"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    write_whole(&path, |out| {
        out.write_all(b"new")?;
        out.flush()?;
        assert_eq!(fs::read_to_string(&path)?, "old");
        Ok(())
    })
    .unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn links_and_rights_stay_and_what_is_no_file_is_written_to() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = tempfile::tempdir().unwrap();
    let (path, link) = (home.path().join("file"), home.path().join("link"));
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    symlink("file", &link).unwrap();
    write_whole(&link, |out| out.write_all(b"new")).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    write_whole(Path::new("/dev/null"), |out| out.write_all(b"gone")).unwrap();
    assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    // As any program makes a file.
    fs::write(home.path().join("plain"), "").unwrap();
    write_whole(&home.path().join("fresh"), |_| Ok(())).unwrap();
    let mode = |name: &str| home.path().join(name).metadata().unwrap().permissions().mode();
    assert_eq!(mode("fresh"), mode("plain"));
}
