/*
 * loaded.c proves that real time is the same in a program that loads the library while it runs, as Python and the
 * hosts of plug-ins do: what a thread keeps of its own, its last error, is then made when it is first used, which must
 * not be in a call that may not allocate. The thread prepares, and from then on no memory is asked for, refusals
 * included.
 */
#include "check.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

/* ---- Memory: these stand before libc's ---- */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

/* Volatile: compilers think that malloc looks at nothing. */
static _Thread_local volatile int is_counting, memory_calls;

static void count_call(void) { memory_calls += is_counting; }
void *malloc(size_t bytes) { return count_call(), __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { return count_call(), __libc_calloc(count, bytes); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  count_call();
  *memory = __libc_memalign(alignment, bytes);
  return *memory ? 0 : ENOMEM;
}

/* ---- The library ---- */

static void *library;

/* A function of the library into a pointer to it. */
static void find(const char *name, void *function) {
  void *const found = dlsym(library, name);
  if (!CHECK(found != NULL)) exit(EXIT_FAILURE);
  memcpy(function, &found, sizeof found);
}

/* It stands in the directory above this program's. */
static void load(void) {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 32);
  if (!CHECK(length > 0)) exit(EXIT_FAILURE);
  path[length] = 0;
  strcpy(strrchr(path, '/'), "/../librnn.so");
  library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!CHECK(library != NULL)) exit(EXIT_FAILURE);
}

/* ---- A thread ---- */

enum { H = 8, STEPS = 100 };

static rnn_stream *open_stream(void) {
  rnn_status (*create_model)(const rnn_layer *, size_t, const rnn_model_options *, rnn_model **);
  rnn_status (*create_stream)(const rnn_model *, const rnn_stream_options *, rnn_stream **);
  rnn_layer layer;
  rnn_model *model = NULL;
  rnn_stream *stream = NULL;
  RNN_INIT(layer);
  layer.kind = RNN_GRU;
  layer.input_size = layer.output_size = H;
  find("rnn_model_create", &create_model);
  find("rnn_stream_create", &create_stream);
  CHECK(create_model(&layer, 1, NULL, &model) == RNN_OK);
  CHECK(create_stream(model, NULL, &stream) == RNN_OK);
  return stream;
}

static void *stream_on(void *stream) {
  rnn_status (*prepare)(rnn_stream *);
  rnn_status (*step)(rnn_stream *, const void *, size_t, void *, size_t);
  rnn_status (*leave)(rnn_stream *, int64_t);
  const char *(*last_error)(void);
  float x[H] = {0};
  int right = 0;
  find("rnn_stream_prepare", &prepare);
  find("rnn_stream_step", &step);
  find("rnn_stream_leave", &leave);
  find("rnn_last_error", &last_error);
  CHECK(prepare(stream) == RNN_OK);
  is_counting = 1;
  for (int i = 0; i < STEPS; i++)
    right += step(stream, x, sizeof x, x, sizeof x) == RNN_OK;
  CHECK_INTEGER(memory_calls, 0);
  right += step(stream, x, 1, x, sizeof x) == RNN_ERR_SHAPE;
  right += leave(stream, 1) == RNN_ERR_ARGUMENT;
  is_counting = 0;
  CHECK_INTEGER(memory_calls, 0);
  CHECK_INTEGER(right, STEPS + 2);
  CHECK(strstr(last_error(), "lane") != NULL);
  return NULL;
}

int main(void) {
  load();
  rnn_stream *stream = open_stream();
  for (int i = 0; i < 2; i++) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, stream_on, stream) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  return check_finish("loaded");
}
