use super::*;

/// Each edit takes one precondition away: nothing carries the flow any more, for this reason alone.
pub(super) fn each_missing_in_turn(
    world: &World,
    manifest: &str,
    name: &str,
    table: &[(&[(&str, &str)], &str)],
) {
    let with = |text: String| {
        let mut world = world.clone();
        world.manifests.push(text);
        world.carried()
    };
    assert_eq!(with(manifest.into()), Ok(format!("safeguard/{name}")));
    for (edits, why) in table {
        assert_eq!(with(edit(manifest, edits)), Err(format!("safeguard/{name} {why}")), "{edits:?}");
    }
}

#[test]
fn clauses_carry_only_with_every_precondition() {
    each_missing_in_turn(
        &World::new(&[]),
        SCC,
        "scc",
        &[
            (&[("exporters: [ltd]", "exporters: [other]")], "does not name ltd as exporter to inc"),
            (
                &[("module: ControllerToController", "module: ProcessorToProcessor")],
                "has no module under which a Controller exports",
            ),
            (
                &[("module: ControllerToController", "module: ProcessorToController")],
                "has no module under which a Controller exports",
            ),
            (
                &[("executedOn: '2024-01-15'", "executedOn: '2026-11-16'")],
                "is executed only on 2026-11-16T00:00:00Z",
            ),
            (&[("country: US", "country: CA")], "has no completed assessment of US for EEA"),
            (&[("regimes: [EEA, UK, CH]", "regimes: [UK, CH]")], "has no completed assessment of US for EEA"),
            (
                &[("completedOn: '2026-02-01'", "completedOn: '2026-11-16'")],
                "has no completed assessment of US for EEA",
            ),
            (&[("outcome: Effective", "outcome: Ineffective")], "was assessed as ineffective in US for EEA"),
            (
                &[("reviewBy: '2027-02-01'", "reviewBy: '2026-08-16'")],
                "has an assessment of US for EEA overdue since 2026-08-17T00:00:00Z, 90 days of grace used up",
            ),
            (&[("namespaces: [analytics]", "namespaces: [identity]")], "is not for namespace analytics"),
            (&[("'account.*'", "account, 'accounting.*'")], "does not cover account.contact"),
            (&[("validFrom: '2024-01-15'", "validFrom: '2026-11-16'")], "begins 2026-11-16T00:00:00Z"),
            (&[("validThrough: '2028-01-14'", "validThrough: '2026-11-14'")], "ended 2026-11-15T00:00:00Z"),
            (
                &[("  validThrough: '2028-01-14'\n", "  validUntil: '2026-11-15T00:00:00Z'\n")],
                "ended 2026-11-15T00:00:00Z",
            ),
        ],
    );
}

#[test]
fn clauses_fit_the_role_in_which_the_data_is_held() {
    for (role, module, fits) in [
        ("Controller", "ControllerToController", true),
        ("Controller", "ControllerToProcessor", true),
        ("Controller", "ProcessorToProcessor", false),
        ("Controller", "ProcessorToController", false),
        ("Processor\n  controllerRef: {name: acme}", "ControllerToController", false),
        ("Processor\n  controllerRef: {name: acme}", "ControllerToProcessor", false),
        ("Processor\n  controllerRef: {name: acme}", "ProcessorToProcessor", true),
        ("Processor\n  controllerRef: {name: acme}", "ProcessorToController", false),
        ("Processor\n  controllerRef: {name: inc}", "ProcessorToController", true),
        ("Processor\n  controllerRef: {name: inc}", "ProcessorToProcessor", false),
        ("Processor\n  controllerRef: {name: inc}", "ControllerToProcessor", false),
    ] {
        let scc = edit(SCC, &[("module: ControllerToController", &format!("module: {module}"))]);
        let world = World::new(&[&scc]).store(&[("role: Controller", &format!("role: {role}"))]);
        assert_eq!(world.carried().is_ok(), fits, "{role} {module}");
    }
}

