//! What ought to survive, said in SQL: written apart from the code, in PostgreSQL's own calendar, over a copy of the rows
//! that no runner may touch.

use anyhow::{Context, Result, ensure};
use carnet::testbed::Postgres;

/// Rows of each kind that a store begins with.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    pub due: i64,
    pub young: i64,
    pub undated: i64,
    pub visits_due: i64,
    pub held: i64,
}

impl Default for Seed {
    fn default() -> Self {
        Self { due: 240, young: 30, undated: 20, visits_due: 60, held: 40 }
    }
}

/// What is left, counted by the database itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Rows that are gone.
    pub gone: i64,
    /// Rows that ought to be there and are not, or are not what they were.
    pub wrongly_gone: i64,
    /// Rows that ought to be gone and are there.
    pub still_due: i64,
}

/// Stands in every row of accounts, and nowhere else.
pub const CANARY: &str = "wilhelmina.quokka@example.com";

/// Makes a database with rows of every kind, mixed over the heap, and the copy.
///
/// A block holds one row of accounts, so that few rows make many batches.
pub fn seed(postgres: &Postgres, database: &str, seed: &Seed) -> Result<()> {
    let Seed { due, young, undated, visits_due, held } = seed;
    postgres.sql("postgres", &format!("CREATE DATABASE {database}"))?;
    let sql = format!(
        "CREATE TABLE accounts (id bigint PRIMARY KEY, pad text NOT NULL, closed_at timestamptz) WITH (fillfactor = 10);
         CREATE TABLE visits (id bigint PRIMARY KEY, at bigint);
         CREATE TABLE sign_ins (id bigint PRIMARY KEY, at bigint NOT NULL);
         INSERT INTO accounts SELECT row_number() OVER (ORDER BY random()), rpad('{CANARY} ', 700, 'x'), closed_at FROM (
           SELECT now() - interval '3 years 1 day' - i * interval '7 hours' AS closed_at FROM generate_series(1, {due}) i
           UNION ALL SELECT now() - interval '2 years 11 months' + i * interval '1 day' FROM generate_series(1, {young}) i
           UNION ALL SELECT (ARRAY[NULL, '-infinity', 'infinity', '1960-01-01', '2999-01-01', 'epoch', '1970-06-01'])[1 + i % 7]::timestamptz
             FROM generate_series(1, {undated}) i) mixed ORDER BY 1;
         INSERT INTO visits SELECT row_number() OVER (ORDER BY random()), at FROM (
           SELECT (extract(epoch FROM now() - interval '91 days' - i * interval '1 hour') * 1000)::bigint AS at
             FROM generate_series(1, {visits_due}) i
           UNION ALL SELECT (extract(epoch FROM now() - interval '88 days' + i * interval '1 hour') * 1000)::bigint
             FROM generate_series(1, {young}) i
           UNION ALL SELECT (ARRAY[NULL, 0, -1, 86400000])[1 + i % 4] FROM generate_series(1, {undated}) i) mixed ORDER BY 1;
         INSERT INTO sign_ins SELECT i, (extract(epoch FROM now() - interval '1 year') * 1000)::bigint
           FROM generate_series(1, {held}) i;
         CREATE SCHEMA kept;
         CREATE TABLE kept.accounts AS TABLE public.accounts;
         CREATE TABLE kept.visits AS TABLE public.visits;
         CREATE TABLE kept.sign_ins AS TABLE public.sign_ins;
         GRANT USAGE ON SCHEMA public TO eraser;
         GRANT SELECT, DELETE ON accounts, visits, sign_ins TO eraser;"
    );
    postgres.sql(database, &sql)?;
    Ok(())
}

/// The rows that ought to survive. Accounts: never closed, no real day of closing, or closed less than three years ago.
/// Visits: no real instant, or less than ninety days ago. Sign-ins: all, they are held.
const OUGHT: &str = "
  SELECT 'a', id, closed_at::text FROM kept.accounts
    WHERE closed_at IS NULL OR closed_at IN ('infinity', '-infinity') OR closed_at < '1971-01-01Z'
       OR closed_at + interval '3 years' > now()
  UNION ALL SELECT 'v', id, at::text FROM kept.visits
    WHERE at IS NULL OR at <= extract(epoch FROM timestamptz '1971-01-01Z') * 1000 OR to_timestamp(at / 1000.0) + interval '90 days' > now()
  UNION ALL SELECT 's', id, at::text FROM kept.sign_ins";

const IS: &str = "
  SELECT 'a', id, closed_at::text FROM public.accounts
  UNION ALL SELECT 'v', id, at::text FROM public.visits
  UNION ALL SELECT 's', id, at::text FROM public.sign_ins";

const WAS: &str = "
  SELECT 'a', id, closed_at::text FROM kept.accounts
  UNION ALL SELECT 'v', id, at::text FROM kept.visits
  UNION ALL SELECT 's', id, at::text FROM kept.sign_ins";

/// Compares what is there with what ought to be.
pub fn left(postgres: &Postgres, database: &str) -> Result<Left> {
    let sql = format!(
        "WITH ought AS ({OUGHT}), there AS ({IS}), was AS ({WAS}) SELECT
           (SELECT count(*) FROM was) - (SELECT count(*) FROM there),
           (SELECT count(*) FROM (TABLE ought EXCEPT ALL TABLE there) x),
           (SELECT count(*) FROM (TABLE there EXCEPT ALL TABLE ought) x),
           (SELECT count(*) FROM (TABLE there EXCEPT ALL TABLE was) x)"
    );
    let row = postgres.sql(database, &sql)?;
    let numbers: Vec<i64> =
        row.split('|').map(str::parse).collect::<Result<_, _>>().with_context(|| format!("counts: {row}"))?;
    let [gone, wrongly_gone, still_due, new] = numbers[..] else { anyhow::bail!("four counts: {row}") };
    ensure!(new == 0, "{new} rows are there that never were");
    Ok(Left { gone, wrongly_gone, still_due })
}
