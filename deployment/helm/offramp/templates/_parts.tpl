{{/*
The parts: what each is run as, told, and given. Each gives JSON: command, variables, secrets (mounted as files), port, probes.
A part has the secrets that it reads, and no others.
*/}}
{{- define "offramp.part" -}}
{{- $part := include (printf "offramp.part.%s" .part) .root | fromJson -}}
{{- $_ := set $part.variables "OFFRAMP_LOG_FORMAT" "json" -}}
{{- if and .root.Values.metrics.enabled (has .part (list "worker" "api" "pages")) -}}
{{- $_ := set $part.variables "OFFRAMP_METRICS_ADDRESS" (include "offramp.address" (dict "host" .root.Values.listen "port" 9464)) -}}
{{- end -}}
{{- if ne .part "codec" -}}
{{- $temporal := include "offramp.temporal" .root | fromJson -}}
{{- $_ := set $part "variables" (merge $part.variables $temporal.variables) -}}
{{- $_ := set $part "secrets" (concat $part.secrets $temporal.secrets) -}}
{{- end -}}
{{- if and .root.Values.traces.endpoint (has .part (list "worker" "api")) -}}
{{- $_ := set $part.variables "OTEL_EXPORTER_OTLP_ENDPOINT" .root.Values.traces.endpoint -}}
{{- end -}}
{{- $part | toJson -}}
{{- end -}}

{{/* Of the parts that read the records: a login of their own, and the keys that every door has. */}}
{{- define "offramp.records" -}}
{{- $password := printf "database_%s_password" .role -}}
{{- $variables := dict
  "OFFRAMP_DATABASE_URL" (include "offramp.databaseUrl" (dict "role" (printf "offramp_%s" .role) "of" .root.Values.database))
  "OFFRAMP_DATABASE_PASSWORD_FILE" (include "offramp.file" $password)
  "OFFRAMP_PAYLOAD_KEYS_FILE" (include "offramp.file" "payload_keys")
  "OFFRAMP_REQUEST_KEYS_FILE" (include "offramp.file" "request_keys")
  "OFFRAMP_WEBHOOK_KEYS_FILE" (include "offramp.file" "webhook_keys") -}}
{{- dict "variables" $variables "secrets" (list $password "payload_keys" "request_keys" "webhook_keys") | toJson -}}
{{- end -}}

{{- define "offramp.oidc" -}}
{{- $oidc := .Values.oidc -}}
{{- dict "OFFRAMP_OIDC_ISSUER" $oidc.issuer "OFFRAMP_OIDC_AUDIENCE" $oidc.audience "OFFRAMP_OIDC_KEYS" $oidc.keys
  "OFFRAMP_OIDC_ROLES_CLAIM" $oidc.rolesClaim "OFFRAMP_OIDC_ORGANIZATIONS_CLAIM" $oidc.organizationsClaim | toJson -}}
{{- end -}}

{{/* The object store, for whoever has which of its keys. */}}
{{- define "offramp.objects" -}}
{{- $objects := .root.Values.objects -}}
{{- $variables := dict -}}
{{- $secrets := list -}}
{{- if $objects.url -}}
{{- $variables = dict "OFFRAMP_OBJECTS_URL" $objects.url "OFFRAMP_OBJECTS_ENDPOINT" $objects.endpoint
  "OFFRAMP_OBJECTS_PUBLIC_ENDPOINT" $objects.publicEndpoint "OFFRAMP_OBJECTS_REGION" $objects.region
  "OFFRAMP_OBJECTS_COMPACTED_WITHIN" $objects.compactedWithin -}}
{{- if .accessKeyId -}}
{{- $_ := set $variables "OFFRAMP_OBJECTS_ACCESS_KEY_ID" .accessKeyId -}}
{{- $_ := set $variables "OFFRAMP_OBJECTS_SECRET_ACCESS_KEY_FILE" (include "offramp.file" .secret) -}}
{{- $secrets = append $secrets .secret -}}
{{- end -}}
{{- end -}}
{{- dict "variables" $variables "secrets" $secrets | toJson -}}
{{- end -}}

