{{/*
A pod: its labels, and the one container of a part. Takes root, part (a name), component (a label), resources, and of workers
queues and controlled: the Temporal Worker Controller then gives them their connection to Temporal.
*/}}
{{- define "offramp.podTemplate" -}}
{{- $root := .root -}}
{{- $part := include "offramp.part" . | fromJson -}}
{{- $variables := $part.variables -}}
{{- with .queues }}{{ $_ := set $variables "OFFRAMP_QUEUES" (join "," .) }}{{ end -}}
{{- $controlled := .controlled | default false -}}
metadata:
  labels:
    {{- include "offramp.selector" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    offramp/part: {{ .part }}
  {{- with $root.Values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "offramp.name" $root }}-{{ .part }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- if eq .part "setup" }}
  restartPolicy: OnFailure
  {{- end }}
  {{- if eq .part "worker" }}
  terminationGracePeriodSeconds: {{ $root.Values.workers.terminationGracePeriodSeconds }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if ne .part "setup" }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "offramp.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $.component }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .part }}
      image: {{ include "offramp.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: {{ toJson $part.command }}
      env:
        {{- range $name, $value := $variables }}
        {{- if and $value (not (and $controlled (hasPrefix "TEMPORAL_" $name))) }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
        {{- end }}
        {{- if and (eq $root.Values.temporal.auth "api-key") (ne .part "codec") (not $controlled) }}
        - name: TEMPORAL_API_KEY
          valueFrom:
            secretKeyRef: {{ include "offramp.secretSource" (dict "root" $root "name" "temporal_api_key") }}
        {{- end }}
      {{- if $part.port }}
      ports:
        - name: {{ ternary "health" "http" (eq (int $part.port) 9465) }}
          containerPort: {{ $part.port }}
        {{- if and (has .part (list "worker" "api" "pages")) $root.Values.metrics.enabled }}
        - name: metrics
          containerPort: 9464
        {{- end }}
      {{- range $probe, $settings := dict
        "startupProbe" (dict "path" $part.startup "periodSeconds" 5 "failureThreshold" 36 "timeoutSeconds" 10)
        "readinessProbe" (dict "path" $part.ready "periodSeconds" 15 "failureThreshold" 3 "timeoutSeconds" 10)
        "livenessProbe" (dict "path" "/health" "periodSeconds" 15 "failureThreshold" 4 "timeoutSeconds" 10) }}
      {{ $probe }}:
        httpGet:
          path: {{ $settings.path }}
          port: {{ $part.port }}
          # By this name all of them answer checks of health, whatever their own is.
          httpHeaders: [{name: Host, value: 127.0.0.1}]
        periodSeconds: {{ $settings.periodSeconds }}
        timeoutSeconds: {{ $settings.timeoutSeconds }}
        failureThreshold: {{ $settings.failureThreshold }}
      {{- end }}
      {{- end }}
      {{- if has .part (list "api" "console" "pages" "codec") }}
      # Until load balancers have heard that it goes, it still answers.
      lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
      {{- end }}
      resources: {{- toYaml .resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: secrets, mountPath: /run/secrets, readOnly: true}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: {{ ternary $root.Values.workers.scratch "64Mi" (eq .part "worker") }}}
    - name: secrets
      projected:
        defaultMode: 0440
        sources:
          {{- range $part.secrets }}
          {{- if not (and $controlled (hasPrefix "temporal_" .)) }}
          {{- $source := include "offramp.secretSource" (dict "root" $root "name" .) | fromJson }}
          - secret: {name: {{ $source.name }}, items: [{key: {{ $source.key }}, path: {{ . }}}]}
          {{- end }}
          {{- end }}
{{- end -}}
