//! Which instruction sets a kernel may use, decided once and carried as a value.
//!
//! A [`VectorBackend`] or [`AesBackend`] can only be built where the CPU has the instructions it
//! names: holding one is the proof that kernels need to call target-feature functions.
//!
//! The environment variable `GAZELLE_BACKEND` narrows the choice (see [`VectorBackend::best`] and
//! [`AesBackend::best`]); a value that is none of its own is an error.

use alloc::vec::Vec;
use core::iter;

/// The vector instructions that the arithmetic kernels (NTT, ring products, transposes) use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VectorBackend(VectorIsa);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum VectorIsa {
    Scalar,
    Simd128,
    Avx2,
    Avx512,
}

impl VectorBackend {
    /// The portable twin: no instructions beyond the target's baseline.
    pub const SCALAR: Self = Self(VectorIsa::Scalar);

    /// WebAssembly's registers of 128 bits, if this was built for them (`-C target-feature=+simd128`):
    /// a module without them runs where they are missing, one with them nowhere else.
    pub fn simd128() -> Option<Self> {
        detect::SIMD128.then_some(Self(VectorIsa::Simd128))
    }

    /// AVX2 with FMA, if this CPU has them.
    pub fn avx2() -> Option<Self> {
        detect::avx2().then_some(Self(VectorIsa::Avx2))
    }

    /// AVX-512 F, DQ, BW, VL, IFMA and VNNI with AVX2 and FMA, if this CPU has them all.
    pub fn avx512() -> Option<Self> {
        detect::avx512().then_some(Self(VectorIsa::Avx512))
    }

    /// Every backend of this CPU, slowest first; always begins with [`VectorBackend::SCALAR`].
    pub fn available() -> Vec<Self> {
        Self::each().collect()
    }

    fn each() -> impl Iterator<Item = Self> {
        let wider = [Self::simd128(), Self::avx2(), Self::avx512()];
        iter::once(Self::SCALAR).chain(wider.into_iter().flatten())
    }

    /// The fastest backend of this CPU that `GAZELLE_BACKEND` allows: `scalar`, `simd128`, `avx2` or
    /// `avx512` names the widest one to use; the names of AES backends allow all.
    ///
    /// # Panics
    /// If `GAZELLE_BACKEND` is set to none of its values.
    pub fn best() -> Self {
        let (widest, _) = requested();
        Self::each().filter(|b| b.0 <= widest).max().unwrap_or(Self::SCALAR)
    }

    /// Runs `f` compiled for this backend's instructions, so that its loops are vectorised with
    /// them. The closure, and what its loops call, must be inlined: mark it `#[inline(always)]`.
    #[inline]
    pub fn run<T>(self, f: impl FnOnce() -> T) -> T {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value proves AVX2 and FMA.
            VectorIsa::Avx2 => unsafe { compiled::avx2(f) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value proves AVX2, FMA and AVX-512 F, DQ, BW, VL, IFMA and VNNI.
            VectorIsa::Avx512 => unsafe { compiled::avx512(f) },
            _ => f(),
        }
    }

    /// What to dispatch on.
    pub(crate) fn isa(self) -> VectorIsa {
        self.0
    }

    /// The name used in benchmark ids and in `GAZELLE_BACKEND`.
    pub fn name(self) -> &'static str {
        match self.0 {
            VectorIsa::Scalar => "scalar",
            VectorIsa::Simd128 => "simd128",
            VectorIsa::Avx2 => "avx2",
            VectorIsa::Avx512 => "avx512",
        }
    }
}

/// The AES instructions that the garbling and expansion kernels use, and the carry-less products
/// that came with each of them: PCLMULQDQ beside AES-NI, VPCLMULQDQ beside VAES. WebAssembly has
/// neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AesBackend(AesIsa);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum AesIsa {
    Portable,
    Simd128,
    AesNi,
    Vaes256,
    Vaes512,
}

impl AesBackend {
    /// The portable twin: the crate `aes`, one block at a time (AES instructions where the CPU has
    /// them, else constant-time software), and carry-less products by integer multiplication.
    pub const PORTABLE: Self = Self(AesIsa::Portable);

    /// Eight blocks at a time in bits, on WebAssembly's registers of 128 bits: available as
    /// [`VectorBackend::simd128`] is.
    pub fn simd128() -> Option<Self> {
        detect::SIMD128.then_some(Self(AesIsa::Simd128))
    }

