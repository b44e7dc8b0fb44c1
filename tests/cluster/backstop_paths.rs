//! What the backstop finds: each way to a store, and never more than the webhook.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result, ensure};
use carnet::{
    api::v1alpha1::DataStore,
    core::{
        settings::{ClaimsFrom, Settings},
        snapshot::{Snapshot, SnapshotBuilder},
    },
    detect::{self, PodSubject},
    parse::{self, RegionCheck},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::PostParams};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use crate::{
    backstop::{kill, pod, scene, shown},
    cases,
    world::{World, refusal},
};

cases![
    every_way_to_a_store_is_found,
    a_store_is_found_among_many_other_names,
    the_backstop_finds_no_more_than_the_webhook,
];

/// Pods that the generator makes.
const GENERATED: usize = 300;

fn store(name: &str, engine: &Value, access: &Value) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": name, "namespace": "identity"},
        "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller", "location": {"country": "IE"},
            "origins": ["EEA"], "engine": engine, "access": access,
            "datasets": [{"name": "all", "categories": ["account.contact"], "subjects": ["Customer"]}]}})
}

/// `harmless`: data of Americans, in America, of an American. Its Service is named beside that of `paths`.
const AMERICAN: &str = "{apiVersion: carnet.dev/v1alpha1, kind: Party, metadata: {name: american}, \
                        spec: {legalName: American, country: US}}";

fn stores() -> [Value; 3] {
    let there = |name: &str| json!([{"name": name, "namespace": "billing"}]);
    let access = json!({"secrets": there("ro"), "secretProviderClasses": there("vault"), "configMaps": there("cm"), "services": there("db"),
        "persistentVolumeClaims": there("files"), "serviceAccounts": there("irsa"),
        "hosts": ["any.example.com", "pg.example.com:5432", "bare-host"]});
    let bucket = json!({"objectStore": {"provider": "S3", "bucket": "uploads",
        "endpoint": "https://s3.example.com", "credentialsSecretRef": {"name": "s3-erasure"}}});
    let external = json!({"external": {"description": "many ways"}});
    let mut harmless =
        store("harmless", &external, &json!({"services": [{"name": "cache", "namespace": "billing"}]}));
    harmless["spec"]["exporterRef"]["name"] = "american".into();
    harmless["spec"]["location"]["country"] = "US".into();
    harmless["spec"]["origins"] = json!(["Unrestricted"]);
    harmless["spec"]["originsReason"] = "a test".into();
    [store("paths", &external, &access), store("bucket", &bucket, &json!({})), harmless]
}

/// Declares the stores and lets the operator compile them, where it is still there.
async fn declared(w: &World) -> Result<Arc<World>> {
    let w = scene(w).await?;
    if w.api(&w.admin, &stores()[0])?.get_opt("paths").await?.is_none() {
        w.revive_operator().await?;
        let ltd = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": "ltd"},
            "spec": {"legalName": "Ltd", "country": "IE", "runs": {"namespaces": ["identity"]}}});
        // Of an exporter that nobody declared every regime would be judged; a test before may have declared him.
        if w.api(&w.admin, &ltd)?.get_opt("ltd").await?.is_none() {
            w.apply(&ltd.to_string()).await?;
        }
        w.apply(AMERICAN).await?;
        for store in stores() {
            // The operator was killed by a test before: what is declared now needs another one.
            w.revive_operator().await?;
            w.apply(&store.to_string()).await?;
        }
        w.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: irsa, namespace: billing}}").await?;
        shown(&w, "billing", "/spec/secrets/ro/0", &json!("identity/paths")).await?;
        shown(&w, "billing", "/spec/bareWords/cache/0", &json!("identity/harmless")).await?;
        shown(&w, "carnet-system", "/spec/words/uploads.s3.example.com/0", &json!("identity/bucket")).await?;
    }
    kill(&w);
    Ok(w)
}

#[allow(clippy::needless_pass_by_value, reason = "a table of literals reads better without borrows")]
fn container(fields: Value) -> Value {
    let mut container = json!({"name": "app", "image": "app"});
    for (name, value) in fields.as_object().into_iter().flatten() {
        container[name] = value.clone();
    }
    json!({"containers": [container]})
}

fn volume(source: &Value) -> Value {
    let mut volume = source.clone();
    volume["name"] = "v".into();
    json!({"volumes": [volume]})
}

