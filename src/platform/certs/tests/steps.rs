//! The plan, step by step.

use jiff::{SignedDuration, Timestamp};

use crate::platform::certs::{
    Act, Authority, Leaf, LeafStep, Next, Plan, Retired, Rotate, Rules, Signer, State, Told, leaf_step, plan,
};

/// Lives of 3000 s, a wait of 150 s.
pub fn rules() -> Rules {
    let secs = SignedDuration::from_secs;
    Rules::new(secs(3000), secs(900), secs(60))
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// An authority by name: the plan reads no certificate.
pub fn signer(name: &str, made: i64) -> Signer {
    let pem = |what: &str| format!("{name}.{what}\n");
    let authority = Authority { cert_pem: pem("crt"), key_pem: pem("key") };
    Signer { authority, made: at(made), ends: at(made) + rules().authority }
}

fn retired(name: &str, until: i64, ends: i64) -> Retired {
    Retired { cert_pem: format!("{name}.crt\n"), until: at(until), ends: at(ends), gone: false }
}

fn state() -> State {
    State::first(signer("a", 0), at(0))
}

fn rotating(announced: Option<i64>) -> State {
    let next = Some(Next { signer: signer("b", 2000), announced: announced.map(at), distrust: false });
    State { next, ..state() }
}

fn next(state: &State, told: Told, second: i64) -> Plan {
    plan(state, told, None, at(second), &rules())
}

fn stored(planned: Plan) -> State {
    match planned.act {
        Act::Store(state) => *state,
        other => panic!("{other:?}"),
    }
}

const MAKE: Act = Act::MakeNext { distrust: false };

#[test]
fn another_authority_is_made_at_two_thirds_of_a_life_or_of_a_shorter_one_that_is_wished() {
    assert_eq!(next(&state(), Told::Yes, 0), Plan { act: Act::Keep, look: at(2000) });
    assert_eq!(next(&state(), Told::No, 1999).act, Act::Keep);
    assert_eq!(next(&state(), Told::Yes, 2000).act, MAKE);
    // Whoever was away for longer than a life begins anew all the same.
    assert_eq!(next(&state(), Told::Yes, 99_999).act, MAKE);
    let shorter = Rules { authority: SignedDuration::from_secs(300), ..rules() };
    assert_eq!(plan(&state(), Told::Yes, None, at(200), &shorter).act, MAKE);
}

#[test]
fn a_next_authority_signs_a_waiting_time_after_it_was_seen_announced() {
    assert_eq!(next(&rotating(None), Told::No, 2000).act, Act::Keep);
    for told in [Told::Yes, Told::Nobody] {
        let announced = stored(next(&rotating(None), told, 2003));
        assert_eq!(announced, rotating(Some(2003)));
        assert_eq!(next(&announced, told, 2152), Plan { act: Act::Keep, look: at(2153) });
        let signing = stored(next(&announced, told, 2153));
        assert_eq!(signing.current, signer("b", 2000));
        assert_eq!((signing.signs_from, &signing.next), (at(2153), &None));
        assert_eq!(signing.previous, [retired("a", 3000, 3000)]);
        assert_eq!(signing.bundle(), "b.crt\na.crt\n");
    }
}

#[test]
fn the_wait_begins_anew_where_somebody_took_the_announcement_back_or_a_clock_was_ahead() {
    assert_eq!(stored(next(&rotating(Some(2003)), Told::No, 2100)), rotating(None));
    assert_eq!(stored(next(&rotating(Some(2003)), Told::No, 2500)), rotating(None));
    assert_eq!(stored(next(&rotating(Some(2500)), Told::Yes, 2100)), rotating(Some(2100)));
}

#[test]
fn nobody_waits_for_an_authority_that_has_ended() {
    for announced in [None, Some(2999)] {
        let signing = stored(next(&rotating(announced), Told::No, 3000));
        assert_eq!(signing.current, signer("b", 2000));
    }
}

#[test]
fn an_old_authority_leaves_when_it_ends() {
    let with = State { previous: vec![retired("o", 100, 100)], ..state() };
    assert_eq!(next(&with, Told::Yes, 99), Plan { act: Act::Keep, look: at(100) });
    assert_eq!(stored(next(&with, Told::Yes, 100)), state());
}

#[test]
fn a_rotation_that_people_ask_for_begins_at_once_and_once() {
    let asked = |state: &State, how| plan(state, Told::Yes, Some(how), at(10), &rules()).act;
    assert_eq!(asked(&state(), Rotate::Now), MAKE);
    assert_eq!(asked(&state(), Rotate::Distrust), Act::MakeNext { distrust: true });
    // Writing it takes the annotation off.
    assert_eq!(asked(&rotating(Some(5)), Rotate::Now), Act::Store(Box::new(rotating(Some(5)))));
    // The next key may have been read as well.
    assert_eq!(asked(&rotating(Some(5)), Rotate::Distrust), Act::MakeNext { distrust: true });
}

#[test]
fn a_distrusted_authority_leaves_as_soon_as_replicas_can_have_changed_over() {
    let begun = state().begun(signer("b", 10), true);
    let announced = stored(next(&begun, Told::Yes, 20));
    let signing = stored(next(&announced, Told::Yes, 170));
    let until = 170 + rules().overlap.as_secs();
    assert_eq!(signing.previous, [retired("a", until, 3000)]);
    // One that was to sign, and whose key may have been read as well, is not taken back either.
    let anew = rotating(Some(5)).begun(signer("c", 10), true);
    assert_eq!(anew.bundle(), "a.crt\nc.crt\n");
    assert_eq!(anew.previous[0].cert_pem, "b.crt\n");
    // Gone from the bundle, it is not taken back out of an old one before it has ended.
    assert_eq!(next(&signing, Told::Yes, until - 1).look, at(until));
    let cleared = stored(next(&signing, Told::Yes, until));
    assert_eq!((cleared.bundle(), cleared.previous.len()), ("b.crt\n".to_owned(), 1));
    assert!(stored(plan(&cleared, Told::Yes, None, at(3000), &rules())).previous.is_empty());
    assert!(rules().overlap >= rules().look * 3);
}

fn leaf(by: &str, made: i64, ends: i64) -> Leaf {
    Leaf {
        cert_pem: format!("leaf-{made}"),
        key_pem: String::new(),
        signed_by: format!("{by}.crt\n"),
        made: at(made),
        ends: at(ends),
    }
}

#[test]
fn a_leaf_is_renewed_at_two_thirds_of_its_life_and_when_another_authority_signs() {
    let step = |leaf: &Leaf, state: &State, second| leaf_step(Some(leaf), state, at(second));
    assert_eq!(leaf_step(None, &state(), at(0)), LeafStep::Sign);
    let held = leaf("a", 0, 900);
    assert_eq!(step(&held, &state(), 599), LeafStep::Keep(at(600)));
    assert_eq!(step(&held, &state(), 600), LeafStep::Sign);
    // One that ends with its authority would not be made longer.
    assert_eq!(step(&leaf("a", 2100, 3000), &state(), 2900), LeafStep::Keep(at(3000)));
    // Not by one that waits.
    assert_eq!(step(&held, &rotating(Some(10)), 500), LeafStep::Keep(at(600)));
    let signing = State { current: signer("b", 0), signs_from: at(100), next: None, ..state() };
    // By an authority that nobody was told of: there is nothing to lose.
    assert_eq!(step(&held, &signing, 50), LeafStep::Sign);
    let known = State { previous: vec![retired("a", 3000, 3000)], ..signing };
    assert_eq!(step(&held, &known, 99), LeafStep::Keep(at(100)));
    assert_eq!(step(&held, &known, 100), LeafStep::Sign);
    assert_eq!(step(&leaf("a", 0, 90), &known, 90), LeafStep::Sign);
}

#[test]
fn short_lives_are_looked_at_more_often_and_waited_for_less() {
    let secs = SignedDuration::from_secs;
    let minute = Rules::new(secs(60), secs(30), secs(60));
    assert_eq!((minute.wait, minute.look), (secs(3), secs(3)));
    let year = Rules::new(secs(365 * 86_400), secs(90 * 86_400), secs(60));
    assert_eq!((year.wait, year.look), (secs(600), secs(60)));
}
