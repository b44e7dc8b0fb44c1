//! What a person should hear of, though it changes no verdict.

use std::fmt;

use crate::{api::labels, core::ids::ObjectKey};

/// What a person should hear of, though it changes no verdict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A store claims what the Pod refers to, and its claim does not reach the Pod's namespace.
    ClaimNotReaching {
        /// The store.
        store: ObjectKey,
        /// Where the reference is, and what it names.
        via: String,
    },
    /// The Pod's author declares the use of a store that is not there.
    NoSuchStore(ObjectKey),
    /// The Pod's author declares a use in words that mean nothing.
    Misdeclared(String),
    /// A ConfigMap that was to be searched for names is not known.
    ConfigMapUnread {
        /// The ConfigMap.
        config_map: ObjectKey,
        /// Where it is referred to.
        at: String,
    },
    /// The Pod names a Service behind which somebody wrote an address of a store that it does not use otherwise.
    EndpointOfStore {
        /// The store.
        store: ObjectKey,
        /// The Service.
        service: ObjectKey,
        /// Where it is named.
        at: String,
    },
    /// A Pod that uses a store names an address outside the cluster that is no store's and no party's.
    UndeclaredHost {
        /// The host, without its port.
        host: String,
        /// Where it is named.
        at: String,
    },
}

impl Finding {
    /// The kinds, as metrics name them.
    pub const KINDS: [&'static str; 6] = [
        "claim-not-reaching",
        "no-such-store",
        "misdeclared",
        "config-map-unread",
        "endpoint-of-store",
        "undeclared-host",
    ];

    /// Which of [`Self::KINDS`] it is.
    pub fn kind(&self) -> &'static str {
        let [reach, store, words, unread, endpoint, host] = Self::KINDS;
        match self {
            Self::ClaimNotReaching { .. } => reach,
            Self::NoSuchStore(_) => store,
            Self::Misdeclared(_) => words,
            Self::ConfigMapUnread { .. } => unread,
            Self::EndpointOfStore { .. } => endpoint,
            Self::UndeclaredHost { .. } => host,
        }
    }

    /// Whether the Pod's author alone can mend it.
    pub fn is_of_the_author(&self) -> bool {
        matches!(self, Self::NoSuchStore(_) | Self::Misdeclared(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClaimNotReaching { store, via } => write!(
                f,
                "DataStore {store} claims {via}, which is reported only: {} is not in --claims-from",
                store.namespace
            ),
            Self::NoSuchStore(store) => {
                write!(f, "annotation {}: there is no DataStore {store}", labels::USES)
            }
            Self::Misdeclared(entry) => write!(
                f,
                "annotation {}: `{entry}` is not `namespace/name=read` or `namespace/name=write`",
                labels::USES
            ),
            Self::ConfigMapUnread { config_map, at } => {
                write!(f, "{at}: ConfigMap {config_map} is not known, so its texts were not read")
            }
            Self::EndpointOfStore { store, service, at } => write!(
                f,
                "{at}: behind Service {service} is an address of DataStore {store}, which is reported only: name the \
                 Service in its spec.access.services"
            ),
            Self::UndeclaredHost { host, at } => {
                write!(
                    f,
                    "{at}: {host} is no declared store's and no Party's: who receives there is not known"
                )
            }
        }
    }
}
