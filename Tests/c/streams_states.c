/*
 * streams_states.c is the part of streams that is about states as bytes: what one process exports, another imports, and
 * goes on with the same bits; no bytes are the zero state; a state is told from others, and has one form. Also that a
 * preparation is seen by nothing.
 */
#include "streams.h"

#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST = 9, SECOND = 7, LANES = 3 };

static size_t bytes_of_state(rnn_stream *stream) {
  rnn_stream_info info;
  RNN_INIT(info);
  REQUIRE_OK(rnn_stream_describe(stream, &info));
  return info.state_bytes;
}

/* The input of a lane alone, always the same. */
static char *input_of(const network *net) {
  uint64_t counter = 77;
  char *input = check_allocate((FIRST + SECOND) * net->input);
  draw_input(net, input, FIRST + SECOND, &counter);
  return input;
}

/* In a process of its own, with a model of its own: the first steps. The state goes down the pipe. */
static int export_to(int pipe, const network *like) {
  network net = open_network(like->index, like->dtype, like->weights, 1);
  rnn_stream *stream = open_stream(&net, 1, 0);
  const size_t bytes = bytes_of_state(stream);
  char *input = input_of(&net), *output = check_allocate(FIRST * net.output), *state = check_allocate(bytes);
  REQUIRE_OK(process(stream, &net, 1, FIRST, input, output));
  REQUIRE_OK(rnn_stream_export(stream, 0, state, bytes));
  return write(pipe, state, bytes) == (ssize_t)bytes ? 0 : 1;
}

/* Bytes from the other process, to an address that is a multiple of nothing. */
static void receive(const network *net, char *state, size_t bytes) {
  int ends[2] = {-1, -1}, status = -1;
  CHECK(pipe(ends) == 0);
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) _exit(export_to(ends[1], net));
  close(ends[1]);
  for (size_t got = 0; got < bytes;) {
    const ssize_t more = read(ends[0], state + got, bytes - got);
    if (!CHECK(more > 0)) break;
    got += (size_t)more;
  }
  close(ends[0]);
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

/* In the last lane of another stream, where others have gone before, the steps go on as if they had never stopped. */
static void go_on_elsewhere(const network *net) {
  rnn_stream *whole = open_stream(net, 1, 0), *other = open_stream(net, LANES, 1);
  const size_t bytes = bytes_of_state(whole);
  char *input = input_of(net), *expected = check_allocate((FIRST + SECOND) * net->output);
  char *state = check_allocate(bytes + 1), *block = check_allocate(SECOND * LANES * net->input);
  char *output = check_allocate(SECOND * LANES * net->output);
  uint64_t counter = 5;
  REQUIRE_OK(process(whole, net, 1, FIRST + SECOND, input, expected));
  receive(net, state + 1, bytes);
  draw_input(net, block, SECOND * LANES, &counter);
  for (size_t t = 0; t < SECOND; t++)
    memcpy(block + (t * LANES + LANES - 1) * net->input, input + (FIRST + t) * net->input, net->input);
  REQUIRE_OK(process(other, net, LANES, SECOND, block, output));
  REQUIRE_OK(rnn_stream_import(other, LANES - 1, state + 1, bytes));
  REQUIRE_OK(process(other, net, LANES, SECOND, block, output));
  for (size_t t = 0; t < SECOND; t++)
    CHECK_BYTES(output + (t * LANES + LANES - 1) * net->output, expected + (FIRST + t) * net->output,
                net->output);
  REQUIRE_OK(rnn_stream_free(whole));
  REQUIRE_OK(rnn_stream_free(other));
  free(input), free(expected), free(state), free(block), free(output);
}

