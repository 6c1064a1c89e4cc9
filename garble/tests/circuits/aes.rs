//! AES-128 (FIPS 197). The S-box's inverse is the power 254, by four products in GF(2^8).

use super::{Bits, Builder};

/// Key and plaintext to ciphertext: 128 bits each, byte after byte, each from its lowest bit on.
pub(crate) fn aes128() -> String {
    let (mut c, [key, plaintext]) = Builder::new([128, 128]);
    let bytes = |bits: Bits| bits.chunks(8).map(<[u32]>::to_vec).collect::<Vec<Bits>>();
    let (mut key, mut state) = (bytes(key), bytes(plaintext));
    add(&mut c, &mut state, &key);
    let mut round_constant = 1;
    for round in 1..=10 {
        next_key(&mut c, &mut key, round_constant);
        round_constant = (round_constant << 1) ^ ((round_constant >> 7) * 0x11b);
        for byte in &mut state {
            *byte = sub_byte(&mut c, byte);
        }
        // Row r moves left by r; bytes stand column by column.
        state = (0..16).map(|at| state[(at + 4 * (at % 4)) % 16].clone()).collect();
        if round < 10 {
            state = state.chunks(4).flat_map(|column| mix_column(&mut c, column)).collect();
        }
        add(&mut c, &mut state, &key);
    }
    c.finish(&[128], &state.concat())
}

fn add(c: &mut Builder, state: &mut [Bits], key: &[Bits]) {
    for (byte, key) in state.iter_mut().zip(key) {
        *byte = c.xor(byte, key);
    }
}

fn next_key(c: &mut Builder, key: &mut [Bits], round_constant: u32) {
    let mut word: Vec<Bits> = (0..4).map(|r| sub_byte(c, &key[12 + (r + 1) % 4])).collect();
    let constant = c.constant(round_constant, 8);
    word[0] = c.xor(&word[0], &constant);
    for column in key.chunks_mut(4) {
        for (byte, key) in word.iter_mut().zip(column) {
            *byte = c.xor(byte, key);
            key.clone_from(byte);
        }
    }
}

/// A byte times x, as polynomials.
fn double(c: &mut Builder, x: &[u32]) -> Bits {
    let mut out = vec![x[7]];
    out.extend_from_slice(&x[..7]);
    for bit in [1, 3, 4] {
        out[bit] = c.xor(&[out[bit]], &[x[7]])[0];
    }
    out
}

fn multiply(c: &mut Builder, x: &[u32], y: &[u32]) -> Bits {
    let mut multiple = x.to_vec();
    let mut sum = c.and(&multiple, &[y[0]; 8]);
    for bit in &y[1..] {
        multiple = double(c, &multiple);
        let product = c.and(&multiple, &[*bit; 8]);
        sum = c.xor(&sum, &product);
    }
    sum
}

/// Bit t of x goes to bit 2t.
fn square(c: &mut Builder, x: &[u32]) -> Bits {
    let zero = c.constant(0, 1)[0];
    let mut wide: Bits = (0..16).map(|t| if t % 2 == 0 { x[t / 2] } else { zero }).collect();
    for high in (8..15).rev() {
        for low in [0, 1, 3, 4] {
            wide[high - 8 + low] = c.xor(&[wide[high - 8 + low]], &[wide[high]])[0];
        }
    }
    wide.truncate(8);
    wide
}

fn squares(c: &mut Builder, x: &[u32], count: usize) -> Bits {
    (0..count).fold(x.to_vec(), |x, _| square(c, &x))
}

fn sub_byte(c: &mut Builder, x: &[u32]) -> Bits {
    let x2 = square(c, x);
    let x3 = multiply(c, &x2, x);
    let x12 = squares(c, &x3, 2);
    let x15 = multiply(c, &x12, &x3);
    let x240 = squares(c, &x15, 4);
    let x252 = multiply(c, &x240, &x12);
    let inverse = multiply(c, &x252, &x2);
    let mut out = inverse.clone();
    for turn in 4..8 {
        let turned: Bits = (0..8).map(|t| inverse[(t + turn) % 8]).collect();
        out = c.xor(&out, &turned);
    }
    for bit in [0, 1, 5, 6] {
        out[bit] = c.not(out[bit]);
    }
    out
}

fn mix_column(c: &mut Builder, column: &[Bits]) -> Vec<Bits> {
    let all = (1..4).fold(column[0].clone(), |sum, r| c.xor(&sum, &column[r]));
    let mixed = |r: usize| {
        // 2·x_r + 3·x_{r+1} + x_{r+2} + x_{r+3}: the column's sum, x_r and 2·(x_r + x_{r+1}).
        let pair = c.xor(&column[r], &column[(r + 1) % 4]);
        let doubled = double(c, &pair);
        let rest = c.xor(&all, &column[r]);
        c.xor(&rest, &doubled)
    };
    (0..4).map(mixed).collect()
}
