//! What Traefik's configuration should be: pure, from text to text.

mod dynamic;
mod static_file;

pub use dynamic::{DynamicFile, Routes};
pub use static_file::{Provider, StaticFile, TlsFiles};
