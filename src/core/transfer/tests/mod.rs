//! Sentences about verdicts, over manifests as users write them.

mod agreed;
mod flows;
mod instruments;
mod listed;
mod measures;
pub(crate) mod properties;
mod spread;
mod words;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use jiff::Timestamp;

use super::{Outcome, Request, Sending, Use, UseAccess, Verdict, Workload, decide};
use crate::{
    core::{
        ids::ObjectKey,
        law::LawPack,
        selector::Labels,
        settings::Settings,
        snapshot::{Snapshot, SnapshotBuilder},
        store::Place,
    },
    parse::{self, RegionCheck},
};

pub(crate) const LTD: &str = "{apiVersion: carnet.dev/v1alpha1, kind: Party, metadata: {name: ltd}, spec: {legalName: Ltd, country: IE, runs: {namespaces: [identity]}}}";
pub(crate) const INC: &str = "{apiVersion: carnet.dev/v1alpha1, kind: Party, metadata: {name: inc}, spec: {legalName: Inc, country: US, runs: {namespaces: [analytics]}}}";
pub(crate) const STORE: &str = "
apiVersion: carnet.dev/v1alpha1
kind: DataStore
metadata: {name: accounts, namespace: identity}
spec:
  exporterRef: {name: ltd}
  role: Controller
  location: {provider: aws, region: eu-west-1}
  origins: [EEA]
  engine: {external: {description: a test}}
  datasets:
  - {name: accounts, categories: [account.contact], subjects: [Customer]}
";
pub(crate) const SCC: &str = "
apiVersion: carnet.dev/v1alpha1
kind: TransferSafeguard
metadata: {name: scc}
spec:
  instrument:
    standardContractualClauses:
      executedOn: '2024-01-15'
      parties:
      - {exporters: [ltd], importers: [inc], module: ControllerToController}
      ukAddendum: {version: B1.0, executedOn: '2024-02-01'}
      swissAmendments: {executedOn: '2024-03-01'}
  assessments:
  - {regimes: [EEA, UK, CH], country: US, completedOn: '2026-02-01', outcome: Effective, reviewBy: '2027-02-01'}
  scope: {namespaces: [analytics], categories: ['account.*']}
  validFrom: '2024-01-15'
  validThrough: '2028-01-14'
  preference: 20
";
pub(crate) const DPF: &str = "
apiVersion: carnet.dev/v1alpha1
kind: TransferSafeguard
metadata: {name: dpf}
spec:
  instrument:
    dataPrivacyFramework:
      participantRef: {name: inc}
      frameworks:
      - {name: EU-US, status: Active, since: '2023-09-29', recertifyBy: '2027-09-29'}
      - {name: UKExtension, status: Active, since: '2023-10-12', recertifyBy: '2027-09-29'}
      - {name: Swiss-US, status: Active, since: '2024-08-01', recertifyBy: '2027-09-29'}
      coveredData: [NonHR]
      recourse: {provider: JAMS}
      checkedOn: '2026-11-01'
  scope: {any: true}
  preference: 10
";
pub(crate) const CLAIM: &str = "
apiVersion: carnet.dev/v1alpha1
kind: TransferSafeguard
metadata: {name: canada}
spec:
  instrument: {adequacy: {row: eu-canada, importers: [inc], assertion: under PIPEDA}}
  scope: {any: true}
";
pub(crate) const EXCEPTION: &str = "
apiVersion: carnet.dev/v1alpha1
kind: TransferException
metadata: {name: incident}
spec:
  reason: migration
  ticket: OPS-1
  workloads: {namespace: analytics, podSelector: {matchLabels: {app: exporter}}}
  stores: [{namespace: identity, name: accounts}]
  expiresAt: '2026-11-30T00:00:00Z'
";

pub(crate) fn at(text: &str) -> Timestamp {
    let text = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.into() };
    text.parse().unwrap()
}

/// `manifest` with each `from` replaced by its `to`; every `from` must be there.
pub(crate) fn edit(manifest: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(manifest.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text.replacen(from, to, 1)
    })
}

/// Objects by manifest, and what is asked of them.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) law: Arc<LawPack>,
    pub(crate) settings: Settings,
    pub(crate) manifests: Vec<String>,
    pub(crate) namespace: &'static str,
    pub(crate) labels: Labels,
    pub(crate) uses: Vec<Use>,
    pub(crate) sends: Vec<Sending>,
    pub(crate) one_off: bool,
    pub(crate) places: Vec<Place>,
    pub(crate) now: Timestamp,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} {:?}\n{}", self.now, self.namespace, self.places, self.manifests.join("\n---"))
    }
}

