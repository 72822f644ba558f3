#include <linux/fs.h>

#include <cerrno>
#include <cstring>

#include "session.h"

// What the kernel asks, entered into the batch as it is. What no volume can do is refused here.

namespace {

void Init(void* data, fuse_conn_info* connection) {
  Session* session = static_cast<Session*>(data);
  connection->max_write = kMaxTransfer;
  connection->max_read = kMaxTransfer;
  const auto want = [connection](unsigned capability) { connection->want |= connection->capable & capability; };
  want(FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_READDIRPLUS |
       FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO);
  // What is cached is dropped when it is told to be, not when a time looks new: the time of the live volume always does.
  if ((connection->capable & FUSE_CAP_EXPLICIT_INVAL_DATA) != 0) {
    connection->want |= FUSE_CAP_EXPLICIT_INVAL_DATA;
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_AUTO_INVAL_DATA);
  }
  // Never FUSE_CAP_WRITEBACK_CACHE: it acknowledges what no journal has. Splicing gains nothing here.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
                                             FUSE_CAP_SPLICE_MOVE);
  session->Push(kInit, nullptr, 0);
}

void Named(Op op, fuse_req_t request, fuse_ino_t node, const char* name) {
  Session* session = Session::Of(request);
  if (!session->PushText(session->Push(op, request, node), name)) fuse_reply_err(request, ENAMETOOLONG);
}

void Lookup(fuse_req_t request, fuse_ino_t parent, const char* name) { Named(kLookup, request, parent, name); }

void PushForget(Session* session, fuse_ino_t node, uint64_t count) {
  session->Push(kForget, nullptr, node)[kLength] = static_cast<double>(count);
}

void Forget(fuse_req_t request, fuse_ino_t node, uint64_t count) {
  PushForget(Session::Of(request), node, count);
  fuse_reply_none(request);
}

void ForgetMulti(fuse_req_t request, size_t count, fuse_forget_data* forgets) {
  Session* session = Session::Of(request);
  for (size_t at = 0; at < count; at++) PushForget(session, forgets[at].ino, forgets[at].nlookup);
  fuse_reply_none(request);
}

void Getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  Session::Of(request)->Push(kGetattr, request, node);
}

void Setattr(fuse_req_t request, fuse_ino_t node, struct stat* attributes, int which, fuse_file_info*) {
  double* fields = Session::Of(request)->Push(kSetattr, request, node);
  fields[kLength] = static_cast<double>(attributes->st_size);
  fields[kFlags] = which;
}

void Readlink(fuse_req_t request, fuse_ino_t node) { Session::Of(request)->Push(kReadlink, request, node); }

void Opened(Op op, fuse_req_t request, fuse_ino_t node, fuse_file_info* file) {
  Session::Of(request)->Push(op, request, node)[kFlags] = file->flags;
}

void Open(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) { Opened(kOpen, request, node, file); }
void Opendir(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) { Opened(kOpendir, request, node, file); }

double* Ranged(Op op, fuse_req_t request, fuse_ino_t node, size_t length, off_t offset, fuse_file_info* file) {
  double* fields = Session::Of(request)->Push(op, request, node);
  fields[kHandle] = static_cast<double>(file->fh);
  fields[kOffset] = static_cast<double>(offset);
  fields[kLength] = static_cast<double>(length);
  return fields;
}

void Read(fuse_req_t request, fuse_ino_t node, size_t length, off_t offset, fuse_file_info* file) {
  Ranged(kRead, request, node, length, offset, file);
}

void Write(fuse_req_t request, fuse_ino_t node, const char* data, size_t length, off_t offset, fuse_file_info* file) {
  Session* session = Session::Of(request);
  session->KeepBuffer(Ranged(kWrite, request, node, length, offset, file), data);
}

void Readdir(fuse_req_t request, fuse_ino_t node, size_t length, off_t offset, fuse_file_info* file) {
  Ranged(kReaddir, request, node, length, offset, file);
}

void Readdirplus(fuse_req_t request, fuse_ino_t node, size_t length, off_t offset, fuse_file_info* file) {
  Ranged(kReaddirplus, request, node, length, offset, file);
}

// Close is no promise to keep anything: only FSYNC is.
void Flush(fuse_req_t request, fuse_ino_t, fuse_file_info*) { fuse_reply_err(request, 0); }

