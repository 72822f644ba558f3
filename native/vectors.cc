#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sys.h"

namespace {

constexpr uint32_t kMaxVectors = 256;

bool ToBytes(napi_env env, napi_value value, iovec* out) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_uint8_array) {
    napi_throw_type_error(env, nullptr, "a Uint8Array was expected");
    return false;
  }
  out->iov_base = data;
  out->iov_len = length;
  return true;
}

}  // namespace

// preadNowait(fd, into, offset): bytes read, or -1 if a disk would have to be waited for.
// Filesystems that don't know RWF_NOWAIT answer -1 as well: then the pool reads.
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

// pwritev(fd, from, offset): writes all of an array of Uint8Arrays; continues short writes.
napi_value Pwritev(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int fd;
  int64_t offset;
  uint32_t count;
  if (!Arguments(env, info, 3, args) || !ToInt(env, args[0], &fd) || !ToOffset(env, args[2], &offset)) return nullptr;
  if (napi_get_array_length(env, args[1], &count) != napi_ok || count > kMaxVectors) {
    napi_throw_type_error(env, nullptr, "an array of at most 256 Uint8Arrays was expected");
    return nullptr;
  }
  iovec vectors[kMaxVectors];
  for (uint32_t at = 0; at < count; at++) {
    napi_value element;
    if (napi_get_element(env, args[1], at, &element) != napi_ok || !ToBytes(env, element, &vectors[at])) return nullptr;
  }
  uint32_t first = 0;
  while (first < count) {
    ssize_t written = pwritev(fd, vectors + first, static_cast<int>(count - first), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ThrowErrno(env, "pwritev", errno);
    offset += written;
    size_t rest = static_cast<size_t>(written);
    while (first < count && rest >= vectors[first].iov_len) rest -= vectors[first++].iov_len;
    if (first < count) {
      vectors[first].iov_base = static_cast<char*>(vectors[first].iov_base) + rest;
      vectors[first].iov_len -= rest;
    }
  }
  return nullptr;
}
