{{/* Names are those of a cluster's one Carnet: they do not depend on the release. */}}

{{/* repository:tag@digest of an image; the tag is the chart's appVersion unless given. */}}
{{- define "carnet.image" -}}
{{- $image := .image -}}
{{- $image.repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* Whether the in-tree backstop is on: wanted, and its policies are in the chart. */}}
{{- define "carnet.backstop" -}}
{{- if and .Values.backstop.enabled (.Files.Get "policies/31-backstop.yaml") }}true{{ end -}}
{{- end -}}

{{/* What happens to a Pod or a template when no replica answers: with the backstop it passes, what is settled being
     refused by the API server itself; without it nothing passes. */}}
{{- define "carnet.failurePolicy" -}}
{{- $chosen := ternary "Ignore" "Fail" (eq (include "carnet.backstop" .) "true") -}}
{{- .Values.webhook.failurePolicy | default $chosen -}}
{{- end -}}

{{/* Namespaces that are not judged, as a JSON list: those of the values, then our own. */}}
{{- define "carnet.exempt" -}}
{{- append (without .Values.transfers.exemptNamespaces .Release.Namespace) .Release.Namespace | toJson -}}
{{- end -}}

{{/* A file of policies/, which is written for the defaults in carnet-system, for this release: its namespace, its exempt
     namespaces, and whether a dry run is refused. */}}
{{- define "carnet.here" -}}
{{- $exempt := include "carnet.exempt" .root | fromJsonArray | join ", " -}}
{{- $text := .text | replace "[kube-system, kube-node-lease, kube-public, carnet-system]" (printf "[%s]" $exempt) -}}
{{- if eq .root.Values.transfers.dryRunVerdicts "Deny" -}}
{{- $text = regexReplaceAll "(\n  - name: real\n    expression: >-\n      )[^\n]*" $text "${1}true" -}}
{{- end -}}
{{- $text = $text | replace "topology.kubernetes.io/region" .root.Values.transfers.regionLabel -}}
{{- $text | replace "carnet-system" .root.Release.Namespace | trim -}}
{{- end -}}

{{/* The start filter of logs: a bare level leaves the libraries quiet, anything else is taken as it is. */}}
{{- define "carnet.logFilter" -}}
{{- $level := .Values.logs.level -}}
{{- if regexMatch "^[a-z]+$" $level }}{{ $level }},kube_client=warn,kube_runtime=warn{{ else }}{{ $level }}{{ end -}}
{{- end -}}

{{- define "carnet.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The policies of the API server and their bindings: policies/*.yaml, with the backstop's where it is on. */}}
{{- define "carnet.policies" -}}
{{- $root := . -}}
{{- range $path, $_ := .Files.Glob "policies/*.yaml" }}
{{- if or (ne $path "policies/31-backstop.yaml") (include "carnet.backstop" $root) }}
---
{{ include "carnet.here" (dict "root" $root "text" ($root.Files.Get $path)) }}
{{- end }}
{{- end }}
{{- end -}}
