import { existsSync } from 'node:fs';
import {
  appendFile,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

const NODE_MODULES = resolve(import.meta.dirname, '../../node_modules');
const BYTES_MAX = 48 * 2 ** 20;
const FILE_BYTES_MAX = 2 ** 20;

async function* walk(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile() || entry.isSymbolicLink()) yield path;
  }
}

/** Files and links of a folder, relative, in a fixed order. */
async function namesOf(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const path of walk(folder)) names.push(relative(folder, path));
  return names;
}

/** A real tree: up to `count` files and links of this machine's headers and packages, copied to `target`. */
export async function copyRealTree(target: string, count: number): Promise<number> {
  let copied = 0;
  let bytes = 0;
  for (const source of ['/usr/include', NODE_MODULES].filter((folder) => existsSync(folder))) {
    for await (const path of walk(source)) {
      if (copied >= count || bytes >= BYTES_MAX) return copied;
      const facts = await lstat(path);
      if (facts.size > FILE_BYTES_MAX) continue;
      const to = join(target, source === NODE_MODULES ? 'packages' : 'include', relative(source, path));
      await mkdir(dirname(to), { recursive: true });
      if (facts.isSymbolicLink()) await symlink(await readlink(path), to);
      else await copyFile(path, to);
      copied += 1;
      bytes += facts.size;
    }
  }
  return copied;
}

/**
 * Changes a tree as a user would: every third file deleted, every fourth grown, a folder of new files, a folder
 * renamed. The same `round` changes equal trees in the same way.
 */
export async function changeTree(root: string, round: number): Promise<void> {
  const names = await namesOf(root);
  for (const [index, name] of names.entries()) {
    const path = join(root, name);
    if ((index + round) % 3 === 0) await rm(path);
    else if ((index + round) % 4 === 0 && (await lstat(path)).isFile()) {
      await appendFile(path, `grown in round ${round}\n`.repeat(1 + (index % 200)));
    }
  }
  const fresh = join(root, `new-${round}`);
  await mkdir(fresh);
  for (let index = 0; index < 200; index++) {
    await writeFile(join(fresh, `file ${index}`), Buffer.alloc(index * 97, index));
  }
  if (round > 1) await rename(join(root, `new-${round - 1}`), join(root, `moved-${round - 1}`));
}
