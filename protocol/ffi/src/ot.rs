//! Oblivious transfer: labels of bits that their sender does not learn.

use gazelle_protocol::ot::base::{OFFER_LEN, REPLY_LEN};
use gazelle_protocol::ot::{Choices, FieldBits, Receiver, ReceiverSetup, Sender, SenderSetup};
use rand::SeedableRng;
use rand::rngs::{ChaCha20Rng, SysRng};
use zeroize::Zeroizing;

use crate::handle::{self, Exclusive};
use crate::labels;
use crate::memory::{array, input, output, region, shared, write};
use crate::program::check_len;
use crate::status::{Failure, GazelleStatus, call};

/// The receiver of oblivious transfers: the party with choices. One thread at a time may use it, another
/// one later. Large requests run on all cores.
pub struct GazelleOtReceiver(Exclusive<ReceiverState>);

/// The sender of oblivious transfers: the party with Δ. One thread at a time may use it, another one later.
/// Large requests run on all cores.
pub struct GazelleOtSender(Exclusive<SenderState>);

/// The lengths of a set-up's messages, in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GazelleOtLengths {
    /// The receiver's first message.
    pub offer: usize,
    /// The sender's answer.
    pub reply: usize,
    /// The receiver's answer to that.
    pub corrections: usize,
}

enum ReceiverState {
    Offered(Box<ReceiverSetup>, FieldBits),
    Ready(Box<Receiver>, FieldBits),
    Ended,
}

enum SenderState {
    Replied(Box<SenderSetup>, FieldBits),
    Ready(Box<Sender>, FieldBits),
    Ended,
}

const ENDED: &str = "this session has failed; set a new one up";
const NOT_READY: &str = "the set-up comes first";
const IS_READY: &str = "the set-up is over";

fn field_of(field_bits: u32) -> Result<FieldBits, Failure> {
    let field = u8::try_from(field_bits).ok().and_then(|bits| FieldBits::try_from(bits).ok());
    field.ok_or_else(|| {
        Failure::argument(format!("the field bits are {field_bits}; choose 1, 2, 4 or 8"))
    })
}

fn system_rng() -> Result<ChaCha20Rng, Failure> {
    ChaCha20Rng::try_from_rng(&mut SysRng).map_err(|error| {
        Failure::new(GazelleStatus::Internal, format!("the system gives no randomness: {error}"))
    })
}

/// The lengths of a set-up's messages. `field_bits` is 1, 2, 4 or 8: more send fewer bytes for each transfer
/// (16/`field_bits`) and take more work.
///
/// # Safety
/// `lengths` has room for them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ot_lengths(
    field_bits: u32,
    lengths: *mut GazelleOtLengths,
) -> GazelleStatus {
    call(|| {
        let corrections = field_of(field_bits)?.corrections_len();
        let value = GazelleOtLengths { offer: OFFER_LEN, reply: REPLY_LEN, corrections };
        // SAFETY: the caller's promise.
        unsafe { write("lengths", lengths, value) }
    })
}

/// The length of the message that makes `count` transfers.
///
/// # Safety
/// `length` has room for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ot_message_length(
    field_bits: u32,
    count: usize,
    length: *mut usize,
) -> GazelleStatus {
    call(|| {
        labels::bytes_of(count)?;
        let value = field_of(field_bits)?.message_len(count);
        // SAFETY: the caller's promise.
        unsafe { write("length", length, value) }
    })
}

/// Begins as the receiver: writes the offer for `gazelle_ot_sender_new`. The handle is to be freed with
/// `gazelle_ot_receiver_free`.
///
/// # Safety
/// `offer` has room for `offer_len` bytes, `receiver` for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ot_receiver_new(
    field_bits: u32,
    offer: *mut u8,
    offer_len: usize,
    receiver: *mut *mut GazelleOtReceiver,
) -> GazelleStatus {
    call(|| {
        let new = || {
            check_len("offer", OFFER_LEN, offer_len)?;
            let field = field_of(field_bits)?;
            // SAFETY: the caller's promise.
            let offer = unsafe { output("offer", offer, offer_len, &[]) }?;
            let (setup, message) = ReceiverSetup::new(field, &mut system_rng()?);
            offer.copy_from_slice(&message);
            let state = ReceiverState::Offered(Box::new(setup), field);
            Ok(GazelleOtReceiver(Exclusive::new(state)))
        };
        // SAFETY: the caller's promise.
        unsafe { handle::make(receiver, new) }
    })
}

