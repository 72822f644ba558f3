#include <cstdio>
#include <cstring>

#include "sys.h"

napi_value SystemError(napi_env env, const char* syscall, int number) {
  const char* name = strerrorname_np(number);
  if (name == nullptr) name = "EIO";
  char text[160];
  snprintf(text, sizeof text, "%s: %s, %s", name, strerror(number), syscall);
  napi_value message, code, error, value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code);
  napi_create_error(env, code, message, &error);
  napi_create_int32(env, -number, &value);
  napi_set_named_property(env, error, "errno", value);
  napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, error, "syscall", value);
  return error;
}

napi_value ThrowErrno(napi_env env, const char* syscall, int number) {
  napi_throw(env, SystemError(env, syscall, number));
  return nullptr;
}
