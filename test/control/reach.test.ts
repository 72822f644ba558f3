import { describe, expect, it } from 'vitest';
import { estimateReach } from '../../src/control/reach.js';

const second = 1_000_000_000n;
const facts = {
  oldest: 0n,
  nearFrom: 1000n * second,
  now: 1100n * second,
  forward: { dataBytes: 1000, dataUsed: 250, descriptors: 100, descriptorsUsed: 10 },
  backward: { segments: 1, bytes: 500, snapshots: 3 },
  space: { total: 10_000, free: 1500 },
};

describe('reach', () => {
  it('extrapolates the journal to full and the backward journal to a full filesystem', () => {
    expect(estimateReach(facts)).toEqual({
      journalRate: 2.5,
      near: 400n * second,
      historyRate: 0.5,
      history: 100n * second + 4000n * second,
    });
  });

  it('counts the descriptors when they run out first', () => {
    const forward = { ...facts.forward, descriptorsUsed: 50 };
    expect(estimateReach({ ...facts, forward }).near).toBe(200n * second);
  });

  it('says nothing where nothing was written yet, or too little time has passed', () => {
    const young = { ...facts, nearFrom: 0n, now: 5n * second };
    expect(estimateReach(young)).toEqual({
      journalRate: undefined,
      near: undefined,
      historyRate: undefined,
      history: undefined,
    });
    const idle = {
      ...facts,
      forward: { ...facts.forward, dataUsed: 0 },
      backward: { ...facts.backward, bytes: 0 },
    };
    expect(estimateReach(idle)).toMatchObject({ near: undefined, history: undefined });
  });

  it('never exceeds what the text of a duration can hold', () => {
    const huge = {
      ...facts,
      space: { total: 2 ** 52, free: 2 ** 52 },
      backward: { ...facts.backward, bytes: 1 },
    };
    expect(estimateReach(huge).history).toBeLessThan(2n ** 63n);
  });
});
