import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The most memory that a process had, bytes. */
export function peakMemory(pid: number): number {
  const [, kilobytes = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/**
 * Holds a process to so many bytes of memory, page cache included, by a control group of its own. Returns how to
 * remove the group once the process is gone, or undefined where this machine has no groups to give.
 */
export function limitMemory(pid: number, bytes: number): (() => void) | undefined {
  const name = `anywhen-test-${pid}`;
  const places = [
    { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' },
    { root: '/sys/fs/cgroup', limit: 'memory.max' },
  ];
  for (const { root, limit } of places) {
    const group = join(root, name);
    try {
      mkdirSync(group);
      if (!existsSync(join(group, limit))) {
        rmdirSync(group);
        continue;
      }
      writeFileSync(join(group, limit), String(bytes));
      writeFileSync(join(group, 'cgroup.procs'), String(pid));
      return () => {
        try {
          rmdirSync(group);
        } catch {
          // Somebody is still in it; it goes with the machine.
        }
      };
    } catch {
      if (existsSync(group)) rmdirSync(group);
    }
  }
  return undefined;
}
