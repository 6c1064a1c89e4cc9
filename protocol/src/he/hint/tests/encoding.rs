use super::*;

fn toy() -> Toy {
    Toy::new((2, 3), (9, 127), 20, &mut rng(4))
}

#[test]
fn hints_round_trip_and_others_are_refused() {
    let toy = toy();
    let layers = vec![toy.layer.clone()];
    let (hint, _) = toy.hint(&mut rng(5));
    assert_eq!(hint.as_bytes().len(), Hint::encoded_len(&layers));
    let decode = |name: &HintName, bytes: &[u8]| {
        Hint::decode(layers.clone(), &[7; 32], name, bytes.to_vec()).map(|hint| *hint.name())
    };
    let (name, bytes) = (hint.name(), hint.as_bytes());
    assert_eq!(decode(name, bytes), Ok(*name));
    let expected = bytes.len();
    // Truncated, longer, nothing, another plan's, one bit changed, another hint of the same layers.
    let length = |got| Err(HintFault::Length { expected, got });
    assert_eq!(decode(name, &bytes[..expected - 1]), length(expected - 1));
    assert_eq!(decode(name, &[bytes, &[0]].concat()), length(expected + 1));
    assert_eq!(decode(name, &bytes[..50]), length(50));
    for len in [0, 15] {
        assert_eq!(decode(name, &bytes[..len]), Err(HintFault::Magic));
    }
    assert_eq!(decode(name, &bytes[..47]), Err(HintFault::Plan));
    let other = Hint::decode(layers.clone(), &[8; 32], name, bytes.to_vec());
    assert_eq!(other.map(|_| ()), Err(HintFault::Plan));
    for place in [48, 64, expected - 1] {
        let mut changed = bytes.to_vec();
        changed[place] ^= 1;
        assert!(matches!(decode(name, &changed), Err(HintFault::Name { .. })), "{place}");
    }
    let (again, _) = toy.hint(&mut rng(6));
    assert!(matches!(decode(name, again.as_bytes()), Err(HintFault::Name { .. })));
}

/// Every hint is another one, though the weights are the same.
#[test]
fn no_hint_is_built_twice() {
    let (toy, rng) = (toy(), &mut rng(7));
    let [first, second] = [(); 2].map(|()| toy.hint(rng).0);
    assert_ne!(first.name(), second.name());
    assert_ne!(first.layer(0).coefficients(0), second.layer(0).coefficients(0));
}

/// A hint of fixed coins: seeds, streams, rounding and packing stay as they are.
#[test]
fn a_hint_of_known_coins_has_a_known_name() {
    let (hint, _) = toy().hint(&mut rng(8));
    assert_eq!(hint.layer(0).coefficients(2)[..2], [81916250275840, 74361330499584]);
    assert_eq!(
        hint.name().to_string(),
        "4e749ff967a956d5dde24efa23af30958a801e5ca22da1434b31a652cd71855a"
    );
}
