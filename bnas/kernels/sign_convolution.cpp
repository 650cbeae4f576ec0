// The convolution of signs, as exclusive-or and population count.

#include "lanes.hpp"

#if defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VPOPCNTDQ__)

#include <immintrin.h>

#include <cmath>
#include <utility>

namespace {

// The sums of a convolution of signs, zeros at the border. A pixel's signs are the bits of 32-bit
// words, a set bit means -1; of narrow feature maps, a word holds several pixels of a row. Sixteen
// filters are computed side by side.
class SignConvolution {
 public:
  SignConvolution(int64_t height, int64_t width, int64_t in, int64_t out, int64_t kernel,
                  int64_t stride, const float* weight)
      : height_(height), width_(width), in_(in), out_(out), kernel_(kernel), stride_(stride),
        padding_((kernel - 1) / 2), pitch_(width + 2 * padding_),
        words_((in + BITS - 1) / BITS), blocks_((out + VECTOR - 1) / VECTOR),
        joined_(std::max<int64_t>(1, std::min(kernel, BITS / in))),
        left_((kernel - 1) % joined_ + 1), scale_(blocks_ * VECTOR) {
    const int64_t pixels = (height + 2 * padding_) * pitch_;
    // Joined pixels read on beyond the last.
    single_.assign((pixels + kernel) * words_, 0);
    pairs_.assign(joined_ > 1 ? 2 * pixels : 0, 0);
    load(weight, pixels);
    const std::vector<Taps> of_rows = taps(height), of_columns = taps(width);
    row_kinds_ = kinds(of_rows), column_kinds_ = kinds(of_columns);
    column_kinds_of_row_ = distinct(of_columns).size();
    for (const Taps& rows : distinct(of_rows)) {
      for (const Taps& columns : distinct(of_columns)) add_largest(rows, columns);
    }
  }

  template <class T>
  void run(const T* x, int64_t x_pitch, T* y, int64_t y_pitch) {
    pack(x, x_pitch);
    // Known to the compiler where it is small, so that addresses of pixels need no registers.
    switch (stride_ * words_) {
      case 1: return rows<1>(y, y_pitch);
      case 2: return rows<2>(y, y_pitch);
      case 4: return rows<4>(y, y_pitch);
      default: return rows<0>(y, y_pitch);
    }
  }

 private:
  static constexpr int64_t BITS = 32;
  static constexpr int64_t MANY = 8;

  // The first row, or column, of the kernel that lies inside the feature map, and the end of those.
  using Taps = std::pair<int64_t, int64_t>;

  std::vector<Taps> taps(int64_t size) const {
    std::vector<Taps> found;
    for (int64_t begin = -padding_; begin + padding_ < size; begin += stride_) {
      found.emplace_back(std::max<int64_t>(0, -begin), std::min(kernel_, size - begin));
    }
    return found;
  }

  static std::vector<Taps> distinct(std::vector<Taps> all) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }

  static std::vector<int64_t> kinds(const std::vector<Taps>& all) {
    const std::vector<Taps> known = distinct(all);
    std::vector<int64_t> found;
    for (const Taps& each : all) {
      found.push_back(std::lower_bound(known.begin(), known.end(), each) - known.begin());
    }
    return found;
  }

  // The sums where nothing differs. Bits outside the feature map say +1, but nothing is there: what
  // they differ in is made up for.
  void add_largest(const Taps& rows, const Taps& columns) {
    const size_t begin = largest_.size();
    largest_.resize(begin + blocks_ * VECTOR, 0);
    for (int64_t y = 0; y < kernel_; ++y) {
      for (int64_t x = 0; x < kernel_; ++x) {
        const bool is_inside =
            y >= rows.first && y < rows.second && x >= columns.first && x < columns.second;
        const int32_t* negatives = negatives_.data() + (y * kernel_ + x) * blocks_ * VECTOR;
        for (int64_t o = 0; o < out_; ++o) {
          largest_[begin + o] += is_inside ? static_cast<int32_t>(in_) : 2 * negatives[o];
        }
      }
    }
  }

