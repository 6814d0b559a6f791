/** The alert rules that the chart carries. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { projectRoot } from "../support/tool.js";

export const files = "deploy/helm/icemint/files";

export const rules = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.object({ severity: z.enum(["critical", "warning"]) }),
          annotations: z.strictObject({
            summary: z.string(),
            description: z.string(),
            /** A path in this repository and an anchor. */
            runbook: z.string().optional(),
            /** A link: only where the chart was given the address of a runbook. */
            runbook_url: z.url().optional(),
          }),
        }),
      ),
    }),
  ),
});
export const alerts = rules
  .parse(parse(readFileSync(join(projectRoot, files, "alerts.yaml"), "utf8")))
  .groups.flatMap((group) => group.rules);
