//! `dpf import`: what the public list of the Data Privacy Framework says of the organisations that are named here, kept as an object.

mod columns;
mod file;
mod rows;

use std::{
    collections::BTreeSet,
    fmt::Debug,
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use self::columns::Columns;
use super::{list::list, table::plain};
use crate::{
    api::v1alpha1::{
        DataPrivacyFrameworkSnapshot, DataPrivacyFrameworkSnapshotSpec, ListedOrganisation, Party,
        SnapshotFile, TransferSafeguard,
    },
    parse,
};

/// Who applies it.
const MANAGER: &str = "kubectl-carnet";
/// As many names as the object takes.
const MOST: usize = 500;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Import {
    /// The file.
    pub file: PathBuf,
    /// The day on which it was taken; none = the day on which the file was last modified.
    pub taken_on: Option<String>,
    /// `NAME=HEADER`.
    pub columns: Vec<String>,
    /// Headers that are left unread.
    pub ignored: Vec<String>,
    /// Name of the object.
    pub name: String,
    /// Write the object out in place of applying it.
    pub print: bool,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum DpfError {
    /// The file cannot be opened.
    #[error("failed to read {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no table.
    #[error("failed to read {} as a list", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: file::FileError,
    },
    /// Its headers do not fit.
    #[error(transparent)]
    Columns(#[from] columns::ColumnError),
    /// A cell does not.
    #[error(transparent)]
    Cell(#[from] rows::CellError),
    /// No day.
    #[error("--taken-on {0}")]
    Day(parse::FieldError),
    /// A day that has not come.
    #[error(
        "the list would have been taken on {0}, which has not come: set --taken-on to the day on which it was downloaded"
    )]
    Future(Date),
    /// Nobody is looked for.
    #[error(
        "no Party is established where organisations can be certified, and no TransferSafeguard has a dataPrivacyFramework: there is nobody to look for"
    )]
    Nobody,
    /// More than an object takes.
    #[error(
        "{0} organisations are looked for, and {MOST} fit into one object: remove Parties that nothing names"
    )]
    TooMany(usize),
    /// The cluster has a later one.
    #[error(
        "{name} was taken on {there}, after {ours}: an older list is not put in its place; with --name it can stand beside it"
    )]
    Older {
        /// The object.
        name: String,
        /// Its day.
        there: String,
        /// The day of the file.
        ours: Date,
    },
    /// The cluster did not answer.
    #[error("failed to {attempt}")]
    Cluster {
        /// What was attempted on which object.
        attempt: String,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// The law pack of this program cannot be used.
    #[error("failed to load the law pack")]
    Law(#[from] parse::law::LawError),
    /// The output is gone.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
    /// The object cannot be written as YAML.
    #[error("failed to write the object: {0}")]
    Yaml(String),
}

fn failed(attempt: impl Into<String>) -> impl FnOnce(kube::Error) -> DpfError {
    let attempt = attempt.into();
    move |source| DpfError::Cluster { attempt, source: Box::new(source) }
}

/// Imports a file.
pub async fn import(
    client: Client,
    asked: &Import,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), DpfError> {
    let open = |source| DpfError::Open { path: asked.file.clone(), source };
    let bytes = std::fs::read(&asked.file).map_err(open)?;
    let taken_on = match &asked.taken_on {
        Some(text) => parse::day("", text).map_err(DpfError::Day)?,
        None => modified(&asked.file).map_err(open)?,
    };
    if taken_on > now.to_zoned(TimeZone::UTC).date() {
        return Err(DpfError::Future(taken_on));
    }
    let sought = sought(&all::<Party>(&client).await?, &all::<TransferSafeguard>(&client).await?)?;
    let object = snapshot(asked, &bytes, taken_on, &sought)?;
    if asked.print {
        let text = serde_saphyr::to_string(&object).map_err(|e| DpfError::Yaml(e.to_string()))?;
        write!(out, "{text}")?;
        return Ok(());
    }
    let api = Api::<DataPrivacyFrameworkSnapshot>::all(client);
    let there = api.get_opt(&asked.name).await.map_err(failed(format!("read {}", asked.name)))?;
    if let Some(there) = there.map(|o| o.spec.taken_on).filter(|there| *there > taken_on.to_string()) {
        return Err(DpfError::Older { name: asked.name.clone(), there, ours: taken_on });
    }
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&asked.name, &params, &Patch::Apply(&object))
        .await
        .map_err(failed(format!("apply DataPrivacyFrameworkSnapshot {}", asked.name)))?;
    tell(&object, out)?;
    Ok(())
}