/// Every reference that leads to `paths` or `bucket`.
fn references() -> Vec<Value> {
    let init = json!({"name": "i", "image": "i", "envFrom": [{"secretRef": {"name": "ro"}}]});
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        "dataSource": {"kind": "PersistentVolumeClaim", "name": "files"}});
    let mut all = vec![
        container(json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "ro", "key": "k"}}}]})),
        container(
            json!({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "k"}}}]}),
        ),
        container(json!({"envFrom": [{"secretRef": {"name": "ro"}}]})),
        container(json!({"envFrom": [{"configMapRef": {"name": "cm"}}]})),
        json!({"initContainers": [init]}),
        json!({"imagePullSecrets": [{"name": "ro"}]}),
        json!({"serviceAccountName": "irsa"}),
        json!({"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["any.example.com"]}]}),
    ];
    let secret = json!({"name": "ro"});
    let sources = [
        json!({"secret": {"secretName": "ro"}}),
        json!({"configMap": {"name": "cm"}}),
        json!({"persistentVolumeClaim": {"claimName": "files"}}),
        json!({"ephemeral": {"volumeClaimTemplate": {"spec": claim}}}),
        json!({"projected": {"sources": [{"secret": {"name": "ro"}}]}}),
        json!({"projected": {"sources": [{"configMap": {"name": "cm"}}]}}),
        json!({"csi": {"driver": "d", "nodePublishSecretRef": secret}}),
        json!({"csi": {"driver": "d", "volumeAttributes": {"server": "//any.example.com/share"}}}),
        json!({"csi": {"driver": "secrets-store.csi.k8s.io", "readOnly": true,
            "volumeAttributes": {"secretProviderClass": "vault"}}}),
        json!({"flexVolume": {"driver": "a/d", "secretRef": secret}}),
        json!({"flexVolume": {"driver": "a/d", "options": {"server": "any.example.com"}}}),
        json!({"azureFile": {"secretName": "ro", "shareName": "s"}}),
        json!({"cephfs": {"monitors": ["m"], "secretRef": secret}}),
        json!({"cephfs": {"monitors": ["any.example.com:6789"]}}),
        json!({"cinder": {"volumeID": "v", "secretRef": secret}}),
        json!({"rbd": {"monitors": ["m"], "image": "i", "secretRef": secret}}),
        json!({"rbd": {"monitors": ["any.example.com"], "image": "i"}}),
        json!({"iscsi": {"targetPortal": "10.0.0.1", "iqn": "iqn.2001-04.com.example:a", "lun": 0, "secretRef": secret}}),
        json!({"iscsi": {"targetPortal": "any.example.com:3260", "iqn": "iqn.2001-04.com.example:a", "lun": 0}}),
        json!({"scaleIO": {"gateway": "https://g", "system": "s", "volumeName": "v", "secretRef": secret}}),
        json!({"storageos": {"volumeName": "v", "secretRef": secret}}),
        json!({"nfs": {"server": "any.example.com", "path": "/"}}),
        json!({"glusterfs": {"endpoints": "any.example.com", "path": "p"}}),
        json!({"quobyte": {"registry": "any.example.com:7861", "volume": "v"}}),
    ];
    all.extend(sources.iter().map(volume));
    let http = json!({"httpGet": {"host": "any.example.com", "port": 80}});
    for (field, value) in [
        ("livenessProbe", json!({"exec": {"command": ["ping", "any.example.com"]}})),
        ("readinessProbe", json!({"tcpSocket": {"host": "any.example.com", "port": 5432}})),
        ("startupProbe", http.clone()),
        ("lifecycle", json!({"postStart": http})),
        ("lifecycle", json!({"preStop": {"exec": {"command": ["any.example.com"]}}})),
    ] {
        all.push(container(json!({field: value})));
    }
    all
}

/// Texts, and whether a store is named in them.
const TEXTS: &[(&str, bool)] = &[
    ("any.example.com", true),
    ("postgres://u:p@ANY.Example.com.:99/x", true),
    ("tcp:any.example.com", true),
    ("many.example.com", false),
    ("any.example.com.evil", false),
    ("any.example.com..", false),
    ("é-any.example.com", false),
    ("--host=any.example.com", true),
    ("db", true),
    ("the db!", true),
    ("db.billing", true),
    ("db.billing.svc", true),
    ("http://db.billing.svc.cluster.local:80/", true),
    ("db-0.db.billing.svc.cluster.local", true),
    ("db.svc", true),
    ("db-0.db", true),
    ("pg://db-0.DB.:5432/x", true),
    ("db-0.db.billing", true),
    ("db-0.db.billing.", true),
    ("db-0.db.billing.svc", true),
    ("db-0.db.billing.svcs", false),
    ("db-0.db.analytics", false),
    ("db-0.my-db", false),
    ("db-0.bare-host", false),
    ("www.any.example.com", false),
    ("cache", false),
    ("cache,db", true),
    ("db,cache", true),
    ("cache\ndb", true),
    ("--peers=cache,cache,cache. db", true),
    ("cache,my-db", false),
    ("cache;-db", true),
    ("my-db", false),
    ("db.billings", false),
    ("bare-host:1", true),
    ("pg.example.com", true),
    ("pg.example.com:5432/x", true),
    ("pg.example.com.:5432", true),
    ("pg.example.com:54321", false),
    ("pg.example.com:9", false),
    ("pg.example.com:9,pg.example.com:5432", true),
    ("uploads.s3.example.com", true),
    ("s3.example.com/uploads", true),
    ("s3.example.com/others", false),
    ("uploads", false),
];

