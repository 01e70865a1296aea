/*
 * What the library needs of the machine below Swift: memory, mathematics, files, locks.
 * Functions without state are inlined; what the library keeps between calls is in platform.c.
 */
#ifndef LIBRNN_PLATFORM_H
#define LIBRNN_PLATFORM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLATFORM_HIDDEN __attribute__((visibility("hidden")))

/*
 * ---- Vectors ----
 *
 * Operations that Swift's SIMD types spell out lane by lane, which an optimiser may or may not put together again.
 * Here each is one vector operation. All are inlined into callers compiled for machines with such vectors.
 */

/* type<lanes> and its integers. */
#define PLATFORM_VECTOR(type, integer, lanes, mantissa_bits)                                                 \
  typedef type platform_##type##lanes __attribute__((ext_vector_type(lanes)));                               \
  typedef integer platform_##integer##_of_##type##lanes __attribute__((ext_vector_type(lanes)));             \
                                                                                                             \
  static inline platform_##type##lanes platform_sqrt_##type##lanes(platform_##type##lanes x) {               \
    return __builtin_elementwise_sqrt(x);                                                                    \
  }                                                                                                          \
  static inline platform_##type##lanes platform_divide_##type##lanes(platform_##type##lanes a,               \
                                                                     platform_##type##lanes b) {             \
    return a / b;                                                                                            \
  }                                                                                                          \
  /* sum + a * b with one rounding. */                                                                       \
  static inline platform_##type##lanes platform_fma_##type##lanes(                                           \
      platform_##type##lanes sum, platform_##type##lanes a, platform_##type##lanes b) {                      \
    return __builtin_elementwise_fma(a, b, sum);                                                             \
  }                                                                                                          \
  /* x < bound ? a : b; b where x is NaN. */                                                                 \
  static inline platform_##type##lanes platform_select_##type##lanes(                                        \
      platform_##type##lanes x, platform_##type##lanes bound, platform_##type##lanes a,                      \
      platform_##type##lanes b) {                                                                            \
    return x < bound ? a : b;                                                                                \
  }                                                                                                          \
  /* 2^n from n + bias + 1.5 * 2^mantissa_bits, whose low bits are the biased exponent. */                   \
  static inline platform_##type##lanes platform_exponent_##type##lanes(platform_##type##lanes shifted) {     \
    return (platform_##type##lanes)(((platform_##integer##_of_##type##lanes)shifted) << mantissa_bits);      \
  }

PLATFORM_VECTOR(float, uint32_t, 4, 23)
PLATFORM_VECTOR(float, uint32_t, 8, 23)
PLATFORM_VECTOR(float, uint32_t, 16, 23)
PLATFORM_VECTOR(double, uint64_t, 2, 52)
PLATFORM_VECTOR(double, uint64_t, 4, 52)
PLATFORM_VECTOR(double, uint64_t, 8, 52)
#undef PLATFORM_VECTOR

typedef double platform_double16 __attribute__((ext_vector_type(16)));
#define PLATFORM_WIDEN(lanes)                                                                                \
  static inline platform_double##lanes platform_widen_float##lanes(platform_float##lanes x) {                \
    return __builtin_convertvector(x, platform_double##lanes);                                               \
  }
PLATFORM_WIDEN(4)
PLATFORM_WIDEN(8)
PLATFORM_WIDEN(16)
#undef PLATFORM_WIDEN

/* The sum of all lanes, by halves. */
#define PLATFORM_SUM(type, lanes, half)                                                                      \
  static inline type platform_sum_##type##lanes(platform_##type##lanes x) {                                  \
    return platform_sum_##type##half(x.lo + x.hi);                                                           \
  }