    /// AES-NI and PCLMULQDQ on 128-bit registers with AVX's instruction forms, if this CPU has all.
    pub fn aesni() -> Option<Self> {
        detect::aesni().then_some(Self(AesIsa::AesNi))
    }

    /// VAES and VPCLMULQDQ on 256-bit registers, if this CPU has them.
    pub fn vaes256() -> Option<Self> {
        detect::vaes256().then_some(Self(AesIsa::Vaes256))
    }

    /// VAES and VPCLMULQDQ on 512-bit registers, if this CPU has them.
    pub fn vaes512() -> Option<Self> {
        detect::vaes512().then_some(Self(AesIsa::Vaes512))
    }

    /// Every backend of this CPU, slowest first; always begins with [`AesBackend::PORTABLE`].
    pub fn available() -> Vec<Self> {
        Self::each().collect()
    }

    fn each() -> impl Iterator<Item = Self> {
        let wider = [Self::simd128(), Self::aesni(), Self::vaes256(), Self::vaes512()];
        iter::once(Self::PORTABLE).chain(wider.into_iter().flatten())
    }

    /// The fastest backend of this CPU that `GAZELLE_BACKEND` allows: `aesni`, `vaes256` or
    /// `vaes512` names the widest one to use, `scalar` stands for the portable twin, `simd128` for
    /// itself, `avx2` for `vaes256` and `avx512` for `vaes512`.
    ///
    /// # Panics
    /// If `GAZELLE_BACKEND` is set to none of its values.
    pub fn best() -> Self {
        let (_, widest) = requested();
        Self::each().filter(|b| b.0 <= widest).max().unwrap_or(Self::PORTABLE)
    }

    /// What to dispatch on.
    pub(crate) fn isa(self) -> AesIsa {
        self.0
    }

    /// The name used in benchmark ids and, but for the portable one, in `GAZELLE_BACKEND`.
    pub fn name(self) -> &'static str {
        match self.0 {
            AesIsa::Portable => "portable",
            AesIsa::Simd128 => "simd128",
            AesIsa::AesNi => "aesni",
            AesIsa::Vaes256 => "vaes256",
            AesIsa::Vaes512 => "vaes512",
        }
    }
}

/// The widest backends that `GAZELLE_BACKEND` allows; all where it is unset or empty. Read once: all
/// backends of a process are of one choice.
#[cfg(feature = "std")]
fn requested() -> (VectorIsa, AesIsa) {
    static REQUESTED: std::sync::OnceLock<(VectorIsa, AesIsa)> = std::sync::OnceLock::new();
    *REQUESTED.get_or_init(|| {
        let value = std::env::var_os("GAZELLE_BACKEND").unwrap_or_default();
        value.to_str().and_then(widest).unwrap_or_else(|| {
            panic!(
                "GAZELLE_BACKEND is {value:?}; it may be scalar, simd128, avx2, avx512, aesni, \
                 vaes256 or vaes512"
            )
        })
    })
}

#[cfg(not(feature = "std"))]
fn requested() -> (VectorIsa, AesIsa) {
    (VectorIsa::Avx512, AesIsa::Vaes512)
}

/// What a value of `GAZELLE_BACKEND` allows; None if it is none.
#[cfg(feature = "std")]
fn widest(value: &str) -> Option<(VectorIsa, AesIsa)> {
    Some(match value {
        "scalar" => (VectorIsa::Scalar, AesIsa::Portable),
        "simd128" => (VectorIsa::Simd128, AesIsa::Simd128),
        "avx2" => (VectorIsa::Avx2, AesIsa::Vaes256),
        "aesni" => (VectorIsa::Avx512, AesIsa::AesNi),
        "vaes256" => (VectorIsa::Avx512, AesIsa::Vaes256),
        "" | "avx512" | "vaes512" => (VectorIsa::Avx512, AesIsa::Vaes512),
        _ => return None,
    })
}

#[cfg(target_arch = "x86_64")]
mod compiled {
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2<T>(f: impl FnOnce() -> T) -> T {
        f()
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vnni")]
    pub(super) fn avx512<T>(f: impl FnOnce() -> T) -> T {
        f()
    }
}

#[cfg(target_arch = "x86_64")]
mod detect {
    use core::arch::x86_64::__cpuid_count;
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