  // The weights (out, kernel, kernel, in): one scale for each filter, and signs in the order in
  // which `pixels` reads those of the feature map.
  void load(const float* weight, int64_t pixels) {
    const int64_t taps = kernel_ * kernel_;
    for (int64_t row = 0; row < kernel_; ++row) {
      for (int64_t column = 0; column < kernel_; column += joined_) {
        const int64_t together = std::min(joined_, kernel_ - column);
        const int64_t part = together == joined_ ? 0 : pixels;
        for (int64_t word = 0; word < words_; ++word) {
          places_.push_back(part + (row * pitch_ + column) * words_ + word);
        }
      }
    }
    signs_.assign(places_.size() * blocks_ * VECTOR, 0);
    negatives_.assign(taps * blocks_ * VECTOR, 0);
    const int64_t parts = (kernel_ + joined_ - 1) / joined_;  // of a row of the kernel
    for (int64_t o = 0; o < out_; ++o) {
      scale_[o] = std::fabs(weight[o * taps * in_]);
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t row = tap / kernel_, column = tap % kernel_;
        for (int64_t word = 0; word < words_; ++word) {
          const int64_t begin = word * BITS;
          const uint32_t bits = negative(weight + (o * taps + tap) * in_ + begin,
                                         std::min(BITS, in_ - begin));
          const int64_t place = (row * parts + column / joined_) * words_ + word;
          signs_[place * blocks_ * VECTOR + o] |= bits << (column % joined_ * in_);
          negatives_[tap * blocks_ * VECTOR + o] += __builtin_popcount(bits);
        }
      }
    }
  }

  static INLINE uint32_t negative(const bfloat16* x, int64_t count) {
    const __mmask32 present = 0xffffffffu >> (BITS - count);
    return _mm512_movepi16_mask(_mm512_maskz_loadu_epi16(present, x));
  }

  static INLINE uint32_t negative(const float* x, int64_t count) {
    const __mmask32 present = 0xffffffffu >> (BITS - count);
    const auto half = [&](int64_t begin) {
      const __m512 values = _mm512_maskz_loadu_ps(present >> begin, x + begin);
      return static_cast<uint32_t>(_mm512_movepi32_mask(_mm512_castps_si512(values))) << begin;
    };
    return count > VECTOR ? half(0) | half(VECTOR) : half(0);
  }

  template <class T>
  void pack(const T* x, int64_t x_pitch) {
    // Several pixels of few channels are read at once.
    const int64_t together = x_pitch == in_ && BITS % in_ == 0 ? BITS / in_ : 1;
    for (int64_t row = 0; row < height_; ++row) {
      uint32_t* line = single_.data() + ((row + padding_) * pitch_ + padding_) * words_;
      const T* from = x + row * width_ * x_pitch;
      int64_t column = 0;
      if (together > 1) {
        for (; column + together <= width_; column += together) {
          const uint32_t bits = negative(from + column * in_, BITS);
          for (int64_t i = 0; i < together; ++i) {
            line[column + i] = bits >> (i * in_) & (~0u >> (BITS - in_));
          }
        }
      }
      for (; column < width_; ++column) {
        for (int64_t word = 0; word < words_; ++word) {
          const int64_t begin = word * BITS;
          line[column * words_ + word] =
              negative(from + column * x_pitch + begin, std::min(BITS, in_ - begin));
        }
      }
    }
    if (joined_ > 1) {
      const int64_t pixels = pairs_.size() / 2;
      join(joined_, pairs_.data(), pixels);
      if (left_ != joined_) join(left_, pairs_.data() + pixels, pixels);
    }
  }

  void join(int64_t count, uint32_t* to, int64_t pixels) const {
    const uint32_t* from = single_.data();
    std::copy(from, from + pixels, to);
    for (int64_t next = 1; next < count; ++next) {
      for (int64_t i = 0; i < pixels; ++i) to[i] |= from[i + next] << (next * in_);
    }
  }

  template <int64_t STEP, class T>
  void rows(T* y, int64_t y_pitch) const {
    const uint32_t* bits = joined_ > 1 ? pairs_.data() : single_.data();
    const int64_t number = (height_ - 1) / stride_ + 1, columns = (width_ - 1) / stride_ + 1;
    for (int64_t row = 0; row < number; ++row) {
      const uint32_t* line = bits + row * stride_ * pitch_ * words_;
      T* to = y + row * columns * y_pitch;
      int64_t column = 0;
      for (; column + MANY <= columns; column += MANY) {
        pixels<MANY, STEP>(line, row, column, to, y_pitch);
      }
      for (; column < columns; ++column) pixels<1, STEP>(line, row, column, to, y_pitch);
    }
  }

  template <int64_t COUNT, int64_t STEP, class T>
  __attribute__((noinline)) void pixels(const uint32_t* line, int64_t row, int64_t column, T* to,
                                        int64_t y_pitch) const {
    const int64_t step = STEP ? STEP : stride_ * words_, pitch = blocks_ * VECTOR;
    const uint32_t* from = line + column * step;
    const int64_t *first = places_.data(), *last = first + places_.size();
    const int64_t* kinds = column_kinds_.data() + column;
    const int32_t* largest = largest_.data() + row_kinds_[row] * column_kinds_of_row_ * pitch;
    for (int64_t block = 0; block < blocks_; ++block) {
      __m512i differing[COUNT];
      for (auto& each : differing) each = _mm512_setzero_si512();
      const uint32_t* signs = signs_.data() + block * VECTOR;
      for (const int64_t* place = first; place != last; ++place) {
        const __m512i filters = _mm512_loadu_si512(signs);
        const uint32_t* at = from + *place;
        signs += pitch;
#pragma GCC unroll 8
        for (int64_t i = 0; i < COUNT; ++i) {
          const __m512i bits = _mm512_set1_epi32(static_cast<int>(at[i * step]));
          const __m512i different = _mm512_popcnt_epi32(_mm512_xor_si512(bits, filters));
          differing[i] = _mm512_add_epi32(differing[i], different);
        }
      }
      const __m512 scale = _mm512_loadu_ps(scale_.data() + block * VECTOR);
      T* place = to + column * y_pitch + block * VECTOR;
      const auto put = [&](__mmask16 present) {
#pragma GCC unroll 8
        for (int64_t i = 0; i < COUNT; ++i) {
          const __m512i most = _mm512_loadu_si512(largest + kinds[i] * pitch + block * VECTOR);
          const __m512i sum = _mm512_sub_epi32(most, _mm512_add_epi32(differing[i], differing[i]));
          store(place + i * y_pitch, present, _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale));
        }
      };
      // A store with a mask is slower.
      if ((block + 1) * VECTOR <= out_) put(0xffff);
      else put(0xffffu >> ((block + 1) * VECTOR - out_));
    }
  }

  static INLINE void store(float* place, __mmask16 present, __m512 values) {
    _mm512_mask_storeu_ps(place, present, values);
  }

  static INLINE void store(bfloat16* place, __mmask16 present, __m512 values) {
    const __m512i bits = _mm512_castps_si512(values);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i raised = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 is_nan = _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
    const __m512i rounded =
        _mm512_mask_mov_epi32(_mm512_srli_epi32(raised, 16), is_nan, _mm512_set1_epi32(0x7fc0));
    const __m256i narrow = _mm512_cvtepi32_epi16(rounded);
    if (present == 0xffff) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(place), narrow);
    } else {
      _mm256_mask_storeu_epi16(place, present, narrow);
    }
  }

  int64_t height_, width_, in_, out_, kernel_, stride_, padding_, pitch_, words_, blocks_;
  int64_t joined_, left_;  // pixels in a word, and in the last word of a row of the kernel
  std::vector<float> scale_;
  std::vector<int32_t> negatives_;  // of each tap, of each filter
  std::vector<int32_t> largest_;  // of each kind of row, of each kind of column, of each filter
  std::vector<int64_t> places_, row_kinds_, column_kinds_;
  int64_t column_kinds_of_row_ = 0;
  std::vector<uint32_t> signs_, single_, pairs_;
};

