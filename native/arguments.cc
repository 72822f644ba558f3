#include <cmath>

#include "sys.h"

namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;

// An integer within [low, high]; Node-API's own conversions would silently cut, clamp or zero what is none.
bool ToInteger(napi_env env, napi_value value, double low, double high, const char* expected, double* out) {
  if (napi_get_value_double(env, value, out) == napi_ok && *out >= low && *out <= high && std::trunc(*out) == *out) {
    return true;
  }
  napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", expected);
  return false;
}

}  // namespace

bool Arguments(napi_env env, napi_callback_info info, size_t count, napi_value* values) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, values, nullptr, nullptr) == napi_ok && given >= count) return true;
  napi_throw_type_error(env, "ERR_MISSING_ARGS", "too few arguments");
  return false;
}

bool ToInt(napi_env env, napi_value value, int* out) {
  double number;
  if (!ToInteger(env, value, INT32_MIN, INT32_MAX, "an integer of 32 bits was expected", &number)) return false;
  *out = static_cast<int>(number);
  return true;
}

bool ToOffset(napi_env env, napi_value value, int64_t* out) {
  double number;
  if (!ToInteger(env, value, 0, kMaxSafeInteger, "a safe integer, zero or more, was expected", &number)) return false;
  *out = static_cast<int64_t>(number);
  return true;
}

napi_value FromOffset(napi_env env, int64_t value) {
  napi_value result = nullptr;
  napi_create_int64(env, value, &result);
  return result;
}

napi_value FromBool(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

bool ToBytes(napi_env env, napi_value value, iovec* out) {
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, value, &type, &out->iov_len, &out->iov_base, nullptr, nullptr) == napi_ok &&
      type == napi_uint8_array) {
    return true;
  }
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "a Uint8Array was expected");
  return false;
}
