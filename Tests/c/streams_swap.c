/*
 * streams_swap.c is the part of streams that is about weights: a stream has those of its creation, whatever becomes of
 * the model; of several that are handed over the last are used, from the next step or block on, and states carry over.
 * Beside threads that swap, every output is that of one of the models, whole blocks included. Swapping again and again
 * takes no more memory, with steps and without.
 */
#include "streams.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

enum { MODELS = 3, LANES = 2, BLOCK = 3 };

/* ---- Memory: these stand before libc's, and count what is in use ---- */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

static int in_use;

static void *count_memory(void *memory) {
  __atomic_fetch_add(&in_use, memory != NULL, __ATOMIC_RELAXED);
  return memory;
}

void *malloc(size_t bytes) { return count_memory(__libc_malloc(bytes)); }
void *calloc(size_t count, size_t bytes) { return count_memory(__libc_calloc(count, bytes)); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  *memory = count_memory(__libc_memalign(alignment, bytes));
  return *memory ? 0 : ENOMEM;
}

void free(void *memory) {
  __atomic_fetch_sub(&in_use, memory != NULL, __ATOMIC_RELAXED);
  __libc_free(memory);
}

static int memory_in_use(void) { return __atomic_load_n(&in_use, __ATOMIC_RELAXED); }

/* ---- */

/* A stream, what it is given and answers, and a stream of each model to compare it with. */
typedef struct stage {
  const network *net;
  network nets[MODELS];
  rnn_stream *stream, *references[MODELS];
  char *input, *output, *expected, *state, *after, *expected_after;
  uint64_t counter;
  int is_done, swaps, wrong;
} stage;

static void open_stage(stage *s, const network *net) {
  *s = (stage){.net = net, .counter = 11};
  for (int i = 0; i < MODELS; i++) {
    s->nets[i] = open_network(net->index, net->dtype, net->weights, (uint64_t)i + 1);
    s->references[i] = open_stream(&s->nets[i], LANES, 0);
  }
  s->stream = open_stream(&s->nets[0], LANES, 0);
  s->input = check_allocate(BLOCK * LANES * net->input);
  s->output = check_allocate(BLOCK * LANES * net->output);
  s->expected = check_allocate(BLOCK * LANES * net->output);
  s->state = check_allocate(LANES * net->state);
  s->after = check_allocate(LANES * net->state);
  s->expected_after = check_allocate(LANES * net->state);
}

static void close_stage(stage *s) {
  REQUIRE_OK(rnn_stream_free(s->stream));
  for (int i = 0; i < MODELS; i++) {
    REQUIRE_OK(rnn_stream_free(s->references[i]));
    close_network(&s->nets[i]);
  }
  free(s->input), free(s->output), free(s->expected), free(s->state), free(s->after), free(s->expected_after);
}

static void get_state(const stage *s, rnn_stream *stream, char *state) {
  if (s->net->state > 0) REQUIRE_OK(rnn_stream_get_state(stream, state, LANES * s->net->state));
}

/* A block, and which model has answered; -1: none. */
static int run_block(stage *s) {
  const network *net = s->net;
  const size_t steps = 1 + draw(&s->counter, BLOCK);
  draw_input(net, s->input, steps * LANES, &s->counter);
  get_state(s, s->stream, s->state);
  REQUIRE_OK(process(s->stream, net, LANES, steps, s->input, s->output));
  get_state(s, s->stream, s->after);
  for (int i = 0; i < MODELS; i++) {
    if (net->state > 0) REQUIRE_OK(rnn_stream_set_state(s->references[i], s->state, LANES * net->state));
    REQUIRE_OK(process(s->references[i], net, LANES, steps, s->input, s->expected));
    get_state(s, s->references[i], s->expected_after);
    if (memcmp(s->output, s->expected, steps * LANES * net->output) == 0 &&
        memcmp(s->after, s->expected_after, LANES * net->state) == 0)
      return i;
  }
  return -1;
}

static int64_t swaps_of(const stage *s) {
  rnn_stream_info info;
  RNN_INIT(info);
  REQUIRE_OK(rnn_stream_describe(s->stream, &info));
  return info.swaps;
}

/* ---- One thread ---- */

