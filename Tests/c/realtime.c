/*
 * realtime.c proves what the mark RNN_NONBLOCKING says, by RealtimeSanitizer, which ends the process at the first
 * call in real time that allocates, locks or waits: an audio callback calls every marked function of rnn.h, and has
 * each of them refuse something, for every recurrent layer, both element types, small weights, tokens and features, one lane and
 * four, while another thread hands weights over. That the compiler holds the callback to be nonblocking, under
 * -Wfunction-effects, proves the attribute in the header. With an argument the callback does what it must not,
 * which has to be noticed.
 */
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { H = 24, INPUTS = 6, OUTPUTS = 5, STEPS = 4, LANES = 4, CALLBACKS = 1000, SWAPS = 50 };

/* What the callback works with: everything that it needs is there before it begins. */
typedef struct rig {
  rnn_stream *stream, *twin, *stranger; /* the same model, and one of other layers */
  rnn_model *models[2];
  int64_t lanes;
  int with_tokens;
  rnn_weights weights;
  rnn_status refusal; /* of a bad input */
  rnn_in step, block, bad_step, bad_block;
  rnn_out output, block_output, state, lane_state, bad_lane_state;
  int is_done, swaps;
  int wrong, wrong_swaps; /* how often a status was not the expected one, of either thread */
} rig;

static const char *crime = ""; /* what the callback does that it must not */

/* ---- In real time ---- */

#define EXPECT(call, status) (r->wrong += (call) != (status))

static void stream_steps(rig *r) __attribute__((nonblocking)) {
  const rnn_in x = r->step, block = r->block;
  const rnn_out y = r->output, z = r->block_output;
  EXPECT(rnn_stream_step(r->stream, x.data, x.bytes, y.data, y.bytes), RNN_OK);
  EXPECT(rnn_stream_process(r->stream, STEPS, block.data, block.bytes, z.data, z.bytes), RNN_OK);
  EXPECT(rnn_stream_get_state(r->stream, r->state.data, r->state.bytes), RNN_OK);
  EXPECT(rnn_stream_reset(r->stream), RNN_OK);
  EXPECT(rnn_stream_set_state(r->stream, r->state.data, r->state.bytes), RNN_OK);
}

/* Every lane ends and begins again; a step in between is without it. */
static void move_lanes(rig *r) __attribute__((nonblocking)) {
  const rnn_out bytes = r->lane_state;
  for (int64_t lane = 0; lane < r->lanes; lane++) {
    EXPECT(rnn_stream_export(r->stream, lane, bytes.data, bytes.bytes), RNN_OK);
    EXPECT(rnn_stream_copy(r->stream, lane, r->twin, 0), RNN_OK);
    EXPECT(rnn_stream_leave(r->stream, lane), RNN_OK);
    EXPECT(rnn_stream_step(r->stream, r->step.data, r->step.bytes, r->output.data, r->output.bytes), RNN_OK);
    EXPECT(rnn_stream_import(r->stream, lane, NULL, 0), RNN_OK);
    EXPECT(rnn_stream_copy(r->stream, lane, r->stream, (lane + 1) % r->lanes), RNN_OK);
    EXPECT(rnn_stream_import(r->stream, lane, bytes.data, bytes.bytes), RNN_OK);
  }
}

static void refuse_steps(rig *r) __attribute__((nonblocking)) {
  const rnn_in x = r->step, bad = r->bad_step, worse = r->bad_block;
  const rnn_out y = r->output, z = r->block_output;
  rnn_stream *none = (rnn_stream *)r->models[0];
  EXPECT(rnn_stream_step(r->stream, bad.data, bad.bytes, y.data, y.bytes), r->refusal);
  EXPECT(rnn_stream_step(r->stream, x.data, x.bytes - 1, y.data, y.bytes), RNN_ERR_SHAPE);
  EXPECT(rnn_stream_step(none, x.data, x.bytes, y.data, y.bytes), RNN_ERR_HANDLE);
  EXPECT(rnn_stream_process(r->stream, STEPS, worse.data, worse.bytes, z.data, z.bytes), r->refusal);
  EXPECT(rnn_stream_process(r->stream, 0, x.data, x.bytes, y.data, y.bytes), RNN_ERR_ARGUMENT);
  EXPECT(rnn_stream_process(NULL, 1, x.data, x.bytes, y.data, y.bytes), RNN_ERR_HANDLE);
  EXPECT(rnn_stream_reset(none), RNN_ERR_HANDLE);
}