#[test]
fn uk_and_swiss_data_need_their_additions() {
    let party = |country: &str| edit(LTD, &[("country: IE", &format!("country: {country}"))]);
    for (region, country, origin, line, named, late) in [
        (
            "eu-west-2",
            "GB",
            "UK",
            "      ukAddendum: {version: B1.0, executedOn: '2024-02-01'}\n",
            "UK Addendum",
            "2024-02-01",
        ),
        (
            "eu-central-2",
            "CH",
            "CH",
            "      swissAmendments: {executedOn: '2024-03-01'}\n",
            "Swiss amendments",
            "2024-03-01",
        ),
    ] {
        let world = |scc: &str| {
            let mut world = World::new(&[scc])
                .store(&[("eu-west-1", region), ("origins: [EEA]", &format!("origins: [{origin}]"))]);
            world.manifests[0] = party(country);
            world
        };
        assert_eq!(world(SCC).carried(), Ok("safeguard/scc".into()));
        let without = world(&edit(SCC, &[(line, "")])).carried();
        assert_eq!(without, Err(format!("safeguard/scc has no {named}")));
        let later = world(&edit(SCC, &[(&line[6..], &line[6..].replace(late, "2026-11-16"))])).carried();
        assert_eq!(later, Err(format!("safeguard/scc has {named} executed only on 2026-11-16T00:00:00Z")));
    }
}

#[test]
fn an_overdue_assessment_warns_then_carries_nothing() {
    let warns = |now: &str| match World::new(&[SCC]).when(now).outcome() {
        Outcome::Carried { warnings, .. } => Some(warnings.len()),
        _ => None,
    };
    assert_eq!(warns("2027-02-01T23:59:59Z"), Some(0));
    assert_eq!(warns("2027-02-02T00:00:00Z"), Some(1));
    assert_eq!(warns("2027-05-02T23:59:59Z"), Some(1));
    assert_eq!(warns("2027-05-03T00:00:00Z"), None);
}

#[test]
fn the_latest_assessment_counts() {
    let scc = edit(
        SCC,
        &[(
            "  scope:",
            "  - {regimes: [EEA], country: USA, completedOn: '2026-10-01', outcome: Ineffective}\n  scope:",
        )],
    );
    let world = World::new(&[&scc]);
    assert_eq!(world.clone().when("2026-09-30").carried(), Ok("safeguard/scc".into()));
    assert!(world.when("2026-10-01").carried().unwrap_err().contains("ineffective"));
}

#[test]
fn a_certification_carries_only_with_every_precondition() {
    each_missing_in_turn(
        &World::new(&[]),
        DPF,
        "dpf",
        &[
            (&[("EU-US, status: Active", "EU-US, status: Inactive")], "is Inactive for EU-US"),
            (&[("EU-US, status: Active", "EU-US, status: Withdrawn")], "is Withdrawn for EU-US"),
            (&[("EU-US, status: Active", "EU-US, status: Removed")], "is Removed for EU-US"),
            (
                &[("since: '2023-09-29'", "since: '2026-11-16'")],
                "EU-US certification begins 2026-11-16T00:00:00Z",
            ),
            (
                &[("recertifyBy: '2027-09-29'", "recertifyBy: '2026-11-14'")],
                "EU-US certification ended 2026-11-15T00:00:00Z",
            ),
            (
                &[
                    ("EU-US, status: Active", "EU-US, status: RecertificationUnderReview"),
                    ("recertifyBy: '2027-09-29'", "recertifyBy: '2026-11-14'"),
                ],
                "EU-US certification ended 2026-11-15T00:00:00Z",
            ),
            (&[("coveredData: [NonHR]", "coveredData: [HR]")], "does not cover NonHR data"),
            (
                &[("checkedOn: '2026-11-01'", "checkedOn: '2026-08-17'")],
                "was last checked on 2026-08-17T00:00:00Z, 90 days ago or more",
            ),
            (
                &[("checkedOn: '2026-11-01'", "checkedOn: '2026-11-17'")],
                "was checked in the future, 2026-11-17T00:00:00Z",
            ),
            (&[("scope: {any: true}", "scope: {namespaces: [identity]}")], "is not for namespace analytics"),
            (
                &[
                    (
                        "      - {name: EU-US, status: Active, since: '2023-09-29', recertifyBy: '2027-09-29'}\n",
                        "",
                    ),
                    (
                        "      - {name: UKExtension, status: Active, since: '2023-10-12', recertifyBy: '2027-09-29'}\n",
                        "",
                    ),
                ],
                "has no framework for EEA",
            ),
        ],
    );
}

#[test]
fn a_certification_under_review_carries_until_its_day() {
    let dpf = edit(DPF, &[("EU-US, status: Active", "EU-US, status: RecertificationUnderReview")]);
    assert_eq!(World::new(&[&dpf]).carried(), Ok("safeguard/dpf".into()));
}

