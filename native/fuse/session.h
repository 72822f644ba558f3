// A FUSE session on libfuse's low-level interface, served from Node's event loop. Requests are taken from the kernel
// until it has no more or the turn is over, and handed to JavaScript in batches: numbers in a Float64Array, names in a
// text buffer, data of writes where the kernel put it. JavaScript answers each by its slot. No policy here.
#pragma once

#define FUSE_USE_VERSION 312

#include <fuse_lowlevel.h>
#include <node_api.h>

#include <cstdint>
#include <vector>

#include "loop.h"

// What a request is; src/fuse/native/requests.ts has the same numbers.
enum Op {
  kInit = 1,
  kLookup,
  kForget,
  kGetattr,
  kSetattr,
  kReadlink,
  kOpen,
  kRead,
  kWrite,
  kFsync,
  kRelease,
  kOpendir,
  kReaddir,
  kReaddirplus,
  kReleasedir,
  kStatfs,
  kGetxattr,
  kListxattr,
  kFallocate,
  kLseek,
};

// The fields of a request in the batch.
enum Field { kOp, kSlot, kNode, kHandle, kOffset, kLength, kFlags, kPlace, kFields };

// The fields of the answer that JavaScript fills in before it replies.
enum AnswerField {
  kNodeId,
  kInode,
  kMode,
  kLinks,
  kSize,
  kSeconds,
  kNanoseconds,
  kUser,
  kGroup,
  kEntryTimeout,
  kAttributeTimeout,
  kOpenHandle,
  kOpenFlags,
  kAnswerFields,
};

constexpr int kDirectIo = 1, kKeepCache = 2, kNonSeekable = 4;  // kOpenFlags

constexpr uint32_t kMaxTransfer = 1024 * 1024;

// A request that was not answered yet, and the buffer that holds what it writes.
struct Slot {
  fuse_req_t request = nullptr;
  int buffer = -1;
};

struct Buffer {
  char* bytes;
  size_t length;
};

class Session {
 public:
  static Session* Of(fuse_req_t request) { return static_cast<Session*>(fuse_req_userdata(request)); }

  // From operations.cc: enters a request into the batch. A request without an answer has no slot.
  double* Push(Op op, fuse_req_t request, fuse_ino_t node);
  // Puts a name into the text buffer; false if there is no room, which no legal name can cause.
  bool PushText(double* fields, const char* text);
  // The place of what a write brings in its buffer, which from now on belongs to the request.
  void KeepBuffer(double* fields, const char* data);

  // From replies.cc.
  fuse_req_t Request(double slot) const;
  void Done(double slot);

  bool Start(napi_env env, const char* mount_point);
  void Drain();
  // libuv stops to listen when it sees an error; mostly that is the end of the mount.
  void Deafened() { listening_ = false; }

  napi_env env = nullptr;
  fuse_session* fuse = nullptr;
  napi_ref on_batch = nullptr, on_end = nullptr, held = nullptr;
  napi_async_context context = nullptr;
  double* batch = nullptr;
  size_t batch_capacity = 0;
  char* text = nullptr;
  size_t text_capacity = 0;
  double* answer = nullptr;
  std::vector<Buffer> buffers;
  std::vector<int> free_buffers;
  std::vector<Slot> slots;
  std::vector<int> free_slots;
  char* scratch = nullptr;  // For replies that are put together and sent at once.
  uint64_t spin = 0;        // ns
  bool offers_killpriv = false;
  uint64_t init_unique = 0;

 private:
  bool Collect();
  bool Spin();
  void Learn(bool soon);
  void Deliver();
  void Call(napi_ref function, size_t count, double* numbers);
  void End();
  bool HasRoom() const { return !free_slots.empty() && !free_buffers.empty(); }
  void Listen(bool on);

  uv_handle_s* poll_ = nullptr;
  bool listening_ = false, ended_ = false, draining_ = false;
  int current_ = -1;  // The buffer that the next request is read into.
  bool kept_ = false;
  uint64_t dry_since_ = 0;  // When the kernel had no more requests.
  int eager_ = 0;           // Above zero: the last ones came one right after another.
  size_t count_ = 0, text_length_ = 0, bytes_ = 0;
};

// operations.cc
extern const fuse_lowlevel_ops kOperations;
// transport.cc
extern const fuse_custom_io kTransport;
// replies.cc, plan.cc, notify.cc: the functions of a session's object, which have the session as their data.
bool DefineReplies(napi_env env, napi_value object, Session* session);
bool DefinePlans(napi_env env, napi_value object, Session* session);
bool DefineNotices(napi_env env, napi_value object, Session* session);
bool DefineFunction(napi_env env, napi_value object, const char* name, napi_callback function, Session* session);
// The session and the arguments of a call of such a function, or null with an exception pending.
Session* Called(napi_env env, napi_callback_info info, size_t count, napi_value* values);
