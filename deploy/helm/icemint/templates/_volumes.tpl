{{- define "icemint.volumeMounts" -}}
- { name: config, mountPath: /etc/icemint, readOnly: true }
- { name: tmp, mountPath: /tmp }
- { name: cache, mountPath: /var/cache/icemint }
{{- if .Values.tls.existingSecret }}
- { name: tls, mountPath: /run/secrets/tls, readOnly: true }
{{- end }}
{{- if include "icemint.shared" . }}
- { name: secret, mountPath: /run/secrets/icemint, readOnly: true }
{{- end }}
{{- if .Values.clientSecrets.existingSecret }}
- { name: client-secrets, mountPath: /run/secrets/clients, readOnly: true }
{{- end }}
{{- if .Values.clientsFiles.sources }}
- { name: clients-files, mountPath: /etc/icemint-clients.d, readOnly: true }
{{- end }}
{{- if and (include "icemint.shared" .) .Values.redis.tls.existingSecret }}
- { name: redis-tls, mountPath: /run/secrets/redis-tls, readOnly: true }
{{- end }}
{{- if or .Values.caBundle.configMap .Values.caBundle.secret }}
- { name: ca-bundle, mountPath: /etc/icemint-ca, readOnly: true }
{{- end }}
{{- if .Values.projectedToken.enabled }}
- { name: token, mountPath: {{ dir .Values.projectedToken.path }}, readOnly: true }
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{- define "icemint.volumes" -}}
- name: config
  configMap: { name: {{ include "icemint.fullname" . }} }
- name: tmp
  emptyDir: { sizeLimit: 16Mi }
- name: cache
  emptyDir: { sizeLimit: 16Mi }
{{- if .Values.tls.existingSecret }}
- name: tls
  secret: { secretName: {{ tpl .Values.tls.existingSecret . }} }
{{- end }}
{{- if include "icemint.shared" . }}
- name: secret
  secret: { secretName: {{ tpl .Values.secret.name . }} }
{{- end }}
{{- if .Values.clientSecrets.existingSecret }}
- name: client-secrets
  secret: { secretName: {{ tpl .Values.clientSecrets.existingSecret . }} }
{{- end }}
{{- with .Values.clientsFiles.sources }}
- name: clients-files
  projected:
    sources:
      {{- tpl (toYaml .) $ | nindent 6 }}
{{- end }}
{{- if and (include "icemint.shared" .) .Values.redis.tls.existingSecret }}
- name: redis-tls
  secret: { secretName: {{ tpl .Values.redis.tls.existingSecret . }} }
{{- end }}
{{- if .Values.caBundle.configMap }}
- name: ca-bundle
  configMap: { name: {{ tpl .Values.caBundle.configMap . }} }
{{- else if .Values.caBundle.secret }}
- name: ca-bundle
  secret: { secretName: {{ tpl .Values.caBundle.secret . }} }
{{- end }}
{{- with .Values.projectedToken }}
{{- if .enabled }}
- name: token
  projected:
    sources:
      - serviceAccountToken:
          path: {{ base .path }}
          expirationSeconds: {{ .expirationSeconds }}
          {{- with .audience }}
          audience: {{ tpl . $ | quote }}
          {{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}
