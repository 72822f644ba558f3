import { readFileSync } from 'node:fs';

export interface MountEntry {
  /** `major:minor`: what the mount is known by, wherever it is moved. */
  readonly device: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
}

/** Parses /proc/self/mountinfo. Pure. */
export function parseMountTable(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ');
    const [, , device, , mountPoint] = before?.split(' ') ?? [];
    const [type, source] = after?.split(' ') ?? [];
    if (device === undefined || mountPoint === undefined || type === undefined || source === undefined)
      continue;
    entries.push({ device, mountPoint: unescapeOctal(mountPoint), type, source: unescapeOctal(source) });
  }
  return entries;
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

export function mountTable(): MountEntry[] {
  return parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** The mount of ours at this path, without touching the path itself. */
export function anywhenMount(mountPoint: string): MountEntry | undefined {
  return mountTable().findLast((entry) => entry.mountPoint === mountPoint && entry.type === 'fuse.anywhen');
}

/** Where the mount of ours with this device is now: a folder above it may have got another name. */
export function mountOf(device: string): MountEntry | undefined {
  return mountTable().findLast((entry) => entry.device === device && entry.type === 'fuse.anywhen');
}

export function isMountPoint(mountPoint: string): boolean {
  return anywhenMount(mountPoint) !== undefined;
}
