//! From rows to what the list says of the organisations that are looked for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{
    columns::{Column, Columns},
    file::Table,
};
use crate::api::v1alpha1::{
    CoveredData, FrameworkName, FrameworkStatus, ListedFramework, ListedOrganisation,
};

/// A cell of an organisation that is looked for, which cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}, {organisation}: `{cell}` is no {what}; {fix}")]
pub struct CellError {
    /// Number of the row, headers not counted.
    pub row: usize,
    /// The organisation.
    pub organisation: String,
    /// What stands there.
    pub cell: String,
    /// What was expected.
    pub what: &'static str,
    /// What is read.
    pub fix: &'static str,
}

/// Rows of organisations that are looked for; all others are not read.
pub fn read(
    table: &Table,
    columns: &Columns,
    sought: &BTreeSet<String>,
) -> Result<Vec<ListedOrganisation>, CellError> {
    let mut found: BTreeMap<String, ListedOrganisation> = BTreeMap::new();
    for (i, row) in table.rows.iter().enumerate() {
        let cell = |column| columns.cell(row, column);
        let Some(name) = cell(Column::Organisation).filter(|name| sought.contains(*name)) else { continue };
        let no = |cell: &str, what, fix| CellError {
            row: i + 1,
            organisation: name.to_owned(),
            cell: cell.to_owned(),
            what,
            fix,
        };
        let day = |column| match cell(column) {
            None | Some("") => Ok(None),
            Some(text) => date(text).map(Some).ok_or_else(|| {
                no(text, "day", "days are read as YYYY-MM-DD and as the public site writes them, M/D/YYYY")
            }),
        };
        let (since, recertify_by) = (day(Column::Since)?, day(Column::RecertifyBy)?);
        let text = cell(Column::Status).unwrap_or_default();
        let status = status(text).ok_or_else(|| {
            no(
                text,
                "status",
                "Active, Recertification Under Review, Inactive, Withdrawn and Removed are read",
            )
        })?;
        let organisation = found.entry(name.to_owned()).or_insert_with(|| ListedOrganisation {
            name: name.to_owned(),
            frameworks: vec![],
            covered_data: None,
        });
        for text in parts(cell(Column::Framework).unwrap_or_default()) {
            let framework = framework(text).ok_or_else(|| {
                no(
                    text,
                    "framework",
                    "EU-U.S., UK Extension and Swiss-U.S. are read, several with `;` between them",
                )
            })?;
            let new = ListedFramework {
                name: framework,
                status,
                since: since.map(|d| d.to_string()),
                recertify_by: recertify_by.map(|d| d.to_string()),
            };
            match organisation.frameworks.iter_mut().find(|f| f.name == framework) {
                None => organisation.frameworks.push(new),
                // Two rows that say two things: the one that carries less.
                Some(old) if carries(old.status) && !carries(new.status) => *old = new,
                Some(_) => {}
            }
        }
        for text in parts(cell(Column::CoveredData).unwrap_or_default()) {
            let data = covered(text).ok_or_else(|| no(text, "covered data", "HR and NonHR are read"))?;
            let all = organisation.covered_data.get_or_insert_default();
            if !all.contains(&data) {
                all.push(data);
                all.sort();
            }
        }
    }
    for organisation in found.values_mut() {
        organisation.frameworks.sort_by_key(|f| f.name);
    }
    Ok(found.into_values().collect())
}

fn parts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split([';', ',', '|', '\n']).map(str::trim).filter(|part| !part.is_empty())
}

/// Letters alone, in lower case: spelling varies more than words do.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn framework(text: &str) -> Option<FrameworkName> {
    let text = letters(text);
    if text.contains("ukext") {
        Some(FrameworkName::UKExtension)
    } else if text.starts_with("swissus") {
        Some(FrameworkName::SwissUs)
    } else if text.starts_with("euus") {
        Some(FrameworkName::EuUs)
    } else {
        None
    }
}

fn status(text: &str) -> Option<FrameworkStatus> {
    match letters(text).as_str() {
        "active" => Some(FrameworkStatus::Active),
        "recertificationunderreview" | "activerecertificationunderreview" => {
            Some(FrameworkStatus::RecertificationUnderReview)
        }
        "inactive" => Some(FrameworkStatus::Inactive),
        "withdrawn" => Some(FrameworkStatus::Withdrawn),
        "removed" => Some(FrameworkStatus::Removed),
        _ => None,
    }
}

