//! Live reads under the Pod's ServiceAccount.

use std::{fmt::Display, time::Duration};

use jiff::{Timestamp, fmt::rfc2822};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, GetParams, ListParams},
    client::Body,
    core::{Request, Status},
};

use super::cluster::{ClusterView, LiveRun, Policies, Stores, ViewError, read_hold};
use crate::{
    api::v1alpha1::{DataStore, DeletionRun, LegalHold, RetentionPolicy},
    core::{hold::Hold, law::LawPack},
    parse::{self, RegionCheck},
};

/// A read that takes longer counts as failed: no batch waits for it with the answer of before.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cluster as its API server answers.
#[derive(Clone)]
pub struct LiveCluster {
    client: Client,
    namespace: String,
    run: String,
    law: std::sync::Arc<LawPack>,
}

impl LiveCluster {
    /// Reads for one run. The law is asked for countries alone, which change nothing of what is deleted.
    pub fn new(client: Client, namespace: &str, run: &str, law: LawPack) -> Self {
        Self { client, namespace: namespace.into(), run: run.into(), law: law.into() }
    }

    /// A list without a resource version: the API server answers from a quorum.
    async fn list<K>(&self, namespace: Option<&str>) -> Result<Vec<serde_json::Value>, ViewError>
    where
        K: Resource<DynamicType = ()>,
    {
        let kind = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = match namespace {
            Some(ns) => Api::namespaced_with(self.client.clone(), ns, &kind),
            None => Api::all_with(self.client.clone(), &kind),
        };
        let list = in_time(api.list(&ListParams::default())).await?;
        let values = list.items.into_iter().map(serde_json::to_value);
        values.collect::<Result<_, _>>().map_err(|e| ViewError(e.to_string()))
    }
}

async fn in_time<T, E: Display>(read: impl Future<Output = Result<T, E>>) -> Result<T, ViewError> {
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(answer) => answer.map_err(|e| ViewError(e.to_string())),
        Err(_) => Err(ViewError(format!("no answer in {} s", PATIENCE.as_secs()))),
    }
}

/// The run with the instant of the answer, which kube's own reads leave out.
async fn get(client: &Client, namespace: &str, name: &str) -> Result<LiveRun, ViewError> {
    let failed = |e: &dyn Display| ViewError(e.to_string());
    let path = DeletionRun::url_path(&(), Some(namespace));
    let request = Request::new(path).get(name, &GetParams::default()).map_err(|e| failed(&e))?;
    let answer = client.send(request.map(Body::from)).await.map_err(|e| failed(&e))?;
    let code = answer.status().as_u16();
    let date = answer.headers().get("date").and_then(|d| d.to_str().ok()).map(ToOwned::to_owned);
    let body = answer.into_body().collect_bytes().await.map_err(|e| failed(&e))?;
    read(code, date.as_deref(), &body)
}

fn read(code: u16, date: Option<&str>, body: &[u8]) -> Result<LiveRun, ViewError> {
    if code != 200 {
        let said = serde_json::from_slice::<Status>(body).map(|s| s.message).unwrap_or_default();
        return Err(ViewError(format!("the API server answered {code}: {said}")));
    }
    let run = serde_json::from_slice(body).map_err(|e| ViewError(e.to_string()))?;
    let answered_at = date
        .and_then(instant)
        .ok_or_else(|| ViewError("the answer has no Date, so clocks cannot be compared".into()))?;
    Ok(LiveRun { run, answered_at })
}

/// The instant of an HTTP date, which is one of RFC 2822 in GMT.
fn instant(date: &str) -> Option<Timestamp> {
    rfc2822::parse(date).ok().map(|d| d.timestamp())
}

impl ClusterView for LiveCluster {
    async fn run(&self) -> Result<LiveRun, ViewError> {
        in_time(get(&self.client, &self.namespace, &self.run)).await
    }

    async fn policies(&self) -> Result<Policies, ViewError> {
        let mut policies = Policies::default();
        for item in self.list::<RetentionPolicy>(Some(&self.namespace)).await? {
            let read =
                serde_json::from_value::<RetentionPolicy>(item).ok().and_then(|p| parse::policy(&p).ok());
            policies.some_unreadable |= read.is_none();
            policies.readable.extend(read);
        }
        Ok(policies)
    }

    async fn stores(&self) -> Result<Stores, ViewError> {
        let mut stores = Stores::default();
        for item in self.list::<DataStore>(Some(&self.namespace)).await? {
            let object = serde_json::from_value::<DataStore>(item).ok();
            let read = object.and_then(|o| parse::store(&o, &self.law, RegionCheck::Lenient).ok());
            stores.some_unreadable |= read.is_none();
            stores.readable.extend(read);
        }
        Ok(stores)
    }

    async fn holds(&self) -> Result<Vec<Hold>, ViewError> {
        Ok(self.list::<LegalHold>(None).await?.into_iter().map(read_hold).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: Option<&str> = Some("Wed, 25 Nov 2026 10:00:07 GMT");

    fn run() -> Vec<u8> {
        let run = serde_json::json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DeletionRun",
            "metadata": {"name": "run"}, "spec": {"policy": {"name": "p", "uid": "u"},
                "store": {"name": "s", "uid": "u"}, "action": "Apply", "decidedAt": "2026-11-25T10:00:00Z",
                "stateHash": "h", "targets": []}});
        run.to_string().into_bytes()
    }

    #[test]
    fn the_api_servers_clock_is_read_from_its_answer() {
        let seen = read(200, DATE, &run()).unwrap();
        assert_eq!(seen.answered_at.to_string(), "2026-11-25T10:00:07Z");
        assert_eq!(seen.run.metadata.name.as_deref(), Some("run"));
    }

    #[test]
    fn an_answer_that_does_not_tell_the_time_is_no_answer() {
        for date in [None, Some("soon")] {
            let error = read(200, date, &run()).unwrap_err();
            assert!(error.0.contains("Date"), "{error}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_api_servers_words() {
        let status = br#"{"kind": "Status", "status": "Failure", "code": 404, "message": "not found"}"#;
        let error = read(404, DATE, status).unwrap_err();
        assert_eq!(error.0, "the API server answered 404: not found");
    }
}
