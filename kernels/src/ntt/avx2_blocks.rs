//! AVX2's registers as vectors of four.

use core::arch::x86_64::*;

use super::blocks::{Block, Vector, groups};

/// Rows of groups to columns, and groups 1 and 2 exchanged: takes a block whose levels down to blocks
/// of 4 are done to the domain's order, and back.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn transpose(block: &mut Block) {
    let [a, b, c, d] = groups(block);
    let [x, y] = [columns(&b), columns(&c)];
    write(b, y);
    write(c, x);
    let [x, y] = [columns(&a), columns(&d)];
    write(a, x);
    write(d, y);
}

#[inline]
#[target_feature(enable = "avx2")]
fn columns([a, b, c, d]: &[&mut Vector; 4]) -> [__m256i; 4] {
    let [a, b, c, d] = [load(a), load(b), load(c), load(d)];
    let [ab0, ab1] = [_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b)];
    let [cd0, cd1] = [_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d)];
    [
        _mm256_permute2x128_si256::<0x20>(ab0, cd0),
        _mm256_permute2x128_si256::<0x20>(ab1, cd1),
        _mm256_permute2x128_si256::<0x31>(ab0, cd0),
        _mm256_permute2x128_si256::<0x31>(ab1, cd1),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn write(to: [&mut Vector; 4], rows: [__m256i; 4]) {
    for (to, row) in to.into_iter().zip(rows) {
        store(to, row);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(x: &Vector) -> __m256i {
    // SAFETY: the reference is to four words.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(x: &mut Vector, y: __m256i) {
    // SAFETY: the reference is to four words.
    unsafe { _mm256_storeu_si256(x.as_mut_ptr().cast(), y) }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::places;
    use super::*;

    #[test]
    fn rows_of_groups_become_columns() {
        if crate::VectorBackend::avx2().is_none() {
            return;
        }
        let before: Block = core::array::from_fn(|i| core::array::from_fn(|j| (10 * i + j) as u64));
        let mut after = before;
        // SAFETY: the CPU has AVX2.
        unsafe { transpose(&mut after) };
        for (group, from) in [0, 2, 1, 3].into_iter().enumerate() {
            for (row, place) in places(group).into_iter().enumerate() {
                let expected = places(from).map(|place| before[place][row]);
                assert_eq!(after[place], expected, "row {row} of group {group}");
            }
        }
        // SAFETY: as above.
        unsafe { transpose(&mut after) };
        assert_eq!(after, before);
    }
}