static void use_the_last(stage *s) {
  CHECK_INTEGER(run_block(s), 0);
  REQUIRE_OK(rnn_stream_swap_model(s->stream, s->nets[1].model));
  REQUIRE_OK(rnn_stream_swap_model(s->stream, s->nets[2].model));
  CHECK_INTEGER(swaps_of(s), 0);
  CHECK_INTEGER(run_block(s), 2);
  CHECK_INTEGER(run_block(s), 2);
  CHECK_INTEGER(swaps_of(s), 1);
  REQUIRE_OK(rnn_stream_swap_model(s->stream, s->nets[1].model));
  CHECK_INTEGER(run_block(s), 1);
  REQUIRE_OK(rnn_stream_swap_model(s->stream, s->nets[0].model));
  REQUIRE_OK(rnn_stream_prepare(s->stream)); /* may use them already */
  CHECK_INTEGER(run_block(s), 0);
  CHECK_INTEGER(swaps_of(s), 3);
}

/* Neither new weights of the model nor its end are noticed; a swap hands over what the model has at that moment. */
static void keep_a_copy(stage *s) {
  rnn_tensor_info tensor;
  network changing = open_network(s->net->index, s->net->dtype, s->net->weights, 1);
  RNN_INIT(tensor);
  REQUIRE_OK(rnn_model_tensor(changing.model, 0, &tensor));
  char *values = check_allocate(tensor.bytes);
  REQUIRE_OK(rnn_stream_swap_model(s->stream, changing.model));
  REQUIRE_OK(rnn_model_set(changing.model, tensor.name, values, tensor.bytes));
  CHECK_INTEGER(run_block(s), 0);
  REQUIRE_OK(rnn_stream_swap_model(s->stream, changing.model));
  CHECK_INTEGER(run_block(s), -1);
  REQUIRE_OK(rnn_model_get(s->nets[2].model, tensor.name, values, tensor.bytes));
  close_network(&changing);
  CHECK_INTEGER(run_block(s), -1);
  free(values);
}

/* After a few swaps there is as much memory in use as after many. */
static void take_no_more_memory(stage *s, int with_steps) {
  const int rounds = is_short ? 20 : 400;
  int after_few = 0;
  for (int round = 0; round < rounds; round++) {
    REQUIRE_OK(rnn_stream_swap_model(s->stream, s->nets[round % MODELS].model));
    if (with_steps) CHECK_INTEGER(run_block(s), round % MODELS);
    if (round == 5) after_few = memory_in_use();
  }
  CHECK_INTEGER(memory_in_use(), after_few);
}

void check_swaps(const network *net) {
  const int before = memory_in_use();
  stage s;
  open_stage(&s, net);
  use_the_last(&s);
  if (net->weights == RNN_WEIGHTS_OWN) keep_a_copy(&s); /* others cannot be set */
  take_no_more_memory(&s, 0);
  take_no_more_memory(&s, 1);
  REQUIRE_OK(rnn_stream_swap_model(s.stream, s.nets[1].model)); /* which nobody will use */
  close_stage(&s);
  CHECK_INTEGER(memory_in_use(), before);
}

/* ---- Several threads ---- */

static void *swap_often(void *argument) {
  stage *s = argument;
  while (!__atomic_load_n(&s->is_done, __ATOMIC_ACQUIRE)) {
    uint64_t number = (uint64_t)__atomic_fetch_add(&s->swaps, 1, __ATOMIC_ACQ_REL);
    if (rnn_stream_swap_model(s->stream, s->nets[draw(&number, MODELS)].model) != RNN_OK)
      __atomic_fetch_add(&s->wrong, 1, __ATOMIC_RELAXED);
    sched_yield(); /* where there are fewer processors than threads */
  }
  return NULL;
}

/* Until weights have come often enough, so that each model has answered. */
void check_swaps_beside_steps(const network *net) {
  const int64_t wanted = is_short ? 5 : 40;
  int answers[MODELS] = {0}, none = 0;
  pthread_t threads[2];
  stage s;
  open_stage(&s, net);
  for (int i = 0; i < 2; i++)
    CHECK(pthread_create(&threads[i], NULL, swap_often, &s) == 0);
  while (swaps_of(&s) < wanted) {
    const int answer = run_block(&s);
    none += answer < 0;
    if (answer >= 0) answers[answer]++;
    sched_yield();
  }
  __atomic_store_n(&s.is_done, 1, __ATOMIC_RELEASE);
  for (int i = 0; i < 2; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(none == 0 && s.wrong == 0 && s.swaps >= wanted);
  for (int i = 0; i < MODELS; i++)
    CHECK(answers[i] > 0 || is_short);
  close_stage(&s);
}
