//! Somebody else's locks: the runner neither waits behind them for long nor makes others wait behind it.

use std::time::Instant;

use super::*;

/// What a statement costs that is never done: thirty seconds.
const STATEMENT_TIMEOUT: &str = "the server answered SQLSTATE 57014";

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_ends_the_run_on_a_whole_batch() {
    // Each is let go before it would strike as a lock; all together are too much for one statement.
    const LOCKED: u64 = 45;
    const EACH: Duration = Duration::from_secs(1);
    let server = Server::start().await;
    let db = server.client().await;
    accounts(&db, LOCKED.try_into().unwrap()).await;
    let mut world = World::new(server.credentials(), "accounts", "closed_at", Value::Null).await;
    world.planned().await;
    let mut holders = vec![];
    for id in 1..=LOCKED {
        let holder = server.client().await;
        holder
            .batch_execute(&format!("BEGIN; SELECT FROM accounts WHERE id = {id} FOR UPDATE"))
            .await
            .unwrap();
        holders.push(holder);
    }
    let begun = Instant::now();
    let release = tokio::spawn(async move {
        // In the order of the heap, in which the runner comes to them.
        for holder in holders {
            tokio::time::sleep(EACH).await;
            holder.batch_execute("ROLLBACK").await.unwrap();
        }
    });
    let report = erased(world.step(Step::Erase).await);
    let took = begun.elapsed();
    assert_eq!(report.message, format!("deleting: {STATEMENT_TIMEOUT}"), "after {took:?}");
    assert_eq!((report.end, report.deleted_at_most), (EraseEnd::Broken, 0));
    assert!(took >= Duration::from_secs(30), "{took:?}");
    assert_eq!(number(&db, "SELECT count(*) FROM accounts").await, i64::try_from(LOCKED).unwrap() + 6);
    release.await.unwrap();
    assert!(erased(world.step(Step::Erase).await).verified);
}
