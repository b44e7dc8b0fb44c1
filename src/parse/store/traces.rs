//! What leads to a DataStore that cannot be read: its access and its engines, as far as anything can be made of them.

use serde_json::Value;

use crate::core::{
    host,
    ids::ObjectKey,
    store::{Access, Engine, SqlEngine, SslMode},
};

/// What leads to a store, from a spec that [`super::store`] refuses. It never fails: a name that is there counts, whatever
/// is wrong beside it.
pub fn store_traces(key: &ObjectKey, spec: &Value) -> (Access, Vec<Engine>) {
    let access = &spec["access"];
    let keys = |field: &str| {
        let all = access[field].as_array().into_iter().flatten();
        all.filter_map(|r| object(key, r)).collect()
    };
    let hosts = access["hosts"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let access = Access {
        secrets: keys("secrets"),
        secret_provider_classes: keys("secretProviderClasses"),
        config_maps: keys("configMaps"),
        services: keys("services"),
        claims: keys("persistentVolumeClaims"),
        service_accounts: keys("serviceAccounts"),
        hosts: hosts.flat_map(hosts_in).collect(),
    };
    (access, engines(&spec["engine"]))
}

fn object(key: &ObjectKey, reference: &Value) -> Option<ObjectKey> {
    let name = text(&reference["name"])?;
    Some(match text(&reference["namespace"]) {
        Some(namespace) => ObjectKey::new(namespace, name),
        None => ObjectKey::new(key.namespace.clone(), name),
    })
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|t| !t.is_empty())
}

fn engines(engine: &Value) -> Vec<Engine> {
    let secret = |field: &str| text(&engine[field]["credentialsSecretRef"]["name"]).map(str::to_owned);
    // How a server is spoken to concerns nobody here: nothing connects to a store that cannot be read.
    let sql = |field: &str| secret(field).map(|secret| SqlEngine { secret, ssl_mode: SslMode::VerifyFull });
    let claim = text(&engine["volume"]["persistentVolumeClaim"]);
    let mut found: Vec<Engine> = [
        sql("postgres").map(Engine::Postgres),
        sql("mysql").map(Engine::Mysql),
        claim.map(|claim| Engine::Volume { claim: claim.to_owned() }),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.extend(buckets(&engine["objectStore"], secret("objectStore")));
    found
}

/// One engine for each host that the endpoint may mean; one without a host where only the Secret can be read.
fn buckets(engine: &Value, secret: Option<String>) -> Vec<Engine> {
    let bucket = text(&engine["bucket"]).unwrap_or_default();
    let secret = secret.unwrap_or_default();
    let hosts = text(&engine["endpoint"]).map(hosts_in).unwrap_or_default();
    let one = |host: Option<String>| Engine::ObjectStore {
        bucket: bucket.to_owned(),
        endpoint_host: host.filter(|_| !bucket.is_empty()),
        secret: secret.clone(),
    };
    match (hosts.is_empty(), secret.is_empty()) {
        (true, true) => vec![],
        (true, false) => vec![one(None)],
        (false, _) => hosts.into_iter().map(|(host, _)| one(Some(host))).collect(),
    }
}

/// The host that a text means; where it means none, everything in it that could be one. The port is not trusted.
fn hosts_in(text: &str) -> Vec<(String, Option<u16>)> {
    if let Some(whole) = host::normalise(text) {
        return vec![whole];
    }
    if let Some((host, _)) = host::of_url(text) {
        return vec![(host, None)];
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let words = text.split(|c| !is_part(c)).filter(|w| w.contains('.'));
    words.filter_map(host::normalise).map(|(host, _)| (host, None)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(namespace: &str, name: &str) -> ObjectKey {
        ObjectKey::new(namespace, name)
    }

    fn traces(spec: &Value) -> (Access, Vec<Engine>) {
        store_traces(&key("identity", "accounts"), spec)
    }

    #[test]
    fn every_name_counts_whatever_is_wrong_beside_it() {
        let (access, engines) = traces(&json!({
            "location": 7,
            "access": {
                "secrets": [{"name": "app"}, 3, {"name": ""}, {"name": "ro", "namespace": "analytics", "odd": []}],
                "secretProviderClasses": [{"name": "vault"}],
                "configMaps": [{"name": "c"}],
                "services": [{"name": "s"}],
                "persistentVolumeClaims": [{"name": "p"}],
                "serviceAccounts": [{"name": "a"}],
                "hosts": "not a list",
            },
            "engine": {
                "postgres": {"credentialsSecretRef": {"name": "one"}, "sslMode": "no such"},
                "mysql": {"credentialsSecretRef": {"name": "two"}},
                "volume": {"persistentVolumeClaim": "files"},
                "objectStore": {"bucket": "B", "endpoint": "https://S3.example.com/x",
                    "credentialsSecretRef": {"name": "three"}},
            },
        }));
        assert_eq!(access.secrets, [key("identity", "app"), key("analytics", "ro")]);
        assert_eq!(access.secret_provider_classes, [key("identity", "vault")]);
        assert_eq!(access.config_maps, [key("identity", "c")]);
        assert_eq!(access.services, [key("identity", "s")]);
        assert_eq!(access.claims, [key("identity", "p")]);
        assert_eq!(access.service_accounts, [key("identity", "a")]);
        assert!(access.hosts.is_empty());
        let sql = |secret: &str| SqlEngine { secret: secret.into(), ssl_mode: SslMode::VerifyFull };
        assert_eq!(
            engines,
            [
                Engine::Postgres(sql("one")),
                Engine::Mysql(sql("two")),
                Engine::Volume { claim: "files".into() },
                Engine::ObjectStore {
                    bucket: "B".into(),
                    endpoint_host: Some("s3.example.com".into()),
                    secret: "three".into(),
                },
            ]
        );
    }

    #[test]
    fn a_host_is_found_in_what_is_no_host() {
        let hosts = |text: &str| traces(&json!({"access": {"hosts": [text]}})).0.hosts;
        let db = || "db.example.com".to_owned();
        assert_eq!(hosts("DB.example.com.:5432"), [(db(), Some(5432))]);
        assert_eq!(hosts("https://db.example.com:5432/x"), [(db(), None)]);
        assert_eq!(hosts("db.example.com:port"), [(db(), None)]);
        assert_eq!(hosts("one of <db.example.com>"), [(db(), None)]);
        assert!(hosts("nothing here").is_empty());
    }

    #[test]
    fn a_bucket_whose_endpoint_cannot_be_read_still_has_its_secret() {
        let engine = json!({"engine": {"objectStore": {"bucket": "b", "endpoint": "://",
            "credentialsSecretRef": {"name": "s"}}}});
        let (_, engines) = traces(&engine);
        assert!(
            matches!(&engines[..], [Engine::ObjectStore { secret, endpoint_host: None, .. }] if secret == "s")
        );
    }

    #[test]
    fn what_says_nothing_leads_nowhere() {
        for spec in [Value::Null, json!([]), json!("x"), json!({"access": null, "engine": 1})] {
            assert_eq!(traces(&spec), (Access::default(), vec![]));
        }
    }
}
