#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "sys.h"

// flock(fd, operation): true if it was taken, false if somebody else holds it. Never waits.
napi_value Flock(napi_env env, napi_callback_info info) {
  napi_value args[2];
  int fd, operation;
  if (!Arguments(env, info, 2, args) || !ToInt(env, args[0], &fd) || !ToInt(env, args[1], &operation)) return nullptr;
  napi_value result;
  if (flock(fd, operation | LOCK_NB) == 0) {
    napi_get_boolean(env, true, &result);
    return result;
  }
  if (errno != EWOULDBLOCK) return ThrowErrno(env, "flock", errno);
  napi_get_boolean(env, false, &result);
  return result;
}

// blockDeviceSize(fd): bytes.
napi_value BlockDeviceSize(napi_env env, napi_callback_info info) {
  napi_value args[1];
  int fd;
  if (!Arguments(env, info, 1, args) || !ToInt(env, args[0], &fd)) return nullptr;
  uint64_t size = 0;
  if (ioctl(fd, BLKGETSIZE64, &size) != 0) return ThrowErrno(env, "ioctl", errno);
  return FromOffset(env, static_cast<int64_t>(size));
}

// setNoCow(fd): asks the filesystem not to copy on write (btrfs). False where it has no such flag.
napi_value SetNoCow(napi_env env, napi_callback_info info) {
  napi_value args[1];
  int fd;
  if (!Arguments(env, info, 1, args) || !ToInt(env, args[0], &fd)) return nullptr;
  int flags = 0;
  bool done = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
  flags |= FS_NOCOW_FL;
  done = done && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
  napi_value result;
  napi_get_boolean(env, done, &result);
  return result;
}
