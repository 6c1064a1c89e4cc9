//! Bit packing: values of k bits as consecutive little-endian bit strings.

use crate::Error;
use alloc::vec::Vec;

/// The bytes that `count` values of `bits` bits take.
pub const fn packed_len(count: usize, bits: u32) -> usize {
    // Eight values take `bits` bytes: no product of all bits, which 32-bit targets could not hold.
    let bits = bits as usize;
    count / 8 * bits + (count % 8 * bits).div_ceil(8)
}

/// Appends `values` of `bits` bits; higher bits are dropped. The last byte is padded with zeros.
///
/// # Panics
/// Unless `bits` is 1 to 64.
pub fn pack_u64(values: &[u64], bits: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + packed_len(values.len(), bits), 0);
    pack_u64_into(values, bits, &mut out[start..]);
}

/// Writes `values` of `bits` bits over `out`, as [`pack_u64`].
///
/// # Panics
/// Unless `bits` is 1 to 64 and `out` of [`packed_len`].
pub fn pack_u64_into(values: &[u64], bits: u32, out: &mut [u8]) {
    pack(values.iter().copied(), bits, out);
}

/// Appends `values` of `bits` bits, as [`pack_u64`].
///
/// # Panics
/// Unless `bits` is 1 to 64.
pub fn pack_u32(values: &[u32], bits: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + packed_len(values.len(), bits), 0);
    pack_u32_into(values, bits, &mut out[start..]);
}

/// Writes `values` of `bits` bits over `out`, as [`pack_u64`].
///
/// # Panics
/// Unless `bits` is 1 to 64 and `out` of [`packed_len`].
pub fn pack_u32_into(values: &[u32], bits: u32, out: &mut [u8]) {
    if bits > u32::BITS {
        return pack(values.iter().map(|&v| u64::from(v)), bits, out);
    }
    assert_eq!(out.len(), packed_len(values.len(), bits), "bytes for the values");
    // Two at a time; eight pairs, or less at the end, take whole bytes.
    let whole = values.len() / 16 * 16;
    let (pairs, rest) = (values[..whole].as_chunks::<2>().0, &values[whole..]);
    let (out, out_rest) = out.split_at_mut(packed_len(whole, bits));
    let mask = u64::from(u32::MAX >> (u32::BITS - bits.max(1)));
    let pair = |&[a, b]: &[u32; 2]| u64::from(a) & mask | (u64::from(b) & mask) << bits;
    if whole > 0 {
        pack(pairs.iter().map(pair), 2 * bits, out);
    }
    pack(rest.iter().map(|&v| u64::from(v)), bits, out_rest);
}

fn pack(values: impl ExactSizeIterator<Item = u64>, bits: u32, out: &mut [u8]) {
    assert!((1..=64).contains(&bits), "values of {bits} bits");
    assert_eq!(out.len(), packed_len(values.len(), bits), "bytes for the values");
    let (words, tail) = out.as_chunks_mut::<8>();
    let mut words = words.iter_mut();
    let mask = u64::MAX >> (64 - bits);
    // Bits that wait for a full word: fewer than 64 of them.
    let (mut pending, mut held) = (0, 0);
    for value in values {
        let value = value & mask;
        pending |= value << held;
        held += bits;
        if held >= 64 {
            if let Some(word) = words.next() {
                *word = pending.to_le_bytes();
            }
            held -= 64;
            pending = value.checked_shr(bits - held).unwrap_or(0);
        }
    }
    match words.next() {
        Some(word) => *word = pending.to_le_bytes(),
        None => tail.copy_from_slice(&pending.to_le_bytes()[..tail.len()]),
    }
}

/// Reads `out.len()` values of `bits` bits.
///
/// # Errors
/// If `bytes` has another length than [`packed_len`], or its padding bits are not zero.
///
/// # Panics
/// Unless `bits` is 1 to 64.
pub fn unpack_u64(bytes: &[u8], bits: u32, out: &mut [u64]) -> Result<(), Error> {
    unpack(bytes, bits, out, |value| value)
}

/// Reads `out.len()` values of `bits` bits, as [`unpack_u64`].
///
/// # Errors
/// As [`unpack_u64`].
///
/// # Panics
/// Unless `bits` is 1 to 32.
pub fn unpack_u32(bytes: &[u8], bits: u32, out: &mut [u32]) -> Result<(), Error> {
    assert!(bits <= 32, "values of {bits} bits");
    unpack(bytes, bits, out, |value| value as u32)
}

fn unpack<T>(
    bytes: &[u8],
    bits: u32,
    out: &mut [T],
    convert: impl Fn(u64) -> T,
) -> Result<(), Error> {
    assert!((1..=64).contains(&bits), "values of {bits} bits");
    let expected = packed_len(out.len(), bits);
    if bytes.len() != expected {
        return Err(Error::PackedLength { expected, found: bytes.len() });
    }
    let padding = 8 * expected - out.len() * bits as usize;
    if bytes.last().is_some_and(|&last| u32::from(last) >> (8 - padding) != 0) {
        return Err(Error::PackedPadding);
    }
    let mask = u64::MAX >> (64 - bits);
    // Most values lie in the 8 bytes from their first one on.
    let whole = match bits {
        ..=57 => {
            let starts = 8 * bytes.len().saturating_sub(7) as u64;
            out.len().min(starts.div_ceil(bits.into()) as usize)
        }
        _ => 0,
    };
    let (most, last) = out.split_at_mut(whole);
    for (i, out) in most.iter_mut().enumerate() {
        let (byte, shift) = (i * bits as usize / 8, i * bits as usize % 8);
        let window = bytes[byte..].first_chunk().expect("there are 8 bytes");
        *out = convert(u64::from_le_bytes(*window) >> shift & mask);
    }
    // All lie in 16 bytes; near the end, zeros stand for missing ones.
    for (i, out) in (whole..).zip(last) {
        let (byte, shift) = (i * bits as usize / 8, i * bits as usize % 8);
        let window = bytes[byte..].first_chunk::<16>().copied().unwrap_or_else(|| {
            let mut window = [0; 16];
            window[..bytes.len() - byte].copy_from_slice(&bytes[byte..]);
            window
        });
        *out = convert((u128::from_le_bytes(window) >> shift) as u64 & mask);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn packing_round_trips_and_padding_is_checked() {
        for bits in 1..=64 {
            for count in [0, 1, 7, 8, 9, 33, 64, 130] {
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
                let narrow: Vec<u32> = values.iter().map(|&value| value as u32).collect();
                if bits <= u32::BITS {
                    let (mut packed, mut back) = (Vec::new(), vec![0; count]);
                    // Higher bits are dropped.
                    let high = u32::MAX.checked_shl(bits).unwrap_or(0);
                    let values: Vec<u32> = narrow.iter().map(|value| value | high).collect();
                    pack_u32(&values, bits, &mut packed);
                    assert_eq!(packed, bytes, "{count} values of {bits} bits");
                    unpack_u32(&packed, bits, &mut back).unwrap();
                    assert_eq!(back, narrow);
                }
                if !(count as u32 * bits).is_multiple_of(8) {
                    *bytes.last_mut().unwrap() |= 0x80;
                    assert_eq!(unpack_u64(&bytes, bits, &mut back), Err(Error::PackedPadding));
                }
            }
        }
    }
}
