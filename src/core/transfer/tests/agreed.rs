//! Instruments that both sides enter into, each precondition missing in turn.

use super::{instruments::each_missing_in_turn, *};

const IDTA: &str = "
apiVersion: carnet.dev/v1alpha1
kind: TransferSafeguard
metadata: {name: idta}
spec:
  instrument:
    internationalDataTransferAgreement:
      version: A1.0
      executedOn: '2024-01-15'
      parties: [{exporters: [ltd], importers: [inc]}]
  assessments:
  - {regimes: [EEA, UK], country: US, completedOn: '2026-02-01', outcome: Effective, reviewBy: '2027-02-01'}
  scope: {any: true}
";
const BCR: &str = "
apiVersion: carnet.dev/v1alpha1
kind: TransferSafeguard
metadata: {name: bcr}
spec:
  instrument:
    bindingCorporateRules:
      group: ours
      members: [ltd, inc]
      kind: Controller
      approvals: [{regime: EEA, authority: DPC, approvedOn: '2025-03-01', reference: bcr/3}]
  assessments:
  - {regimes: [EEA, UK], country: US, completedOn: '2026-02-01', outcome: Effective, reviewBy: '2027-02-01'}
  scope: {any: true}
";
const DEROGATION: &str = "
apiVersion: carnet.dev/v1alpha1
kind: TransferSafeguard
metadata: {name: claim}
spec:
  instrument:
    derogation:
      regime: EEA
      ground: CompellingLegitimateInterests
      exporters: [ltd]
      importers: [inc]
      record: transfers/4
      authorityInformedOn: '2026-10-01'
      subjectsInformedOn: '2026-10-02'
  scope: {any: true}
  validThrough: '2026-11-30'
";

/// UK data in London, of an exporter there.
fn in_london() -> World {
    let mut world = World::new(&[]).store(&[("eu-west-1", "eu-west-2"), ("[EEA]", "[UK]")]);
    world.manifests[0] = edit(LTD, &[("country: IE", "country: GB")]);
    world
}

fn in_one_group() -> World {
    let mut world = World::new(&[]);
    for party in &mut world.manifests[..2] {
        *party = edit(party, &[("legalName", "group: ours, legalName")]);
    }
    world
}

fn one_off_job() -> World {
    let mut world = World::new(&[]);
    world.settings.derogations_for_jobs = true;
    world.one_off = true;
    world
}

#[test]
fn the_uk_agreement_carries_only_with_every_precondition() {
    each_missing_in_turn(
        &in_london(),
        IDTA,
        "idta",
        &[
            (&[("exporters: [ltd]", "exporters: [other]")], "does not name ltd as exporter to inc"),
            // Both are named, and not together.
            (
                &[(
                    "parties: [{exporters: [ltd], importers: [inc]}]",
                    "parties: [{exporters: [ltd], importers: [x]}, {exporters: [x], importers: [inc]}]",
                )],
                "does not name ltd as exporter to inc",
            ),
            (
                &[("executedOn: '2024-01-15'", "executedOn: '2026-11-16'")],
                "is executed only on 2026-11-16T00:00:00Z",
            ),
            (
                &[("executedOn: '2024-01-15'", "executedOn: '2022-03-20'")],
                "is executed on 2022-03-20T00:00:00Z, but form A1.0 begins 2022-03-21T00:00:00Z",
            ),
            (
                &[("version: A1.0", "version: A9.9")],
                "is on form A9.9, which law pack 2026-08-05 does not know",
            ),
            (&[("regimes: [EEA, UK]", "regimes: [EEA]")], "has no completed assessment of US for UK"),
            (&[("outcome: Effective", "outcome: Ineffective")], "was assessed as ineffective in US for UK"),
        ],
    );
    let first_day = edit(IDTA, &[("executedOn: '2024-01-15'", "executedOn: '2022-03-21'")]);
    let mut world = in_london();
    world.manifests.push(first_day);
    assert_eq!(world.carried(), Ok("safeguard/idta".into()));
}

#[test]
fn the_uk_agreement_serves_uk_data_alone() {
    assert_eq!(World::new(&[IDTA]).carried(), Err("safeguard/idta is an instrument of UK".into()));
}

