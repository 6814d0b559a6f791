{{- define "icemint.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "icemint.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "icemint.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "icemint.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "icemint.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "icemint.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "icemint.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "icemint.selectorLabels" -}}
app.kubernetes.io/name: {{ include "icemint.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "icemint.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "icemint.selectorLabels" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{/* The head of every object. Arguments: root, name, and optionally namespace, labels, annotations, component. */}}
{{- define "icemint.metadata" -}}
{{- $root := .root -}}
name: {{ .name }}
namespace: {{ default (include "icemint.namespace" $root) .namespace }}
labels:
  {{- include "icemint.labels" $root | nindent 2 }}
  {{- with .component }}
  app.kubernetes.io/component: {{ . }}
  {{- end }}
  {{- with .labels }}
  {{- tpl (toYaml .) $root | nindent 2 }}
  {{- end }}
{{- $annotations := merge (dict) (default (dict) .annotations) $root.Values.commonAnnotations -}}
{{- with $annotations }}
annotations:
  {{- tpl (toYaml .) $root | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "icemint.image" -}}
{{- with .Values.image -}}
{{- with .registry }}{{ . }}/{{ end -}}
{{- .repository -}}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* "true" where an object that needs someone else's API should be made. Arguments: root, enabled, api. */}}
{{- define "icemint.wanted" -}}
{{- if eq (toString .enabled) "auto" -}}
{{- if .root.Capabilities.APIVersions.Has .api }}true{{ end -}}
{{- else if .enabled }}true{{ end -}}
{{- end -}}

{{/* "true" where there is shared state, and so a sealing key. */}}
{{- define "icemint.shared" -}}
{{- if ne .Values.redis.mode "none" }}true{{ end -}}
{{- end -}}

{{- define "icemint.scheme" -}}
{{- if .Values.tls.existingSecret }}https{{ else }}http{{ end -}}
{{- end -}}

{{- define "icemint.grpcAppProtocol" -}}
{{- default (ternary "https" "kubernetes.io/h2c" (ne .Values.tls.existingSecret "")) .Values.service.grpcAppProtocol -}}
{{- end -}}

{{- define "icemint.minReplicas" -}}
{{- if .Values.autoscaling.enabled }}{{ .Values.autoscaling.minReplicas }}{{ else }}{{ .Values.replicaCount }}{{ end -}}
{{- end -}}

{{/* icemint.yaml: the operator's settings, with what the chart knows better written over them. */}}
{{- define "icemint.config" -}}
{{- $settings := tpl (toYaml .Values.config) . | fromYaml -}}
{{- if $settings.Error }}{{ fail (printf "config: %s" $settings.Error) }}{{ end -}}
{{- if not $settings.issuer -}}
{{- $address := printf "%s://%s.%s.svc.cluster.local:%v" (include "icemint.scheme" .) (include "icemint.fullname" .) (include "icemint.namespace" .) .Values.service.port -}}
{{- $_ := set $settings "issuer" $address -}}
{{- end -}}
{{- with .Values.shutdown -}}
{{- $_ := set $settings "shutdown" (dict "delay" (printf "%vs" .delaySeconds) "grace" (printf "%vs" .graceSeconds)) -}}
{{- end -}}
{{- if .Values.tls.existingSecret -}}
{{- $files := dict "cert_file" "/run/secrets/tls/tls.crt" "key_file" "/run/secrets/tls/tls.key" -}}
{{- $_ := set $settings "http" (merge (dict "tls" $files) (default (dict) $settings.http)) -}}
{{- end -}}
{{- with (include "icemint.redis" . | fromYaml) -}}
{{- $_ := set $settings "redis" . -}}
{{- end -}}
{{- if and $settings.keys (not (include "icemint.shared" .)) -}}
{{- $_ := unset $settings.keys "cache_file" -}}
{{- end -}}
{{- if .Values.clientsFiles.sources -}}
{{- $_ := set $settings "clients_files" (append (default (list) $settings.clients_files) "/etc/icemint-clients.d/*.yaml") -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}

{{/* The redis settings. With mode url the address is no setting: it comes from the Secret, as a file. */}}
{{- define "icemint.redis" -}}
{{- with .Values.redis -}}
{{- if and (eq .mode "sentinel") (not .sentinel.hosts) }}{{ fail "redis.sentinel.hosts: at least one host:port is needed with redis.mode=sentinel" }}{{ end -}}
{{- if and (eq .mode "cluster") (not .cluster.hosts) }}{{ fail "redis.cluster.hosts: at least one host:port is needed with redis.mode=cluster" }}{{ end -}}
{{- if ne .mode "none" }}
prefix: {{ .prefix | quote }}
{{- if eq .mode "sentinel" }}
sentinel:
  hosts: {{ toJson .sentinel.hosts }}
  master: {{ .sentinel.master | quote }}
  {{- if .sentinel.passwordKey }}
  password_file: /run/secrets/icemint/{{ .sentinel.passwordKey }}
  {{- end }}
  {{- if .sentinel.username }}
  username: {{ .sentinel.username | quote }}
  {{- end }}
  {{- if not .sentinel.tls }}
  tls: false
  {{- end }}
{{- else if eq .mode "cluster" }}
cluster:
  hosts: {{ toJson .cluster.hosts }}
{{- end }}
{{- if .username }}
username: {{ .username | quote }}
{{- end }}
{{- if .passwordKey }}
password_file: /run/secrets/icemint/{{ .passwordKey }}
{{- end }}
{{- if .tls.existingSecret }}
tls:
  {{- if .tls.caKey }}
  ca_file: /run/secrets/redis-tls/{{ .tls.caKey }}
  {{- end }}
  {{- if .tls.certKey }}
  cert_file: /run/secrets/redis-tls/{{ .tls.certKey }}
  {{- end }}
  {{- if .tls.keyKey }}
  key_file: /run/secrets/redis-tls/{{ .tls.keyKey }}
  {{- end }}
  {{- if .tls.servername }}
  servername: {{ .tls.servername | quote }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "icemint.topologySpread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "icemint.selectorLabels" $ | nindent 6 }}
      app.kubernetes.io/component: server
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}
