// System calls that Node lacks, one function each: no policy, no state. What may wait for a disk runs on libuv's
// pool and answers with a promise; the rest runs at once. JavaScript decides what to call when.
#pragma once

#include <node_api.h>
#include <sys/uio.h>

#include <cstdint>

// arguments.cc

// The arguments of a call, or false with an exception pending.
bool Arguments(napi_env env, napi_callback_info info, size_t count, napi_value* values);
// A descriptor, flag or mode: an integer of 32 bits.
bool ToInt(napi_env env, napi_value value, int* out);
// An offset or a length in bytes: a safe integer, zero or more.
bool ToOffset(napi_env env, napi_value value, int64_t* out);
// The bytes of a Uint8Array, in place.
bool ToBytes(napi_env env, napi_value value, iovec* out);
napi_value FromOffset(napi_env env, int64_t value);
napi_value FromBool(napi_env env, bool value);

// errors.cc

// An Error with `code` ("ENOSPC" ...), `errno` and `syscall`, as Node's own are.
napi_value SystemError(napi_env env, const char* syscall, int number);
// Throws it. Returns null, for `return ThrowErrno(...)`.
napi_value ThrowErrno(napi_env env, const char* syscall, int number);

// pool.cc

// A system call for the pool: takes and gives numbers only, so that no JavaScript value is touched there.
struct PoolCall {
  const char* syscall;
  int64_t (*perform)(const PoolCall&);  // the result, or -1 with errno set
  int fd;
  int other_fd;
  int mode;
  int64_t offset;
  int64_t other_offset;
  int64_t length;
};
// A promise of the result: a number.
napi_value RunOnPool(napi_env env, const PoolCall& call);

// datasync.cc
napi_value Datasync(napi_env env, napi_callback_info info);
// files.cc
napi_value BlockDeviceSize(napi_env env, napi_callback_info info);
napi_value SetNoCow(napi_env env, napi_callback_info info);
// locks.cc
napi_value Flock(napi_env env, napi_callback_info info);
// process.cc
napi_value SetIoFlusher(napi_env env, napi_callback_info info);
// ranges.cc
napi_value Fallocate(napi_env env, napi_callback_info info);
napi_value Seek(napi_env env, napi_callback_info info);
napi_value CopyFileRange(napi_env env, napi_callback_info info);
napi_value CloneRange(napi_env env, napi_callback_info info);
// sums.cc
napi_value Crc32c(napi_env env, napi_callback_info info);
napi_value PieceSums(napi_env env, napi_callback_info info);
// vectors.cc
napi_value PreadNowait(napi_env env, napi_callback_info info);
napi_value Pwritev(napi_env env, napi_callback_info info);
