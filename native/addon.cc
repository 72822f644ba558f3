#include "sys.h"

namespace {

struct Exported {
  const char* name;
  napi_callback function;
};

constexpr Exported kExports[] = {
    {"blockDeviceSize", BlockDeviceSize},
    {"cloneRange", CloneRange},
    {"copyFileRange", CopyFileRange},
    {"crc32c", Crc32c},
    {"datasync", Datasync},
    {"fallocate", Fallocate},
    {"flock", Flock},
    {"pieceSums", PieceSums},
    {"preadNowait", PreadNowait},
    {"pwritev", Pwritev},
    {"seek", Seek},
    {"setIoFlusher", SetIoFlusher},
    {"setNoCow", SetNoCow},
};

}  // namespace

NAPI_MODULE_INIT() {
  for (const Exported& one : kExports) {
    napi_value function;
    if (napi_create_function(env, one.name, NAPI_AUTO_LENGTH, one.function, nullptr, &function) != napi_ok ||
        napi_set_named_property(env, exports, one.name, function) != napi_ok) {
      return nullptr;
    }
  }
  return exports;
}
