//! What a Docker daemon should look like: its configuration file, its unit, its version. Pure: texts in, texts out.

pub mod daemon_json;
pub mod unit;
pub mod versions;
