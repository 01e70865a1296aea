/*
 * check.h: checks that count themselves and say where they failed, what was expected and what came.
 * Each test program ends with `return check_finish("name");`. C11 and C++17.
 */
#ifndef CHECK_H
#define CHECK_H

#include "rnn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One for all files of a program. */
__attribute__((weak)) int check_count;
__attribute__((weak)) int check_failures;

/* Every check passes through here, from any thread. */
static inline int check_that(int passed, const char *file, int line) {
  __atomic_fetch_add(&check_count, 1, __ATOMIC_RELAXED);
  if (!passed) {
    __atomic_fetch_add(&check_failures, 1, __ATOMIC_RELAXED);
    fprintf(stderr, "%s:%d: ", file, line);
  }
  return passed;
}

static inline int check_true(int passed, const char *file, int line, const char *text) {
  if (check_that(passed, file, line)) return 1;
  fprintf(stderr, "expected %s\n", text);
  return 0;
}

static inline int check_integer(long long got, long long expected, const char *file, int line,
                                const char *text) {
  if (check_that(got == expected, file, line)) return 1;
  fprintf(stderr, "%s: expected %lld, got %lld\n", text, expected, got);
  return 0;
}

/* NaN is never within bounds. */
static inline int check_at_most(double got, double bound, const char *file, int line, const char *text) {
  if (check_that(got <= bound, file, line)) return 1;
  fprintf(stderr, "%s: expected at most %g, got %g\n", text, bound, got);
  return 0;
}

static inline int check_status(rnn_status got, rnn_status expected, const char *file, int line,
                               const char *text) {
  if (check_that(got == expected, file, line)) return 1;
  fprintf(stderr, "%s: expected %s, got %s: %s\n", text, rnn_status_name(expected), rnn_status_name(got),
          rnn_last_error());
  return 0;
}

static inline int check_bytes(const void *got, const void *expected, size_t bytes, const char *file, int line,
                              const char *text) {
  size_t place = 0;
  const unsigned char *left = (const unsigned char *)got, *right = (const unsigned char *)expected;
  while (place < bytes && left[place] == right[place])
    place++;
  if (check_that(place == bytes, file, line)) return 1;
  fprintf(stderr, "%s: expected the same %zu bytes, got another byte %zu\n", text, bytes, place);
  return 0;
}

static inline int check_contains(const char *got, const char *part, const char *file, int line) {
  if (check_that(strstr(got, part) != NULL, file, line)) return 1;
  fprintf(stderr, "expected a text with \"%s\", got \"%s\"\n", part, got);
  return 0;
}

#define CHECK(condition) check_true(!!(condition), __FILE__, __LINE__, #condition)
#define CHECK_INTEGER(got, expected) check_integer((long long)(got), (expected), __FILE__, __LINE__, #got)
#define CHECK_AT_MOST(got, bound) check_at_most((got), (bound), __FILE__, __LINE__, #got)
#define CHECK_STATUS(call, expected) check_status((call), (expected), __FILE__, __LINE__, #call)
#define CHECK_BYTES(got, expected, bytes) check_bytes((got), (expected), (bytes), __FILE__, __LINE__, #got)
#define CHECK_CONTAINS(got, part) check_contains((got), (part), __FILE__, __LINE__)

/* For calls without which the rest has no meaning. */
#define REQUIRE_OK(call)                                                                                     \
  do {                                                                                                       \
    if (!CHECK_STATUS((call), RNN_OK)) exit(EXIT_FAILURE);                                                   \
  } while (0)

/* Memory for exactly `bytes`, all zero, so that a byte too many is seen by valgrind. */
static inline void *check_allocate(size_t bytes) {
  void *memory = calloc(bytes > 0 ? bytes : 1, 1);
  if (!memory) {
    fprintf(stderr, "check: expected %zu bytes of memory, got none\n", bytes);
    exit(EXIT_FAILURE);
  }
  return memory;
}

/* All parameters of a model, one after another; to be freed by the caller. */
static inline char *parameters_of(const rnn_model *model, size_t *bytes) {
  rnn_model_info info;
  rnn_tensor_info tensor;
  char *values;
  RNN_INIT(info);
  RNN_INIT(tensor);
  REQUIRE_OK(rnn_model_describe(model, &info));
  REQUIRE_OK(rnn_model_tensor(model, info.tensor_count - 1, &tensor));
  *bytes = tensor.offset + tensor.bytes;
  values = (char *)check_allocate(*bytes);
  for (size_t i = 0; i < info.tensor_count; i++) {
    REQUIRE_OK(rnn_model_tensor(model, i, &tensor));
    REQUIRE_OK(rnn_model_get(model, tensor.name, values + tensor.offset, tensor.bytes));
  }
  return values;
}

static inline int check_finish(const char *name) {
  if (check_failures > 0) {
    printf("%s: %d of %d checks failed\n", name, check_failures, check_count);
    return EXIT_FAILURE;
  }
  printf("%s: %d checks passed\n", name, check_count);
  return EXIT_SUCCESS;
}

#endif
