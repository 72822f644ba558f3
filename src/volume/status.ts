import type { VolumeStatus } from './model.js';
import type { Volume } from './volume.js';

/** The facts of a volume as `anywhen status` prints them. */
export async function volumeStatus(volume: Volume): Promise<VolumeStatus> {
  const { engine, timeline, syncs } = volume;
  const { meta, index, scan } = engine;
  const { superblock, catalog } = meta;
  const { stored } = catalog.history;
  const warnings = [...engine.warnings];
  if (volume.failure !== undefined) warnings.push(volume.failure.message);
  return {
    uuid: formatUuid(superblock.uuid),
    historyUuid: formatUuid(superblock.historyUuid),
    readOnly: volume.readOnly,
    size: volume.size,
    createdAt: superblock.createdAt,
    oldest: timeline.oldest,
    nearFrom: timeline.nearFrom,
    now: volume.now(),
    lastWrite: lastWrite(volume),
    sequence: index.next - 1,
    durableSequence: volume.journal?.durable ?? index.next - 1,
    forward: {
      dataBytes: scan.data.length,
      dataUsed: scan.data.used,
      descriptors: scan.descriptors.length / 128,
      descriptorsUsed: Math.ceil(scan.descriptors.used / 128),
      zeros: index.zeros,
    },
    backward: {
      segments: catalog.segments.size,
      bytes: stored,
      zeros: catalog.history.bytes - stored,
      snapshots: catalog.snapshots.length,
    },
    marks: volume.marks().length,
    openViews: engine.views.views.size - 1,
    written: volume.written,
    syncEvents: syncs.count,
    lastSync: syncs.last,
    syncRunning: syncs.running,
    space: await engine.executor.space(),
    warnings,
  };
}

function lastWrite(volume: Volume): bigint {
  const { index, meta } = volume.engine;
  for (let at = index.next - 1; at >= index.first; at--) if (index.changes(at)) return index.stamp(at);
  return meta.superblock.mimStamp;
}

export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
