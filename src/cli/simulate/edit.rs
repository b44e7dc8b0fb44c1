//! Another world: with something taken away, put over, or later.

use std::{
    io::{self, Read},
    path::PathBuf,
    str::FromStr,
    sync::Arc,
};

use serde_json::Value;

use crate::{
    cli::world::{EditError, World, WorldError, from_file, without},
    core::law::LawPack,
    index::Context,
};

/// Something that is taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Without {
    /// `safeguard/NAME`.
    Safeguard(String),
    /// `exception/NAME`.
    Exception(String),
    /// `party/NAME`.
    Party(String),
    /// `law/ROW`: a row of the law pack, or one of its frameworks.
    Law(String),
}

impl FromStr for Without {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = text.split_once('/').filter(|(_, name)| !name.is_empty());
        match named {
            Some(("safeguard" | "transfersafeguard", name)) => Ok(Self::Safeguard(name.into())),
            Some(("exception" | "transferexception", name)) => Ok(Self::Exception(name.into())),
            Some(("party", name)) => Ok(Self::Party(name.into())),
            Some(("law", row)) => Ok(Self::Law(row.into())),
            _ => Err(format!("`{text}`: write safeguard/NAME, law/ROW, party/NAME or exception/NAME")),
        }
    }
}

/// Why there is no other world.
#[derive(Debug, thiserror::Error)]
pub enum OtherError {
    /// What was to be taken away is not there.
    #[error("there is no {0} to take away")]
    NotThere(String),
    /// The law pack has no such row.
    #[error("law pack {law} has no row and no framework {row}; it has {known}")]
    NoSuchRow {
        /// Version.
        law: String,
        /// What was asked for.
        row: String,
        /// What there is.
        known: String,
    },
    /// A file cannot be read.
    #[error("failed to read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not YAML.
    #[error("failed to read {} as YAML: {why}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A manifest cannot be put over what is declared.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The other law pack cannot be used.
    #[error(transparent)]
    Law(#[from] WorldError),
}

/// Manifests of files, in their order; `-` is `input`.
pub fn manifests(files: &[PathBuf], input: &mut impl Read) -> Result<Vec<Value>, OtherError> {
    let mut all = vec![];
    for path in files {
        let failed = |source| OtherError::File { path: path.clone(), source };
        let text = if path.as_os_str() == "-" {
            let mut text = String::new();
            input.read_to_string(&mut text).map_err(failed)?;
            text
        } else {
            std::fs::read_to_string(path).map_err(failed)?
        };
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
            .map_err(|e| OtherError::Yaml { path: path.clone(), why: e.to_string() })?;
        for document in documents {
            match document["items"].as_array() {
                Some(items) if document["kind"].as_str().is_some_and(|k| k.ends_with("List")) => {
                    all.extend(items.iter().cloned());
                }
                _ if document.is_null() => {}
                _ => all.push(document),
            }
        }
    }
    Ok(all)
}

/// The other world, and how many manifests were of no kind that is declared.
pub fn other(
    world: &World,
    without: &[Without],
    law_pack: Option<&PathBuf>,
    manifests: &[Value],
    namespace: &str,
) -> Result<(World, usize), OtherError> {
    let mut other = world.clone();
    if let Some(path) = law_pack {
        other.law = Arc::new(from_file(path)?);
    }
    let rows: Vec<&String> =
        without.iter().filter_map(|w| if let Without::Law(row) = w { Some(row) } else { None }).collect();
    if !rows.is_empty() {
        let mut law = (*other.law).clone();
        for row in rows {
            drop_row(&mut law, row)?;
        }
        other.law = Arc::new(law);
    }
    let context = Context { law: other.law.clone(), settings: other.settings.clone() };
    let mut left_out = 0;
    for manifest in manifests {
        if !other.declared.put(manifest, namespace, &context)? {
            left_out += 1;
        }
    }
    for gone in without {
        take_away(&mut other, gone)?;
    }
    Ok((other, left_out))
}

fn take_away(world: &mut World, gone: &Without) -> Result<(), OtherError> {
    let declared = &mut world.declared;
    let (there, what) = match gone {
        Without::Safeguard(name) => {
            (without(&mut declared.safeguards, name), format!("TransferSafeguard {name}"))
        }
        Without::Exception(name) => {
            (without(&mut declared.exceptions, name), format!("TransferException {name}"))
        }
        Without::Party(name) => (without(&mut declared.parties, name), format!("Party {name}")),
        Without::Law(_) => return Ok(()),
    };
    if there { Ok(()) } else { Err(OtherError::NotThere(what)) }
}

fn drop_row(law: &mut LawPack, row: &str) -> Result<(), OtherError> {
    let framework = law.frameworks.keys().copied().find(|name| name.as_str().eq_ignore_ascii_case(row));
    if let Some(name) = framework {
        law.frameworks.remove(&name);
        return Ok(());
    }
    if law.adequacy.remove(row).is_none() {
        let known: Vec<&str> = law
            .frameworks
            .keys()
            .map(|name| name.as_str())
            .chain(law.adequacy.keys().map(|id| &**id))
            .collect();
        return Err(OtherError::NoSuchRow {
            law: law.version.clone(),
            row: row.into(),
            known: known.join(", "),
        });
    }
    for ids in law.adequacy_index.values_mut() {
        ids.retain(|id| **id != *row);
    }
    Ok(())
}
