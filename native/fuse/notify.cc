#include <cerrno>
#include <memory>
#include <new>

#include "../sys.h"
#include "session.h"

// Tells the kernel that what it has in its cache is no longer so. On the pool: the kernel may wait there for a read that
// the thread of JavaScript is about to answer.

namespace {

struct Notice {
  Session* session;
  fuse_ino_t node;
  int error = 0;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
};

void Perform(napi_env, void* data) {
  Notice* notice = static_cast<Notice*>(data);
  notice->error = -fuse_lowlevel_notify_inval_inode(notice->session->fuse, notice->node, 0, 0);
}

void Finish(napi_env env, napi_status, void* data) {
  std::unique_ptr<Notice> notice(static_cast<Notice*>(data));
  napi_delete_async_work(env, notice->work);
  // ENOENT: the kernel does not know the node, so it has nothing of it. ENODEV: the mount has gone.
  const bool good = notice->error == 0 || notice->error == ENOENT || notice->error == ENODEV;
  if (good) {
    napi_value none;
    napi_get_undefined(env, &none);
    napi_resolve_deferred(env, notice->deferred, none);
  } else {
    napi_reject_deferred(env, notice->deferred, SystemError(env, "notify_inval_inode", notice->error));
  }
}

// forgetData(node): the cached data and attributes of a node.
napi_value ForgetData(napi_env env, napi_callback_info info) {
  napi_value args[1];
  int64_t node;
  Session* session = Called(env, info, 1, args);
  if (session == nullptr || !ToOffset(env, args[0], &node)) return nullptr;
  std::unique_ptr<Notice> notice(new (std::nothrow) Notice{});
  if (notice == nullptr) return ThrowErrno(env, "notify", ENOMEM);
  notice->session = session;
  notice->node = static_cast<fuse_ino_t>(node);
  napi_value name, promise;
  napi_create_string_utf8(env, "anywhen notify", NAPI_AUTO_LENGTH, &name);
  if (napi_create_async_work(env, nullptr, name, Perform, Finish, notice.get(), &notice->work) != napi_ok) {
    return ThrowErrno(env, "notify", ENOMEM);
  }
  if (napi_create_promise(env, &notice->deferred, &promise) != napi_ok ||
      napi_queue_async_work(env, notice->work) != napi_ok) {
    napi_delete_async_work(env, notice->work);
    return ThrowErrno(env, "notify", ENOMEM);
  }
  notice.release();  // Finish owns it now.
  return promise;
}

}  // namespace

bool DefineNotices(napi_env env, napi_value object, Session* session) {
  return DefineFunction(env, object, "forgetData", ForgetData, session);
}
