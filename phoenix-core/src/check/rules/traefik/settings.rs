//! Fields that Traefik does not know, and settings that contradict each other or open it.

use super::PlaceOf;
use crate::check::finding::{Deed, Found};
use crate::check::view::View;
use crate::docker::versions::parse_traefik;
use crate::document::{Cursor, Part};
use crate::traefik::{FileKind, unknown_fields};

pub(super) fn fields<'m>(
    view: &View<'m>,
    root: Cursor<'_>,
    kind: FileKind,
    place: &PlaceOf<'_>,
    found: &mut Found<'m>,
) {
    let told = view.facts.guests.values();
    let major = told
        .filter_map(|told| told.traefik.as_ref()?.version.as_deref())
        .find_map(|text| parse_traefik(text).ok())
        .map_or(3, |release| release.numbers.0);
    for field in unknown_fields(root, kind, major) {
        // A rule of its own, which knows more of it.
        if field.name == "apiVersion" && field.parent.starts_with("providers.") {
            continue;
        }
        let whose = if field.parent.is_empty() {
            "at the top".to_owned()
        } else {
            format!("in {}", field.parent)
        };
        let open = found.add(
            "PX040",
            format!(
                "found the field `{}` {whose}, which Traefik {major} does not know",
                field.name
            ),
        );
        open.place(place(field.value, Part::Key));
        if field.elsewhere {
            let other = if major == 2 { 3 } else { 2 };
            open.note(format!("it is one of Traefik {other}"));
        }
        if let Some(like) = field.like {
            open.help(format!("did you mean `{like}`?"));
        }
    }
}

pub(super) fn dashboard(root: Cursor<'_>, place: &PlaceOf<'_>, found: &mut Found<'_>) {
    if let Some(insecure) = root
        .at("/api/insecure")
        .filter(|flag| flag.as_bool() == Some(true))
    {
        found
            .add(
                "PX043",
                "found `api.insecure: true`, expected a router that asks who it is",
            )
            .place(place(insecure, Part::Whole));
    }
}

pub(super) fn both<'m>(
    view: &View<'m>,
    root: Cursor<'_>,
    place: &PlaceOf<'_>,
    found: &mut Found<'m>,
) {
    let Some(provider) = root.at("/providers/file") else {
        return;
    };
    let (Some(directory), Some(name)) = (provider.get("directory"), provider.get("filename"))
    else {
        return;
    };
    let open = found.add(
        "PX044",
        "found both `directory` and `filename` of the file provider, expected one: the directory counts",
    );
    open.place(place(name, Part::Whole))
        .place(place(directory, Part::Whole).with_label("this one counts"));
    if let Some((document, node)) = view.template_node(name) {
        open.fix(
            document,
            Deed::Remove(node),
            "providers.file.filename: removed, the directory counts",
        );
    }
}
