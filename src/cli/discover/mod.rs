//! `discover`: drafts of DataStores from what looks like a database and is claimed by none.

mod drafts;
mod seen;
#[cfg(test)]
mod tests;
mod yaml;

use std::io::{self, Write};

use kube::Client;

use super::{
    table::plain,
    world::{self, Judging, Look, WorldError},
};

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The cluster did not answer.
    #[error("failed to {attempt}")]
    Cluster {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// The cluster was not seen.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The output is gone.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
}

/// How `discover` is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct DiscoverArgs {
    /// The operator's namespace; left out = where the webhook's configuration points, else carnet-system.
    #[arg(long, value_name = "NAME")]
    pub operator_namespace: Option<String>,
}

/// Writes drafts for `namespace`, or for all.
pub async fn discover(
    client: Client,
    namespace: Option<&str>,
    args: &DiscoverArgs,
    out: &mut impl Write,
) -> Result<(), DiscoverError> {
    let judging = Judging { operator_namespace: args.operator_namespace.clone(), ..Judging::default() };
    let world = world::gather(&client, &judging, None, Look::Declared, namespace).await?;
    let seen = seen::look(&client, namespace).await?;
    let snapshot = world.snapshot();
    let found = drafts::drafts(&snapshot, &seen);
    writeln!(
        out,
        "# {} drafts of DataStores, from names, types, labels, names of keys, and ports. No value of a Secret was read.\n\
         # Each TODO is for a person: until it is decided, the API server refuses the object. What holds no personal data\n\
         # needs no DataStore.",
        found.len()
    )?;
    for note in world.notes.iter().chain(&seen.notes) {
        writeln!(out, "# not known: {}", plain(note))?;
    }
    for draft in &found {
        out.write_all(yaml::document(&snapshot, draft).as_bytes())?;
    }
    Ok(())
}
