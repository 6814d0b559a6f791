/** Reads what `node --cpu-prof` writes. */

/** One function in one stack. */
export interface Frame {
  readonly name: string;
  /** Where its code is: a URL or path, empty for what is native. */
  readonly url: string;
  /** Microseconds in the function itself. */
  readonly selfMicroseconds: number;
  /** Microseconds in it and in what it called. */
  readonly totalMicroseconds: number;
  readonly children: readonly Frame[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The tree of stacks of a profile, waiting for work left out. */
export function readProfile(json: string): Frame {
  const profile: Profile = JSON.parse(json);
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const self = new Map<number, number>();
  for (const [at, id] of profile.samples.entries()) {
    self.set(id, (self.get(id) ?? 0) + Math.max(0, profile.timeDeltas[at] ?? 0));
  }
  const frameOf = ({ id, callFrame, children = [] }: ProfileNode): Frame => {
    const below = children.flatMap((child) => {
      const node = byId.get(child);
      return node === undefined || isIdle(node) ? [] : [frameOf(node)];
    });
    const selfMicroseconds = self.get(id) ?? 0;
    return {
      name: callFrame.functionName || "(anonymous)",
      url: callFrame.url,
      selfMicroseconds,
      totalMicroseconds: below.reduce((sum, child) => sum + child.totalMicroseconds, selfMicroseconds),
      children: below,
    };
  };
  const root = profile.nodes[0];
  if (root === undefined) throw new Error("an empty profile");
  return frameOf(root);
}

function isIdle({ callFrame }: ProfileNode): boolean {
  return callFrame.functionName === "(idle)";
}
