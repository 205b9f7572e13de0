//! A small file system in memory, in a mount namespace of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A file system that is soon full. It exists as long as this value.
pub(crate) struct SmallDisk {
    /// The process that keeps the namespace.
    holder: Child,
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts a tmpfs with this size. Needs no root if the system has user namespaces. Returns
    /// `None` and prints why if the system does not permit it, as in most containers. As root it
    /// must succeed, so that a run in CI cannot skip a test.
    pub(crate) fn mount(mebibytes: usize) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let script = format!("mount -t tmpfs -o size={mebibytes}m none \"$0\" && echo mounted && exec cat");
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare of util-linux");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        if line == "mounted\n" {
            return Some(Self { holder, folder });
        }
        let output = holder.wait_with_output().expect("the end of unshare");
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!is_root(), "root could not mount a tmpfs: {reason}");
        println!("SKIPPED: this system permits no tmpfs: {reason}");
        None
    }

    /// Returns the folder, which has this path only inside of the namespace.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the command that runs another command in the namespace.
    pub(crate) fn wrapper(&self) -> Vec<String> {
        let holder = self.holder.id().to_string();
        ["nsenter", "--preserve-credentials", "--user", "--mount", "--target", &holder]
            .map(ToOwned::to_owned)
            .to_vec()
    }

    /// Returns the path of a file on the disk, outside of the namespace.
    fn outside(&self, name: &str) -> PathBuf {
        let inside = self.folder.path().strip_prefix("/").expect("an absolute path");
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(inside).join(name)
    }

    /// Writes a file of this size. A larger size than the disk has fills the disk.
    pub(crate) fn fill(&self, name: &str, mebibytes: usize) {
        let mut file = std::fs::File::create(self.outside(name)).expect("a file");
        // The last writes are small, so that not one byte is free.
        for size in [65_536, 4_096, 1] {
            let block = vec![b'x'; size];
            while file.metadata().expect("a file").len() < (mebibytes << 20) as u64
                && file.write_all(&block).is_ok()
            {}
        }
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.outside(name)).expect("the file");
    }

    /// Runs a Python script on the disk. Returns its output.
    pub(crate) fn python(&self, script: &str) -> String {
        let wrapper = self.wrapper();
        let output = Command::new(&wrapper[0])
            .args(&wrapper[1..])
            .args(["python3", "-c", script])
            .arg(self.folder())
            .output()
            .expect("nsenter");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Closes its standard input, at which `cat` ends.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id");
    id.stdout == b"0\n"
}