static void refuse_states(rig *r) __attribute__((nonblocking)) {
  const rnn_out state = r->state, bytes = r->lane_state, bad = r->bad_lane_state;
  EXPECT(rnn_stream_get_state(r->stream, state.data, state.bytes + 1), RNN_ERR_SHAPE);
  EXPECT(rnn_stream_set_state(r->stream, NULL, state.bytes), RNN_ERR_ARGUMENT);
  EXPECT(rnn_stream_export(r->stream, r->lanes, bytes.data, bytes.bytes), RNN_ERR_ARGUMENT);
  EXPECT(rnn_stream_import(r->stream, 0, bytes.data, bytes.bytes - 1), RNN_ERR_SHAPE);
  EXPECT(rnn_stream_import(r->stream, 0, bad.data, bad.bytes), RNN_ERR_NAN);
  EXPECT(rnn_stream_copy(r->stream, 0, r->stranger, 0), RNN_ERR_MODEL);
  EXPECT(rnn_stream_leave(r->stream, -1), RNN_ERR_ARGUMENT);
}

/* Calls what the compiler would not let it call. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wfunction-effects"
static void commit_crime(const rig *r) __attribute__((nonblocking)) {
  void *volatile loot;
  if (*crime == 'm') free(loot = malloc(1));
  if (*crime == 's') (void)rnn_stream_swap_model(r->stream, r->models[0]); /* malloc within the library */
}
#pragma clang diagnostic pop

static void callback(rig *r) __attribute__((nonblocking)) {
#ifdef BLOCKS /* which must not compile under -Wfunction-effects -Werror */
  (void)rnn_stream_prepare(r->stream);
#endif
  stream_steps(r);
  move_lanes(r);
  refuse_steps(r);
  refuse_states(r);
  commit_crime(r);
}

/* The audio thread. There is a callback after the last swap that is waited for. */
static void *play(void *argument) {
  rig *r = argument;
  r->wrong += rnn_stream_prepare(r->stream) != RNN_OK;
  for (int round = 0; round < CALLBACKS || __atomic_load_n(&r->swaps, __ATOMIC_ACQUIRE) < SWAPS; round++)
    callback(r);
  callback(r);
  __atomic_store_n(&r->is_done, 1, __ATOMIC_RELEASE);
  return NULL;
}

/* ---- The rest of the program ---- */

static rnn_model *make_model(const rnn_layer *recurrent, rnn_dtype dtype, int with_tokens, uint64_t seed) {
  rnn_layer layers[3];
  rnn_model_options options;
  rnn_model *model = NULL;
  RNN_INIT(options);
  for (int i = 0; i < 3; i++)
    RNN_INIT(layers[i]);
  options.dtype = dtype;
  options.seed = seed;
  layers[1] = *recurrent;
  layers[1].struct_size = sizeof layers[1];
  layers[0].kind = RNN_EMBEDDING;
  layers[0].input_size = layers[0].output_size = layers[1].input_size = INPUTS;
  layers[1].output_size = H;
  layers[2].input_size = recurrent->proj_size ? recurrent->proj_size : H;
  layers[1].num_layers = 2;
  layers[2].kind = RNN_LINEAR;
  layers[2].output_size = OUTPUTS;
  REQUIRE_OK(rnn_model_create(layers + !with_tokens, (size_t)(2 + with_tokens), &options, &model));
  return model;
}

/* A small model in the place of one with weights of its own. */
static rnn_model *make_small(rnn_model *model, rnn_weights weights) {
  rnn_model *small = NULL;
  REQUIRE_OK(rnn_model_quantize(model, weights, &small));
  REQUIRE_OK(rnn_model_free(model));
  return small;
}

