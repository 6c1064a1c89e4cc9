//! How calls end, and the words of the last failure.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gazelle_protocol::transport::TransportFault;

/// How a call ended. `gazelle_last_error` has the words.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GazelleStatus {
    /// It did what it says.
    Ok = 0,
    /// An argument is null, misaligned, too short or long, overlaps another, or is out of its range.
    /// Nothing was changed.
    Argument = 1,
    /// The handle cannot do that now: its session has ended, another step comes first, or another
    /// thread is using it.
    State = 2,
    /// The other party sent what no honest one sends, or has another card, version or plan. The session
    /// is over.
    Peer = 3,
    /// The server refuses, in its own words. The session is over.
    Refused = 4,
    /// The server cannot be reached, or the connection failed or was silent for too long: another try
    /// may help. The session is over.
    Connection = 5,
    /// What is asked takes more memory or bytes than the options allow.
    Limit = 6,
    /// A picture or a file is not what it must be.
    Input = 7,
    /// A fault of the library: please report it. The handles of the call can only be freed.
    Internal = 8,
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Failure {
    status: GazelleStatus,
    words: String,
}

impl Failure {
    pub(crate) fn new(status: GazelleStatus, words: impl ToString) -> Self {
        Self { status, words: words.to_string() }
    }

    pub(crate) fn argument(words: impl ToString) -> Self {
        Self::new(GazelleStatus::Argument, words)
    }

    pub(crate) fn state(words: impl ToString) -> Self {
        Self::new(GazelleStatus::State, words)
    }

    /// What a panic said.
    fn panic(payload: &(dyn Any + Send)) -> Self {
        let words = payload.downcast_ref::<&str>().copied();
        let words = words.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let words = words.unwrap_or("a panic without words");
        Self::new(GazelleStatus::Internal, format!("a fault of the library: {words}"))
    }
}

impl From<gazelle_ntt::Error> for Failure {
    fn from(error: gazelle_ntt::Error) -> Self {
        Self::argument(error)
    }
}

impl From<gazelle_garble::Error> for Failure {
    fn from(error: gazelle_garble::Error) -> Self {
        use gazelle_garble::Error::{TablesLong, TablesShort};
        match error {
            TablesShort { .. } | TablesLong { .. } => Self::new(GazelleStatus::Peer, error),
            _ => Self::argument(error),
        }
    }
}

impl From<gazelle_protocol::Error> for Failure {
    fn from(error: gazelle_protocol::Error) -> Self {
        use gazelle_protocol::{Error, error::Misuse};
        let error = match error {
            Error::Transport(fault) => return fault.into(),
            error => error,
        };
        let status = match &error {
            Error::Peer(_) => GazelleStatus::Peer,
            Error::Refused(_) => GazelleStatus::Refused,
            Error::Limit(_) => GazelleStatus::Limit,
            Error::Misuse(Misuse::SessionEnded) => GazelleStatus::State,
            Error::Model(_) => GazelleStatus::Input,
            _ => GazelleStatus::Argument,
        };
        Self::new(status, error)
    }
}

impl From<TransportFault> for Failure {
    fn from(fault: TransportFault) -> Self {
        let status = match &fault {
            // What TLS says of credentials, after the handshake: another try changes nothing.
            TransportFault::Io(error) if error.kind() == ErrorKind::InvalidData => {
                GazelleStatus::Peer
            }
            _ => GazelleStatus::Connection,
        };
        Self::new(status, fault)
    }
}

impl From<gazelle_service::Error> for Failure {
    fn from(error: gazelle_service::Error) -> Self {
        use gazelle_service::Error;
        match error {
            Error::Transport(fault) => fault.into(),
            Error::File { .. } | Error::Content { .. } => Self::new(GazelleStatus::Input, error),
            _ => Self::new(GazelleStatus::Peer, error),
        }
    }
}

impl From<gazelle_cli::Failure> for Failure {
    fn from(failure: gazelle_cli::Failure) -> Self {
        use gazelle_cli::Cause;
        let status = match failure.cause() {
            Cause::Usage => GazelleStatus::Argument,
            Cause::Input => GazelleStatus::Input,
            Cause::Refused | Cause::Busy => GazelleStatus::Refused,
            Cause::Connection => GazelleStatus::Connection,
            Cause::Limit => GazelleStatus::Limit,
            _ => GazelleStatus::Peer,
        };
        Self::new(status, failure)
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Says why the last call of this thread that failed did, in a line that ends in 0; an empty one if none
/// has. It is the library's, and valid until the next call of this thread that fails.
#[unsafe(no_mangle)]
pub extern "C" fn gazelle_last_error() -> *const c_char {
    // A thread that is ending has no words any more.
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// Runs what a call does. Nothing unwinds out of it.
pub(crate) fn call(body: impl FnOnce() -> Result<(), Failure>) -> GazelleStatus {
    // A handle whose call has panicked is poisoned, so nobody sees it half-changed.
    let result = catch_unwind(AssertUnwindSafe(body));
    let Err(failure) = result.unwrap_or_else(|payload| Err(Failure::panic(&*payload))) else {
        return GazelleStatus::Ok;
    };
    let words = CString::new(failure.words.replace('\0', " ")).unwrap_or_default();
    let _ = LAST.try_with(|last| last.replace(words));
    failure.status
}

/// Runs what cannot fail, and gives `otherwise` if it panics all the same.
pub(crate) fn value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn last() -> String {
        // SAFETY: the words of this thread, which end in 0 and last until its next failure.
        unsafe { CStr::from_ptr(gazelle_last_error()) }.to_str().unwrap().into()
    }

    #[test]
    fn failures_have_words_and_panics_end_here() {
        assert_eq!(last(), "");
        assert_eq!(call(|| Ok(())), GazelleStatus::Ok);
        assert_eq!(call(|| Err(Failure::argument("a\0b"))), GazelleStatus::Argument);
        assert_eq!(last(), "a b");
        assert_eq!(call(|| panic!("number {}", 7)), GazelleStatus::Internal);
        assert_eq!(last(), "a fault of the library: number 7");
        assert_eq!(call(|| Ok(())), GazelleStatus::Ok);
        assert_eq!(last(), "a fault of the library: number 7");
        assert_eq!(value(3, || panic!("again")), 3);
    }
}
