//! A connection that the caller carries.

use std::ffi::c_void;
use std::io::{self, ErrorKind, Read, Write};

use crate::status::Failure;

/// Reads at least 1 and at most `len` bytes of what the server sends to `buffer` and returns how many they
/// are; 0 if the server has ended the connection, −1 if reading failed or took too long.
pub type GazelleRead =
    Option<unsafe extern "C" fn(context: *mut c_void, buffer: *mut u8, len: usize) -> isize>;

/// Sends at least 1 and at most `len` bytes of `buffer` to the server and returns how many they are; −1 if
/// sending failed or took too long.
pub type GazelleWrite =
    Option<unsafe extern "C" fn(context: *mut c_void, buffer: *const u8, len: usize) -> isize>;

/// The caller's context.
#[derive(Clone, Copy)]
struct Context(*mut c_void);

// SAFETY: `gazelle_client_connect_over` asks for a context that `write` may use on a thread of the library's
// while `read` uses it on another.
unsafe impl Send for Context {}

/// What reads by the caller's function.
pub(crate) struct Reader {
    context: Context,
    read: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> isize,
}

/// What writes by the caller's function.
pub(crate) struct Writer {
    context: Context,
    write: unsafe extern "C" fn(*mut c_void, *const u8, usize) -> isize,
}

/// Both directions.
///
/// # Safety
/// Until reader and writer are dropped, both functions may be called with the context on any thread, each
/// on one at a time.
pub(crate) unsafe fn ends(
    read: GazelleRead,
    write: GazelleWrite,
    context: *mut c_void,
) -> Result<(Reader, Writer), Failure> {
    let read = read.ok_or_else(|| Failure::argument("read is null"))?;
    let write = write.ok_or_else(|| Failure::argument("write is null"))?;
    let context = Context(context);
    Ok((Reader { context, read }, Writer { context, write }))
}

/// How many bytes passed, of at most `len`.
fn passed(result: isize, len: usize) -> io::Result<usize> {
    match usize::try_from(result) {
        Ok(passed) if passed <= len => Ok(passed),
        Ok(_) => Err(io::Error::other("the caller's function passed more bytes than there are")),
        Err(_) => Err(io::Error::other("the caller's function failed")),
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the promise of `ends`; the buffer has as many bytes as it says.
        let result = unsafe { (self.read)(self.context.0, buffer.as_mut_ptr(), buffer.len()) };
        passed(result, buffer.len())
    }
}

impl Write for Writer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // SAFETY: the promise of `ends`; the buffer has as many bytes as it says.
        let result = unsafe { (self.write)(self.context.0, buffer.as_ptr(), buffer.len()) };
        match passed(result, buffer.len())? {
            0 if !buffer.is_empty() => Err(ErrorKind::BrokenPipe.into()),
            written => Ok(written),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
