import { alignUp, BLOCK } from '../base/range.js';
import type { StoreMeta } from '../journal/store-meta.js';
import { readPolicy } from './policy.js';

const MIB = 1024 * 1024;

/**
 * Bytes of the reserve where the policy says nothing else: a thirty-second of the data queue, which is what the
 * descriptors of a full forward journal take, from 64 KiB to 64 MiB.
 */
export function usualReserve(dataBytes: number): number {
  return alignUp(Math.min(64 * MIB, Math.max(MIB / 16, dataBytes / 32)), BLOCK);
}

/** Bytes that the reserve of a store is to hold. */
export function reserveBytes({ catalog, superblock }: StoreMeta): number {
  const { reserve } = readPolicy(catalog.policy);
  return reserve === 'auto' ? usualReserve(superblock.journal.dataLength) : alignUp(reserve, BLOCK);
}
