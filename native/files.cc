#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "sys.h"

// blockDeviceSize(fd): bytes.
napi_value BlockDeviceSize(napi_env env, napi_callback_info info) {
  napi_value args[1];
  int fd;
  if (!Arguments(env, info, 1, args) || !ToInt(env, args[0], &fd)) return nullptr;
  uint64_t size = 0;
  if (ioctl(fd, BLKGETSIZE64, &size) != 0) return ThrowErrno(env, "ioctl", errno);
  return FromOffset(env, static_cast<int64_t>(size));
}

// setNoCow(fd): asks the filesystem not to copy on write (btrfs; the file must be empty). False where it can't.
napi_value SetNoCow(napi_env env, napi_callback_info info) {
  napi_value args[1];
  int fd;
  if (!Arguments(env, info, 1, args) || !ToInt(env, args[0], &fd)) return nullptr;
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return FromBool(env, false);
  flags |= FS_NOCOW_FL;
  return FromBool(env, ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0);
}
