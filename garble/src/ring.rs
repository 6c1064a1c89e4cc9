//! Elements of Z_{2^w} on the wire: ⌈w/8⌉ bytes each, little-endian.

/// The bytes of one element.
pub(crate) const fn bytes(ring_bits: u32) -> usize {
    ring_bits.div_ceil(8) as usize
}

/// 2^w − 1.
pub(crate) const fn mask(ring_bits: u32) -> u32 {
    u32::MAX >> (32 - ring_bits)
}

/// How a multiple of `value` is sent: divided by the returned power of two, in the returned number of
/// bits. None for multiples of 2^w, which are 0.
pub(crate) fn place(value: u32, ring_bits: u32) -> Option<(u32, u32)> {
    let shift = value.trailing_zeros();
    (shift < ring_bits).then(|| (shift, ring_bits - shift))
}

/// The sum of vectors and a constant.
pub(crate) fn sum(vectors: Vec<Vec<u32>>, constant: u32, ring_bits: u32) -> Vec<u32> {
    let add = |a: Vec<u32>, b: Vec<u32>| a.iter().zip(b).map(|(a, b)| a.wrapping_add(b)).collect();
    let mut sum: Vec<u32> = vectors.into_iter().reduce(add).unwrap_or_default();
    sum.iter_mut().for_each(|x| *x = x.wrapping_add(constant) & mask(ring_bits));
    sum
}

/// Appends elements, their bits above w dropped.
pub(crate) fn write(values: &[u32], ring_bits: u32, out: &mut Vec<u8>) {
    match bytes(ring_bits) {
        1 => write_each::<1>(values, ring_bits, out),
        2 => write_each::<2>(values, ring_bits, out),
        3 => write_each::<3>(values, ring_bits, out),
        _ => write_each::<4>(values, ring_bits, out),
    }
}

/// Reads elements from [`bytes`] bytes each; bits above w are dropped.
pub(crate) fn read(bytes: &[u8], ring_bits: u32, out: &mut [u32]) {
    match self::bytes(ring_bits) {
        1 => read_each::<1>(bytes, ring_bits, out),
        2 => read_each::<2>(bytes, ring_bits, out),
        3 => read_each::<3>(bytes, ring_bits, out),
        _ => read_each::<4>(bytes, ring_bits, out),
    }
}

fn write_each<const N: usize>(values: &[u32], ring_bits: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + N * values.len(), 0);
    for (bytes, value) in out[start..].as_chunks_mut::<N>().0.iter_mut().zip(values) {
        bytes.copy_from_slice(&(value & mask(ring_bits)).to_le_bytes()[..N]);
    }
}

fn read_each<const N: usize>(bytes: &[u8], ring_bits: u32, out: &mut [u32]) {
    for (value, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        let mut whole = [0; 4];
        whole[..N].copy_from_slice(bytes);
        *value = u32::from_le_bytes(whole) & mask(ring_bits);
    }
}
