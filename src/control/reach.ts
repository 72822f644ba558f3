import type { VolumeStatus } from '../volume/model.js';
import type { Reach } from './model-schema.js';

const SECOND = 1e9;
/** Below this, a rate says more about the moment than about the volume. ns. */
const SHORTEST = 10_000_000_000n;

type Facts = Pick<VolumeStatus, 'now' | 'nearFrom' | 'oldest' | 'space'> & {
  readonly forward: Omit<VolumeStatus['forward'], 'zeros'>;
  readonly backward: Pick<VolumeStatus['backward'], 'bytes'>;
};

/**
 * How far history will reach when clients go on writing as they did. Near history: the time after which the
 * forward journal, data or descriptors, is full at the rate at which it was filled since `nearFrom`. History: the
 * time after which the filesystem of the store is full at the rate at which the backward journal grew, added to
 * what is there. A rate is undefined while there is too little history to tell. Pure.
 */
export function estimateReach(facts: Facts): Reach {
  const { forward, backward, space } = facts;
  const near = facts.now - facts.nearFrom;
  const old = facts.nearFrom - facts.oldest;
  const nearKnown = near >= SHORTEST && forward.dataUsed > 0;
  const oldKnown = old >= SHORTEST && backward.bytes > 0;
  const filled = Math.max(
    forward.dataUsed / forward.dataBytes,
    forward.descriptorsUsed / Math.max(1, forward.descriptors),
  );
  return {
    journalRate: nearKnown ? (forward.dataUsed / Number(near)) * SECOND : undefined,
    near: nearKnown && filled > 0 ? scaled(near, 1 / filled) : undefined,
    historyRate: oldKnown ? (backward.bytes / Number(old)) * SECOND : undefined,
    history: oldKnown ? near + scaled(old, 1 + space.free / backward.bytes) : undefined,
  };
}

/** `duration` times `factor`, ns, at most what the text of a duration can hold. */
function scaled(duration: bigint, factor: number): bigint {
  return BigInt(Math.floor(Math.min(Number(duration) * factor, 2 ** 62)));
}
