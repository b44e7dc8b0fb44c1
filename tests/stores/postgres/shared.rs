//! Several datasets on one table.

use carnet::api::v1alpha1::DataStore;

use super::*;

/// `a`: fifty rows of twenty days ago, fifty of thirteen years ago.
async fn rows(db: &Client) {
    db.batch_execute(
        "CREATE TABLE public.a (id int8, at timestamptz);
         INSERT INTO a SELECT i, now() - interval '20 days' FROM generate_series(1, 50) i;
         INSERT INTO a SELECT i, now() - interval '13 years' FROM generate_series(51, 100) i",
    )
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_goes_when_every_dataset_on_its_table_lets_it_go() {
    let server = Server::start().await;
    let db = server.client().await;
    rows(&db).await;
    let mut world = World::new(server.credentials(), "a", "at", Value::Null).await;
    let mut tax = world.store.spec.datasets[0].clone();
    tax.name = "tax".into();
    tax.categories = vec!["billing.tax".into()];
    world.store.spec.datasets.push(tax);
    let mut rule = world.policy.spec.rules[0].clone();
    rule.name = "tax".into();
    rule.categories = vec!["billing.tax".into()];
    rule.delete_after = "P12Y".into();
    world.policy.spec.rules.push(rule);
    world.decide().await;
    let plan = world.planned().await;
    assert_eq!(plan.datasets.iter().map(|d| d.due).collect::<Vec<_>>(), [50], "no row is counted twice");
    let report = erased(world.step(Step::Erase).await);
    assert_eq!((report.deleted_at_least, report.deleted_at_most, report.verified), (50, 50, true));
    assert_eq!(number(&db, "SELECT count(*) FROM a WHERE id <= 50").await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_another_store_speaks_of_since_is_refused() {
    let server = Server::start().await;
    let db = server.client().await;
    rows(&db).await;
    let mut world = World::new(server.credentials(), "a", "at", Value::Null).await;
    world.planned().await;
    let mut other: DataStore = world.store.clone();
    other.metadata.name = Some("other".into());
    other.metadata.uid = Some("uid-other".into());
    other.metadata.labels = None;
    other.spec.erasure = Some(carnet::api::v1alpha1::Erasure::Elsewhere);
    let mut joined = world.clone();
    joined.siblings = vec![other];
    assert_eq!(refused(joined.step(Step::Erase).await).reason, Reason::StateChanged);
    world.some_store_unreadable = true;
    assert_eq!(refused(world.step(Step::Erase).await).reason, Reason::StateChanged);
    assert_eq!(number(&db, "SELECT count(*) FROM a").await, 100);
}
