/** One version everywhere: the package, the chart, and the image that the chart and the manifests name. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const PACKAGE = z.object({ version: z.string() });
const CHART = z.object({ version: z.string(), appVersion: z.string() });
const VALUES = z.object({ image: z.object({ repository: z.string(), tag: z.string() }) });

export function versionOf(root: string): string {
  return PACKAGE.parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8"))).version;
}

/** What disagrees with the package's version. */
export function versionProblems(root: string): readonly string[] {
  const version = versionOf(root);
  const read = (path: string): string => readFileSync(join(root, path), "utf8");
  const chart = CHART.parse(parse(read("deploy/helm/icemint/Chart.yaml")));
  const { image } = VALUES.parse(parse(read("deploy/helm/icemint/values.yaml")));
  const manifests = [...read("deploy/kustomize/icemint.yaml").matchAll(/image: "?([^"\s]+)"?/g)].map(
    ([, name]) => name,
  );
  const said: readonly (readonly [string, unknown, string])[] = [
    ["the chart's version", chart.version, version],
    ["the chart's appVersion", chart.appVersion, version],
    // Empty: the chart takes its appVersion.
    ["the tag in the chart's values", image.tag, ""],
    ...manifests.map((name) => ["an image in deploy/kustomize", name, `${image.repository}:${version}`] as const),
  ];
  return said
    .filter(([, found, wanted]) => found !== wanted)
    .map(([what, found, wanted]) => `${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}
