/*
 * layer_problem.h: one layer with all its buffers filled, for layers.c. Each buffer lies between guard bytes
 * and is aligned for its element and no more.
 */
#ifndef LAYER_PROBLEM_H
#define LAYER_PROBLEM_H

#include "check.h"

enum { T = 5, B = 3, TOKENS = 6, GUARD = 64, MAX_BUFFERS = 512 };

typedef struct kind {
  const char *name;
  rnn_layer layer; /* what differs from the defaults; the sizes are those below */
} kind;

static int64_t inputs, outputs;

static const int64_t lengths[B] = {T, 2, 1};

/* ---- Buffers between guard bytes, aligned for their element and no more ---- */

static struct { unsigned char *before, *after; } guards[MAX_BUFFERS];
static size_t guard_count;

static void *guarded(size_t bytes, size_t element) {
  unsigned char *start = check_allocate(GUARD + element + bytes + GUARD);
  memset(start, 0xA5, GUARD + element + bytes + GUARD);
  memset(start + GUARD + element, 0, bytes);
  if (guard_count == MAX_BUFFERS) exit(EXIT_FAILURE);
  guards[guard_count].before = start;
  guards[guard_count++].after = start + GUARD + element + bytes;
  return start + GUARD + element;
}

static void check_guards(void) {
  unsigned char expected[GUARD];
  memset(expected, 0xA5, GUARD);
  while (guard_count > 0) {
    guard_count--;
    CHECK_BYTES(guards[guard_count].before, expected, GUARD);
    CHECK_BYTES(guards[guard_count].after, expected, GUARD);
    free(guards[guard_count].before);
  }
}

/* ---- A layer, its call and its buffers ---- */

typedef struct problem {
  rnn_layer layer;
  rnn_layer_sizes sizes;
  rnn_layer_call call;
} problem;

static size_t size_of(rnn_dtype dtype) { return dtype == RNN_FLOAT64 ? 8 : 4; }

static void set(rnn_dtype dtype, void *data, size_t place, double value) {
  if (dtype == RNN_FLOAT64)
    ((double *)data)[place] = value;
  else
    ((float *)data)[place] = (float)value;
}

/* Numbers in [-1, 1) that depend on `seed`. */
static void fill(rnn_dtype dtype, void *data, size_t bytes, unsigned seed) {
  for (size_t place = 0; place < bytes / size_of(dtype); place++) {
    unsigned mixed = ((unsigned)place + seed * 97u + 1u) * 2654435761u;
    mixed = (mixed ^ mixed >> 15) * 2246822519u;
    set(dtype, data, place, (mixed >> 8) / 8388608.0 - 1);
  }
}

static rnn_in filled(rnn_dtype dtype, size_t bytes, unsigned seed) {
  rnn_in buffer = {guarded(bytes, size_of(dtype)), bytes};
  fill(dtype, (void *)buffer.data, bytes, seed);
  return buffer;
}

static rnn_out empty(rnn_dtype dtype, size_t bytes) {
  return (rnn_out){guarded(bytes, size_of(dtype)), bytes};
}

static rnn_in tokens(void) {
  int32_t *values = guarded(T * B * sizeof *values, sizeof *values);
  for (int place = 0; place < T * B; place++)
    values[place] = place * 5 % TOKENS;
  return (rnn_in){values, T * B * sizeof *values};
}

/* Everything given; gradients of the outputs are random numbers, those of a linear form of the outputs. */
static problem make_problem(const kind *kind, rnn_dtype dtype) {
  problem p = {.layer = kind->layer};
  rnn_layer_call *call = &p.call;
  p.layer.struct_size = sizeof p.layer;
  p.layer.input_size = p.layer.kind == RNN_EMBEDDING ? TOKENS : inputs;
  p.layer.output_size = outputs;
  RNN_INIT(p.sizes);
  RNN_INIT(*call);
  REQUIRE_OK(rnn_layer_plan(&p.layer, dtype, T, B, &p.sizes));
  call->dtype = dtype;
  call->time_steps = T;
  call->batch_size = B;
  call->parameters = filled(dtype, p.sizes.parameter_bytes, 1);
  call->input = p.layer.kind == RNN_EMBEDDING ? tokens() : filled(dtype, p.sizes.input_bytes, 2);
  call->lengths = (rnn_in){lengths, sizeof lengths};
  call->state = filled(dtype, p.sizes.state_bytes, 3);
  call->output = empty(dtype, p.sizes.output_bytes);
  call->state_out = empty(dtype, p.sizes.state_bytes);
  call->reserve = empty(dtype, p.sizes.reserve_bytes);
  call->workspace = empty(dtype, p.sizes.workspace_bytes);
  memset(call->reserve.data, 0xFF, p.sizes.reserve_bytes); /* NaN, as whatever was there before */
  memset(call->workspace.data, 0xFF, p.sizes.workspace_bytes);
  call->grad_output = filled(dtype, p.sizes.output_bytes, 4);
  call->grad_state_out = filled(dtype, p.sizes.state_bytes, 5);
  if (p.layer.kind != RNN_EMBEDDING) call->grad_input = empty(dtype, p.sizes.input_bytes);
  call->grad_state = empty(dtype, p.sizes.state_bytes);
  call->grad_parameters = empty(dtype, p.sizes.parameter_bytes);
  return p;
}

static void run(const problem *p) {
  memset(p->call.grad_parameters.data, 0, p->call.grad_parameters.bytes);
  REQUIRE_OK(rnn_layer_forward(&p->layer, &p->call));
  REQUIRE_OK(rnn_layer_backward(&p->layer, &p->call));
}

/* Does this element of [T, B, ...] stand before its row's end? */
static int is_valid(size_t place, size_t count) {
  const size_t position = place / (count / (T * B));
  return (int64_t)(position / B) < lengths[position % B];
}

/* The same of the outputs, which have no time with last_step. */
static int is_valid_output(const problem *p, size_t place, size_t count) {
  return p->layer.last_step || is_valid(place, count);
}

#endif
