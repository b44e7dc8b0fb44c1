//! A PersistentVolume that is bound to a claim, as far as it says where the claim's files are.

use std::collections::BTreeSet;

use super::ids::ObjectKey;

/// Where the files of a claim are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Name of the object.
    pub name: String,
    /// The claim.
    pub claim: ObjectKey,
    /// Directory on a node (`hostPath`, `local`).
    pub directory: Option<String>,
    /// Server, in lower case, and directory of an NFS volume.
    pub nfs: Option<(String, String)>,
    /// Regions to which its node affinity binds it; empty = it does not say.
    pub regions: BTreeSet<String>,
    /// Zones to which its node affinity binds it; empty = it does not say.
    pub zones: BTreeSet<String>,
}

/// Whether who has one directory reaches files of the other: it is the same, or one lies in the other.
pub fn overlap(a: &str, b: &str) -> bool {
    parts(a).zip(parts(b)).all(|(a, b)| a == b)
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_reaches_itself_what_is_in_it_and_is_reached_from_above() {
        for (a, b, reaches) in [
            ("/srv/data", "/srv/data/", true),
            ("/srv", "/srv/data", true),
            ("/srv/data/csv", "/srv/data", true),
            ("/", "/srv/data", true),
            ("/srv//./data", "/srv/data", true),
            ("/srv/data2", "/srv/data", false),
            ("/var/log", "/srv/data", false),
        ] {
            assert_eq!(overlap(a, b), reaches, "{a} {b}");
        }
    }
}