/// Wipes and frees a receiver; null is none.
///
/// # Safety
/// `receiver` is null or a handle that was not freed, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ot_receiver_free(receiver: *mut GazelleOtReceiver) {
    // SAFETY: the caller's promise.
    unsafe { handle::free(receiver) }
}

/// Takes the sender's reply and writes the corrections for `gazelle_ot_sender_finish`. `session` is a name of
/// 32 bytes that both parties know and use once. A reply that no honest sender makes ends the session.
///
/// # Safety
/// `receiver` is a handle, `session` has 32 bytes, `reply` `reply_len`, and `corrections` room for
/// `corrections_len`; no other thread uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ot_receiver_finish(
    receiver: *const GazelleOtReceiver,
    session: *const u8,
    reply: *const u8,
    reply_len: usize,
    corrections: *mut u8,
    corrections_len: usize,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise; the corrections overlap no input or are refused.
        let (receiver, session, reply, out) = unsafe {
            let inputs = [region(session, 32), region(reply, reply_len)];
            let out = output("corrections", corrections, corrections_len, &inputs)?;
            let reply = input("reply", reply, reply_len)?;
            (shared("receiver", receiver)?, array("session", session)?, reply, out)
        };
        let mut state = receiver.0.lock()?;
        match &*state {
            ReceiverState::Offered(_, field) => {
                check_len("corrections", field.corrections_len(), corrections_len)?;
            }
            ReceiverState::Ready(..) => return Err(Failure::state(IS_READY)),
            ReceiverState::Ended => return Err(Failure::state(ENDED)),
        }
        let state = &mut *state;
        let before = std::mem::replace(state, ReceiverState::Ended);
        let ReceiverState::Offered(setup, field) = before else { unreachable!("seen above") };
        let (ready, message, _) = setup.finish(&session, reply)?;
        out.copy_from_slice(&message);
        *state = ReceiverState::Ready(Box::new(ready), field);
        Ok(())
    })
}

/// Makes `count` transfers: writes a label for each choice, one a byte, 0 or 1, and the message for
/// `gazelle_ot_sender_extend`. The label of a choice c is the sender's zero label plus c·Δ.
///
/// # Safety
/// `receiver` is a handle, `choices` has `count` bytes, `labels` room for 16·`count` and `message` for
/// `message_len`; no other thread uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ot_receiver_extend(
    receiver: *const GazelleOtReceiver,
    choices: *const u8,
    count: usize,
    labels: *mut u8,
    message: *mut u8,
    message_len: usize,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise; the outputs overlap nothing else or are refused.
        let (receiver, choices, room, out) = unsafe {
            let own = [region(choices, count)];
            let room = labels::output("labels", labels, count, &own)?;
            let others = [own[0].clone(), labels::region(labels, count)];
            let out = output("message", message, message_len, &others)?;
            (shared("receiver", receiver)?, input("choices", choices, count)?, room, out)
        };
        let ready = &mut *receiver.0.lock()?;
        let (ready, field) = match ready {
            ReceiverState::Ready(ready, field) => (ready, *field),
            ReceiverState::Offered(..) => return Err(Failure::state(NOT_READY)),
            ReceiverState::Ended => return Err(Failure::state(ENDED)),
        };
        check_len("message", field.message_len(count), message_len)?;
        let bits: Zeroizing<Vec<u32>> =
            Zeroizing::new(choices.iter().map(|choice| u32::from(choice & 1)).collect());
        let choices = Choices::from_bit_planes(&bits, 1);
        let message = room.fill(|labels| ready.extend(&choices, labels));
        out.copy_from_slice(&message);
        Ok(())
    })
}

