{{/* The webhook configuration. `annotations` are written where the object is applied and left out of the copy that the
     operator compares with: whoever adds some takes nothing away from what is enforced. No caBundle: the operator, or
     cert-manager, writes it under its own field manager. Selectors and scopes are written as the API server stores them. */}}
{{- define "carnet.webhook" -}}
{{- $root := .root -}}
{{- $ns := $root.Release.Namespace -}}
# Every question is decided or refused: without the operator, nothing that it would have to judge comes in, unless the
# failure policy is Ignore; then what the backstop knows is refused by the API server, and the rest passes. Exempt are
# the namespaces without which no cluster starts, by a name that nobody can forge; `--exempt-namespaces` says the same.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: carnet
  labels: {app.kubernetes.io/part-of: carnet}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
webhooks:
# What the schema cannot see. LegalHolds are not here: nothing may stand in the way of placing one.
- name: validate.carnet.dev
  {{- include "carnet.webhook.common" $root | nindent 2 }}
  failurePolicy: Fail
  namespaceSelector: {}
  rules:
  - apiGroups: [carnet.dev]
    apiVersions: [v1alpha1]
    resources: [parties, datastores, transfersafeguards, transferexceptions, retentionpolicies]
    operations: [CREATE, UPDATE]
    scope: "*"
# The authority: Pods as they come in, get a container more, and get their node.
- name: pods.carnet.dev
  {{- include "carnet.webhook.common" $root | nindent 2 }}
  failurePolicy: {{ include "carnet.failurePolicy" $root }}
  {{- include "carnet.webhook.exempt" $root | nindent 2 }}
  # What a node runs from its own files runs already; a refusal would only hide it. Nodes alone are believed here, and a
  # node can write such a Pod for itself only.
  matchConditions:
  - name: not-a-static-pod
    expression: >-
      !('system:nodes' in request.userInfo.?groups.orValue([]) && request.?subResource.orValue('') == '' && object.?metadata.?annotations[?'kubernetes.io/config.mirror'].hasValue())
  rules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods]
    operations: [CREATE]
    scope: "*"
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods/ephemeralcontainers]
    operations: [UPDATE]
    scope: "*"
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods/binding, bindings]
    operations: [CREATE]
    scope: "*"
# Early feedback: who applies a workload learns at once what its Pods would be told.
- name: templates.carnet.dev
  {{- include "carnet.webhook.common" $root | nindent 2 }}
  failurePolicy: {{ include "carnet.failurePolicy" $root }}
  {{- include "carnet.webhook.exempt" $root | nindent 2 }}
  rules:
  - apiGroups: [apps]
    apiVersions: [v1]
    resources: [deployments, statefulsets, daemonsets, replicasets]
    operations: [CREATE, UPDATE]
    scope: "*"
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [replicationcontrollers]
    operations: [CREATE, UPDATE]
    scope: "*"
  - apiGroups: [batch]
    apiVersions: [v1]
    resources: [jobs, cronjobs]
    operations: [CREATE, UPDATE]
    scope: "*"
{{- end -}}

{{/* The configuration by which Pods are steered, with `transfers.mixedPlacement: Steer` alone. */}}
{{- define "carnet.steering" -}}
{{- $root := .root -}}
# A Pod that some controller made and that may run both lawfully and unlawfully gets required node affinity for the lawful
# regions. Nothing else is changed, and nothing is refused here: what is to be said of the Pod, the validating webhook says.
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: carnet
  labels: {app.kubernetes.io/part-of: carnet}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
webhooks:
- name: steer.carnet.dev
  {{- include "carnet.webhook.calls" (dict "root" $root "path" "/steer") | nindent 2 }}
  failurePolicy: {{ include "carnet.failurePolicy" $root }}
  # Another webhook may change the affinity after it was asked.
  reinvocationPolicy: IfNeeded
  {{- include "carnet.webhook.exempt" $root | nindent 2 }}
  # A person's own Pod is as it was written; a DaemonSet's has its node already.
  matchConditions:
  - name: not-a-static-pod
    expression: >-
      !('system:nodes' in request.userInfo.?groups.orValue([]) && request.?subResource.orValue('') == '' && object.?metadata.?annotations[?'kubernetes.io/config.mirror'].hasValue())
  - name: made-by-a-controller
    expression: >-
      object.?metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false) && o.?kind.orValue('') != 'DaemonSet')
  rules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods]
    operations: [CREATE]
    scope: "*"
{{- end -}}

{{- define "carnet.webhook.common" -}}
{{ include "carnet.webhook.calls" (dict "root" . "path" "/review") }}
{{- end -}}

{{- define "carnet.webhook.calls" -}}
clientConfig:
  service: {name: carnet-webhook, namespace: {{ .root.Release.Namespace }}, path: {{ .path }}, port: 443}
admissionReviewVersions: [v1]
sideEffects: None
matchPolicy: Equivalent
timeoutSeconds: {{ .root.Values.webhook.timeoutSeconds }}
objectSelector: {}
{{- end -}}

{{- define "carnet.webhook.exempt" -}}
namespaceSelector:
  matchExpressions:
  - {key: kubernetes.io/metadata.name, operator: NotIn, values: [{{ include "carnet.exempt" . | fromJsonArray | join ", " }}]}
{{- end -}}

{{/* Webhook configurations, policies and bindings as one text: what the operator holds against the cluster. */}}
{{- define "carnet.enforcement" -}}
{{ include "carnet.webhook" (dict "root" .) }}
{{- if eq .Values.transfers.mixedPlacement "Steer" }}
---
{{ include "carnet.steering" (dict "root" .) }}
{{- end }}
{{- include "carnet.policies" . }}
{{- end -}}
