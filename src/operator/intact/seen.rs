//! What is there, by a watch for each kind that was installed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::SelectAll};
use k8s_openapi::api::admissionregistration::v1 as k8s;
use kube::{
    Api, ResourceExt,
    api::DynamicObject,
    core::ApiResource,
    runtime::{WatchStreamExt, watcher},
};
use serde_json::Value;

use crate::{
    enforcement::{Expected, Id, Kind, Live},
    platform::{PlatformError, client_heard_by},
};

/// An event of one of the watches.
pub type Heard = (Kind, Result<watcher::Event<DynamicObject>, watcher::Error>);

/// The objects that were installed, as they are now.
pub struct Seen {
    events: SelectAll<futures::stream::BoxStream<'static, Heard>>,
    live: Live,
    /// A list under way.
    listing: HashMap<Kind, BTreeMap<Id, Value>>,
    listed: BTreeSet<Kind>,
    kinds: BTreeSet<Kind>,
    heard: Arc<Mutex<HashMap<Kind, Instant>>>,
    bound: Duration,
}

impl Seen {
    /// Takes up the watches of these kinds; silence beyond `bound` counts as not seeing.
    ///
    /// Objects are kept as they come: a typed one would drop unread the field of a newer API server by which a policy can
    /// be weakened.
    pub async fn start(kinds: BTreeSet<Kind>, bound: Duration) -> Result<Self, PlatformError> {
        let now = Instant::now();
        let heard: Arc<Mutex<HashMap<Kind, Instant>>> =
            Arc::new(Mutex::new(kinds.iter().map(|kind| (*kind, now)).collect()));
        let sink = heard.clone();
        let client = client_heard_by(Arc::new(move |plural: &str| {
            let mut heard = sink.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, at)) = heard.iter_mut().find(|(kind, _)| kind.plural() == plural) {
                *at = Instant::now();
            }
        }))
        .await?;
        let each = u32::try_from((bound / 3).as_secs()).unwrap_or(u32::MAX).clamp(1, 290);
        let streams = kinds.iter().copied().map(|kind| {
            let resource = match kind {
                Kind::ValidatingAdmissionPolicy => ApiResource::erase::<k8s::ValidatingAdmissionPolicy>(&()),
                Kind::ValidatingAdmissionPolicyBinding => {
                    ApiResource::erase::<k8s::ValidatingAdmissionPolicyBinding>(&())
                }
                Kind::ValidatingWebhookConfiguration => {
                    ApiResource::erase::<k8s::ValidatingWebhookConfiguration>(&())
                }
                Kind::MutatingWebhookConfiguration => {
                    ApiResource::erase::<k8s::MutatingWebhookConfiguration>(&())
                }
            };
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            watcher(api, watcher::Config::default().timeout(each))
                .default_backoff()
                .map(move |event| (kind, event))
                .boxed()
        });
        Ok(Self {
            events: futures::stream::select_all(streams.collect::<Vec<_>>()),
            kinds,
            live: Live::new(),
            listing: HashMap::new(),
            listed: BTreeSet::new(),
            heard,
            bound,
        })
    }

    /// The next event.
    pub async fn next(&mut self) -> Option<Heard> {
        self.events.next().await
    }

    /// Takes an event; whether it changed something. What was not installed is dropped.
    pub fn apply(&mut self, kind: Kind, event: watcher::Event<DynamicObject>, expected: &Expected) -> bool {
        let ours = |object: DynamicObject| {
            let id = Id { kind, name: object.name_any() };
            let value = expected.names(&id).then(|| serde_json::to_value(&object).ok()).flatten();
            (id, value)
        };
        match event {
            watcher::Event::Init => {
                self.listing.insert(kind, BTreeMap::new());
                false
            }
            watcher::Event::InitApply(object) => {
                if let (id, Some(value)) = ours(object) {
                    self.listing.entry(kind).or_default().insert(id, value);
                }
                false
            }
            watcher::Event::InitDone => {
                self.heard.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, Instant::now());
                self.live.retain(|id, _| id.kind != kind);
                self.live.extend(self.listing.remove(&kind).unwrap_or_default());
                self.listed.insert(kind);
                true
            }
            watcher::Event::Apply(object) => match ours(object) {
                (id, Some(value)) => self.live.insert(id, value.clone()) != Some(value),
                (_, None) => false,
            },
            watcher::Event::Delete(object) => {
                self.live.remove(&Id { kind, name: object.name_any() }).is_some()
            }
        }
    }

    /// What is there.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Whether every watch has listed.
    pub fn is_listed(&self) -> bool {
        self.listed == self.kinds
    }

    /// Why nothing can be said any more; none = all is seen.
    pub fn silence(&self) -> Option<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, since) = heard.iter().map(|(kind, at)| (*kind, at.elapsed())).max_by_key(|(_, s)| *s)?;
        (since > self.bound)
            .then(|| format!("nothing was heard of {} for {} s", kind.plural(), self.bound.as_secs()))
    }
}
