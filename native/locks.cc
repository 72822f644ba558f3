#include <sys/file.h>

#include <cerrno>

#include "sys.h"

// flock(fd, operation): true if it was done, false if somebody else holds the lock. Never waits.
napi_value Flock(napi_env env, napi_callback_info info) {
  napi_value args[2];
  int fd, operation;
  if (!Arguments(env, info, 2, args) || !ToInt(env, args[0], &fd) || !ToInt(env, args[1], &operation)) return nullptr;
  int result;
  do {
    result = flock(fd, operation | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EWOULDBLOCK) return ThrowErrno(env, "flock", errno);
  return FromBool(env, result == 0);
}
