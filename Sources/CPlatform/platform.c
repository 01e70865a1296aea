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
    known = wish && strcmp(wish, "kernels") == 0 ? 1 : wish && strcmp(wish, "blas") == 0 ? 2 : 0;
    __atomic_store_n(&method, known, __ATOMIC_RELAXED);
  }
  return known;
}
