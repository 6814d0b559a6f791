import { setImmediate as endOfTurn } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { Batch } from "../../src/transport/batch.js";

/** A batch that writes down what it does, and when. */
function recorded() {
  const failed: [string, unknown][] = [];
  const batch = new Batch<string>((name, error) => failed.push([name, error]));
  const log: string[] = [];
  const add = (name: string, answer: string | Promise<string> = name) =>
    batch.add(
      name,
      async () => {
        log.push(`work ${name}`);
        return answer;
      },
      (value) => log.push(`reply ${value}`),
    );
  return { add, log, batch, failed };
}

describe("the requests of one turn of the event loop", () => {
  test("are all worked on before the first is replied to, each in its order", async () => {
    const { add, log } = recorded();
    add("a");
    add("b");
    expect(log).toEqual([]);
    await endOfTurn();
    expect(log).toEqual(["work a", "work b", "reply a", "reply b"]);
  });

  test("are never more than sixteen: so many are not kept waiting", async () => {
    const { add, log } = recorded();
    const names = Array.from({ length: 20 }, (_, at) => `${at}`);
    const all = (some: string[]) => ["work", "reply"].flatMap((step) => some.map((name) => `${step} ${name}`));
    for (const name of names) add(name);
    expect(log).toEqual(names.slice(0, 16).map((name) => `work ${name}`));
    await endOfTurn();
    expect(log).toEqual([...all(names.slice(0, 16)), ...all(names.slice(16))]);
  });

  test("do not wait for one whose answer comes later", async () => {
    const { add, log } = recorded();
    const later = Promise.withResolvers<string>();
    add("slow", later.promise);
    add("quick");
    await endOfTurn();
    expect(log).toEqual(["work slow", "work quick", "reply quick"]);
    later.resolve("slow");
    await vi.waitFor(() => expect(log.at(-1)).toBe("reply slow"));
  });

  test("are replied to together if their answers come together", async () => {
    const { add, log } = recorded();
    const later = Promise.withResolvers<string>();
    const continued = async (name: string, steps: number) => {
      await later.promise;
      for (let step = 0; step < steps; step++) await later.promise;
      log.push(`continue ${name}`);
      return name;
    };
    add("a", continued("a", 0));
    add("b", continued("b", 20));
    await endOfTurn();
    later.resolve("");
    await vi.waitFor(() => expect(log).toContain("reply b"));
    expect(log).toEqual(["work a", "work b", "continue a", "continue b", "reply a", "reply b"]);
  });

  test("bring others, which are the next turn's", async () => {
    const batch = new Batch<string>(() => {});
    const log: string[] = [];
    batch.add(
      "one",
      async () => "one",
      (one) => {
        log.push(one);
        batch.add(
          "two",
          async () => "two",
          (two) => log.push(two),
        );
      },
    );
    await endOfTurn();
    expect(log).toEqual(["one"]);
    await endOfTurn();
    expect(log).toEqual(["one", "two"]);
  });

  test.each(["work", "reply", "late work"])("lose none of their answers by one whose %s throws", async (what) => {
    const { add, log, batch, failed } = recorded();
    const fault = new Error("a bug");
    const fail = (): never => {
      throw fault;
    };
    const answer = Promise.resolve("");
    add("first");
    batch.add("broken", () => (what === "work" ? fail() : what === "late work" ? Promise.reject(fault) : answer), fail);
    add("last");
    await endOfTurn();
    await endOfTurn();
    expect(log).toEqual(["work first", "work last", "reply first", "reply last"]);
    expect(failed).toEqual([["broken", fault]]);
  });
});
