#include <cerrno>
#include <cstring>

#include "../sys.h"
#include "session.h"

// One function for each form of reply. Each takes the slot of a request first, and ends it. What the kernel says to a
// reply is of no matter: a request that was interrupted or whose mount has gone wants none.

namespace {

// The session, with `*request` that of the slot in args[0]; null with an exception pending.
Session* Replying(napi_env env, napi_callback_info info, size_t count, napi_value* args, double* slot,
                  fuse_req_t* request) {
  Session* session = Called(env, info, count, args);
  if (session == nullptr) return nullptr;
  *slot = -1;
  napi_get_value_double(env, args[0], slot);
  *request = session->Request(*slot);
  if (*request != nullptr) return session;
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "no request waits in this slot");
  return nullptr;
}

// replyError(slot, errno): 0 says that it is done.
napi_value ReplyError(napi_env env, napi_callback_info info) {
  napi_value args[2];
  double slot;
  fuse_req_t request;
  int number;
  Session* session = Replying(env, info, 2, args, &slot, &request);
  if (session == nullptr || !ToInt(env, args[1], &number)) return nullptr;
  fuse_reply_err(request, number);
  session->Done(slot);
  return nullptr;
}

// replyWritten(slot, count).
napi_value ReplyWritten(napi_env env, napi_callback_info info) {
  napi_value args[2];
  double slot;
  fuse_req_t request;
  int64_t count;
  Session* session = Replying(env, info, 2, args, &slot, &request);
  if (session == nullptr || !ToOffset(env, args[1], &count)) return nullptr;
  fuse_reply_write(request, static_cast<size_t>(count));
  session->Done(slot);
  return nullptr;
}

// replyBytes(slot, bytes): what was read, the entries of a folder, an attribute.
napi_value ReplyBytes(napi_env env, napi_callback_info info) {
  napi_value args[2];
  double slot;
  fuse_req_t request;
  iovec bytes;
  Session* session = Replying(env, info, 2, args, &slot, &request);
  if (session == nullptr || !ToBytes(env, args[1], &bytes)) return nullptr;
  fuse_reply_buf(request, static_cast<const char*>(bytes.iov_base), bytes.iov_len);
  session->Done(slot);
  return nullptr;
}

// replyLength(slot, bytes): how long the attribute is that was asked for.
napi_value ReplyLength(napi_env env, napi_callback_info info) {
  napi_value args[2];
  double slot;
  fuse_req_t request;
  int64_t count;
  Session* session = Replying(env, info, 2, args, &slot, &request);
  if (session == nullptr || !ToOffset(env, args[1], &count)) return nullptr;
  fuse_reply_xattr(request, static_cast<size_t>(count));
  session->Done(slot);
  return nullptr;
}

// replyLink(slot, target).
napi_value ReplyLink(napi_env env, napi_callback_info info) {
  napi_value args[2];
  double slot;
  fuse_req_t request;
  char target[4097];
  size_t length;
  Session* session = Replying(env, info, 2, args, &slot, &request);
  if (session == nullptr) return nullptr;
  if (napi_get_value_string_utf8(env, args[1], target, sizeof target, &length) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "a string was expected");
    return nullptr;
  }
  fuse_reply_readlink(request, target);
  session->Done(slot);
  return nullptr;
}

// replySeek(slot, offset).
napi_value ReplySeek(napi_env env, napi_callback_info info) {
  napi_value args[2];
  double slot;
  fuse_req_t request;
  int64_t offset;
  Session* session = Replying(env, info, 2, args, &slot, &request);
  if (session == nullptr || !ToOffset(env, args[1], &offset)) return nullptr;
  fuse_reply_lseek(request, offset);
  session->Done(slot);
  return nullptr;
}

// replySpace(slot, blocks, free): of 4 KiB.
napi_value ReplySpace(napi_env env, napi_callback_info info) {
  napi_value args[3];
  double slot;
  fuse_req_t request;
  int64_t blocks, left;
  Session* session = Replying(env, info, 3, args, &slot, &request);
  if (session == nullptr || !ToOffset(env, args[1], &blocks) || !ToOffset(env, args[2], &left)) return nullptr;
  struct statvfs space = {};
  space.f_bsize = 4096;
  space.f_frsize = 4096;
  space.f_blocks = static_cast<fsblkcnt_t>(blocks);
  space.f_bfree = static_cast<fsblkcnt_t>(left);
  space.f_bavail = static_cast<fsblkcnt_t>(left);
  space.f_files = 1000;
  space.f_namemax = 255;
  fuse_reply_statfs(request, &space);
  session->Done(slot);
  return nullptr;
}