void Fsync(fuse_req_t request, fuse_ino_t node, int, fuse_file_info* file) {
  Ranged(kFsync, request, node, 0, 0, file);
}

void Fsyncdir(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) { fuse_reply_err(request, 0); }

void Release(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) { Ranged(kRelease, request, node, 0, 0, file); }

void Releasedir(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) {
  Ranged(kReleasedir, request, node, 0, 0, file);
}

void Statfs(fuse_req_t request, fuse_ino_t node) { Session::Of(request)->Push(kStatfs, request, node); }

void Getxattr(fuse_req_t request, fuse_ino_t node, const char* name, size_t length) {
  // Asked by the kernel before writes and on behalf of tools, and never there.
  if (strncmp(name, "user.", 5) != 0) {
    fuse_reply_err(request, ENODATA);
    return;
  }
  Session* session = Session::Of(request);
  double* fields = session->Push(kGetxattr, request, node);
  fields[kLength] = static_cast<double>(length);
  if (!session->PushText(fields, name)) fuse_reply_err(request, ERANGE);
}

void Listxattr(fuse_req_t request, fuse_ino_t node, size_t length) {
  Session::Of(request)->Push(kListxattr, request, node)[kLength] = static_cast<double>(length);
}

void Fallocate(fuse_req_t request, fuse_ino_t node, int mode, off_t offset, off_t length, fuse_file_info* file) {
  Ranged(kFallocate, request, node, static_cast<size_t>(length), offset, file)[kFlags] = mode;
}

void Lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info* file) {
  Ranged(kLseek, request, node, 0, offset, file)[kFlags] = whence;
}

void RefuseMknod(fuse_req_t request, fuse_ino_t, const char*, mode_t, dev_t) { fuse_reply_err(request, EROFS); }
void RefuseMkdir(fuse_req_t request, fuse_ino_t, const char*, mode_t) { fuse_reply_err(request, EROFS); }
void RefuseRemove(fuse_req_t request, fuse_ino_t, const char*) { fuse_reply_err(request, EROFS); }
void RefuseSymlink(fuse_req_t request, const char*, fuse_ino_t, const char*) { fuse_reply_err(request, EROFS); }
void RefuseRename(fuse_req_t request, fuse_ino_t, const char*, fuse_ino_t, const char*, unsigned) {
  fuse_reply_err(request, EROFS);
}
void RefuseLink(fuse_req_t request, fuse_ino_t, fuse_ino_t, const char*) { fuse_reply_err(request, EROFS); }
void RefuseCreate(fuse_req_t request, fuse_ino_t, const char*, mode_t, fuse_file_info*) {
  fuse_reply_err(request, EROFS);
}
void RefuseSetxattr(fuse_req_t request, fuse_ino_t, const char*, const char*, size_t, int) {
  fuse_reply_err(request, EROFS);
}

fuse_lowlevel_ops Operations() {
  fuse_lowlevel_ops operations = {};
  operations.init = Init;
  operations.lookup = Lookup;
  operations.forget = Forget;
  operations.forget_multi = ForgetMulti;
  operations.getattr = Getattr;
  operations.setattr = Setattr;
  operations.readlink = Readlink;
  operations.open = Open;
  operations.opendir = Opendir;
  operations.read = Read;
  operations.write = Write;
  operations.readdir = Readdir;
  operations.readdirplus = Readdirplus;
  operations.flush = Flush;
  operations.fsync = Fsync;
  operations.fsyncdir = Fsyncdir;
  operations.release = Release;
  operations.releasedir = Releasedir;
  operations.statfs = Statfs;
  operations.getxattr = Getxattr;
  operations.listxattr = Listxattr;
  operations.fallocate = Fallocate;
  operations.lseek = Lseek;
  operations.mknod = RefuseMknod;
  operations.mkdir = RefuseMkdir;
  operations.unlink = RefuseRemove;
  operations.rmdir = RefuseRemove;
  operations.symlink = RefuseSymlink;
  operations.rename = RefuseRename;
  operations.link = RefuseLink;
  operations.create = RefuseCreate;
  operations.setxattr = RefuseSetxattr;
  operations.removexattr = RefuseRemove;
  return operations;
}

}  // namespace

const fuse_lowlevel_ops kOperations = Operations();
