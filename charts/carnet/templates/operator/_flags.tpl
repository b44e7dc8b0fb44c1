{{/* The operator's flags, one a line: each says what a value says, none is left to a default of the program. The first
     ones keep their places, because components and overlays of deploy/ replace them there: add others at the end. */}}
{{- define "carnet.flags" -}}
{{- $ns := .Release.Namespace -}}
- --transfers={{ .Values.transfers.mode }}
{{- if .Values.webhook.certManager.enabled }}
- --tls-cert=/etc/carnet-tls/tls.crt
- --tls-key=/etc/carnet-tls/tls.key
{{- else }}
- --ca-validity={{ .Values.webhook.certificates.caValidity }}
- --leaf-validity={{ .Values.webhook.certificates.leafValidity }}
{{- end }}
{{- with .Values.transfers }}
- --on-lapse={{ .onLapse }}
- --claims-from={{ .claimsFrom | join "," }}
- --exempt-namespaces={{ .exemptNamespaces | join "," }}
- --same-entity={{ .sameEntity }}
- --assessment-grace={{ .assessmentGrace }}
- --max-exception={{ .maxException }}
- --region-label={{ .regionLabel }}
{{- with .defaultLocation }}
- --default-location={{ . }}
{{- end }}
- --mixed-placement={{ .mixedPlacement }}
- --dry-run-verdicts={{ .dryRunVerdicts }}
{{- if .readConfigMaps }}
- --read-configmaps
{{- end }}
{{- end }}
- --erasure-namespaces={{ .Values.erasure.namespaces | join "," }}
- --eraser-image={{ include "carnet.image" (dict "root" . "image" .Values.eraser.image) }}
- --eraser-pull-policy={{ .Values.eraser.image.pullPolicy }}
{{- if .Values.lawPack }}
- --law-pack=/etc/carnet-law/pack.yaml
{{- end }}
- --own-namespace={{ $ns }}
- --leader-elect
- --stale-after={{ .Values.webhook.staleAfter }}
- --webhook-configuration=carnet
- --webhook-names=carnet-webhook.{{ $ns }}.svc
- --enforcement=/etc/carnet/enforcement.yaml
- --drain=PT15S
- --log-format={{ .Values.logs.format }}
- --log-filter={{ include "carnet.logFilter" . }}
{{- if eq .Values.transfers.mixedPlacement "Steer" }}
- --mutating-webhook-configuration=carnet
{{- end }}
{{- if eq .Values.transfers.onLapse "Evict" }}
{{- with .Values.transfers.eviction }}
- --evict-each={{ .each }}
- --evict-burst={{ .burst }}
- --evict-per-owner={{ .perOwner }}
- --evict-at-most={{ .atMost }}
{{- end }}
{{- end }}
{{- if eq (include "carnet.backstop" .) "true" }}
- --backstop
- --backstop-unpinned={{ .Values.backstop.unpinned }}
{{- end }}
{{- if .Values.reports.openReports }}
- --open-reports
{{- end }}
- --derogations={{ .Values.transfers.derogations }}
{{- end -}}
