use super::*;

/// Whole layers: every result is exact, and the noise is below what was promised.
#[test]
fn measured_noise_is_under_its_bound() {
    let rng = &mut rng(3);
    for (inputs, taps, largest, ring_bits) in [
        (1, 25, 127, 20),
        (3, 200, 127, 23),
        (2, 2048, 127, 26),
        (4, 512, 7, 15),
        (1, 2048, 127, 31),
    ] {
        let toy = Toy::new((inputs, 2), (taps, largest), ring_bits, rng);
        let format = &toy.layer.format;
        let (hint, secret) = toy.hint(rng);
        let mut worst = 0;
        for _ in 0..3 {
            let messages = toy.messages(rng);
            let one_time = OneTimeSecret::random(&format.parameters, rng);
            let phases = toy.run(&hint, &secret, one_time, &messages, rng);
            for (output, Phases { server, client }) in phases.iter().enumerate() {
                let clear = toy.clear(output, &messages);
                for ((&a, &b), &m) in server.iter().zip(client).zip(&clear) {
                    let halves =
                        format.rounding().server_half(a) + format.rounding().client_half(b);
                    let top = (1 << ring_bits) - 1;
                    assert_eq!(((halves + 1) >> 1) & top, m & top);
                    let lambda = format.parameters.log2_q();
                    let noise = a.wrapping_add(b).wrapping_sub(m << (lambda - ring_bits));
                    worst = worst.max(centred(noise, lambda).unsigned_abs());
                }
            }
        }
        println!(
            "{}; k = {ring_bits}, κ = {}, d = {}: 2^{:.1} of 2^{:.1}, limit 2^{:.1}",
            format.parameters,
            format.hint_bits,
            format.dropped,
            (worst as f64).log2(),
            format.noise.log2(),
            format.limit().log2()
        );
        assert!(worst > 1000 && (worst as f64) < format.noise && format.noise < format.limit());
    }
}

fn row(ring_bits: u32, sum: f64, largest: f64) -> Row {
    Row { ring_bits, sum, squares: sum * largest }
}

/// 3×3 over 64 channels: S₁ = 73,152 but for the range, which allows 2^22/255 = 16,448.
#[test]
fn formats_of_known_rows() {
    let format = Format::choose(&row(23, 16_448.0, 127.0), Exactness::Overwhelming).unwrap();
    // Truncations 2^9·√(2.1 million/12)·11.8 = 2^21.3, the hint's rounding 2^20.2, errors 2^15.8; Δ/4 is
    // 2^22.
    assert_eq!((format.hint_bits, format.dropped), (34, 9));
    assert_eq!(format.sent_bits(), 38);
    assert_eq!(format.digit_bits(), 15);
    let always = Format::choose(&row(23, 16_448.0, 127.0), Exactness::Always).unwrap();
    assert!(always.dropped < format.dropped && always.noise < always.limit());
}

/// A ring of one bit more takes another set, and what is wider than all sets admit is refused.
#[test]
fn a_layer_one_bit_past_the_bound_is_refused() {
    let [first, second, _] = HintParameters::ladder().collect::<Vec<_>>().try_into().unwrap();
    for exactness in [Exactness::Overwhelming, Exactness::Always] {
        let fits = |set: &HintParameters, bits| {
            Format::with_parameters(set, &row(bits, 16_448.0, 127.0), exactness)
        };
        let widest = (9..=32).take_while(|&bits| fits(&first, bits).is_ok()).last().unwrap();
        assert!((23..=30).contains(&widest), "{widest}");
        let refused = fits(&first, widest + 1).unwrap_err();
        assert!(refused.to_string().contains("not exact with n = 2048, q = 2^47"), "{refused}");
        let next = Format::choose(&row(widest + 1, 16_448.0, 127.0), exactness).unwrap();
        assert_eq!(next.parameters, second);
    }
    let impossible = row(32, 1e9, 2047.0);
    assert!(matches!(Format::choose(&impossible, Exactness::Always), Err(Misuse::Layer(_))));
}

/// In every ring.
#[test]
fn formats_drop_as_much_as_is_exact() {
    for bits in 9..=31 {
        for exactness in [Exactness::Overwhelming, Exactness::Always] {
            let row = row(bits, f64::from(1u32 << (bits - 1)) / 255.0, 127.0);
            let format = Format::choose(&row, exactness).unwrap();
            assert!(format.noise < format.limit(), "{bits}");
            assert!(format.dropped >= 1 && format.digit_bits() >= 2);
            // One bit more that is not sent, and the noise, which it at most doubles, is too large.
            assert!(2.0 * format.noise > format.limit(), "{bits} {format:?}");
        }
    }
}
