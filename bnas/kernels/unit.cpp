// What stands in front of a unit's convolutions and behind them, in as few passes over memory as
// batch norms allow. Feature maps are channels-last: `count` numbers in rows of `channels`.

#include "lanes.hpp"

#include <cmath>

extern "C" {

// Values of channels that a caller gives; absent ones are null.
struct Channels {
  const float *factor, *offset, *mean, *reciprocal;
  const float *negative, *positive, *shift_in, *shift_out;
};

}  // extern "C"

namespace {

// Where the non-linearity of a tail stands, and what it is.
enum Placement { NOWHERE, BEFORE_NORM, BEFORE_ADDITION, AFTER_ADDITION };
enum Kind { NO_KIND, BEND, SHIFTED_BEND, CLIP };

// Of which statistics a norm is. Fixed ones do not depend on what is normed.
enum NormKind { NO_NORM, BATCH_NORM, FIXED_NORM };

// Of a norm as x -> factor x + offset, its mean and reciprocal deviation; of x -> slope (x -
// shift_in) + shift_out one slope on each side.
template <class V>
struct Values {
  V factor, offset, mean, reciprocal, negative, positive, shift_in, shift_out;
};

template <class V, int KIND>
INLINE V bent(V x, const Values<V>& v) {
  if constexpr (KIND == CLIP) {
    const V low = x < filled<V>(-1) ? filled<V>(-1) : x;
    return low > filled<V>(1) ? filled<V>(1) : low;
  } else if constexpr (KIND == BEND) {
    return x * (x > V{} ? v.positive : v.negative);
  } else {
    const V d = x - v.shift_in;
    return d * (d > V{} ? v.positive : v.negative) + v.shift_out;
  }
}

// Of the non-linearity: gradient times input below and above the bend, gradient that came through
// it, and that came to it. Of the norm: gradient, and its product with what is normal.
enum Sum { BELOW, ABOVE, THROUGH, INCOMING, PLAIN, NORMAL, NUMBER };

template <class V>
struct Gathered {
  INLINE void write(std::vector<Sums>& sums, int64_t j) const {
    for (int each = 0; each < NUMBER; ++each) sums[each].add(j, sum[each]);
  }
  V sum[NUMBER] = {};
};

// The gradient of x; adds to those of the slopes and shifts.
template <class V, int KIND>
INLINE V unbent(V gradient, V x, const Values<V>& v, Gathered<V>& s) {
  if constexpr (KIND == CLIP) {
    const V above = x > filled<V>(-1) ? gradient : V{};
    return x < filled<V>(1) ? above : V{};
  } else {
    const V d = KIND == BEND ? x : x - v.shift_in;
    const V product = gradient * d;
    s.sum[BELOW] += d > V{} ? V{} : product;
    s.sum[ABOVE] += d > V{} ? product : V{};
    const V result = gradient * (d > V{} ? v.positive : v.negative);
    if constexpr (KIND == SHIFTED_BEND) {
      s.sum[INCOMING] += gradient;
      s.sum[THROUGH] += result;
    }
    return result;
  }
}

struct Tail {
  int64_t count, channels;
  const void* y;
  const float* skip;  // a row of zeros, where nothing passes by, and then `passes` is 0
  int64_t passes;
  const float* gradient;
  float *out, *grad_sum;
  void* grad_y;
};

// Values of channels, for joined rows; those that are absent change nothing.
class Table {
 public:
  Table(const Channels& c, int64_t channels)
      : rows_{{c.factor, channels, 1},   {c.offset, channels, 0},     {c.mean, channels, 0},
              {c.reciprocal, channels, 1}, {c.negative, channels, 0},   {c.positive, channels, 1},
              {c.shift_in, channels, 0},   {c.shift_out, channels, 0}} {}
  template <class V>
  INLINE Values<V> at(int64_t j) const {
    const auto of = [&](int row) { return get<V>(&rows_[row].data[j]); };
    return {of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7)};
  }

 private:
  Repeated rows_[8];
};

template <class T, bool WITH_NORM, int PLACE, int KIND>
struct TailLoops {
  static constexpr bool HAS_NORM = WITH_NORM;

  // What a norm sees.
  template <class V>
  static INLINE V seen(V y, const Values<V>& v) {
    return PLACE == BEFORE_NORM ? bent<V, KIND>(y, v) : y;
  }

  template <class V>
  static INLINE V normed(V y, const Values<V>& v) {
    return HAS_NORM ? v.factor * seen(y, v) + v.offset : seen(y, v);
  }