/* A lane that begins anew is one that never was. */
static void begin_at_zero(const network *net) {
  rnn_stream *fresh = open_stream(net, 1, 0), *used = open_stream(net, 1, 0);
  const size_t bytes = bytes_of_state(fresh);
  char *input = input_of(net), *states[2] = {check_allocate(bytes), check_allocate(bytes)};
  char *outputs[2] = {check_allocate(FIRST * net->output), check_allocate(FIRST * net->output)};
  REQUIRE_OK(rnn_stream_export(fresh, 0, states[0], bytes));
  CHECK_BYTES(states[0], "RNNSTATE", 8);
  REQUIRE_OK(process(used, net, 1, FIRST, input, outputs[1]));
  REQUIRE_OK(rnn_stream_export(used, 0, states[1], bytes));
  CHECK((memcmp(states[0], states[1], bytes) == 0) == (net->state == 0));
  REQUIRE_OK(rnn_stream_import(used, 0, NULL, 0));
  REQUIRE_OK(rnn_stream_export(used, 0, states[1], bytes));
  CHECK_BYTES(states[1], states[0], bytes);
  REQUIRE_OK(process(fresh, net, 1, FIRST, input, outputs[0]));
  REQUIRE_OK(process(used, net, 1, FIRST, input, outputs[1]));
  CHECK_BYTES(outputs[1], outputs[0], FIRST * net->output);
  REQUIRE_OK(rnn_stream_free(fresh));
  REQUIRE_OK(rnn_stream_free(used));
  for (int i = 0; i < 2; i++)
    free(states[i]), free(outputs[i]);
  free(input);
}

/* In the midst of a sequence, and with an idle lane. */
static void prepare_unseen(const network *net) {
  rnn_stream *streams[2] = {open_stream(net, LANES, 1), open_stream(net, LANES, 1)};
  uint64_t counter = 3;
  char *input = check_allocate(FIRST * LANES * net->input);
  char *outputs[2] = {check_allocate(FIRST * LANES * net->output),
                      check_allocate(FIRST * LANES * net->output)};
  draw_input(net, input, FIRST * LANES, &counter);
  for (int round = 0; round < 3; round++) {
    REQUIRE_OK(rnn_stream_prepare(streams[1]));
    for (int i = 0; i < 2; i++)
      REQUIRE_OK(process(streams[i], net, LANES, FIRST, input, outputs[i]));
    CHECK_BYTES(outputs[1], outputs[0], FIRST * LANES * net->output);
  }
  for (int i = 0; i < 2; i++) {
    REQUIRE_OK(rnn_stream_free(streams[i]));
    free(outputs[i]);
  }
  free(input);
}

/* A lane that has gone to NaN keeps neither itself nor another from being as before. */
static void prepare_beside_nan(const network *net) {
  rnn_stream *stream = open_stream(net, 2, 0);
  const size_t bytes = bytes_of_state(stream), count = net->input / net->size;
  uint64_t counter = 2;
  char *input = check_allocate(2 * net->input), *output = check_allocate(2 * net->output);
  char *before = check_allocate(2 * bytes), *after = check_allocate(2 * bytes);
  draw_input(net, input, 2, &counter);
  for (size_t place = count; place < 2 * count && !net->info.token_input; place++) {
    if (net->dtype == RNN_FLOAT64)
      ((double *)(void *)input)[place] = INFINITY;
    else
      ((float *)(void *)input)[place] = INFINITY;
  }
  for (int i = 0; i < 2; i++)
    REQUIRE_OK(step(stream, net, 2, input, output));
  for (int lane = 0; lane < 2; lane++)
    REQUIRE_OK(rnn_stream_export(stream, lane, before + (size_t)lane * bytes, bytes));
  CHECK_STATUS(rnn_stream_prepare(stream), RNN_OK);
  for (int lane = 0; lane < 2; lane++)
    REQUIRE_OK(rnn_stream_export(stream, lane, after + (size_t)lane * bytes, bytes));
  CHECK_BYTES(after, before, bytes);
  CHECK_BYTES(after + bytes, before + bytes, bytes);
  REQUIRE_OK(rnn_stream_free(stream));
  free(input), free(output), free(before), free(after);
}

void check_bytes_of_states(const network *net) {
  if (!is_short) go_on_elsewhere(net);
  begin_at_zero(net);
  prepare_unseen(net);
  prepare_beside_nan(net);
}
