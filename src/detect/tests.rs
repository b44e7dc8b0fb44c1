use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    api::v1alpha1::DataStore,
    core::{
        settings::{ClaimsFrom, Settings},
        snapshot::SnapshotBuilder,
    },
    parse::{self, RegionCheck},
};

/// Builds a DataStore in `identity` with this engine and access.
pub(crate) fn data_store(name: &str, engine: &Value, access: &Value) -> DataStore {
    serde_json::from_value(json!({
        "apiVersion": "carnet.dev/v1alpha1",
        "kind": "DataStore",
        "metadata": {"name": name, "namespace": "identity"},
        "spec": {
            "exporterRef": {"name": "ltd"},
            "role": "Controller",
            "location": {"provider": "aws", "region": "eu-west-1"},
            "origins": ["EEA"],
            "engine": engine,
            "access": access,
            "datasets": [{"name": "people", "categories": ["account.contact"], "subjects": ["Customer"]}],
        },
    }))
    .unwrap()
}

fn accounts() -> DataStore {
    let access = json!({
        "secrets": [{"name": "accounts-app"}, {"name": "accounts-ro", "namespace": "analytics"}],
        "secretProviderClasses": [{"name": "accounts-vault"}],
        "configMaps": [{"name": "accounts-endpoint"}],
        "services": [{"name": "accounts-db"}],
        "persistentVolumeClaims": [{"name": "accounts-files"}],
        "serviceAccounts": [{"name": "accounts-irsa"}],
        "hosts": ["accounts.rds.example.com:5432", "[2001:db8::1]:5432", "any-port.example.com"],
    });
    data_store(
        "accounts",
        &json!({"postgres": {"credentialsSecretRef": {"name": "accounts-erasure"}}}),
        &access,
    )
}

fn others() -> [DataStore; 2] {
    let bucket = json!({"objectStore": {"provider": "S3", "bucket": "uploads",
        "endpoint": "https://s3.eu-central-1.example.com", "credentialsSecretRef": {"name": "uploads-erasure"}}});
    let volume = json!({"volume": {"persistentVolumeClaim": "exports"}});
    [data_store("uploads", &bucket, &json!({})), data_store("exports", &volume, &json!({}))]
}

fn snapshot(settings: Settings) -> Snapshot {
    let law = Arc::new(parse::law::built_in().unwrap());
    let stores = others().into_iter().chain([accounts()]);
    let stores =
        stores.map(|s| Arc::new(parse::store(&s, &law, RegionCheck::Strict).unwrap())).collect::<Vec<_>>();
    SnapshotBuilder { law, stores, settings: Arc::new(settings), ..SnapshotBuilder::default() }.build()
}

fn detect_in(namespace: &str, spec: &Value, settings: Settings) -> Detection {
    let spec: PodSpec = serde_json::from_value(spec.clone()).unwrap();
    let nothing = BTreeMap::new();
    let subject = PodSubject {
        namespace,
        spec: &spec,
        annotations: &nothing,
        labels: &nothing,
        claim_templates: &[],
        config_maps: None,
    };
    uses(&snapshot(settings), &subject)
}

fn detect(spec: &Value) -> Detection {
    detect_in("identity", spec, Settings::default())
}

fn container(mut fields: Value) -> Value {
    fields["name"] = json!("app");
    json!({"containers": [fields]})
}

fn volume(mut source: Value) -> Value {
    source["name"] = json!("data");
    json!({"containers": [], "volumes": [source]})
}

/// `store: via`, for every way in which a store was found.
fn found(detection: &Detection) -> Vec<String> {
    let uses = detection.uses.iter();
    uses.flat_map(|u| u.via.iter().map(move |v| format!("{}: {v}", u.store.name))).collect()
}

#[track_caller]
fn is_use(spec: &Value, expected: &str) {
    assert_eq!(found(&detect(spec)), [expected], "{spec}");
}

#[track_caller]
fn is_no_use(spec: &Value) {
    assert_eq!(detect(spec).uses, [], "{spec}");
}