impl World {
    /// EEA account data in Ireland, and a Pod of inc in Virginia, in November 2026.
    pub(crate) fn new(more: &[&str]) -> Self {
        static LAW: LazyLock<Arc<LawPack>> = LazyLock::new(|| Arc::new(parse::law::built_in().unwrap()));
        let law = LAW.clone();
        Self {
            manifests: [LTD, INC, STORE].iter().chain(more).map(ToString::to_string).collect(),
            settings: Settings::default(),
            namespace: "analytics",
            labels: [("app".to_owned(), "exporter".to_owned())].into(),
            uses: Self::uses(),
            sends: vec![],
            one_off: false,
            places: vec![],
            now: at("2026-11-15"),
            law,
        }
        .on("aws", "us-east-1")
    }

    pub(crate) fn on(mut self, provider: &str, region: &str) -> Self {
        let country = self.law.region(Some(provider), region);
        self.places = vec![Place { provider: Some(provider.into()), region: Some(region.into()), country }];
        self
    }

    pub(crate) fn when(mut self, text: &str) -> Self {
        self.now = at(text);
        self
    }

    /// With the store's manifest edited.
    pub(crate) fn store(mut self, edits: &[(&str, &str)]) -> Self {
        self.manifests[2] = edit(&self.manifests[2], edits);
        self
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut b = SnapshotBuilder {
            law: self.law.clone(),
            settings: Arc::new(self.settings.clone()),
            ..SnapshotBuilder::default()
        };
        let law = &self.law;
        for text in &self.manifests {
            fn yaml<T: serde::de::DeserializeOwned>(text: &str) -> T {
                serde_saphyr::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
            }
            let kind = text.split("kind: ").nth(1).unwrap().split([',', '\n']).next().unwrap();
            match kind {
                "Party" => b.parties.push(Arc::new(parse::party(&yaml(text), law).unwrap())),
                "DataStore" => {
                    let store = parse::store(&yaml(text), law, RegionCheck::Lenient).unwrap();
                    b.stores.push(Arc::new(store));
                }
                "TransferSafeguard" => {
                    b.safeguards.push(Arc::new(parse::safeguard(&yaml(text), law).unwrap()));
                }
                "DataPrivacyFrameworkSnapshot" => {
                    b.framework_lists.push(Arc::new(parse::framework_list(&yaml(text)).unwrap()));
                }
                "TransferException" => {
                    let exception = parse::exception(&yaml(text), &self.settings).unwrap();
                    b.exceptions.push(Arc::new(exception));
                }
                other => panic!("{other}"),
            }
        }
        b.build()
    }

    pub(crate) fn uses() -> Vec<Use> {
        let via = vec!["container app env DB: Secret identity/accounts-app".to_owned()];
        vec![Use { store: ObjectKey::new("identity", "accounts"), via, access: UseAccess::Read }]
    }

    pub(crate) fn ask<T>(&self, answer: impl FnOnce(&Snapshot, &Request<'_>) -> T) -> T {
        let Self { namespace, labels, one_off, .. } = self;
        let workload = Workload { kind: "Pod", namespace, name: "report-1", labels, one_off: *one_off };
        let request =
            Request { workload, uses: &self.uses, sends: &self.sends, places: &self.places, now: self.now };
        answer(&self.snapshot(), &request)
    }

    pub(crate) fn decide(&self) -> Verdict {
        self.ask(decide)
    }

    /// Outcome of the only flow.
    pub(crate) fn outcome(&self) -> Outcome {
        let verdict = self.decide();
        let [flow] = &verdict.flows[..] else { panic!("{:#?}", verdict.flows) };
        flow.outcome.clone()
    }

    /// What carries the only flow; else every near miss, one a line.
    pub(crate) fn carried(&self) -> Result<String, String> {
        match self.outcome() {
            Outcome::Carried { by, .. } | Outcome::Adequate(by) => Ok(by.to_string()),
            Outcome::Uncovered { near, .. } | Outcome::Waived { near, .. } => {
                Err(near.iter().map(|n| format!("{} {}", n.what, n.why)).collect::<Vec<_>>().join("\n"))
            }
            other => panic!("{other:?}"),
        }
    }
}
