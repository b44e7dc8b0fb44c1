//! Objects that the tests put into the repository beside the layout of `examples/gitops`.

/// Who is who, in a namespace of the test's own.
pub fn parties(namespace: &str) -> String {
    format!(
        "apiVersion: carnet.dev/v1alpha1
kind: Party
metadata: {{name: {namespace}-ltd}}
spec: {{legalName: Ltd, country: IE, runs: {{namespaces: [{namespace}]}}}}
---
apiVersion: carnet.dev/v1alpha1
kind: Party
metadata: {{name: {namespace}-inc}}
spec: {{legalName: Inc, country: US, runs: {{namespaces: [{namespace}-app]}}}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}, labels: {{carnet.dev/transfers: Enforce}}}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}-app, labels: {{carnet.dev/transfers: Enforce}}}}
---
apiVersion: carnet.dev/v1alpha1
kind: DataStore
metadata: {{name: accounts, namespace: {namespace}}}
spec:
  exporterRef: {{name: {namespace}-ltd}}
  role: Controller
  location: {{provider: aws, region: eu-west-1}}
  origins: [EEA]
  engine: {{postgres: {{credentialsSecretRef: {{name: erasure}}}}}}
  access: {{secrets: [{{name: readonly, namespace: {namespace}-app}}]}}
  datasets:
  - {{name: accounts, categories: [account.contact], table: {{schema: public, name: accounts}},
     anchors: [{{event: RelationshipEnded, column: closed_at}}]}}
"
    )
}

/// What lets the data of [`parties`] go to the United States.
pub fn safeguard(namespace: &str) -> String {
    format!(
        "apiVersion: carnet.dev/v1alpha1
kind: TransferSafeguard
metadata: {{name: {namespace}-scc, annotations: {{argocd.argoproj.io/sync-wave: \"-1\"}}}}
spec:
  instrument:
    standardContractualClauses:
      executedOn: \"2024-01-15\"
      parties: [{{exporters: [{namespace}-ltd], importers: [{namespace}-inc], module: ControllerToController}}]
  assessments:
  - {{regimes: [EEA], country: US, completedOn: \"2026-02-01\", outcome: Effective, reference: tia}}
  scope: {{namespaces: [{namespace}-app]}}
  validFrom: \"2024-01-15\"
"
    )
}

/// A workload that takes them there.
pub fn workload(namespace: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: report, namespace: {namespace}-app}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: report}}}}
  template:
    metadata: {{labels: {{app: report}}}}
    spec:
      nodeSelector: {{topology.kubernetes.io/region: us-east-1}}
      containers:
      - {{name: app, image: \"registry.example.com/report:1\", envFrom: [{{secretRef: {{name: readonly}}}}]}}
"
    )
}

/// Accepted by the API server, not by the operator: a person must mend it. `on` is quoted, as it must be: both engines read
/// YAML 1.1, in which a bare one is a boolean.
pub const UNREADABLE: &str = "apiVersion: carnet.dev/v1alpha1
kind: LegalHold
metadata: {name: unreadable}
spec:
  reason: Audit
  reference: none
  placedOn: \"2026-01-01\"
  release: {\"on\": \"2026-01-02\", reason: a test}
  scope: {storeSelector: {matchExpressions: [{key: a, operator: Near, values: [b]}]}}
";
