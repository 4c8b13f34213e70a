//! Python bindings: convert arguments and results, nothing else.

mod error;
mod manifest;
mod site;

use pyo3::prelude::*;

/// Native part of `phoenix_py`.
#[pymodule]
fn _phoenix(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("PhoenixError", py.get_type::<error::PhoenixError>())?;
    module.add("InputError", py.get_type::<error::InputError>())?;
    module.add("ManifestError", py.get_type::<error::ManifestError>())?;
    module.add_class::<manifest::Entry>()?;
    module.add_class::<manifest::Manifest>()?;
    module.add_class::<site::Step>()?;
    module.add_class::<site::Plan>()?;
    module.add_class::<site::Site>()
}
