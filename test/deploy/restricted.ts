/**
 * Pod Security "restricted" as a function: it needs no cluster.
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
import type { PodSpec } from "./manifest.js";

const volumeTypes = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
];
const profiles = ["RuntimeDefault", "Localhost"];

/** Every breach, in words; empty if the pod would be admitted. */
export function breaches(pod: PodSpec): readonly string[] {
  const found: string[] = [];
  const rule = (holds: boolean, words: string): void => {
    if (!holds) found.push(words);
  };
  rule(!pod.hostNetwork && !pod.hostPID && !pod.hostIPC, "shares a namespace of the host");
  for (const volume of pod.volumes) {
    const [type] = Object.keys(volume).filter((key) => key !== "name");
    rule(type !== undefined && volumeTypes.includes(type), `volume of type ${type}`);
  }
  for (const { name, securityContext: own, ports } of [...pod.initContainers, ...pod.containers]) {
    rule(own.privileged !== true, `${name}: privileged`);
    rule(own.allowPrivilegeEscalation === false, `${name}: allowPrivilegeEscalation is not false`);
    rule(own.capabilities?.drop.includes("ALL") === true, `${name}: does not drop ALL`);
    rule(own.capabilities?.add.every((added) => added === "NET_BIND_SERVICE") === true, `${name}: adds capabilities`);
    rule((own.runAsNonRoot ?? pod.securityContext.runAsNonRoot) === true, `${name}: runAsNonRoot is not true`);
    rule((own.runAsUser ?? pod.securityContext.runAsUser) !== 0, `${name}: runs as root`);
    const profile = own.seccompProfile ?? pod.securityContext.seccompProfile;
    rule(profile !== undefined && profiles.includes(profile.type), `${name}: no seccomp profile`);
    rule(
      ports.every((port) => port.hostPort === undefined),
      `${name}: takes a port of the host`,
    );
  }
  return found;
}