static rnn_stream *make_stream(const rnn_model *model, int64_t lanes, rnn_dtype token_type) {
  rnn_stream_options options;
  rnn_stream *stream = NULL;
  RNN_INIT(options);
  options.batch_size = lanes;
  options.token_type = token_type;
  REQUIRE_OK(rnn_stream_create(model, &options, &stream));
  return stream;
}

/* Bytes of `value`, a token or a number, at the end of a copy of zeros. */
static rnn_in zeros_and(size_t bytes, const void *value, size_t value_bytes) {
  char *data = check_allocate(bytes);
  memcpy(data + bytes - value_bytes, value, value_bytes);
  return (rnn_in){data, bytes};
}

static void fill_rig(rig *r, const rnn_layer *recurrent, rnn_dtype dtype) {
  const rnn_layer stranger = {.kind = recurrent->kind == RNN_GRU ? RNN_LSTM : RNN_GRU};
  const size_t size = dtype == RNN_FLOAT64 ? sizeof(double) : sizeof(float), rows = (size_t)r->lanes;
  const rnn_dtype tokens = dtype == RNN_FLOAT64 ? RNN_INT64 : RNN_INT32;
  const size_t step = r->with_tokens ? rows * size : rows * INPUTS * size, answer = rows * OUTPUTS * size;
  const double wide = NAN;
  const float narrow = NAN;
  const void *bad = size == sizeof wide ? (const void *)&wide : &narrow; /* a token far out of range, too */
  rnn_stream_info info;
  rnn_model_info model_info;
  RNN_INIT(info);
  RNN_INIT(model_info);
  for (uint64_t i = 0; i < 2; i++)
    r->models[i] = make_model(recurrent, dtype, r->with_tokens, i);
  for (int i = 0; i < 2 && r->weights != RNN_WEIGHTS_OWN; i++)
    r->models[i] = make_small(r->models[i], r->weights);
  rnn_model *other = make_model(&stranger, dtype, r->with_tokens, 0);
  r->stream = make_stream(r->models[0], r->lanes, tokens);
  r->twin = make_stream(r->models[1], 1, tokens);
  r->stranger = make_stream(other, 1, tokens);
  REQUIRE_OK(rnn_model_free(other));
  REQUIRE_OK(rnn_stream_describe(r->stream, &info));
  REQUIRE_OK(rnn_model_describe(r->models[0], &model_info));
  r->refusal = r->with_tokens ? RNN_ERR_ARGUMENT : RNN_ERR_NAN;
  r->step = zeros_and(step, bad, 0);
  r->block = zeros_and(step * STEPS, bad, 0);
  r->bad_step = zeros_and(step, bad, size);
  r->bad_block = zeros_and(step * STEPS, bad, size);
  r->output = (rnn_out){check_allocate(answer), answer};
  r->block_output = (rnn_out){check_allocate(answer * STEPS), answer * STEPS};
  r->state.bytes = rows * model_info.state_bytes_per_row;
  r->state.data = check_allocate(r->state.bytes);
  r->lane_state = r->bad_lane_state = (rnn_out){NULL, info.state_bytes};
  r->lane_state.data = check_allocate(info.state_bytes);
  r->bad_lane_state.data = check_allocate(info.state_bytes);
  REQUIRE_OK(rnn_stream_export(r->stream, 0, r->bad_lane_state.data, info.state_bytes));
  memcpy((char *)r->bad_lane_state.data + info.state_bytes - size, bad, size);
}

static void free_rig(rig *r) {
  REQUIRE_OK(rnn_stream_free(r->stream));
  REQUIRE_OK(rnn_stream_free(r->twin));
  REQUIRE_OK(rnn_stream_free(r->stranger));
  for (int i = 0; i < 2; i++)
    REQUIRE_OK(rnn_model_free(r->models[i]));
  free((void *)r->step.data);
  free((void *)r->block.data);
  free((void *)r->bad_step.data);
  free((void *)r->bad_block.data);
  free(r->output.data);
  free(r->block_output.data);
  free(r->state.data);
  free(r->lane_state.data);
  free(r->bad_lane_state.data);
}

