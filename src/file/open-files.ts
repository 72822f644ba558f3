import type { FileName } from './executor.js';
import { folderOf } from './file-name.js';
import type { OpenFile } from './open-file.js';

/** Files that are open at once, roughly: of a long history there are more than a process may have open. */
const OPEN = 2048;

/** The files of a store that are open. Of those in folders, the ones that were opened first are closed again. */
export class OpenFiles extends Map<FileName, OpenFile> {
  constructor(readonly limit = OPEN) {
    super();
  }

  add(name: FileName, file: OpenFile): void {
    this.set(name, file);
    if (this.size > this.limit) this.#closeIdle();
  }

  #closeIdle(): void {
    for (const [name, file] of this) {
      if (this.size <= this.limit / 2) return;
      if (folderOf(name) === '' || !file.idle) continue;
      this.delete(name);
      void file.close().catch(() => undefined);
    }
  }
}
