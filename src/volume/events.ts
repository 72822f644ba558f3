import type { AnywhenError } from '../base/errors.js';
import type { EngineOptions } from './engine.js';
import type { SyncReport } from './model.js';

/** Called once: when the change is in the journal, or when it failed. */
export type Done = (error: AnywhenError | undefined) => void;

/** Told of what the owner may want to log. */
export interface VolumeEvents {
  readonly synced?: (report: SyncReport) => void;
  readonly warning?: (message: string) => void;
  /** The live volume changed by other than a write or a discard: a restore, another size. Those wait for what it returns. */
  readonly replaced?: () => Promise<void> | undefined;
}

export interface VolumeOptions extends EngineOptions {
  readonly events?: VolumeEvents;
}
