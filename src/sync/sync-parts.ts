import type { Mutex } from '../base/mutex.js';
import type { Traffic } from '../base/traffic.js';
import type { Executor } from '../file/executor.js';
import type { Fetcher } from '../journal/fetch.js';
import type { ForwardIndex } from '../journal/forward-index.js';
import type { SegmentStore } from '../journal/segment-store.js';
import type { StoreMeta } from '../journal/store-meta.js';
import type { Mirror } from '../mirror/mirror.js';
import type { FormOptions } from '../vrmo/convert.js';
import type { History } from './history.js';
import type { NearCheckpoints } from './near-checkpoints.js';
import type { OpenViews } from './open-views.js';

/** What a sync event works on. */
export interface SyncParts {
  readonly executor: Executor;
  readonly meta: StoreMeta;
  readonly index: ForwardIndex;
  readonly mirror: Mirror;
  readonly fetcher: Fetcher;
  readonly segments: SegmentStore;
  readonly views: OpenViews;
  readonly history: History;
  readonly checkpoints: NearCheckpoints;
  readonly forms: FormOptions;
  /** Requests to the live volume, to which a sync event gives way. */
  readonly traffic: Traffic;
  /** Held while views are built and while they are switched. */
  readonly switching: Mutex;
}
