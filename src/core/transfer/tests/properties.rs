use jiff::SignedDuration;
use proptest::{prelude::*, sample::select, test_runner::Config};

use super::*;
use crate::core::validity::Validity;

/// Manifests in which time and content vary, drawn from few values so that they meet.
pub(crate) fn manifest() -> impl Strategy<Value = String> {
    let day = select(vec!["2026-01-10", "2026-06-30", "2026-11-14", "2026-11-15", "2027-03-01"]);
    (0..4_usize, 0..6_u32, day.clone(), day, any::<[bool; 4]>()).prop_map(|(kind, n, one, two, flags)| {
        let pick =
            |flag: bool, from: &'static str, to: String| if flag { (from, to) } else { (from, from.into()) };
        let (base, name, edits) = match kind {
            0 => (
                SCC,
                "name: scc",
                vec![
                    pick(flags[0], "validThrough: '2028-01-14'", format!("validThrough: '{one}'")),
                    pick(flags[1], "reviewBy: '2027-02-01'", format!("reviewBy: '{two}'")),
                    pick(flags[2], "executedOn: '2024-02-01'", format!("executedOn: '{two}'")),
                    pick(flags[3], "'account.*'", "account.contact, 'online.*'".into()),
                    pick(flags[1], "completedOn: '2026-02-01'", "completedOn: '2026-01-10'".into()),
                ],
            ),
            1 => (
                DPF,
                "name: dpf",
                vec![
                    pick(flags[0], "checkedOn: '2026-11-01'", format!("checkedOn: '{one}'")),
                    pick(flags[1], "recertifyBy: '2027-09-29'", format!("recertifyBy: '{two}'")),
                    pick(flags[2], "UKExtension, status: Active", "UKExtension, status: Removed".into()),
                    pick(flags[3], "{any: true}", "{namespaces: [analytics]}".into()),
                ],
            ),
            2 => (CLAIM, "name: canada", vec![pick(flags[0], "eu-canada", "uk-canada".into())]),
            _ => (
                EXCEPTION,
                "name: incident",
                vec![pick(flags[0], "2026-11-30T00:00:00Z", format!("{one}T12:00:00Z"))],
            ),
        };
        let named = format!("{name}-{n}");
        let mut edits: Vec<(&str, &str)> = edits.iter().map(|(f, t)| (*f, t.as_str())).collect();
        edits.push((name, &named));
        edit(base, &edits)
    })
}

/// Objects, each name once.
fn manifests() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(manifest(), 0..5).prop_map(|mut all| {
        let name = |text: &String| {
            let line =
                |start: &str| text.lines().find(|l| l.starts_with(start)).unwrap_or_default().to_owned();
            (line("kind"), line("metadata"))
        };
        all.sort_by_key(name);
        all.dedup_by_key(|text| name(text));
        all
    })
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    let place =
        select(vec![("aws", "us-east-1"), ("aws", "ca-central-1"), ("aws", "eu-west-2"), ("aws", "xx")]);
    let origins = select(vec!["[EEA]", "[EEA, UK]", "[UK, CH]"]);
    let hours = 0..20_000_i64;
    (manifests(), place, origins, hours).prop_map(|(more, (provider, region), origins, hours)| {
        let mut world = World::new(&more.iter().map(String::as_str).collect::<Vec<_>>())
            .on(provider, region)
            .store(&[("[EEA]", origins)]);
        world.now = at("2025-12-01") + SignedDuration::from_hours(hours);
        world
    })
}

fn covered(outcome: &Outcome) -> bool {
    !matches!(outcome, Outcome::Uncovered { .. } | Outcome::Waived { .. })
}

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]

    #[test]
    fn adding_a_safeguard_never_blocks(world in world(), more in manifest()) {
        let mut with = world.clone();
        let name = |m: &String| m.lines().nth(3).map(str::to_owned);
        prop_assume!(!world.manifests.iter().any(|m| name(m) == name(&more)));
        with.manifests.push(more);
        for (before, after) in world.decide().flows.iter().zip(with.decide().flows) {
            prop_assert_eq!(&before.flow, &after.flow);
            prop_assert!(!covered(&before.outcome) || covered(&after.outcome));
            let blocked = matches!(after.outcome, Outcome::Uncovered { .. });
            let was_blocked = matches!(before.outcome, Outcome::Uncovered { .. });
            prop_assert!(was_blocked || !blocked);
        }
    }

    #[test]
    fn the_order_of_objects_does_not_matter(world in world(), seed in any::<u64>()) {
        let mut other = world.clone();
        let mut state = seed;
        for i in (1..other.manifests.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            other.manifests.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
        }
        prop_assert_eq!(world.decide(), other.decide());
    }

    #[test]
    fn nothing_changes_before_the_next_change(world in world(), share in 0.0..1.0_f64) {
        let verdict = world.decide();
        let Some(next) = verdict.next_change else {
            let mut later = world.clone();
            later.now = at("2099-01-01");
            prop_assert_eq!(verdict.flows, later.decide().flows);
            return Ok(());
        };
        prop_assert!(next > world.now);
        let just_before = next - SignedDuration::from_nanos(1);
        let between = world.now + next.duration_since(world.now).mul_f64(share);
        for now in [between.min(just_before), just_before] {
            let mut later = world.clone();
            later.now = now;
            prop_assert_eq!(&verdict.flows, &later.decide().flows);
        }
    }
}