async fn all<K>(client: &Client) -> Result<Vec<K>, DpfError>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    list(&Api::<K>::all(client.clone())).await.map_err(failed(format!("list {}", K::plural(&()))))
}

fn modified(path: &Path) -> io::Result<Date> {
    let time = std::fs::metadata(path)?.modified()?;
    let time = Timestamp::try_from(time).map_err(io::Error::other)?;
    Ok(time.to_zoned(TimeZone::UTC).date())
}

/// Names that are looked for: of Parties that are established where organisations can be certified, and of participants as
/// their safeguards say that they are listed.
fn sought(parties: &[Party], safeguards: &[TransferSafeguard]) -> Result<BTreeSet<String>, DpfError> {
    let law = parse::law::built_in()?;
    let certifies = |party: &&Party| {
        let country = law.country(&party.spec.country);
        law.frameworks.values().any(|framework| Some(framework.country) == country)
    };
    let named = |name: &str| parties.iter().find(|p| p.name_any() == name).map(|p| p.spec.legal_name.clone());
    let mut sought: BTreeSet<String> =
        parties.iter().filter(certifies).map(|p| p.spec.legal_name.clone()).collect();
    for safeguard in safeguards {
        let Some(entry) = &safeguard.spec.instrument.data_privacy_framework else { continue };
        sought.extend(entry.listed_as.clone().or_else(|| named(&entry.participant_ref.name)));
    }
    match sought.len() {
        0 => Err(DpfError::Nobody),
        n if n > MOST => Err(DpfError::TooMany(n)),
        _ => Ok(sought),
    }
}

fn snapshot(
    asked: &Import,
    bytes: &[u8],
    taken_on: Date,
    sought: &BTreeSet<String>,
) -> Result<DataPrivacyFrameworkSnapshot, DpfError> {
    let table = file::read(bytes).map_err(|source| DpfError::File { path: asked.file.clone(), source })?;
    let columns = Columns::of(&table, &asked.columns, &asked.ignored)?;
    let organisations = rows::read(&table, &columns, sought)?;
    let found: BTreeSet<&str> = organisations.iter().map(|o| o.name.as_str()).collect();
    let not_listed = sought.iter().filter(|name| !found.contains(name.as_str())).cloned().collect();
    let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(DataPrivacyFrameworkSnapshot {
        metadata: ObjectMeta { name: Some(asked.name.clone()), ..ObjectMeta::default() },
        spec: DataPrivacyFrameworkSnapshotSpec {
            taken_on: taken_on.to_string(),
            file: SnapshotFile { sha256, rows: i64::try_from(table.rows.len()).unwrap_or(i64::MAX) },
            organisations,
            not_listed,
        },
        status: None,
    })
}

fn tell(object: &DataPrivacyFrameworkSnapshot, out: &mut impl Write) -> io::Result<()> {
    let spec = &object.spec;
    writeln!(
        out,
        "DataPrivacyFrameworkSnapshot {} of {}: {} of {} rows were read",
        object.name_any(),
        spec.taken_on,
        spec.organisations.len(),
        spec.file.rows
    )?;
    for ListedOrganisation { name, frameworks, covered_data: _ } in &spec.organisations {
        let frameworks: Vec<String> =
            frameworks.iter().map(|f| format!("{} {}", word(f.name), word(f.status))).collect();
        writeln!(out, "  {}: {}", plain(name), frameworks.join(", "))?;
    }
    for name in &spec.not_listed {
        writeln!(out, "  {}: not on the list", plain(name))?;
    }
    writeln!(out, "What safeguards claim otherwise is in their condition PublicList.")
}

/// A value of a fixed set, as manifests write it.
fn word(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
