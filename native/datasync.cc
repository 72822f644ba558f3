#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <thread>

#include "sys.h"

// fdatasync has threads of its own: on libuv's pool a few that wait for a slow disk would let every read wait, too.

namespace {

constexpr int kThreads = 4;

struct Sync {
  int fd;
  int error = 0;
  napi_deferred deferred = nullptr;
  napi_threadsafe_function done = nullptr;
};

// Made with the first sync, and never ended: its threads sleep until the process ends.
class Threads {
 public:
  void Add(Sync* sync) {
    std::lock_guard<std::mutex> guard(lock_);
    waiting_.push_back(sync);
    if (idle_ == 0 && started_ < kThreads) {
      started_++;
      std::thread([this] { Work(); }).detach();
    }
    wake_.notify_one();
  }

 private:
  [[noreturn]] void Work() {
    while (true) {
      Sync* sync = Next();
      int result;
      do {
        result = fdatasync(sync->fd);
      } while (result != 0 && errno == EINTR);
      sync->error = result == 0 ? 0 : errno;
      // The queue has no limit, so this fails only when JavaScript is being torn down, and then nobody waits.
      napi_call_threadsafe_function(sync->done, sync, napi_tsfn_nonblocking);
    }
  }

  Sync* Next() {
    std::unique_lock<std::mutex> guard(lock_);
    idle_++;
    while (waiting_.empty()) wake_.wait(guard);
    idle_--;
    Sync* sync = waiting_.front();
    waiting_.pop_front();
    return sync;
  }

  std::mutex lock_;
  std::condition_variable wake_;
  std::deque<Sync*> waiting_;
  int started_ = 0, idle_ = 0;
};

// On the thread of JavaScript again.
void Finish(napi_env env, napi_value, void*, void* data) {
  std::unique_ptr<Sync> sync(static_cast<Sync*>(data));
  if (env != nullptr) {
    napi_value none;
    napi_get_undefined(env, &none);
    if (sync->error == 0) {
      napi_resolve_deferred(env, sync->deferred, none);
    } else {
      napi_reject_deferred(env, sync->deferred, SystemError(env, "fdatasync", sync->error));
    }
  }
  napi_release_threadsafe_function(sync->done, napi_tsfn_release);
}

}  // namespace

// datasync(fd), on a thread of its own kind.
napi_value Datasync(napi_env env, napi_callback_info info) {
  static Threads* threads = new Threads;
  napi_value args[1];
  int fd;
  if (!Arguments(env, info, 1, args) || !ToInt(env, args[0], &fd)) return nullptr;
  std::unique_ptr<Sync> sync(new (std::nothrow) Sync{fd});
  napi_value name, promise;
  if (sync == nullptr || napi_create_string_utf8(env, "fdatasync", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, Finish,
                                      &sync->done) != napi_ok) {
    return ThrowErrno(env, "fdatasync", ENOMEM);
  }
  if (napi_create_promise(env, &sync->deferred, &promise) != napi_ok) {
    napi_release_threadsafe_function(sync->done, napi_tsfn_release);
    return ThrowErrno(env, "fdatasync", ENOMEM);
  }
  threads->Add(sync.release());
  return promise;
}
