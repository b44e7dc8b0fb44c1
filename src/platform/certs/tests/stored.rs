//! The Secret's data, there and back.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;

use crate::platform::certs::{Next, Retired, Signer, State, from_data, new_authority, to_data};

fn now() -> Timestamp {
    "2026-11-01T12:00:00.5Z".parse().unwrap()
}

fn signer() -> Signer {
    new_authority(now(), SignedDuration::from_hours(24)).unwrap()
}

fn full() -> State {
    let old = signer();
    State {
        current: signer(),
        signs_from: now(),
        next: Some(Next { signer: signer(), announced: Some(now()), distrust: true }),
        previous: vec![Retired {
            cert_pem: old.authority.cert_pem,
            until: now(),
            ends: old.ends,
            gone: true,
        }],
    }
}

#[test]
fn what_is_stored_is_what_is_read() {
    let bare = State::first(signer(), now());
    let mut unannounced = full();
    unannounced.next.as_mut().unwrap().announced = None;
    for state in [bare, full(), unannounced] {
        assert_eq!(from_data(&to_data(&state)), Ok(state));
    }
}

#[test]
fn a_secret_of_before_rotation_is_read_and_may_sign_at_once() {
    let mut data = to_data(&State::first(signer(), now()));
    data.remove("rotation.json");
    data.remove("previous.json");
    let state = from_data(&data).unwrap();
    assert_eq!((state.signs_from, state.next), (state.current.made, None));
}

#[test]
fn damage_is_named_by_its_key() {
    let good = to_data(&full());
    for key in ["ca.crt", "ca.key", "next.crt", "next.key", "previous.json", "rotation.json"] {
        let mut data = good.clone();
        data.insert(key.into(), ByteString(b"{nonsense".to_vec()));
        let damage = from_data(&data).unwrap_err();
        assert_eq!(damage.key.split('.').next(), key.split('.').next(), "{damage}");
        data.insert(key.into(), ByteString(vec![0xff]));
        assert_eq!(from_data(&data).unwrap_err().key, key);
    }
    for key in ["ca.crt", "ca.key", "next.crt", "next.key"] {
        let mut data = good.clone();
        data.remove(key);
        assert_eq!(from_data(&data).unwrap_err().key, key);
    }
    let mut swapped = good.clone();
    swapped.insert("ca.key".into(), good["next.key"].clone());
    assert!(from_data(&swapped).unwrap_err().to_string().contains("belongs to another one"));
    assert!(from_data(&Default::default()).is_err());
}
