//! The engine of a store.

use crate::{
    api::v1alpha1 as api,
    core::{
        host,
        store::{Engine, SqlEngine, SslMode},
    },
    parse::Errors,
};

const PATH: &str = "spec.engine";

pub(super) fn read(errors: &mut Errors, from: &api::Engine) -> Option<Engine> {
    let api::Engine { postgres, mysql, object_store, volume, external } = from;
    let named = [
        postgres.as_ref().map(|e| Engine::Postgres(sql(errors, "postgres", e))),
        mysql.as_ref().map(|e| Engine::Mysql(sql(errors, "mysql", e))),
        object_store.as_ref().map(|e| bucket(errors, e)),
        volume.as_ref().map(|e| {
            if e.persistent_volume_claim.is_empty() {
                let path = format!("{PATH}.volume.persistentVolumeClaim");
                errors.add(path, "is empty", "name the claim");
            }
            Engine::Volume { claim: e.persistent_volume_claim.clone() }
        }),
        external.as_ref().map(|_| Engine::External),
    ];
    let mut named: Vec<Engine> = named.into_iter().flatten().collect();
    match named.len() {
        1 => named.pop(),
        0 => {
            let fix = "write postgres, mysql, objectStore, volume or external";
            errors.add(PATH, "names no engine", fix);
            None
        }
        _ => {
            errors.add(PATH, "names more than one engine", "write one DataStore for each");
            None
        }
    }
}

fn sql(errors: &mut Errors, field: &str, from: &api::SqlEngine) -> SqlEngine {
    let secret = secret(errors, field, &from.credentials_secret_ref);
    let ssl_mode = match from.ssl_mode {
        Some(api::SslMode::Disable) => SslMode::Disable,
        Some(api::SslMode::Require) => SslMode::Require,
        Some(api::SslMode::VerifyCA) => SslMode::VerifyCa,
        Some(api::SslMode::VerifyFull) | None => SslMode::VerifyFull,
    };
    SqlEngine { secret, ssl_mode }
}

fn bucket(errors: &mut Errors, from: &api::ObjectStoreEngine) -> Engine {
    let endpoint_host = from.endpoint.as_deref().and_then(|url| {
        let found = host::of_url(url);
        if found.is_none() {
            let path = format!("{PATH}.objectStore.endpoint");
            errors.add(path, format!("`{url}` names no host"), "write https://host or https://host:port");
        }
        found.map(|(host, _)| host)
    });
    if from.bucket.is_empty() {
        errors.add(format!("{PATH}.objectStore.bucket"), "is empty", "name the bucket");
    }
    Engine::ObjectStore {
        bucket: from.bucket.clone(),
        endpoint_host,
        secret: secret(errors, "objectStore", &from.credentials_secret_ref),
    }
}

fn secret(errors: &mut Errors, field: &str, from: &api::LocalRef) -> String {
    if from.name.is_empty() {
        let path = format!("{PATH}.{field}.credentialsSecretRef.name");
        errors.add(path, "is empty", "name the Secret for erasure");
    }
    from.name.clone()
}
