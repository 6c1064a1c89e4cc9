//! Two ends, and bytes that come in pieces, changed, or not at all.

use super::*;
use crate::wire::{Bye, Labels, Payload};

const HOST: &str = "model.example:7464";
const CHALLENGE: [u8; CHALLENGE_LEN] = [9; CHALLENGE_LEN];

/// A client in a WebSocket to `host`, and the server at [`HOST`], whose challenge has come.
fn ends(host: &str) -> (Frames, Frames) {
    let mut near = Frames::in_websocket(host);
    near.push(&CHALLENGE);
    (near, Frames::new(Some(websocket_binding(&CHALLENGE, HOST))))
}

fn keys(opened: bool) -> FrameKeys {
    FrameKeys { sent: Zeroizing::new([1; 32]), received: Zeroizing::new([2; 32]), opened }
}

/// The same keys at the other end.
fn keys_of_peer() -> FrameKeys {
    FrameKeys { sent: Zeroizing::new([2; 32]), received: Zeroizing::new([1; 32]), opened: false }
}

fn labels(byte: u8) -> Message {
    Labels(vec![byte; 40]).into_message()
}

fn expected() -> Expected {
    Expected::exactly(Kind::Labels, 40)
}

/// One frame without a tag, one that opens with the first tag, one more; byte by byte.
fn exchange(host: &str) -> Result<(), Error> {
    let (mut near, mut far) = ends(host);
    let mut wire = far.write(labels(1));
    far.seal(&keys_of_peer())?;
    wire.extend(far.write(labels(2)));
    wire.extend(far.write(labels(3)));
    let (mut read, mut sealed) = (Vec::new(), false);
    for byte in wire {
        near.push(&[byte]);
        // The first message is read before there are keys, the second after.
        if read.len() == 1 && !sealed {
            sealed = near.seal(&keys(false))?;
        }
        read.extend(near.read(&expected())?);
    }
    assert_eq!(read, [labels(1), labels(2), labels(3)]);
    assert!(near.read(&expected())?.is_none());
    assert_eq!(near.traffic().received, far.traffic().sent);
    far.push(&near.write(Bye.into_message()));
    let farewell = far.read(&Expected::exactly(Kind::Bye, 0))?;
    assert_eq!(farewell, Some(Bye.into_message()));
    Ok(())
}

#[test]
fn frames_pass_byte_by_byte_at_the_host_that_the_server_knows() {
    exchange(HOST).unwrap();
    let other = exchange("evil.example:7464").unwrap_err();
    assert!(matches!(other, Error::Transport(TransportFault::Altered)), "{other}");
}

/// A frame that came before its reader had the keys: its tag is looked for until it is there.
#[test]
fn the_first_tag_may_come_after_its_frame() {
    for wrong in [false, true] {
        let (mut near, mut far) = ends(HOST);
        far.seal(&keys_of_peer()).unwrap();
        let mut frame = far.write(labels(1));
        let tag = frame.split_off(frame.len() - TAG_LEN);
        near.push(&frame);
        assert_eq!(near.read(&expected()).unwrap(), Some(labels(1)));
        near.push(&tag[..TAG_LEN - 1]);
        assert!(!near.seal(&keys(true)).unwrap());
        near.push(&[tag[TAG_LEN - 1] ^ u8::from(wrong)]);
        let sealed = near.seal(&keys(true));
        assert_eq!(sealed.is_err(), wrong);
        assert!(wrong || sealed.unwrap());
        assert_eq!(near.traffic().received, far.traffic().sent);
    }
}

#[test]
fn what_is_not_expected_is_refused_before_it_is_all_there() {
    for (bytes, words) in [
        (vec![Kind::Tables as u8, 1, 0, 0, 0], "instead of its labels"),
        (vec![Kind::Labels as u8, 41, 0, 0, 0], "41 bytes instead of 40"),
        (vec![Kind::Labels as u8, 255, 255, 255, 255], "instead of 40"),
        (vec![200, 0, 0, 0, 0], "kind 200"),
    ] {
        let (mut near, _) = ends(HOST);
        near.push(&bytes);
        let fault = near.read(&expected()).unwrap_err().to_string();
        assert!(fault.contains(words), "{fault}");
    }
    let (mut near, mut far) = ends(HOST);
    near.push(&far.write(Message { kind: Kind::Refusal, payload: b"no\x07 more".to_vec() }));
    let refused = near.read(&expected()).unwrap_err();
    assert!(matches!(&refused, Error::Refused(words) if !words.contains('\u{7}')), "{refused}");
}

#[test]
fn a_changed_frame_does_not_pass() {
    let frame_len = HEADER_LEN + 40 + TAG_LEN;
    for at in HEADER_LEN..frame_len {
        let (mut near, mut far) = ends(HOST);
        near.push(&far.write(labels(1)));
        near.read(&expected()).unwrap();
        assert!(near.seal(&keys(false)).unwrap());
        far.seal(&keys_of_peer()).unwrap();
        let mut frame = far.write(labels(2));
        frame[at] ^= 1;
        near.push(&frame);
        let fault = near.read(&expected()).unwrap_err();
        assert!(matches!(fault, Error::Transport(TransportFault::Altered)), "{at}: {fault}");
    }
}
