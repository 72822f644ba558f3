declare module 'fuse-native' {
  class Fuse {
    constructor(mountPoint: string, operations: object, options: object);
    open(done: (error: Error | null) => void): void;
  }
  export = Fuse;
}
