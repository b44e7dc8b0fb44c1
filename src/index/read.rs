//! From a watched object to a domain value, or to the reason why it is none.

use std::{fmt::Debug, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, core::object::HasSpec};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{TableEvent, Watched, change::Change};
use crate::{
    api::v1alpha1 as api,
    core::{self, ids::ObjectKey, law::LawPack, settings::Settings},
    parse,
};

/// What reading needs.
#[derive(Clone, Debug)]
pub struct Context {
    /// The law.
    pub law: Arc<LawPack>,
    /// The settings.
    pub settings: Arc<Settings>,
}

/// A declared object: as it stands in the cluster, and as a domain value or the reason why it is none.
#[derive(Debug)]
pub struct Entry<K: Kind> {
    /// Its metadata.
    pub meta: ObjectMeta,
    /// The object; none when it does not even fit its own schema.
    pub object: Option<Arc<K>>,
    /// What it means, or why it means nothing.
    pub value: Result<Arc<K::Value>, Arc<str>>,
    /// The spec as it was written; kept only where it means nothing.
    pub written: Option<Arc<Value>>,
    /// What the object meant before an edit that means nothing; kept by the index, where it is asked for.
    pub last_good: Option<Arc<K::Value>>,
}

// Derived, it would ask for values that can be cloned; they are shared.
impl<K: Kind> Clone for Entry<K> {
    fn clone(&self) -> Self {
        let Self { meta, object, value, written, last_good } = self;
        Self {
            meta: meta.clone(),
            object: object.clone(),
            value: value.clone(),
            written: written.clone(),
            last_good: last_good.clone(),
        }
    }
}

/// One of our declared kinds.
pub trait Kind:
    Resource<DynamicType = ()>
    + HasSpec<Spec: Serialize>
    + Clone
    + DeserializeOwned
    + Debug
    + Send
    + Sync
    + 'static
{
    /// What its objects mean.
    type Value: Debug + PartialEq + Send + Sync + 'static;

    /// Reads an object.
    fn read(&self, context: &Context) -> Result<Self::Value, String>;

    /// The change that an event of its watch is.
    fn change(event: TableEvent<Entry<Self>>) -> Change;
}

impl<K: Kind> Entry<K> {
    /// Reads a watched object.
    pub fn new(watched: Watched<K>, context: &Context) -> Self {
        match watched {
            Watched::Fits(mut object) => {
                // Nobody here asks who wrote which field, and it is the greater part of many objects.
                object.meta_mut().managed_fields = None;
                let value = object.read(context).map(Arc::new).map_err(Arc::from);
                let written = value.is_err().then(|| serde_json::to_value(object.spec()).ok()).flatten();
                Self {
                    meta: object.meta().clone(),
                    object: Some(Arc::new(*object)),
                    value,
                    written: written.map(Arc::new),
                    last_good: None,
                }
            }
            Watched::Misfits { meta, spec, why } => Self {
                meta: *meta,
                object: None,
                value: Err(why.into()),
                written: Some(Arc::new(spec)),
                last_good: None,
            },
        }
    }

    /// Namespace (empty for cluster-scoped kinds) and name.
    pub fn key(&self) -> ObjectKey {
        key(&self.meta)
    }

    /// Whether decisions see the same in both.
    pub fn means_the_same(&self, other: &Self) -> bool {
        self.value == other.value
            && self.meta.uid == other.meta.uid
            && self.written == other.written
            && self.last_good == other.last_good
    }
}

/// Namespace (empty for cluster-scoped kinds) and name.
pub fn key(meta: &ObjectMeta) -> ObjectKey {
    ObjectKey::new(meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}

macro_rules! kinds {
    ($($kind:ident => $value:ty, $parse:expr;)*) => {$(
        impl Kind for api::$kind {
            type Value = $value;

            fn read(&self, context: &Context) -> Result<Self::Value, String> {
                let parse: fn(&Self, &Context) -> Result<Self::Value, String> = $parse;
                parse(self, context)
            }

            fn change(event: TableEvent<Entry<Self>>) -> Change {
                Change::$kind(event)
            }
        }
    )*};
}

kinds! {
    Party => core::party::Party, |o, c| parse::party(o, &c.law).map_err(|e| e.to_string());
    DataStore => core::store::Store, |o, c| parse::store(o, &c.law, parse::RegionCheck::Lenient).map_err(|e| e.to_string());
    TransferSafeguard => core::safeguard::Safeguard, |o, c| parse::safeguard(o, &c.law).map_err(|e| e.to_string());
    TransferException => core::exception::Exception,
        |o, c| parse::exception(o, &c.settings).map_err(|e| e.to_string());
    DataPrivacyFrameworkSnapshot => core::framework_list::FrameworkList,
        |o, _| parse::framework_list(o).map_err(|e| e.to_string());
    RetentionPolicy => core::policy::Policy, |o, _| parse::policy(o).map_err(|e| e.to_string());
    LegalHold => core::hold::Hold, |o, _| parse::hold(o).map_err(|e| e.to_string());
}
