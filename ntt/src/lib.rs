//! Negacyclic number-theoretic transforms over Z_q[X]/(X^n + 1), and the ring arithmetic around them.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
