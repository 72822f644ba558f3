import { AnywhenError } from '../base/errors.js';
import type { NameStyle } from '../namespace/time-name.js';

export interface MountChoices {
  readonly readOnly: boolean;
  readonly allowOther: boolean;
  readonly allowRoot: boolean;
  /** How the mount writes times: `extended` has colons, `basic` none. */
  readonly names: NameStyle;
  /** How long the native driver looks for the next request before it sleeps, us. */
  readonly spin: number;
}

/** What a spin is worth, measured: more gains nothing. us */
const SPIN = 20;

/** What mount(8), fstab and systemd hand on and what has no meaning here, or is always so. */
const IGNORED = new Set([
  '',
  '_netdev',
  'async',
  'atime',
  'auto',
  'default_permissions',
  'defaults',
  'exec',
  'group',
  'noatime',
  'noauto',
  'nodev',
  'nodiratime',
  'noexec',
  'nofail',
  'nosuid',
  'owner',
  'relatime',
  'rw',
  'user',
  'users',
]);

/** The `-o` options of a mount, each list with commas. A later option wins. @throws `usage` for an unknown one */
export function parseMountOptions(lists: readonly string[]): MountChoices {
  let names: NameStyle = 'extended';
  const choices = { readOnly: false, allowOther: false, allowRoot: false, spin: SPIN };
  for (const option of lists.flatMap((list) => list.split(','))) {
    if (option === 'ro' || option === 'rw') choices.readOnly = option === 'ro';
    else if (option === 'allow_other') choices.allowOther = true;
    else if (option === 'allow_root') choices.allowRoot = true;
    else if (option === 'names=extended' || option === 'names=basic')
      names = option === 'names=basic' ? 'basic' : 'extended';
    else if (/^spin=\d{1,4}$/.test(option)) choices.spin = Number(option.slice('spin='.length));
    else if (!IGNORED.has(option) && !option.startsWith('x-')) {
      throw new AnywhenError('usage', `mount: there is no option ${option}`, {
        hint: 'Known are ro, rw, allow_other, allow_root, names=extended, names=basic and spin=MICROSECONDS.',
      });
    }
  }
  if (choices.allowOther && choices.allowRoot) {
    throw new AnywhenError('usage', 'mount: allow_other and allow_root exclude each other');
  }
  return { ...choices, names };
}

/**
 * Refuses early what fusermount3 would refuse late and without a word on how to mend it.
 *
 * @param fuseConf the text of /etc/fuse.conf, undefined when there is none
 * @throws `denied`
 */
export function checkAllowed(choices: MountChoices, isRoot: boolean, fuseConf: string | undefined): void {
  if (isRoot || (!choices.allowOther && !choices.allowRoot)) return;
  if (fuseConf !== undefined && /^\s*user_allow_other\s*(#.*)?$/m.test(fuseConf)) return;
  const option = choices.allowOther ? 'allow_other' : 'allow_root';
  throw new AnywhenError('denied', `mount: ${option} is not allowed to users on this machine`, {
    hint: 'root allows it with a line `user_allow_other` in /etc/fuse.conf.',
  });
}