#[test]
fn a01_a_secret_in_an_env_variable_is_use() {
    let env =
        json!([{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "accounts-app", "key": "p"}}}]);
    is_use(
        &container(json!({"env": env})),
        "accounts: container app, env DB_PASSWORD: Secret identity/accounts-app",
    );
}

#[test]
fn a02_a_secret_in_env_from_is_use() {
    is_use(
        &container(json!({"envFrom": [{"secretRef": {"name": "accounts-app"}}]})),
        "accounts: container app, envFrom: Secret identity/accounts-app",
    );
}

#[test]
fn a03_init_containers_and_sidecars_are_read() {
    let from = json!([{"secretRef": {"name": "accounts-app"}}]);
    for restart in [Value::Null, json!("Always")] {
        is_use(
            &json!({"containers": [], "initContainers": [
                {"name": "init", "restartPolicy": restart, "envFrom": from}]}),
            "accounts: init container init, envFrom: Secret identity/accounts-app",
        );
    }
}

#[test]
fn a04_ephemeral_containers_are_read() {
    is_use(
        &json!({"containers": [], "ephemeralContainers": [
            {"name": "debug", "envFrom": [{"secretRef": {"name": "accounts-app"}}]}]}),
        "accounts: ephemeral container debug, envFrom: Secret identity/accounts-app",
    );
}

#[test]
fn a05_secrets_and_config_maps_in_volumes_and_projections_are_use() {
    let secret = "accounts: volume data: Secret identity/accounts-app";
    let map = "accounts: volume data: ConfigMap identity/accounts-endpoint";
    is_use(&volume(json!({"secret": {"secretName": "accounts-app"}})), secret);
    is_use(&volume(json!({"configMap": {"name": "accounts-endpoint"}})), map);
    is_use(&volume(json!({"projected": {"sources": [{"secret": {"name": "accounts-app"}}]}})), secret);
    is_use(&volume(json!({"projected": {"sources": [{"configMap": {"name": "accounts-endpoint"}}]}})), map);
}

#[test]
fn a05_config_maps_in_the_environment_are_use() {
    let key = json!({"name": "accounts-endpoint", "key": "host"});
    is_use(
        &container(json!({"env": [{"name": "HOST", "valueFrom": {"configMapKeyRef": key}}]})),
        "accounts: container app, env HOST: ConfigMap identity/accounts-endpoint",
    );
    is_use(
        &container(json!({"envFrom": [{"configMapRef": {"name": "accounts-endpoint"}}]})),
        "accounts: container app, envFrom: ConfigMap identity/accounts-endpoint",
    );
}

#[test]
fn a06_secret_and_attributes_of_a_csi_volume_are_read() {
    is_use(
        &volume(json!({"csi": {"driver": "d", "nodePublishSecretRef": {"name": "accounts-app"}}})),
        "accounts: volume data: Secret identity/accounts-app",
    );
    is_use(
        &volume(json!({"csi": {"driver": "d", "volumeAttributes": {"server": "accounts.rds.example.com"}}})),
        "accounts: volume data: host accounts.rds.example.com",
    );
}

#[test]
fn a08_a_service_account_is_use() {
    let expected = "accounts: Pod: ServiceAccount identity/accounts-irsa";
    is_use(&json!({"containers": [], "serviceAccountName": "accounts-irsa"}), expected);
    is_use(&json!({"containers": [], "serviceAccount": "accounts-irsa"}), expected);
    is_no_use(&json!({"containers": []}));
}

#[test]
fn a09_every_other_secret_of_a_pod_is_use() {
    let expected = "accounts: volume data: Secret identity/accounts-app";
    let secret = json!({"name": "accounts-app"});
    for source in [
        json!({"flexVolume": {"driver": "d", "secretRef": secret}}),
        json!({"azureFile": {"secretName": "accounts-app", "shareName": "s"}}),
        json!({"cephfs": {"monitors": ["m"], "secretRef": secret}}),
        json!({"cinder": {"volumeID": "v", "secretRef": secret}}),
        json!({"rbd": {"image": "i", "monitors": ["m"], "secretRef": secret}}),
        json!({"iscsi": {"iqn": "i", "lun": 0, "targetPortal": "t", "secretRef": secret}}),
        json!({"scaleIO": {"gateway": "g", "system": "s", "secretRef": secret}}),
        json!({"storageos": {"volumeName": "v", "secretRef": secret}}),
    ] {
        is_use(&volume(source), expected);
    }
    is_use(
        &json!({"containers": [], "imagePullSecrets": [secret]}),
        "accounts: image pull secret: Secret identity/accounts-app",
    );
}

