//! Python bindings: convert arguments and results, nothing else.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]
#![allow(
    clippy::unsafe_derive_deserialize,
    reason = "the unsafe methods are those that pyo3 adds to a class"
)]
#![allow(
    clippy::struct_field_names,
    reason = "a class that is a sequence has a field of that name, too"
)]

mod answers;
mod authority;
mod ca;
mod call;
mod certs;
mod change;
mod check;
mod deploy;
mod document;
mod embedded;
mod error;
mod fault;
mod firewall;
mod inventory;
mod key;
mod manifest;
mod plan;
mod progress;
mod record;
mod report;
mod rule;
mod simulate;
mod site;
mod site_ca;
mod template;
mod transport;
mod value;
mod x509;

use pyo3::prelude::*;

/// Native part of `phoenix_py`.
#[pymodule]
fn _phoenix(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    for add in [
        fault::add,
        manifest::add,
        document::add,
        change::add,
        x509::add,
        key::add,
        ca::add,
        embedded::add,
        authority::add,
        deploy::add,
        plan::add,
        report::add,
        progress::add,
        site::add,
        site_ca::add,
        answers::add,
        inventory::add,
        check::add,
        template::add,
        rule::add,
        simulate::add,
        call::add,
    ] {
        add(module)?;
    }
    Ok(())
}
