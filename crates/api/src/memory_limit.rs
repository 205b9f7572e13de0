//! The memory that this process may use: the limits of its cgroups, and the memory of the machine.
//!
//! Written by hand, because the crates that read this either ignore the cgroups above the process'
//! own, or need a newer compiler and read the whole system (`sysinfo` 0.40).

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the least of all limits in bytes. `None` if the system names none, as outside Linux.
pub(crate) fn memory_limit() -> Option<u64> {
    limit_below(Path::new("/"))
}

/// Reads `/proc` and `/sys` below this folder.
fn limit_below(root: &Path) -> Option<u64> {
    let cgroups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    let hierarchies = cgroups.lines().filter_map(|line| Hierarchy::read(line, &mounts));
    let limits = hierarchies.flat_map(|hierarchy| hierarchy.limits(root));
    limits.chain(physical_memory(root)).min()
}

/// A tree of cgroups that can limit memory. A system may have one of each version.
struct Hierarchy {
    /// Where the tree is mounted. A container may see only a part of it.
    mount: PathBuf,
    /// The folder of the process' own cgroup.
    own: PathBuf,
    /// The files with a limit in each folder.
    files: &'static [&'static str],
}

impl Hierarchy {
    /// Reads a line of `/proc/self/cgroup` (`cgroups(7)`), and the lines of `/proc/self/mountinfo`
    /// (`proc_pid_mountinfo(5)`).
    fn read(line: &str, mounts: &str) -> Option<Self> {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        // Above `memory.high` the process is not killed, but it is slowed down.
        let (kind, files): (_, &[_]) = match controllers {
            "" => ("cgroup2", &["memory.max", "memory.high"]),
            _ if has_memory(controllers) => ("cgroup", &["memory.limit_in_bytes"]),
            _ => return None,
        };
        mounts.lines().find_map(|line| {
            let (mount, file_system) = line.split_once(" - ")?;
            let mut mount = mount.split(' ').skip(3);
            let (root, point) = (mount.next()?, PathBuf::from(mount.next()?));
            let mut file_system = file_system.split(' ');
            let (found, options) = (file_system.next()?, file_system.nth(1)?);
            if found != kind || (kind == "cgroup" && !has_memory(options)) {
                return None;
            }
            // The path is not below the root if the process was moved out of its namespace.
            let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
            Some(Self { own: point.join(below), mount: point, files })
        })
    }

    /// Returns the limits of the process' own cgroup and of those above it. `max` is no limit.
    fn limits(self, root: &Path) -> Vec<u64> {
        let folders = self.own.ancestors().take_while(|folder| folder.starts_with(&self.mount));
        let files = folders.flat_map(|folder| self.files.iter().map(move |file| folder.join(file)));
        let read = |file: PathBuf| fs::read_to_string(root.join(file.strip_prefix("/").ok()?)).ok();
        files.filter_map(read).filter_map(|text| text.trim().parse().ok()).collect()
    }
}

fn has_memory(list: &str) -> bool {
    list.split(',').any(|name| name == "memory")
}

/// Reads `MemTotal:       24684092 kB`.
fn physical_memory(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests;
