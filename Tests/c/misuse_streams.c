/*
 * misuse_streams.c: one line for each misuse of an argument of section 6. A stream that refuses something has the
 * lanes, the states and the weights that it had.
 */
#include "misuse_macros.h"

#include <math.h>

#define CREATE_STREAM(...) BAD(stream_create, __VA_ARGS__)
#define STREAM_STEP(...) BAD(stream_step, __VA_ARGS__)
#define SENSOR_STEP(...) BAD(sensor_stream_step, __VA_ARGS__)
#define PROCESS(...) BAD(stream_process, __VA_ARGS__)
#define SENSOR_PROCESS(...) BAD(sensor_stream_process, __VA_ARGS__)
#define GET_STATE(...) BAD(stream_get_state, __VA_ARGS__)
#define SET_STATE(...) BAD(stream_set_state, __VA_ARGS__)
#define EXPORT(...) BAD(stream_export, __VA_ARGS__)
#define IMPORT(...) BAD(stream_import, __VA_ARGS__)
#define SENSOR_IMPORT(...) BAD(sensor_stream_import, __VA_ARGS__)
#define COPY_LANE(...) BAD(stream_copy, __VA_ARGS__)
#define LEAVE(...) BAD(stream_leave, __VA_ARGS__)
#define SWAP(...) BAD(stream_swap_model, __VA_ARGS__)

/* Lanes that are not there. Lane B - 1 of the sparse stream is, but it is idle. */
#define WRONG_LANE(IN, field)                                                                                \
  IN(RNN_ERR_ARGUMENT, "lane", IS(field, -1)), IN(RNN_ERR_ARGUMENT, "lane", IS(field, B)),                   \
      IN(RNN_ERR_ARGUMENT, "lane", IS(field, INT64_MIN)),                                                    \
      IN(RNN_ERR_ARGUMENT, "lane", IS(field, INT64_MAX)),                                                    \
      IN(RNN_ERR_ARGUMENT, "lane", IS(field, INT64_C(1) << 32))

#define WRONG_STEPS(IN)                                                                                      \
  IN(RNN_ERR_ARGUMENT, "steps", IS(steps, 0)), IN(RNN_ERR_ARGUMENT, "steps", IS(steps, -1)),                 \
      IN(RNN_ERR_ARGUMENT, "steps", IS(steps, INT64_MIN)),                                                   \
      IN(RNN_ERR_ARGUMENT, "steps", IS(steps, INT64_MAX)),                                                   \
      IN(RNN_ERR_ARGUMENT, "steps", IS(steps, AT_2_31)),                                                     \
      IN(RNN_ERR_ARGUMENT, "steps", IS(steps, (INT64_C(1) << 62) + T)),                                      \
      IN(RNN_ERR_SHAPE, "input", IS(steps, T + 1)), IN(RNN_ERR_SHAPE, "input", IS(steps, 1)),                \
      IN(TOO_LARGE, "", IS(steps, BELOW_2_31 / B))

/* Bytes that are not of such a model. */
#define WRONG_LANE_STATE(IN, lane_of)                                                                        \
  IN(RNN_ERR_FORMAT, "state", IS(lane_of.magic[0], 'r')), IN(RNN_ERR_FORMAT, "state", IS(lane_of.magic, 0)), \
      IN(RNN_ERR_FORMAT, "state", IS(lane_of.magic[7], 0)),                                                  \
      IN(RNN_ERR_FORMAT, "version", PLUS(lane_of.version, 1)),                                               \
      IN(RNN_ERR_FORMAT, "version", IS(lane_of.version, 0)),                                                 \
      IN(RNN_ERR_FORMAT, "version", IS(lane_of.version, UINT64_C(1) << 24)), /* of the other byte order */   \
      IN(RNN_ERR_FORMAT, "element type", IS(lane_of.dtype, RNN_INT32)),                                      \
      IN(RNN_ERR_FORMAT, "element type", IS(lane_of.dtype, UINT32_MAX)),                                     \
      IN(RNN_ERR_FORMAT, "mark", PLUS(lane_of.mark, 1)), IN(RNN_ERR_FORMAT, "mark", IS(lane_of.mark, 0)),    \
      IN(RNN_ERR_FORMAT, "count", PLUS(lane_of.count_of_elements, 1)),                                       \
      IN(RNN_ERR_FORMAT, "count", IS(lane_of.count_of_elements, 0)),                                         \
      IN(RNN_ERR_FORMAT, "count", IS(lane_of.count_of_elements, UINT32_MAX))

