/** A line that can be typed, and what it does. */
export interface Example {
  readonly line: string;
  readonly does: string;
}

/** What `--help` ends with, for each command. Every line is parsed by the tests. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  create: [
    { line: 'anywhen create /srv/store --size 10GiB', does: 'an empty volume of 10 GiB' },
    { line: 'anywhen create /srv/store --from disk.img', does: 'a copy of an image file or block device' },
    {
      line: 'anywhen create /srv/store --size 1T --journal-size 8GiB',
      does: 'near history holds 8 GiB of changes',
    },
  ],
  mount: [
    { line: 'anywhen mount /srv/store /mnt/any', does: 'volume and history under /mnt/any' },
    { line: 'anywhen mount -o ro /srv/store /mnt/any', does: 'without changing a byte of the store' },
    {
      line: 'anywhen mount -o allow_root,names=basic /srv/store /mnt/any',
      does: 'for loop devices of root; names without colons',
    },
    { line: 'anywhen mount -f /srv/store /mnt/any', does: 'in the foreground, the log on stderr' },
  ],
  umount: [
    { line: 'anywhen umount /mnt/any', does: 'flush and unmount; returns when the store is free' },
    { line: 'anywhen umount --lazy /mnt/any', does: 'also while a file of it is open' },
  ],
  attach: [
    { line: 'anywhen attach /mnt/any', does: 'the live volume on a loop device, with direct I/O' },
    { line: 'anywhen attach /mnt/any --at -2h --rw', does: 'two hours ago, writable, and thrown away later' },
  ],
  detach: [{ line: 'anywhen detach /dev/loop0', does: 'when nothing on it is mounted any more' }],
  status: [
    { line: 'anywhen status /mnt/any', does: 'of a mounted store, from its daemon' },
    { line: 'anywhen status /srv/store --json | jq .health', does: 'for a monitor' },
  ],
  points: [
    { line: 'anywhen points /mnt/any', does: 'what there is, and what was written when' },
    { line: 'anywhen points /mnt/any --from "yesterday 17:00" --to -1h', does: 'only some of it, closer' },
    { line: 'anywhen points /mnt/any --from -10s --all', does: 'every write of the last ten seconds' },
  ],
  mark: [
    { line: 'anywhen mark /mnt/any before-upgrade', does: 'this instant, found as @before-upgrade' },
    { line: 'anywhen mark /mnt/any audit-2026 --hold', does: 'kept even when space runs out' },
    { line: 'anywhen mark /mnt/any --delete before-upgrade', does: 'the name is gone, history stays' },
  ],
  sync: [{ line: 'anywhen sync /mnt/any', does: 'moves the MIM to now and frees the forward journal' }],
  thin: [
    {
      line: 'anywhen thin /mnt/any --keep all:1h,1m:1d,1h:30d --dry-run',
      does: 'what would go, and its space',
    },
    { line: 'anywhen thin /mnt/any --before -30d', does: 'what is older; snapshots with a mark stay' },
    { line: 'anywhen thin /mnt/any', does: 'what the policy says, now' },
  ],
  policy: [
    { line: 'anywhen policy /mnt/any', does: 'what is set, and what will start the next sync event' },
    {
      line: 'anywhen policy /mnt/any --set granularity=10s --set sync-interval=1h',
      does: 'a snapshot each 10 s of the past, a sync event each hour',
    },
    {
      line: 'anywhen policy /mnt/any --set "sync-times=30 2 * * *; 0 13 * * mon-fri"',
      does: 'sync events at half past two, and on weekdays at one',
    },
  ],
  inspect: [
    { line: 'anywhen inspect /srv/store', does: 'a line for each file, and what is wrong with it' },
    {
      line: 'anywhen inspect /srv/store forward --from -10s',
      does: 'the descriptors of the last ten seconds',
    },
    {
      line: 'anywhen inspect /srv/store maps --at before-upgrade --json',
      does: 'where each byte of that instant lies',
    },
  ],
  read: [
    { line: 'anywhen read /mnt/any --at -1h > disk.img', does: 'the whole volume of an hour ago' },
    {
      line: 'anywhen read /srv/store --at before-upgrade --offset 1MiB --length 512 | xxd',
      does: 'a few bytes of it, without a mount',
    },
    { line: 'anywhen read /srv/store --at "2 hours ago" | sha256sum', does: 'a phrase, in quotes' },
  ],
  restore: [
    { line: 'anywhen restore /mnt/any --at before-upgrade', does: 'the live volume; prints how to undo it' },
    { line: 'anywhen restore /mnt/any --at 2026-01-31T14:00 --nearest', does: 'the newest point before' },
    {
      line: 'anywhen restore /mnt/any --at latest~ --to disk.img',
      does: 'a file; the volume stays as it is',
    },
  ],
  resize: [{ line: 'anywhen resize /mnt/any 20GiB', does: 'its points keep the size that they had' }],
  diff: [
    { line: 'anywhen diff /mnt/any before-upgrade', does: 'what changed since then' },
    { line: 'anywhen diff /mnt/any "yesterday 17:00" -1h --limit 100', does: 'between two instants' },
    {
      line: 'anywhen diff /mnt/any monday now --data > monday.delta',
      does: 'with the data of the younger one',
    },
    {
      line: 'anywhen diff /srv/store oldest now --json | jq .bytes',
      does: 'how much changed in all of history',
    },
  ],
  check: [
    { line: 'anywhen check /srv/store', does: 'the structure; the store must not be mounted' },
    { line: 'anywhen check --data /srv/store', does: 'every byte against its checksum' },
  ],
  completion: [
    { line: 'anywhen completion bash > /etc/bash_completion.d/anywhen', does: 'for everybody' },
    { line: 'anywhen completion fish > ~/.config/fish/completions/anywhen.fish', does: 'for yourself' },
  ],
};

/** What `anywhen --help` ends with. */
export const OVERVIEW: readonly Example[] = [
  'create',
  'mount',
  'mark',
  'points',
  'restore',
  'umount',
].flatMap((name) => EXAMPLES[name]?.slice(0, 1) ?? []);

/** The examples as the end of a help text. */
export function examplesText(examples: readonly Example[]): string {
  return ['', 'Examples:', ...examples.flatMap(({ line, does }) => [`  ${line}`, `      ${does}`])].join(
    '\n',
  );
}
