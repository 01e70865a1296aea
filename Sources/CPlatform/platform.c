/* What the C interface keeps between calls. Everything else of this module is in the header. */
#include "platform.h"

char *platform_error_text(void) {
  static _Thread_local char text[PLATFORM_ERROR_BYTES];
  return text;
}

void platform_begin_error(void) { platform_error_text()[0] = 0; }

void platform_append_error(const char *piece, size_t bytes) {
  char *text = platform_error_text();
  const size_t used = strlen(text), room = PLATFORM_ERROR_BYTES - 1 - used;
  size_t count = bytes < room ? bytes : room;
  if (count < bytes)
    while (count > 0 && (piece[count] & 0xC0) == 0x80) /* no part of a character */
      count--;
  memcpy(text + used, piece, count);
  text[used + count] = 0;
}

void platform_append_error_number(int64_t number) {
  char digits[24];
  size_t first = sizeof digits;
  uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do digits[--first] = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (number < 0) digits[--first] = '-';
  platform_append_error(digits + first, sizeof digits - first);
}

void *platform_chunks[PLATFORM_HANDLE_CHUNKS];

pthread_mutex_t *platform_handle_lock(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  return &lock;
}

int platform_product_method(void) {
  static int method = -1;
  int known = __atomic_load_n(&method, __ATOMIC_RELAXED);
  if (known < 0) {
    const char *wish = getenv("LIBRNN_PRODUCTS");
    known = wish && strcmp(wish, "blas") == 0 ? 2 : 1;
    __atomic_store_n(&method, known, __ATOMIC_RELAXED);
  }
  return known;
}

uint64_t *platform_wanted_threads(void) {
  static uint64_t wanted;
  return &wanted;
}

void **platform_thread_pool(void) {
  static void *pool;
  return &pool;
}

pthread_mutex_t *platform_thread_lock(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  return &lock;
}

/* In the engine. Where that is not linked, there are no threads to stop. */
PLATFORM_HIDDEN void librnn_stop_threads(void) __attribute__((weak));

__attribute__((destructor)) static void platform_unload(void) {
  if (librnn_stop_threads) librnn_stop_threads();
}