static inline double platform_sum_double2(platform_double2 x) { return x.x + x.y; }
static inline float platform_sum_float4(platform_float4 x) { return (x.x + x.z) + (x.y + x.w); }
PLATFORM_SUM(double, 4, 2)
PLATFORM_SUM(double, 8, 4)
PLATFORM_SUM(double, 16, 8)
PLATFORM_SUM(float, 8, 4)
PLATFORM_SUM(float, 16, 8)
#undef PLATFORM_SUM

/* target[k][n] = source[n][k] for a block of 4 by 4; strides are in elements. */
#define PLATFORM_TRANSPOSE(type)                                                                             \
  static inline void platform_transpose_##type(const type *source, ptrdiff_t source_stride, type *target,    \
                                               ptrdiff_t target_stride) {                                    \
    platform_##type##4 a, b, c, d, low, high;                                                                \
    memcpy(&a, source, sizeof a);                                                                            \
    memcpy(&b, source + source_stride, sizeof b);                                                            \
    memcpy(&c, source + 2 * source_stride, sizeof c);                                                        \
    memcpy(&d, source + 3 * source_stride, sizeof d);                                                        \
    low = __builtin_shufflevector(a, b, 0, 4, 1, 5);                                                         \
    high = __builtin_shufflevector(a, b, 2, 6, 3, 7);                                                        \
    a = __builtin_shufflevector(c, d, 0, 4, 1, 5);                                                           \
    b = __builtin_shufflevector(c, d, 2, 6, 3, 7);                                                           \
    c = __builtin_shufflevector(low, a, 0, 1, 4, 5);                                                         \
    memcpy(target, &c, sizeof c);                                                                            \
    c = __builtin_shufflevector(low, a, 2, 3, 6, 7);                                                         \
    memcpy(target + target_stride, &c, sizeof c);                                                            \
    c = __builtin_shufflevector(high, b, 0, 1, 4, 5);                                                        \
    memcpy(target + 2 * target_stride, &c, sizeof c);                                                        \
    c = __builtin_shufflevector(high, b, 2, 3, 6, 7);                                                        \
    memcpy(target + 3 * target_stride, &c, sizeof c);                                                        \
  }
PLATFORM_TRANSPOSE(float)
PLATFORM_TRANSPOSE(double)
#undef PLATFORM_TRANSPOSE

/* ---- The machine ---- */

/*
 * The instruction sets that kernels are compiled for: 0 what every machine of the architecture has, 1 AVX2 with
 * fused multiply-add, 2 AVX-512, 3 the same with dot products of small numbers. The best that processor and system
 * run, or less if the environment variable LIBRNN_INSTRUCTION_SET says "baseline", "avx2" or "avx512".
 */
static inline int platform_instruction_set(void) {
#if defined(__x86_64__)
  const char *wish = getenv("LIBRNN_INSTRUCTION_SET");
  if (wish && strcmp(wish, "baseline") == 0) return 0;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
  if (wish && strcmp(wish, "avx2") == 0) return 1;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl") ||
      !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq"))
    return 1;
  if (wish && strcmp(wish, "avx512") == 0) return 2;
  return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16") ? 3 : 2;
#else
  return 0;
#endif
}

/* Who multiplies matrices: 1 the library's kernels, 2 BLAS, if LIBRNN_PRODUCTS says "blas". Read once. */
PLATFORM_HIDDEN int platform_product_method(void);

/* A hint to the processor that a loop only waits. */
static inline void platform_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/*
 * How this thread computes: rounds to nearest, raises no signal, and takes numbers too small to be normal for zero,
 * which would otherwise cost a hundred times as much as others. Returns what was set before.
 */
static inline uint64_t platform_set_float_state(void) {
#if defined(__x86_64__)
  const uint64_t before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(0x1F80u | 0x8000u |
                         0x0040u); /* exceptions masked; flush to zero; denormals are zero */
  return before;
#elif defined(__aarch64__)
  uint64_t before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)1 << 24)); /* flush to zero */
  return before;
#else
  return 0;
#endif
}

static inline void platform_restore_float_state(uint64_t before) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr((unsigned)before);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
  (void)before;
