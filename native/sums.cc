#include <cstring>

#include "sums.h"
#include "sys.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

// The sum of a piece of data. Its 8-byte words (the last one filled up with zeros) are dealt to three lanes in turn;
// the sum is c0 + kSecond * c1 + kThird * c2 modulo 2^32, where c0, c1, c2 are the CRC32C of the lanes.
//
// One CRC32C over the piece would not do: all pieces that end in their own CRC32C, as the superblock and the
// directories of ext4 do, have the same one, so that an old version of a block would pass for a new one. The three
// lanes are also what the instruction can compute at the same time.

namespace {

constexpr size_t kPiece = 4096;
constexpr uint32_t kSecond = 0x9E3779B1;
constexpr uint32_t kThird = 0x85EBCA77;

uint32_t Mix(const uint32_t* lanes) { return ~lanes[0] + kSecond * ~lanes[1] + kThird * ~lanes[2]; }

uint64_t Word(const uint8_t* data, size_t count) {
  uint64_t word = 0;
  memcpy(&word, data, count);
  return word;
}

// The words of a piece, each given to its lane by `crc(lane, word)`.
template <uint32_t (*crc)(uint32_t, uint64_t)>
inline __attribute__((always_inline)) uint32_t Sum(const uint8_t* data, size_t length) {
  uint32_t lanes[3] = {~0u, ~0u, ~0u};
  size_t at = 0;
  for (; at + 24 <= length; at += 24) {
    lanes[0] = crc(lanes[0], Word(data + at, 8));
    lanes[1] = crc(lanes[1], Word(data + at + 8, 8));
    lanes[2] = crc(lanes[2], Word(data + at + 16, 8));
  }
  for (int lane = 0; at < length; lane++, at += 8) {
    lanes[lane] = crc(lanes[lane], Word(data + at, length - at < 8 ? length - at : 8));
  }
  return Mix(lanes);
}

// A plain CRC32C over `data`, going on from `crc`.
template <uint32_t (*step)(uint32_t, uint64_t), uint32_t (*byte)(uint32_t, uint8_t)>
inline __attribute__((always_inline)) uint32_t Plain(uint32_t crc, const uint8_t* data, size_t length) {
  crc = ~crc;
  size_t at = 0;
  for (; at + 8 <= length; at += 8) crc = step(crc, Word(data + at, 8));
  for (; at < length; at++) crc = byte(crc, data[at]);
  return ~crc;
}

struct Tables {
  uint32_t byte[8][256];
  Tables() {
    for (uint32_t value = 0; value < 256; value++) {
      uint32_t crc = value;
      for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
      byte[0][value] = crc;
    }
    for (int slice = 1; slice < 8; slice++) {
      for (uint32_t value = 0; value < 256; value++) {
        const uint32_t before = byte[slice - 1][value];
        byte[slice][value] = (before >> 8) ^ byte[0][before & 255];
      }
    }
  }
};

const Tables& TheTables() {
  static const Tables tables;
  return tables;
}

uint32_t TableByte(uint32_t crc, uint8_t byte) { return (crc >> 8) ^ TheTables().byte[0][(crc ^ byte) & 255]; }

uint32_t TableCrc(uint32_t crc, uint64_t word) {
  const Tables& tables = TheTables();
  word ^= crc;
  uint32_t next = 0;
  for (int at = 0; at < 8; at++) next ^= tables.byte[7 - at][(word >> (8 * at)) & 255];
  return next;
}

uint32_t PortableSum(const uint8_t* data, size_t length) { return Sum<TableCrc>(data, length); }

uint32_t PortablePlain(uint32_t crc, const uint8_t* data, size_t length) {
  return Plain<TableCrc, TableByte>(crc, data, length);
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) inline uint32_t HardwareCrc(uint32_t crc, uint64_t word) {
  return static_cast<uint32_t>(_mm_crc32_u64(crc, word));
}
__attribute__((target("sse4.2"), flatten)) uint32_t HardwareSum(const uint8_t* data, size_t length) {
  return Sum<HardwareCrc>(data, length);
}
__attribute__((target("sse4.2"))) inline uint32_t HardwareByte(uint32_t crc, uint8_t byte) {
  return _mm_crc32_u8(crc, byte);
}
__attribute__((target("sse4.2"), flatten)) uint32_t HardwarePlain(uint32_t crc, const uint8_t* data, size_t length) {
  return Plain<HardwareCrc, HardwareByte>(crc, data, length);
}
bool HasHardware() { return __builtin_cpu_supports("sse4.2") != 0; }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
uint32_t HardwareCrc(uint32_t crc, uint64_t word) { return __crc32cd(crc, word); }
uint32_t HardwareSum(const uint8_t* data, size_t length) { return Sum<HardwareCrc>(data, length); }
uint32_t HardwareByte(uint32_t crc, uint8_t byte) { return __crc32cb(crc, byte); }
uint32_t HardwarePlain(uint32_t crc, const uint8_t* data, size_t length) {
  return Plain<HardwareCrc, HardwareByte>(crc, data, length);
}
bool HasHardware() { return true; }
#else
uint32_t HardwareSum(const uint8_t* data, size_t length) { return PortableSum(data, length); }
uint32_t HardwarePlain(uint32_t crc, const uint8_t* data, size_t length) { return PortablePlain(crc, data, length); }
bool HasHardware() { return false; }
#endif

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the disk format is little-endian");

}  // namespace

