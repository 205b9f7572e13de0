//! Reads how much of what was written to a socket its client has not acknowledged.

use std::os::fd::AsFd;

/// Returns the number of bytes that the system keeps for the client, or 0 if it does not know.
///
/// It is `SIOCOUTQ` of Linux (tcp(7)), which has another number on some processors. There, and on
/// other systems, a client is taken for one that has acknowledged all bytes.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
#[expect(unsafe_code, reason = "no safe function reads the length of the queue")]
pub(crate) fn unsent(socket: impl AsFd) -> u64 {
    use std::ffi::c_int;

    use rustix::ioctl::{Getter, Opcode, ioctl};

    /// `SIOCOUTQ`, which has the number of `TIOCOUTQ`.
    const SIOCOUTQ: Opcode = 0x5411;

    // SAFETY: the kernel writes one `c_int` for this request, and nothing else.
    let length = unsafe { ioctl(socket, Getter::<SIOCOUTQ, c_int>::new()) };
    length.ok().and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

/// Returns 0.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
pub(crate) fn unsent(_: impl AsFd) -> u64 {
    0
}