static const misuse misuses[] = {
    /* The life of a stream */
    GOOD(stream_free, IS(stream, 0)),
    GOOD(stream_create, IS(stream_options_at, 0)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "stream", IS(stream_out, 0)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "options", PLUS(stream_options_at, 1)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "batch_size", IS(stream_options.batch_size, -1)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "batch_size", IS(stream_options.batch_size, INT64_MIN)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "batch_size", IS(stream_options.batch_size, INT64_MAX)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "batch_size", IS(stream_options.batch_size, AT_2_31)),
    CREATE_STREAM(RNN_ERR_OUT_OF_MEMORY, "memory", IS(stream_options.batch_size, BELOW_2_31)),
    CREATE_STREAM(RNN_ERR_DTYPE, "token_type", IS(stream_options.token_type, RNN_FLOAT64)),
    WRONG_ENUM(CREATE_STREAM, "token_type", stream_options.token_type, 4),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "idle_lanes", IS(stream_options.idle_lanes, -1)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "idle_lanes", IS(stream_options.idle_lanes, B + 1)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "idle_lanes", IS(stream_options.idle_lanes, INT64_MIN)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "idle_lanes", IS(stream_options.idle_lanes, INT64_MAX)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "idle_lanes", IS(stream_options.idle_lanes, INT64_C(1) << 32)),
    CREATE_STREAM(RNN_ERR_ARGUMENT, "idle_lanes", IS(stream_options.batch_size, 0),
                  IS(stream_options.idle_lanes, 2)),
    GOOD(stream_create, IS(stream_options.idle_lanes, B)),
    GOOD(stream_create, IS(stream_options.batch_size, 0), IS(stream_options.idle_lanes, 1)),
    BAD(stream_describe, RNN_ERR_ARGUMENT, "info", IS(stream_info_out, 0)),
    BAD(stream_describe, RNN_ERR_ARGUMENT, "info", PLUS(stream_info_out, 4)),
    SWAP(RNN_ERR_MODEL, "model", IS_OF(model, other_model)),
    SWAP(RNN_ERR_MODEL, "model", IS_OF(model, double_model)),
    SWAP(RNN_ERR_MODEL, "model", IS_OF(model, sensor_model)),
    SWAP(RNN_ERR_MODEL, "model", IS_OF(model, small_model)),

    /* Steps and blocks */
    STREAM_STEP(RNN_ERR_ARGUMENT, "input", IS(step_input, 0)),
    STREAM_STEP(RNN_ERR_ARGUMENT, "input", PLUS(step_input, 1)),
    WRONG_BYTES(STREAM_STEP, "input", step_input_bytes),
    STREAM_STEP(RNN_ERR_ARGUMENT, "output", IS(step_output, 0)),
    STREAM_STEP(RNN_ERR_ARGUMENT, "output", PLUS(step_output, 2)),
    WRONG_BYTES(STREAM_STEP, "output", step_output_bytes),
    STREAM_STEP(RNN_ERR_ARGUMENT, "position 2", IS(step_tokens[2], TOKENS)),
    STREAM_STEP(RNN_ERR_ARGUMENT, "input", IS(step_tokens[0], -1)),
    STREAM_STEP(RNN_ERR_ARGUMENT, "input", IS(step_tokens[0], INT32_MIN)),
    SENSOR_STEP(RNN_ERR_NAN, "input", IS(step_features[5], NAN64)),
    SENSOR_STEP(RNN_ERR_ARGUMENT, "input", PLUS(sensor_input, 4)),
    WRONG_BYTES(SENSOR_STEP, "input", sensor_input_bytes),
    SENSOR_STEP(RNN_ERR_ARGUMENT, "output", IS(sensor_output, 0)),
    WRONG_BYTES(SENSOR_STEP, "output", sensor_output_bytes),
    WRONG_STEPS(PROCESS),
    PROCESS(RNN_ERR_ARGUMENT, "input", IS(block_input, 0)),
    PROCESS(RNN_ERR_ARGUMENT, "input", PLUS(block_input, 2)),
    WRONG_BYTES(PROCESS, "input", block_input_bytes),
    PROCESS(RNN_ERR_ARGUMENT, "output", IS(block_output, 0)),
    PROCESS(RNN_ERR_ARGUMENT, "output", PLUS(block_output, 1)),
    WRONG_BYTES(PROCESS, "output", block_output_bytes),
    PROCESS(RNN_ERR_ARGUMENT, "position 0", IS(tokens[0], TOKENS)),
    PROCESS(RNN_ERR_ARGUMENT, "position 11", IS(tokens[11], -1)), /* the last step's last lane */
    PROCESS(RNN_ERR_ARGUMENT, "position 5", IS(tokens[5], INT32_MIN)),
    PROCESS(RNN_ERR_ARGUMENT, "position 5", IS(tokens[5], INT32_MAX)),
    WRONG_STEPS(SENSOR_PROCESS),
    SENSOR_PROCESS(RNN_ERR_NAN, "position 0", IS(features[0], NAN64)),
    SENSOR_PROCESS(RNN_ERR_NAN, "position 23", IS(features[23], NAN64)),
    SENSOR_PROCESS(RNN_ERR_NAN, "input", IS(features[9], INF64), IS(features[10], -1)),
    SENSOR_PROCESS(RNN_ERR_ARGUMENT, "input", IS(sensor_block_input, 0)),
    SENSOR_PROCESS(RNN_ERR_ARGUMENT, "input", PLUS(sensor_block_input, 4)),
    WRONG_BYTES(SENSOR_PROCESS, "input", sensor_block_input_bytes),
    SENSOR_PROCESS(RNN_ERR_ARGUMENT, "output", IS(sensor_block_output, 0)),
    SENSOR_PROCESS(RNN_ERR_ARGUMENT, "output", PLUS(sensor_block_output, 4)),
    WRONG_BYTES(SENSOR_PROCESS, "output", sensor_block_output_bytes),

    /* The input of an idle lane is not looked at, nor what is set for its state */
    GOOD(stream_step, IS_OF(stream, sparse_stream), IS(step_tokens[2], TOKENS)),
    GOOD(stream_process, IS_OF(stream, sparse_stream), IS(tokens[2], -1), IS(tokens[11], INT32_MAX)),
    STREAM_STEP(RNN_ERR_ARGUMENT, "position 1", IS_OF(stream, sparse_stream), IS(step_tokens[1], TOKENS)),
    PROCESS(RNN_ERR_ARGUMENT, "position 4", IS_OF(stream, sparse_stream), IS(tokens[4], TOKENS)),
    GOOD(stream_set_state, IS_OF(stream, sparse_stream), IS(step_state[14], NAN32)),
    SET_STATE(RNN_ERR_NAN, "state", IS_OF(stream, sparse_stream), IS(step_state[5], NAN32)),

    /* States of all lanes */
    GET_STATE(RNN_ERR_ARGUMENT, "state", IS(get_state, 0)),
    WRONG_BYTES(GET_STATE, "state", state_bytes),
    SET_STATE(RNN_ERR_ARGUMENT, "state", IS(state, 0)),
    WRONG_BYTES(SET_STATE, "state", state_bytes),
    SET_STATE(RNN_ERR_NAN, "state", IS(step_state[0], NAN32)),
    BAD(sensor_stream_set_state, RNN_ERR_NAN, "state", IS(step_sensor_state[14], NAN64)),
    GET_STATE(RNN_ERR_ARGUMENT, "state", PLUS(get_state, 2)),
    SET_STATE(RNN_ERR_ARGUMENT, "state", PLUS(state, 1)),

    /* The state of a lane */
    WRONG_LANE(EXPORT, lane),
    EXPORT(RNN_ERR_ARGUMENT, "idle", IS(lane, B - 1)),
    EXPORT(RNN_ERR_ARGUMENT, "state", IS(lane_state_out, 0)),
    WRONG_BYTES(EXPORT, "state", lane_bytes),
    GOOD(stream_export, PLUS(lane_state_out, 1)), /* plain bytes lie anywhere */
    WRONG_LANE(IMPORT, lane),
    IMPORT(RNN_ERR_ARGUMENT, "state", IS(lane_state, 0)),
    IMPORT(RNN_ERR_ARGUMENT, "state", IS(lane_state, 0), IS(lane_bytes, 1)),
    IMPORT(RNN_ERR_ARGUMENT, "lane", IS(lane, B), IS(lane_state, 0), IS(lane_bytes, 0)),
    WRONG_BYTES(IMPORT, "state", lane_bytes),
    GOOD(stream_import, IS(lane, B - 1)), /* an idle lane joins */
    GOOD(stream_import, IS(lane, B - 1), IS(lane_state, 0), IS(lane_bytes, 0)),
    WRONG_LANE_STATE(IMPORT, lane_of_model),
    IMPORT(RNN_ERR_FORMAT, "element type", IS(lane_of_model.dtype, RNN_FLOAT64)),
    IMPORT(RNN_ERR_FORMAT, "state", PLUS(lane_state, 1)),
    IMPORT(RNN_ERR_FORMAT, "state", IS_OF(lane_state, step_input)),
    IMPORT(RNN_ERR_NAN, "position 0", IS(lane_of_model.elements[0], NAN32)),
    IMPORT(RNN_ERR_NAN, "position 19", IS(lane_of_model.elements[19], NAN32)),
    IMPORT(RNN_ERR_NAN, "state", IS(lane, B - 1), IS(lane_of_model.elements[7], NAN32)),
    IMPORT(RNN_ERR_FORMAT, "state", IS(lane, B - 1), IS(lane_of_model.magic[3], 0)),
    IMPORT(RNN_ERR_SHAPE, "state", IS(lane, B - 1), PLUS(lane_bytes, -4)),
    GOOD(stream_import, IS(lane_of_model.elements[3], 0x7F800000)), /* infinity is a number to begin with */
    WRONG_LANE_STATE(SENSOR_IMPORT, lane_of_sensor),
    WRONG_BYTES(SENSOR_IMPORT, "state", sensor_lane_bytes),
    SENSOR_IMPORT(RNN_ERR_FORMAT, "element type", IS(lane_of_sensor.dtype, RNN_FLOAT32)),
    SENSOR_IMPORT(RNN_ERR_SHAPE, "state", IS_OF(sensor_lane_state, lane_state),
                  IS_OF(sensor_lane_bytes, lane_bytes)),
    SENSOR_IMPORT(RNN_ERR_FORMAT, "state", IS_OF(sensor_lane_state, lane_state)),
    SENSOR_IMPORT(RNN_ERR_NAN, "position 4", IS(lane_of_sensor.elements[4], NAN64)),

    /* From lane to lane */
    WRONG_LANE(COPY_LANE, lane),
    WRONG_LANE(COPY_LANE, to_lane),
    COPY_LANE(RNN_ERR_ARGUMENT, "idle", IS_OF(stream, sparse_stream), IS(lane, B - 1)),
    COPY_LANE(RNN_ERR_ARGUMENT, "idle", IS_OF(stream, sparse_stream), IS(lane, B - 1), IS(to_lane, B - 1)),
    COPY_LANE(RNN_ERR_MODEL, "other", IS_OF(sparse_stream, sensor_stream)),
    COPY_LANE(RNN_ERR_MODEL, "other", IS_OF(sparse_stream, double_stream)),
    COPY_LANE(RNN_ERR_MODEL, "other", IS_OF(sparse_stream, other_stream)),
    COPY_LANE(RNN_ERR_MODEL, "other", IS_OF(stream, other_stream)),
    COPY_LANE(RNN_ERR_MODEL, "other", IS_OF(stream, double_stream)),
    GOOD(stream_copy, IS(to_lane, B - 1)),
    GOOD(stream_copy, IS_OF(sparse_stream, stream)), /* to itself */
    GOOD(stream_copy, IS_OF(sparse_stream, stream), IS(to_lane, 0)),
    WRONG_LANE(LEAVE, lane),
    LEAVE(RNN_ERR_ARGUMENT, "idle", IS(lane, B - 1)),
};

