//! Places.

use super::{FieldError, value::country};
use crate::{
    api::v1alpha1 as api,
    core::{ids::Country, law::LawPack, store::Place},
};

/// What a place that the law pack does not know becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionCheck {
    /// A refusal: the object is being written.
    Strict,
    /// A place without a country, which nothing that names a country covers: the object is there already.
    Lenient,
}

/// Reads a place: a country, a region of a provider, or both where they agree.
pub fn location(
    path: &str,
    location: &api::Location,
    law: &LawPack,
    check: RegionCheck,
) -> Result<Place, FieldError> {
    let found = known_country(path, location, law);
    let country = match (found, check) {
        (Ok(country), _) => Some(country),
        (Err(error), RegionCheck::Strict) => return Err(error),
        (Err(_), RegionCheck::Lenient) => None,
    };
    Ok(Place { provider: location.provider.clone(), region: location.region.clone(), country })
}

fn known_country(path: &str, location: &api::Location, law: &LawPack) -> Result<Country, FieldError> {
    let provider = location.provider.as_deref();
    let by_region = location.region.as_deref().map(|r| (r, law.region(provider, r)));
    let declared =
        location.country.as_deref().map(|code| country(&format!("{path}.country"), code, law)).transpose()?;
    match (by_region, declared) {
        (Some((region, Some(known))), Some(declared)) if known != declared => Err(FieldError::new(
            format!("{path}.country"),
            format!("{declared} is not the country of region {region}, which is {known}"),
            "leave out one of the two",
        )),
        // The country stands by itself: a region that the pack does not know is then only a name.
        (_, Some(declared)) => Ok(declared),
        (Some((_, Some(known))), None) => Ok(known),
        (Some((region, None)), None) => Err(unknown_region(path, provider, region, law)),
        (None, None) => Err(FieldError::new(
            path,
            "names neither a region nor a country",
            "write {provider: aws, region: eu-west-1} or {country: \"IE\"}",
        )),
    }
}

fn unknown_region(path: &str, provider: Option<&str>, region: &str, law: &LawPack) -> FieldError {
    let path = format!("{path}.region");
    let knows = |p: &str| law.regions.get(p).is_some_and(|r| r.contains_key(region));
    let mut who: Vec<_> = law.regions.keys().filter(|p| knows(p)).map(String::as_str).collect();
    who.sort_unstable();
    match provider {
        None if who.len() > 1 => FieldError::new(
            path,
            format!("{region} lies in different countries with {}", who.join(" and ")),
            "name the provider",
        ),
        Some(p) if !law.regions.contains_key(p) => FieldError::new(
            path,
            format!("law pack {} knows no provider {p}", law.version),
            "write the country beside it",
        ),
        _ => FieldError::new(
            path,
            format!("law pack {} does not know the region {region}", law.version),
            "correct it, or write the country beside it",
        ),
    }
}
