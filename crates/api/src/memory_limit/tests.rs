//! Systems as containers and services see them.

use std::fs;

use super::{limit_below, memory_limit};

const MIB: u64 = 1024 * 1024;

/// The version 2 of a whole system.
const V2: &str = "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

/// Writes files into an empty folder, and returns the limit in MiB.
fn limit(files: &[(&str, &str)]) -> Option<u64> {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    limit_below(root.path()).map(|limit| limit / MIB)
}

#[test]
fn version_2_takes_the_least_limit_of_the_own_cgroup_and_those_above() {
    let own = "sys/fs/cgroup/system.slice/daybook.service/memory.max";
    let slice = "sys/fs/cgroup/system.slice/memory.max";
    let high = "sys/fs/cgroup/system.slice/daybook.service/memory.high";
    let other = "sys/fs/cgroup/user.slice/memory.max";
    for (own_limit, slice_limit, high_limit, expected) in [
        ("max", "max", "max", 4_096),
        ("1073741824", "max", "max", 1_024),
        ("1073741824", "536870912", "max", 512),
        ("1073741824", "2147483648", "max", 1_024),
        ("1073741824", "max", "268435456", 256),
        ("1099511627776", "max", "max", 4_096),
    ] {
        let found = limit(&[
            ("proc/self/cgroup", "0::/system.slice/daybook.service\n"),
            ("proc/self/mountinfo", V2),
            ("proc/meminfo", "MemTotal:        4194304 kB\nMemFree:         1 kB\n"),
            (own, own_limit),
            (slice, slice_limit),
            (high, high_limit),
            (other, "1048576"),
        ]);
        assert_eq!(found, Some(expected), "{own_limit} {slice_limit} {high_limit}");
    }
}

#[test]
fn version_2_in_a_container_has_the_limit_at_the_mount() {
    let mount = "1 2 0:26 / /sys/fs/cgroup ro,relatime - cgroup2 cgroup rw\n";
    for path in ["/", "/../other"] {
        let found = limit(&[
            ("proc/self/cgroup", &format!("0::{path}\n")),
            ("proc/self/mountinfo", mount),
            ("sys/fs/cgroup/memory.max", "536870912\n"),
        ]);
        assert_eq!(found, Some(512), "{path}");
    }
}

#[test]
fn version_1_takes_the_least_limit_up_to_the_root_of_the_mount() {
    let cgroups = "12:memory:/docker/ab/c\n11:cpu,cpuacct:/docker/ab\n0::/docker/ab\n";
    let line = |root: &str, controller: &str| {
        let options = format!("cgroup rw,{controller}");
        format!("5 4 0:9 {root} /sys/fs/cgroup/{controller} ro - cgroup {options}\n")
    };
    // A container sees its own part of the tree. The host sees all of it.
    for (root, folder) in [("/docker/ab", "c"), ("/", "docker/ab/c")] {
        let mounts = line(root, "cpu") + &line(root, "memory") + V2;
        let file = |folder: &str| format!("sys/fs/cgroup/memory/{folder}/memory.limit_in_bytes");
        let found = limit(&[
            ("proc/self/cgroup", cgroups),
            ("proc/self/mountinfo", &mounts),
            ("sys/fs/cgroup/cpu/memory.limit_in_bytes", "1048576"),
            (&file(""), "268435456\n"),
            (&file(folder), "9223372036854771712\n"),
        ]);
        assert_eq!(found, Some(256), "{root}");
    }
}

#[test]
fn a_system_without_files_has_no_limit() {
    assert_eq!(limit(&[]), None);
    assert_eq!(limit(&[("proc/self/cgroup", "0::/\n::\n:\n\n"), ("proc/self/mountinfo", " - \n\n")]), None);
    assert_eq!(limit(&[("proc/meminfo", "MemTotal: many kB\n")]), None);
}

#[test]
#[cfg(target_os = "linux")]
fn this_machine_has_a_limit() {
    assert!(memory_limit().unwrap() > 64 * MIB);
}
