import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { AnywhenError } from '../base/errors.js';

const HELPERS = ['/usr/bin/fusermount3', '/bin/fusermount3', '/usr/bin/fusermount', '/bin/fusermount'];

/** Unmounts with the system's helper, fixed arguments, no shell. @throws `busy`, `io` */
export async function unmount(mountPoint: string, lazy: boolean): Promise<void> {
  const helper = HELPERS.find((path) => existsSync(path));
  const [command, args] =
    process.getuid?.() === 0
      ? ['/bin/umount', lazy ? ['-l', mountPoint] : [mountPoint]]
      : [helper ?? '/usr/bin/fusermount3', lazy ? ['-u', '-z', mountPoint] : ['-u', mountPoint]];
  await new Promise<void>((resolve, reject) => {
    execFile(
      command as string,
      args as string[],
      { env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' } },
      (error, _out, text) => {
        if (error === null || /not (found|mounted)/i.test(text)) return resolve();
        const busy = /busy/i.test(text);
        reject(
          new AnywhenError(
            busy ? 'busy' : 'io',
            `${mountPoint}: ${busy ? 'is in use' : text.trim() || error.message}`,
            {
              hint: busy
                ? 'Detach loop devices and close what is open there; `fuser -m` shows who it is.'
                : 'Look at the mount table.',
            },
          ),
        );
      },
    );
  });
}