  // Sums of the distance from a first value and of its square.
  static void statistics(const Tail& t, const Table& table, const Repeated& pivots,
                         std::vector<Sums>& sums) {
    const T* y = static_cast<const T*>(t.y);
    walk(t.count, t.channels, sums, [&](auto span) {
      using V = typename decltype(span)::Number;
      const int64_t j = span.place;
      const Values<V> v = table.at<V>(j);
      const V pivot = get<V>(&pivots.data[j]);
      V sum{}, square{};
      for (int64_t i = span.begin; i < span.end; i += span.step) {
        const V d = seen(get<V>(y + i), v) - pivot;
        sum += d;
        square += d * d;
      }
      sums[0].add(j, sum), sums[1].add(j, square);
    });
  }

  static void forward(const Tail& t, const Table& table) {
    const T* y = static_cast<const T*>(t.y);
    std::vector<Sums> none;
    walk(t.count, t.channels, none, [&](auto span) {
      using V = typename decltype(span)::Number;
      const int64_t j = span.place;
      const Values<V> v = table.at<V>(j);
      for (int64_t i = span.begin; i < span.end; i += span.step) {
        V u = normed(get<V>(y + i), v);
        if constexpr (PLACE == BEFORE_ADDITION) u = bent<V, KIND>(u, v);
        u += get<V>(t.skip + (t.passes ? i : j));
        put(t.out + i, PLACE == AFTER_ADDITION ? bent<V, KIND>(u, v) : u);
      }
    });
  }

  // The gradient of the sum behind the addition, all sums but those of a non-linearity in front of
  // a norm; without a norm, the gradient of y.
  static void gather(const Tail& t, const Table& table, std::vector<Sums>& sums) {
    const T* y = static_cast<const T*>(t.y);
    T* grad_y = static_cast<T*>(t.grad_y);
    walk(t.count, t.channels, sums, [&](auto span) {
      using V = typename decltype(span)::Number;
      const int64_t j = span.place;
      const Values<V> v = table.at<V>(j);
      Gathered<V> s;
      for (int64_t i = span.begin; i < span.end; i += span.step) {
        const V x = get<V>(y + i);
        V g = get<V>(t.gradient + i);
        if constexpr (PLACE == AFTER_ADDITION) {
          g = unbent<V, KIND>(g, normed(x, v) + get<V>(t.skip + (t.passes ? i : j)), v, s);
          put(t.grad_sum + i, g);
        }
        if constexpr (PLACE == BEFORE_ADDITION) g = unbent<V, KIND>(g, normed(x, v), v, s);
        if constexpr (HAS_NORM) {
          s.sum[PLAIN] += g;
          s.sum[NORMAL] += g * ((seen(x, v) - v.mean) * v.reciprocal);
        } else {
          put(grad_y + i, g);
        }
      }
      s.write(sums, j);
    });
  }

  // The gradient of y behind a norm, with the means of its two sums.
  static void through_norm(const Tail& t, const Table& table, const Repeated& plains,
                           const Repeated& normals, std::vector<Sums>& sums) {
    const T* y = static_cast<const T*>(t.y);
    T* grad_y = static_cast<T*>(t.grad_y);
    const float* gradient = PLACE == AFTER_ADDITION ? t.grad_sum : t.gradient;
    walk(t.count, t.channels, sums, [&](auto span) {
      using V = typename decltype(span)::Number;
      const int64_t j = span.place;
      const Values<V> v = table.at<V>(j);
      const V plain = get<V>(&plains.data[j]), with_normal = get<V>(&normals.data[j]);
      Gathered<V> s, unused;
      for (int64_t i = span.begin; i < span.end; i += span.step) {
        const V x = get<V>(y + i);
        V g = get<V>(gradient + i);
        if constexpr (PLACE == BEFORE_ADDITION) g = unbent<V, KIND>(g, normed(x, v), v, unused);
        g = v.factor * (g - plain - (seen(x, v) - v.mean) * v.reciprocal * with_normal);
        if constexpr (PLACE == BEFORE_NORM) g = unbent<V, KIND>(g, x, v, s);
        put(grad_y + i, g);
      }
      if constexpr (PLACE == BEFORE_NORM) s.write(sums, j);
    });
  }
};

// Calls `use` with the loops for a kind of tail.
template <class T, bool NORM, int PLACE, class Use>
void with_kind(int kind, Use use) {
  switch (kind) {
    case BEND: return use(TailLoops<T, NORM, PLACE, BEND>());
    case SHIFTED_BEND: return use(TailLoops<T, NORM, PLACE, SHIFTED_BEND>());
    default: return use(TailLoops<T, NORM, PLACE, CLIP>());
  }
}

template <class T, bool NORM, class Use>
void with_placement(int placement, int kind, Use use) {
  switch (placement) {
    case BEFORE_NORM:
      if constexpr (NORM) with_kind<T, NORM, BEFORE_NORM>(kind, use);
      return;
    case BEFORE_ADDITION: return with_kind<T, NORM, BEFORE_ADDITION>(kind, use);
    case AFTER_ADDITION: return with_kind<T, NORM, AFTER_ADDITION>(kind, use);
    default: return use(TailLoops<T, NORM, NOWHERE, NO_KIND>());
  }
}

