//! Feeds the scanners of heads and bodies with bytes that arrive in several reads.

/// Returns the position of the end that a scanner finds in these bytes, in reads of `size` bytes.
pub(crate) fn end_in_reads_of(
    size: usize,
    bytes: &[u8],
    mut advance: impl FnMut(&[u8]) -> Option<usize>,
) -> Option<usize> {
    let mut before = 0;
    for read in bytes.chunks(size) {
        match advance(read) {
            Some(end) => return Some(before + end),
            None => before += read.len(),
        }
    }
    None
}
