//! What the library as a whole promises: its layers.

mod diagnostics;
mod json_suite;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer's modules, as ARCHITECTURE.md lists them. `error` names types of every layer and is imported only on top.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["secret", "names", "time", "diagnostic", "observe"]),
    (1, &["document", "x509"]),
    (2, &["system"]),
    (3, &["change"]),
    (4, &["settings", "manifest", "guests", "template"]),
    (5, &["firewall", "docker", "traefik", "scripts", "systemd"]),
    (6, &["links", "model"]),
    (7, &["ca", "transport", "store", "probe", "deploy", "pve"]),
    (8, &["inventory"]),
    (9, &["check", "migrate"]),
    (10, &["plan"]),
    (11, &["answers", "report"]),
    (12, &["execute"]),
    (13, &["present"]),
    (14, &["site", "error"]),
];

/// What a layer's modules may import of their own layer.
const WITHIN: &[(&str, &str)] = &[("deploy", "transport"), ("time", "names")];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The modules of this crate that a file names after `crate::`, tests at its end left out.
fn imports(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or("");
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

#[test]
fn modules_import_only_from_lower_layers() {
    let layers: BTreeMap<&str, u8> = LAYERS
        .iter()
        .flat_map(|(layer, modules)| modules.iter().map(move |module| (*module, *layer)))
        .collect();
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    assert!(files.len() > 50, "the sources were not found");
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(source()).unwrap().to_owned();
        let module = relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        let module = module.trim_end_matches(".rs").to_owned();
        if module == "lib" || relative.to_string_lossy().contains("test") {
            continue;
        }
        let own = *layers
            .get(module.as_str())
            .unwrap_or_else(|| panic!("`{module}` stands in no layer"));
        for imported in imports(&fs::read_to_string(&file).unwrap()) {
            let Some(layer) = layers.get(imported.as_str()) else {
                continue;
            };
            let allowed = imported == module
                || *layer < own
                || WITHIN.contains(&(module.as_str(), imported.as_str()))
                || own == 14;
            if !allowed {
                wrong.push(format!("{} imports `{imported}`", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
