//! Bit packing: values of k bits as consecutive little-endian bit strings.

use crate::Error;
use alloc::vec::Vec;

/// The bytes that `count` values of `bits` bits take.
pub const fn packed_len(count: usize, bits: u32) -> usize {
    (count * bits as usize).div_ceil(8)
}

/// Appends `values` of `bits` bits (1 to 64); higher bits are dropped. The last byte is padded with zeros.
pub fn pack_u64(values: &[u64], bits: u32, out: &mut Vec<u8>) {
    out.reserve(packed_len(values.len(), bits));
    pack(values.iter().copied(), bits, out);
}

/// Appends `values` of `bits` bits (1 to 32); as [`pack_u64`].
pub fn pack_u32(values: &[u32], bits: u32, out: &mut Vec<u8>) {
    out.reserve(packed_len(values.len(), bits));
    pack(values.iter().map(|&v| u64::from(v)), bits, out);
}

fn pack(values: impl Iterator<Item = u64>, bits: u32, out: &mut Vec<u8>) {
    assert!((1..=64).contains(&bits));
    let mask = u64::MAX >> (64 - bits);
    let (mut pending, mut held) = (0u128, 0);
    for value in values {
        pending |= u128::from(value & mask) << held;
        held += bits;
        while held >= 8 {
            out.push(pending as u8);
            pending >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        out.push(pending as u8);
    }
}

/// Reads `out.len()` values of `bits` bits (1 to 64).
///
/// # Errors
/// If `bytes` has another length than [`packed_len`], or its padding bits are not zero.
pub fn unpack_u64(bytes: &[u8], bits: u32, out: &mut [u64]) -> Result<(), Error> {
    unpack(bytes, bits, out.len(), |i, v| out[i] = v)
}

/// Reads `out.len()` values of `bits` bits (1 to 32); as [`unpack_u64`].
///
/// # Errors
/// As [`unpack_u64`].
pub fn unpack_u32(bytes: &[u8], bits: u32, out: &mut [u32]) -> Result<(), Error> {
    assert!(bits <= 32);
    unpack(bytes, bits, out.len(), |i, v| out[i] = v as u32)
}

fn unpack(
    bytes: &[u8],
    bits: u32,
    count: usize,
    mut put: impl FnMut(usize, u64),
) -> Result<(), Error> {
    assert!((1..=64).contains(&bits));
    let expected = packed_len(count, bits);
    if bytes.len() != expected {
        return Err(Error::PackedLength { expected, found: bytes.len() });
    }
    let mask = u64::MAX >> (64 - bits);
    let (mut pending, mut held) = (0u128, 0);
    let mut next = bytes.iter();
    for i in 0..count {
        while held < bits {
            pending |= u128::from(*next.next().unwrap_or(&0)) << held;
            held += 8;
        }
        put(i, pending as u64 & mask);
        pending >>= bits;
        held -= bits;
    }
    if pending == 0 { Ok(()) } else { Err(Error::PackedPadding) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn packing_round_trips_and_padding_is_checked() {
        for bits in 1..=64 {
            for count in [0, 1, 7, 8, 33] {
                let mask = u64::MAX >> (64 - bits);
                let values: Vec<u64> = (1..=count as u64)
                    .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask)
                    .collect();
                let mut bytes = Vec::new();
                pack_u64(&values, bits, &mut bytes);
                let mut back = vec![0; count];
                unpack_u64(&bytes, bits, &mut back).unwrap();
                assert_eq!(back, values);
                assert!(unpack_u64(&[&bytes[..], &[0]].concat(), bits, &mut back).is_err());
                if !(count as u32 * bits).is_multiple_of(8) {
                    *bytes.last_mut().unwrap() |= 0x80;
                    assert_eq!(unpack_u64(&bytes, bits, &mut back), Err(Error::PackedPadding));
                }
            }
        }
    }
}
