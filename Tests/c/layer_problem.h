/*
 * layer_problem.h: one layer with all its buffers filled, for layers.c. Each buffer lies between guard bytes
 * and is aligned for its element and no more.
 */
#ifndef LAYER_PROBLEM_H
#define LAYER_PROBLEM_H

#include "check.h"

enum { T = 5, B = 3, I = 3, H = 4, TOKENS = 6, GUARD = 72, MAX_BUFFERS = 256 };

typedef struct kind {
  const char *name;
  rnn_layer layer; /* what differs from the defaults */
} kind;

static const int64_t lengths[B] = {T, 2, 1};

/* ---- Buffers between guard bytes, aligned for their element and no more ---- */

static struct {
  unsigned char *start;
  size_t bytes;
} buffers[MAX_BUFFERS];
static size_t buffer_count;

static void *guarded(size_t bytes) {
  unsigned char *start = check_allocate(bytes + 2 * GUARD);
  if (buffer_count == MAX_BUFFERS) exit(EXIT_FAILURE);
  memset(start, 0xA5, bytes + 2 * GUARD);
  memset(start + GUARD, 0, bytes);
  buffers[buffer_count].start = start;
  buffers[buffer_count++].bytes = bytes;
  return start + GUARD;
}

static void check_guards(void) {
  unsigned char expected[GUARD];
  memset(expected, 0xA5, GUARD);
  while (buffer_count > 0) {
    unsigned char *start = buffers[--buffer_count].start;
    CHECK_BYTES(start, expected, GUARD);
    CHECK_BYTES(start + GUARD + buffers[buffer_count].bytes, expected, GUARD);
    free(start);
  }
}

/* ---- A layer, its call and its buffers ---- */

typedef struct problem {
  rnn_layer layer;
  rnn_layer_sizes sizes;
  rnn_layer_call call;
} problem;

static void set(rnn_dtype dtype, void *data, size_t place, double value) {
  if (dtype == RNN_FLOAT64)
    ((double *)data)[place] = value;
  else
    ((float *)data)[place] = (float)value;
}

/* Numbers in [-1, 1) that depend on `seed`. */
static void fill(rnn_dtype dtype, void *data, size_t bytes, unsigned seed) {
  for (size_t place = 0; place < bytes / (dtype == RNN_FLOAT64 ? 8 : 4); place++) {
    unsigned mixed = ((unsigned)place + seed * 97u + 1u) * 2654435761u;
    mixed = (mixed ^ mixed >> 15) * 2246822519u;
    set(dtype, data, place, (mixed >> 8) / 8388608.0 - 1);
  }
}

static rnn_in filled(rnn_dtype dtype, size_t bytes, unsigned seed) {
  rnn_in buffer = {guarded(bytes), bytes};
  fill(dtype, (void *)buffer.data, bytes, seed);
  return buffer;
}

static rnn_out empty(size_t bytes) { return (rnn_out){guarded(bytes), bytes}; }

static rnn_in tokens(void) {
  int32_t *values = guarded(T * B * sizeof *values);
  for (int place = 0; place < T * B; place++)
    values[place] = place * 5 % TOKENS;
  return (rnn_in){values, T * B * sizeof *values};
}

/* Everything given; gradients of the outputs are random numbers, those of a linear form of the outputs. */
static problem make_problem(const kind *kind, rnn_dtype dtype) {
  problem p = {.layer = kind->layer};
  rnn_layer_call *call = &p.call;
  p.layer.struct_size = sizeof p.layer;
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
  call->output = empty(p.sizes.output_bytes);
  call->state_out = empty(p.sizes.state_bytes);
  call->reserve = empty(p.sizes.reserve_bytes);
  call->workspace = empty(p.sizes.workspace_bytes);
  call->grad_output = filled(dtype, p.sizes.output_bytes, 4);
  call->grad_state_out = filled(dtype, p.sizes.state_bytes, 5);
  if (p.layer.kind != RNN_EMBEDDING) call->grad_input = empty(p.sizes.input_bytes);
  call->grad_state = empty(p.sizes.state_bytes);
  call->grad_parameters = empty(p.sizes.parameter_bytes);
  return p;
}

static void run(const problem *p) {
  memset(p->call.grad_parameters.data, 0, p->call.grad_parameters.bytes);
  REQUIRE_OK(rnn_layer_forward(&p->layer, &p->call));
  REQUIRE_OK(rnn_layer_backward(&p->layer, &p->call));
}

/* Is this element of [T, B, ...] before its row's end? What has no time, [B, H], is valid. */
static int is_valid(size_t place, size_t count) {
  if (count == B * H) return 1;
  const size_t position = place / (count / (T * B));
  return (int64_t)(position / B) < lengths[position % B];
}

#endif