static void play_other_weights(rig *r) {
  r->wrong_swaps += rnn_stream_swap_model(r->stream, r->models[r->swaps % 2]) != RNN_OK;
  __atomic_fetch_add(&r->swaps, 1, __ATOMIC_RELEASE);
}

/* Plays while weights are handed over. */
static void play_and_swap(const rnn_layer *recurrent, rnn_dtype dtype, rnn_weights weights, int with_tokens,
                          int64_t lanes) {
  rig r = {.lanes = lanes, .with_tokens = with_tokens, .weights = weights};
  rnn_stream_info info;
  pthread_t audio;
  RNN_INIT(info);
  fill_rig(&r, recurrent, dtype);
  CHECK(pthread_create(&audio, NULL, play, &r) == 0);
  while (!__atomic_load_n(&r.is_done, __ATOMIC_ACQUIRE))
    play_other_weights(&r);
  CHECK(pthread_join(audio, NULL) == 0);
  REQUIRE_OK(rnn_stream_describe(r.stream, &info));
  CHECK(info.swaps >= 1 && info.swaps <= r.swaps && info.active_lanes == lanes);
  if (!CHECK(r.wrong == 0 && r.wrong_swaps == 0))
    fprintf(stderr, "  kind %d, %d tokens, %d lanes\n", recurrent->kind, with_tokens, (int)lanes);
  free_rig(&r);
}

/* The exit status of this program when its callback commits a crime, or none. What is said of a crime is not shown. */
static int status_of_child(const char *what) {
  const char *program = "/proc/self/exe";
  int status = -1;
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    setenv("RTSAN_OPTIONS", "halt_on_error=1:exitcode=43", 1);
    if (*what == 'n' || freopen("/dev/null", "w", stderr)) execl(program, program, what, (char *)NULL);
    _exit(EXIT_FAILURE);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Two levels each. From FIRST_IN_PHASES on there are no small weights. */
static const rnn_layer layers[] = {
    {.kind = RNN_ELMAN},
    {.kind = RNN_GRU},
    {.kind = RNN_LSTM},
    {.kind = RNN_LSTM, .residual = 1, .learn_state = 1},
    {.kind = RNN_LSTM, .peepholes = 1, .proj_size = 9, .layer_norm = 1, .learn_state = 1},
    {.kind = RNN_CELL, .cell = "gru_reset_before", .zoneout = 0.5},
    {.kind = RNN_CELL, .cell = "min_gru", .residual = 1},
    {.kind = RNN_CELL, .cell = "lstm_coupled", .zoneout_cell = 0.5},
};

enum { LAYERS = sizeof layers / sizeof *layers, FIRST_IN_PHASES = 4 };

int main(int count, char **arguments) {
  if (count > 1) {
    crime = arguments[1];
    play_and_swap(&layers[2], RNN_FLOAT32, RNN_WEIGHTS_OWN, 0, 1);
    return check_failures;
  }
  CHECK_INTEGER(status_of_child("nothing"), 0);
  CHECK_INTEGER(status_of_child("malloc"), 43);
  CHECK_INTEGER(status_of_child("swap"), 43);
  for (int i = 0; i < LAYERS; i++) {
    const rnn_weights most = i < FIRST_IN_PHASES ? RNN_WEIGHTS_INT8 : RNN_WEIGHTS_OWN;
    for (int way = 0; way < 4; way++) { /* one lane and several, features and tokens */
      const int with_tokens = way % 2;
      const int64_t lanes = way < 2 ? 1 : LANES;
      play_and_swap(&layers[i], RNN_FLOAT64, RNN_WEIGHTS_OWN, with_tokens, lanes);
      for (rnn_weights weights = RNN_WEIGHTS_OWN; weights <= most; weights++)
        play_and_swap(&layers[i], RNN_FLOAT32, weights, with_tokens, lanes);
    }
  }
  return check_finish("realtime");
}
