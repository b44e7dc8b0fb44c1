use std::collections::BTreeMap;

use super::{
    drafts::{Draft, Guess, drafts},
    seen::{ClaimSeen, ObjectKeySeen, SecretSeen, Seen, ServiceSeen},
    yaml::document,
};
use crate::{
    api::v1alpha1::DataStore,
    cli::world::testing::{base_with, node, party, world},
    parse,
};

fn key(name: &str, labels: &[(&str, &str)]) -> ObjectKeySeen {
    let labels: BTreeMap<String, String> = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    ObjectKeySeen { namespace: "analytics".into(), name: name.into(), labels }
}

fn secret(name: &str, labels: &[(&str, &str)], keys: &[&str]) -> SecretSeen {
    let keys = Some(keys.iter().map(|k| (*k).to_owned()).collect());
    SecretSeen { key: key(name, labels), type_: "Opaque".into(), keys }
}

fn service(name: &str, labels: &[(&str, &str)], port: i32) -> ServiceSeen {
    ServiceSeen { key: key(name, labels), ports: [port].into() }
}

fn claim(name: &str, labels: &[(&str, &str)]) -> ClaimSeen {
    ClaimSeen { key: key(name, labels) }
}

fn found(seen: &Seen) -> Vec<Draft> {
    drafts(&base_with([]).snapshot(), seen)
}

fn names(drafts: &[Draft]) -> Vec<(&str, Option<Guess>)> {
    drafts.iter().map(|d| (d.name.as_str(), d.guess)).collect()
}

#[test]
fn what_an_operator_made_for_one_database_is_one_draft() {
    let of = [("cnpg.io/cluster", "orders")];
    let drafts = found(&Seen {
        secrets: vec![
            secret("orders-app", &of, &["username", "password", "host"]),
            secret("orders-ca", &of, &["ca.crt", "ca.key"]),
        ],
        services: vec![service("orders-rw", &of, 5432), service("orders-ro", &of, 5432)],
        claims: vec![claim("orders-1", &of)],
        notes: vec![],
    });
    assert_eq!(names(&drafts), [("orders", Some(Guess::Postgres))]);
    assert_eq!(drafts[0].secrets, ["orders-app".to_owned()].into(), "a certificate is no way in");
    assert_eq!(drafts[0].services.len() + drafts[0].claims.len(), 3);
}

#[test]
fn a_secret_is_a_databases_by_the_names_of_its_keys_and_no_other_is() {
    let drafts = found(&Seen {
        secrets: vec![
            secret("crm", &[], &["DB_USER", "DB_PASSWORD", "DB_HOST"]),
            secret("reports", &[], &["DATABASE_URL"]),
            secret("shop", &[], &["mysql-root-password"]),
            secret("dump", &[], &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
            secret("login", &[], &["username", "password"]),
            secret("webhook", &[], &["url", "token"]),
        ],
        ..Seen::default()
    });
    assert_eq!(
        names(&drafts),
        [
            ("crm", Some(Guess::Database)),
            ("dump", Some(Guess::ObjectStore)),
            ("reports", Some(Guess::Database)),
            ("shop", Some(Guess::Mysql)),
        ]
    );
}

#[test]
fn where_the_names_of_keys_are_not_known_type_and_labels_decide() {
    let unknown = |name: &str, labels: &[(&str, &str)], type_: &str| SecretSeen {
        keys: None,
        type_: type_.into(),
        ..secret(name, labels, &[])
    };
    let drafts = found(&Seen {
        secrets: vec![
            unknown("bound", &[], "servicebinding.io/postgresql"),
            unknown(
                "labelled",
                &[("app.kubernetes.io/instance", "crm"), ("app.kubernetes.io/name", "mariadb")],
                "Opaque",
            ),
            unknown(
                "plain",
                &[("app.kubernetes.io/instance", "web"), ("app.kubernetes.io/name", "nginx")],
                "Opaque",
            ),
        ],
        ..Seen::default()
    });
    assert_eq!(names(&drafts), [("bound", Some(Guess::Postgres)), ("crm", Some(Guess::Mysql))]);
}

#[test]
fn services_by_their_port_and_claims_by_themselves() {
    let drafts = found(&Seen {
        services: vec![service("cache", &[], 6379), service("web", &[], 80)],
        claims: vec![claim("uploads", &[])],
        ..Seen::default()
    });
    assert_eq!(names(&drafts), [("cache", Some(Guess::Other("Redis"))), ("uploads", Some(Guess::Volume))]);
}

#[test]
fn what_a_store_claims_is_skipped_and_a_part_that_none_claims_names_the_store() {
    let of = [("cnpg.io/cluster", "accounts")];
    let drafts = found(&Seen {
        secrets: vec![secret("accounts-app", &of, &["username", "password", "host"])],
        services: vec![service("accounts-rw", &of, 5432)],
        ..Seen::default()
    });
    assert_eq!(drafts.len(), 1);
    assert!(drafts[0].secrets.is_empty());
    assert_eq!(
        drafts[0].claimed_by.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["identity/accounts"]
    );
    let whole = Seen {
        secrets: vec![secret("accounts-app", &of, &["username", "password", "host"])],
        ..Seen::default()
    };
    assert!(found(&whole).is_empty());
}

#[test]
fn namespaces_that_are_not_judged_are_not_looked_at() {
    let mut claim = claim("etcd", &[]);
    claim.key.namespace = "kube-system".into();
    assert!(found(&Seen { claims: vec![claim], ..Seen::default() }).is_empty());
}

fn parsed(yaml: &str) -> Result<DataStore, String> {
    serde_saphyr::from_str::<DataStore>(yaml).map_err(|e| e.to_string())
}

#[test]
fn a_draft_is_refused_until_a_person_decided_and_is_a_store_once_every_todo_is() {
    let world = world(&[party("inc", "US", &["analytics"]), node("us1", "us-east-1")]);
    let snapshot = world.snapshot();
    for guess in [
        Guess::Postgres,
        Guess::Mysql,
        Guess::ObjectStore,
        Guess::Volume,
        Guess::Other("Redis"),
        Guess::Database,
    ] {
        let draft = Draft {
            namespace: "analytics".into(),
            // A name that YAML would read as a number.
            name: "123".into(),
            guess: Some(guess),
            because: vec!["Service 123\nkind: Evil".into()],
            secrets: ["app".into()].into(),
            services: ["rw".into()].into(),
            claims: ["data-0".into()].into(),
            ..Draft::default()
        };
        let yaml = document(&snapshot, &draft);
        assert!(parsed(&yaml).is_err(), "{yaml}");
        assert!(yaml.contains("exporterRef: {name: inc}") && yaml.contains("region: us-east-1}"), "{yaml}");
        let decided = yaml
            .replace("role: TODO", "role: Controller")
            .replace("credentialsSecretRef: {name: TODO}", "credentialsSecretRef: {name: erasure}")
            .replace("bucket: TODO", "bucket: b")
            .replace("name: TODO", "name: accounts")
            .replace("categories: [TODO]", "categories: [account.contact]");
        let store = parsed(&decided).unwrap_or_else(|e| panic!("{e}\n{decided}"));
        assert_eq!(store.metadata.name.as_deref(), Some("123"));
        parse::store(&store, &snapshot.law, parse::RegionCheck::Strict)
            .unwrap_or_else(|e| panic!("{e}\n{decided}"));
    }
}