template <class Use>
void with_loops(bool half, int norm, int placement, int kind, Use use) {
  if (half && norm) return with_placement<bfloat16, true>(placement, kind, use);
  if (half) return with_placement<bfloat16, false>(placement, kind, use);
  if (norm) return with_placement<float, true>(placement, kind, use);
  return with_placement<float, false>(placement, kind, use);
}

template <class T>
void take_statistics(const Tail& t, const Table& table, int placement, int kind, float* mean,
                     float* variance) {
  // Distances from a value of each channel: squares of the numbers themselves would be too large
  // beside a small variance.
  std::vector<float> first(t.channels);
  const T* y = static_cast<const T*>(t.y);
  std::vector<Sums> sums(2, Sums(t.channels));
  const auto run = [&](auto loops) {
    for (int64_t c = 0; c < t.channels; ++c) {
      first[c] = loops.seen(get<float>(y + c), table.at<float>(c));
    }
    loops.statistics(t, table, Repeated(first.data(), t.channels, 0), sums);
  };
  if (placement == BEFORE_NORM) {
    with_kind<T, true, BEFORE_NORM>(kind, run);
  } else {
    run(TailLoops<T, true, NOWHERE, NO_KIND>());
  }
  const double rows = static_cast<double>(t.count / t.channels);
  for (int64_t c = 0; c < t.channels; ++c) {
    const double distance = sums[0].totals[c] / rows;
    mean[c] = static_cast<float>(first[c] + distance);
    variance[c] =
        static_cast<float>(std::max(0.0, sums[1].totals[c] / rows - distance * distance));
  }
}

// What a norm takes from its gradient: means over the batch, and nothing with fixed statistics.
Repeated taken(const Sums& sums, int64_t count, int64_t channels, int norm) {
  if (norm == FIXED_NORM) return Repeated(nullptr, channels, 0);
  return Repeated(sums.means(count / channels).data(), channels, 0);
}

enum Levels { SIGNED, UNSIGNED, TERNARY };

template <class V, int LEVELS>
INLINE V quantized(V x) {
  const V one = filled<V>(1), half = filled<V>(0.5f);
  if constexpr (LEVELS == SIGNED) return x < V{} ? -one : one;
  if constexpr (LEVELS == UNSIGNED) return x > half ? one : V{};
  return (x > filled<V>(0.25f) ? half : V{}) + (x > filled<V>(0.75f) ? half : V{});
}

template <class T, int LEVELS>
void quantize(int64_t count, int64_t channels, const Table& table, const float* x, T* out) {
  std::vector<Sums> none;
  walk(count, channels, none, [&](auto span) {
    using V = typename decltype(span)::Number;
    const int64_t j = span.place;
    const Values<V> v = table.at<V>(j);
    for (int64_t i = span.begin; i < span.end; i += span.step) {
      put(out + i, quantized<V, LEVELS>(v.factor * get<V>(x + i) + v.offset));
    }
  });
}

template <class T>
void quantize(int levels, int64_t count, int64_t channels, const Table& table, const float* x,
              T* out) {
  switch (levels) {
    case SIGNED: return quantize<T, SIGNED>(count, channels, table, x, out);
    case UNSIGNED: return quantize<T, UNSIGNED>(count, channels, table, x, out);
    default: return quantize<T, TERNARY>(count, channels, table, x, out);
  }
}

// The gradient of sign: where low <= x <= high, the positive part of peak - fall |x|.
struct Surrogate {
  float low, high, peak, fall;
};

template <class V>
INLINE V estimated(V gradient, V x, const Surrogate& s) {
  const V height = s.peak - s.fall * (x < V{} ? -x : x);
  const V result = gradient * (height > V{} ? height : V{});
  const V above = x >= filled<V>(s.low) ? result : V{};
  return x <= filled<V>(s.high) ? above : V{};
}

// The gradient of x without a norm, to which `passed` is added: that of what x is used for besides.
template <class T>
void unquantize(int64_t count, int64_t channels, const Table& table, const Surrogate& surrogate,
                const float* x, const T* gradient, const float* passed, bool passes, float* grad_x,
                std::vector<Sums>& sums) {
  walk(count, channels, sums, [&](auto span) {
    using V = typename decltype(span)::Number;
    const int64_t j = span.place;
    const Values<V> v = table.at<V>(j);
    V plain{}, normal{};
    for (int64_t i = span.begin; i < span.end; i += span.step) {
      const V in = get<V>(x + i);
      const V g = estimated(get<V>(gradient + i), v.factor * in + v.offset, surrogate);
      put(grad_x + i, g + get<V>(passed + (passes ? i : j)));
      plain += g;
      normal += g * ((in - v.mean) * v.reciprocal);
    }
    sums[0].add(j, plain), sums[1].add(j, normal);
  });
}

}  // namespace