#[test]
fn binding_rules_carry_only_with_every_precondition() {
    each_missing_in_turn(
        &in_one_group(),
        BCR,
        "bcr",
        &[
            (&[("members: [ltd, inc]", "members: [other, inc]")], "does not bind ltd"),
            (
                &[("group: ours", "group: theirs")],
                "is for group theirs, to which ltd does not belong, is for group theirs, to which inc does not belong",
            ),
            (&[("kind: Controller", "kind: Processor")], "is for data of a Processor alone"),
            (
                &[(
                    "      approvals: [{regime: EEA, authority: DPC, approvedOn: '2025-03-01', reference: bcr/3}]\n",
                    "",
                )],
                "has no approval for EEA",
            ),
            (&[("{regime: EEA,", "{regime: UK,")], "has no approval for EEA"),
            (
                &[("approvedOn: '2025-03-01'", "approvedOn: '2026-11-16'")],
                "is approved for EEA only on 2026-11-16T00:00:00Z",
            ),
            (&[("regimes: [EEA, UK]", "regimes: [UK]")], "has no completed assessment of US for EEA"),
            (&[("outcome: Effective", "outcome: Ineffective")], "was assessed as ineffective in US for EEA"),
        ],
    );
    let mut unbound = in_one_group();
    unbound.manifests.push(edit(BCR, &[("members: [ltd, inc]", "members: [ltd, other]")]));
    assert!(unbound.carried().is_err(), "the importer is of the group, and not bound");
    let mut outside = in_one_group();
    outside.manifests[1] = INC.into();
    outside.manifests.push(BCR.into());
    let why = "safeguard/bcr is for group ours, to which inc does not belong";
    assert_eq!(outside.carried(), Err(why.into()));
    let processor = edit(BCR, &[("kind: Controller", "kind: Processor")]);
    let mut held =
        in_one_group().store(&[("role: Controller", "role: Processor\n  controllerRef: {name: acme}")]);
    held.manifests.push(processor);
    assert_eq!(held.carried(), Ok("safeguard/bcr".into()));
}

#[test]
fn a_derogation_carries_only_with_every_precondition() {
    each_missing_in_turn(
        &one_off_job(),
        DEROGATION,
        "claim",
        &[
            (&[("exporters: [ltd]", "exporters: [other]")], "does not name ltd as exporter to inc"),
            (&[("regime: EEA", "regime: UK")], "derogates from UK alone"),
            (
                &[("authorityInformedOn: '2026-10-01'", "authorityInformedOn: '2026-11-16'")],
                "informs the authority only on 2026-11-16T00:00:00Z",
            ),
            (
                &[("subjectsInformedOn: '2026-10-02'", "subjectsInformedOn: '2026-11-16'")],
                "informs the subjects only on 2026-11-16T00:00:00Z",
            ),
            (&[("validThrough: '2026-11-30'", "validThrough: '2026-11-14'")], "ended 2026-11-15T00:00:00Z"),
        ],
    );
    let with = |change: fn(&mut World)| {
        let mut world = one_off_job();
        world.manifests.push(DEROGATION.into());
        change(&mut world);
        world.carried()
    };
    let repeated = "safeguard/claim is a derogation, which carries only a Job that nothing repeats";
    assert_eq!(with(|w| w.one_off = false), Err(repeated.into()));
    let off = "safeguard/claim is a derogation, which --derogations does not let carry";
    assert_eq!(with(|w| w.settings.derogations_for_jobs = false), Err(off.into()));
}

#[test]
fn a_derogation_ends_and_its_informing_is_waited_for() {
    let text =
        edit(DEROGATION, &[("authorityInformedOn: '2026-10-01'", "authorityInformedOn: '2026-11-20'")]);
    let mut world = one_off_job();
    world.manifests.push(text);
    assert_eq!(world.decide().next_change, Some(at("2026-11-20")));
    let world = world.when("2026-11-20");
    assert_eq!(world.carried(), Ok("safeguard/claim".into()));
    assert_eq!(world.decide().next_change, Some(at("2026-12-01")));
}

#[test]
fn approvals_and_signatures_are_waited_for() {
    let mut world = in_one_group();
    world.manifests.push(edit(BCR, &[("approvedOn: '2025-03-01'", "approvedOn: '2026-11-20'")]));
    assert_eq!(world.decide().next_change, Some(at("2026-11-20")));
    let mut world = in_london();
    world.manifests.push(edit(IDTA, &[("executedOn: '2024-01-15'", "executedOn: '2026-11-21'")]));
    assert_eq!(world.decide().next_change, Some(at("2026-11-21")));
}

