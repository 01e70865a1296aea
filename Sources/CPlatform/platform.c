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