extern "C" {

// What a norm behind the convolutions, or one of the real-valued numbers, sees.
void tail_statistics(int64_t count, int64_t channels, const void* y, int half, int placement,
                     int kind, const Channels* values, float* mean, float* variance) {
  const Table table(*values, channels);
  Tail t{};
  t.count = count, t.channels = channels, t.y = y;
  if (half) return take_statistics<bfloat16>(t, table, placement, kind, mean, variance);
  return take_statistics<float>(t, table, placement, kind, mean, variance);
}

void tail_forward(int64_t count, int64_t channels, const void* y, int half, const float* skip,
                  int norm, int placement, int kind, const Channels* values, float* out) {
  const Table table(*values, channels);
  const std::vector<float> zeros(joined(channels));
  Tail t{};
  t.count = count, t.channels = channels, t.y = y, t.out = out;
  t.skip = skip ? skip : zeros.data(), t.passes = skip != nullptr;
  with_loops(half, norm, placement, kind, [&](auto loops) { loops.forward(t, table); });
}

// `sums`: a row of channels for each `Sum`.
void tail_backward(int64_t count, int64_t channels, const void* y, int half, const float* skip,
                   int norm, int placement, int kind, const Channels* values,
                   const float* gradient, float* grad_sum, void* grad_y, float* sums) {
  const Table table(*values, channels);
  const std::vector<float> zeros(joined(channels));
  Tail t{};
  t.count = count, t.channels = channels, t.y = y, t.gradient = gradient, t.grad_sum = grad_sum;
  t.grad_y = grad_y, t.skip = skip ? skip : zeros.data(), t.passes = skip != nullptr;
  std::vector<Sums> all(NUMBER, Sums(channels));
  with_loops(half, norm, placement, kind, [&](auto loops) {
    loops.gather(t, table, all);
    if constexpr (decltype(loops)::HAS_NORM) {
      const Repeated plains = taken(all[PLAIN], count, channels, norm);
      const Repeated normals = taken(all[NORMAL], count, channels, norm);
      loops.through_norm(t, table, plains, normals, all);
    }
  });
  for (int each = 0; each < NUMBER; ++each) all[each].write(sums + each * channels);
}

void head_forward(int64_t count, int64_t channels, const float* x, int half, int levels,
                  const Channels* values, void* out) {
  const Table table(*values, channels);
  if (half) return quantize(levels, count, channels, table, x, static_cast<bfloat16*>(out));
  return quantize(levels, count, channels, table, x, static_cast<float*>(out));
}

// `sums`, two rows of channels: of the gradient, and of its product with what is normal. To that of
// x is added what `passed`, if anything.
void head_backward(int64_t count, int64_t channels, const float* x, int half, int norm,
                   const Channels* values, const float* surrogate, const void* gradient,
                   const float* passed, float* grad_x, float* sums) {
  const Table table(*values, channels);
  const Surrogate s{surrogate[0], surrogate[1], surrogate[2], surrogate[3]};
  const std::vector<float> zeros(joined(channels));
  const bool passes = passed != nullptr;
  if (!passes) passed = zeros.data();
  std::vector<Sums> all(2, Sums(channels));
  // In front of a norm it is added at the end.
  const float* first = norm ? zeros.data() : passed;
  const auto run = [&](const auto* of) {
    unquantize(count, channels, table, s, x, of, first, passes && !norm, grad_x, all);
  };
  if (half) {
    run(static_cast<const bfloat16*>(gradient));
  } else {
    run(static_cast<const float*>(gradient));
  }
  for (int each = 0; each < 2; ++each) all[each].write(sums + each * channels);
  if (!norm) return;
  const Repeated plains = taken(all[0], count, channels, norm);
  const Repeated normals = taken(all[1], count, channels, norm);
  std::vector<Sums> none;
  walk(count, channels, none, [&](auto span) {
    using V = typename decltype(span)::Number;
    const int64_t j = span.place;
    const Values<V> v = table.at<V>(j);
    const V plain = get<V>(&plains.data[j]), with_normal = get<V>(&normals.data[j]);
    for (int64_t i = span.begin; i < span.end; i += span.step) {
      const V normal = (get<V>(x + i) - v.mean) * v.reciprocal;
      const V g = v.factor * (get<V>(grad_x + i) - plain - normal * with_normal);
      put(grad_x + i, g + get<V>(passed + (passes ? i : j)));
    }
  });
}

}  // extern "C"
