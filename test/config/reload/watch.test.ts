import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Config } from "../../../src/config/config.js";
import { localDisk } from "../../../src/config/reading/disk.js";
import { createFingerprint } from "../../../src/files/fingerprint.js";
import { ConfigProblems } from "../../../src/config/reading/problem.js";
import { readConfig } from "../../../src/config/read.js";
import { watchConfig } from "../../../src/config/reload/watch.js";
import { LONG_SECRET, NOW, memoryDisk } from "../settings.js";
import { HOUR } from "../../../src/time/clock.js";

/** A folder with settings that are watched, as a server would. */
function startWatching(folder: string, file: string) {
  const sources = { file: join(folder, file), env: {}, disk: localDisk, clock: () => NOW };
  const started = readConfig(sources);
  const good: { readonly ids: string; readonly restartFor: readonly string[] }[] = [];
  const bad: string[] = [];
  let current: Config = started;
  let waiting: (() => void)[] = [];
  const wake = () => {
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  const stop = new AbortController();
  const { reloadNow } = watchConfig({
    started,
    read: async () => readConfig({ ...sources, running: started }),
    fingerprint: createFingerprint({ clock: () => Date.now() }),
    onGood(config, restartFor) {
      current = config;
      good.push({ ids: config.clients.map(({ id }) => id).join(), restartFor });
      wake();
    },
    onBad(error) {
      bad.push(error instanceof ConfigProblems ? error.message : String(error));
      wake();
    },
    onFault(error) {
      throw error;
    },
    signal: stop.signal,
    intervalMs: 20,
  });
  return {
    good,
    bad,
    reloadNow,
    current: () => current,
    stop: () => stop.abort(),
    /** Resolves at the next report. */
    next: () => new Promise<void>((resolve) => waiting.push(resolve)),
  };
}

describe("on a real disk", () => {
  let folder: string;
  let watching: ReturnType<typeof startWatching> | undefined;
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const watch = (file = "icemint.yaml") => (watching = startWatching(folder, file));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "icemint-config-"));
  });
  afterEach(() => {
    watching?.stop();
    rmSync(folder, { recursive: true });
  });

  test("a changed file is taken over, and a bad one is refused whole while the good state stays", async () => {
    write("icemint.yaml", "clients: [{ id: a, disabled: true }]");
    const { next, good, bad, current } = watch();
    write("icemint.yaml", "clients: [{ id: b, disabled: true }]");
    await next();
    expect(good).toEqual([{ ids: "b", restartFor: [] }]);

    write("icemint.yaml", "clients: [{ id: c, disabled: true }, { id: 'not an id', disabled: true }]");
    await next();
    expect(bad).toEqual([expect.stringContaining("clients[1].id may hold only letters")]);
    expect(current().clients.map(({ id }) => id)).toEqual(["b"]);

    write("icemint.yaml", "clients: [{ id: c, disabled: true }]");
    await next();
    expect(good.at(-1)?.ids).toBe("c");
    expect(bad).toHaveLength(1);
  });

  test("a new client file that matches, a changed one and a removed one are each taken over", async () => {
    write("icemint.yaml", "clients_files: [clients.d/*.yaml]");
    mkdirSync(join(folder, "clients.d"));
    const { next, good } = watch();
    write("clients.d/a.yaml", "- { id: a, disabled: true }");
    await next();
    write("clients.d/a.yaml", "- { id: b, disabled: true }");
    await next();
    rmSync(join(folder, "clients.d/a.yaml"));
    await next();
    expect(good.map(({ ids }) => ids)).toEqual(["a", "b", ""]);
  });

  test("a changed secret file is taken over; one that goes missing is refused, and heals when it is back", async () => {
    write("icemint.yaml", "clients: [{ id: a, secrets: [{ file: secret }] }]");
    write("secret", LONG_SECRET);
    const { next, good, bad, current } = watch();
    const before = current().clients[0]?.secrets;
    write("secret", `${LONG_SECRET}-changed`);
    await next();
    expect(current().clients[0]?.secrets).not.toEqual(before);
    rmSync(join(folder, "secret"));
    await next();
    expect(bad).toEqual([expect.stringContaining("clients[0].secrets[0].file cannot be read: there is no such file")]);
    write("secret", LONG_SECRET);
    await next();
    expect(current().clients[0]?.secrets).toEqual(before);
    expect(good).toHaveLength(2);
  });

  test("a mounted ConfigMap, which changes by swapping a link, is taken over and read once", async () => {
    const publish = (version: string, text: string) => {
      mkdirSync(join(folder, `..${version}`));
      write(`..${version}/a.yaml`, text);
      symlinkSync(`..${version}`, join(folder, "..data_tmp"));
      renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    };
    publish("1", "- { id: a, disabled: true }");
    symlinkSync("..data/a.yaml", join(folder, "a.yaml"));
    write("main.yml", "clients_files: ['**/*.yaml']");
    const { next, good, current } = watch("main.yml");
    expect(current().clients.map(({ id }) => id)).toEqual(["a"]);
    publish("2", "- { id: b, disabled: true }");
    await next();
    expect(good.map(({ ids }) => ids)).toEqual(["b"]);
  });

  test("a setting that needs a restart is named, and clients do not follow it until then", async () => {
    write("icemint.yaml", "clients: [{ id: a, disabled: true }]");
    const { next, good, current } = watch();
    write(
      "icemint.yaml",
      "issuer: https://new.example.com\ntokens: { access_ttl: 2h }\nclients: [{ id: b, disabled: true }]",
    );
    await next();
    expect(good).toEqual([{ ids: "b", restartFor: ["issuer", "tokens"] }]);
    const [client] = current().clients;
    expect(client?.audiences.default).toEqual(["http://127.0.0.1:8181"]);
    expect(client?.accessTtlMs).toBe(HOUR);
  });

  test("asked for, the files are read at once, changed or not", async () => {
    write("icemint.yaml", "clients: [{ id: a, disabled: true }]");
    const { good, bad, next, reloadNow } = watch();
    reloadNow();
    await next();
    expect(good).toEqual([{ ids: "a", restartFor: [] }]);
    write("icemint.yaml", "clients: 5");
    reloadNow();
    await next();
    expect(bad).toHaveLength(1);
  });
});