struct stat Attributes(const double* answer) {
  struct stat found = {};
  found.st_ino = static_cast<ino_t>(answer[kInode]);
  found.st_mode = static_cast<mode_t>(answer[kMode]);
  found.st_nlink = static_cast<nlink_t>(answer[kLinks]);
  found.st_size = static_cast<off_t>(answer[kSize]);
  // One page less than the size: what looks full cp and tar do not ask for holes.
  found.st_blocks = found.st_size > 4096 ? (found.st_size - 4096 + 511) / 512 : 0;
  found.st_blksize = 4096;
  found.st_uid = static_cast<uid_t>(answer[kUser]);
  found.st_gid = static_cast<gid_t>(answer[kGroup]);
  found.st_mtim = {static_cast<time_t>(answer[kSeconds]), static_cast<long>(answer[kNanoseconds])};
  found.st_ctim = found.st_mtim;
  found.st_atim = found.st_mtim;
  return found;
}

fuse_entry_param Entry(const double* answer) {
  fuse_entry_param entry = {};
  entry.ino = static_cast<fuse_ino_t>(answer[kNodeId]);
  entry.attr = Attributes(answer);
  entry.entry_timeout = answer[kEntryTimeout];
  entry.attr_timeout = answer[kAttributeTimeout];
  return entry;
}

// replyEntry(slot), replyAttributes(slot), replyOpen(slot): with what stands in the answer.
napi_value ReplyEntry(napi_env env, napi_callback_info info) {
  napi_value args[1];
  double slot;
  fuse_req_t request;
  Session* session = Replying(env, info, 1, args, &slot, &request);
  if (session == nullptr) return nullptr;
  const fuse_entry_param entry = Entry(session->answer);
  fuse_reply_entry(request, &entry);
  session->Done(slot);
  return nullptr;
}

napi_value ReplyAttributes(napi_env env, napi_callback_info info) {
  napi_value args[1];
  double slot;
  fuse_req_t request;
  Session* session = Replying(env, info, 1, args, &slot, &request);
  if (session == nullptr) return nullptr;
  const struct stat found = Attributes(session->answer);
  fuse_reply_attr(request, &found, session->answer[kAttributeTimeout]);
  session->Done(slot);
  return nullptr;
}

// True if the kernel took it: else the file is not open, and nobody will close it.
napi_value ReplyOpen(napi_env env, napi_callback_info info) {
  napi_value args[1];
  double slot;
  fuse_req_t request;
  Session* session = Replying(env, info, 1, args, &slot, &request);
  if (session == nullptr) return nullptr;
  const int flags = static_cast<int>(session->answer[kOpenFlags]);
  fuse_file_info file = {};
  file.fh = static_cast<uint64_t>(session->answer[kOpenHandle]);
  file.direct_io = (flags & kDirectIo) != 0;
  file.keep_cache = (flags & kKeepCache) != 0;
  file.nonseekable = (flags & kNonSeekable) != 0;
  const int refused = fuse_reply_open(request, &file);
  session->Done(slot);
  return FromBool(env, refused == 0);
}

// addEntry(slot, into, at, name, next, plus): one more name of a folder, with what stands in the answer. Where the
// entry ends, or -1 if it does not fit any more. Does not end the request.
napi_value AddEntry(napi_env env, napi_callback_info info) {
  napi_value args[6];
  double slot;
  fuse_req_t request;
  iovec into;
  int64_t at, next;
  bool plus;
  char name[1025];
  size_t length;
  Session* session = Replying(env, info, 6, args, &slot, &request);
  if (session == nullptr || !ToBytes(env, args[1], &into) || !ToOffset(env, args[2], &at) ||
      !ToOffset(env, args[4], &next)) {
    return nullptr;
  }
  if (napi_get_value_string_utf8(env, args[3], name, sizeof name, &length) != napi_ok ||
      napi_get_value_bool(env, args[5], &plus) != napi_ok || static_cast<size_t>(at) > into.iov_len) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "a name and a boolean were expected");
    return nullptr;
  }
  char* place = static_cast<char*>(into.iov_base) + at;
  const size_t room = into.iov_len - static_cast<size_t>(at);
  const fuse_entry_param entry = Entry(session->answer);
  const size_t size = plus ? fuse_add_direntry_plus(request, place, room, name, &entry, next)
                           : fuse_add_direntry(request, place, room, name, &entry.attr, next);
  return FromOffset(env, size > room ? -1 : at + static_cast<int64_t>(size));
}

}  // namespace

bool DefineReplies(napi_env env, napi_value object, Session* session) {
  return DefineFunction(env, object, "replyError", ReplyError, session) &&
         DefineFunction(env, object, "replyWritten", ReplyWritten, session) &&
         DefineFunction(env, object, "replyBytes", ReplyBytes, session) &&
         DefineFunction(env, object, "replyLength", ReplyLength, session) &&
         DefineFunction(env, object, "replyLink", ReplyLink, session) &&
         DefineFunction(env, object, "replySeek", ReplySeek, session) &&
         DefineFunction(env, object, "replySpace", ReplySpace, session) &&
         DefineFunction(env, object, "replyEntry", ReplyEntry, session) &&
         DefineFunction(env, object, "replyAttributes", ReplyAttributes, session) &&
         DefineFunction(env, object, "replyOpen", ReplyOpen, session) &&
         DefineFunction(env, object, "addEntry", AddEntry, session);
}
