#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include "session.h"

// How libfuse reads requests and writes replies: as it would itself, but for one flag of INIT that older versions
// cannot ask for. Without it the kernel asks for the attribute security.capability before every single write.

namespace {

ssize_t ReadRequest(int fd, void* bytes, size_t room, void* data) {
  const ssize_t count = read(fd, bytes, room);
  const auto* header = static_cast<const fuse_in_header*>(bytes);
  if (count >= static_cast<ssize_t>(sizeof(fuse_in_header) + sizeof(fuse_init_in)) && header->opcode == FUSE_INIT) {
    Session* session = static_cast<Session*>(data);
    const auto* init = reinterpret_cast<const fuse_init_in*>(header + 1);
    session->offers_killpriv = (init->flags & FUSE_HANDLE_KILLPRIV_V2) != 0;
    session->init_unique = header->unique;
  }
  return count;
}

ssize_t WriteReply(int fd, iovec* parts, int count, void* data) {
  Session* session = static_cast<Session*>(data);
  if (session->init_unique == 0) return writev(fd, parts, count);
  const auto* header = static_cast<const fuse_out_header*>(parts[0].iov_base);
  const bool is_init = header->unique == session->init_unique && header->error == 0 && count == 2;
  if (is_init && session->offers_killpriv && parts[1].iov_len >= 16) {
    // No file here has a set-user-ID bit that a write would have to clear.
    static_cast<fuse_init_out*>(parts[1].iov_base)->flags |= FUSE_HANDLE_KILLPRIV_V2;
  }
  if (is_init) session->init_unique = 0;
  return writev(fd, parts, count);
}

}  // namespace

const fuse_custom_io kTransport = {WriteReply, ReadRequest, nullptr, nullptr};
