import { execFileSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createFingerprint } from "../../src/files/fingerprint.js";
import { MINUTE, SECOND } from "../../src/time/clock.js";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "icemint-fingerprint-"));
  file = join(folder, "a.yaml");
  writeFileSync(file, "one");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A clock so long after the file's last change, and a count of what was read. */
function counted(ageMs: number) {
  const clock = { now: Math.trunc(statSync(file).ctimeMs) + ageMs };
  const digest = vi.fn<() => Promise<string>>(async () => "the same");
  const fingerprint = createFingerprint({ clock: () => clock.now, digest });
  return { clock, digest, look: () => fingerprint([file], []) };
}

/** Writes until it shows in the file's times, which may be coarse. */
function writeLater(text: string): void {
  const { ctimeNs } = statSync(file, { bigint: true });
  do writeFileSync(file, text);
  while (statSync(file, { bigint: true }).ctimeNs === ctimeNs);
}

const print = createFingerprint({ clock: () => Date.now() });

test("a file that did not change is read once, however often it is looked at", async () => {
  const { digest, look } = counted(10 * SECOND);
  const first = await look();
  for (let times = 0; times < 5; times++) expect(await look()).toBe(first);
  expect(digest).toHaveBeenCalledTimes(1);
});

test("a file that changed just now is read at each look until a second change would show in its times", async () => {
  const { clock, digest, look } = counted(0);
  for (const expected of [1, 2, 3]) {
    await look();
    expect(digest).toHaveBeenCalledTimes(expected);
    clock.now += SECOND;
  }
  await look();
  await look();
  expect(digest).toHaveBeenCalledTimes(4);
});

test("a file is read again every minute, for file systems whose times stand still", async () => {
  const { clock, digest, look } = counted(10 * SECOND);
  await look();
  clock.now += MINUTE - 1;
  await look();
  expect(digest).toHaveBeenCalledTimes(1);
  clock.now += 1;
  await look();
  expect(digest).toHaveBeenCalledTimes(2);
});

test.each(["ctime", "mtime"] as const)("a file whose %s alone is recent is read at each look", async (recent) => {
  // Its other time lies far back or far ahead of the clock's now, as a restored or a wrongly dated file's does.
  const { clock, digest, look } = counted(0);
  const ahead = recent === "mtime" ? 3600 : -3600;
  utimesSync(file, clock.now / SECOND + ahead, clock.now / SECOND + ahead);
  clock.now = Math.trunc(recent === "mtime" ? statSync(file).mtimeMs : statSync(file).ctimeMs);
  await look();
  await look();
  expect(digest).toHaveBeenCalledTimes(2);
});

describe("a change of a file that was as it is for long", () => {
  /** Long after all that the tests do to the file, to have nothing read for being new. */
  const later = createFingerprint({ clock: () => Date.now() + 30 * SECOND });

  test("shows if it is written over with as many bytes", async () => {
    const before = await later([file], []);
    writeLater("two");
    expect(await later([file], [])).not.toBe(before);
  });

  test("shows if its time of change is put back", async () => {
    utimesSync(file, 1000, 1000);
    const before = await later([file], []);
    writeLater("two");
    utimesSync(file, 1000, 1000);
    expect(await later([file], [])).not.toBe(before);
  });

  test("shows if a link leads to another file, of the same length and times", async () => {
    const link = join(folder, "link");
    writeFileSync(join(folder, "b.yaml"), "two");
    symlinkSync("a.yaml", link);
    const before = await later([link], []);
    symlinkSync("b.yaml", join(folder, "next"));
    renameSync(join(folder, "next"), link);
    expect(await later([link], [])).not.toBe(before);
  });
});

test("a file whose length and time of change are as before, but not what is in it, counts as changed", async () => {
  utimesSync(file, 1000, 1000);
  const before = await print([file], []);
  writeFileSync(file, "two");
  utimesSync(file, 1000, 1000);
  expect(await print([file], [])).not.toBe(before);
});

test("a link that leads elsewhere, a missing file and a new name that matches each count as a change", async () => {
  const link = join(folder, "link");
  symlinkSync("a.yaml", link);
  const prints = [await print([link], [])];
  writeFileSync(join(folder, "b.yaml"), "two");
  symlinkSync("b.yaml", join(folder, "next"));
  renameSync(join(folder, "next"), link);
  prints.push(await print([link], []));
  rmSync(link);
  prints.push(await print([link], []));
  expect(new Set(prints).size).toBe(3);
  const matching = await print([], [join(folder, "*.yaml")]);
  writeFileSync(join(folder, "c.yaml"), "");
  expect(await print([], [join(folder, "*.yaml")])).not.toBe(matching);
});

test("of many files a few are open at a time", async () => {
  for (let at = 0; at < 100; at++) writeFileSync(join(folder, `${at}.yaml`), String(at));
  let [open, most] = [0, 0];
  const digest = async () => {
    most = Math.max(most, ++open);
    await setTimeout(1);
    open--;
    return "";
  };
  await createFingerprint({ clock: () => Date.now(), digest })([], [join(folder, "*.yaml")]);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(32);
});

test("what is no file is not read, nor waited for: a pipe would never end", async () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const digest = vi.fn<() => Promise<string>>();
  await createFingerprint({ clock: () => Date.now(), digest })([folder, pipe, "/dev/zero"], []);
  expect(digest).not.toHaveBeenCalled();
});