uint32_t PieceSum(const uint8_t* data, size_t length) {
  static const bool hardware = HasHardware();
  return hardware ? HardwareSum(data, length) : PortableSum(data, length);
}

// pieceSums(data, start, into, portable): the sums of the pieces of data whose first byte has address `start`, into a
// Uint32Array that is long enough. `portable`: without the processor's instruction, for the tests.
napi_value PieceSums(napi_env env, napi_callback_info info) {
  napi_value args[4];
  iovec data;
  int64_t start;
  bool portable;
  napi_typedarray_type type;
  size_t room;
  void* into;
  if (!Arguments(env, info, 4, args) || !ToBytes(env, args[0], &data) || !ToOffset(env, args[1], &start)) {
    return nullptr;
  }
  if (napi_get_value_bool(env, args[3], &portable) != napi_ok ||
      napi_get_typedarray_info(env, args[2], &type, &room, &into, nullptr, nullptr) != napi_ok ||
      type != napi_uint32_array) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "a Uint32Array and a boolean were expected");
    return nullptr;
  }
  static const bool hardware = HasHardware();
  const auto sum = hardware && !portable ? HardwareSum : PortableSum;
  const uint8_t* bytes = static_cast<const uint8_t*>(data.iov_base);
  uint32_t* sums = static_cast<uint32_t*>(into);
  size_t left = data.iov_len;
  size_t piece = kPiece - static_cast<size_t>(start % static_cast<int64_t>(kPiece));
  for (size_t at = 0; left > 0; at++) {
    if (at >= room) {
      napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the array is too short for the sums");
      return nullptr;
    }
    const size_t length = left < piece ? left : piece;
    sums[at] = sum(bytes, length);
    bytes += length;
    left -= length;
    piece = kPiece;
  }
  return nullptr;
}

// crc32c(bytes, initial, portable): the CRC32C of the bytes, going on from that of what stands before them.
napi_value Crc32c(napi_env env, napi_callback_info info) {
  napi_value args[3], result;
  iovec data;
  uint32_t initial;
  bool portable;
  if (!Arguments(env, info, 3, args) || !ToBytes(env, args[0], &data)) return nullptr;
  if (napi_get_value_uint32(env, args[1], &initial) != napi_ok ||
      napi_get_value_bool(env, args[2], &portable) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "a number and a boolean were expected");
    return nullptr;
  }
  static const bool hardware = HasHardware();
  const auto crc = hardware && !portable ? HardwarePlain : PortablePlain;
  napi_create_uint32(env, crc(initial, static_cast<const uint8_t*>(data.iov_base), data.iov_len), &result);
  return result;
}
