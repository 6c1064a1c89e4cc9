//! Garbled vector programs: one circuit over many instances.

#![forbid(unsafe_code)]
