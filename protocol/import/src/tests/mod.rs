//! Data sets, linear maps, quantisation and the networks of the zoo.

mod dataset;
mod files;
mod linear;
mod quantise;
mod zoo;
