//! Phoenix.
#![forbid(unsafe_code)]