/// Before, at and after the instants at which `world` begins and ends to be let pass; none = it has done so all along.
fn flips(world: &World, from: Option<&str>, until: &str) {
    let nano = SignedDuration::from_nanos(1);
    let passes = |now: Timestamp| {
        let mut world = world.clone();
        world.now = now;
        let outcome = world.outcome();
        // The instant is announced by whoever is asked just before.
        let announced = world.decide().next_change;
        (!matches!(outcome, Outcome::Uncovered { .. }), announced)
    };
    if let Some(from) = from.map(at) {
        let (before, announced) = passes(from - nano);
        assert!(!before && passes(from).0 && passes(from + nano).0, "begin {from} {world:?}");
        assert_eq!(announced, Some(from), "{world:?}");
    }
    let until = at(until);
    let (before, announced) = passes(until - nano);
    assert!(before && !passes(until).0 && !passes(until + nano).0, "end {until} {world:?}");
    assert_eq!(announced, Some(until), "{world:?}");
}

#[test]
fn the_instant_before_at_and_after_each_end() {
    let through = |day: &str| edit(SCC, &[("2028-01-14", day)]);
    let dpf = |edits: &[(&str, &str)]| edit(DPF, edits);
    let framework = "EU-US, status: Active, since: '2023-09-29', recertifyBy: '2027-09-29'";
    for (manifest, from, until) in [
        // The assessment: its completion, its reviewBy and the grace.
        (SCC.to_owned(), Some("2026-02-01"), "2027-05-03"),
        // validThrough: that day is the last.
        (through("2026-11-14"), Some("2026-02-01"), "2026-11-15"),
        // validFrom: that day is the first.
        (
            edit(SCC, &[("validFrom: '2024-01-15'", "validFrom: '2026-03-01'")]),
            Some("2026-03-01"),
            "2027-05-03",
        ),
        // validUntil: the first instant after.
        (
            edit(SCC, &[("validThrough: '2028-01-14'", "validUntil: '2026-11-14T12:34:56Z'")]),
            Some("2026-02-01"),
            "2026-11-14T12:34:56Z",
        ),
        // The check of the public list, and the days after which it is stale.
        (DPF.to_owned(), Some("2026-10-31"), "2027-01-30"),
        // A framework's own days: since, and recertifyBy, which is the last.
        (
            dpf(&[(framework, &framework.replace("2023-09-29", "2026-11-09"))]),
            Some("2026-11-09"),
            "2027-01-30",
        ),
        (
            dpf(&[(framework, &framework.replace("2027-09-29", "2026-12-31"))]),
            Some("2026-10-31"),
            "2027-01-01",
        ),
    ] {
        flips(&World::new(&[&manifest]), from, until);
    }
}

#[test]
fn the_instant_before_at_and_after_the_end_of_an_exception() {
    flips(&World::new(&[EXCEPTION]), None, "2026-11-30");
    // Cut short by --max-exception, seven days after its creation.
    let created = "metadata: {name: incident, creationTimestamp: '2026-11-15T10:00:00Z'}";
    let long = edit(EXCEPTION, &[("metadata: {name: incident}", created)]);
    flips(&World::new(&[&long]), None, "2026-11-22T10:00:00Z");
}

#[test]
fn the_instant_before_at_and_after_each_end_of_a_claimed_row_of_the_law() {
    let mut world = World::new(&[CLAIM]).on("aws", "ca-central-1");
    let row = Arc::make_mut(&mut world.law).adequacy.get_mut("eu-canada").unwrap();
    row.validity = Validity { from: Some(at("2026-06-01")), until: Some(at("2026-12-01")) };
    flips(&world, Some("2026-06-01"), "2026-12-01");
    // The claim's own days lie within the row's, and count.
    world.manifests[3] =
        edit(CLAIM, &[("scope:", "validFrom: '2026-07-01'\n  validThrough: '2026-07-31'\n  scope:")]);
    flips(&world, Some("2026-07-01"), "2026-08-01");
}
