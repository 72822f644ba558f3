// The sum of one piece of data; see sums.cc.
#pragma once

#include <cstddef>
#include <cstdint>

// At most 4096 bytes.
uint32_t PieceSum(const uint8_t* data, size_t length);
