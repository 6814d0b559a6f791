import { mkdtempSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFingerprint } from "../../src/config/file-fingerprint.js";
import { MINUTE, SECOND } from "../../src/oauth/clock.js";

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
  const digest = vi.fn<(path: string) => Promise<string>>(async () => "the same");
  const fingerprint = createFingerprint({ clock: () => clock.now, digest });
  return { clock, digest, look: () => fingerprint([file], []) };
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

test("what is no file is not read: a pipe would never end", async () => {
  const digest = vi.fn<(path: string) => Promise<string>>();
  await createFingerprint({ clock: () => Date.now(), digest })([folder, "/dev/zero"], []);
  expect(digest).not.toHaveBeenCalled();
});
