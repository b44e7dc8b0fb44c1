//! Stores and policies for tests.

use std::sync::Arc;

use crate::core::{
    category::{Category, CategoryPattern},
    ids::ObjectKey,
    policy::{Approval, Limits, Period, Policy, Rule, Then},
    selector::{Requirement, Selector},
    store::{
        Access, Anchor, AnchorSource, ColumnReading, Dataset, Employment, Engine, Origins, Place, Role,
        SqlEngine, SslMode, Store,
    },
};

pub(crate) fn dataset(name: &str, category: &str) -> Dataset {
    let column = AnchorSource::Column { name: "closed_at".into(), reading: ColumnReading::Native };
    Dataset {
        name: Arc::from(name),
        categories: vec![Category::parse(category).expect("a category")],
        role: Role::Controller,
        employment: Employment::Unknown,
        collected_directly: false,
        attributed_by: None,
        table: Some(("public".into(), name.into())),
        anchors: vec![Anchor { event: "Ended".into(), source: column }],
    }
}

pub(crate) fn store(namespace: &str, name: &str, datasets: Vec<Dataset>) -> Store {
    Store {
        key: ObjectKey::new(namespace, name),
        uid: format!("uid-{namespace}-{name}"),
        labels: [("team".to_owned(), "a".to_owned())].into(),
        exporter: Arc::from("ltd"),
        place: Place { provider: None, region: None, country: None },
        origins: Origins::Unknown,
        engine: Engine::Postgres(SqlEngine { secret: "erasure".into(), ssl_mode: SslMode::VerifyFull }),
        access: Access::default(),
        copies: vec![],
        datasets,
        erased_here: true,
    }
}

pub(crate) fn days(days: i32) -> Period {
    Period { days, ..Period::default() }
}

pub(crate) fn rule(name: &str, category: &str, delete_after: Period, grounds: &[Period]) -> Rule {
    Rule {
        name: name.into(),
        categories: vec![CategoryPattern::parse(category).expect("a pattern")],
        after: "Ended".into(),
        delete_after,
        then: Then::Delete,
        grounds: grounds.iter().map(|p| ("Audit".into(), *p)).collect(),
    }
}

pub(crate) fn policy(namespace: &str, name: &str, rules: Vec<Rule>) -> Policy {
    Policy {
        key: ObjectKey::new(namespace, name),
        uid: format!("uid-{namespace}-{name}"),
        generation: 1,
        stores: Selector(vec![Requirement::Exists("team".into())]),
        instructed_by: None,
        applies: true,
        approval: Approval::Never,
        rules,
        window: None,
        rescan: days(1),
        finish_before: Period::default(),
        limits: Limits::default(),
    }
}