const misuse_list stream_misuses = {misuses, sizeof misuses / sizeof *misuses};

/* ---- What a refusal leaves ---- */

/* Weights that do not fit are not handed over: the stream goes on with its own, and counts no swap. */
static void keep_weights(const void *argument) {
  rnn_model *const others[] = {valid.other_model, valid.double_model, valid.sensor_model};
  rnn_stream *streams[2] = {NULL, NULL};
  float outputs[2][B][TOKENS];
  rnn_stream_info info;
  (void)argument;
  RNN_INIT(info);
  for (int i = 0; i < 2; i++)
    REQUIRE_OK(rnn_stream_create(valid.model, &valid.stream_options, &streams[i]));
  for (int round = 0; round < 3; round++) {
    check_refusal(rnn_stream_swap_model(streams[0], others[round]), RNN_ERR_MODEL, "model");
    for (int i = 0; i < 2; i++) {
      REQUIRE_OK(rnn_stream_step(streams[i], valid.step_tokens, sizeof valid.step_tokens, outputs[i],
                                 sizeof outputs[i]));
    }
    CHECK_BYTES(outputs[0], outputs[1], sizeof outputs[0]);
  }
  REQUIRE_OK(rnn_stream_describe(streams[0], &info));
  CHECK_INTEGER(info.swaps, 0);
}

