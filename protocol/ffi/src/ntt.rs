//! Negacyclic transforms and pointwise products.

use std::ops::Range;

use gazelle_ntt::{Plan, prime};

use crate::handle;
use crate::memory::{input, output, region, shared, write};
use crate::status::{Failure, GazelleStatus, call, value};

/// The negacyclic transform of one size n modulo one prime q: of polynomials modulo X^n + 1. It never
/// changes: any number of threads may use it at once.
///
/// All residues are in [0, q), in and out. Nobody looks: for others the results are wrong.
pub struct GazelleNtt(Plan);

/// Finds the largest primes below 2^`bits` that have a transform of size `n`, largest first: writes at
/// most `count` of them to `primes`, and to `found` how many. More than 62 bits count as 62.
///
/// `n` is a power of two from 8 to 131072.
///
/// # Safety
/// `primes` has room for `count` numbers and `found` for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ntt_primes(
    n: usize,
    bits: u32,
    primes: *mut u64,
    count: usize,
    found: *mut usize,
) -> GazelleStatus {
    call(|| {
        if !n.is_power_of_two() || !(8..=1 << 17).contains(&n) {
            return Err(gazelle_ntt::Error::Size(n).into());
        }
        // SAFETY: the caller's promise.
        let out = unsafe { output("primes", primes, count, &[]) }?;
        let all = prime::ntt_primes_below(n, bits, count);
        out[..all.len()].copy_from_slice(&all);
        // SAFETY: the caller's promise.
        unsafe { write("found", found, all.len()) }
    })
}

/// Makes the transform of size `n` modulo `q` on the fastest instructions of this CPU. `n` is a power of
/// two from 8 to 131072, `q` a prime below 2^62 that is 1 modulo 2n. The handle is to be freed with
/// `gazelle_ntt_free`.
///
/// # Safety
/// `ntt` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ntt_new(
    n: usize,
    q: u64,
    ntt: *mut *mut GazelleNtt,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::make(ntt, || Ok(GazelleNtt(Plan::try_new(n, q)?))) })
}

/// Frees a transform; null is none.
///
/// # Safety
/// `ntt` is null or a handle that was not freed, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ntt_free(ntt: *mut GazelleNtt) {
    // SAFETY: the caller's promise.
    unsafe { handle::free(ntt) }
}

/// The name of the instructions that were chosen, as "avx512", "avx2" or "scalar", in a text that ends in 0
/// and is never freed; null for null.
///
/// # Safety
/// `ntt` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ntt_backend(ntt: *const GazelleNtt) -> *const std::ffi::c_char {
    value(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        let Ok(ntt) = (unsafe { shared("ntt", ntt) }) else { return std::ptr::null() };
        match ntt.0.backend().name() {
            "avx512" => c"avx512".as_ptr(),
            "avx2" => c"avx2".as_ptr(),
            "scalar" => c"scalar".as_ptr(),
            _ => c"other".as_ptr(),
        }
    })
}

/// Transforms each polynomial of `a` in place, from coefficients to values. `len` is a multiple of n.
///
/// # Safety
/// `ntt` is a handle, `a` has `len` residues, which no other thread uses meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ntt_forward(
    ntt: *const GazelleNtt,
    a: *mut u64,
    len: usize,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { transform(ntt, a, len, Plan::forward) })
}

/// Transforms each polynomial of `a` back in place, the factor 1/n included. `len` is a multiple of n.
///
/// # Safety
/// `ntt` is a handle, `a` has `len` residues, which no other thread uses meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ntt_inverse(
    ntt: *const GazelleNtt,
    a: *mut u64,
    len: usize,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { transform(ntt, a, len, Plan::inverse) })
}

/// # Safety
/// `ntt` is null or a handle, `a` null or `len` residues that nobody else uses meanwhile.
unsafe fn transform(
    ntt: *const GazelleNtt,
    a: *mut u64,
    len: usize,
    transform: fn(&Plan, &mut [u64]),
) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    let plan = unsafe { shared("ntt", ntt) }?;
    let n = plan.0.n();
    if !len.is_multiple_of(n) {
        return Err(Failure::argument(format!("the length {len} is not a multiple of {n}")));
    }
    // SAFETY: the caller's promise.
    transform(&plan.0, unsafe { output("a", a, len, &[]) }?);
    Ok(())
}

/// `out[i] = a[i]·b[i]` modulo q, for `len` residues. `out` overlaps neither factor.
///
/// # Safety
/// `ntt` is a handle; `a`, `b` and `out` have `len` residues, and no other thread writes them or uses
/// `out` meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ntt_mul(
    ntt: *const GazelleNtt,
    out: *mut u64,
    a: *const u64,
    b: *const u64,
    len: usize,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { product(ntt, out, [a, b], len, Plan::pointwise_mul) })
}

/// `sum[i] += a[i]·b[i]` modulo q, for `len` residues. `sum` overlaps neither factor. Sums of several
/// products take less time with `gazelle_ntt_inner_product`.
///
/// # Safety
/// As `gazelle_ntt_mul`, for `sum` in the place of `out`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ntt_mul_add(
    ntt: *const GazelleNtt,
    sum: *mut u64,
    a: *const u64,
    b: *const u64,
    len: usize,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { product(ntt, sum, [a, b], len, Plan::pointwise_mul_add) })
}

/// # Safety
/// As `gazelle_ntt_mul`, but that all pointers may be null.
unsafe fn product(
    ntt: *const GazelleNtt,
    out: *mut u64,
    [a, b]: [*const u64; 2],
    len: usize,
    product: fn(&Plan, &mut [u64], &[u64], &[u64]),
) -> Result<(), Failure> {
    let factors = [region(a, len), region(b, len)];
    // SAFETY: the caller's promise; `out` overlaps neither factor or is refused.
    unsafe {
        let plan = shared("ntt", ntt)?;
        let out = output("the product", out, len, &factors)?;
        product(&plan.0, out, input("a", a, len)?, input("b", b, len)?);
    }
    Ok(())
}

/// `out[i] = Σ a[j][i]·b[j][i]` modulo q over j < `count`, for `len` residues, with one reduction for
/// many terms. `out` overlaps no factor.
///
/// # Safety
/// `ntt` is a handle; `a` and `b` have `count` pointers to `len` residues each, `out` has `len` residues,
/// and no other thread writes them or uses `out` meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_ntt_inner_product(
    ntt: *const GazelleNtt,
    out: *mut u64,
    a: *const *const u64,
    b: *const *const u64,
    count: usize,
    len: usize,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise; `out` overlaps no factor or is refused.
        unsafe {
            let plan = shared("ntt", ntt)?;
            let (a, b) = (input("a", a, count)?, input("b", b, count)?);
            let factors: Vec<Range<usize>> = a.iter().chain(b).map(|&f| region(f, len)).collect();
            let out = output("the sum", out, len, &factors)?;
            let pair = |(&a, &b)| Ok((input("a", a, len)?, input("b", b, len)?));
            let pairs: Vec<_> = a.iter().zip(b).map(pair).collect::<Result<_, Failure>>()?;
            plan.0.inner_product(out, &pairs);
        }
        Ok(())
    })
}
