/*
 * Dot products of weights of 8 and 16 bits: the instructions that Swift's SIMD types do not reach. Each function adds
 * to every lane of `sums` a few products: of the activations `a`, the same for all lanes, and of each lane's weights.
 * All processors give the same bits.
 */
#ifndef LIBRNN_SMALL_H
#define LIBRNN_SMALL_H

#include "platform.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef int32_t platform_ints4 __attribute__((ext_vector_type(4)));
typedef int32_t platform_ints8 __attribute__((ext_vector_type(8)));
typedef int32_t platform_ints16 __attribute__((ext_vector_type(16)));

/* ---- Four products of bytes from -127 to 127, exactly. `a` are four bytes, the first lowest ---- */

#if defined(__SSE2__)
/* Of bytes as 16-bit numbers: two products each, and the two sums of a lane together. */
static inline platform_ints4 platform_dot_bytes4(platform_ints4 sums, int32_t a, const void *weights) {
  const __m128i w = _mm_loadu_si128((const __m128i *)weights), zero = _mm_setzero_si128();
  const __m128i bytes = _mm_set1_epi32(a);
  const __m128i wide = _mm_srai_epi16(_mm_unpacklo_epi8(zero, bytes), 8);
  const __m128i low = _mm_madd_epi16(_mm_srai_epi16(_mm_unpacklo_epi8(zero, w), 8), wide);
  const __m128i high = _mm_madd_epi16(_mm_srai_epi16(_mm_unpackhi_epi8(zero, w), 8), wide);
  const platform_ints4 x = (platform_ints4)low, y = (platform_ints4)high;
  return sums + __builtin_shufflevector(x, y, 0, 2, 4, 6) + __builtin_shufflevector(x, y, 1, 3, 5, 7);
}
#else
static inline platform_ints4 platform_dot_bytes4(platform_ints4 sums, int32_t a, const void *weights) {
  const int8_t *w = (const int8_t *)weights;
  for (int lane = 0; lane < 4; lane++)
    for (int k = 0; k < 4; k++)
      sums[lane] += (int8_t)(a >> 8 * k) * w[4 * lane + k];
  return sums;
}
#endif

#if defined(__AVX2__)
/*
 * From |a| and a mask of where a is negative. There w becomes ~w = -w - 1, so that sums come out smaller by the sum of
 * |a| of all negative a. Those of two products fit into 16 bits.
 */
static inline platform_ints8 platform_dot_bytes8(platform_ints8 sums, int32_t magnitudes, int32_t negative,
                                                 const void *weights) {
  const __m256i w = _mm256_loadu_si256((const __m256i *)weights);
  const __m256i turned = _mm256_xor_si256(w, _mm256_set1_epi32(negative));
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi32(magnitudes), turned);
  return sums + (platform_ints8)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#endif

#if defined(__AVX512VNNI__)
/* vpdpbusd takes a without sign, as a + 128: sums come out larger by 128 times the sum of the weights. */
static inline platform_ints16 platform_dot_bytes16(platform_ints16 sums, int32_t a, const void *weights) {
  const __m512i x = _mm512_set1_epi32(a ^ (int32_t)0x80808080);
  return (platform_ints16)_mm512_dpbusd_epi32((__m512i)sums, x, _mm512_loadu_si512(weights));
}
#endif

/*
 * ---- Two products of bfloat16 numbers, the second first: sums + a1 w1, then + a0 w0, each rounded once ----
 *
 * Without such an instruction by way of double, where a product is exact, and so is the sum, unless one part is too
 * small to matter beside the other.
 */
