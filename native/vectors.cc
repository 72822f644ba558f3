#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "sys.h"

namespace {

// Buffers that one system call takes at most here; longer arrays take several.
constexpr uint32_t kVectors = 128;

// Writes all of the buffers, whatever the kernel takes at a time. 0, or errno.
int WriteWhole(int fd, iovec* vectors, uint32_t count, int64_t* offset) {
  uint32_t first = 0;
  while (true) {
    while (first < count && vectors[first].iov_len == 0) first++;
    if (first == count) return 0;
    const ssize_t written = pwritev(fd, vectors + first, static_cast<int>(count - first), *offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;  // No progress, no reason given: never spin.
    *offset += written;
    size_t rest = static_cast<size_t>(written);
    while (rest > 0 && rest >= vectors[first].iov_len) rest -= vectors[first++].iov_len;
    if (rest > 0) {
      vectors[first].iov_base = static_cast<char*>(vectors[first].iov_base) + rest;
      vectors[first].iov_len -= rest;
    }
  }
}

}  // namespace

// preadNowait(fd, into, offset): bytes read, or -1 if a disk would have to be waited for. A filesystem that does not
// know RWF_NOWAIT cannot tell, which is the same answer: the caller then reads on the pool.
napi_value PreadNowait(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int fd;
  int64_t offset;
  iovec vector;
  if (!Arguments(env, info, 3, args) || !ToInt(env, args[0], &fd) || !ToBytes(env, args[1], &vector) ||
      !ToOffset(env, args[2], &offset)) {
    return nullptr;
  }
  ssize_t count;
  do {
    count = preadv2(fd, &vector, 1, offset, RWF_NOWAIT);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno != EAGAIN && errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS) {
    return ThrowErrno(env, "preadv2", errno);
  }
  return FromOffset(env, count);
}

// pwritev(fd, from, offset): writes all of an array of Uint8Arrays, at once, on the calling thread.
napi_value Pwritev(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int fd;
  int64_t offset;
  uint32_t count;
  if (!Arguments(env, info, 3, args) || !ToInt(env, args[0], &fd) || !ToOffset(env, args[2], &offset)) return nullptr;
  if (napi_get_array_length(env, args[1], &count) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "an array of Uint8Arrays was expected");
    return nullptr;
  }
  iovec vectors[kVectors];
  for (uint32_t at = 0; at < count;) {
    uint32_t taken = 0;
    for (; taken < kVectors && at < count; taken++, at++) {
      napi_value element;
      if (napi_get_element(env, args[1], at, &element) != napi_ok || !ToBytes(env, element, &vectors[taken])) {
        return nullptr;
      }
    }
    const int error = WriteWhole(fd, vectors, taken, &offset);
    if (error != 0) return ThrowErrno(env, "pwritev", error);
  }
  return nullptr;
}
