//! Supplementary measures: those that do not keep the importer from clear text do not count.

use super::*;
use crate::core::transfer::decide_copy;

fn scc(measures: &str) -> String {
    edit(SCC, &[("outcome: Effective", &format!("outcome: EffectiveWithMeasures, measures: [{measures}]"))])
}

fn carried(measures: &str, dataset: &str) -> Result<String, String> {
    World::new(&[&scc(measures)])
        .store(&[("subjects: [Customer]", &format!("subjects: [Customer]{dataset}"))])
        .carried()
}

fn in_vain(why: &str) -> Result<String, String> {
    Err(format!("safeguard/scc rests on measures that do not help in US for EEA: {why}"))
}

#[test]
fn encryption_is_no_help_where_a_workload_reads_clear_text() {
    assert_eq!(carried("Encryption", ""), in_vain("Encryption: the data is read in the clear there"));
    assert_eq!(
        carried("TransitEncryption, Contractual", ""),
        in_vain("TransitEncryption: it protects on the way alone; Contractual: it binds no authority")
    );
    assert_eq!(carried("Organisational", ""), in_vain("Organisational: it binds no authority"));
}

#[test]
fn measures_of_which_none_is_named_are_none() {
    let text = edit(SCC, &[("outcome: Effective", "outcome: EffectiveWithMeasures")]);
    let why = "safeguard/scc was assessed as effective in US for EEA with measures of which none is named";
    assert_eq!(World::new(&[&text]).carried(), Err(why.into()));
}

#[test]
fn pseudonyms_help_where_the_exporter_alone_tells_who_they_are() {
    let held_by = |who: &str| format!(", pseudonymised: {{keysHeldBy: {{name: {who}}}}}");
    let fine = Ok("safeguard/scc".to_owned());
    assert_eq!(carried("Pseudonymisation", &held_by("ltd")), fine);
    assert_eq!(carried("Encryption, Pseudonymisation", &held_by("ltd")), fine, "one that helps is enough");
    assert_eq!(
        carried("Pseudonymisation", ""),
        in_vain("Pseudonymisation: dataset accounts is not pseudonymised")
    );
    for other in ["inc", "third"] {
        let why = format!("Pseudonymisation: {other} holds the keys, not the exporter alone");
        assert_eq!(carried("Pseudonymisation", &held_by(other)), in_vain(&why));
    }
    // Whoever is not pseudonymised for a measure needs none where the clauses hold without.
    let plain = World::new(&[SCC])
        .store(&[("subjects: [Customer]", &format!("subjects: [Customer]{}", held_by("inc")))]);
    assert_eq!(plain.carried(), fine);
}

#[test]
fn keys_within_the_reach_of_the_law_that_was_assessed_are_no_help() {
    let mut world = World::new(&[&scc("Pseudonymisation")])
        .store(&[("subjects: [Customer]", "subjects: [Customer], pseudonymised: {keysHeldBy: {name: ltd}}")]);
    world.manifests[0] = edit(LTD, &[("country: IE", "country: US")]);
    let why = "Pseudonymisation: ltd holds the keys and is established in US";
    assert_eq!(world.carried(), in_vain(why));
}

#[test]
fn an_encrypted_copy_is_kept_from_its_holder_by_keys_of_the_exporter_alone() {
    let copy = |measures: &str, encrypted: &str| {
        let world = World::new(&[&edit(&scc(measures), &[("namespaces: [analytics], ", "")])]).store(&[(
            "  datasets:",
            &format!(
                "  copies:\n  - {{name: vault, kind: Backup, location: {{provider: aws, region: us-east-1}}, \
                 partyRef: {{name: inc}}, keptFor: P35D{encrypted}}}\n  datasets:"
            ),
        )]);
        decide_copy(&world.snapshot(), &World::uses()[0].store, "vault", world.now).is_violation()
    };
    assert!(!copy("Encryption", ", encrypted: {keysHeldBy: {name: ltd}}"));
    assert!(copy("Encryption", ", encrypted: {keysHeldBy: {name: inc}}"));
    assert!(copy("Encryption", ""));
    assert!(copy("TransitEncryption", ", encrypted: {keysHeldBy: {name: ltd}}"));
}

#[test]
fn of_two_assessments_of_one_day_the_one_that_does_not_help_counts() {
    let text = edit(
        SCC,
        &[(
            "  scope:",
            "  - {regimes: [EEA], country: US, completedOn: '2026-02-01', outcome: EffectiveWithMeasures, measures: [Encryption], reviewBy: '2028-02-01'}\n  scope:",
        )],
    );
    assert!(World::new(&[&text]).carried().unwrap_err().contains("do not help"));
}