#[test]
fn a_certificate_of_the_node_and_a_file_of_the_pod_lead_nowhere() {
    is_no_use(&volume(json!({"projected": {"sources": [
        {"podCertificate": {"signerName": "example.com/accounts", "keyType": "ED25519"}}]}})));
    let file = json!({"volumeName": "data", "path": "accounts.env", "key": "HOST"});
    is_no_use(&container(json!({"env": [{"name": "HOST", "valueFrom": {"fileKeyRef": file}}]})));
}

#[test]
fn a_claim_is_use_mounted_or_as_the_source_of_a_new_one() {
    let expected = "exports: volume data: PersistentVolumeClaim identity/exports";
    is_use(&volume(json!({"persistentVolumeClaim": {"claimName": "exports"}})), expected);
    let source = json!({"kind": "PersistentVolumeClaim", "name": "exports"});
    for field in ["dataSource", "dataSourceRef"] {
        let mut claim = json!({"accessModes": [], "resources": {}});
        claim[field] = source.clone();
        is_use(&volume(json!({"ephemeral": {"volumeClaimTemplate": {"spec": claim}}})), expected);
    }
    is_use(
        &volume(json!({"persistentVolumeClaim": {"claimName": "accounts-files"}})),
        "accounts: volume data: PersistentVolumeClaim identity/accounts-files",
    );
}

#[test]
fn servers_of_network_volumes_are_read() {
    let expected = "accounts: volume data: host any-port.example.com";
    for source in [
        json!({"nfs": {"path": "/", "server": "any-port.example.com"}}),
        json!({"cephfs": {"monitors": ["any-port.example.com:6789"]}}),
        json!({"iscsi": {"iqn": "i", "lun": 0, "targetPortal": "any-port.example.com:3260"}}),
        json!({"quobyte": {"registry": "any-port.example.com:7861", "volume": "v"}}),
    ] {
        is_use(&volume(source), expected);
    }
    is_use(
        &volume(json!({"glusterfs": {"endpoints": "accounts-db", "path": "/"}})),
        "accounts: volume data: Service identity/accounts-db",
    );
}

#[test]
fn a_host_name_is_found_in_every_literal() {
    let host = "accounts.rds.example.com";
    let text = format!("postgres://{host}:5432/x");
    for (fields, at) in [
        (json!({"env": [{"name": "URL", "value": text}]}), "env URL"),
        (json!({"command": ["psql", text]}), "command"),
        (json!({"args": ["--url", text]}), "args"),
        (json!({"livenessProbe": {"httpGet": {"host": host, "port": 80}}}), "probe"),
        (json!({"readinessProbe": {"tcpSocket": {"host": host, "port": 80}}}), "probe"),
        (json!({"startupProbe": {"exec": {"command": ["nc", host]}}}), "probe"),
        (json!({"lifecycle": {"preStop": {"httpGet": {"host": host, "port": 80}}}}), "lifecycle"),
        (json!({"lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", text]}}}}), "lifecycle"),
    ] {
        is_use(&container(fields), &format!("accounts: container app, {at}: host {host}"));
    }
    is_use(
        &json!({"containers": [], "hostAliases": [{"ip": "10.0.0.1", "hostnames": [host]}]}),
        "accounts: host alias 10.0.0.1: host accounts.rds.example.com",
    );
}

fn in_args(text: &str) -> Value {
    container(json!({"args": [text]}))
}