template <class T>
void convolve(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out,
              int64_t groups, int64_t kernel, int64_t stride, const T* x, const float* weight,
              T* y) {
  const int64_t group_in = in / groups, group_out = out / groups;
  const int64_t area = ((height - 1) / stride + 1) * ((width - 1) / stride + 1);
  for (int64_t group = 0; group < groups; ++group) {
    const float* filters = weight + group * group_out * group_in * kernel * kernel;
    SignConvolution convolution(height, width, group_in, group_out, kernel, stride, filters);
    for (int64_t image = 0; image < images; ++image) {
      convolution.run(x + image * height * width * in + group * group_in, in,
                      y + image * area * out + group * group_out, out);
    }
  }
}

}  // namespace

#define PACKED_SIGNS 1
#endif

extern "C" {

// Whether `sign_convolution` is there.
int packs_signs() {
#ifdef PACKED_SIGNS
  return 1;
#else
  return 0;
#endif
}

#ifdef PACKED_SIGNS
// x (images, height, width, in) of -1 and +1, weight (out, kernel, kernel, in / groups) of one
// magnitude for each filter.
void sign_convolution(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out,
                      int64_t groups, int64_t kernel, int64_t stride, const void* x, int half,
                      const float* weight, void* y) {
  if (half) {
    convolve(images, height, width, in, out, groups, kernel, stride,
             static_cast<const bfloat16*>(x), weight, static_cast<bfloat16*>(y));
  } else {
    convolve(images, height, width, in, out, groups, kernel, stride, static_cast<const float*>(x),
             weight, static_cast<float*>(y));
  }
}
#endif

}  // extern "C"
