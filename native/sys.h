// System calls that Node lacks, one function each: no policy, no state. JavaScript checks the arguments.
#pragma once

#include <node_api.h>

#include <cstdint>

// Throws a JavaScript Error with `code` ("ENOSPC" ...), `errno` and `syscall`, as Node's own do. Returns null.
napi_value ThrowErrno(napi_env env, const char* syscall, int number);

// The arguments of a call, or false with an exception pending.
bool Arguments(napi_env env, napi_callback_info info, size_t count, napi_value* values);
bool ToInt(napi_env env, napi_value value, int* out);
bool ToOffset(napi_env env, napi_value value, int64_t* out);
napi_value FromOffset(napi_env env, int64_t value);

// files.cc
napi_value Flock(napi_env env, napi_callback_info info);
napi_value BlockDeviceSize(napi_env env, napi_callback_info info);
napi_value SetNoCow(napi_env env, napi_callback_info info);
// ranges.cc
napi_value Fallocate(napi_env env, napi_callback_info info);
napi_value Seek(napi_env env, napi_callback_info info);
napi_value CopyFileRange(napi_env env, napi_callback_info info);
napi_value CloneRange(napi_env env, napi_callback_info info);
// vectors.cc
napi_value PreadNowait(napi_env env, napi_callback_info info);
napi_value Pwritev(napi_env env, napi_callback_info info);