#[test]
fn a_host_name_is_compared_whole_without_case_or_final_dot_and_with_its_port_where_one_follows() {
    let expected = "accounts: container app, args: host accounts.rds.example.com";
    for text in [
        "ACCOUNTS.rds.Example.com.",
        "accounts.rds.example.com:5432,accounts.rds.example.com",
        "-haccounts.rds.example.com",
        "tcp(accounts.rds.example.com:5432)/x",
        "http%3A%2F%2Faccounts.rds.example.com%2F",
    ] {
        is_use(&in_args(text), expected);
    }
    for text in [
        "my-accounts.rds.example.com",
        "accounts.rds.example.com.evil.org",
        "x.accounts.rds.example.com",
        "accounts.rds.example.com:5433",
    ] {
        is_no_use(&in_args(text));
    }
    is_use(&in_args("any-port.example.com:1"), "accounts: container app, args: host any-port.example.com");
    is_use(&in_args("pg://[2001:db8::1]:5432/x"), "accounts: container app, args: host 2001:db8::1");
    is_no_use(&in_args("pg://[2001:db8::1]:1/x"));
}

#[test]
fn a_host_name_put_together_from_variables_is_found() {
    let env = json!([{"name": "H", "value": "accounts"}, {"name": "D", "value": "$(H).rds.example.com"}]);
    is_use(&container(json!({"env": env})), "accounts: container app, env D: host accounts.rds.example.com");
}

#[test]
fn a_service_is_found_by_each_of_its_names() {
    for text in [
        "accounts-db",
        "accounts-db:5432",
        "accounts-db.identity",
        "accounts-db.identity.svc",
        "accounts-db.identity.svc.cluster.local.",
        "accounts-db-0.accounts-db.identity.svc.cluster.local",
    ] {
        is_use(&in_args(text), "accounts: container app, args: Service identity/accounts-db");
    }
    for text in ["accounts", "accounts-db-2", "accounts-db.other.svc", "identity.accounts-db.com"] {
        is_no_use(&in_args(text));
    }
}

#[test]
fn a_search_domain_hides_no_service_from_another_namespace() {
    let all = Settings { claims_from: ClaimsFrom::All, ..Settings::default() };
    let mut spec = in_args("accounts-db");
    assert_eq!(detect_in("shop", &spec, all.clone()).uses, []);
    spec["dnsConfig"] = json!({"searches": ["identity.svc.cluster.local"]});
    let expected = ["accounts: container app, args: Service identity/accounts-db"];
    assert_eq!(found(&detect_in("shop", &spec, all)), expected);
}

#[test]
fn a_bucket_is_found_in_its_host_name_or_beside_its_endpoint_in_one_container() {
    let expected = "uploads: container app, args: bucket uploads at s3.eu-central-1.example.com";
    is_use(&in_args("https://uploads.s3.eu-central-1.example.com/x"), expected);
    let apart = json!({"args": ["--bucket=uploads"],
        "env": [{"name": "S3", "value": "https://s3.eu-central-1.example.com"}]});
    is_use(&container(apart), "uploads: container app: bucket uploads at s3.eu-central-1.example.com");
    is_no_use(&in_args("https://s3.eu-central-1.example.com/other"));
    is_no_use(&in_args("uploads"));
    is_no_use(&json!({"containers": [
        {"name": "a", "args": ["https://s3.eu-central-1.example.com/other"]}, {"name": "b", "args": ["uploads"]}]}));
}

#[test]
fn a_claim_on_another_namespace_acts_only_when_the_cluster_lets_it() {
    let spec = container(json!({"envFrom": [{"secretRef": {"name": "accounts-ro"}}]}));
    let reported = detect_in("analytics", &spec, Settings::default());
    assert_eq!(reported.uses, []);
    assert_eq!(
        reported.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "DataStore identity/accounts claims container app, envFrom: Secret analytics/accounts-ro, which is \
             reported only: identity is not in --claims-from"
        ]
    );
    for claims_from in [ClaimsFrom::All, ClaimsFrom::Namespaces(["identity".into()].into())] {
        let settings = Settings { claims_from, ..Settings::default() };
        assert_eq!(detect_in("analytics", &spec, settings).uses.len(), 1);
    }
}

