import { hash } from "node:crypto";
import type { ReloadableConfig } from "./config.js";

const DIGITS = 12;

/** Names what may change at run time: replicas with equal settings have equal digests. It tells nothing of a secret. */
export function settingsDigest({
  clients,
  workloads,
  trustedIssuers,
}: Pick<ReloadableConfig, "clients" | "workloads" | "trustedIssuers">): string {
  const text = JSON.stringify([clients, workloads, trustedIssuers], (_name, value: unknown) =>
    value instanceof Set ? [...value] : value,
  );
  return hash("sha256", text, "hex").slice(0, DIGITS);
}
