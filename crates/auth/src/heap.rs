//! The memory of scrypt, which its library allocates on the heap.

/// In bytes. scrypt with less memory is so weak that hardly any hash has it, and a page of notes of
/// up to 4 MiB still comes from the heap.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 4 << 20;

/// Makes glibc return a freed allocation of 4 MiB or more to the system at once.
///
/// By default, glibc raises its threshold for such allocations to the size of a freed one, up to 32
/// MiB. An allocation below the threshold comes from the heap of the thread, which keeps it. Then
/// each hashing thread keeps up to 32 MiB beside the memory budget. `malloc_trim` does not help,
/// because it does not return the end of such a heap.
///
/// The thresholds are those of the process: `M_MMAP_THRESHOLD` and `M_TRIM_THRESHOLD` in
/// `mallopt(3)`. Once they are set, glibc does not raise them.
pub(crate) fn return_large_allocations() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "no safe function sets the thresholds")]
    // SAFETY: the calls set two numbers under a lock. glibc itself sets these numbers in any thread
    // that frees memory.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        // Twice the other threshold, as glibc chooses by default.
        libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * LARGE);
    }
}
