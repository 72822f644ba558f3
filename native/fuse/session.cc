#include "session.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace {

// A turn of the event loop that serves requests ends after so many ns, or bytes of one batch, whatever still waits.
constexpr uint64_t kTurn = 1'000'000;
constexpr size_t kBatchBytes = 2 * 1024 * 1024;

// A client that asks again within so many times the spin is worth waiting for; bounds of how sure that is.
constexpr uint64_t kSoon = 5;
constexpr int kSure = 8;

void OnReadable(uv_handle_s* handle, int status, int) {
  Session* session = static_cast<Session*>(uv_handle_get_data(handle));
  if (status < 0) session->Deafened();
  session->Drain();
}

}  // namespace

double* Session::Push(Op op, fuse_req_t request, fuse_ino_t node) {
  // Only a message that forgets very many nodes fills a batch by itself.
  if (count_ == batch_capacity) Deliver();
  double* fields = batch + count_++ * kFields;
  memset(fields, 0, kFields * sizeof(double));
  fields[kOp] = op;
  fields[kNode] = static_cast<double>(node);
  fields[kSlot] = -1;
  if (request == nullptr) return fields;
  const int slot = free_slots.back();
  free_slots.pop_back();
  slots[slot] = {request, -1};
  fields[kSlot] = slot;
  return fields;
}

bool Session::PushText(double* fields, const char* name) {
  const size_t length = strlen(name);
  if (text_length_ + length > text_capacity) {
    // The request is answered by the caller; its line in the batch says nothing.
    free_slots.push_back(static_cast<int>(fields[kSlot]));
    slots[static_cast<int>(fields[kSlot])] = {};
    count_--;
    return false;
  }
  memcpy(text + text_length_, name, length);
  fields[kPlace] = static_cast<double>(text_length_);
  fields[kFlags] = static_cast<double>(length);
  text_length_ += length;
  return true;
}

void Session::KeepBuffer(double* fields, const char* data) {
  slots[static_cast<int>(fields[kSlot])].buffer = current_;
  fields[kFlags] = current_;
  fields[kPlace] = static_cast<double>(data - buffers[current_].bytes);
  kept_ = true;
  bytes_ += static_cast<size_t>(fields[kLength]);
}

fuse_req_t Session::Request(double slot) const {
  if (!(slot >= 0 && slot < static_cast<double>(slots.size()))) return nullptr;
  return slots[static_cast<size_t>(slot)].request;
}

void Session::Done(double number) {
  const int index = static_cast<int>(number);
  Slot& slot = slots[index];
  if (slot.buffer >= 0) free_buffers.push_back(slot.buffer);
  slot = {};
  free_slots.push_back(index);
  if (!listening_ && !draining_ && !ended_ && HasRoom()) Listen(true);
}

bool Session::Start(napi_env environment, const char* mount_point) {
  env = environment;
  if (fuse_session_mount(fuse, mount_point) != 0) return false;
  const int fd = fuse_session_fd(fuse);
  uv_loop_s* loop = nullptr;
  const bool known = strcmp(uv_handle_type_name(kUvPoll), "poll") == 0;
  const size_t size = uv_handle_size(kUvPoll);
  poll_ = static_cast<uv_handle_s*>(calloc(1, size));
  if (!known || poll_ == nullptr || fuse_session_custom_io(fuse, &kTransport, fd) != 0 ||
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
      napi_get_uv_event_loop(env, &loop) != napi_ok || uv_poll_init(loop, poll_, fd) != 0) {
    fuse_session_unmount(fuse);
    return false;
  }
  uv_handle_set_data(poll_, this);
  Listen(true);
  return true;
}

void Session::Listen(bool on) {
  listening_ = on;
  if (on) {
    uv_poll_start(poll_, kUvReadable, OnReadable);
  } else {
    uv_poll_stop(poll_);
  }
}

// Takes requests until the kernel has none (false) or the batch is large enough (true).
bool Session::Collect() {
  while (count_ + 1 < batch_capacity && bytes_ < kBatchBytes && HasRoom()) {
    if (current_ < 0 || kept_) {
      current_ = free_buffers.back();
      free_buffers.pop_back();
      kept_ = false;
    }
    fuse_buf buffer = {};
    buffer.mem = buffers[current_].bytes;
    buffer.size = buffers[current_].length;
    const int got = fuse_session_receive_buf(fuse, &buffer);
    if (got == -EINTR) continue;
    if (got == -EAGAIN) return false;
    if (got <= 0) {
      ended_ = true;
      return false;
    }
    buffer.size = static_cast<size_t>(got);
    fuse_session_process_buf(fuse, &buffer);
  }
  return true;
}

// Learns whether requests come one right after another.
void Session::Learn(bool soon) { eager_ = soon ? std::min(eager_ + 1, kSure) : std::max(eager_ - 2, -kSure); }

// Looks for the next request for a short while: cheaper than to sleep when a client asks one thing after another. Only
// while it helps: a client that asks now and then costs no time of the processor.
bool Session::Spin() {
  if (spin == 0 || eager_ <= 0) return false;
  const uint64_t begin = uv_hrtime();
  while (uv_hrtime() - begin < spin) {
    if (Collect() || count_ > 0 || ended_) {
      Learn(true);
      return true;
    }
  }
  Learn(false);
  return false;
}

void Session::Drain() {
  const uint64_t begin = uv_hrtime();
  if (dry_since_ != 0) Learn(begin - dry_since_ < kSoon * spin);
  dry_since_ = 0;
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  draining_ = true;
  while (true) {
    const bool more = Collect();
    const bool any = count_ > 0;
    if (any) Deliver();
    if (ended_ || !HasRoom()) break;
    if (uv_hrtime() - begin > kTurn) break;
    if (!more && !(any && Spin())) {
      dry_since_ = uv_hrtime();
      break;
    }
  }
  draining_ = false;
  if (ended_) {
    End();
  } else if (listening_ != HasRoom()) {
    Listen(HasRoom());
  }
  napi_close_handle_scope(env, scope);
}

void Session::Deliver() {
  double count = static_cast<double>(count_);
  count_ = 0;
  text_length_ = 0;
  bytes_ = 0;
  Call(on_batch, 1, &count);
}

void Session::Call(napi_ref reference, size_t count, double* numbers) {
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value function, receiver, argument, result;
  if (napi_get_reference_value(env, reference, &function) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok && napi_create_double(env, *numbers, &argument) == napi_ok &&
      napi_make_callback(env, context, receiver, function, count, &argument, &result) == napi_pending_exception) {
    napi_value error;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

// The kernel has let go of the mount. The session stays for replies that are still to come; they go nowhere.
void Session::End() {
  listening_ = false;
  uv_poll_stop(poll_);
  uv_close(poll_, [](uv_handle_s* handle) { free(handle); });
  poll_ = nullptr;
  double none = 0;
  Call(on_end, 0, &none);
}
