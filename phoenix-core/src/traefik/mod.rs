//! What Traefik's configuration should be: pure, from text to text.

mod dynamic;
mod fields;
mod static_file;

pub use dynamic::{DynamicFile, Routes, service_of};
pub use fields::{FileKind, UnknownField, unknown_fields};
pub use static_file::{Provider, StaticFile, TlsFiles};
