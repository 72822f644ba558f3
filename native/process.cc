#include <sys/prctl.h>

#include "sys.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

// setIoFlusher(): tells the kernel that this process is in the path of write-back, so that it does not wait for
// itself when memory is short. False where that is not allowed (CAP_SYS_RESOURCE) or not known (before Linux 5.6).
napi_value SetIoFlusher(napi_env env, napi_callback_info) {
  return FromBool(env, prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0);
}
