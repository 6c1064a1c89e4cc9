//! Memory of the caller's, as far as it can be checked.

use std::ffi::{CStr, c_char};
use std::ops::Range;

use crate::status::Failure;

/// Numbers of which every bit pattern is one.
pub(crate) trait Plain: Copy {}

impl Plain for u8 {}
impl Plain for i32 {}
impl Plain for u32 {}
impl Plain for u64 {}
impl<T> Plain for *const T {}

/// The addresses of `len` values.
pub(crate) fn region<T>(pointer: *const T, len: usize) -> Range<usize> {
    let from = pointer as usize;
    from..from.saturating_add(len.saturating_mul(size_of::<T>()))
}

/// Checks what can be checked of a pointer to `len` values.
fn check<T>(what: &str, pointer: *const T, len: usize) -> Result<(), Failure> {
    let problem = if pointer.is_null() {
        "is null"
    } else if !pointer.is_aligned() {
        "is not aligned as its type must be"
    } else if len > isize::MAX as usize / size_of::<T>() {
        "is longer than memory can be"
    } else {
        return Ok(());
    };
    Err(Failure::argument(format!("{what} {problem}")))
}

/// `len` values to read; none if `len` is 0, even at null.
///
/// # Safety
/// Unless it is null, `pointer` has `len` values for as long as 'a, which nobody writes meanwhile.
pub(crate) unsafe fn input<'a, T: Plain>(
    what: &str,
    pointer: *const T,
    len: usize,
) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    check(what, pointer, len)?;
    // SAFETY: not null, aligned and no longer than memory by the check, the rest by the caller's promise;
    // every bit pattern is a value.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// `len` values to write, none of which is in one of the `inputs`.
///
/// # Safety
/// Unless it is null, `pointer` has room for `len` values for as long as 'a, which nobody else reads or
/// writes meanwhile, but for the inputs.
pub(crate) unsafe fn output<'a, T: Plain>(
    what: &str,
    pointer: *mut T,
    len: usize,
    inputs: &[Range<usize>],
) -> Result<&'a mut [T], Failure> {
    if len == 0 {
        return Ok(&mut []);
    }
    check(what, pointer, len)?;
    let own = region(pointer, len);
    if inputs.iter().any(|input| input.start < own.end && own.start < input.end) {
        return Err(Failure::argument(format!("{what} overlaps another argument")));
    }
    // SAFETY: not null, aligned and no longer than memory by the check, apart from the inputs, the rest
    // by the caller's promise; every bit pattern is a value.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, len) })
}

/// N bytes to read.
///
/// # Safety
/// As [`input`].
pub(crate) unsafe fn array<const N: usize>(
    what: &str,
    pointer: *const u8,
) -> Result<[u8; N], Failure> {
    check(what, pointer, N)?;
    // SAFETY: not null by the check, N bytes by the caller's promise; an array of bytes is aligned
    // everywhere.
    Ok(unsafe { *pointer.cast() })
}

/// A text that ends in 0.
///
/// # Safety
/// Unless it is null, `pointer` has a 0, and nobody writes up to it for as long as 'a.
pub(crate) unsafe fn text<'a>(what: &str, pointer: *const c_char) -> Result<&'a str, Failure> {
    check(what, pointer, 1)?;
    // SAFETY: not null by the check, the rest by the caller's promise.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Failure::argument(format!("{what} is not UTF-8")))
}

/// A structure to read.
///
/// # Safety
/// Unless it is null, `pointer` has a value for as long as 'a, which nobody writes meanwhile.
pub(crate) unsafe fn shared<'a, T>(what: &str, pointer: *const T) -> Result<&'a T, Failure> {
    check(what, pointer, 1)?;
    // SAFETY: not null and aligned by the check, the rest by the caller's promise.
    Ok(unsafe { &*pointer })
}

/// Writes a structure.
///
/// # Safety
/// Unless it is null, `pointer` has room for a value that nobody else reads or writes meanwhile.
pub(crate) unsafe fn write<T>(what: &str, pointer: *mut T, value: T) -> Result<(), Failure> {
    check(what, pointer, 1)?;
    // SAFETY: not null and aligned by the check, the rest by the caller's promise.
    unsafe { pointer.write(value) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn what_can_be_wrong_with_a_pointer_is_told() {
        let mut words = [1u64, 2, 3];
        let pointer = words.as_mut_ptr();
        // SAFETY: three words, which live on; the other pointers are refused before they are used.
        unsafe {
            assert_eq!(input("a", pointer, 3).unwrap(), [1, 2, 3]);
            assert_eq!(input("a", ptr::null::<u64>(), 0).unwrap(), [0u64; 0]);
            assert!(input("a", ptr::null::<u64>(), 1).is_err());
            assert!(input("a", pointer.byte_add(1), 1).is_err());
            assert!(input("a", pointer, usize::MAX).is_err());
            assert!(output("a", pointer, 2, &[region(pointer.add(1), 1)]).is_err());
            assert_eq!(output("a", pointer, 2, &[region(pointer.add(2), 1)]).unwrap(), [1, 2]);
            assert!(array::<16>("a", ptr::null()).is_err());
            assert_eq!(text("a", c"words".as_ptr()).unwrap(), "words");
            assert!(text("a", c"\xff".as_ptr()).is_err());
            assert!(text("a", ptr::null()).is_err());
            assert!(shared("a", ptr::null::<u64>()).is_err());
            assert!(write("a", ptr::null_mut(), 1u64).is_err());
        }
    }
}
