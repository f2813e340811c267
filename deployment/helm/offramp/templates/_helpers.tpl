{{/* Names and labels. */}}
{{- define "offramp.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "offramp.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "offramp.selector" . }}
{{- end -}}

{{- define "offramp.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "offramp.image" -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end -}}
{{- end -}}

{{/* host:port, for a process that listens on an address of IPv4 or IPv6. */}}
{{- define "offramp.address" -}}
{{- if contains ":" .host -}}[{{ .host }}]:{{ .port }}{{- else -}}{{ .host }}:{{ .port }}{{- end -}}
{{- end -}}

{{/* The URL of a database for a role, without a password. */}}
{{- define "offramp.databaseUrl" -}}
postgresql://{{ .role }}@{{ .of.host }}:{{ .of.port }}/{{ .of.name }}{{ with .of.parameters }}?{{ . }}{{ end }}
{{- end -}}

{{/* Where a secret is: its Secret and its key there. */}}
{{- define "offramp.secretSource" -}}
{{- $own := index .root.Values.secrets .name | default dict -}}
{{- dict "name" ($own.name | default .root.Values.secretName) "key" ($own.key | default .name) | toJson -}}
{{- end -}}

{{- define "offramp.file" -}}/run/secrets/{{ . }}{{- end -}}

{{/* The connection to Temporal, of every part but the codec server: variables, and the secrets that are mounted for it. */}}
{{- define "offramp.temporal" -}}
{{- $temporal := .Values.temporal -}}
{{- $variables := dict "TEMPORAL_ADDRESS" $temporal.address "TEMPORAL_NAMESPACE" $temporal.namespace -}}
{{- $secrets := list -}}
{{- if or $temporal.tls (ne $temporal.auth "none") }}{{ $_ := set $variables "TEMPORAL_TLS" "true" }}{{ end -}}
{{- with $temporal.serverName }}{{ $_ := set $variables "TEMPORAL_TLS_SERVER_NAME" . }}{{ end -}}
{{- if $temporal.privateCa -}}
{{- $_ := set $variables "TEMPORAL_TLS_SERVER_CA_CERT_PATH" (include "offramp.file" "temporal_tls_ca") -}}
{{- $secrets = append $secrets "temporal_tls_ca" -}}
{{- end -}}
{{- if eq $temporal.auth "mtls" -}}
{{- $_ := set $variables "TEMPORAL_TLS_CLIENT_CERT_PATH" (include "offramp.file" "temporal_tls_certificate") -}}
{{- $_ := set $variables "TEMPORAL_TLS_CLIENT_KEY_PATH" (include "offramp.file" "temporal_tls_key") -}}
{{- $secrets = concat $secrets (list "temporal_tls_certificate" "temporal_tls_key") -}}
{{- end -}}
{{- dict "variables" $variables "secrets" $secrets | toJson -}}
{{- end -}}

{{/* What the chart refuses, beyond the schema of its values: values that do not go together. */}}
{{- define "offramp.check" -}}
{{- $hosted := list -}}
{{- range .Values.workers.groups }}{{ $hosted = concat $hosted .queues }}{{ end -}}
{{- $missing := list -}}
{{- range list "workflows" "records" "mail" "webhooks" "codes" "nightly" "bulk" "long" -}}
{{- if not (has . $hosted) }}{{ $missing = append $missing . }}{{ end -}}
{{- end -}}
{{- with $missing }}{{ fail (printf "workers.groups: no group hosts these queues, so that work on them would wait: %s" (join ", " .)) }}{{ end -}}
{{- if and (or .Values.api.enabled .Values.console.enabled) (not .Values.oidc.issuer) }}{{ fail "oidc.issuer: set it, or disable api and console: they accept no tokens without one" }}{{ end -}}
{{- if and .Values.console.enabled (not .Values.console.url) }}{{ fail "console.url: set it to the URL under which people reach the console, or disable it" }}{{ end -}}
{{- if and .Values.codec.enabled (not .Values.temporal.webUi) }}{{ fail "temporal.webUi: set it to the Web UI that the codec server answers, or disable codec" }}{{ end -}}
{{- if and .Values.tenants.host (not .Values.objects.url) }}{{ fail "objects.url: the organizations' data (tenants.host) is exported to an object store; set both or neither" }}{{ end -}}
{{- include "offramp.checkTls" . }}
{{- if and .Values.metrics.monitor (not .Values.metrics.enabled) }}{{ fail "metrics.enabled: a monitor (metrics.monitor) has nothing to scrape without metrics" }}{{ end -}}
{{- end -}}

{{/* How those beside our own processes reach Temporal is narrower than how they do. */}}
{{- define "offramp.checkTls" -}}
{{- $temporal := .Values.temporal -}}
{{- $isOpen := eq $temporal.auth "none" -}}
{{- if .Values.keda.enabled -}}
{{- if and $isOpen (or $temporal.tls $temporal.privateCa) }}{{ fail "keda.enabled: its temporal scaler encrypts with temporal.auth mtls or api-key alone" }}{{ end -}}
{{- if and (eq $temporal.auth "api-key") $temporal.privateCa }}{{ fail "keda.enabled: its temporal scaler trusts no authority of yours (temporal.privateCa) with an API key" }}{{ end -}}
{{- end -}}
{{- if .Values.workerController.enabled -}}
{{- if and $isOpen $temporal.tls (not $temporal.privateCa) }}{{ fail "workerController.enabled: it encrypts with temporal.auth mtls or api-key, or with an authority of yours (temporal.privateCa), alone" }}{{ end -}}
{{- $keys := dict -}}
{{- if eq $temporal.auth "mtls" }}{{ $keys = dict "temporal_tls_certificate" "tls.crt" "temporal_tls_key" "tls.key" }}{{ end -}}
{{- if $temporal.privateCa }}{{ $_ := set $keys "temporal_tls_ca" "ca.crt" }}{{ end -}}
{{- $holders := list -}}
{{- range $secret, $key := $keys -}}
{{- $source := include "offramp.secretSource" (dict "root" $ "name" $secret) | fromJson -}}
{{- if ne $source.key $key }}{{ fail (printf "secrets.%s: the worker controller looks for it under the key %s of its Secret" $secret $key) }}{{ end -}}
{{- $holders = append $holders $source.name -}}
{{- end -}}
{{- if gt (len (uniq $holders)) 1 }}{{ fail (printf "secrets: the worker controller takes %s from one Secret" (keys $keys | sortAlpha | join ", ")) }}{{ end -}}
{{- end -}}
{{- end -}}
