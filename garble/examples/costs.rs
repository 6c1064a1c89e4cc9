//! What each activation program costs, for one instance: `cargo run -p gazelle-garble --example costs`.
//!
//! Sums and results have 21 bits, which hold the sums of a layer of 4,096 products of 8-bit numbers; 9
//! of them are dropped where the program scales. Online bytes are the garbler's labels.

use gazelle_garble::{FieldProgram, Program, Tally};

fn main() {
    let (ring_bits, shift, out_ring_bits) = (21, 9, 21);
    let relu = |window| Program::Relu { ring_bits, shift, window, out_ring_bits };
    let clamp = |window, least, most| Program::Clamp {
        ring_bits,
        shift,
        window,
        least,
        most,
        out_ring_bits,
    };
    let (window, slope, slope_shift, least, most) = (1, 13, 7, -128, 127);
    let leaky =
        Program::Leaky { ring_bits, shift, window, slope, slope_shift, least, most, out_ring_bits };
    let table: Vec<u8> = (0..32).collect();
    let (odd, index_shift, centre) = (table.clone(), shift + 3, 128);
    let bump = Program::ReluMinusTable { ring_bits, shift, index_shift, table, out_ring_bits };
    let odd = Program::Odd { ring_bits, shift: index_shift, table: odd, centre, out_ring_bits };
    let (bounds, stride) = ([256, 512, 1024], [2, 2]);
    let pool = |map, kernel| Program::MaxPool { ring_bits, map, kernel, stride, out_ring_bits };
    let programs = [
        ("ReLU, clamped to 8 bits", relu(1)),
        ("ReLU, clamped to 6 (ReLU6 with unit 1)", clamp(1, 0, 6)),
        ("ReLU, not clamped", clamp(1, 0, i32::MAX)),
        ("2×2 max pooling and one clamped ReLU", relu(4)),
        ("signed requantisation to 8 bits", clamp(1, -128, 127)),
        ("2×2 max pooling and one requantisation", clamp(4, -128, 127)),
        ("leaky ReLU with slope 13/128, to 8 bits", leaky),
        ("ReLU less a table of 32 (HardSwish, GELU)", bump),
        ("odd table of 32 (sigmoid, tanh)", odd),
        ("truncation", Program::Truncate { ring_bits, shift, out_ring_bits }),
        ("sign", Program::Sign { ring_bits, out_ring_bits }),
        ("2×2 max pooling", pool([2, 2], [2, 2])),
        ("3×3 max pooling, stride 2, of a map of 15×15", pool([15, 15], [3, 3])),
        ("argmax of 10", Program::Argmax { ring_bits, classes: 10 }),
        ("5 largest of 10", Program::TopK { ring_bits, classes: 10, places: 5 }),
        (
            "argmax of 10 and its lead in 4 steps",
            Program::Confidence { ring_bits, classes: 10, bounds },
        ),
        ("threshold", Program::NonNegative { ring_bits }),
        ("reveal", Program::Reveal { ring_bits }),
    ];
    println!("| program | ANDs | table bytes | online bytes |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, program) in programs {
        print(name, &program.tally(1), 16 * program.labels());
    }
    let modulus = 1_032_193;
    for (name, program) in [
        ("ReLU in Z_p, p of 20 bits", FieldProgram::Relu { modulus }),
        ("2×2 max pooling in Z_p", FieldProgram::MaxPool { modulus, window: 4 }),
    ] {
        print(name, &program.tally(1), 0);
    }
}

fn print(name: &str, tally: &Tally, online: usize) {
    println!("| {name} | {} | {} | {online} |", tally.ands, tally.table_bytes);
}
