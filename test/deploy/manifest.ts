/** What the tests look at in rendered Kubernetes objects; everything else passes through unread. */
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { tool } from "../support/tool.js";

export const helm = tool("helm");
export const chart = "deploy/helm/icemint";
export const everythingOn = "test/deploy/everything-on.yaml";

const securityContext = z
  .looseObject({
    runAsNonRoot: z.boolean().optional(),
    runAsUser: z.number().optional(),
    privileged: z.boolean().optional(),
    allowPrivilegeEscalation: z.boolean().optional(),
    readOnlyRootFilesystem: z.boolean().optional(),
    capabilities: z
      .looseObject({ drop: z.array(z.string()).default([]), add: z.array(z.string()).default([]) })
      .optional(),
    seccompProfile: z.looseObject({ type: z.string() }).optional(),
  })
  .default({});

const container = z.looseObject({
  name: z.string(),
  securityContext,
  lifecycle: z.unknown().optional(),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
  volumeMounts: z.array(z.looseObject({ mountPath: z.string() })).default([]),
  ports: z.array(z.looseObject({ hostPort: z.number().optional() })).default([]),
});

const podSpec = z.looseObject({
  hostNetwork: z.boolean().default(false),
  hostPID: z.boolean().default(false),
  hostIPC: z.boolean().default(false),
  automountServiceAccountToken: z.boolean().optional(),
  terminationGracePeriodSeconds: z.number().optional(),
  securityContext,
  volumes: z.array(z.record(z.string(), z.unknown())).default([]),
  initContainers: z.array(container).default([]),
  containers: z.array(container),
});

export type PodSpec = z.infer<typeof podSpec>;

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.record(z.string(), z.unknown()).default({}),
  data: z.record(z.string(), z.string()).default({}),
});

export type Manifest = z.infer<typeof manifest>;

/** Renders the chart and reads the objects. Arguments are helm's own: `--set`, `-f`. */
export function render(...args: readonly string[]): readonly Manifest[] {
  const { code, output } = helm.run("template", "icemint", chart, ...args);
  if (code !== 0) throw new Error(output);
  return parseAllDocuments(output)
    .map((document): unknown => document.toJS({ maxAliasCount: 0 }))
    .filter((object) => object !== null)
    .map((object) => manifest.parse(object));
}

export function only(objects: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = objects.filter(
    (object) => object.kind === kind && (name ?? object.metadata.name) === object.metadata.name,
  );
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${found.length} objects of kind ${kind}`);
  return first;
}

const workload = z.object({ template: z.looseObject({ spec: podSpec }) });

/** The pods that these objects start, by name. */
export function podSpecs(objects: readonly Manifest[]): readonly (readonly [string, PodSpec])[] {
  return objects.flatMap((object): (readonly [string, PodSpec])[] => {
    if (object.kind === "Deployment") return [[object.metadata.name, workload.parse(object.spec).template.spec]];
    if (object.kind === "Pod") return [[object.metadata.name, podSpec.parse(object.spec)]];
    return [];
  });
}
