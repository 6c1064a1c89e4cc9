//! AVX-512: four blocks of columns at once, one in each 128-bit lane.

use core::arch::x86_64::*;

/// See [`super::transpose128`], which checks the lengths.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn transpose128(rows: &[u128], columns: &mut [u128]) {
    let width = columns.len() / 128;
    let mut planes = [[_mm512_setzero_si512(); 16]; 8];
    for (quad, out) in columns.chunks_mut(4 * 128).enumerate() {
        let lanes = out.len() / 128;
        let mask = u8::MAX >> (8 - 2 * lanes);
        for group in 0..16 {
            let mut eight = [_mm512_setzero_si512(); 8];
            for (s, vector) in eight.iter_mut().enumerate() {
                let row = &rows[(8 * group + s) * width + 4 * quad..][..lanes];
                // SAFETY: the mask admits the `lanes` blocks of the slice only.
                *vector = unsafe { _mm512_maskz_loadu_epi64(mask, row.as_ptr().cast()) };
            }
            for (plane, vector) in planes.iter_mut().zip(exchange_lanes(exchange_bits(eight))) {
                plane[group] = vector;
            }
        }
        for (square, pair) in out.chunks_exact_mut(128).zip(planes.chunks_exact(2)) {
            for (half, plane) in pair.iter().enumerate() {
                let (eights, _) = square.as_chunks_mut::<8>();
                for (eight, vector) in eights.iter_mut().zip(transpose_bytes(*plane)) {
                    let place = &mut eight[4 * half..][..4];
                    // SAFETY: the slice has four blocks of 16 bytes.
                    unsafe { _mm512_storeu_si512(place.as_mut_ptr().cast(), vector) };
                }
            }
        }
    }
}

/// Exchanges row s, bit t of each byte with row t, bit s.
#[target_feature(enable = "avx512f")]
#[inline]
fn exchange_bits(mut rows: [__m512i; 8]) -> [__m512i; 8] {
    macro_rules! round {
        ($step:literal, $mask:literal, $($low:literal)*) => {
            let mask = _mm512_set1_epi8($mask);
            $(
                let (a, b) = (rows[$low], rows[$low + $step]);
                // 0xca selects: mask ? first : second.
                rows[$low] =
                    _mm512_ternarylogic_epi64::<0xca>(mask, a, _mm512_slli_epi64::<$step>(b));
                rows[$low + $step] =
                    _mm512_ternarylogic_epi64::<0xca>(mask, _mm512_srli_epi64::<$step>(a), b);
            )*
        };
    }
    round!(4, 0x0f, 0 1 2 3);
    round!(2, 0x33, 0 1 4 5);
    round!(1, 0x55, 0 2 4 6);
    rows
}

/// From plane t, lane l to plane 2l + t / 4, lane t mod 4: pair l belongs to block l.
#[target_feature(enable = "avx512f")]
#[inline]
fn exchange_lanes([a, b, c, d, e, f, g, h]: [__m512i; 8]) -> [__m512i; 8] {
    let [p0, p1, p2, p3] = transpose_lanes(a, b, c, d);
    let [q0, q1, q2, q3] = transpose_lanes(e, f, g, h);
    [p0, q0, p1, q1, p2, q2, p3, q3]
}

/// From vector i, lane l to vector l, lane i.
#[target_feature(enable = "avx512f")]
#[inline]
fn transpose_lanes(a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> [__m512i; 4] {
    let [ab0, ab1] = [_mm512_shuffle_i64x2::<0x44>(a, b), _mm512_shuffle_i64x2::<0xee>(a, b)];
    let [cd0, cd1] = [_mm512_shuffle_i64x2::<0x44>(c, d), _mm512_shuffle_i64x2::<0xee>(c, d)];
    [
        _mm512_shuffle_i64x2::<0x88>(ab0, cd0),
        _mm512_shuffle_i64x2::<0xdd>(ab0, cd0),
        _mm512_shuffle_i64x2::<0x88>(ab1, cd1),
        _mm512_shuffle_i64x2::<0xdd>(ab1, cd1),
    ]
}

/// From vector R, byte c of each lane to vector c, byte R: each round rotates the eight index bits
/// of (vector, byte) by one.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn transpose_bytes(v: [__m512i; 16]) -> [__m512i; 16] {
    macro_rules! interleave {
        ($v:ident, $($i:literal)*) => {
            [$(
                _mm512_unpacklo_epi8($v[$i], $v[$i + 8]),
                _mm512_unpackhi_epi8($v[$i], $v[$i + 8]),
            )*]
        };
    }
    let v = interleave!(v, 0 1 2 3 4 5 6 7);
    let v = interleave!(v, 0 1 2 3 4 5 6 7);
    let v = interleave!(v, 0 1 2 3 4 5 6 7);
    interleave!(v, 0 1 2 3 4 5 6 7)
}

/// See [`super::low_rows`], which checks the lengths.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn low_rows(columns: &[u128; 128], rows: &mut [u128]) {
    let (halves, _) = columns.as_chunks::<64>();
    for (byte, rows) in rows.chunks_mut(8).enumerate() {
        let [low, high] = [column_bytes(&halves[0], byte), column_bytes(&halves[1], byte)];
        for (i, row) in rows.iter_mut().enumerate() {
            let bit = _mm512_set1_epi8((1u8 << i).cast_signed());
            let (low, high) = (_mm512_test_epi8_mask(low, bit), _mm512_test_epi8_mask(high, bit));
            *row = u128::from(low) | u128::from(high) << 64;
        }
    }
}

/// Byte number `byte` of 64 columns, in order.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn column_bytes(columns: &[u128; 64], byte: usize) -> __m512i {
    let (place, mut bytes) = (_mm512_set1_epi8(byte as i8), _mm512_setzero_si512());
    // Lane l gets in byte r that of column 4r + l.
    for (r, four) in columns.as_chunks::<4>().0.iter().enumerate() {
        // SAFETY: the slice has four blocks of 16 bytes.
        let four = unsafe { _mm512_loadu_si512(four.as_ptr().cast()) };
        bytes = _mm512_mask_shuffle_epi8(bytes, 0x0001_0001_0001_0001 << r, four, place);
    }
    // Lane d gets those of columns 16d to 16d + 15; then they stand in order.
    let lanes = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    let order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    let bytes = _mm512_permutexvar_epi32(lanes, bytes);
    _mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(order))
}
