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

/// See [`super::low_rows`], which checks the lengths.
#[target_feature(enable = "avx2")]
pub(super) fn low_rows(columns: &[u128; 128], rows: &mut [u128]) {
    for (byte, rows) in rows.chunks_mut(8).enumerate() {
        rows.fill(0);
        for (quarter, columns) in columns.as_chunks::<32>().0.iter().enumerate() {
            let bytes = column_bytes(columns, byte);
            for (i, row) in rows.iter_mut().enumerate() {
                // The bit becomes the top one of its byte.
                let count = _mm_cvtsi32_si128(7 - i as i32);
                let bits = _mm256_movemask_epi8(_mm256_sll_epi16(bytes, count)).cast_unsigned();
                *row |= u128::from(bits) << (32 * quarter);
            }
        }
    }
}

/// Byte number `byte` of 32 columns, in order.
#[target_feature(enable = "avx2")]
#[inline]
fn column_bytes(columns: &[u128; 32], byte: usize) -> __m256i {
    let places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let places = _mm256_broadcastsi128_si256(places);
    let (byte, mut bytes) = (_mm256_set1_epi8(byte as i8), _mm256_setzero_si256());
    // Lane l gets in byte r that of column 2r + l.
    for (r, two) in columns.as_chunks::<2>().0.iter().enumerate() {
        // SAFETY: the slice has two blocks of 16 bytes.
        let two = unsafe { _mm256_loadu_si256(two.as_ptr().cast()) };
        let here = _mm256_cmpeq_epi8(places, _mm256_set1_epi8(r as i8));
        let two = _mm256_and_si256(_mm256_shuffle_epi8(two, byte), here);
        bytes = _mm256_or_si256(bytes, two);
    }
    // Lane q gets those of columns 16q to 16q + 15; then they stand in order.
    let order = _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
    let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(bytes);
    _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(order))
}
