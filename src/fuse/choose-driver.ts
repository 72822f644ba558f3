import { AnywhenError } from '../base/errors.js';
import type { Driver } from './driver.js';
import { fuseNativeDriver } from './fuse-native-driver.js';
import { nativeDriver } from './native/native-driver.js';

export type DriverName = Driver['name'];

/** The drivers by name, the preferred one first. */
export const DRIVERS: Readonly<Record<DriverName, Driver>> = {
  native: nativeDriver,
  'fuse-native': fuseNativeDriver,
};

/**
 * The driver of that name; without one the first that can be loaded here.
 *
 * @param notice told why the preferred one is not taken
 * @throws `unsupported` when the one that is asked for, or both, cannot be loaded
 */
export function chooseDriver(name: DriverName | undefined, notice: (message: string) => void): Driver {
  if (name !== undefined) {
    DRIVERS[name].load();
    return DRIVERS[name];
  }
  try {
    nativeDriver.load();
    return nativeDriver;
  } catch (error) {
    if (!(error instanceof AnywhenError)) throw error;
    notice(`${error.message}; going on with fuse-native, which is slower. ${error.hint ?? ''}`);
  }
  fuseNativeDriver.load();
  return fuseNativeDriver;
}
