//! Days by which a person looks again: alarms, nothing ends by itself.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date};
use kube::ResourceExt;

use crate::{
    api::v1alpha1::{LegalHold, RetentionPolicy},
    cli::world::Declared,
    core::{
        transfer::Lapse,
        validity::{end_of, start_of},
    },
    index::Watched,
};

/// Of holds that stand, and of grounds to keep.
pub fn of(declared: &Declared, now: Timestamp) -> Vec<Lapse> {
    let mut all = vec![];
    for hold in &declared.holds {
        if let Watched::Fits(hold) = hold {
            all.extend(of_hold(hold, now));
        }
    }
    for policy in &declared.policies {
        if let Watched::Fits(policy) = policy {
            all.extend(of_policy(policy));
        }
    }
    all
}

fn of_hold(hold: &LegalHold, now: Timestamp) -> Option<Lapse> {
    let released = hold.spec.release.as_ref().and_then(|release| release.on.parse::<Date>().ok());
    if released.is_some_and(|day| start_of(day) <= now) {
        return None;
    }
    let of = format!("hold/{}", hold.name_any());
    alarm(hold.spec.review_by.as_deref()?, of, "the hold is to be reviewed".into())
}

fn of_policy(policy: &RetentionPolicy) -> Vec<Lapse> {
    let of = format!("policy/{}/{}", policy.namespace().unwrap_or_default(), policy.name_any());
    let mut all = vec![];
    for rule in &policy.spec.rules {
        for ground in &rule.grounds {
            let what = format!("a ground of rule {} is to be reviewed", rule.name);
            all.extend(ground.review_by.as_deref().and_then(|day| alarm(day, of.clone(), what)));
        }
    }
    all
}

fn alarm(day: &str, of: String, what: String) -> Option<Lapse> {
    let at = end_of(day.parse::<Date>().ok()?);
    Some(Lapse { at, of: Arc::from(of), what, is_alarm: true })
}
