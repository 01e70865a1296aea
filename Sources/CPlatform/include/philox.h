/*
 * Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011) of eight places side by side. Swift's SIMD types spell integer
 * products out lane by lane; here each is one operation on vectors as wide as the caller is compiled for.
 */
#ifndef LIBRNN_PHILOX_H
#define LIBRNN_PHILOX_H

#include <stdint.h>
#include <string.h>

typedef uint64_t platform_words8 __attribute__((ext_vector_type(8)));
typedef uint64_t platform_words16 __attribute__((ext_vector_type(16)));

/* The four words of each of the blocks index ... index + 7, one block behind the other. */
static inline void platform_philox8(uint64_t seed, uint64_t stream, uint64_t index, uint32_t *words) {
  const platform_words8 low = 0xFFFFFFFF, places = {0, 1, 2, 3, 4, 5, 6, 7};
  platform_words8 x0 = (index + places) & low, x1 = (index + places) >> 32;
  platform_words8 x2 = stream & 0xFFFFFFFF, x3 = stream >> 32;
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    /* Masked, so that the compiler sees a product of 32 bits. */
    const platform_words8 p0 = (x0 & low) * 0xD2511F53, p1 = (x2 & low) * 0xCD9E8D57;
    x0 = (p1 >> 32) ^ x1 ^ k0;
    x1 = p1 & low;
    x2 = (p0 >> 32) ^ x3 ^ k1;
    x3 = p0 & low;
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  const platform_words16 blocks = __builtin_shufflevector(x0 | x1 << 32, x2 | x3 << 32, 0, 8, 1, 9, 2, 10, 3,
                                                          11, 4, 12, 5, 13, 6, 14, 7, 15);
  memcpy(words, &blocks, sizeof blocks);
}

#endif
