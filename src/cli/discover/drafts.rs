//! From what is seen to drafts, one for each database, bucket or volume that no store claims. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::{ClaimSeen, ObjectKeySeen, SecretSeen, Seen, ServiceSeen};
use crate::core::{ids::ObjectKey, snapshot::Snapshot};

/// What a store seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guess {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
    /// A bucket.
    ObjectStore,
    /// Another database; its name for people.
    Other(&'static str),
    /// Files on a claim.
    Volume,
    /// A database, of what kind nothing says.
    Database,
}

/// A draft of a DataStore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What it seems to be; none = only that something is stored.
    pub guess: Option<Guess>,
    /// Why it is taken for that.
    pub because: Vec<String>,
    /// Secrets.
    pub secrets: BTreeSet<String>,
    /// Services.
    pub services: BTreeSet<String>,
    /// Claims.
    pub claims: BTreeSet<String>,
    /// Stores that claim a part of it already: the rest belongs there, perhaps.
    pub claimed_by: BTreeSet<ObjectKey>,
}

/// Labels by which operators and charts mark what belongs to one database: the label that names it, and what it is.
const CLUSTER_LABELS: [(&str, Guess); 10] = [
    ("cnpg.io/cluster", Guess::Postgres),
    ("postgres-operator.crunchydata.com/cluster", Guess::Postgres),
    ("stackgres.io/cluster-name", Guess::Postgres),
    ("k8ssandra.io/cluster-name", Guess::Other("Cassandra")),
    ("k8s.mariadb.com/cluster", Guess::Mysql),
    ("mysql.oracle.com/cluster", Guess::Mysql),
    ("v1.min.io/tenant", Guess::ObjectStore),
    ("strimzi.io/cluster", Guess::Other("Kafka")),
    ("elasticsearch.k8s.elastic.co/cluster-name", Guess::Other("Elasticsearch")),
    ("app.kubernetes.io/instance", Guess::Database),
];

/// Names of programs, as `app.kubernetes.io/name` or `application` has them.
const PROGRAMS: [(&str, Guess); 17] = [
    ("postgresql", Guess::Postgres),
    ("postgresql-ha", Guess::Postgres),
    ("postgres", Guess::Postgres),
    ("timescaledb", Guess::Postgres),
    // Zalando's operator.
    ("spilo", Guess::Postgres),
    ("mysql", Guess::Mysql),
    ("mariadb", Guess::Mysql),
    ("mariadb-galera", Guess::Mysql),
    ("minio", Guess::ObjectStore),
    ("mongodb", Guess::Other("MongoDB")),
    ("redis", Guess::Other("Redis")),
    ("valkey", Guess::Other("Valkey")),
    ("cassandra", Guess::Other("Cassandra")),
    ("elasticsearch", Guess::Other("Elasticsearch")),
    ("opensearch", Guess::Other("OpenSearch")),
    ("clickhouse", Guess::Other("ClickHouse")),
    ("kafka", Guess::Other("Kafka")),
];

/// Ports that are a database's, and nearly always that one's.
const PORTS: [(i32, Guess); 11] = [
    (5432, Guess::Postgres),
    (3306, Guess::Mysql),
    (27017, Guess::Other("MongoDB")),
    (6379, Guess::Other("Redis")),
    (9042, Guess::Other("Cassandra")),
    (9200, Guess::Other("Elasticsearch")),
    (1433, Guess::Other("SQL Server")),
    (1521, Guess::Other("Oracle")),
    (5984, Guess::Other("CouchDB")),
    (8123, Guess::Other("ClickHouse")),
    (9092, Guess::Other("Kafka")),
];

/// Keys that name the program.
const KEYS: [(&str, Guess); 14] = [
    ("postgres-password", Guess::Postgres),
    ("postgres_password", Guess::Postgres),
    ("postgresql-password", Guess::Postgres),
    ("pgpassword", Guess::Postgres),
    ("pgpass", Guess::Postgres),
    ("mysql-password", Guess::Mysql),
    ("mysql_password", Guess::Mysql),
    ("mysql-root-password", Guess::Mysql),
    ("mysql_root_password", Guess::Mysql),
    ("mariadb-password", Guess::Mysql),
    ("mariadb-root-password", Guess::Mysql),
    ("mongodb-root-password", Guess::Other("MongoDB")),
    ("redis-password", Guess::Other("Redis")),
    ("aws_secret_access_key", Guess::ObjectStore),
];

/// Drafts of what no store claims, by namespace and name. Namespaces that are not judged are not looked at.
pub fn drafts(snapshot: &Snapshot, seen: &Seen) -> Vec<Draft> {
    let mut groups: BTreeMap<(String, String), Draft> = BTreeMap::new();
    let judged = |key: &ObjectKeySeen| !snapshot.settings.is_exempt(&key.namespace);
    let reach = &snapshot.reach;
    for secret in seen.secrets.iter().filter(|s| judged(&s.key)) {
        let object = secret.key.object();
        let claimed = reach.secrets.get(&object).or_else(|| reach.erasure_secrets.get(&object));
        let cluster = cluster(&secret.key);
        let Some((guess, because)) = of_secret(secret, cluster.as_ref()) else { continue };
        let draft = group(&mut groups, &secret.key, cluster.as_ref());
        add(draft, claimed, guess, because, |draft| draft.secrets.insert(secret.key.name.clone()));
    }
    for service in seen.services.iter().filter(|s| judged(&s.key)) {
        let cluster = cluster(&service.key);
        let Some((guess, because)) = of_service(service, cluster.as_ref()) else { continue };
        let claimed = reach.services.get(&service.key.object());
        let draft = group(&mut groups, &service.key, cluster.as_ref());
        add(draft, claimed, guess, because, |draft| draft.services.insert(service.key.name.clone()));
    }
    for ClaimSeen { key } in seen.claims.iter().filter(|c| judged(&c.key)) {
        let cluster = cluster(key);
        let (guess, because) = match &cluster {
            Some((name, guess)) => (*guess, format!("PersistentVolumeClaim {} of {name}", key.name)),
            None => (Guess::Volume, format!("PersistentVolumeClaim {}", key.name)),
        };
        let claimed = reach.claims.get(&key.object());
        let draft = group(&mut groups, key, cluster.as_ref());
        add(draft, claimed, guess, because, |draft| draft.claims.insert(key.name.clone()));
    }
    let holds =
        |draft: &Draft| !(draft.secrets.is_empty() && draft.services.is_empty() && draft.claims.is_empty());
    groups.into_values().filter(holds).collect()
}

