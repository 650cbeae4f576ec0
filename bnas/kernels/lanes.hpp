// Numbers of feature maps side by side, whatever the processor.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#define INLINE inline __attribute__((always_inline))

// The compiler divides them where a processor has shorter vectors.
constexpr int64_t VECTOR = 16;
using Lanes = float __attribute__((vector_size(VECTOR * sizeof(float))));
using Words = uint32_t __attribute__((vector_size(VECTOR * sizeof(uint32_t))));
using Halves = uint16_t __attribute__((vector_size(VECTOR * sizeof(uint16_t))));
using bfloat16 = uint16_t;

// Reading and writing one number (V = float) or sixteen (V = Lanes).
template <class V>
INLINE V get(const float* place) {
  V x;
  std::memcpy(&x, place, sizeof x);
  return x;
}

template <class V>
INLINE V get(const bfloat16* place) {
  if constexpr (sizeof(V) == sizeof(float)) {
    const uint32_t bits = static_cast<uint32_t>(*place) << 16;
    V x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
  } else {
    Halves narrow;
    std::memcpy(&narrow, place, sizeof narrow);
    return reinterpret_cast<V>(__builtin_convertvector(narrow, Words) << 16);
  }
}

template <class V>
INLINE void put(float* place, V x) {
  std::memcpy(place, &x, sizeof x);
}

// To the nearest, ties to even, as PyTorch does.
template <class V>
INLINE void put(bfloat16* place, V x) {
  if constexpr (sizeof(V) == sizeof(float)) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    *place = x != x ? 0x7fc0 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  } else {
    const Words bits = reinterpret_cast<Words>(x);
    const Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    const Words kept = x != x ? rounded - rounded + 0x7fc0 : rounded;
    const Halves narrow = __builtin_convertvector(kept, Halves);
    std::memcpy(place, &narrow, sizeof narrow);
  }
}

template <class V>
INLINE V filled(float x) {
  return V{} + x;
}

// Rows are joined until they are whole vectors: those of 12 channels would waste a quarter.
inline int64_t joined(int64_t channels) { return std::lcm(channels, VECTOR); }

// A value of each channel, for joined rows.
struct Repeated {
  Repeated(const float* values, int64_t channels, float otherwise) : data(joined(channels)) {
    for (size_t i = 0; i < data.size(); ++i) data[i] = values ? values[i % channels] : otherwise;
  }
  std::vector<float> data;
};

// Sums of every channel. Few numbers are added in float32 before they go on in float64.
struct Sums {
  explicit Sums(int64_t channels) : totals(channels), parts(joined(channels)) {}
  template <class V>
  INLINE void add(int64_t j, V x) {
    put(&parts[j], get<V>(&parts[j]) + x);
  }
  void collect() {
    for (size_t begin = 0; begin < parts.size(); begin += totals.size()) {
      for (size_t c = 0; c < totals.size(); ++c) totals[c] += parts[begin + c];
    }
    std::fill(parts.begin(), parts.end(), 0.0f);
  }
  void write(float* place) const { std::copy(totals.begin(), totals.end(), place); }
  std::vector<float> means(int64_t rows) const {
    std::vector<float> found;
    for (const double total : totals) found.push_back(static_cast<float>(total / rows));
    return found;
  }
  std::vector<double> totals;
  std::vector<float> parts;
};

constexpr int64_t BLOCK = 1024;   // numbers that stay in the nearest cache
constexpr int64_t MOST_ADDED = 16;  // blocks

// Numbers, or vectors of them, `step` apart, that belong to one place of joined rows.
template <class V>
struct Span {
  using Number = V;
  int64_t begin, end, step, place;
};

// Calls `work(span)` until all numbers have been in a span. What it adds is collected now and then.
template <class Work>
INLINE void walk(int64_t count, int64_t channels, std::vector<Sums>& sums, Work work) {
  const int64_t row = joined(channels), rows = count / row;
  const int64_t at_once = std::max<int64_t>(1, BLOCK / row);
  int64_t added = 0;
  for (int64_t first = 0; first < rows; first += at_once) {
    const int64_t begin = first * row, end = std::min(first + at_once, rows) * row;
    for (int64_t j = 0; j < row; j += VECTOR) work(Span<Lanes>{begin + j, end, row, j});
    if (++added % MOST_ADDED == 0) {
      for (Sums& each : sums) each.collect();
    }
  }
  const int64_t rest = rows * row;
  for (int64_t j = 0; rest + j < count; ++j) work(Span<float>{rest + j, rest + j + 1, row, j});
  for (Sums& each : sums) each.collect();
}
