#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "sys.h"

// fallocate(fd, mode, offset, length)
napi_value Fallocate(napi_env env, napi_callback_info info) {
  napi_value args[4];
  int fd, mode;
  int64_t offset, length;
  if (!Arguments(env, info, 4, args) || !ToInt(env, args[0], &fd) || !ToInt(env, args[1], &mode) ||
      !ToOffset(env, args[2], &offset) || !ToOffset(env, args[3], &length)) {
    return nullptr;
  }
  int result;
  do {
    result = fallocate(fd, mode, offset, length);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return ThrowErrno(env, "fallocate", errno);
  return nullptr;
}

// seek(fd, offset, whence): SEEK_DATA (3) or SEEK_HOLE (4); -1 when there is no data behind the offset.
napi_value Seek(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int fd, whence;
  int64_t offset;
  if (!Arguments(env, info, 3, args) || !ToInt(env, args[0], &fd) || !ToOffset(env, args[1], &offset) ||
      !ToInt(env, args[2], &whence)) {
    return nullptr;
  }
  off_t found = lseek(fd, offset, whence);
  if (found < 0 && errno != ENXIO) return ThrowErrno(env, "lseek", errno);
  return FromOffset(env, found);
}

// copyFileRange(from, fromOffset, to, toOffset, length): bytes copied, 0 at the end of the file.
napi_value CopyFileRange(napi_env env, napi_callback_info info) {
  napi_value args[5];
  int from, to;
  int64_t from_offset, to_offset, length;
  if (!Arguments(env, info, 5, args) || !ToInt(env, args[0], &from) || !ToOffset(env, args[1], &from_offset) ||
      !ToInt(env, args[2], &to) || !ToOffset(env, args[3], &to_offset) || !ToOffset(env, args[4], &length)) {
    return nullptr;
  }
  off_t in = from_offset, out = to_offset;
  ssize_t copied;
  do {
    copied = copy_file_range(from, &in, to, &out, static_cast<size_t>(length), 0);
  } while (copied < 0 && errno == EINTR);
  if (copied < 0) return ThrowErrno(env, "copy_file_range", errno);
  return FromOffset(env, copied);
}

// cloneRange(from, fromOffset, to, toOffset, length): shares the blocks (reflink).
napi_value CloneRange(napi_env env, napi_callback_info info) {
  napi_value args[5];
  int from, to;
  int64_t from_offset, to_offset, length;
  if (!Arguments(env, info, 5, args) || !ToInt(env, args[0], &from) || !ToOffset(env, args[1], &from_offset) ||
      !ToInt(env, args[2], &to) || !ToOffset(env, args[3], &to_offset) || !ToOffset(env, args[4], &length)) {
    return nullptr;
  }
  file_clone_range range = {};
  range.src_fd = from;
  range.src_offset = static_cast<uint64_t>(from_offset);
  range.src_length = static_cast<uint64_t>(length);
  range.dest_offset = static_cast<uint64_t>(to_offset);
  if (ioctl(to, FICLONERANGE, &range) != 0) return ThrowErrno(env, "ioctl", errno);
  return nullptr;
}
