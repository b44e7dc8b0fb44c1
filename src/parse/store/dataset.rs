//! The datasets of a store.

use std::collections::BTreeSet;

use crate::{
    api::v1alpha1 as api,
    core::{
        category::Category,
        store::{Anchor, AnchorSource, ColumnReading, Dataset, Employment, Role},
    },
    parse::{Errors, value},
};

/// The category under which employment data lies.
const EMPLOYMENT: &str = "hr";

pub(super) fn read_all(
    errors: &mut Errors,
    spec: &api::DataStoreSpec,
    store_role: Option<&Role>,
) -> Vec<Dataset> {
    if spec.datasets.is_empty() {
        errors.add("spec.datasets", "is empty", "say what personal data is in the store");
    }
    let mut seen = BTreeSet::new();
    let mut all = vec![];
    for (i, from) in spec.datasets.iter().enumerate() {
        let path = format!("spec.datasets[{i}]");
        if !seen.insert(&from.name) {
            errors.add(format!("{path}.name"), format!("`{}` is there twice", from.name), "rename one");
        }
        locator_fits(errors, &path, from, &spec.engine);
        all.extend(read(errors, &path, from, &spec.engine, store_role));
    }
    all
}

fn read(
    errors: &mut Errors,
    path: &str,
    from: &api::Dataset,
    engine: &api::Engine,
    store_role: Option<&Role>,
) -> Option<Dataset> {
    if from.categories.is_empty() {
        errors.add(format!("{path}.categories"), "is empty", "say what the data is");
    }
    let categories: Vec<Category> = from
        .categories
        .iter()
        .enumerate()
        .filter_map(|(i, c)| errors.take(value::category(&format!("{path}.categories[{i}]"), c)))
        .collect();
    let role = role(errors, path, from, store_role);
    let anchors = anchors(errors, path, from, engine);
    let employment = employment(errors, path, from, &categories);
    let attributed_by = from
        .pseudonymised
        .as_ref()
        .map(|p| super::reference(errors, &format!("{path}.pseudonymised.keysHeldBy"), &p.keys_held_by));
    Some(Dataset {
        name: from.name.as_str().into(),
        employment,
        attributed_by,
        collected_directly: match from.collected {
            Some(api::Collected::DirectFromSubject) => true,
            None => false,
        },
        categories,
        role: role?,
        table: from.table.as_ref().map(|t| (t.schema.clone(), t.name.clone())),
        anchors,
    })
}

fn role(errors: &mut Errors, path: &str, from: &api::Dataset, store: Option<&Role>) -> Option<Role> {
    match (from.role, &from.controller_ref, store) {
        (None, None, store) => store.cloned(),
        (Some(api::Role::Controller), None, _) => Some(Role::Controller),
        (Some(api::Role::Processor), None, Some(Role::Processor(c))) => Some(Role::Processor(c.clone())),
        (Some(api::Role::Processor), Some(c), _) | (None, Some(c), Some(Role::Processor(_))) => {
            Some(Role::Processor(super::reference(errors, &format!("{path}.controllerRef"), c)))
        }
        (Some(api::Role::Processor), None, _) => {
            let path = format!("{path}.controllerRef");
            errors.add(path, "is missing for a Processor", "name the controller's Party");
            None
        }
        (Some(api::Role::Controller) | None, Some(_), _) => {
            let path = format!("{path}.controllerRef");
            let fix = "remove it, or write role: Processor";
            errors.add(path, "is set although the role is not Processor", fix);
            None
        }
    }
}

fn employment(errors: &mut Errors, path: &str, from: &api::Dataset, categories: &[Category]) -> Employment {
    let works = |s: &api::Subject| matches!(s, api::Subject::Employee | api::Subject::Applicant);
    let of_work = from.subjects.iter().any(works) || categories.iter().any(|c| c.lies_in(EMPLOYMENT));
    match (of_work, from.subjects.is_empty(), from.employment_data) {
        (true, _, None | Some(api::EmploymentData::OwnGroup)) => Employment::Hr,
        // Whoever else may be in it, data of our own employees is not.
        (true, _, Some(api::EmploymentData::Other)) | (false, true, Some(api::EmploymentData::Other)) => {
            Employment::NonHr
        }
        // Others than employees may be in it.
        (false, true, None | Some(api::EmploymentData::OwnGroup)) => Employment::Unknown,
        (false, false, said) => {
            if said.is_some() {
                errors.add(
                    format!("{path}.employmentData"),
                    "is set, and nobody among the subjects works",
                    "name Employee or Applicant, or leave it out",
                );
            }
            Employment::NonHr
        }
    }
}

