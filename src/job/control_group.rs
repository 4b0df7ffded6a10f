//! How much memory a batch system or a container lets this process have.

use std::path::{Path, PathBuf};

/// The least of all limits above this process, in bytes; `None` where there is none.
pub(super) fn memory_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    least(Path::new("/sys/fs/cgroup"), &groups)
}

/// The least limit in the files below `root` of what `/proc/self/cgroup` says.
fn least(root: &Path, groups: &str) -> Option<u64> {
    let limits = limit_files(groups).into_iter().map(|file| std::fs::read_to_string(root.join(file)));
    // The word `max` is no limit.
    limits.filter_map(|text| text.ok()?.trim().parse().ok()).min()
}

/// Where limits may be: those of a group and of all that it lies in (cgroups(7), "/proc/[pid]/cgroup").
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let line = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => ("", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => ("memory", "memory.limit_in_bytes"),
            _ => return None,
        };
        let group = Path::new(path).strip_prefix("/").ok()?.to_owned();
        Some((root, group, file))
    };
    let named = groups.lines().filter_map(line);
    let files = named.flat_map(|(root, group, file)| {
        let within: Vec<_> = group.ancestors().map(|group| Path::new(root).join(group).join(file)).collect();
        within
    });
    // That of a container is the root of what it sees, whatever its own group is called outside.
    files.chain([PathBuf::from("memory.max")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn the_least_limit_of_a_group_and_those_around_it_holds() {
        let root = tempfile::tempdir().unwrap();
        let job = "0::/slurm/job_7/step_0/task_0\n";
        assert_eq!(least(root.path(), job), None);
        write(root.path(), "slurm/job_7/step_0/task_0/memory.max", "max\n");
        assert_eq!(least(root.path(), job), None);
        write(root.path(), "slurm/job_7/memory.max", "16000000000\n");
        write(root.path(), "slurm/memory.max", "64000000000\n");
        write(root.path(), "slurm/job_8/memory.max", "1000\n");
        assert_eq!(least(root.path(), job), Some(16_000_000_000));
        write(root.path(), "slurm/job_7/step_0/memory.max", "8000000000\n");
        assert_eq!(least(root.path(), job), Some(8_000_000_000));
    }

    #[test]
    fn groups_of_the_first_version_and_containers_have_theirs() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "memory/slurm/job_7/memory.limit_in_bytes", "3000\n");
        write(root.path(), "memory/memory.limit_in_bytes", "9223372036854771712\n");
        let groups = "11:cpu,cpuacct:/slurm/job_7\n10:memory:/slurm/job_7/step\n1:name=systemd:/x\n";
        assert_eq!(least(root.path(), groups), Some(3000));
        write(root.path(), "memory.max", "2000\n");
        assert_eq!(least(root.path(), "0::/../outside:with:colons\n"), Some(2000));
        assert_eq!(least(root.path(), "nonsense"), Some(2000));
    }
}