{{- define "offramp.part.api" -}}
{{- $part := include "offramp.records" (dict "root" . "role" "callers") | fromJson -}}
{{- $own := dict "OFFRAMP_API_HOST" .Values.listen "OFFRAMP_API_PORT" "8236" "OFFRAMP_CONSOLE_URL" .Values.console.url -}}
{{- $_ := set $part "variables" (merge $part.variables $own (include "offramp.oidc" . | fromJson)) -}}
{{- merge $part (dict "command" (list "python" "-P" "-m" "starter.api") "port" 8236 "startup" "/ready" "ready" "/health") | toJson -}}
{{- end -}}

{{- define "offramp.part.console" -}}
{{- $part := include "offramp.records" (dict "root" . "role" "callers") | fromJson -}}
{{- $own := dict "OFFRAMP_CONSOLE_HOST" .Values.listen "OFFRAMP_CONSOLE_PORT" "8237" "OFFRAMP_CONSOLE_URL" .Values.console.url
  "OFFRAMP_CONSOLE_CLIENT_ID" .Values.console.clientId "OFFRAMP_CONSOLE_SCOPE" .Values.console.scope
  "OFFRAMP_CONSOLE_AUTHORIZATION_URL" .Values.console.authorizationUrl "OFFRAMP_CONSOLE_TOKEN_URL" .Values.console.tokenUrl
  "OFFRAMP_CONSOLE_SESSION_KEYS_FILE" (include "offramp.file" "console_session_keys")
  "OFFRAMP_TEMPORAL_UI_URL" .Values.temporal.webUi -}}
{{- $secrets := append $part.secrets "console_session_keys" -}}
{{- if has "console_client_secret" .Values.optionalSecrets -}}
{{- $_ := set $own "OFFRAMP_CONSOLE_CLIENT_SECRET_FILE" (include "offramp.file" "console_client_secret") -}}
{{- $secrets = append $secrets "console_client_secret" -}}
{{- end -}}
{{- $_ := set $part "secrets" $secrets -}}
{{- $_ := set $part "variables" (merge $part.variables $own (include "offramp.oidc" . | fromJson)) -}}
{{- merge $part (dict "command" (list "python" "-P" "-m" "starter.console") "port" 8237 "startup" "/health" "ready" "/health") | toJson -}}
{{- end -}}

{{- define "offramp.part.pages" -}}
{{- $part := include "offramp.records" (dict "root" . "role" "pages") | fromJson -}}
{{- $objects := include "offramp.objects" (dict "root" . "accessKeyId" .Values.objects.readerAccessKeyId "secret" "object_store_reader_secret") | fromJson -}}
{{- $links := include "offramp.links" . | fromJson -}}
{{- $own := dict "OFFRAMP_PAGES_HOST" .Values.listen "OFFRAMP_PAGES_PORT" "8234" -}}
{{- $_ := set $part "variables" (merge $part.variables $own $objects.variables $links.variables) -}}
{{- $_ := set $part "secrets" (concat $part.secrets $objects.secrets $links.secrets) -}}
{{- merge $part (dict "command" (list "python" "-P" "-m" "starter.pages") "port" 8234 "startup" "/health" "ready" "/health") | toJson -}}
{{- end -}}

{{- define "offramp.links" -}}
{{- $variables := dict "OFFRAMP_PUBLIC_URL" .Values.publicUrl "OFFRAMP_LINK_SECRET_FILE" (include "offramp.file" "link_secret") -}}
{{- $secrets := list "link_secret" -}}
{{- if has "link_previous_secret" .Values.optionalSecrets -}}
{{- $_ := set $variables "OFFRAMP_LINK_PREVIOUS_SECRET_FILE" (include "offramp.file" "link_previous_secret") -}}
{{- $secrets = append $secrets "link_previous_secret" -}}
{{- end -}}
{{- dict "variables" $variables "secrets" $secrets | toJson -}}
{{- end -}}

{{- define "offramp.part.codec" -}}
{{- $variables := dict "OFFRAMP_CODEC_HOST" .Values.listen "OFFRAMP_CODEC_PORT" "8235" "OFFRAMP_CODEC_UI" .Values.temporal.webUi
  "OFFRAMP_PAYLOAD_KEYS_FILE" (include "offramp.file" "payload_keys") "OFFRAMP_CODEC_TOKEN_FILE" (include "offramp.file" "codec_token") -}}
{{- dict "command" (list "python" "-P" "-m" "starter.codec") "port" 8235 "startup" "/health" "ready" "/health"
  "variables" $variables "secrets" (list "payload_keys" "codec_token") | toJson -}}
{{- end -}}