fn locator_fits(errors: &mut Errors, path: &str, from: &api::Dataset, engine: &api::Engine) {
    let sql = engine.postgres.is_some() || engine.mysql.is_some();
    for (field, is_set, fits, where_) in [
        ("table", from.table.is_some(), sql, "an SQL engine"),
        ("objects", from.objects.is_some(), engine.object_store.is_some(), "an objectStore"),
        ("files", from.files.is_some(), engine.volume.is_some(), "a volume"),
    ] {
        if is_set && !fits && engine.external.is_none() {
            errors.add(format!("{path}.{field}"), format!("needs {where_}"), "remove it");
        }
    }
    if let Some(table) = &from.table
        && (table.schema.is_empty() || table.name.is_empty())
    {
        errors.add(format!("{path}.table"), "has an empty name", "write schema and name");
    }
}

fn anchors(errors: &mut Errors, path: &str, from: &api::Dataset, engine: &api::Engine) -> Vec<Anchor> {
    let mut seen = BTreeSet::new();
    let mut all = vec![];
    for (i, anchor) in from.anchors.iter().enumerate() {
        let path = format!("{path}.anchors[{i}]");
        if anchor.event.is_empty() {
            errors.add(format!("{path}.event"), "is empty", "name the event");
        }
        if !seen.insert(&anchor.event) {
            let problem = format!("`{}` is there twice", anchor.event);
            errors.add(format!("{path}.event"), problem, "keep one anchor for each event");
        }
        let source = anchor_source(errors, &path, anchor, from, engine);
        all.extend(source.map(|source| Anchor { event: anchor.event.clone(), source }));
    }
    all
}

fn anchor_source(
    errors: &mut Errors,
    path: &str,
    from: &api::Anchor,
    dataset: &api::Dataset,
    engine: &api::Engine,
) -> Option<AnchorSource> {
    if from.column.is_none() && from.column_type.is_some() {
        errors.add(format!("{path}.columnType"), "has no column", "name the column, or remove it");
    }
    match (&from.column, &from.modified_time, &from.object_tag, &from.key_pattern) {
        (Some(column), None, None, None) => {
            if dataset.table.is_none() {
                errors.add(format!("{path}.column"), "has no table", "name the dataset's table");
            }
            let reading = reading(errors, path, from.column_type.as_ref())?;
            Some(AnchorSource::Column { name: column.clone(), reading })
        }
        (None, Some(_), None, None) => {
            let fits = engine.object_store.is_some() || engine.volume.is_some();
            let path = format!("{path}.modifiedTime");
            only(errors, path, fits, "an objectStore or a volume").then_some(AnchorSource::ModifiedTime)
        }
        (None, None, Some(tag), None) => {
            let path = format!("{path}.objectTag");
            only(errors, path, engine.object_store.is_some(), "an objectStore")
                .then(|| AnchorSource::ObjectTag(tag.clone()))
        }
        (None, None, None, Some(pattern)) => {
            let path = format!("{path}.keyPattern");
            only(errors, path, engine.object_store.is_some(), "an objectStore")
                .then(|| AnchorSource::KeyPattern(pattern.clone()))
        }
        _ => {
            let fix = "write exactly one of column, modifiedTime, objectTag and keyPattern";
            errors.add(path, "does not say where the event's time stands", fix);
            None
        }
    }
}

fn only(errors: &mut Errors, path: String, fits: bool, what: &str) -> bool {
    if !fits {
        errors.add(path, format!("needs {what}"), "use an anchor that the engine has");
    }
    fits
}

fn reading(errors: &mut Errors, path: &str, from: Option<&api::ColumnType>) -> Option<ColumnReading> {
    let path = format!("{path}.columnType");
    match from.map(|t| (&t.epoch, &t.timestamp)) {
        None => Some(ColumnReading::Native),
        Some((Some(unit), None)) => Some(ColumnReading::Epoch {
            per_second: match unit {
                api::EpochUnit::Seconds => 1,
                api::EpochUnit::Milliseconds => 1_000,
                api::EpochUnit::Microseconds => 1_000_000,
            },
        }),
        Some((None, Some(local))) if jiff::tz::TimeZone::get(&local.time_zone).is_ok() => {
            Some(ColumnReading::Local { zone: local.time_zone.clone() })
        }
        Some((None, Some(local))) => {
            let problem = format!("`{}` is no time zone", local.time_zone);
            errors.add(
                format!("{path}.timestamp.timeZone"),
                problem,
                "write an IANA name such as Europe/Dublin",
            );
            None
        }
        Some(_) => {
            errors.add(path, "is not one type", "write either epoch or timestamp");
            None
        }
    }
}
