import { DelayingExecutor } from '../../src/file/delaying-executor.js';
import type { Executor } from '../../src/file/executor.js';
import { FaultyExecutor } from '../../src/file/faulty-executor.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { OsExecutor } from '../../src/file/os-executor.js';
import { RecordingExecutor } from '../../src/file/recording-executor.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';
import { executorSuite, type Opened } from './executor-suite.js';

const inMemory = (wrap: (below: Executor) => Executor) => async (): Promise<Opened> => {
  const below = new MemoryExecutor();
  return {
    executor: wrap(below),
    readOnly: async () => wrap(below.copy(true)),
    dispose: async () => undefined,
  };
};

const onDisk = (wrap: (below: Executor) => Executor) => async (): Promise<Opened> => {
  const folder = await temporaryFolder();
  const below = await OsExecutor.open(folder);
  return {
    executor: wrap(below),
    readOnly: async () => wrap(await OsExecutor.open(folder, { readOnly: true })),
    dispose: async () => {
      await below.close();
      await removeFolder(folder);
    },
  };
};

const same = (below: Executor) => below;
const recording = (below: Executor) => new RecordingExecutor(below);
const faulty = (below: Executor) => new FaultyExecutor(below, []);
const delaying = (below: Executor) => new DelayingExecutor(below, 1, 1);

executorSuite('the memory executor', inMemory(same), 500);
executorSuite('the executor of the operating system', onDisk(same));
executorSuite('the recording executor', inMemory(recording));
executorSuite('the recording executor on a disk', onDisk(recording), 30);
executorSuite('the faulty executor without rules', inMemory(faulty));
executorSuite('the faulty executor without rules on a disk', onDisk(faulty), 30);
executorSuite('the delaying executor', inMemory(delaying), 30);
executorSuite(
  'the recording executor on a faulty one on a delaying one',
  inMemory((below) => recording(faulty(delaying(below)))),
  30,
);
