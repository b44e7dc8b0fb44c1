//! How data gets to an importer, in words.

use super::super::Way;
use crate::core::ids::PartyName;

/// `remote access by helpdesk`, `api.example.com, a host of mailer`.
pub fn way(way: &Way, exporter: &PartyName, importer: Option<&PartyName>) -> String {
    let importer = importer.map_or("an unknown importer", |p| p);
    match way {
        Way::Processing => format!("processing by {importer}"),
        Way::RemoteAccess => format!("remote access of {importer}"),
        Way::Control => format!("control of {importer}"),
        Way::Host(host) => format!("{host}, a host of {importer}"),
        Way::Onward => format!("onward transfer of {exporter}"),
        Way::Write(store) => format!("what is written to {store}"),
        Way::Copy(store, copy) => format!("copy {copy} of {store}"),
    }
}