async fn every_way_to_a_store_is_found(w: Arc<World>) -> Result<()> {
    let w = declared(&w).await?;
    let mut cases: Vec<(String, Value, bool)> =
        references().into_iter().map(|spec| (spec.to_string(), spec, true)).collect();
    for (text, found) in TEXTS {
        let env = container(json!({"env": [{"name": "A", "value": text}]}));
        let args = container(json!({"command": ["run"], "args": ["-x", text]}));
        cases.extend([env, args].map(|spec| (format!("`{text}`"), spec, *found)));
    }
    let apart =
        container(json!({"env": [{"name": "A", "value": "https://s3.example.com"}], "args": ["uploads"]}));
    cases.push(("a bucket apart from its endpoint".into(), apart, true));
    for values in [["cache", "db"], ["db", "cache"]] {
        let env: Vec<Value> = values.iter().map(|v| json!({"name": format!("E_{v}"), "value": v})).collect();
        cases.push((format!("neighbours {values:?}"), container(json!({"env": env})), true));
        cases.push((format!("neighbours {values:?}"), container(json!({"args": values})), true));
    }
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "billing");
    for (n, (what, spec, found)) in cases.into_iter().enumerate() {
        for (region, refused) in [("us-east-1", found), ("eu-west-1", false)] {
            let name = format!("way-{n}-{region}");
            let mut made = pod("billing", &name, &spec);
            made["spec"]["nodeSelector"] = json!({"topology.kubernetes.io/region": region});
            let created = create(&pods, &made).await;
            if refused {
                let message = refusal(created).context(what.clone())?;
                ensure!(message.contains("no safeguard for EEA data of identity/"), "{what}: {message}");
            } else {
                created.with_context(|| format!("{what} in {region} is refused"))?;
            }
        }
    }
    let mut declared = pod("billing", "says-so", &json!({}));
    declared["metadata"]["annotations"] = json!({"carnet.dev/uses": "identity/bucket=read, nonsense"});
    refusal(create(&pods, &declared).await).context("declared use")?;
    Ok(())
}

async fn a_store_is_found_among_many_other_names(w: Arc<World>) -> Result<()> {
    let w = declared(&w).await?;
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "billing");
    // Twice as many, 7,200, are still read; at four times as many the API server gives up.
    let other = |c: usize| {
        let value = |n: usize| format!("http://service-{n}.namespace-{c}.svc.example.org:80/");
        let env: Vec<Value> = (0..900).map(|n| json!({"name": format!("V{n}"), "value": value(n)})).collect();
        json!({"name": format!("c{c}"), "image": "app", "env": env})
    };
    for text in ["any.example.com", "db-0.db", "cache,db"] {
        let mut containers: Vec<Value> = (0..4).map(other).collect();
        containers.push(json!({"name": "uses", "image": "app", "args": [text]}));
        let abroad = json!({"topology.kubernetes.io/region": "us-east-1"});
        let made = pod("billing", "many", &json!({"containers": containers, "nodeSelector": abroad}));
        let message = refusal(create(&pods, &made).await).context(text)?;
        ensure!(message.contains(" data of identity/paths "), "{text}: {message}");
    }
    Ok(())
}

/// Creates a Pod that nobody will run, and deletes it.
async fn create(pods: &Api<Pod>, pod: &Value) -> Result<(), kube::Error> {
    let mut pod = pod.clone();
    pod["spec"]["schedulerName"] = "nobody".into();
    // The account need not be there for the Pod to be judged, but for it to be made.
    pod["spec"]["automountServiceAccountToken"] = false.into();
    let pod: Pod = serde_json::from_value(pod).map_err(kube::Error::SerdeError)?;
    let name = pods.create(&PostParams::default(), &pod).await?.metadata.name.unwrap_or_default();
    let now = kube::api::DeleteParams { grace_period_seconds: Some(0), ..Default::default() };
    pods.delete(&name, &now).await.map(drop)
}

