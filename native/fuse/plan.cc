#include <sys/uio.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "../sums.h"
#include "../sys.h"
#include "session.h"

// Reads that are answered here: from a list of parts, each read from a file and verified before the kernel gets it. What
// does not go well is told to JavaScript, which reads again in its own way and knows what to say.

namespace {

// The fields of a part of a plan.
enum PartField { kFd, kFileOffset, kPartLength, kBlock, kFirstSum, kPartFields };
// kFd: zeros, which lie nowhere.
constexpr int kZeros = -1;
// kBlock: the sums are as they are; else they are bound to the place, and this is the number of the first block.
constexpr double kUnbound = -1;

constexpr size_t kPiece = 4096;

// What became of a plan; src/fuse/native/session.ts has the same numbers.
enum Outcome { kReplied = 0, kWouldWait = 1, kFailed = 2 };

struct Plan {
  const double* parts;
  size_t count;
  const uint32_t* sums;
  size_t sum_count;
  size_t length;
};

// As `bindToPlace` of src/format/checksum.ts.
uint32_t BindToPlace(uint64_t block, uint32_t sum) {
  const uint32_t low = static_cast<uint32_t>(block) * 0x9e3779b1u;
  const uint32_t high = (static_cast<uint32_t>(block >> 32) + 1) * 0x85ebca6bu;
  const uint32_t bound = sum ^ low ^ (high >> 7) ^ high;
  return bound == 0 ? 1 : bound;
}

// Whether the whole pieces of `bytes` are what the sums from `first` on say.
bool Matches(const Plan& plan, const double* part, const uint8_t* bytes, size_t length) {
  const double first = part[kFirstSum];
  if (first < 0) return true;  // Not to be verified.
  const size_t pieces = (length + kPiece - 1) / kPiece;
  if (static_cast<size_t>(first) + pieces > plan.sum_count) return false;
  const uint32_t* sums = plan.sums + static_cast<size_t>(first);
  for (size_t at = 0; at < pieces; at++) {
    const size_t left = length - at * kPiece;
    uint32_t sum = PieceSum(bytes + at * kPiece, left < kPiece ? left : kPiece);
    if (part[kBlock] != kUnbound) sum = BindToPlace(static_cast<uint64_t>(part[kBlock]) + at, sum);
    if (sum != sums[at]) return false;
  }
  return true;
}

// Reads all of a part. With `wait` false: only if no disk need be waited for.
Outcome ReadPart(const double* part, uint8_t* into, size_t length, bool wait) {
  off_t offset = static_cast<off_t>(part[kFileOffset]);
  const int fd = static_cast<int>(part[kFd]);
  for (size_t done = 0; done < length;) {
    iovec rest = {into + done, length - done};
    const ssize_t count = wait ? preadv(fd, &rest, 1, offset) : preadv2(fd, &rest, 1, offset, RWF_NOWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return wait ? kFailed : kWouldWait;
    done += static_cast<size_t>(count);
    offset += count;
  }
  return kReplied;
}

Outcome Fill(const Plan& plan, uint8_t* into, bool wait) {
  size_t at = 0;
  for (size_t index = 0; index < plan.count; index++) {
    const double* part = plan.parts + index * kPartFields;
    const size_t length = static_cast<size_t>(part[kPartLength]);
    if (length > plan.length - at) return kFailed;
    if (part[kFd] == kZeros) {
      memset(into + at, 0, length);
    } else {
      const Outcome outcome = ReadPart(part, into + at, length, wait);
      if (outcome != kReplied) return outcome;
      if (!Matches(plan, part, into + at, length)) return kFailed;
    }
    at += length;
  }
  return at == plan.length ? kReplied : kFailed;
}

// The arguments (slot, parts, count, sums, length).
Session* Planned(napi_env env, napi_callback_info info, double* slot, Plan* plan) {
  napi_value args[5];
  Session* session = Called(env, info, 5, args);
  if (session == nullptr) return nullptr;
  napi_typedarray_type parts_type, sums_type;
  size_t room = 0;
  void *parts, *sums;
  int64_t count, length;
  if (napi_get_value_double(env, args[0], slot) != napi_ok || session->Request(*slot) == nullptr ||
      napi_get_typedarray_info(env, args[1], &parts_type, &room, &parts, nullptr, nullptr) != napi_ok ||
      napi_get_typedarray_info(env, args[3], &sums_type, &plan->sum_count, &sums, nullptr, nullptr) != napi_ok ||
      parts_type != napi_float64_array || sums_type != napi_uint32_array ||
      napi_get_value_int64(env, args[2], &count) != napi_ok || napi_get_value_int64(env, args[4], &length) != napi_ok ||
      count < 0 || static_cast<size_t>(count) * kPartFields > room || length < 0 || length > kMaxTransfer) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "no plan of a read");
    return nullptr;
  }
  plan->parts = static_cast<const double*>(parts);
  plan->sums = static_cast<const uint32_t*>(sums);
  plan->count = static_cast<size_t>(count);
  plan->length = static_cast<size_t>(length);
  return session;
}