#[test]
fn clauses_older_than_their_form_carry_nothing() {
    let signed = |day: &str| {
        World::new(&[&edit(SCC, &[("executedOn: '2024-01-15'", &format!("executedOn: '{day}'"))])]).carried()
    };
    assert_eq!(
        signed("2021-06-26"),
        Err("safeguard/scc is executed on 2021-06-26T00:00:00Z, on a day on which these clauses could not be signed".into())
    );
    assert!(signed("2021-06-27").is_ok());
}

#[test]
fn an_addendum_older_than_its_form_carries_nothing() {
    let signed = |version: &str, day: &str| {
        let mut world = in_london();
        let addendum = format!("{{version: {version}, executedOn: '{day}'}}");
        world.manifests.push(edit(SCC, &[("{version: B1.0, executedOn: '2024-02-01'}", &addendum)]));
        world.carried()
    };
    for version in ["B1.0", "unheard-of"] {
        let why = "safeguard/scc has UK Addendum executed on 2022-03-20T00:00:00Z, on a day on which its form could not be signed";
        assert_eq!(signed(version, "2022-03-20"), Err(why.into()), "{version}");
        assert!(signed(version, "2022-03-21").is_ok(), "{version}");
    }
}

#[test]
fn annexes_and_law_that_are_named_must_be_those_of_the_module() {
    let carried = |module: &str, edits: &str, controller: &str| {
        let text = edit(
            SCC,
            &[
                ("module: ControllerToController", &format!("module: {module}")),
                ("executedOn: '2024-01-15'\n", &format!("executedOn: '2024-01-15'\n      {edits}\n")),
            ],
        );
        let mut world = World::new(&[&text]);
        if !controller.is_empty() {
            world = world.store(&[(
                "role: Controller",
                &format!("role: Processor\n  controllerRef: {{name: {controller}}}"),
            )]);
        }
        world.carried()
    };
    let no_annex = |n: &str| Err(format!("safeguard/scc has no annex {n}, which its module needs"));
    let fine = Ok("safeguard/scc".to_owned());
    assert_eq!(carried("ControllerToController", "annexes: [I]", ""), no_annex("II"));
    assert_eq!(carried("ControllerToController", "annexes: [II]", ""), no_annex("I"));
    assert_eq!(carried("ControllerToController", "annexes: [I, II]", ""), fine);
    assert_eq!(carried("ControllerToProcessor", "annexes: [I, II]", ""), no_annex("III"));
    assert_eq!(carried("ControllerToProcessor", "annexes: [I, II, III]", ""), fine);
    assert_eq!(carried("ProcessorToProcessor", "annexes: [I, II]", "acme"), no_annex("III"));
    assert_eq!(carried("ProcessorToController", "annexes: [I]", "inc"), fine);
    let wrong_law =
        Err("safeguard/scc names the law of US, under which these clauses cannot stand".to_owned());
    for (module, controller) in
        [("ControllerToController", ""), ("ControllerToProcessor", ""), ("ProcessorToProcessor", "acme")]
    {
        assert_eq!(carried(module, "governingLaw: US", controller), wrong_law, "{module}");
        assert_eq!(carried(module, "governingLaw: IE", controller), fine, "{module}");
    }
    assert!(carried("ControllerToController", "governingLaw: GB", "").is_err(), "EEA data");
    assert_eq!(carried("ProcessorToController", "governingLaw: US", "inc"), fine);
    let mut london = in_london();
    london.manifests.push(edit(
        SCC,
        &[("executedOn: '2024-01-15'\n", "executedOn: '2024-01-15'\n      governingLaw: GB\n")],
    ));
    assert!(london.carried().is_ok(), "the addendum puts its own law in place of a Member State's");
}

#[test]
fn what_came_near_names_the_law_and_the_annex_at_once() {
    let text = edit(
        SCC,
        &[(
            "executedOn: '2024-01-15'\n",
            "executedOn: '2024-01-15'\n      governingLaw: US\n      annexes: [III]\n",
        )],
    );
    assert_eq!(
        World::new(&[&text]).carried(),
        Err("safeguard/scc has no annex I, which its module needs, has no annex II, which its module needs, names \
             the law of US, under which these clauses cannot stand"
            .into())
    );
}
