#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../sys.h"
#include "session.h"

bool DefineFunction(napi_env env, napi_value object, const char* name, napi_callback function, Session* session) {
  napi_value value;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, function, session, &value) == napi_ok &&
         napi_set_named_property(env, object, name, value) == napi_ok;
}

Session* Called(napi_env env, napi_callback_info info, size_t count, napi_value* values) {
  size_t given = count;
  void* session = nullptr;
  if (napi_get_cb_info(env, info, &given, values, nullptr, &session) == napi_ok && given >= count) {
    return static_cast<Session*>(session);
  }
  napi_throw_type_error(env, "ERR_MISSING_ARGS", "too few arguments");
  return nullptr;
}

namespace {

// What libfuse said last: it gives reasons nowhere else.
char last_words[256];

void Listen(fuse_log_level, const char* format, va_list arguments) {
  vsnprintf(last_words, sizeof last_words, format, arguments);
  last_words[strcspn(last_words, "\n")] = 0;
}

// Requests that wait for their answers at most; more stay in the kernel.
constexpr int kSlots = 4096;

bool Property(napi_env env, napi_value object, const char* name, napi_value* out) {
  return napi_get_named_property(env, object, name, out) == napi_ok;
}

bool Doubles(napi_env env, napi_value object, const char* name, double** out, size_t* length) {
  napi_value value;
  napi_typedarray_type type;
  void* data;
  if (!Property(env, object, name, &value) ||
      napi_get_typedarray_info(env, value, &type, length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array) {
    return false;
  }
  *out = static_cast<double*>(data);
  return true;
}

bool Function(napi_env env, napi_value object, const char* name, napi_ref* out) {
  napi_value value;
  return Property(env, object, name, &value) && napi_create_reference(env, value, 1, out) == napi_ok;
}

bool Buffers(napi_env env, napi_value options, Session* session) {
  napi_value list;
  uint32_t count;
  if (!Property(env, options, "buffers", &list) || napi_get_array_length(env, list, &count) != napi_ok) return false;
  for (uint32_t at = 0; at < count; at++) {
    napi_value element;
    iovec bytes;
    if (napi_get_element(env, list, at, &element) != napi_ok || !ToBytes(env, element, &bytes)) return false;
    session->buffers.push_back({static_cast<char*>(bytes.iov_base), bytes.iov_len});
    session->free_buffers.push_back(static_cast<int>(at));
  }
  return count > 1;
}

bool Options(napi_env env, napi_value options, Session* session) {
  size_t length, answer;
  napi_value text, spin, name;
  iovec bytes;
  double nanoseconds;
  if (!Doubles(env, options, "batch", &session->batch, &length) ||
      !Doubles(env, options, "answer", &session->answer, &answer) || answer < kAnswerFields ||
      !Property(env, options, "text", &text) || !ToBytes(env, text, &bytes) || !Buffers(env, options, session) ||
      !Property(env, options, "spin", &spin) || napi_get_value_double(env, spin, &nanoseconds) != napi_ok ||
      !Function(env, options, "onBatch", &session->on_batch) || !Function(env, options, "onEnd", &session->on_end)) {
    return false;
  }
  session->batch_capacity = length / kFields;
  session->text = static_cast<char*>(bytes.iov_base);
  session->text_capacity = bytes.iov_len;
  session->spin = static_cast<uint64_t>(nanoseconds);
  session->scratch = static_cast<char*>(aligned_alloc(4096, kMaxTransfer));
  session->slots.resize(kSlots);
  for (int slot = kSlots - 1; slot >= 0; slot--) session->free_slots.push_back(slot);
  napi_create_string_utf8(env, "anywhen fuse", NAPI_AUTO_LENGTH, &name);
  // The arrays are used as long as the process lives: the object that holds them is never let go.
  return session->scratch != nullptr && napi_create_reference(env, options, 1, &session->held) == napi_ok &&
         napi_async_init(env, nullptr, name, &session->context) == napi_ok;
}

bool Text(napi_env env, napi_value value, std::string* out) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  out->resize(length + 1);
  if (napi_get_value_string_utf8(env, value, &(*out)[0], length + 1, &length) != napi_ok) return false;
  out->resize(length);
  return true;
}

// mount(mountPoint, options, settings): an object with the functions that answer, or an exception. `options` is what
// stands behind `-o`; `settings` holds the arrays and the functions that are called.
napi_value Mount(napi_env env, napi_callback_info info) {
  napi_value args[3];
  std::string mount_point, text;
  if (!Arguments(env, info, 3, args)) return nullptr;
  // Never freed: the kernel and the pool may come back to it until the process ends.
  Session* session = new Session;
  session->env = env;
  if (!Text(env, args[0], &mount_point) || !Text(env, args[1], &text) || !Options(env, args[2], session)) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "no settings of a mount");
    return nullptr;
  }
  std::string program = "anywhen", flag = "-o";
  char* arguments[] = {&program[0], &flag[0], &text[0], nullptr};
  last_words[0] = 0;
  fuse_set_log_func(Listen);
  fuse_args parsed = FUSE_ARGS_INIT(3, arguments);
  session->fuse = fuse_session_new(&parsed, &kOperations, sizeof kOperations, session);
  fuse_opt_free_args(&parsed);
  napi_value object;
  if (session->fuse == nullptr || napi_create_object(env, &object) != napi_ok ||
      !DefineReplies(env, object, session) || !DefinePlans(env, object, session) ||
      !DefineNotices(env, object, session) || !session->Start(env, mount_point.c_str())) {
    if (session->fuse != nullptr) fuse_session_destroy(session->fuse);
    napi_throw_error(env, "EIO", last_words[0] == 0 ? "libfuse could not mount" : last_words);
    return nullptr;
  }
  return object;
}

// version(): of libfuse.
napi_value Version(napi_env env, napi_callback_info) {
  napi_value text = nullptr;
  napi_create_string_utf8(env, fuse_pkgversion(), NAPI_AUTO_LENGTH, &text);
  return text;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value mount, version;
  if (napi_create_function(env, "mount", NAPI_AUTO_LENGTH, Mount, nullptr, &mount) != napi_ok ||
      napi_create_function(env, "version", NAPI_AUTO_LENGTH, Version, nullptr, &version) != napi_ok ||
      napi_set_named_property(env, exports, "mount", mount) != napi_ok ||
      napi_set_named_property(env, exports, "version", version) != napi_ok) {
    return nullptr;
  }
  return exports;
}