#[test]
fn a_secret_of_the_same_name_in_another_namespace_is_another_secret() {
    let all = Settings { claims_from: ClaimsFrom::All, ..Settings::default() };
    let spec = container(json!({"envFrom": [{"secretRef": {"name": "accounts-app"}}]}));
    assert_eq!(detect_in("shop", &spec, all).uses, []);
}

#[test]
fn an_erasure_secret_is_use_and_named_apart() {
    let detection = detect(&volume(json!({"secret": {"secretName": "accounts-erasure"}})));
    assert_eq!(found(&detection), ["accounts: volume data: erasure Secret identity/accounts-erasure"]);
    let key = |name: &str| ObjectKey::new("identity", name);
    let (secret, store, _) = &detection.erasure_secrets[0];
    assert_eq!((secret, store), (&key("accounts-erasure"), &key("accounts")));
}

fn with_annotation(text: &str) -> Detection {
    let spec = PodSpec::default();
    let annotations = BTreeMap::from([("carnet.dev/uses".to_owned(), text.to_owned())]);
    let labels = BTreeMap::new();
    let subject = PodSubject {
        namespace: "shop",
        spec: &spec,
        annotations: &annotations,
        labels: &labels,
        claim_templates: &[],
        config_maps: None,
    };
    uses(&snapshot(Settings::default()), &subject)
}

#[test]
fn a_declared_use_counts_from_every_namespace() {
    let detection = with_annotation("identity/accounts=read, identity/uploads=write");
    let via = "annotation carnet.dev/uses";
    assert_eq!(found(&detection), [format!("accounts: {via}"), format!("uploads: {via}")]);
    assert_eq!(detection.findings, []);
}

#[test]
fn a_declared_use_that_names_nothing_is_a_finding_and_the_rest_still_counts() {
    let detection = with_annotation("identity/acounts=read, nonsense, identity/x=own, identity/uploads=read");
    assert_eq!(detection.uses.len(), 1);
    assert_eq!(detection.findings.len(), 3);
    let said: Vec<_> = detection.findings.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|f| f.contains("there is no DataStore identity/acounts")), "{said:?}");
    assert!(detection.findings.iter().all(Finding::is_of_the_author));
}

#[test]
fn the_texts_of_config_maps_are_read_where_a_lookup_is_given() {
    let spec: PodSpec = serde_json::from_value(container(json!({"envFrom": [
        {"configMapRef": {"name": "app-config"}}, {"configMapRef": {"name": "gone"}}]})))
    .unwrap();
    let nothing = BTreeMap::new();
    let lookup = |key: &ObjectKey| {
        let text = BTreeMap::from([("url".to_owned(), "pg://accounts.rds.example.com/x".to_owned())]);
        (&*key.name == "app-config").then(|| Arc::new(text))
    };
    let subject = PodSubject {
        namespace: "identity",
        spec: &spec,
        annotations: &nothing,
        labels: &nothing,
        claim_templates: &[],
        config_maps: Some(&lookup),
    };
    let detection = uses(&snapshot(Settings::default()), &subject);
    let expected = "accounts: container app, envFrom, ConfigMap identity/app-config, url: host \
                    accounts.rds.example.com";
    assert_eq!(found(&detection), [expected]);
    assert!(detection.findings[0].to_string().contains("ConfigMap identity/gone is not known"));
}

#[test]
fn a_claim_template_that_starts_from_a_stores_files_is_use() {
    let claim: PersistentVolumeClaim = serde_json::from_value(json!({"metadata": {"name": "data"}, "spec": {
        "dataSource": {"kind": "PersistentVolumeClaim", "name": "exports"}}}))
    .unwrap();
    let nothing = BTreeMap::new();
    let subject = PodSubject {
        namespace: "identity",
        spec: &PodSpec::default(),
        annotations: &nothing,
        labels: &nothing,
        claim_templates: &[claim],
        config_maps: None,
    };
    let detection = uses(&snapshot(Settings::default()), &subject);
    assert_eq!(found(&detection), ["exports: claim template data: PersistentVolumeClaim identity/exports"]);
}