#[test]
fn a_certification_without_recourse_on_file_carries_nothing() {
    let dpf = edit(DPF, &[("      recourse: {provider: JAMS}\n", "")]);
    assert_eq!(World::new(&[&dpf]).carried(), Err("safeguard/dpf has no recourse on file".into()));
}

#[test]
fn a_subsidiary_receives_where_the_entry_lists_it() {
    let world = |dpf: &str| {
        let sub = edit(INC, &[("name: inc", "name: sub"), ("analytics", "support")]);
        let mut world = World::new(&[dpf, &sub]);
        world.namespace = "support";
        world.carried()
    };
    let listed = edit(DPF, &[("coveredData: [NonHR]", "coveredData: [NonHR]\n      coveredEntities: [sub]")]);
    assert_eq!(world(&listed), Ok("safeguard/dpf".into()));
    assert!(world(DPF).is_err());
    assert_eq!(World::new(&[&listed]).carried(), Ok("safeguard/dpf".into()), "and the participant as before");
}

#[test]
fn sensitive_data_of_the_uk_is_flagged_to_the_importer() {
    let carried = |category: &str, origin: &str, edits: &[(&str, &str)]| {
        let (region, country) = if origin == "UK" { ("eu-west-2", "GB") } else { ("eu-west-1", "IE") };
        let mut world = World::new(&[&edit(DPF, edits)]).store(&[
            ("eu-west-1", region),
            ("origins: [EEA]", &format!("origins: [{origin}]")),
            ("account.contact", category),
        ]);
        world.manifests[0] = edit(LTD, &[("country: IE", &format!("country: {country}"))]);
        world.carried()
    };
    let flagged = [("coveredData: [NonHR]", "coveredData: [NonHR]\n      sensitiveFlagged: true")];
    for category in ["special.health", "special", "criminal.offence"] {
        let why = format!("safeguard/dpf does not flag {category} to the importer as sensitive");
        assert_eq!(carried(category, "UK", &[]), Err(why));
        assert_eq!(carried(category, "UK", &flagged), Ok("safeguard/dpf".into()));
        assert_eq!(carried(category, "EEA", &[]), Ok("safeguard/dpf".into()));
    }
    assert_eq!(carried("specialist.visits", "UK", &[]), Ok("safeguard/dpf".into()));
}

#[test]
fn employees_of_somebody_else_are_no_hr_data() {
    let carried = |said: &str, covered: &str| {
        let dpf = edit(DPF, &[("coveredData: [NonHR]", &format!("coveredData: [{covered}]"))]);
        World::new(&[&dpf]).store(&[("subjects: [Customer]", said)]).carried().is_ok()
    };
    for (said, hr, non_hr) in [
        ("subjects: [Employee], employmentData: OwnGroup", true, false),
        ("subjects: [Employee], employmentData: Other", false, true),
        ("subjects: [Applicant], employmentData: Other", false, true),
        ("subjects: [Applicant]", true, false),
        ("employmentData: Other", false, true),
        ("employmentData: OwnGroup", false, false),
    ] {
        assert_eq!((carried(said, "HR"), carried(said, "NonHR")), (hr, non_hr), "{said}");
        assert!(carried(said, "HR, NonHR"), "{said}");
    }
}

#[test]
fn a_certification_speaks_of_one_country() {
    let mexico = World::new(&[DPF]).on("aws", "mx-central-1").carried();
    assert_eq!(mexico, Err("safeguard/dpf speaks of processing in US only".into()));
    let nowhere = World::new(&[DPF]).on("aws", "xx-nowhere-1").carried();
    assert_eq!(nowhere, Err("safeguard/dpf speaks of processing in US only".into()));
}

#[test]
fn a_certification_is_of_an_organisation_in_its_country() {
    let mut world = World::new(&[DPF]);
    world.manifests[1] = edit(INC, &[("country: US", "country: IE")]);
    assert_eq!(world.carried(), Err("safeguard/dpf is of inc, which is established in IE".into()));
}