// replyRead(slot, parts, count, sums, length): answers at once, or not at all.
napi_value ReplyRead(napi_env env, napi_callback_info info) {
  double slot = -1;
  Plan plan = {};
  Session* session = Planned(env, info, &slot, &plan);
  if (session == nullptr) return nullptr;
  const Outcome outcome = Fill(plan, reinterpret_cast<uint8_t*>(session->scratch), false);
  if (outcome == kReplied) {
    fuse_reply_buf(session->Request(slot), session->scratch, plan.length);
    session->Done(slot);
  }
  return FromOffset(env, outcome);
}

// A plan that is carried out on the pool, with what it needs copied.
struct Job {
  Session* session;
  double slot;
  fuse_req_t request;
  std::vector<double> parts;
  std::vector<uint32_t> sums;
  size_t length;
  Outcome outcome = kFailed;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
};

void Perform(napi_env, void* data) {
  Job* job = static_cast<Job*>(data);
  // The buffer of a thread is kept: a fresh one of this size costs more than the read.
  static thread_local std::unique_ptr<uint8_t[]> buffer(new (std::nothrow) uint8_t[kMaxTransfer]);
  if (buffer == nullptr) return;
  const Plan plan = {job->parts.data(), job->parts.size() / kPartFields, job->sums.data(), job->sums.size(),
                     job->length};
  job->outcome = Fill(plan, buffer.get(), true);
  if (job->outcome == kReplied) {
    fuse_reply_buf(job->request, reinterpret_cast<const char*>(buffer.get()), job->length);
  }
}

void Finish(napi_env env, napi_status, void* data) {
  std::unique_ptr<Job> job(static_cast<Job*>(data));
  napi_delete_async_work(env, job->work);
  if (job->outcome == kReplied) job->session->Done(job->slot);
  napi_resolve_deferred(env, job->deferred, FromOffset(env, job->outcome));
}

// readOnPool(slot, parts, count, sums, length): the same on the pool, waiting for disks. A promise of what became of it.
napi_value ReadOnPool(napi_env env, napi_callback_info info) {
  double slot = -1;
  Plan plan = {};
  Session* session = Planned(env, info, &slot, &plan);
  if (session == nullptr) return nullptr;
  std::unique_ptr<Job> job(new (std::nothrow) Job{});
  if (job == nullptr) return ThrowErrno(env, "read", ENOMEM);
  job->session = session;
  job->slot = slot;
  job->request = session->Request(slot);
  job->parts.assign(plan.parts, plan.parts + plan.count * kPartFields);
  job->sums.assign(plan.sums, plan.sums + plan.sum_count);
  job->length = plan.length;
  napi_value name, promise;
  napi_create_string_utf8(env, "anywhen read", NAPI_AUTO_LENGTH, &name);
  if (napi_create_async_work(env, nullptr, name, Perform, Finish, job.get(), &job->work) != napi_ok) {
    return ThrowErrno(env, "read", ENOMEM);
  }
  if (napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
      napi_queue_async_work(env, job->work) != napi_ok) {
    napi_delete_async_work(env, job->work);
    return ThrowErrno(env, "read", ENOMEM);
  }
  job.release();  // Finish owns it now.
  return promise;
}

}  // namespace

bool DefinePlans(napi_env env, napi_value object, Session* session) {
  return DefineFunction(env, object, "replyRead", ReplyRead, session) &&
         DefineFunction(env, object, "readOnPool", ReadOnPool, session);
}
