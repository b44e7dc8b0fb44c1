//! An object of ours as a watch brings it: one that does not fit its schema must not break the watch.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// An object that fits its schema, or what is left of one that does not.
///
/// kube's `DeserializeGuard` keeps the metadata alone; here the spec is kept too, since what leads to a DataStore must
/// be found in it.
#[derive(Clone, Debug)]
pub enum Watched<K> {
    /// It fits.
    Fits(Box<K>),
    /// It does not.
    Misfits {
        /// Its metadata.
        meta: Box<ObjectMeta>,
        /// Its spec as it was written.
        spec: Value,
        /// Why it does not fit.
        why: String,
    },
}

impl<'de, K: Resource + DeserializeOwned> Deserialize<'de> for Watched<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut whole = Value::deserialize(deserializer)?;
        match K::deserialize(&whole) {
            Ok(object) => Ok(Self::Fits(Box::new(object))),
            Err(error) => {
                let meta = ObjectMeta::deserialize(&whole["metadata"]).map_err(serde::de::Error::custom)?;
                let spec = whole.get_mut("spec").map(Value::take).unwrap_or_default();
                Ok(Self::Misfits { meta: Box::new(meta), spec, why: error.to_string() })
            }
        }
    }
}

impl<K: Resource> Resource for Watched<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dt)
    }

    fn group(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dt)
    }

    fn version(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dt)
    }

    fn plural(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Fits(object) => object.meta(),
            Self::Misfits { meta, .. } => meta,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Fits(object) => object.meta_mut(),
            Self::Misfits { meta, .. } => meta,
        }
    }
}
