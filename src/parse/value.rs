//! Days, countries, regimes, categories and names.

use jiff::civil::Date;

use super::{Errors, FieldError};
use crate::core::{
    category::{Category, CategoryPattern, NotACategory},
    ids::{Country, RegimeId},
    law::LawPack,
};

/// Reads a day (`2026-01-31`).
pub fn day(path: &str, text: &str) -> Result<Date, FieldError> {
    let shaped = text.len() == 10 && text.bytes().filter(|b| *b == b'-').count() == 2;
    text.parse::<Date>()
        .ok()
        .filter(|_| shaped)
        .ok_or_else(|| FieldError::new(path, format!("`{text}` is no day"), "write YYYY-MM-DD"))
}

/// Reads an ISO 3166-1 code.
pub fn country(path: &str, code: &str, law: &LawPack) -> Result<Country, FieldError> {
    law.country(code).ok_or_else(|| {
        // An unquoted NO arrives as the boolean's text where a tool has rewritten the YAML.
        let fix = if code.eq_ignore_ascii_case("false") {
            "quote it: \"NO\", or write NOR"
        } else {
            "write an ISO 3166-1 alpha-2 or alpha-3 code, quoted"
        };
        FieldError::new(path, format!("`{code}` is no country"), fix)
    })
}

/// Reads the id of a regime.
pub fn regime(path: &str, id: &str, law: &LawPack) -> Result<RegimeId, FieldError> {
    let regime = RegimeId(id.into());
    if law.regimes.contains_key(&regime) {
        return Ok(regime);
    }
    let known: Vec<_> = law.regimes.keys().map(ToString::to_string).collect();
    Err(FieldError::new(
        path,
        format!("law pack {} has no regime `{id}`", law.version),
        format!("write one of {}", known.join(", ")),
    ))
}

/// Reads a category.
pub fn category(path: &str, text: &str) -> Result<Category, FieldError> {
    Category::parse(text).map_err(|e| no_category(path, &e))
}

/// Reads a category or `a.*`.
pub fn category_pattern(path: &str, text: &str) -> Result<CategoryPattern, FieldError> {
    CategoryPattern::parse(text).map_err(|e| no_category(path, &e))
}

fn no_category(path: &str, error: &NotACategory) -> FieldError {
    let fix = "write lower-case words joined by dots, such as `account.contact`";
    FieldError::new(path, format!("`{}` is no category", error.0), fix)
}

/// Names of objects or namespaces, none of them empty.
pub(super) fn names<'a, C: FromIterator<S>, S: From<&'a str>>(
    errors: &mut Errors,
    path: &str,
    list: &'a [String],
) -> C {
    for (i, name) in list.iter().enumerate() {
        if name.is_empty() {
            errors.add(format!("{path}[{i}]"), "is empty", "write a name, or leave the entry out");
        }
    }
    list.iter().map(|n| S::from(n.as_str())).collect()
}