describe("looks", () => {
  const started = readConfig({
    file: "/icemint.yaml",
    env: {},
    disk: memoryDisk({ "/icemint.yaml": "clients: [{ id: a, disabled: true }]" }),
    clock: () => NOW,
  });

  /** Watches with prints that are told, one for each look. */
  function watchPrints(signal: AbortSignal, read: () => Config | Promise<Config>) {
    let print = "0";
    const onGood = vi.fn<(config: Config) => void>();
    const onBad = vi.fn<(error: unknown) => void>();
    const onFault = vi.fn<(error: unknown) => void>();
    const { reloadNow } = watchConfig({
      started,
      read: async () => read(),
      onGood,
      onBad,
      onFault,
      signal,
      intervalMs: 100,
      fingerprint: async () => print,
    });
    return {
      reloadNow,
      onGood,
      onBad,
      onFault,
      see: async (next: string) => {
        print = next;
        await vi.advanceTimersByTimeAsync(100);
      },
    };
  }

  const stop: { now?: AbortController } = {};
  beforeEach(() => {
    vi.useFakeTimers();
    stop.now = new AbortController();
  });
  afterEach(() => {
    stop.now?.abort();
    vi.useRealTimers();
  });
  const signal = () => stop.now?.signal ?? AbortSignal.abort();

  test("a file that still changes is not read until two looks agree", async () => {
    const read = vi.fn<() => Config>(() => started);
    const { see } = watchPrints(signal(), read);
    await see("0");
    await see("0");
    const before = read.mock.calls.length;
    await see("1");
    await see("2");
    await see("3");
    expect(read.mock.calls.length).toBe(before);
    await see("3");
    expect(read.mock.calls.length).toBe(before + 1);
    await see("3");
    expect(read.mock.calls.length).toBe(before + 1);
  });

  test("a change of the files that changes no setting is not told", async () => {
    const read = vi.fn<() => Config>(() => structuredClone(started));
    const { see, onGood } = watchPrints(signal(), read);
    await see("1");
    await see("1");
    await turnsOfTheLoop();
    expect(read).toHaveBeenCalledTimes(1);
    expect(onGood).not.toHaveBeenCalled();
  });

  test("a failure to tell of a refusal is reported, and the next change is read", async () => {
    const fault = new Error("by our own fault");
    const read = vi.fn<() => Config>(() => {
      throw new ConfigProblems([], [], ["/some/file"]);
    });
    const { see, onBad, onFault } = watchPrints(signal(), read);
    onBad.mockImplementation(() => {
      throw fault;
    });
    await see("0");
    await see("0");
    expect(onFault.mock.calls).toEqual([[fault]]);
    await see("1");
    await see("1");
    expect(read).toHaveBeenCalledTimes(2);
  });

  test("the same refusal is told once, and the way back to the good state is told too", async () => {
    let broken = true;
    const { see, onGood, onBad } = watchPrints(signal(), () => {
      if (broken) throw new ConfigProblems([], [], ["/some/file"]);
      return started;
    });
    for (const print of ["1", "1", "2", "2"]) await see(print);
    expect(onBad).toHaveBeenCalledTimes(1);
    broken = false;
    for (const print of ["3", "3"]) await see(print);
    expect(onGood).toHaveBeenCalledTimes(1);
  });

  test("a reading at a time: what is asked for meanwhile is read once more, after it, and that is what holds", async () => {
    const readings: PromiseWithResolvers<Config>[] = [];
    const { reloadNow, onGood } = watchPrints(signal(), () => {
      const reading = Promise.withResolvers<Config>();
      readings.push(reading);
      return reading.promise;
    });
    for (let times = 0; times < 2; times++) reloadNow();
    await vi.advanceTimersByTimeAsync(0);
    for (let times = 0; times < 3; times++) reloadNow();
    await vi.advanceTimersByTimeAsync(0);
    expect(readings).toHaveLength(1);
    readings[0]?.resolve({ ...started, warnings: ["first"] });
    await vi.advanceTimersByTimeAsync(0);
    expect(readings).toHaveLength(2);
    readings[1]?.resolve({ ...started, warnings: ["second"] });
    await vi.advanceTimersByTimeAsync(0);
    expect(onGood.mock.calls.map(([{ warnings }]) => warnings)).toEqual([["first"], ["second"]]);
    expect(readings).toHaveLength(2);
  });

  test.each([
    ["is good", (reading: PromiseWithResolvers<Config>) => reading.resolve({ ...started, warnings: ["late"] })],
    ["fails", (reading: PromiseWithResolvers<Config>) => reading.reject(new Error("late"))],
  ])(
    "the end of the watch ends its readings: one under way is not told if it %s, and none follows",
    async (_, settle) => {
      const readings: PromiseWithResolvers<Config>[] = [];
      const { reloadNow, onGood, onBad } = watchPrints(signal(), () => {
        const reading = Promise.withResolvers<Config>();
        readings.push(reading);
        return reading.promise;
      });
      reloadNow();
      await vi.advanceTimersByTimeAsync(0);
      reloadNow();
      stop.now?.abort();
      settle(readings[0] ?? Promise.withResolvers());
      await vi.advanceTimersByTimeAsync(0);
      reloadNow();
      await vi.advanceTimersByTimeAsync(0);
      expect(readings).toHaveLength(1);
      expect(onGood).not.toHaveBeenCalled();
      expect(onBad).not.toHaveBeenCalled();
    },
  );

  test("a reading that failed for no fault of the settings is tried again after a minute, until it succeeds", async () => {
    const read = vi
      .fn<() => Promise<Config>>()
      .mockRejectedValueOnce(new Error("no memory"))
      .mockRejectedValueOnce(new Error("no memory"))
      .mockResolvedValue({ ...started, warnings: ["at last"] });
    const { see, onGood, onBad } = watchPrints(signal(), read);
    await see("1");
    await see("1");
    expect(onBad).toHaveBeenCalledTimes(1);
    for (let looks = 0; looks < 100; looks++) await see("1");
    expect(read).toHaveBeenCalledTimes(1);
    for (let looks = 0; looks < 200; looks++) await see("1");
    expect(read).toHaveBeenCalledTimes(3);
    expect(onGood).toHaveBeenCalledTimes(1);
    for (let looks = 0; looks < 200; looks++) await see("1");
    expect(read).toHaveBeenCalledTimes(3);
  });

  test("the end of the watch ends its looks", async () => {
    const read = vi.fn<() => Config>(() => started);
    const { see } = watchPrints(signal(), read);
    stop.now?.abort();
    await see("1");
    await see("1");
    expect(read).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

/** Lets what waits for the loop's next turns go on; the fake timers do not hold it up. */
async function turnsOfTheLoop(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await setImmediate();
}
