/** What `--json` prints: the schema and the fields of each command, at the top. */
export const SHAPES: Readonly<Record<string, readonly [line: string, schema: string, fields: string]>> = {
  create: ['create @/other --size 1M', 'create', 'size store uuid'],
  status: [
    'status @/store',
    'status',
    'backward createdAt driver durableSequence forward health historyUuid lastSync lastWrite marks mountPoint nearFrom now ' +
      'oldest openViews policy reach readOnly sequence size space store syncEvents syncRunning uuid warnings written',
  ],
  points: ['points @/store', 'points', 'activity count nearFrom now oldest points'],
  mark: ['mark @/store second --hold', 'mark', 'at hold name sequence'],
  sync: [
    'sync @/store',
    'sync',
    'at bytesMoved bytesSaved milliseconds moved sequence snapshots trigger writes',
  ],
  thin: [
    'thin @/store --keep all',
    'thin',
    'bytesFreed dropped dryRun kept marked milliseconds pinned points',
  ],
  policy: [
    'policy @/store',
    'policy',
    'flushBytes flushInterval granularity highWater next retention syncInterval syncOnMark syncOnSignal syncOnUnmount syncTimes',
  ],
  restore: ['restore @/store --at first', 'restore', 'at before bytesCompared bytesWritten done ranges'],
  resize: ['resize @/store 1MiB', 'resize', 'before size'],
  diff: ['diff @/store first', 'diff', 'bytes cell count map older ranges size younger'],
  check: ['check @/store --data', 'check', 'findings'],
  inspect: ['inspect @/store', 'inspect-all', 'files inUse'],
};