#endif
}

/* ---- Memory ---- */

/* From so many bytes on, memory comes from the system: what is never touched takes none, and in pages of 2 MiB, where
   they are to be had, walking it from end to end looks up fewer. */
#define PLATFORM_LARGE ((size_t)4 << 20)

/* Zeroed memory on a cache-line boundary, or NULL. */
static inline void *platform_allocate(size_t bytes) {
  void *memory = NULL;
  if (bytes >= PLATFORM_LARGE) {
    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, bytes, MADV_HUGEPAGE); /* Where it is refused, nothing is lost. */
#endif
    return memory;
  }
  if (posix_memalign(&memory, 64, bytes > 0 ? bytes : 1) != 0) return NULL;
  memset(memory, 0, bytes);
  return memory;
}

/* Gives back what platform_allocate(bytes) returned. */
static inline void platform_release(void *memory, size_t bytes) {
  if (bytes >= PLATFORM_LARGE)
    (void)munmap(memory, bytes);
  else
    free(memory);
}

/* Writes what it has read to every page, so that all of them are there. */
static inline void platform_touch(void *memory, size_t bytes) {
  volatile char *start = (volatile char *)memory;
  for (size_t place = 0; place < bytes; place += 4096)
    start[place] = start[place];
}

/* ---- Numbers as text ---- */

/* Parses a JSON number of `length` characters whatever the host's locale. Returns 0 if any are left over. */
static inline int platform_parse_double(const char *text, size_t length, double *value) {
  char copy[64];
  char *end = NULL;
  locale_t c_locale;
  if (length == 0 || length >= sizeof copy) return 0;
  memcpy(copy, text, length);
  copy[length] = 0;
  c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (c_locale == (locale_t)0) return 0;
  *value = strtod_l(copy, &end, c_locale);
  freelocale(c_locale);
  return end == copy + length;
}

/* ---- Places in a file ---- */

typedef struct platform_place {
  ptrdiff_t begin;
  ptrdiff_t end;
} platform_place;

static inline int platform_compare_places(const void *a, const void *b) {
  ptrdiff_t first = ((const platform_place *)a)->begin;
  ptrdiff_t second = ((const platform_place *)b)->begin;
  return (first > second) - (first < second);
}

/* By their begin. */
static inline void platform_sort_places(platform_place *places, size_t count) {
  qsort(places, count, sizeof *places, platform_compare_places);
}

/* ---- Files ---- */

static inline int platform_errno(void) { return errno; }

