//! Certificates as others read them.

use jiff::{SignedDuration, Timestamp};

use crate::platform::certs::{Authority, Signer, State, new_authority, new_leaf, validity};

const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

fn now() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

#[test]
fn a_leaf_is_signed_by_its_authority_for_every_name_and_never_outlives_it() {
    let ca = new_authority(now(), YEAR).unwrap();
    let names = ["carnet.carnet-system.svc".to_owned(), "127.0.0.1".to_owned()];
    let leaf = new_leaf(&ca, &names, now(), SignedDuration::from_hours(24)).unwrap();
    let (_, ca_pem) = x509_parser::pem::parse_x509_pem(ca.authority.cert_pem.as_bytes()).unwrap();
    let (_, leaf_pem) = x509_parser::pem::parse_x509_pem(leaf.cert_pem.as_bytes()).unwrap();
    let (ca_cert, leaf_cert) = (ca_pem.parse_x509().unwrap(), leaf_pem.parse_x509().unwrap());
    assert_eq!(leaf_cert.issuer(), ca_cert.subject());
    assert!(ca_cert.is_ca() && !leaf_cert.is_ca());
    let sans = leaf_cert.subject_alternative_name().unwrap().unwrap();
    let sans: Vec<String> = sans.value.general_names.iter().map(ToString::to_string).collect();
    let sans = sans.join(" ");
    assert!(sans.contains("carnet.carnet-system.svc") && sans.contains("IPAddress"), "{sans}");
    let carries = validity(&leaf.cert_pem).unwrap();
    assert_eq!(carries.ends, "2026-11-02T12:00:00Z".parse().unwrap());
    assert_eq!(carries.ends, leaf.ends);
    assert!(carries.from < now());
    let long = new_leaf(&ca, &names, now(), YEAR * 2).unwrap();
    assert_eq!((long.ends, validity(&long.cert_pem).unwrap().ends), (ca.ends, ca.ends));
}

#[test]
fn an_authority_remembers_when_it_was_made_and_believes_no_key_but_its_own() {
    let (one, other) = (new_authority(now(), YEAR).unwrap(), new_authority(now(), YEAR).unwrap());
    assert_eq!((one.made, one.ends), (now(), now() + YEAR));
    assert_eq!(Signer::read(one.authority.clone()).unwrap(), one);
    let mixed = Authority { cert_pem: one.authority.cert_pem.clone(), key_pem: other.authority.key_pem };
    assert!(Signer::read(mixed).unwrap_err().to_string().contains("belongs to another one"));
    let leaf = new_leaf(&one, &["x".into()], now(), YEAR).unwrap();
    assert!(Signer::read(Authority { cert_pem: leaf.cert_pem, key_pem: leaf.key_pem }).is_err());
    // A key is nobody's business, not even a log's.
    assert!(!format!("{one:?}").contains("KEY"));
}

#[test]
fn what_is_no_certificate_is_refused_with_what_was_tried() {
    assert!(validity("nonsense").unwrap_err().to_string().contains("webhook's certificate"));
}

#[test]
fn what_a_bundle_holds_of_ours_is_kept_and_nothing_else() {
    let rules = super::steps::rules();
    let [mine, ours, ended] =
        [YEAR, YEAR, SignedDuration::from_hours(1)].map(|l| new_authority(now(), l).unwrap());
    let mut foreign = rcgen::CertificateParams::new(vec![]).unwrap();
    foreign.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let foreign = foreign.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    let later = now() + SignedDuration::from_hours(2);
    let bundle = [&mine.authority.cert_pem, &ours.authority.cert_pem, &ended.authority.cert_pem, &foreign];
    let bundle: String = bundle.into_iter().map(String::as_str).collect();
    let state = State::first(mine.clone(), later).adopting(&bundle, later, &rules);
    let kept: Vec<_> = state.previous.iter().map(|p| (p.cert_pem.as_str(), p.until)).collect();
    assert_eq!(kept, [(format!("{}\n", ours.authority.cert_pem.trim()).as_str(), ours.ends)]);
    assert_eq!(state.signs_from, later + rules.wait);
    for nothing in ["", "nonsense", mine.authority.cert_pem.as_str()] {
        let state = State::first(mine.clone(), later).adopting(nothing, later, &rules);
        assert_eq!((state.previous, state.signs_from), (vec![], later), "{nothing}");
    }
}