fn carries(status: FrameworkStatus) -> bool {
    match status {
        FrameworkStatus::Active | FrameworkStatus::RecertificationUnderReview => true,
        FrameworkStatus::Inactive | FrameworkStatus::Withdrawn | FrameworkStatus::Removed => false,
    }
}

fn covered(text: &str) -> Option<CoveredData> {
    match letters(text).as_str() {
        "hr" | "hrdata" => Some(CoveredData::Hr),
        "nonhr" | "nonhrdata" => Some(CoveredData::NonHr),
        _ => None,
    }
}

fn date(text: &str) -> Option<Date> {
    let iso = text.len() == 10 && text.as_bytes()[4] == b'-';
    if iso {
        return text.parse().ok();
    }
    let mut parts = text.split('/').map(|part| part.parse::<i16>().ok());
    let (month, day, year) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || year < 1000 {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::dpf::file;

    const HEAD: &str = "Organization Name,Framework,Status,Original Certification Date,Next Certification Due Date,Covered Data\n";

    fn rows(text: &str) -> Result<Vec<ListedOrganisation>, String> {
        let table = file::read(format!("{HEAD}{text}").as_bytes()).unwrap();
        let columns = Columns::of(&table, &[], &[]).unwrap();
        let sought = ["Acme, Inc.".to_owned()].into();
        read(&table, &columns, &sought).map_err(|e| e.to_string())
    }

    #[test]
    fn rows_of_one_organisation_are_brought_together() {
        let found = rows(
            "\"Acme, Inc.\",EU-U.S. Data Privacy Framework; UK Extension to the EU-U.S. DPF,Active,9/29/2023,2027-09-29,\"HR, NON-HR\"\n\
             \"Acme, Inc.\",Swiss-U.S. DPF,Active - Recertification Under Review,,,Non-HR\n\
             Other LLC,nonsense,nonsense,nonsense,,\n",
        );
        let [acme] = &found.unwrap()[..] else { panic!("one") };
        let frameworks: Vec<_> =
            acme.frameworks.iter().map(|f| (f.name, f.status, f.since.as_deref())).collect();
        assert_eq!(
            frameworks,
            [
                (FrameworkName::EuUs, FrameworkStatus::Active, Some("2023-09-29")),
                (FrameworkName::UKExtension, FrameworkStatus::Active, Some("2023-09-29")),
                (FrameworkName::SwissUs, FrameworkStatus::RecertificationUnderReview, None),
            ]
        );
        assert_eq!(acme.frameworks[0].recertify_by.as_deref(), Some("2027-09-29"));
        assert_eq!(acme.covered_data.as_deref(), Some(&[CoveredData::Hr, CoveredData::NonHr][..]));
    }

    #[test]
    fn of_two_rows_the_one_that_carries_less_counts() {
        for text in
            ["Active,,,\n\"Acme, Inc.\",EU-US,Withdrawn,,,", "Withdrawn,,,\n\"Acme, Inc.\",EU-US,Active,,,"]
        {
            let found = rows(&format!("\"Acme, Inc.\",EU-US,{text}\n")).unwrap();
            assert_eq!(found[0].frameworks[0].status, FrameworkStatus::Withdrawn, "{text}");
        }
    }

    #[test]
    fn a_cell_that_cannot_be_read_is_named_and_a_name_is_compared_whole() {
        for (cells, what) in [
            ("Privacy Shield,Active,,,", "framework"),
            ("EU-US,Pending,,,", "status"),
            ("EU-US,Active,29.9.2023,,", "day"),
            ("EU-US,Active,13/40/2023,,", "day"),
            ("EU-US,Active,9/29/23,,", "day"),
            ("EU-US,Active,,,Payroll", "covered data"),
        ] {
            let error = rows(&format!("\"Acme, Inc.\",{cells}\n")).unwrap_err();
            assert!(error.starts_with("row 1, Acme, Inc.: ") && error.contains(what), "{error}");
        }
        assert!(rows("\"acme, inc.\",EU-US,Active,,,\n").unwrap().is_empty());
        assert!(rows("\"Acme, Inc. II\",EU-US,Active,,,\n").unwrap().is_empty());
    }
}
