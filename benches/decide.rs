//! `decide` over clusters of two sizes: what one verdict costs must not grow with what it does not touch.

use std::sync::Arc;

use carnet::{
    api::v1alpha1 as api,
    core::{
        ids::ObjectKey,
        selector::Labels,
        snapshot::{Snapshot, SnapshotBuilder},
        store::Place,
        transfer::{Request, Use, UseAccess, Workload, decide, text},
    },
    parse::{self, RegionCheck},
};
use divan::{Bencher, black_box};

const STORES: [usize; 2] = [100, 10_000];
const SAFEGUARDS: usize = 1_000;
/// Each party has some of the safeguards, as in a group of companies.
const PARTIES: usize = 100;

fn main() {
    divan::main();
}

fn party(i: usize, country: &str) -> api::Party {
    let text = format!(
        "{{apiVersion: carnet.dev/v1alpha1, kind: Party, metadata: {{name: p{i}}}, \
         spec: {{legalName: P, country: {country}, runs: {{namespaces: [ns{i}]}}}}}}"
    );
    serde_saphyr::from_str(&text).expect("a party")
}

fn store(i: usize) -> api::DataStore {
    let text = format!(
        "{{apiVersion: carnet.dev/v1alpha1, kind: DataStore, metadata: {{name: s{i}, namespace: data}}, \
         spec: {{exporterRef: {{name: p0}}, role: Controller, location: {{provider: aws, region: eu-west-1}}, \
         origins: [EEA, UK, CH], engine: {{external: {{description: x}}}}, \
         access: {{secrets: [{{name: secret-{i}}}], hosts: ['db{i}.example.com:5432']}}, \
         datasets: [{{name: a, categories: [account.contact], subjects: [Customer]}}, \
         {{name: b, categories: [online.usage, online.identifier], subjects: [Customer]}}]}}}}"
    );
    serde_saphyr::from_str(&text).expect("a store")
}

fn safeguard(i: usize) -> api::TransferSafeguard {
    let importer = 1 + i % (PARTIES - 1);
    let text = format!(
        "{{apiVersion: carnet.dev/v1alpha1, kind: TransferSafeguard, metadata: {{name: g{i}}}, \
         spec: {{instrument: {{standardContractualClauses: {{executedOn: '2024-01-15', \
         parties: [{{exporters: [p0], importers: [p{importer}], module: ControllerToController}}], \
         ukAddendum: {{version: B1.0, executedOn: '2024-01-15'}}, \
         swissAmendments: {{executedOn: '2024-01-15'}}}}}}, \
         assessments: [{{regimes: [EEA, UK, CH], country: US, completedOn: '2026-02-01', outcome: Effective}}], \
         scope: {{any: true}}, preference: {i}}}}}"
    );
    serde_saphyr::from_str(&text).expect("a safeguard")
}

fn snapshot(stores: usize) -> Snapshot {
    let law = Arc::new(parse::law::built_in().expect("the built-in pack"));
    let read = |i| parse::store(&store(i), &law, RegionCheck::Strict).map(Arc::new).expect("a store");
    let country = |i| if i == 0 { "IE" } else { "US" };
    SnapshotBuilder {
        parties: (0..PARTIES)
            .map(|i| Arc::new(parse::party(&party(i, country(i)), &law).expect("a party")))
            .collect(),
        stores: (0..stores).map(read).collect(),
        safeguards: (0..SAFEGUARDS)
            .map(|i| Arc::new(parse::safeguard(&safeguard(i), &law).expect("a safeguard")))
            .collect(),
        law: law.clone(),
        ..SnapshotBuilder::default()
    }
    .build()
}

fn run(bencher: Bencher<'_, '_>, stores: usize, region: &str, namespace: &str, words: bool) {
    let snapshot = snapshot(stores);
    let country = snapshot.law.region(Some("aws"), region);
    let places = [Place { provider: Some("aws".into()), region: Some(region.into()), country }];
    let labels = Labels::new();
    let uses =
        [Use { store: ObjectKey::new("data", "s42"), via: vec!["env DB".into()], access: UseAccess::Read }];
    let workload = Workload { kind: "Pod", namespace, name: "app-1", labels: &labels, one_off: false };
    let now = "2026-11-15T00:00:00Z".parse().expect("an instant");
    let request = Request { workload, uses: &uses, sends: &[], places: &places, now };
    bencher.bench_local(|| {
        let verdict = decide(&snapshot, black_box(&request));
        let text = words.then(|| text::message(&request, &verdict));
        (verdict, text)
    });
}

#[divan::bench(args = STORES)]
fn carried_by_a_safeguard(bencher: Bencher<'_, '_>, stores: usize) {
    run(bencher, stores, "us-east-1", "ns7", false);
}

#[divan::bench(args = STORES)]
fn no_border(bencher: Bencher<'_, '_>, stores: usize) {
    run(bencher, stores, "eu-central-1", "ns7", false);
}

#[divan::bench(args = STORES)]
fn refused_with_its_message(bencher: Bencher<'_, '_>, stores: usize) {
    run(bencher, stores, "ap-southeast-1", "ns7", true);
}
