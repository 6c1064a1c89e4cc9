//! Exactness: layers, functions and whole networks, private and plain, against their definitions. One
//! program, since each test program is linked at length.

mod forward;
mod functions;
mod linear;
mod networks;
mod onnx;
mod programs;
mod trained;