#[test]
fn employment_data_needs_a_certification_that_covers_it() {
    let carried = |dataset: &str, covered: &str| {
        let dpf = edit(DPF, &[("coveredData: [NonHR]", &format!("coveredData: [{covered}]"))]);
        World::new(&[&dpf])
            .store(&[("categories: [account.contact], subjects: [Customer]", dataset)])
            .carried()
            .is_ok()
    };
    let employee = "categories: [account.contact], subjects: [Customer, Employee]";
    let applicant = "categories: [account.contact], subjects: [Applicant]";
    let by_category = "categories: [hr.payroll], subjects: [Customer]";
    for dataset in [employee, applicant, by_category] {
        assert!(!carried(dataset, "NonHR") && carried(dataset, "HR"), "{dataset}");
    }
    let unknown = "categories: [account.contact]";
    assert!(!carried(unknown, "NonHR") && !carried(unknown, "HR") && carried(unknown, "HR, NonHR"));
    let lookalike = "categories: [hrx.payroll], subjects: [Customer]";
    assert!(carried(lookalike, "NonHR"));
}

#[test]
fn the_uk_extension_stands_on_an_active_eu_us_entry() {
    let uk = |edits: &[(&str, &str)], now: &str| {
        let mut world = World::new(&[&edit(DPF, edits)])
            .when(now)
            .store(&[("eu-west-1", "eu-west-2"), ("origins: [EEA]", "origins: [UK]")]);
        world.manifests[0] = edit(LTD, &[("country: IE", "country: GB")]);
        world.carried()
    };
    assert_eq!(uk(&[], "2026-11-15"), Ok("safeguard/dpf".into()));
    for edits in [
        &[("EU-US, status: Active", "EU-US, status: Withdrawn")],
        &[("recertifyBy: '2027-09-29'", "recertifyBy: '2026-11-14'")],
        &[("since: '2023-09-29'", "since: '2026-11-16'")],
        &[("UKExtension, status: Active", "UKExtension, status: Removed")],
    ] {
        assert!(uk(edits, "2026-11-15").is_err(), "{edits:?}");
    }
}

#[test]
fn the_swiss_framework_carries_nothing_before_its_day() {
    let swiss = |now: &str| {
        let dpf = edit(DPF, &[("checkedOn: '2026-11-01'", "checkedOn: '2024-09-01'")]);
        let mut world = World::new(&[&dpf])
            .when(now)
            .store(&[("eu-west-1", "eu-central-2"), ("origins: [EEA]", "origins: [CH]")]);
        world.manifests[0] = edit(LTD, &[("country: IE", "country: CH")]);
        world.carried()
    };
    let before = swiss("2024-09-14T23:59:59.999999999Z");
    assert_eq!(before, Err("safeguard/dpf Swiss-US as law begins 2024-09-15T00:00:00Z".into()));
    assert_eq!(swiss("2024-09-15T00:00:00Z"), Ok("safeguard/dpf".into()));
}

#[test]
fn a_stale_check_of_the_list_warns_then_carries_nothing() {
    let warns = |now: &str| match World::new(&[DPF]).when(now).outcome() {
        Outcome::Carried { warnings, .. } => Some(warnings.len()),
        _ => None,
    };
    assert_eq!(warns("2026-11-30T23:59:59Z"), Some(0));
    assert_eq!(warns("2026-12-01T00:00:00Z"), Some(1));
    assert_eq!(warns("2027-01-29T23:59:59Z"), Some(1));
    assert_eq!(warns("2027-01-30T00:00:00Z"), None);
}

#[test]
fn a_decision_for_some_recipients_carries_where_it_is_claimed() {
    let canada = |more: &[&str]| World::new(more).on("aws", "ca-central-1");
    assert_eq!(
        canada(&[]).carried(),
        Err("law/eu-canada covers some recipients only (commercial organisations under PIPEDA); claim it with a \
             TransferSafeguard"
            .into())
    );
    each_missing_in_turn(
        &canada(&[]),
        CLAIM,
        "canada",
        &[
            (
                &[("scope: {any: true}", "scope: {any: true}\n  validThrough: '2026-11-14'")],
                "ended 2026-11-15T00:00:00Z",
            ),
            (
                &[("scope: {any: true}", "scope: {categories: [online.usage]}")],
                "does not cover account.contact",
            ),
        ],
    );
    let other = edit(CLAIM, &[("importers: [inc]", "importers: [other]")]);
    assert!(canada(&[&other]).carried().is_err());
    let japan = edit(CLAIM, &[("row: eu-canada", "row: eu-japan")]);
    assert!(
        canada(&[&japan]).carried().unwrap_err().contains("claims eu-japan, which speaks of another country")
    );
    let uk = edit(CLAIM, &[("row: eu-canada", "row: uk-canada")]);
    assert!(canada(&[&uk]).carried().unwrap_err().contains("claims uk-canada, a decision of UK"));
}
