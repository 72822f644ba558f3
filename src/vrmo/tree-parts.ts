import { type NodeId, NodeSlabs } from './node-slabs.js';

/** What makes up a tree: its nodes, the root, the levels above the leaves, the number of entries. */
export interface TreeParts {
  readonly nodes: NodeSlabs;
  readonly root: NodeId;
  readonly height: number;
  readonly entries: number;
}

/** A tree without entries: an empty leaf. */
export function emptyParts(): TreeParts {
  const nodes = NodeSlabs.empty();
  return { nodes, root: nodes.allocate(), height: 0, entries: 0 };
}