#[test]
fn what_a_driver_mounts_by_a_class_that_a_store_names_is_use() {
    let volume = |class: &str| {
        json!({"containers": [], "volumes": [{"name": "v", "csi": {"driver": "secrets-store.csi.k8s.io",
            "volumeAttributes": {"secretProviderClass": class}}}]})
    };
    let expected = "accounts: volume v: SecretProviderClass identity/accounts-vault";
    assert_eq!(found(&detect(&volume("accounts-vault"))), [expected]);
    assert_eq!(found(&detect(&volume("vault"))), [""; 0]);
    assert_eq!(found(&detect_in("analytics", &volume("accounts-vault"), Settings::default())), [""; 0]);
}

/// As detected with these annotations and labels.
fn detect_with(annotations: &[(&str, &str)], labels: &[(&str, &str)], spec: &Value) -> Detection {
    let map = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
        all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let spec: PodSpec = serde_json::from_value(spec.clone()).unwrap();
    let (annotations, labels) = (map(annotations), map(labels));
    let subject = PodSubject {
        namespace: "identity",
        spec: &spec,
        annotations: &annotations,
        labels: &labels,
        claim_templates: &[],
        config_maps: None,
    };
    uses(&snapshot(Settings::default()), &subject)
}

#[test]
fn an_annotation_or_label_counts_where_a_container_is_handed_it_and_nowhere_else() {
    let env = |path: &str| {
        json!({"containers": [{"name": "app", "env": [
            {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": path}}},
            {"name": "DSN", "value": "pg://$(HOST):5432/x"}]}]})
    };
    let (dsn, tier) = ([("dsn", "accounts.rds.example.com")], [("db", "any-port.example.com")]);
    let by = |at: &str, host: &str| format!("accounts: container app, env {at}: host {host}");
    let annotated = found(&detect_with(&dsn, &[], &env("metadata.annotations['dsn']")));
    assert_eq!(
        annotated,
        [by("DSN", "accounts.rds.example.com"), by("HOST", "accounts.rds.example.com")],
        "as it is, and where it is put into another"
    );
    assert_eq!(found(&detect_with(&[], &tier, &env("metadata.labels['db']"))).len(), 2);
    assert_eq!(found(&detect_with(&dsn, &tier, &env("metadata.name"))), [""; 0]);
    let file = json!({"containers": [], "volumes": [{"name": "v", "downwardAPI": {"items": [
        {"path": "all", "fieldRef": {"fieldPath": "metadata.annotations"}}]}}]});
    assert_eq!(found(&detect_with(&dsn, &[], &file)), ["accounts: volume v: host accounts.rds.example.com"]);
}

#[test]
fn a_copy_of_a_claimed_volume_is_the_store_too_however_often_it_was_copied() {
    use crate::core::claim::ClonedClaim;
    let law = Arc::new(parse::law::built_in().unwrap());
    let stores = [accounts()].map(|s| Arc::new(parse::store(&s, &law, RegionCheck::Strict).unwrap()));
    let from = |claim: &str, from: &str| {
        Arc::new(ClonedClaim {
            claim: ObjectKey::new("identity", claim),
            from: ObjectKey::new("identity", from),
        })
    };
    // The last two name each other, as names that were used again do.
    let clones = vec![from("one", "accounts-files"), from("two", "one"), from("x", "y"), from("y", "x")];
    let snapshot =
        SnapshotBuilder { law, stores: stores.into(), clones, ..SnapshotBuilder::default() }.build();
    let nothing = BTreeMap::new();
    let uses_claim = |claim: &str| {
        let spec: PodSpec = serde_json::from_value(json!({"containers": [], "volumes": [
            {"name": "v", "persistentVolumeClaim": {"claimName": claim}}]}))
        .unwrap();
        let subject = PodSubject {
            namespace: "identity",
            spec: &spec,
            annotations: &nothing,
            labels: &nothing,
            claim_templates: &[],
            config_maps: None,
        };
        found(&uses(&snapshot, &subject))
    };
    for claim in ["accounts-files", "one", "two"] {
        assert_eq!(
            uses_claim(claim),
            [format!("accounts: volume v: PersistentVolumeClaim identity/{claim}")]
        );
    }
    assert_eq!(uses_claim("x"), [""; 0]);
}
