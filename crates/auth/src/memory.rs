//! The memory blocks of Argon2id that one hashing thread reuses.

use argon2::Block;

use crate::Error;

/// Blocks of 1 KiB that Argon2id works in, allocated at the first use.
///
/// The memory is kept between uses, because mapping and zeroing 64 MiB takes a good part of a
/// hash's time. It is not wiped between uses: its content leads to the hash, which the database
/// stores anyway, and not to the password.
pub(crate) struct Memory {
    blocks: Vec<Block>,
    retained: usize,
}

impl Memory {
    /// Allocates nothing yet. At most `retained` blocks are kept between uses.
    pub(crate) fn new(retained: usize) -> Self {
        Self { blocks: Vec::new(), retained }
    }

    /// Runs `work` on `count` blocks, then frees all but the retained ones.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the memory cannot be allocated.
    pub(crate) fn with_blocks<T>(
        &mut self,
        count: usize,
        work: impl FnOnce(&mut [Block]) -> T,
    ) -> Result<T, Error> {
        if self.blocks.len() < count {
            // Freed first: growing in place would hold the old and the new memory at the same time
            // and copy content that is not used again.
            self.blocks = Vec::new();
            self.blocks.try_reserve_exact(count).map_err(Error::internal)?;
            #[cfg(target_os = "linux")]
            prefer_huge_pages(&mut self.blocks);
            self.blocks.resize(count, Block::new());
        }
        let result = work(&mut self.blocks[..count]);
        self.blocks.truncate(self.retained);
        self.blocks.shrink_to(self.retained);
        Ok(result)
    }

    /// Frees all memory, for work that allocates its own.
    pub(crate) fn release(&mut self) {
        self.blocks = Vec::new();
    }
}

/// Asks the kernel for pages of 2 MiB. The kernel may ignore this.
///
/// Argon2 reads its memory in random order. With pages of 4 KiB, an eighth or more of its time goes
/// into address translation. The memory must not have been touched yet.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe function advises the kernel about memory")]
fn prefer_huge_pages(blocks: &mut Vec<Block>) {
    use rustix::mm::{Advice, madvise};

    let spare = blocks.spare_capacity_mut();
    let page = rustix::param::page_size();
    let start = spare.as_mut_ptr().cast::<u8>();
    let skipped = start.align_offset(page);
    let Some(length) = size_of_val(spare).checked_sub(skipped).map(|length| length / page * page) else {
        return;
    };
    // SAFETY: `skipped + length` bytes from `start` are within `spare`, which is exclusively
    // borrowed here, and the advice does not change the content of the memory.
    let _ = unsafe { madvise(start.add(skipped).cast(), length, Advice::LinuxHugepage) };
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn memory_is_allocated_at_the_first_use_then_retained_then_released() {
        let mut memory = Memory::new(100);
        assert_eq!(memory.blocks.capacity(), 0);
        for (count, after) in [(40, 40), (100, 100), (30, 100), (500, 100), (100, 100)] {
            assert_eq!(memory.with_blocks(count, |blocks| blocks.len()).unwrap(), count);
            assert_eq!(memory.blocks.len(), after);
            assert!(memory.blocks.capacity() <= 100);
        }
        memory.release();
        assert_eq!(memory.blocks.capacity(), 0);
    }

    #[test]
    fn with_blocks_fails_if_the_memory_cannot_be_allocated() {
        assert!(Memory::new(1).with_blocks(usize::MAX / 1024, |_| ()).is_err());
    }
}
