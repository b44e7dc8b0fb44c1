//! The public list takes away what a safeguard claims, and gives nothing.

use super::*;
use crate::core::transfer::{disagreements, text::recourse};

const LIST: &str = "
apiVersion: carnet.dev/v1alpha1
kind: DataPrivacyFrameworkSnapshot
metadata: {name: public-list}
spec:
  takenOn: '2026-11-02'
  file: {sha256: '00', rows: 3}
  organisations:
  - name: Inc
    frameworks:
    - {name: EU-US, status: Active, since: '2023-09-29', recertifyBy: '2027-09-29'}
    - {name: UKExtension, status: Active, since: '2023-10-12', recertifyBy: '2027-09-29'}
    - {name: Swiss-US, status: Active, since: '2024-08-01', recertifyBy: '2027-09-29'}
    coveredData: [NonHR]
  notListed: [Gone]
";

fn carried(edits: &[(&str, &str)]) -> Result<String, String> {
    World::new(&[DPF, &edit(LIST, edits)]).carried()
}

fn parted(edits: &[(&str, &str)]) -> Vec<String> {
    let snapshot = World::new(&[DPF, &edit(LIST, edits)]).snapshot();
    disagreements(&snapshot, &snapshot.safeguards["dpf"]).unwrap()
}

const ORGANISATION: (&str, &str) = ("name: Inc\n", "name: Other\n");
const EU_US: (&str, &str) = ("EU-US, status: Active", "EU-US, status: Withdrawn");

#[test]
fn a_newer_list_ends_what_it_does_not_know_as_a_participant() {
    assert_eq!(carried(&[]), Ok("safeguard/dpf".into()));
    let no = |why: &str| Err(format!("safeguard/dpf {why}"));
    for status in ["Inactive", "Withdrawn", "Removed"] {
        let text = format!("EU-US, status: {status}");
        let why = format!("is {status} for EU-US on the public list of 2026-11-02");
        assert_eq!(carried(&[("EU-US, status: Active", &text)]), no(&why));
    }
    let why = "names Inc, for which nobody looked in the public list of 2026-11-02";
    assert_eq!(carried(&[ORGANISATION]), no(why));
    let why = "names Inc, which is not on the public list of 2026-11-02";
    assert_eq!(carried(&[ORGANISATION, ("[Gone]", "[Gone, Inc]")]), no(why));
    let why = "claims EU-US, which Inc has not on the public list of 2026-11-02";
    let line = "    - {name: EU-US, status: Active, since: '2023-09-29', recertifyBy: '2027-09-29'}\n";
    assert_eq!(carried(&[(line, "")]), no(why));
    let review = ("EU-US, status: Active", "EU-US, status: RecertificationUnderReview");
    assert_eq!(carried(&[review]), Ok("safeguard/dpf".into()));
}

#[test]
fn a_list_that_is_not_newer_than_the_check_ends_nothing_and_is_told_all_the_same() {
    let same_day = ("takenOn: '2026-11-02'", "takenOn: '2026-11-01'");
    assert_eq!(carried(&[EU_US, same_day]), Ok("safeguard/dpf".into()));
    assert_eq!(parted(&[EU_US, same_day]), ["is Withdrawn for EU-US on the public list of 2026-11-01"]);
}

#[test]
fn what_else_differs_is_told_and_ends_nothing() {
    assert!(parted(&[]).is_empty());
    for (edits, why) in [
        (
            ("EU-US, status: Active, since: '2023-09-29'", "EU-US, status: Active, since: '2023-10-01'"),
            "begins otherwise for EU-US: 2023-10-01T00:00:00Z by the public list of 2026-11-02",
        ),
        (
            (
                "UKExtension, status: Active, since: '2023-10-12', recertifyBy: '2027-09-29'",
                "UKExtension, status: Active, since: '2023-10-12', recertifyBy: '2027-08-31'",
            ),
            "ends otherwise for UKExtension: 2027-09-01T00:00:00Z by the public list of 2026-11-02",
        ),
        (
            ("EU-US, status: Active", "EU-US, status: RecertificationUnderReview"),
            "says Active for EU-US, the public list of 2026-11-02 RecertificationUnderReview",
        ),
        (
            ("coveredData: [NonHR]", "coveredData: [HR]"),
            "claims NonHR data, which the public list of 2026-11-02 does not cover",
        ),
    ] {
        assert_eq!(parted(&[edits]), [why]);
        assert_eq!(carried(&[edits]), Ok("safeguard/dpf".into()), "{why}");
    }
    assert!(
        parted(&[("    coveredData: [NonHR]\n", "")]).is_empty(),
        "what the file does not say parts from nothing"
    );
}

#[test]
fn an_extension_falls_with_the_entry_that_the_list_ends() {
    let mut world = World::new(&[DPF, &edit(LIST, &[EU_US])])
        .store(&[("eu-west-1", "eu-west-2"), ("origins: [EEA]", "origins: [UK]")]);
    world.manifests[0] = edit(LTD, &[("country: IE", "country: GB")]);
    assert_eq!(
        world.carried(),
        Err("safeguard/dpf is Withdrawn for EU-US on the public list of 2026-11-02".into())
    );
}

#[test]
fn the_latest_list_counts_and_an_organisation_is_found_as_its_safeguard_says() {
    let older = edit(LIST, &[EU_US, ("public-list", "older"), ("2026-11-02", "2026-10-30")]);
    assert_eq!(World::new(&[DPF, LIST, &older]).carried(), Ok("safeguard/dpf".into()));
    let later = edit(LIST, &[EU_US, ("public-list", "later"), ("2026-11-02", "2026-11-03")]);
    assert!(World::new(&[DPF, LIST, &later]).carried().is_err());
    let listed_as = edit(DPF, &[("coveredData", "listedAs: Other\n      coveredData")]);
    assert_eq!(World::new(&[&listed_as, &edit(LIST, &[ORGANISATION])]).carried(), Ok("safeguard/dpf".into()));
    assert!(
        World::new(&[&listed_as, LIST]).carried().is_err(),
        "the name that is said to be on the list is not"
    );
}

#[test]
fn a_list_gives_nothing() {
    let inactive = edit(DPF, &[("EU-US, status: Active", "EU-US, status: Inactive")]);
    assert!(World::new(&[&inactive, LIST]).carried().is_err());
    assert!(World::new(&[LIST]).carried().is_err());
    let snapshot = World::new(&[SCC, LIST]).snapshot();
    assert_eq!(disagreements(&snapshot, &snapshot.safeguards["scc"]), None, "no certification");
}

#[test]
fn who_hears_complaints_and_who_has_jurisdiction_is_told_of_what_carries() {
    let said = |manifest: &str| {
        let world = World::new(&[manifest]);
        recourse(&world.snapshot(), &world.decide())
    };
    let named = edit(DPF, &[("{provider: JAMS}", "{provider: JAMS}\n      regulator: FTC")]);
    assert_eq!(
        said(&named),
        ["safeguard/dpf: JAMS hears complaints about inc; FTC has jurisdiction over it"]
    );
    let unnamed = [
        "safeguard/dpf: JAMS hears complaints about inc; a regulator that is not on file has jurisdiction over it",
    ];
    assert_eq!(said(DPF), unnamed);
    assert!(said(SCC).is_empty());
}
