/* What the C interface keeps between calls. Everything else of this module is in the header. */
#include "platform.h"

char *platform_error_text(void) {
  static _Thread_local char text[PLATFORM_ERROR_BYTES];
  return text;
}

void **platform_handle_chunks(void) {
  static void *chunks[PLATFORM_HANDLE_CHUNKS];
  return chunks;
}

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