    pub(super) const SIMD128: bool = false;

    cpufeatures::new!(has_aesni, "aes", "pclmulqdq", "ssse3", "avx");
    cpufeatures::new!(has_avx2, "avx2", "fma");
    cpufeatures::new!(has_avx512, "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512ifma");

    pub(super) fn avx2() -> bool {
        has_avx2::get()
    }

    pub(super) fn avx512() -> bool {
        const VNNI: u32 = 1 << 11;
        avx2() && has_avx512::get() && leaf_7_ecx() & VNNI != 0
    }

    pub(super) fn aesni() -> bool {
        has_aesni::get()
    }

    pub(super) fn vaes256() -> bool {
        const VAES_AND_VPCLMULQDQ: u32 = 1 << 9 | 1 << 10;
        aesni() && avx2() && leaf_7_ecx() & VAES_AND_VPCLMULQDQ == VAES_AND_VPCLMULQDQ
    }

    pub(super) fn vaes512() -> bool {
        vaes256() && avx512()
    }

    /// The flags of CPUID leaf 7 in ECX, which `cpufeatures` ties to AVX-512; for a CPU with AVX2, whose
    /// test covers the registers. Kept, since a virtual machine answers slowly.
    fn leaf_7_ecx() -> u32 {
        const UNKNOWN: u32 = u32::MAX;
        static FLAGS: AtomicU32 = AtomicU32::new(UNKNOWN);
        if FLAGS.load(Relaxed) == UNKNOWN {
            // Newer compilers know that it is safe.
            #[allow(unused_unsafe)]
            // SAFETY: a CPU with AVX2 has the instruction, and leaf 7.
            let leaf = unsafe { __cpuid_count(7, 0) };
            FLAGS.store(leaf.ecx, Relaxed);
        }
        FLAGS.load(Relaxed)
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod detect {
    /// WebAssembly has no detection at run time: a module runs with all of its instructions, or not at
    /// all.
    pub(super) const SIMD128: bool = cfg!(target_feature = "simd128");

    pub(super) fn avx2() -> bool {
        false
    }

    pub(super) fn avx512() -> bool {
        false
    }

    pub(super) fn aesni() -> bool {
        false
    }

    pub(super) fn vaes256() -> bool {
        false
    }

    pub(super) fn vaes512() -> bool {
        false
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use std::string::ToString;

    /// `GAZELLE_REQUIRE_BACKENDS=avx2,vaes512,…` makes a backend that this CPU lacks a failure
    /// instead of a silent skip of its tests.
    #[test]
    fn required_backends_are_available() {
        let vector: Vec<_> = VectorBackend::available().iter().map(|b| b.name()).collect();
        let aes: Vec<_> = AesBackend::available().iter().map(|b| b.name()).collect();
        let required = std::env::var("GAZELLE_REQUIRE_BACKENDS").unwrap_or_default();
        for name in required.split(',').map(str::trim).filter(|n| !n.is_empty()) {
            assert!(
                vector.contains(&name) || aes.contains(&name),
                "{}",
                name.to_string() + " is required by GAZELLE_REQUIRE_BACKENDS, the CPU lacks it"
            );
        }
    }

    #[test]
    fn an_unknown_value_of_the_variable_is_none() {
        for value in ["SCALAR", "avx", "avx-512", " avx2", "none"] {
            assert_eq!(widest(value), None, "{value:?}");
        }
        assert_eq!(widest("scalar"), Some((VectorIsa::Scalar, AesIsa::Portable)));
        for name in VectorBackend::available().iter().map(|b| b.name()) {
            assert!(widest(name).is_some(), "{name}");
        }
        for name in AesBackend::available().iter().skip(1).map(|b| b.name()) {
            assert!(widest(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_backend_runs_the_same_loop() {
        let mut sums = VectorBackend::available().into_iter().map(|backend| {
            backend.run(
                #[inline(always)]
                || (0..1000u64).fold(0, |sum, i| sum ^ i.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            )
        });
        let scalar = sums.next();
        assert!(sums.all(|sum| Some(sum) == scalar));
    }

    #[test]
    fn the_best_backend_is_available() {
        assert!(VectorBackend::available().contains(&VectorBackend::best()));
        assert!(AesBackend::available().contains(&AesBackend::best()));
    }
}