{{- define "offramp.part.nexus" -}}
{{- $variables := dict "OFFRAMP_PAYLOAD_KEYS_FILE" (include "offramp.file" "payload_keys")
  "OFFRAMP_NEXUS_KEYS_FILE" (include "offramp.file" "nexus_keys")
  "OFFRAMP_HEALTH_ADDRESS" (include "offramp.address" (dict "host" .Values.listen "port" 9465)) -}}
{{- dict "command" (list "python" "-P" "-m" "starter.nexus") "port" 9465 "startup" "/ready" "ready" "/ready"
  "variables" $variables "secrets" (list "payload_keys" "nexus_keys") | toJson -}}
{{- end -}}

{{- define "offramp.part.setup" -}}
{{- $part := include "offramp.records" (dict "root" . "role" "callers") | fromJson -}}
{{- $own := dict
  "OFFRAMP_DATABASE_OWNER_URL" (include "offramp.databaseUrl" (dict "role" "offramp_owner" "of" .Values.database))
  "OFFRAMP_DATABASE_OWNER_PASSWORD_FILE" (include "offramp.file" "database_owner_password")
  "OFFRAMP_NIGHTLY_ZONE" .Values.nightlyZone -}}
{{- if .Values.nexus.enabled }}{{ $_ := set $own "OFFRAMP_NEXUS_ENDPOINT" .Values.nexus.endpoint }}{{ end -}}
{{- $_ := set $part "variables" (merge $part.variables $own) -}}
{{- $_ := set $part "secrets" (append $part.secrets "database_owner_password") -}}
{{- merge $part (dict "command" (list "offramp" "setup")) | toJson -}}
{{- end -}}

{{- define "offramp.part.worker" -}}
{{- $part := include "offramp.records" (dict "root" . "role" "worker") | fromJson -}}
{{- $objects := include "offramp.objects" (dict "root" . "accessKeyId" .Values.objects.accessKeyId "secret" "object_store_secret") | fromJson -}}
{{- $links := include "offramp.links" . | fromJson -}}
{{- $secrets := concat $part.secrets $objects.secrets $links.secrets (list "smtp_url") -}}
{{- $own := dict "OFFRAMP_SMTP_URL_FILE" (include "offramp.file" "smtp_url") "OFFRAMP_MAIL_FROM" .Values.mail.from
  "OFFRAMP_MAIL_REPLY_TO" .Values.mail.replyTo "OFFRAMP_MAIL_GATHER_SECONDS" (.Values.mail.gatherSeconds | toString)
  "OFFRAMP_NIGHTLY_ZONE" .Values.nightlyZone
  "OFFRAMP_HEALTH_ADDRESS" (include "offramp.address" (dict "host" .Values.listen "port" 9465)) -}}
{{- if .Values.webhook.url -}}
{{- $_ := set $own "OFFRAMP_WEBHOOK_URL" .Values.webhook.url -}}
{{- $_ := set $own "OFFRAMP_WEBHOOK_SECRET_FILE" (include "offramp.file" "webhook_secret") -}}
{{- $secrets = append $secrets "webhook_secret" -}}
{{- if has "webhook_previous_secret" .Values.optionalSecrets -}}
{{- $_ := set $own "OFFRAMP_WEBHOOK_PREVIOUS_SECRET_FILE" (include "offramp.file" "webhook_previous_secret") -}}
{{- $secrets = append $secrets "webhook_previous_secret" -}}
{{- end -}}
{{- end -}}
{{- if .Values.tenants.host -}}
{{- $_ := set $own "OFFRAMP_TENANT_DATABASE_URL" (include "offramp.databaseUrl" (dict "role" "offramp_directory" "of" .Values.tenants)) -}}
{{- $_ := set $own "OFFRAMP_TENANT_DATABASE_PASSWORD_FILE" (include "offramp.file" "tenant_directory_password") -}}
{{- $_ := set $own "OFFRAMP_TENANT_LOGIN_SECRET_FILE" (include "offramp.file" "tenant_login_secret") -}}
{{- $secrets = concat $secrets (list "tenant_directory_password" "tenant_login_secret") -}}
{{- end -}}
{{- $_ := set $part "variables" (merge $part.variables $own $objects.variables $links.variables) -}}
{{- $_ := set $part "secrets" $secrets -}}
{{- merge $part (dict "command" (list "python" "-P" "-m" "worker") "port" 9465 "startup" "/ready" "ready" "/ready") | toJson -}}
{{- end -}}