#if defined(__FMA__) || !defined(__x86_64__)
#define PLATFORM_FUSED(lanes, sum, a, b) platform_fma_float##lanes(sum, a, b)
#else
#define PLATFORM_WIDE(lanes, x) __builtin_convertvector(x, platform_double##lanes)
#define PLATFORM_FUSED(lanes, sum, a, b)                                                                     \
  __builtin_convertvector(PLATFORM_WIDE(lanes, sum) + PLATFORM_WIDE(lanes, a) * PLATFORM_WIDE(lanes, b),     \
                          platform_float##lanes)
#endif
#define PLATFORM_DOT_HALVES(lanes)                                                                           \
  static inline platform_float##lanes platform_dot_halves##lanes(platform_float##lanes sums, uint32_t a,     \
                                                                 const void *weights) {                      \
    platform_uint32_t_of_float##lanes w, first = a << 16, second = a & 0xFFFF0000u;                          \
    memcpy(&w, weights, sizeof w);                                                                           \
    sums = PLATFORM_FUSED(lanes, sums, (platform_float##lanes)(w & 0xFFFF0000u),                             \
                          (platform_float##lanes)second);                                                    \
    return PLATFORM_FUSED(lanes, sums, (platform_float##lanes)(w << 16), (platform_float##lanes)first);      \
  }
PLATFORM_DOT_HALVES(4)
PLATFORM_DOT_HALVES(8)
#if defined(__AVX512BF16__)
static inline platform_float16 platform_dot_halves16(platform_float16 sums, uint32_t a, const void *weights) {
  const __m512i x = _mm512_set1_epi32((int32_t)a), w = _mm512_loadu_si512(weights);
  return (platform_float16)_mm512_dpbf16_ps((__m512)sums, (__m512bh)x, (__m512bh)w);
}
#endif
#undef PLATFORM_DOT_HALVES
#undef PLATFORM_FUSED
#undef PLATFORM_WIDE

/* ---- To and from small numbers ---- */

/* The first numbers of a vector, fewer than it has lanes, and zeros. */
static inline platform_float4 platform_load4(const float *x, ptrdiff_t count) {
  platform_float4 vector = {x[0], 0, 0, 0};
  if (count > 1) vector.y = x[1];
  if (count > 2) vector.z = x[2];
  return vector;
}
#if defined(__AVX2__)
static inline platform_float8 platform_load8(const float *x, ptrdiff_t count) {
  const platform_ints8 lane = {0, 1, 2, 3, 4, 5, 6, 7};
  return (platform_float8)_mm256_maskload_ps(x, (__m256i)(lane < (int32_t)count));
}
#endif
#if defined(__AVX512F__)
static inline platform_float16 platform_load16(const float *x, ptrdiff_t count) {
  return (platform_float16)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), x);
}
#endif

#define PLATFORM_SMALL(lanes)                                                                                \
  static inline platform_float##lanes platform_float_of_ints##lanes(platform_ints##lanes x) {                \
    return __builtin_convertvector(x, platform_float##lanes);                                                \
  }                                                                                                          \
  /* Of numbers that are not negative the bits are in order. */                                              \
  static inline platform_ints##lanes platform_larger_magnitude##lanes(platform_ints##lanes most,             \
                                                                      platform_float##lanes x) {             \
    return __builtin_elementwise_max(most, (platform_ints##lanes)x & 0x7FFFFFFF);                            \
  }                                                                                                          \
  static inline float platform_largest##lanes(platform_ints##lanes most) {                                   \
    const int32_t bits = __builtin_reduce_max(most);                                                         \
    float number;                                                                                            \
    memcpy(&number, &bits, sizeof number);                                                                   \
    return number;                                                                                           \
  }                                                                                                          \
  /* The integers next to x, from -127 to 127, as bytes; `stride` bytes behind, their magnitudes. */         \
  /* As far again, -1 where they are negative. Returns the magnitudes of the negative ones. */               \
  static inline platform_ints##lanes platform_store_bytes##lanes(platform_float##lanes x, void *target,      \
                                                                 ptrdiff_t stride) {                         \
    typedef int8_t bytes __attribute__((ext_vector_type(lanes)));                                            \
    const platform_ints##lanes n =                                                                           \
        (platform_ints##lanes)(x + 0x1.8p23f) - (int32_t)0x4B400000; /* the low bits of the sum */           \
    const bytes values = __builtin_convertvector(n, bytes), negative = values >> 7;                          \
    const bytes magnitudes = (values ^ negative) - negative;                                                 \
    memcpy(target, &values, sizeof values);                                                                  \
    memcpy((char *)target + stride, &magnitudes, sizeof values);                                             \
    memcpy((char *)target + 2 * stride, &negative, sizeof values);                                           \
    return __builtin_convertvector(magnitudes & negative, platform_ints##lanes);                             \
  }                                                                                                          \
  /* The bfloat16 numbers next to x, ties to even; NaN stays one. */                                         \
  static inline void platform_store_halves##lanes(platform_float##lanes x, void *target) {                   \
    typedef uint16_t halves __attribute__((ext_vector_type(lanes)));                                         \
    const platform_uint32_t_of_float##lanes bits = (platform_uint32_t_of_float##lanes)x;                     \
    const platform_uint32_t_of_float##lanes rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;            \
    const platform_uint32_t_of_float##lanes quiet = bits >> 16 | 0x40u;                                      \
    const halves narrow = __builtin_convertvector(x == x ? rounded : quiet, halves);                         \
    memcpy(target, &narrow, sizeof narrow);                                                                  \
  }
PLATFORM_SMALL(4)
PLATFORM_SMALL(8)
PLATFORM_SMALL(16)
#undef PLATFORM_SMALL

#endif
