use super::*;
use crate::error::{Error, PeerFault};

/// Halves that stand for `values`, at every distance that rounding leaves.
fn halves(values: &[u32], ring_bits: u32, rng: &mut ChaCha20Rng) -> (ClientHalf, ServerHalf) {
    let mask = (2u64 << ring_bits) - 1;
    let y: Vec<u64> = values.iter().map(|_| rng.next_u64() & mask).collect();
    let s =
        values.iter().zip(&y).enumerate().map(|(i, (&m, &y))| {
            (2 * u64::from(m)).wrapping_sub(y).wrapping_sub(i as u64 & 1) & mask
        });
    (ClientHalf::new(y.clone(), ring_bits), ServerHalf::new(s.collect(), ring_bits))
}

#[test]
fn shares_add_up_for_every_ring_and_length() {
    let mut rng = rng(1);
    let mut transfers = Transfers::new(&mut rng);
    for kind in HashKind::ALL {
        transfers.hash = Hash::new(kind, 11);
        for ring_bits in 1..=32 {
            for len in [0, 1, 127, 129, 5000] {
                let values: Vec<u32> =
                    (0..len).map(|_| rng.next_u32() >> (32 - ring_bits)).collect();
                let (client, server) = halves(&values, ring_bits, &mut rng);
                assert_eq!(join(&client, &server, ring_bits), values);
                let (mut sum, share, corrections) = transfers.convert(client, server);
                assert_eq!(corrections.len(), guard::corrections_len(len, ring_bits));
                assert!(sum.iter().all(|a| u64::from(*a) >> ring_bits == 0));
                share.add_to(&mut sum);
                assert_eq!(sum, values, "{kind:?} {ring_bits} {len}");
            }
        }
    }
}

/// No two transfers, of one message or of two, have a pad in common.
#[test]
fn every_transfer_has_a_pad_of_its_own() {
    let mut rng = rng(2);
    let mut transfers = Transfers::new(&mut rng);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let (client, server) = halves(&[0; 3000], 32, &mut rng);
        let low: Vec<u32> =
            server.values().iter().map(|s| (s >> 1) as u32 + (*s as u32 & 1)).collect();
        let (_, share, _) = transfers.convert(client, server);
        let mut pads = low.clone();
        let mut shares = vec![0; low.len()];
        share.add_to(&mut shares);
        pads.iter_mut().zip(&shares).for_each(|(p, t)| *p = p.wrapping_sub(*t));
        seen.extend(pads);
    }
    // 6,000 words of 32 bits collide in 0.4 % of cases; this seed is none of them.
    assert_eq!(seen.len(), 6000);
}

#[test]
fn malformed_messages_are_rejected() {
    let mut rng = rng(3);
    let mut transfers = Transfers::new(&mut rng);
    let gates = || GateCounter::new().take(3);
    for corrections in [vec![], vec![0; 7], vec![0; 9], [vec![0; 7], vec![0x80]].concat()] {
        let (client, _) = halves(&[1, 2, 3], 21, &mut rng);
        let (conversion, _) = client.transfer(&mut transfers.receiver, &transfers.hash, gates());
        let result = conversion.finish(&corrections);
        let padding = corrections.len() == 8;
        assert_eq!(matches!(result, Err(PeerFault::Padding { .. })), padding);
        assert_eq!(matches!(result, Err(PeerFault::Length { .. })), !padding);
    }
    let (_, server) = halves(&[1, 2, 3], 21, &mut rng);
    let Transfers { sender, delta, hash, .. } = &mut transfers;
    let result = server.convert(&[0; 5], sender, delta, hash, gates());
    assert!(matches!(result, Err(Error::Peer(PeerFault::Length { .. }))));
}
