//! Labels as bytes: 16 each, the lowest first.

use std::borrow::Cow;
use std::ops::Range;

use zeroize::Zeroize;

use crate::memory;
use crate::status::Failure;

/// Bytes of a label.
pub(crate) const LABEL_BYTES: usize = 16;

/// The bytes of `count` labels.
pub(crate) fn bytes_of(count: usize) -> Result<usize, Failure> {
    count.checked_mul(LABEL_BYTES).ok_or_else(|| Failure::argument("more labels than memory holds"))
}

/// The addresses of `count` labels.
pub(crate) fn region(pointer: *const u8, count: usize) -> Range<usize> {
    memory::region(pointer, count.saturating_mul(LABEL_BYTES))
}

/// `count` labels to read; without a copy where they are aligned as words of 16 bytes.
///
/// # Safety
/// As [`memory::input`], for 16 bytes a label.
pub(crate) unsafe fn input<'a>(
    what: &str,
    pointer: *const u8,
    count: usize,
) -> Result<Cow<'a, [u128]>, Failure> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { memory::input(what, pointer, bytes_of(count)?) }?;
    match bytemuck::try_cast_slice(bytes) {
        Ok(labels) if cfg!(target_endian = "little") => Ok(Cow::Borrowed(labels)),
        _ => Ok(bytes.as_chunks().0.iter().map(|label| u128::from_le_bytes(*label)).collect()),
    }
}

/// Room for `count` labels.
///
/// # Safety
/// As [`memory::output`], for 16 bytes a label.
pub(crate) unsafe fn output<'a>(
    what: &str,
    pointer: *mut u8,
    count: usize,
    inputs: &[Range<usize>],
) -> Result<Room<'a>, Failure> {
    // SAFETY: the caller's promise.
    Ok(Room(unsafe { memory::output(what, pointer, bytes_of(count)?, inputs) }?))
}

/// Room of the caller's for labels.
pub(crate) struct Room<'a>(&'a mut [u8]);

impl Room<'_> {
    /// Lets labels be made: in place where the room is aligned as words of 16 bytes.
    pub(crate) fn fill<T>(self, make: impl FnOnce(&mut [u128]) -> T) -> T {
        if cfg!(target_endian = "little")
            && let Ok(labels) = bytemuck::try_cast_slice_mut(self.0)
        {
            return make(labels);
        }
        let mut labels = vec![0; self.0.len() / LABEL_BYTES];
        let made = make(&mut labels);
        for (bytes, label) in self.0.as_chunks_mut().0.iter_mut().zip(&labels) {
            *bytes = label.to_le_bytes();
        }
        labels.zeroize();
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_same_wherever_they_stand() {
        for shift in [0, 1, 8] {
            let mut buffer = [[0u128; 4]; 1];
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut buffer);
            let pointer = bytes[shift..].as_mut_ptr();
            // SAFETY: three labels have room behind the shift.
            unsafe {
                let room = output("labels", pointer, 3, &[]).unwrap();
                room.fill(|labels| labels.copy_from_slice(&[1, 2 << 64, 3 << 120]));
                assert_eq!(*input("labels", pointer, 3).unwrap(), [1, 2 << 64, 3 << 120]);
            }
            assert_eq!(bytes[shift], 1);
            assert_eq!(bytes[shift + 47], 3);
        }
    }
}
