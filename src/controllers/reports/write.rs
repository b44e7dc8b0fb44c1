//! Writes reports where they say something new, and takes away those that have nothing to say any more.

use std::collections::{BTreeMap, BTreeSet};

use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::Value;

use super::{NAME, NAME_OF_REPORT, compose::SOURCE};
use crate::platform::manager;

/// The reports of this cluster, as far as they are ours.
pub struct Writer {
    client: Client,
    /// What was written, by namespace; the cluster's own under the empty name. None = of another leader, not known.
    written: BTreeMap<String, Option<Value>>,
    seen: bool,
}

/// What a round came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Everything is written.
    Written,
    /// So many could not be written.
    Failed(usize),
    /// The definitions of OpenReports are not installed.
    Absent,
}

impl Writer {
    /// Knows nothing yet.
    pub fn new(client: Client) -> Self {
        Self { client, written: BTreeMap::new(), seen: false }
    }

    /// Has exactly these reports in the cluster; the cluster's own is under the empty name.
    pub async fn write(&mut self, wanted: &BTreeMap<String, Value>) -> Round {
        if !self.seen {
            match self.look().await {
                Ok(()) => self.seen = true,
                Err(kube::Error::Api(status)) if status.code == 404 => return Round::Absent,
                Err(error) => {
                    tracing::warn!(%error, "listing reports");
                    return Round::Failed(wanted.len());
                }
            }
        }
        let mut failed = 0;
        for (namespace, report) in wanted {
            if self.written.get(namespace).is_some_and(|there| there.as_ref() == Some(report)) {
                continue;
            }
            let params = PatchParams::apply(&manager(NAME)).force();
            match self.api(namespace).patch(NAME_OF_REPORT, &params, &Patch::Apply(report)).await {
                Ok(_) => {
                    self.written.insert(namespace.clone(), Some(report.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, namespace, "writing a report");
                    failed += 1;
                }
            }
        }
        let stale: BTreeSet<String> =
            self.written.keys().filter(|namespace| !wanted.contains_key(*namespace)).cloned().collect();
        for namespace in stale {
            match self.api(&namespace).delete(NAME_OF_REPORT, &DeleteParams::default()).await {
                Ok(_) => drop(self.written.remove(&namespace)),
                Err(kube::Error::Api(status)) if status.code == 404 => drop(self.written.remove(&namespace)),
                Err(error) => {
                    tracing::warn!(%error, namespace, "deleting a report");
                    failed += 1;
                }
            }
        }
        if failed > 0 {
            // What is there may be another's by now, or gone.
            self.seen = false;
            return Round::Failed(failed);
        }
        Round::Written
    }

    /// Reports that another leader left.
    async fn look(&mut self) -> Result<(), kube::Error> {
        let ours = ListParams::default().labels(&format!("app.kubernetes.io/managed-by={SOURCE}"));
        let reports: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource("Report"));
        let mut there: Vec<String> = vec![];
        for report in reports.list(&ours).await?.items {
            if report.name_any() == NAME_OF_REPORT {
                there.extend(report.namespace());
            }
        }
        let of_cluster: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource("ClusterReport"));
        if of_cluster.get_opt(NAME_OF_REPORT).await?.is_some() {
            there.push(String::new());
        }
        self.written.retain(|namespace, _| there.contains(namespace));
        for namespace in there {
            self.written.entry(namespace).or_default();
        }
        Ok(())
    }

    fn api(&self, namespace: &str) -> Api<DynamicObject> {
        if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource("ClusterReport"))
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource("Report"))
        }
    }
}

fn resource(kind: &str) -> ApiResource {
    ApiResource {
        group: "openreports.io".into(),
        version: "v1alpha1".into(),
        api_version: "openreports.io/v1alpha1".into(),
        kind: kind.into(),
        plural: format!("{}s", kind.to_lowercase()),
    }
}
