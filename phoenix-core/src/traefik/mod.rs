//! What Traefik's configuration should be: pure, from text to text.

mod static_file;

pub use static_file::{Provider, StaticFile, TlsFiles};
