// The part of libuv that is used here. Node exports it, and its ABI is stable through version 1; declared here because
// Node's own headers do not come with every package of Node.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
struct uv_loop_s;
struct uv_handle_s;
const char* uv_handle_type_name(int type);
size_t uv_handle_size(int type);
void* uv_handle_get_data(const uv_handle_s* handle);
void uv_handle_set_data(uv_handle_s* handle, void* data);
int uv_poll_init(uv_loop_s* loop, uv_handle_s* handle, int fd);
int uv_poll_start(uv_handle_s* handle, int events, void (*callback)(uv_handle_s* handle, int status, int events));
int uv_poll_stop(uv_handle_s* handle);
void uv_close(uv_handle_s* handle, void (*callback)(uv_handle_s* handle));
uint64_t uv_hrtime(void);
}

constexpr int kUvPoll = 8;  // UV_POLL
constexpr int kUvReadable = 1;
