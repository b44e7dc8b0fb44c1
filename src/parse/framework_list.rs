//! DataPrivacyFrameworkSnapshot.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::{
    Errors, day,
    safeguard::{framework_name, framework_status},
};
use crate::{
    api::v1alpha1 as api,
    core::{
        framework_list::{FrameworkList, Listed, ListedFramework},
        validity::{end_of, start_of},
    },
};

/// Reads a DataPrivacyFrameworkSnapshot.
pub fn framework_list(object: &api::DataPrivacyFrameworkSnapshot) -> Result<FrameworkList, Errors> {
    let mut errors = Errors::default();
    let spec = &object.spec;
    let taken = errors.take(day("spec.takenOn", &spec.taken_on));
    let mut organisations = BTreeMap::new();
    for (i, from) in spec.organisations.iter().enumerate() {
        let path = format!("spec.organisations[{i}]");
        let listed = listed(&mut errors, &path, from);
        if organisations.insert(from.name.clone(), listed).is_some() {
            errors.add(format!("{path}.name"), "is there twice", "keep one entry for each organisation");
        }
    }
    let list = taken.map(|taken| FrameworkList {
        name: object.name_any().into(),
        taken_on: start_of(taken),
        organisations,
        not_listed: spec.not_listed.iter().cloned().collect(),
    });
    errors.finish(list)
}

fn listed(errors: &mut Errors, path: &str, from: &api::ListedOrganisation) -> Listed {
    let mut frameworks = BTreeMap::new();
    for (i, from) in from.frameworks.iter().enumerate() {
        let path = format!("{path}.frameworks[{i}]");
        let mut read = |field: &str, text: &Option<String>| {
            text.as_ref().and_then(|t| errors.take(day(&format!("{path}.{field}"), t)))
        };
        let since = read("since", &from.since).map(start_of);
        let until = read("recertifyBy", &from.recertify_by).map(end_of);
        let (status, status_carries) = framework_status(from.status);
        let framework = ListedFramework { status_carries, status: status.into(), since, until };
        if frameworks.insert(framework_name(from.name), framework).is_some() {
            errors.add(format!("{path}.name"), "is there twice", "keep one entry for each framework");
        }
    }
    let covers = from
        .covered_data
        .as_ref()
        .map(|data| (data.contains(&api::CoveredData::Hr), data.contains(&api::CoveredData::NonHr)));
    Listed { frameworks, covers }
}
