/*
 * memory_streams.c is the part of memory that is about streams: what happens in real time takes no memory, refusals
 * included; a preparation and a swap for which there is none leave the stream as it was.
 */
#include "memory.h"

/* A lane that comes and goes. */
static rnn_status leave_and_join(arguments *a) {
  CHECK_STATUS(rnn_stream_leave(a->sparse_stream, a->lane), RNN_OK);
  return rnn_stream_import(a->sparse_stream, a->lane, NULL, 0);
}

/* What is refused must do without memory as well. */
static rnn_status refuse_in_real_time(arguments *a) {
  CHECK_STATUS(rnn_stream_step(a->stream, a->step_input, 1, a->step_output, 1), RNN_ERR_SHAPE);
  CHECK_STATUS(rnn_stream_process(NULL, 1, NULL, 0, NULL, 0), RNN_ERR_HANDLE);
  CHECK_STATUS(rnn_stream_copy(a->stream, B, a->other_stream, 0), RNN_ERR_ARGUMENT);
  CHECK_STATUS(rnn_stream_copy(a->stream, 0, a->double_stream, 0), RNN_ERR_MODEL);
  return rnn_stream_import(a->stream, 0, a->step_input, 1) == RNN_ERR_SHAPE ? RNN_OK : RNN_ERR_ARGUMENT;
}

const function comings_and_goings = {"rnn_stream_leave and rnn_stream_import", leave_and_join};
const function refusals_in_real_time = {"a streaming function that refuses", refuse_in_real_time};

/* What a stream is like from outside: its state, its lanes and what it answers. */
typedef struct looks {
  float state[60], output[B * TOKENS];
  rnn_stream_info info;
} looks;

static looks look_at(rnn_stream *stream, const arguments *a) {
  looks result;
  memset(&result, 0, sizeof result);
  RNN_INIT(result.info);
  REQUIRE_OK(rnn_stream_get_state(stream, result.state, sizeof result.state));
  REQUIRE_OK(
      rnn_stream_step(stream, a->step_tokens, sizeof a->step_tokens, result.output, sizeof result.output));
  REQUIRE_OK(rnn_stream_set_state(stream, result.state, sizeof result.state));
  REQUIRE_OK(rnn_stream_describe(stream, &result.info));
  return result;
}

/* A stream of its own, after a step. */
static rnn_stream *stream_anew(arguments *a) {
  rnn_stream *stream = NULL;
  float output[B * TOKENS];
  refused = -1;
  REQUIRE_OK(rnn_stream_create(a->model, &a->stream_options, &stream));
  REQUIRE_OK(rnn_stream_step(stream, a->step_tokens, sizeof a->step_tokens, output, sizeof output));
  return stream;
}

/* Done or not, it can be seen by nothing. */
static rnn_status prepare_anew(arguments *a) {
  const int saved = refused;
  rnn_stream *stream = stream_anew(a);
  const looks before = look_at(stream, a);
  refused = saved;
  count_from_zero();
  rnn_status status = rnn_stream_prepare(stream);
  refused = -1;
  const looks after = look_at(stream, a);
  CHECK_BYTES(&after, &before, sizeof after);
  CHECK_STATUS(rnn_stream_free(stream), RNN_OK);
  return status;
}

/* Other weights answer in another way, but not if they could not be had. */
static rnn_status swap_anew(arguments *a) {
  const int saved = refused;
  rnn_stream *stream = stream_anew(a);
  rnn_model *newer = NULL;
  rnn_model_options options;
  const looks before = look_at(stream, a);
  RNN_INIT(options);
  options.seed = 1;
  REQUIRE_OK(rnn_model_create(a->layers, 3, &options, &newer));
  refused = saved;
  count_from_zero();
  rnn_status status = rnn_stream_swap_model(stream, newer);
  refused = -1;
  const looks after = look_at(stream, a);
  CHECK_INTEGER(after.info.swaps, status == RNN_OK);
  CHECK_BYTES(after.state, before.state, sizeof after.state);
  CHECK((memcmp(after.output, before.output, sizeof after.output) == 0) == (status != RNN_OK));
  CHECK_STATUS(rnn_stream_free(stream), RNN_OK);
  CHECK_STATUS(rnn_model_free(newer), RNN_OK);
  return status;
}

const function first_preparation = {"rnn_stream_prepare", prepare_anew};
const function first_swap = {"rnn_stream_swap_model", swap_anew};
