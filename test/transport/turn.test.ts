import { setImmediate as endOfTurn } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { Eventually } from "../../src/oauth/eventually.js";
import { Turn } from "../../src/transport/turn.js";

/** A turn that writes down what it does, and when. */
function recorded() {
  const turn = new Turn();
  const log: string[] = [];
  const add = (name: string, answer: Eventually<string> = name) =>
    turn.add(
      () => {
        log.push(`work ${name}`);
        return answer;
      },
      (value) => log.push(`reply ${value}`),
    );
  return { add, log };
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

  test("do not wait for more than sixteen", async () => {
    const { add, log } = recorded();
    const names = Array.from({ length: 20 }, (_, at) => `${at}`);
    for (const name of names) add(name);
    await endOfTurn();
    const works = (some: string[]) => some.map((name) => `work ${name}`);
    const replies = (some: string[]) => some.map((name) => `reply ${name}`);
    const [first, second] = [names.slice(0, 16), names.slice(16)];
    expect(log).toEqual([...works(first), ...replies(first), ...works(second), ...replies(second)]);
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
    const continued = (name: string) => later.promise.then(() => (log.push(`continue ${name}`), name));
    add("a", continued("a"));
    add("b", continued("b"));
    await endOfTurn();
    later.resolve("");
    await vi.waitFor(() => expect(log).toContain("reply b"));
    expect(log).toEqual(["work a", "work b", "continue a", "continue b", "reply a", "reply b"]);
  });

  test("bring others, which are the next turn's", async () => {
    const turn = new Turn();
    const log: string[] = [];
    turn.add(
      () => "one",
      (one) => {
        log.push(one);
        turn.add(
          () => "two",
          (two) => log.push(two),
        );
      },
    );
    await endOfTurn();
    expect(log).toEqual(["one"]);
    await endOfTurn();
    expect(log).toEqual(["one", "two"]);
  });
});
