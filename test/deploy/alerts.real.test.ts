import { describe, expect, it } from "vitest";
import { tool } from "../support/tool.js";
import { alerts, files, rules } from "./alert-rules.js";
import { helm, only, render } from "./manifest.js";

const promtool = tool("promtool");

describe("the alert rules", () => {
  it.skipIf(helm.missing)(`keep their number in the chart, less those switched off${helm.reason}`, () => {
    const args = ["--set", "prometheusRule.enabled=true", "--set", "prometheusRule.runbookUrl=https://example.com/r"];
    const rendered = (...more: readonly string[]): typeof alerts =>
      rules.parse(only(render(...args, ...more), "PrometheusRule").spec).groups.flatMap((group) => group.rules);
    expect(rendered().map((rule) => rule.alert)).toEqual(alerts.map((alert) => alert.alert));
    expect(rendered()[0]?.annotations.runbook_url).toBe("https://example.com/r#icemintdown");
    const without = rendered("--set", "prometheusRule.runbookUrl=");
    expect(without.map(({ annotations }) => annotations)).toEqual(alerts.map(({ annotations }) => annotations));
    const fewer = rendered("--set", "prometheusRule.disabledAlerts={IcemintSlow}").map((rule) => rule.alert);
    expect(fewer).toEqual(alerts.map((alert) => alert.alert).filter((name) => name !== "IcemintSlow"));
  });

  it.skipIf(promtool.missing)(`pass promtool's check${promtool.reason}`, () => {
    expect(promtool.run("check", "rules", `${files}/alerts.yaml`)).toMatchObject({ code: 0 });
  });

  it.skipIf(promtool.missing)(`fire when they should, and stay quiet when they should${promtool.reason}`, () => {
    expect(promtool.run("test", "rules", "test/deploy/alerts-test.yaml")).toMatchObject({ code: 0 });
  });
});
