//! The sites that tests read: the repository's sample, and the real one where it is at hand.

use std::path::{Path, PathBuf};

use crate::model::{Model, SiteFiles, SourceFile};

pub(crate) const MANIFEST: &str = "certificate-manifest.json";
pub(crate) const VMS: &str = "phoenix_vm_configs.json";
pub(crate) const LXCS: &str = "phoenix_lxc_configs.json";
pub(crate) const HOST: &str = "phoenix_hypervisor_config.json";
pub(crate) const TEMPLATE: &str = "traefik/traefik.yml.template";

pub(crate) fn sample_site() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/sample-site")).to_owned()
}

/// A directory of the real configuration and its edits; says so where it is not at hand.
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
pub(crate) fn corpus(name: &str) -> Option<PathBuf> {
    let found = ["/../..", "/../../..", "/../../../.."]
        .map(|near| format!("{}{near}/shared/corpus/{name}", env!("CARGO_MANIFEST_DIR")))
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.is_dir());
    if found.is_none() {
        eprintln!("left out: the real {name} is not at hand");
    }
    found
}

/// A site of files that are found by their names.
pub(crate) fn model(file: impl Fn(&str) -> SourceFile) -> Model {
    let files = SiteFiles {
        manifest: file(MANIFEST),
        vms: Some(file(VMS)),
        lxcs: Some(file(LXCS)),
        host: file(HOST),
        settings: None,
        template: Some(file(TEMPLATE)),
        beside_template: Vec::new(),
    };
    Model::read(files, true).unwrap()
}

/// A site's own files, unchanged.
pub(crate) fn model_of(site: &Path) -> Model {
    model(|name| {
        let path = site.join("etc").join(name);
        let bytes = std::fs::read(&path).unwrap();
        SourceFile { path, bytes }
    })
}
