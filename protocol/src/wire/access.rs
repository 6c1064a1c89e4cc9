//! What a client may say before its greeting, where a server has several models or asks for names.

use super::{Kind, Payload};
use crate::domain;
use crate::error::PeerFault;

/// Client, once, before its greeting: `wishes (1) ‖ length of the model's name (1) ‖ name (UTF-8)`, then
/// nothing or `key (32) ‖ signature (64)`. The only wish is [`Access::keep`], in the lowest bit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The model that is asked for, by the name that the server has for it; empty for its only one.
    pub model: String,
    /// Whether what is prepared must outlive the session: a server that cannot keep it says so.
    pub keep: bool,
    /// Who the client is, where no certificate says so.
    pub proof: Option<Proof>,
}

/// Shows that a client has the private half of a key, to one server in one connection: the signature
/// is worth nothing anywhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The public half, of Ed25519.
    pub key: [u8; 32],
    /// The signature of [`Proof::statement`].
    pub signature: [u8; 64],
}

impl Access {
    /// The longest name of a model, in bytes.
    pub const MAX_NAME: usize = 128;
    /// The most bytes of the message.
    pub const MAX_LEN: usize = 1 + 1 + Self::MAX_NAME + 32 + 64;
}

impl Proof {
    /// What is signed on a connection with this [binding](crate::transport::Ends::binding).
    pub fn statement(binding: &[u8; 32]) -> Vec<u8> {
        [domain::ACCESS, binding].concat()
    }
}

impl Payload for Access {
    const KIND: Kind = Kind::Access;

    /// # Panics
    /// If the name has more than [`Access::MAX_NAME`] bytes.
    fn encode(self) -> Vec<u8> {
        assert!(self.model.len() <= Self::MAX_NAME, "no model has so long a name");
        let mut bytes = vec![self.keep.into(), self.model.len() as u8];
        bytes.extend_from_slice(self.model.as_bytes());
        if let Some(Proof { key, signature }) = self.proof {
            bytes.extend_from_slice(&key);
            bytes.extend_from_slice(&signature);
        }
        bytes
    }

    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
        let (expected, got) = (Self::MAX_LEN, payload.len());
        let wrong = PeerFault::Length { message: Self::KIND.name(), expected, got };
        read(&payload).ok_or(wrong)
    }
}

fn read(payload: &[u8]) -> Option<Access> {
    let ([wishes, len], rest) = payload.split_first_chunk()?;
    let keep = match wishes {
        0 | 1 => *wishes == 1,
        // Who does not know a wish cannot grant it.
        _ => return None,
    };
    let (name, rest) = rest.split_at_checked((*len).into())?;
    if name.len() > Access::MAX_NAME {
        return None;
    }
    let model = String::from_utf8(name.to_vec()).ok()?;
    let proof = match rest.split_first_chunk() {
        Some((key, signature)) => Some(Proof { key: *key, signature: signature.try_into().ok()? }),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some(Access { model, keep, proof })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_back_or_are_refused() {
        let proof = Proof { key: [7; 32], signature: [9; 64] };
        for model in ["", "chest", &"x".repeat(Access::MAX_NAME)] {
            for (keep, proof) in [(true, None), (false, Some(proof.clone()))] {
                let access = Access { model: model.into(), keep, proof };
                let bytes = access.clone().encode();
                assert!(bytes.len() <= Access::MAX_LEN);
                assert_eq!(Access::decode(bytes.clone()), Ok(access.clone()));
                // Neither more nor less.
                assert!(Access::decode([&bytes[..], &[0]].concat()).is_err());
                assert!(Access::decode(bytes[..bytes.len() - 1].to_vec()).is_err());
            }
        }
        assert!(Access::decode(vec![0, 2, 0xff, 0xfe]).is_err());
        assert!(Access::decode(vec![2, 0]).is_err());
        assert!(Access::decode([&[0, 129][..], &[b'x'; 129]].concat()).is_err());
    }
}
