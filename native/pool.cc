#include <cerrno>
#include <memory>
#include <new>

#include "sys.h"

namespace {

struct Task {
  PoolCall call;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  int64_t result = 0;
  int error = 0;
};

// On a thread of the pool: no JavaScript here.
void Perform(napi_env, void* data) {
  Task* task = static_cast<Task*>(data);
  do {
    task->result = task->call.perform(task->call);
    task->error = task->result < 0 ? errno : 0;
  } while (task->error == EINTR);
}

// On the thread of JavaScript again.
void Finish(napi_env env, napi_status status, void* data) {
  std::unique_ptr<Task> task(static_cast<Task*>(data));
  napi_delete_async_work(env, task->work);
  const int error = status == napi_ok ? task->error : ECANCELED;
  if (error == 0) {
    napi_resolve_deferred(env, task->deferred, FromOffset(env, task->result));
  } else {
    napi_reject_deferred(env, task->deferred, SystemError(env, task->call.syscall, error));
  }
}

}  // namespace

napi_value RunOnPool(napi_env env, const PoolCall& call) {
  std::unique_ptr<Task> task(new (std::nothrow) Task{call});
  if (task == nullptr) return ThrowErrno(env, call.syscall, ENOMEM);
  napi_value name, promise;
  napi_create_string_utf8(env, call.syscall, NAPI_AUTO_LENGTH, &name);
  if (napi_create_async_work(env, nullptr, name, Perform, Finish, task.get(), &task->work) != napi_ok) {
    return ThrowErrno(env, call.syscall, ENOMEM);
  }
  if (napi_create_promise(env, &task->deferred, &promise) != napi_ok ||
      napi_queue_async_work(env, task->work) != napi_ok) {
    napi_delete_async_work(env, task->work);
    return ThrowErrno(env, call.syscall, ENOMEM);
  }
  task.release();  // Finish owns it now.
  return promise;
}
