import { expect, it } from 'vitest';
import { FileRequests } from '../../src/fuse/native/file-requests.js';
import { Exchange, Field, MAX_TRANSFER, Op, type Session } from '../../src/fuse/native/session.js';
import type { Handle } from '../../src/namespace/handles.js';

it('a read that the pool does not take is held no longer: a sync event would wait for it for ever', () => {
  const exchange = new Exchange();
  const files = new FileRequests(exchange);
  const readOnPool = () => {
    throw new Error('ENOMEM');
  };
  files.session = { readOnPool } as unknown as Session;
  let held = 0;
  const hold = () => {
    held += 1;
    return () => {
      held -= 1;
    };
  };
  const plan = (_offset: number, length: number) => length;
  const handle = files.add({ plan, hold } as unknown as Handle);
  const { batch } = exchange;
  batch[Field.op] = Op.read;
  batch[Field.handle] = handle;
  batch[Field.length] = MAX_TRANSFER;
  expect(() => files.serve(0)).toThrow('ENOMEM');
  expect(held).toBe(0);
});
