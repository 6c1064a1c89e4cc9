//! AVX2: two blocks of columns at once, one in each 128-bit lane.

use core::arch::x86_64::*;

/// See [`super::transpose128`], which checks the lengths.
#[target_feature(enable = "avx2")]
pub(super) fn transpose128(rows: &[u128], columns: &mut [u128]) {
    let width = columns.len() / 128;
    let mut planes = [[_mm256_setzero_si256(); 16]; 8];
    for (pair, out) in columns.chunks_mut(2 * 128).enumerate() {
        let lanes = out.len() / 128;
        let second = if lanes == 2 { -1 } else { 0 };
        let mask = _mm256_setr_epi64x(-1, -1, second, second);
        for group in 0..16 {
            let mut eight = [_mm256_setzero_si256(); 8];
            for (s, vector) in eight.iter_mut().enumerate() {
                let row = &rows[(8 * group + s) * width + 2 * pair..][..lanes];
                // SAFETY: the mask admits the `lanes` blocks of the slice only.
                *vector = unsafe { _mm256_maskload_epi64(row.as_ptr().cast(), mask) };
            }
            for (plane, vector) in planes.iter_mut().zip(exchange_lanes(exchange_bits(eight))) {
                plane[group] = vector;
            }
        }
        for (square, four) in out.chunks_exact_mut(128).zip(planes.chunks_exact(4)) {
            for (quarter, plane) in four.iter().enumerate() {
                let (eights, _) = square.as_chunks_mut::<8>();
                for (eight, vector) in eights.iter_mut().zip(transpose_bytes(*plane)) {
                    let place = &mut eight[2 * quarter..][..2];
                    // SAFETY: the slice has two blocks of 16 bytes.
                    unsafe { _mm256_storeu_si256(place.as_mut_ptr().cast(), vector) };
                }
            }
        }
    }
}

/// Exchanges row s, bit t of each byte with row t, bit s.
#[target_feature(enable = "avx2")]
#[inline]
fn exchange_bits(mut rows: [__m256i; 8]) -> [__m256i; 8] {
    macro_rules! round {
        ($step:literal, $mask:literal, $($low:literal)*) => {
            let mask = _mm256_set1_epi8($mask);
            $(
                let (a, b) = (rows[$low], rows[$low + $step]);
                let differ = _mm256_xor_si256(_mm256_srli_epi64::<$step>(a), b);
                let moved = _mm256_and_si256(differ, mask);
                rows[$low] = _mm256_xor_si256(a, _mm256_slli_epi64::<$step>(moved));
                rows[$low + $step] = _mm256_xor_si256(b, moved);
            )*
        };
    }
    round!(4, 0x0f, 0 1 2 3);
    round!(2, 0x33, 0 1 4 5);
    round!(1, 0x55, 0 2 4 6);
    rows
}

/// From plane t, lane l to plane 4l + t / 2, lane t mod 2: half l belongs to block l.
#[target_feature(enable = "avx2")]
#[inline]
fn exchange_lanes([a, b, c, d, e, f, g, h]: [__m256i; 8]) -> [__m256i; 8] {
    [
        _mm256_permute2x128_si256::<0x20>(a, b),
        _mm256_permute2x128_si256::<0x20>(c, d),
        _mm256_permute2x128_si256::<0x20>(e, f),
        _mm256_permute2x128_si256::<0x20>(g, h),
        _mm256_permute2x128_si256::<0x31>(a, b),
        _mm256_permute2x128_si256::<0x31>(c, d),
        _mm256_permute2x128_si256::<0x31>(e, f),
        _mm256_permute2x128_si256::<0x31>(g, h),
    ]
}

/// From vector R, byte c of each lane to vector c, byte R: each round rotates the eight index bits
/// of (vector, byte) by one.
#[target_feature(enable = "avx2")]
#[inline]
fn transpose_bytes(v: [__m256i; 16]) -> [__m256i; 16] {
    macro_rules! interleave {
        ($v:ident, $($i:literal)*) => {
            [$(
                _mm256_unpacklo_epi8($v[$i], $v[$i + 8]),
                _mm256_unpackhi_epi8($v[$i], $v[$i + 8]),
            )*]
        };
    }
    let v = interleave!(v, 0 1 2 3 4 5 6 7);
    let v = interleave!(v, 0 1 2 3 4 5 6 7);
    let v = interleave!(v, 0 1 2 3 4 5 6 7);
    interleave!(v, 0 1 2 3 4 5 6 7)
}
