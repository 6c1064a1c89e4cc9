//! The choice of a twin: one place for the kernels that take a backend with every call. (`ntt` and
//! `pointwise` choose once, for a modulus, and keep the choice as a class.)
//!
//! A call stands in an `unsafe` block, whose reason says that the backend proves the twin's features
//! and what else the twin asks for.

/// `scalar::f(…)`, `simd128::f(…)`, `avx2::f(…)` or `avx512::f(…)` of the module it stands in.
macro_rules! vector_twin {
    ($backend:expr, $f:ident($($argument:expr),* $(,)?)) => {
        match $backend.isa() {
            #[cfg(target_feature = "simd128")]
            $crate::backend::VectorIsa::Simd128 => simd128::$f($($argument),*),
            #[cfg(target_arch = "x86_64")]
            $crate::backend::VectorIsa::Avx2 => avx2::$f($($argument),*),
            #[cfg(target_arch = "x86_64")]
            $crate::backend::VectorIsa::Avx512 => avx512::$f($($argument),*),
            // Backends of other machines have no values.
            _ => scalar::$f($($argument),*),
        }
    };
}

/// `scalar::f(…)`, `simd128::f(…)`, or f of the width of registers: `x86::xmm::f(…)`, `ymm` or `zmm`.
macro_rules! aes_twin {
    ($backend:expr, $f:ident($($argument:expr),* $(,)?)) => {
        match $backend.isa() {
            #[cfg(target_feature = "simd128")]
            $crate::backend::AesIsa::Simd128 => simd128::$f($($argument),*),
            #[cfg(target_arch = "x86_64")]
            $crate::backend::AesIsa::AesNi => x86::xmm::$f($($argument),*),
            #[cfg(target_arch = "x86_64")]
            $crate::backend::AesIsa::Vaes256 => x86::ymm::$f($($argument),*),
            #[cfg(target_arch = "x86_64")]
            $crate::backend::AesIsa::Vaes512 => x86::zmm::$f($($argument),*),
            // Backends of other machines have no values.
            _ => scalar::$f($($argument),*),
        }
    };
}

pub(crate) use {aes_twin, vector_twin};
