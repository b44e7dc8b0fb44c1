//! The deletion-relevant state as a hash: what a person approved, and what the runner finds again.

use sha2::{Digest, Sha256};

use super::{StorePlan, Target, plan::selects, shared::Neighbours};
use crate::core::{
    policy::{Period, Policy},
    store::{AnchorSource, ColumnReading, Engine, SslMode, Store},
};

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

/// Words with their lengths, so that no two states run together.
struct Words(Sha256);

impl Words {
    fn new() -> Self {
        let mut words = Self(Sha256::new());
        words.add("carnet/state/2");
        words
    }

    fn add(&mut self, word: &str) {
        self.0.update((word.len() as u64).to_be_bytes());
        self.0.update(word.as_bytes());
    }

    fn list(&mut self, words: impl ExactSizeIterator<Item = String>) {
        self.add(&words.len().to_string());
        words.for_each(|w| self.add(&w));
    }

    fn period(&mut self, period: Period) {
        self.add(&format!("{}M{}D{}S", period.months, period.days, period.seconds));
    }

    fn finish(self) -> String {
        format!("sha256:{}", hex(&self.0.finalize()))
    }
}

/// Hash over what decides which rows go: never the generation, a label, an alarm or the hours of work.
pub(super) fn state_hash(
    policy: &Policy,
    store: &Store,
    policies: &[&Policy],
    targets: &[Target],
    near: &Neighbours<'_>,
) -> String {
    let datasets: Vec<_> = targets
        .iter()
        .filter_map(|t| {
            store.datasets.iter().find(|d| d.name == t.dataset).map(|d| (t, d, near.siblings(store, d)))
        })
        .collect();
    let mut w = Words::new();
    w.add(&policy.uid);
    w.add(policy.instructed_by.as_deref().unwrap_or_default());
    w.period(policy.finish_before);
    rules(&mut w, policy);
    // Grounds of the other policies that match keep, too; those on another dataset of the same rows as well.
    let counts = |o: &Policy| {
        selects(o, store) || datasets.iter().flat_map(|(.., near)| near).any(|(s, _)| selects(o, s))
    };
    let mut others: Vec<_> = policies.iter().filter(|o| o.key != policy.key && counts(o)).collect();
    others.sort_by(|a, b| a.key.cmp(&b.key));
    w.add(&others.len().to_string());
    for other in others {
        w.add(&other.uid);
        rules(&mut w, other);
    }
    w.add(&store.uid);
    engine(&mut w, &store.engine);
    w.add(&targets.len().to_string());
    for (target, dataset, siblings) in &datasets {
        w.add(&target.dataset);
        w.list(target.rules.iter().cloned());
        w.list(target.clocks.iter().map(|c| c.event.clone()));
        w.list(dataset.categories.iter().map(ToString::to_string));
        let (schema, table) = dataset.table.clone().unwrap_or_default();
        w.add(&schema);
        w.add(&table);
        w.list(dataset.anchors.iter().map(|a| format!("{}={}", a.event, source(&a.source))));
        w.add(&siblings.len().to_string());
        for (store, dataset) in siblings {
            w.add(&store.uid);
            w.add(&dataset.name);
            w.list(dataset.categories.iter().map(ToString::to_string));
        }
    }
    w.finish()
}

/// Hash of the state together with what is held: a first approval is for this.
pub fn approval_state(plan: &StorePlan) -> String {
    let mut w = Words::new();
    w.add(&plan.state_hash);
    w.list(plan.held().map(|(dataset, hold)| format!("{dataset}={hold}")).collect::<Vec<_>>().into_iter());
    w.finish()
}

fn rules(w: &mut Words, policy: &Policy) {
    w.add(&policy.rules.len().to_string());
    for rule in &policy.rules {
        w.add(&rule.name);
        w.list(rule.categories.iter().map(ToString::to_string));
        w.add(&rule.after);
        w.period(rule.delete_after);
        w.add(match rule.then {
            crate::core::policy::Then::Delete => "Delete",
            crate::core::policy::Then::Deidentify => "Deidentify",
        });
        w.add(&rule.grounds.len().to_string());
        for (kind, period) in &rule.grounds {
            w.add(kind);
            w.period(*period);
        }
    }
}

fn engine(w: &mut Words, engine: &Engine) {
    match engine {
        Engine::Postgres(sql) | Engine::Mysql(sql) => {
            w.add(if matches!(engine, Engine::Postgres(_)) { "postgres" } else { "mysql" });
            w.add(&sql.secret);
            w.add(match sql.ssl_mode {
                SslMode::Disable => "Disable",
                SslMode::Require => "Require",
                SslMode::VerifyCa => "VerifyCA",
                SslMode::VerifyFull => "VerifyFull",
            });
        }
        Engine::ObjectStore { bucket, endpoint_host, secret } => {
            w.add("objectStore");
            w.add(bucket);
            w.add(endpoint_host.as_deref().unwrap_or_default());
            w.add(secret);
        }
        Engine::Volume { claim } => {
            w.add("volume");
            w.add(claim);
        }
        Engine::External => w.add("external"),
    }
}

fn source(source: &AnchorSource) -> String {
    match source {
        AnchorSource::Column { name, reading } => match reading {
            ColumnReading::Native => format!("column:{name}"),
            ColumnReading::Epoch { per_second } => format!("column:{name}:epoch/{per_second}"),
            ColumnReading::Local { zone } => format!("column:{name}:local/{zone}"),
        },
        AnchorSource::ModifiedTime => "modifiedTime".into(),
        AnchorSource::ObjectTag(tag) => format!("tag:{tag}"),
        AnchorSource::KeyPattern(pattern) => format!("key:{pattern}"),
    }
}
