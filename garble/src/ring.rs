//! Elements of Z_{2^w} on the wire: ⌈w/8⌉ bytes each, little-endian.

/// The bytes of one element.
pub(crate) const fn bytes(ring_bits: u32) -> usize {
    ring_bits.div_ceil(8) as usize
}

/// 2^w − 1.
pub(crate) const fn mask(ring_bits: u32) -> u32 {
    u32::MAX >> (32 - ring_bits)
}

pub(crate) fn write(value: u32, ring_bits: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value & mask(ring_bits)).to_le_bytes()[..bytes(ring_bits)]);
}

/// Reads one element from exactly [`bytes`] bytes; bits above w are dropped.
pub(crate) fn read(bytes: &[u8], ring_bits: u32) -> u32 {
    let mut buffer = [0; 4];
    buffer[..bytes.len()].copy_from_slice(bytes);
    u32::from_le_bytes(buffer) & mask(ring_bits)
}