fn snapshot() -> Result<Snapshot> {
    let law = Arc::new(parse::law::built_in()?);
    let mut all = vec![];
    for store in stores() {
        let store: DataStore = serde_json::from_value(store)?;
        all.push(Arc::new(parse::store(&store, &law, RegionCheck::Strict)?));
    }
    let settings =
        Settings { claims_from: ClaimsFrom::Namespaces(["identity".into()].into()), ..Settings::default() };
    let american = Arc::new(parse::party(&serde_saphyr::from_str(AMERICAN)?, &law)?);
    let parties = vec![american];
    Ok(SnapshotBuilder { law, parties, stores: all, settings: Arc::new(settings), ..Default::default() }
        .build())
}

/// A text of pieces that nearly make a name.
fn text(random: &mut StdRng) -> String {
    const PIECES: &[&str] = &[
        "any",
        "any.example.com",
        "example.com",
        "pg.example.com",
        ".",
        "..",
        ":",
        ":5432",
        ":54321",
        ":9",
        "/",
        "-",
        "--",
        "é",
        " ",
        "\n",
        "db",
        "db-0.db",
        "cache",
        "cache",
        "billing",
        ".svc",
        ".svc.",
        "svc",
        "cluster.local",
        "uploads",
        "s3.example.com",
        "bare-host",
        "_",
        "=",
        "x",
        "DB",
        "%2e",
        "$(A)",
        "identity",
        ",",
    ];
    (0..random.random_range(1..8)).filter_map(|_| PIECES.choose(random).copied()).collect()
}

fn generated(random: &mut StdRng, n: usize) -> Value {
    let mut pod = pod("billing", &format!("made-{n}"), &json!({}));
    let name = |random: &mut StdRng| {
        *["ro", "cm", "files", "irsa", "other", "s3-erasure"].choose(random).unwrap_or(&"other")
    };
    let containers: Vec<Value> = (0..random.random_range(1..4))
        .map(|c| {
            let mut env = vec![];
            for v in 0..random.random_range(0..4) {
                let from = match random.random_range(0..8) {
                    0 => json!({"secretKeyRef": {"name": name(random), "key": "k"}}),
                    1 => json!({"configMapKeyRef": {"name": name(random), "key": "k"}}),
                    _ => Value::Null,
                };
                env.push(if from.is_null() {
                    json!({"name": format!("V{v}"), "value": text(random)})
                } else {
                    json!({"name": format!("V{v}"), "valueFrom": from})
                });
            }
            let args: Vec<String> = (0..random.random_range(0..3)).map(|_| text(random)).collect();
            json!({"name": format!("c{c}"), "image": "app", "env": env, "args": args})
        })
        .collect();
    pod["spec"]["containers"] = containers.into();
    if random.random_range(0..4) == 0 {
        pod["spec"]["volumes"] = json!([{"name": "v", "secret": {"secretName": name(random)}}]);
    }
    if random.random_range(0..6) == 0 {
        pod["metadata"]["annotations"] =
            json!({"carnet.dev/uses": format!("identity/{},{}", name(random), text(random))});
    }
    pod
}

#[expect(clippy::print_stdout, reason = "a measurement to read")]
async fn the_backstop_finds_no_more_than_the_webhook(w: Arc<World>) -> Result<()> {
    let w = declared(&w).await?;
    let snapshot = snapshot()?;
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "billing");
    let mut random = StdRng::seed_from_u64(14);
    let (mut both, mut webhook_alone) = (0, 0);
    for n in 0..GENERATED {
        let made = generated(&mut random, n);
        let read: Pod = serde_json::from_value(made.clone())?;
        let (spec, nothing) = (read.spec.context("a spec")?, BTreeMap::new());
        let annotations = read.metadata.annotations.unwrap_or_default();
        let subject = PodSubject {
            namespace: "billing",
            spec: &spec,
            annotations: &annotations,
            labels: &nothing,
            claim_templates: &[],
            config_maps: None,
        };
        let found = !detect::uses(&snapshot, &subject).uses.is_empty();
        match create(&pods, &made).await {
            Ok(()) if found => webhook_alone += 1,
            Ok(()) => {}
            Err(error) => {
                let message = refusal::<()>(Err(error))?;
                ensure!(message.contains("no safeguard"), "{message}\n{made}");
                ensure!(found, "only the backstop finds a use in\n{made}\n{message}");
                both += 1;
            }
        }
    }
    println!("of {GENERATED} Pods: {both} found by both, {webhook_alone} by the webhook alone");
    ensure!(both > 30, "the generator makes too few uses: {both}");
    Ok(())
}
