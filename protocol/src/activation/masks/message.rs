//! One party's end of a message while a step of the program runs.
//!
//! Both parties run the same step; what one writes the other reads, in the same order. The plan runs
//! it a third time to count.

use gazelle_ntt::pack;

use super::plane::{LANES, Plane, Ring};

/// A message in the making, or on its way in. It holds planes and ring elements of `lanes` lanes
/// in the order of the program: a plane as ⌈lanes/8⌉ bytes, ring elements packed.
pub(super) struct Message<'a> {
    lanes: usize,
    end: End<'a>,
    /// Whether an unused bit of what was read is set.
    padding: bool,
}

enum End<'a> {
    /// Written by this party.
    Out(&'a mut [u8]),
    /// Read by this party.
    In(&'a [u8]),
    /// The bits of a lane so far; no party.
    Count(&'a mut Size),
}

/// What a message holds of each lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Bits of each element, in order; a plane has one.
    widths: Vec<u32>,
}

impl Size {
    /// Bytes of the message for so many lanes.
    pub(super) fn bytes(&self, lanes: usize) -> usize {
        self.widths.iter().map(|&bits| pack::packed_len(lanes, bits)).sum()
    }

    /// Bytes of memory of what it holds, for a whole chunk.
    pub(super) fn memory(&self) -> usize {
        let of_width = |&bits: &u32| match bits {
            1 => size_of::<Plane>(),
            _ => size_of::<[u32; LANES]>(),
        };
        self.widths.iter().map(of_width).sum()
    }

    /// Bits of each element, in order.
    #[cfg(test)]
    pub(super) fn widths(&self) -> &[u32] {
        &self.widths
    }
}

impl<'a> Message<'a> {
    /// To be written to `bytes`, which has exactly the message's length.
    pub(super) fn out(lanes: usize, bytes: &'a mut [u8]) -> Self {
        Self { lanes, end: End::Out(bytes), padding: false }
    }

    /// To be read from `bytes`, of exactly the message's length.
    pub(super) fn read(lanes: usize, bytes: &'a [u8]) -> Self {
        Self { lanes, end: End::In(bytes), padding: false }
    }

    /// To be counted only.
    pub(super) fn count(size: &'a mut Size) -> Self {
        Self { lanes: LANES, end: End::Count(size), padding: false }
    }

    /// Sends one bit of each lane if this party writes; what the writer sent, in either case.
    #[inline(always)]
    pub(super) fn pass(&mut self, bits: Plane) -> Plane {
        let len = self.lanes.div_ceil(8);
        let unused = (8 * len - self.lanes) as u32;
        match &mut self.end {
            End::Out(out) => {
                let (bytes, rest) = std::mem::take(out).split_at_mut(len);
                *out = rest;
                match bytes.first_chunk_mut() {
                    Some(whole) => *whole = bits.to_bytes(),
                    None => bytes.copy_from_slice(&bits.to_bytes()[..len]),
                }
                if let Some(last) = bytes.last_mut() {
                    *last &= u8::MAX >> unused;
                }
                bits
            }
            End::In(bytes) => {
                let (plane, rest) = bytes.split_at(len);
                *bytes = rest;
                self.padding |= plane.last().is_some_and(|last| last.leading_zeros() < unused);
                match plane.first_chunk() {
                    Some(whole) => Plane::from_bytes(whole),
                    None => {
                        let mut whole = [0; LANES / 8];
                        whole[..len].copy_from_slice(plane);
                        Plane::from_bytes(&whole)
                    }
                }
            }
            End::Count(size) => {
                size.widths.push(1);
                bits
            }
        }
    }

    /// Sends a ring element of `bits` bits of each lane, as [`Message::pass`]: a reader gets them in
    /// their place.
    pub(super) fn pass_ring(&mut self, elements: &mut Ring, bits: u32) {
        let len = pack::packed_len(self.lanes, bits);
        match &mut self.end {
            End::Out(out) => {
                let (bytes, rest) = std::mem::take(out).split_at_mut(len);
                *out = rest;
                pack::pack_u32_into(&elements[..self.lanes], bits, bytes);
            }
            End::In(bytes) => {
                let (packed, rest) = bytes.split_at(len);
                *bytes = rest;
                let lanes = &mut elements[..self.lanes];
                self.padding |= pack::unpack_u32(packed, bits, lanes).is_err();
            }
            End::Count(size) => size.widths.push(bits),
        }
    }

    /// Passes each of some planes: a stored state is one more message, from a party to itself.
    pub(super) fn keep<'p>(&mut self, planes: impl IntoIterator<Item = &'p mut Plane>) {
        planes.into_iter().for_each(|plane| *plane = self.pass(*plane));
    }

    /// Whether all of the message was used, and none of its unused bits was set.
    pub(super) fn is_sound(&self) -> bool {
        let left = match &self.end {
            End::Out(bytes) => bytes.len(),
            End::In(bytes) => bytes.len(),
            End::Count(_) => 0,
        };
        left == 0 && !self.padding
    }
}