/// The draft to which an object belongs: its cluster's, else one of its own.
fn group<'a>(
    groups: &'a mut BTreeMap<(String, String), Draft>,
    key: &ObjectKeySeen,
    cluster: Option<&(String, Guess)>,
) -> &'a mut Draft {
    let name = cluster.map_or(&key.name, |(name, _)| name);
    groups.entry((key.namespace.clone(), name.clone())).or_insert_with(|| Draft {
        namespace: key.namespace.clone(),
        name: name.clone(),
        ..Draft::default()
    })
}

fn add(
    draft: &mut Draft,
    claimed: Option<&Vec<ObjectKey>>,
    guess: Guess,
    because: String,
    put: impl FnOnce(&mut Draft) -> bool,
) {
    if let Some(stores) = claimed {
        draft.claimed_by.extend(stores.iter().cloned());
    } else {
        put(draft);
        draft.because.push(because);
    }
    // The first of the list says most: what is not known gives way to what is.
    draft.guess = Some(draft.guess.map_or(guess, |before| before.min(guess)));
}

/// The database to which an object belongs, by its labels.
fn cluster(key: &ObjectKeySeen) -> Option<(String, Guess)> {
    let label = |name: &str| key.labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let program =
        ["app.kubernetes.io/name", "application", "app"].into_iter().filter_map(label).find_map(program);
    for (name, guess) in CLUSTER_LABELS {
        let Some(value) = label(name) else { continue };
        match (guess, program) {
            // A label of every chart: it counts where the chart is a database's.
            (Guess::Database, None) => {}
            (Guess::Database, Some(program)) => return Some((value.into(), program)),
            (guess, _) => return Some((value.into(), guess)),
        }
    }
    let zalando = label("cluster-name").filter(|_| label("application") == Some("spilo"));
    zalando.map(|name| (name.into(), Guess::Postgres))
}

fn program(name: &str) -> Option<Guess> {
    PROGRAMS.iter().find(|(known, _)| *known == name).map(|(_, guess)| *guess)
}

fn of_secret(secret: &SecretSeen, cluster: Option<&(String, Guess)>) -> Option<(Guess, String)> {
    let name = &secret.key.name;
    if let Some(of) = secret.type_.strip_prefix("servicebinding.io/") {
        return Some((
            program(of).unwrap_or(Guess::Database),
            format!("Secret {name} of type {}", secret.type_),
        ));
    }
    let keys = secret.keys.clone().unwrap_or_default();
    let lower: BTreeSet<String> = keys.iter().map(|key| key.to_lowercase()).collect();
    for (key, guess) in KEYS {
        if lower.contains(key) {
            return Some((guess, format!("Secret {name} with the key {key}")));
        }
    }
    let any = |of: &[&'static str]| of.iter().copied().find(|key| lower.contains(*key));
    let who = any(&["username", "user", "db_user", "db_username", "database_user"]);
    let word = any(&["password", "pass", "db_password", "db_pass", "database_password"]);
    let whole =
        any(&["uri", "url", "jdbc-uri", "database_url", "dsn", "connection-string", "connection_string"]);
    let place = any(&[
        "host",
        "hostname",
        "dbname",
        "database",
        "db_host",
        "db_name",
        "database_host",
        "database_name",
    ]);
    let guess = cluster.map_or(Guess::Database, |(_, guess)| *guess);
    let by_keys = match (who, word, whole, place) {
        (Some(who), Some(word), _, Some(place)) => {
            Some(format!("Secret {name} with the keys {who}, {word}, {place}"))
        }
        (Some(who), Some(word), Some(whole), None) => {
            Some(format!("Secret {name} with the keys {who}, {word}, {whole}"))
        }
        (_, _, Some(whole @ ("database_url" | "dsn" | "jdbc-uri")), _) => {
            Some(format!("Secret {name} with the key {whole}"))
        }
        _ => None,
    };
    if let Some(because) = by_keys {
        return Some((guess, because));
    }
    // An operator's Secret with a word to get in by; where the keys are not known, its label is all there is.
    let lets_in = word.is_some() || secret.keys.is_none();
    let (of, guess) = cluster.filter(|_| lets_in)?;
    Some((*guess, format!("Secret {name} of {of}")))
}

fn of_service(service: &ServiceSeen, cluster: Option<&(String, Guess)>) -> Option<(Guess, String)> {
    let name = &service.key.name;
    if let Some((port, guess)) = PORTS.iter().find(|(port, _)| service.ports.contains(port)) {
        return Some((*guess, format!("Service {name} with port {port}")));
    }
    let (of, guess) = cluster?;
    Some((*guess, format!("Service {name} of {of}")))
}
