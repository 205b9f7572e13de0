//! The memory that one hashing thread works in.

use argon2::Block;

use crate::Error;

/// Blocks of 1 KiB, allocated at the first use and kept: mapping and zeroing 64 MiB anew costs a good part of a hash.
///
/// They are not wiped in between. What they hold leads to the hash, which the database keeps anyway, not to the password.
pub(crate) struct Memory {
    blocks: Vec<Block>,
    kept: usize,
}

impl Memory {
    /// Memory that keeps as many blocks between uses; none is allocated yet.
    pub(crate) fn new(kept: usize) -> Self {
        Self { blocks: Vec::new(), kept }
    }

    /// Does work in so many blocks, and gives back what is more than is usually needed.
    pub(crate) fn with<T>(&mut self, count: usize, work: impl FnOnce(&mut [Block]) -> T) -> Result<T, Error> {
        if self.blocks.len() < count {
            // Dropped first: growing in place would hold the old and the new memory at once, to copy what nobody reads.
            self.blocks = Vec::new();
            self.blocks.try_reserve_exact(count).map_err(Error::internal)?;
            #[cfg(target_os = "linux")]
            prefer_huge_pages(&mut self.blocks);
            self.blocks.resize(count, Block::new());
        }
        let answer = work(&mut self.blocks[..count]);
        self.blocks.truncate(self.kept);
        self.blocks.shrink_to(self.kept);
        Ok(answer)
    }

    /// Keeps nothing until the next use: for work that brings memory of its own.
    pub(crate) fn give_back(&mut self) {
        self.blocks = Vec::new();
    }
}

/// Asks for pages of 2 MiB where there are any: Argon2 jumps about in its memory, and with pages of 4 KiB an eighth of its time and more goes into
/// finding them. The memory must not have been touched yet. Whether the system heeds it is its own affair.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "there is no safe way to advise the system about memory")]
fn prefer_huge_pages(blocks: &mut Vec<Block>) {
    use rustix::mm::{Advice, madvise};

    let spare = blocks.spare_capacity_mut();
    let page = rustix::param::page_size();
    let start = spare.as_mut_ptr().cast::<u8>();
    let skipped = start.align_offset(page);
    let Some(length) = size_of_val(spare).checked_sub(skipped).map(|length| length / page * page) else {
        return;
    };
    // SAFETY: `skipped + length` bytes from `start` are within `spare`, which is borrowed here alone, and the advice changes nothing of what the
    // memory holds.
    let _ = unsafe { madvise(start.add(skipped).cast(), length, Advice::LinuxHugepage) };
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn allocated_late_kept_and_given_back() {
        let mut memory = Memory::new(100);
        assert_eq!(memory.blocks.capacity(), 0);
        for (count, after) in [(40, 40), (100, 100), (30, 100), (500, 100), (100, 100)] {
            assert_eq!(memory.with(count, |blocks| blocks.len()).unwrap(), count);
            assert_eq!(memory.blocks.len(), after);
            assert!(memory.blocks.capacity() <= 100);
        }
        memory.give_back();
        assert_eq!(memory.blocks.capacity(), 0);
    }

    #[test]
    fn too_much_is_an_error() {
        assert!(Memory::new(1).with(usize::MAX / 1024, |_| ()).is_err());
    }
}
