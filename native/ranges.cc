#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "sys.h"

namespace {

int64_t PerformFallocate(const PoolCall& call) { return fallocate(call.fd, call.mode, call.offset, call.length); }

int64_t PerformCopy(const PoolCall& call) {
  off_t in = call.offset, out = call.other_offset;
  return copy_file_range(call.fd, &in, call.other_fd, &out, static_cast<size_t>(call.length), 0);
}

int64_t PerformClone(const PoolCall& call) {
  file_clone_range range = {};
  range.src_fd = call.fd;
  range.src_offset = static_cast<uint64_t>(call.offset);
  range.src_length = static_cast<uint64_t>(call.length);
  range.dest_offset = static_cast<uint64_t>(call.other_offset);
  return ioctl(call.other_fd, FICLONERANGE, &range);
}

// The arguments (from, fromOffset, to, toOffset, length).
bool TwoRanges(napi_env env, napi_callback_info info, PoolCall* call) {
  napi_value args[5];
  return Arguments(env, info, 5, args) && ToInt(env, args[0], &call->fd) && ToOffset(env, args[1], &call->offset) &&
         ToInt(env, args[2], &call->other_fd) && ToOffset(env, args[3], &call->other_offset) &&
         ToOffset(env, args[4], &call->length);
}

}  // namespace

// fallocate(fd, mode, offset, length), on the pool.
napi_value Fallocate(napi_env env, napi_callback_info info) {
  napi_value args[4];
  PoolCall call = {};
  call.syscall = "fallocate";
  call.perform = PerformFallocate;
  if (!Arguments(env, info, 4, args) || !ToInt(env, args[0], &call.fd) || !ToInt(env, args[1], &call.mode) ||
      !ToOffset(env, args[2], &call.offset) || !ToOffset(env, args[3], &call.length)) {
    return nullptr;
  }
  return RunOnPool(env, call);
}

// copyFileRange(from, fromOffset, to, toOffset, length), on the pool: bytes copied, 0 at the end of the file.
napi_value CopyFileRange(napi_env env, napi_callback_info info) {
  PoolCall call = {};
  call.syscall = "copy_file_range";
  call.perform = PerformCopy;
  return TwoRanges(env, info, &call) ? RunOnPool(env, call) : nullptr;
}

// cloneRange(from, fromOffset, to, toOffset, length), on the pool: shares the blocks (reflink).
napi_value CloneRange(napi_env env, napi_callback_info info) {
  PoolCall call = {};
  call.syscall = "FICLONERANGE";
  call.perform = PerformClone;
  return TwoRanges(env, info, &call) ? RunOnPool(env, call) : nullptr;
}

// seek(fd, offset, whence): SEEK_DATA (3) or SEEK_HOLE (4); -1 when there is none at or behind the offset.
napi_value Seek(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int fd, whence;
  int64_t offset;
  if (!Arguments(env, info, 3, args) || !ToInt(env, args[0], &fd) || !ToOffset(env, args[1], &offset) ||
      !ToInt(env, args[2], &whence)) {
    return nullptr;
  }
  const off_t found = lseek(fd, offset, whence);
  if (found < 0 && errno != ENXIO) return ThrowErrno(env, "lseek", errno);
  return FromOffset(env, found);
}