/* Does not wait for whoever else may have to open it, as a pipe would. */
static inline int platform_open_for_reading(const char *path) {
  return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* 1 if the path is free or a regular file, which may be replaced; 0 for a device, a directory, a pipe. */
static inline int platform_may_replace(const char *path) {
  struct stat status;
  return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

/* Fails if the file exists. */
static inline int platform_create(const char *path) {
  return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

/* Gives an open file the permissions of the file that it is going to replace, if there is one. */
static inline void platform_copy_mode(const char *path, int file) {
  struct stat status;
  if (stat(path, &status) == 0) (void)fchmod(file, status.st_mode & 07777);
}

/* The size of an open regular file, or -1. */
static inline int64_t platform_file_size(int file) {
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) return -1;
  return (int64_t)status.st_size;
}

/* Both go on after an interruption. 0 when all bytes were transferred. */
static inline int platform_read_all(int file, void *data, size_t bytes) {
  char *position = (char *)data;
  while (bytes > 0) {
    ssize_t n = read(file, position, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return -1;
    position += n;
    bytes -= (size_t)n;
  }
  return 0;
}

static inline int platform_write_all(int file, const void *data, size_t bytes) {
  const char *position = (const char *)data;
  while (bytes > 0) {
    ssize_t n = write(file, position, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return -1;
    position += n;
    bytes -= (size_t)n;
  }
  return 0;
}

/* Flushes the directory that holds `path`, so that a rename in it survives a crash. Best effort. */
static inline void platform_sync_directory_of(char *path) {
  char *slash = strrchr(path, '/');
  int directory;
  if (slash == path) slash++;
  if (slash) *slash = 0;
  directory = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  (void)fsync(directory);
  (void)close(directory);
}

static inline int platform_process_id(void) { return (int)getpid(); }

/* ---- State of the C interface; see RNNCAPI. Defined in platform.c, once for the whole library ---- */

#define PLATFORM_ERROR_BYTES 1024
#define PLATFORM_HANDLE_CHUNKS 16

/* This thread's last error text. */
PLATFORM_HIDDEN char *platform_error_text(void);

/* The text in pieces, without memory: begins it anew, adds so many bytes, adds a number. What does not fit is cut. */
PLATFORM_HIDDEN void platform_begin_error(void);
PLATFORM_HIDDEN void platform_append_error(const char *piece, size_t bytes);
PLATFORM_HIDDEN void platform_append_error_number(int64_t number);

/* The table of handles: chunks of slots, each twice the size of the one before, never freed. */
PLATFORM_HIDDEN extern void *platform_chunks[];
static inline void **platform_handle_chunks(void) { return platform_chunks; }
PLATFORM_HIDDEN pthread_mutex_t *platform_handle_lock(void);

/* How many threads were asked for, 0 for as many as there are processors; the pool that is running; who starts it. */
PLATFORM_HIDDEN uint64_t *platform_wanted_threads(void);
PLATFORM_HIDDEN void **platform_thread_pool(void);
PLATFORM_HIDDEN pthread_mutex_t *platform_thread_lock(void);

/* Processors that this process may use. */
static inline int platform_processor_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int)count : 1;
}

static inline void *platform_load_pointer(void *const *address) {
  return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}
static inline void platform_store_pointer(void **address, void *value) {
  __atomic_store_n(address, value, __ATOMIC_RELEASE);
}
static inline void *platform_exchange_pointer(void **address, void *value) {
  return __atomic_exchange_n(address, value, __ATOMIC_ACQ_REL);
}
static inline uint64_t platform_load_uint64(const uint64_t *address) {
  return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}
static inline void platform_store_uint64(uint64_t *address, uint64_t value) {
  __atomic_store_n(address, value, __ATOMIC_RELEASE);
}
static inline uint64_t platform_exchange_uint64(uint64_t *address, uint64_t value) {
  return __atomic_exchange_n(address, value, __ATOMIC_ACQ_REL);
}
/* Returns the new value. */
static inline uint64_t platform_decrement_uint64(uint64_t *address) {
  return __atomic_sub_fetch(address, 1, __ATOMIC_ACQ_REL);
}

/*
 * Looks a while, some tens of microseconds, whether a counter has a value, or has it no longer: about what it
 * costs to put a thread to sleep and wake it again. 1 if it came to that.
 */
#define PLATFORM_LOOKS 8000
static inline int platform_spin_until_equal(const uint64_t *address, uint64_t value) {
  for (int look = 0; look < PLATFORM_LOOKS; look++) {
    if (platform_load_uint64(address) == value) return 1;
    platform_pause();
  }
  return 0;
}
static inline int platform_spin_while_equal(const uint64_t *address, uint64_t value) {
  for (int look = 0; look < PLATFORM_LOOKS; look++) {
    if (platform_load_uint64(address) != value) return 1;
    platform_pause();
  }
  return 0;
}

/* Adds one to the counter and waits until it has reached `all`: where threads meet that are known to be at work. */
static inline void platform_meet(uint64_t *counter, uint64_t all) {
  __atomic_add_fetch(counter, 1, __ATOMIC_ACQ_REL);
  for (int look = 0; platform_load_uint64(counter) < all; look++) {
    if (look < PLATFORM_LOOKS)
      platform_pause();
    else
      (void)sched_yield();
  }
}

#endif