/// Begins as the sender of transfers with the offset `delta`, 16 bytes, such as `gazelle_garbler_delta`'s:
/// takes the receiver's offer and writes the reply for `gazelle_ot_receiver_finish`. `session` is a name of 32
/// bytes that both parties know and use once. The handle is to be freed with `gazelle_ot_sender_free`.
///
/// # Safety
/// `session` has 32 bytes, `delta` 16, `offer` `offer_len`; `reply` has room for `reply_len` and `sender`
/// for a pointer; no other thread uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ot_sender_new(
    field_bits: u32,
    session: *const u8,
    delta: *const u8,
    offer: *const u8,
    offer_len: usize,
    reply: *mut u8,
    reply_len: usize,
    sender: *mut *mut GazelleOtSender,
) -> GazelleStatus {
    call(|| {
        let new = || {
            let field = field_of(field_bits)?;
            check_len("reply", REPLY_LEN, reply_len)?;
            // SAFETY: the caller's promise; the reply overlaps no input or is refused.
            let (session, delta, offer, out) = unsafe {
                let inputs = [region(session, 32), region(delta, 16), region(offer, offer_len)];
                let out = output("reply", reply, reply_len, &inputs)?;
                let offer = input("offer", offer, offer_len)?;
                (array("session", session)?, array("delta", delta)?, offer, out)
            };
            let delta = u128::from_le_bytes(delta);
            let (setup, message, _) =
                SenderSetup::new(field, &session, delta, offer, &mut system_rng()?)?;
            out.copy_from_slice(&message);
            let state = SenderState::Replied(Box::new(setup), field);
            Ok(GazelleOtSender(Exclusive::new(state)))
        };
        // SAFETY: the caller's promise.
        unsafe { handle::make(sender, new) }
    })
}

/// Wipes and frees a sender; null is none.
///
/// # Safety
/// `sender` is null or a handle that was not freed, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ot_sender_free(sender: *mut GazelleOtSender) {
    // SAFETY: the caller's promise.
    unsafe { handle::free(sender) }
}

/// Takes the receiver's corrections and ends the set-up. Corrections that no honest receiver makes end the
/// session.
///
/// # Safety
/// `sender` is a handle, `corrections` has `corrections_len` bytes, which no other thread writes meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ot_sender_finish(
    sender: *const GazelleOtSender,
    corrections: *const u8,
    corrections_len: usize,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let (sender, corrections) = unsafe {
            (shared("sender", sender)?, input("corrections", corrections, corrections_len)?)
        };
        let state = &mut *sender.0.lock()?;
        match std::mem::replace(state, SenderState::Ended) {
            SenderState::Replied(setup, field) => {
                *state = SenderState::Ready(Box::new(setup.finish(corrections)?), field);
                Ok(())
            }
            ready @ SenderState::Ready(..) => {
                *state = ready;
                Err(Failure::state(IS_READY))
            }
            SenderState::Ended => Err(Failure::state(ENDED)),
        }
    })
}

/// Makes `count` transfers from the receiver's message: writes their zero labels. A message that no honest
/// receiver makes ends the session: Δ is wiped, and no label is written.
///
/// # Safety
/// `sender` is a handle, `message` has `message_len` bytes, `zeros` room for 16·`count`; no other thread
/// uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ot_sender_extend(
    sender: *const GazelleOtSender,
    message: *const u8,
    message_len: usize,
    zeros: *mut u8,
    count: usize,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise; the labels do not overlap the message or are refused.
        let (sender, message, room) = unsafe {
            let inputs = [region(message, message_len)];
            let room = labels::output("zeros", zeros, count, &inputs)?;
            (shared("sender", sender)?, input("message", message, message_len)?, room)
        };
        let state = &mut *sender.0.lock()?;
        let (ready, field) = match state {
            SenderState::Ready(ready, field) => (ready, *field),
            SenderState::Replied(..) => return Err(Failure::state(NOT_READY)),
            SenderState::Ended => return Err(Failure::state(ENDED)),
        };
        check_len("message", field.message_len(count), message_len)?;
        let result = room.fill(|labels| ready.extend(message, labels));
        if result.is_err() {
            *state = SenderState::Ended;
        }
        Ok(result?)
    })
}
