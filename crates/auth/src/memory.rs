//! The memory that Argon2id works in. It comes from the system and not from the heap.

use argon2::Block;
use memmap2::MmapMut;

use crate::Error;

/// Blocks of 1 KiB, zero at first. Dropping them returns their memory to the system at once. The
/// heap may keep freed memory for later allocations.
///
/// The blocks are not wiped between uses: their content leads to the hash, which the database
/// stores anyway, and not to the password.
pub(crate) struct Memory {
    map: MmapMut,
}

impl Memory {
    /// Maps the blocks. A page takes no memory until it is first written.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the memory cannot be mapped.
    pub(crate) fn map(count: usize) -> Result<Self, Error> {
        let map = MmapMut::map_anon(count.saturating_mul(Block::SIZE)).map_err(Error::internal)?;
        // Argon2 reads its memory in random order. With pages of 4 KiB, an eighth or more of its
        // time goes into address translation. The kernel may ignore the advice.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Self { map })
    }

    pub(crate) fn blocks(&mut self) -> &mut [Block] {
        // SAFETY: a `Block` consists of integers, so all bytes are valid for it.
        #[expect(unsafe_code, reason = "no safe function views bytes as blocks")]
        let (_, blocks, _) = unsafe { self.map.align_to_mut() };
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn map_returns_as_many_zero_blocks_as_asked_for() {
        for count in [0, 1, 3, 4, 1_000, 65_536] {
            let mut memory = Memory::map(count).unwrap();
            assert_eq!(memory.blocks().len(), count);
            assert!(memory.blocks().iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
        }
    }

    #[test]
    fn map_fails_if_the_memory_cannot_be_mapped() {
        for count in [usize::MAX / 1024, usize::MAX] {
            assert!(Memory::map(count).is_err(), "{count}");
        }
    }
}
