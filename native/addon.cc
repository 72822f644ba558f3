#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sys.h"

napi_value ThrowErrno(napi_env env, const char* syscall, int number) {
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
  napi_throw(env, error);
  return nullptr;
}

bool Arguments(napi_env env, napi_callback_info info, size_t count, napi_value* values) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, values, nullptr, nullptr) == napi_ok && given >= count) return true;
  napi_throw_type_error(env, nullptr, "too few arguments");
  return false;
}

bool ToInt(napi_env env, napi_value value, int* out) {
  if (napi_get_value_int32(env, value, out) == napi_ok) return true;
  napi_throw_type_error(env, nullptr, "an integer was expected");
  return false;
}

bool ToOffset(napi_env env, napi_value value, int64_t* out) {
  if (napi_get_value_int64(env, value, out) == napi_ok && *out >= 0) return true;
  napi_throw_type_error(env, nullptr, "an offset was expected");
  return false;
}

napi_value FromOffset(napi_env env, int64_t value) {
  napi_value result;
  napi_create_int64(env, value, &result);
  return result;
}

static bool Export(napi_env env, napi_value exports, const char* name, napi_callback function) {
  napi_value value;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value) == napi_ok &&
         napi_set_named_property(env, exports, name, value) == napi_ok;
}

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback function;
  } functions[] = {
      {"flock", Flock},           {"blockDeviceSize", BlockDeviceSize},
      {"setNoCow", SetNoCow},     {"fallocate", Fallocate},
      {"seek", Seek},             {"copyFileRange", CopyFileRange},
      {"cloneRange", CloneRange}, {"preadNowait", PreadNowait},
      {"pwritev", Pwritev},
  };
  for (const auto& one : functions) {
    if (!Export(env, exports, one.name, one.function)) return nullptr;
  }
  return exports;
}