/* A lane that was idle when a state was refused for it is idle still: it can neither be told of nor leave. */
static void stay_idle(const void *argument) {
  const int64_t lane = B - 1;
  (void)argument;
  valid.lane_of_model.elements[19] = NAN;
  check_refusal(rnn_stream_import(valid.sparse_stream, lane, valid.lane_state, valid.lane_bytes), RNN_ERR_NAN,
                "state");
  check_refusal(rnn_stream_copy(valid.other_stream, 0, valid.sparse_stream, lane), RNN_ERR_MODEL, "other");
  check_refusal(rnn_stream_export(valid.sparse_stream, lane, valid.lane_state_out, valid.lane_bytes),
                RNN_ERR_ARGUMENT, "idle");
  check_refusal(rnn_stream_leave(valid.sparse_stream, lane), RNN_ERR_ARGUMENT, "idle");
  CHECK_STATUS(rnn_stream_leave(valid.sparse_stream, 0), RNN_OK);
  check_refusal(rnn_stream_leave(valid.sparse_stream, 0), RNN_ERR_ARGUMENT, "idle");
}

static rnn_model *make_tower(int64_t inputs, int64_t middle, int64_t outputs) {
  rnn_layer layers[3];
  rnn_model *model = NULL;
  for (int i = 0; i < 3; i++)
    RNN_INIT(layers[i]);
  layers[0].kind = RNN_ELMAN;
  layers[0].input_size = inputs;
  layers[0].output_size = layers[1].input_size = 8;
  layers[1].kind = layers[2].kind = RNN_LINEAR;
  layers[1].output_size = layers[2].input_size = middle;
  layers[2].output_size = outputs;
  REQUIRE_OK(rnn_model_create(layers, 3, NULL, &model));
  return model;
}

/* Two models whose marks, of 32 bits, are one, as are the sizes of their states. Their layers are not the same. */
static void tell_apart(const void *argument) {
  rnn_model *models[2] = {make_tower(56, 82, 66), make_tower(141, 68, 7)};
  rnn_stream *streams[2] = {NULL, NULL};
  (void)argument;
  for (int i = 0; i < 2; i++)
    REQUIRE_OK(rnn_stream_create(models[i], NULL, &streams[i]));
  check_refusal(rnn_stream_swap_model(streams[0], models[1]), RNN_ERR_MODEL, "model");
  check_refusal(rnn_stream_swap_model(streams[1], models[0]), RNN_ERR_MODEL, "model");
  check_refusal(rnn_stream_copy(streams[0], 0, streams[1], 0), RNN_ERR_MODEL, "other");
}

void check_streams(void) {
  check_in_child("rnn_stream_swap_model", "weights that do not fit", keep_weights, NULL);
  check_in_child("rnn_stream_swap_model", "a model of the same mark", tell_apart, NULL);
  check_in_child("rnn_stream_import", "a state that is refused, for an idle lane", stay_idle, NULL);
}
