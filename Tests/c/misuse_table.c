/*
 * misuse_table.c: one line for each misuse of an argument. Those that are the same for many functions, of
 * handles, struct sizes and files, and those of streams are in the other parts of misuse.
 */
#include "misuse_macros.h"

/* The same misuse of several functions. */
#define IN_BATCH(...)                                                                                        \
  BAD(model_forward, __VA_ARGS__), BAD(trainer_step, __VA_ARGS__), BAD(trainer_evaluate, __VA_ARGS__)
#define IN_TRAINING(...) BAD(trainer_step, __VA_ARGS__), BAD(trainer_evaluate, __VA_ARGS__)
#define IN_SENSOR(...)                                                                                       \
  BAD(sensor_forward, __VA_ARGS__), BAD(sensor_trainer_step, __VA_ARGS__),                                   \
      BAD(sensor_trainer_evaluate, __VA_ARGS__)
#define IN_SENSOR_TRAINING(...)                                                                              \
  BAD(sensor_trainer_step, __VA_ARGS__), BAD(sensor_trainer_evaluate, __VA_ARGS__)
#define IN_LAYER(...)                                                                                        \
  BAD(layer_plan, __VA_ARGS__), BAD(layer_tensor, __VA_ARGS__), BAD(layer_initialize, __VA_ARGS__),          \
      BAD(layer_forward, __VA_ARGS__), BAD(layer_backward, __VA_ARGS__)
#define IN_CALL(...) BAD(layer_forward, __VA_ARGS__), BAD(layer_backward, __VA_ARGS__)
#define IN_TOKEN_CALL(...) BAD(token_layer_forward, __VA_ARGS__), BAD(token_layer_backward, __VA_ARGS__)
#define BY_NAME(...)                                                                                         \
  BAD(model_find, __VA_ARGS__), BAD(model_get, __VA_ARGS__), BAD(model_set, __VA_ARGS__),                    \
      BAD(trainer_gradient, __VA_ARGS__)
#define WITH_BYTES(...)                                                                                      \
  BAD(model_get, __VA_ARGS__), BAD(model_set, __VA_ARGS__), BAD(trainer_gradient, __VA_ARGS__)

#define CREATE_MODEL(...) BAD(model_create, __VA_ARGS__)
#define QUANTIZE(...) BAD(model_quantize, __VA_ARGS__)
#define CREATE_TRAINER(...) BAD(trainer_create, __VA_ARGS__)
#define INITIALIZE(...) BAD(layer_initialize, __VA_ARGS__)
#define SET_RATE(...) BAD(trainer_set_learning_rate, __VA_ARGS__)
#define SET_PENALTIES(...) BAD(trainer_set_penalties, __VA_ARGS__)
#define SET_GROUP(...) BAD(trainer_set_group, __VA_ARGS__)
#define BACKWARD(...) BAD(layer_backward, __VA_ARGS__)
#define PLAN(...) BAD(layer_plan, __VA_ARGS__)
#define STATE_TENSOR(...) BAD(model_state_tensor, __VA_ARGS__)

/* The sizes of a layer, alone and within a model. */
#define WRONG_SIZE(IN, named, field)                                                                         \
  IN(RNN_ERR_ARGUMENT, named, IS(field, 0)), IN(RNN_ERR_ARGUMENT, named, IS(field, -1)),                     \
      IN(RNN_ERR_ARGUMENT, named, IS(field, INT64_MIN)), IN(RNN_ERR_ARGUMENT, named, IS(field, INT64_MAX)),  \
      IN(RNN_ERR_ARGUMENT, named, IS(field, AT_2_31))

#define WRONG_DESCRIPTION(IN, layer)                                                                         \
  WRONG_ENUM(IN, "kind", layer.kind, 0), WRONG_ENUM(IN, "kind", layer.kind, 7),                              \
      WRONG_ENUM(IN, "nonlinearity", layer.nonlinearity, 6),                                                 \
      IN(RNN_ERR_MODEL, "nonlinearity", IS(layer.nonlinearity, RNN_RELU)),                                   \
      WRONG_SIZE(IN, "input", layer.input_size), WRONG_SIZE(IN, "hidden", layer.output_size),                \
      IN(RNN_ERR_ARGUMENT, "num_layers", IS(layer.num_layers, -1)),                                          \
      IN(RNN_ERR_ARGUMENT, "num_layers", IS(layer.num_layers, INT64_MIN)),                                   \
      IN(RNN_ERR_ARGUMENT, "num_layers", IS(layer.num_layers, INT64_MAX)),                                   \
      IN(RNN_ERR_ARGUMENT, "num_layers", IS(layer.num_layers, AT_2_31)),                                     \
      IN(TOO_LARGE, "num_layers", IS(layer.num_layers, BELOW_2_31)),                                         \
      WRONG_NUMBER(IN, "dropout", layer.dropout), IN(RNN_ERR_ARGUMENT, "dropout", IS(layer.dropout, ONE64)), \
      WRONG_ENUM(IN, "weight_init", layer.weight_init, 6),                                                   \
      WRONG_ENUM(IN, "recurrent_init", layer.recurrent_init, 6),                                             \
      WRONG_NUMBER(IN, "spectral_radius", layer.spectral_radius),                                            \
      IN(RNN_ERR_MODEL, "spectral_radius", IS(layer.spectral_radius, ONE64)),                                \
      WRONG_NUMBER(IN, "chrono", layer.chrono), IN(RNN_ERR_ARGUMENT, "chrono", IS(layer.chrono, ONE64)),     \
      IN(RNN_ERR_ARGUMENT, "forget_bias", IS(layer.forget_bias, NAN64)),                                     \
      IN(RNN_ERR_ARGUMENT, "forget_bias", IS(layer.forget_bias, INF64)),                                     \
      IN(RNN_ERR_MODEL, "forget_bias", IS(layer.kind, RNN_GRU), IS(layer.forget_bias, ONE64)),               \
      WRONG_FLAG(IN, "last_step", layer.last_step), IN(RNN_ERR_MODEL, "last_step", IS(layer.last_step, 1)),  \
      IN(RNN_ERR_MODEL, "num_layers", IS(layer.kind, RNN_LINEAR))

static const misuse misuses[] = {
    /* 1. Versions, errors, threads */
    BAD(set_num_threads, RNN_ERR_ARGUMENT, "count", IS(threads, 0)),
    BAD(set_num_threads, RNN_ERR_ARGUMENT, "count", IS(threads, -1)),
    BAD(set_num_threads, RNN_ERR_ARGUMENT, "count", IS(threads, 257)),
    BAD(set_num_threads, RNN_ERR_ARGUMENT, "count", IS(threads, INT32_MIN)),
    BAD(set_num_threads, RNN_ERR_ARGUMENT, "count", IS(threads, INT32_MAX)),
    BAD(status_name, RNN_ERR_ARGUMENT, NULL, IS(status_number, 1)),
    BAD(status_name, RNN_ERR_ARGUMENT, NULL, IS(status_number, -1)),
    BAD(status_name, RNN_ERR_ARGUMENT, NULL, IS(status_number, INT32_MIN)),
    BAD(status_name, RNN_ERR_ARGUMENT, NULL, IS(status_number, INT32_MAX)),

    /* 2 and 3. Networks and models */
    CREATE_MODEL(RNN_ERR_ARGUMENT, "layers", IS(layers_at, 0)),
    CREATE_MODEL(RNN_ERR_ARGUMENT, "layers", PLUS(layers_at, 1)),
    CREATE_MODEL(RNN_ERR_ARGUMENT, "count", IS(count, 0)),
    CREATE_MODEL(RNN_ERR_ARGUMENT, "count", IS(count, 1025)),
    CREATE_MODEL(RNN_ERR_ARGUMENT, "count", IS(count, SIZE_MAX)),
    CREATE_MODEL(RNN_ERR_ARGUMENT, "count", IS(count, UINT64_C(1) << 63)),
    CREATE_MODEL(RNN_ERR_ARGUMENT, "options", PLUS(model_options_at, 4)),
    CREATE_MODEL(RNN_ERR_ARGUMENT, "model", IS(model_out, 0)),
    CREATE_MODEL(RNN_ERR_DTYPE, "dtype", IS(model_options.dtype, RNN_INT32)),
    CREATE_MODEL(RNN_ERR_DTYPE, "dtype", IS(model_options.dtype, RNN_INT64)),
    WRONG_ENUM(CREATE_MODEL, "dtype", model_options.dtype, 4),
    WRONG_DESCRIPTION(CREATE_MODEL, layers[1]),
    CREATE_MODEL(RNN_ERR_STRUCT_SIZE, "layers[1]", IS(layers[1].struct_size, 0)),
    CREATE_MODEL(RNN_ERR_STRUCT_SIZE, "layers[2]", PLUS(layers[2].struct_size, 8)),
    CREATE_MODEL(RNN_ERR_MODEL, "layer 2", IS(layers[2].input_size, 6)),
    CREATE_MODEL(RNN_ERR_MODEL, "layer 1", IS(layers[1].input_size, 3)),
    CREATE_MODEL(RNN_ERR_MODEL, "layer 1", IS(layers[1].kind, RNN_EMBEDDING), IS(layers[1].num_layers, 0)),
    CREATE_MODEL(RNN_ERR_MODEL, "last_step", IS(layers[1].kind, RNN_LINEAR), IS(layers[1].num_layers, 0),
                 IS(layers[1].last_step, 1)),
    GOOD(model_create, IS(model_options_at, 0)),
    GOOD(model_create, GAP(layers[1].last_step), GAP(layers[2].last_step)),
    CREATE_MODEL(RNN_ERR_ARGUMENT, "layer 1", IS(layers[1].output_size, BELOW_2_31),
                 IS(layers[2].input_size, BELOW_2_31)),
    CREATE_MODEL(RNN_ERR_ARGUMENT, "layer 1", IS(layers[1].output_size, MANY),
                 IS(layers[2].input_size, MANY)),
    CREATE_MODEL(RNN_ERR_OUT_OF_MEMORY, "memory", IS(layers[2].output_size, BELOW_2_31)),
    CREATE_MODEL(RNN_ERR_OUT_OF_MEMORY, "memory", IS(layers[0].input_size, BELOW_2_31),
                 IS(layers[0].output_size, BELOW_2_31), IS(layers[1].input_size, BELOW_2_31)),
    GOOD(model_free, IS(model, 0)),
    BAD(model_describe, RNN_ERR_ARGUMENT, "info", IS(info_out, 0)),
    BAD(model_describe, RNN_ERR_ARGUMENT, "info", PLUS(info_out, 1)),
    BAD(model_layer, RNN_ERR_ARGUMENT, "layer", IS(layer_out, 0)),
    BAD(model_layer, RNN_ERR_ARGUMENT, "layer", PLUS(layer_out, 4)),
    BAD(model_layer, RNN_ERR_ARGUMENT, "index", IS(index, 3)),
    BAD(model_layer, RNN_ERR_ARGUMENT, "index", IS(index, SIZE_MAX)),
    BAD(model_tensor, RNN_ERR_ARGUMENT, "info", IS(tensor_out, 0)),
    BAD(model_tensor, RNN_ERR_ARGUMENT, "index", IS(index, 11)),
    BAD(model_tensor, RNN_ERR_ARGUMENT, "index", IS(index, UINT64_C(1) << 63)),
    BAD(model_find, RNN_ERR_ARGUMENT, "info", IS(tensor_out, 0)),
    BAD(model_find, RNN_ERR_ARGUMENT, "info", PLUS(tensor_out, 2)),
    STATE_TENSOR(RNN_ERR_ARGUMENT, "info", IS(tensor_out, 0)),
    STATE_TENSOR(RNN_ERR_ARGUMENT, "index", IS(state_index, 2)),
    STATE_TENSOR(RNN_ERR_ARGUMENT, "index", IS(state_index, SIZE_MAX)),
    STATE_TENSOR(RNN_ERR_ARGUMENT, "batch_size", IS(rows, 0)),
    STATE_TENSOR(RNN_ERR_ARGUMENT, "batch_size", IS(rows, INT64_MIN)),
    STATE_TENSOR(TOO_LARGE, "batch_size", IS(rows, HALF_OF_HUGE)),
    STATE_TENSOR(TOO_LARGE, "batch_size", IS(rows, INT64_MAX)),
    BY_NAME(RNN_ERR_ARGUMENT, "name", IS(name, 0)),
    BY_NAME(RNN_ERR_NAME, "name", IS_OF(name, empty_text)),
    BY_NAME(RNN_ERR_NAME, "0.weighty", IS_OF(name, unknown_name)),
    BY_NAME(RNN_ERR_NAME, "name", IS_OF(name, state_name)),
    BY_NAME(RNN_ERR_NAME, "name", IS_OF(name, long_name)),
    BY_NAME(RNN_ERR_NAME, "name", IS_OF(name, not_utf8)),
    BAD(model_get, RNN_ERR_ARGUMENT, "data", IS(get_data, 0)),
    BAD(model_set, RNN_ERR_ARGUMENT, "data", IS(set_data, 0)),
    BAD(trainer_gradient, RNN_ERR_ARGUMENT, "data", IS(get_data, 0)),
    WRONG_BYTES(WITH_BYTES, "0.weight", bytes),
    BAD(model_get, RNN_ERR_SHAPE, "18446744073709551615", IS(bytes, SIZE_MAX)),
    BAD(model_forward, RNN_ERR_SHAPE, "18446744073709551615", IS(batch.input.bytes, SIZE_MAX)),

    QUANTIZE(RNN_ERR_ARGUMENT, "weights", IS(weight_format, RNN_WEIGHTS_OWN)),
    WRONG_ENUM(QUANTIZE, "weights", weight_format, 3),
    QUANTIZE(RNN_ERR_ARGUMENT, "quantized", IS(model_out, 0)),
    QUANTIZE(RNN_ERR_DTYPE, "float32", IS_OF(model, sensor_model)),
    QUANTIZE(RNN_ERR_MODEL, "model", IS_OF(model, small_model)),
    GOOD(model_quantize, IS(weight_format, RNN_WEIGHTS_BFLOAT16)),
    BAD(model_set, RNN_ERR_MODEL, "model", IS_OF(model, small_model)),
    BAD(trainer_create, RNN_ERR_MODEL, "model", IS_OF(model, small_model)),

    /* 4. Sequences: of tokens, then of features with a last-step head */
    IN_BATCH(RNN_ERR_ARGUMENT, "batch", IS(batch_at, 0)),
    IN_BATCH(RNN_ERR_ARGUMENT, "batch", PLUS(batch_at, 1)),
    WRONG_SIDE(IN_BATCH, "time_steps", batch.time_steps),
    WRONG_SIDE(IN_BATCH, "batch_size", batch.batch_size),
    IN_BATCH(TOO_LARGE, "time_steps", IS(batch.time_steps, AT_2_31), IS(batch.batch_size, AT_2_31)),
    IN_BATCH(RNN_ERR_SHAPE, "input", PLUS(batch.time_steps, 1)),
    IN_BATCH(RNN_ERR_SHAPE, "lengths", PLUS(batch.batch_size, -1)),
    IN_BATCH(RNN_ERR_ARGUMENT, "input", IS(batch.input.data, 0)),
    IN_BATCH(RNN_ERR_ARGUMENT, "input", PLUS(batch.input.data, 2)),
    WRONG_BYTES(IN_BATCH, "input", batch.input.bytes),
    IN_BATCH(RNN_ERR_SHAPE, "input", IS(batch.token_type, RNN_INT64)),
    IN_BATCH(RNN_ERR_DTYPE, "token_type", IS(batch.token_type, RNN_FLOAT64)),
    WRONG_ENUM(IN_BATCH, "token_type", batch.token_type, 4),
    IN_BATCH(RNN_ERR_ARGUMENT, "input", IS(tokens[0], TOKENS), IS(lengths[0], 1)),
    IN_BATCH(RNN_ERR_ARGUMENT, "position 5", IS(tokens[5], -1)),
    IN_BATCH(RNN_ERR_ARGUMENT, "input", IS(tokens[1], INT32_MIN)),
    IN_BATCH(RNN_ERR_ARGUMENT, "input", IS(tokens[1], INT32_MAX)),
    GOOD(model_forward, IS(tokens[0], -1), IS(tokens[11], INT32_MAX)), /* padding */
    GOOD(trainer_step, IS(tokens[0], INT32_MIN), IS(labels[11], INT32_MIN), IS(weights[11], NAN32)),
    GOOD(model_forward, WIDE(batch.input, batch.token_type), IS(wide[1], TOKENS - 1)),
    IN_BATCH(RNN_ERR_ARGUMENT, "position 1", WIDE(batch.input, batch.token_type), IS(wide[1], TOKENS)),
    IN_BATCH(RNN_ERR_ARGUMENT, "input", WIDE(batch.input, batch.token_type), IS(wide[1], INT64_MIN)),
    IN_BATCH(RNN_ERR_ARGUMENT, "input", WIDE(batch.input, batch.token_type), IS(wide[1], INT64_MAX)),
    IN_BATCH(RNN_ERR_ARGUMENT, "input", WIDE(batch.input, batch.token_type), IS(wide[1], INT64_C(1) << 32)),
    IN_BATCH(RNN_ERR_ARGUMENT, "lengths", PLUS(batch.lengths.data, 4)),
    WRONG_BYTES(IN_BATCH, "lengths", batch.lengths.bytes),
    IN_BATCH(RNN_ERR_ARGUMENT, "lengths[1]", IS(lengths[1], -1)),
    IN_BATCH(RNN_ERR_ARGUMENT, "lengths[1]", IS(lengths[1], T + 1)),
    IN_BATCH(RNN_ERR_ARGUMENT, "lengths[2]", IS(lengths[2], INT64_MIN)),
    IN_BATCH(RNN_ERR_ARGUMENT, "lengths[2]", IS(lengths[2], INT64_MAX)),
    IN_BATCH(RNN_ERR_ARGUMENT, "lengths[0]", IS(lengths[0], INT64_C(1) << 32)),
    IN_BATCH(RNN_ERR_ARGUMENT, "state", PLUS(batch.state.data, 1)),
    WRONG_BYTES(IN_BATCH, "state", batch.state.bytes),
    IN_BATCH(RNN_ERR_NAN, "state", IS(initial_state[59], NAN32)),
    IN_BATCH(RNN_ERR_ARGUMENT, "state_out", PLUS(batch.state_out.data, 1)),
    WRONG_BYTES(IN_BATCH, "state_out", batch.state_out.bytes),
    BAD(model_forward, RNN_ERR_ARGUMENT, "output", IS(batch.output.data, 0)),
    IN_BATCH(RNN_ERR_ARGUMENT, "output", PLUS(batch.output.data, 3)),
    WRONG_BYTES(IN_BATCH, "output", batch.output.bytes),
    IN_SENSOR(RNN_ERR_NAN, "input", IS(features[0], NAN64)),
    IN_SENSOR(RNN_ERR_NAN, "input", IS(features[9], INF64), IS(features[10], -1)),
    IN_SENSOR(RNN_ERR_ARGUMENT, "input", PLUS(sensor_batch.input.data, 4)),
    WRONG_BYTES(IN_SENSOR, "input", sensor_batch.input.bytes),
    IN_SENSOR(RNN_ERR_ARGUMENT, "lengths[0]", IS(sensor_lengths[0], 0)),
    IN_SENSOR(RNN_ERR_NAN, "state", IS(initial_sensor_state[0], NAN64)),
    WRONG_BYTES(IN_SENSOR, "output", sensor_batch.output.bytes),
    BAD(sensor_forward, RNN_ERR_ARGUMENT, "output", IS(sensor_batch.output.data, 0)),

    /* 5. Training */
    GOOD(trainer_free, IS(trainer, 0)),
    GOOD(trainer_create, IS(trainer_options_at, 0)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "trainer", IS(trainer_out, 0)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "options", PLUS(trainer_options_at, 1)),
    WRONG_ENUM(CREATE_TRAINER, "loss", trainer_options.loss, 5),
    WRONG_ENUM(CREATE_TRAINER, "reduction", trainer_options.reduction, 2),
    WRONG_ENUM(CREATE_TRAINER, "optimizer", trainer_options.optimizer, 4),
    WRONG_ENUM(CREATE_TRAINER, "clip_scope", trainer_options.clip_scope, 2),
    WRONG_ENUM(CREATE_TRAINER, "nonfinite", trainer_options.nonfinite, 3),
    WRONG_FLAG(CREATE_TRAINER, "has_ignore_index", trainer_options.has_ignore_index),
    WRONG_FLAG(CREATE_TRAINER, "nesterov", trainer_options.nesterov),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "nesterov", IS(trainer_options.nesterov, 1)),
    WRONG_NUMBER(CREATE_TRAINER, "learning_rate", trainer_options.learning_rate),
    WRONG_NUMBER(CREATE_TRAINER, "momentum", trainer_options.momentum),
    WRONG_NUMBER(CREATE_TRAINER, "beta1", trainer_options.beta1),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "beta1", IS(trainer_options.beta1, ONE64)),
    WRONG_NUMBER(CREATE_TRAINER, "beta2", trainer_options.beta2),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "beta2", IS(trainer_options.beta2, ONE64)),
    WRONG_NUMBER(CREATE_TRAINER, "alpha", trainer_options.alpha),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "alpha", IS(trainer_options.alpha, ONE64)),
    WRONG_NUMBER(CREATE_TRAINER, "eps", trainer_options.eps),
    WRONG_NUMBER(CREATE_TRAINER, "weight_decay", trainer_options.weight_decay),
    WRONG_NUMBER(CREATE_TRAINER, "clip_value", trainer_options.clip_value),
    WRONG_NUMBER(CREATE_TRAINER, "clip_norm", trainer_options.clip_norm),
    WRONG_NUMBER(CREATE_TRAINER, "clip_tensor_norm", trainer_options.clip_tensor_norm),
    WRONG_NUMBER(CREATE_TRAINER, "clip_adaptive", trainer_options.clip_adaptive),
    WRONG_NUMBER(CREATE_TRAINER, "clip_quantile", trainer_options.clip_quantile),
    WRONG_NUMBER(CREATE_TRAINER, "clip_step_value", trainer_options.clip_step_value),
    WRONG_NUMBER(CREATE_TRAINER, "clip_step_norm", trainer_options.clip_step_norm),
    WRONG_NUMBER(CREATE_TRAINER, "rollback_factor", trainer_options.rollback_factor),
    WRONG_NUMBER(CREATE_TRAINER, "omega", trainer_options.omega),
    WRONG_NUMBER(CREATE_TRAINER, "orthogonality", trainer_options.orthogonality),
    WRONG_NUMBER(CREATE_TRAINER, "activation_penalty", trainer_options.activation_penalty),
    WRONG_NUMBER(CREATE_TRAINER, "temporal_activation_penalty", trainer_options.temporal_activation_penalty),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "clip_quantile", IS(trainer_options.clip_quantile, ABOVE_ONE64)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "rollback_factor", IS(trainer_options.rollback_factor, ABOVE_ONE64)),
    GOOD(trainer_create, IS(trainer_options.clip_quantile, ONE64), IS(trainer_options.clip_window, 10)),
    GOOD(trainer_create, IS(trainer_options.rollback_factor, ONE64),
         IS(trainer_options.clip_window, 1 << 20)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "clip_window", IS(trainer_options.clip_window, 9)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "clip_window", IS(trainer_options.clip_window, -1)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "clip_window", IS(trainer_options.clip_window, (1 << 20) + 1)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "clip_window", IS(trainer_options.clip_window, INT64_MIN)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "clip_window", IS(trainer_options.clip_window, INT64_MAX)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "clip_tensor_norm", IS(trainer_options.clip_scope, RNN_CLIP_PER_TENSOR),
                   IS(trainer_options.clip_norm, ONE64), IS(trainer_options.clip_tensor_norm, ONE64)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "temporal_activation_penalty", IS(trainer_options.recompute, 1),
                   IS(trainer_options.temporal_activation_penalty, ONE64)),
    GOOD(trainer_create, IS(trainer_options.recompute, 1), IS(trainer_options.omega, ONE64),
         IS(trainer_options.activation_penalty, ONE64)),
    WRONG_FLAG(CREATE_TRAINER, "recompute", trainer_options.recompute),
    WRONG_ENUM(CREATE_TRAINER, "schedule", trainer_options.schedule, 5),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "schedule_warm_up", IS(trainer_options.schedule_warm_up, -1)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "schedule_warm_up", IS(trainer_options.schedule_warm_up, INT64_MIN)),
    GOOD(trainer_create, IS(trainer_options.schedule_warm_up, INT64_MAX)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "schedule_period", IS(trainer_options.schedule, RNN_SCHEDULE_STEP)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "schedule_period", IS(trainer_options.schedule, RNN_SCHEDULE_COSINE),
                   IS(trainer_options.schedule_period, -1)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "schedule_period", IS(trainer_options.schedule, RNN_SCHEDULE_PLATEAU),
                   IS(trainer_options.schedule_period, -2)),
    GOOD(trainer_create, IS(trainer_options.schedule, RNN_SCHEDULE_PLATEAU),
         IS(trainer_options.schedule_period, -1)),
    GOOD(trainer_create, IS(trainer_options.schedule, RNN_SCHEDULE_ONE_CYCLE),
         IS(trainer_options.schedule_period, INT64_MAX)),
    WRONG_NUMBER(CREATE_TRAINER, "schedule_factor", trainer_options.schedule_factor),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "schedule_factor", IS(trainer_options.schedule_factor, ABOVE_ONE64)),
    WRONG_NUMBER(CREATE_TRAINER, "schedule_floor", trainer_options.schedule_floor),
    WRONG_NUMBER(CREATE_TRAINER, "schedule_divisor", trainer_options.schedule_divisor),
    WRONG_NUMBER(CREATE_TRAINER, "schedule_final_divisor", trainer_options.schedule_final_divisor),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "accumulate", IS(trainer_options.accumulate, -1)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "accumulate", IS(trainer_options.accumulate, INT64_MIN)),
    GOOD(trainer_create, IS(trainer_options.accumulate, INT64_MAX)),
    WRONG_NUMBER(CREATE_TRAINER, "ema_decay", trainer_options.ema_decay),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "ema_decay", IS(trainer_options.ema_decay, ONE64)),
    BAD(trainer_average, RNN_ERR_ARGUMENT, "ema_decay", IS_OF(patient_trainer, trainer)),
    BAD(trainer_average, RNN_ERR_ARGUMENT, "model", IS(model_out, 0)),
    SET_GROUP(RNN_ERR_ARGUMENT, "pattern", IS(pattern, 0)),
    SET_GROUP(RNN_ERR_ARGUMENT, "group", IS(group_at, 0)),
    SET_GROUP(RNN_ERR_ARGUMENT, "group", PLUS(group_at, 4)),
    SET_GROUP(RNN_ERR_NAME, "pattern", IS_OF(pattern, empty_text)),
    SET_GROUP(RNN_ERR_NAME, "0.weighty", IS_OF(pattern, unknown_name)),
    SET_GROUP(RNN_ERR_NAME, "pattern", IS_OF(pattern, long_name)),
    SET_GROUP(RNN_ERR_NAME, "pattern", IS_OF(pattern, not_utf8)),
    WRONG_NUMBER(SET_GROUP, "rate_factor", group.rate_factor),
    WRONG_NUMBER(SET_GROUP, "weight_decay", group.weight_decay),
    WRONG_FLAG(SET_GROUP, "frozen", group.frozen),
    GOOD(trainer_set_group, IS(group.frozen, 1), PADDING(group)),
    BAD(trainer_report_metric, RNN_ERR_ARGUMENT, "metric", IS(metric, NAN64)),
    BAD(trainer_report_metric, RNN_ERR_ARGUMENT, "metric", IS(metric, INF64)),
    BAD(trainer_report_metric, RNN_ERR_ARGUMENT, "schedule", IS_OF(patient_trainer, trainer)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "bptt", IS(trainer_options.bptt, -1)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "bptt", IS(trainer_options.bptt, INT64_MIN)),
    WRONG_FLAG(IN_BATCH, "observe", batch.observe),
    GOOD(trainer_step, IS(batch.observe, 1), PADDING(batch)),
    IN_TRAINING(RNN_ERR_ARGUMENT, "report", IS(report_out, 0)),
    IN_TRAINING(RNN_ERR_ARGUMENT, "report", PLUS(report_out, 1)),
    IN_TRAINING(RNN_ERR_ARGUMENT, "target", IS(batch.target.data, 0)),
    IN_TRAINING(RNN_ERR_ARGUMENT, "target", PLUS(batch.target.data, 1)),
    WRONG_BYTES(IN_TRAINING, "target", batch.target.bytes),
    IN_TRAINING(RNN_ERR_SHAPE, "target", IS(batch.label_type, RNN_INT64)),
    IN_TRAINING(RNN_ERR_DTYPE, "label_type", IS(batch.label_type, RNN_FLOAT64)),
    WRONG_ENUM(IN_TRAINING, "label_type", batch.label_type, 4),
    IN_TRAINING(RNN_ERR_ARGUMENT, "position 5", IS(labels[5], TOKENS)),
    IN_TRAINING(RNN_ERR_ARGUMENT, "target", IS(labels[5], -1)),
    IN_TRAINING(RNN_ERR_ARGUMENT, "target", IS(labels[1], -99)),
    IN_TRAINING(RNN_ERR_ARGUMENT, "target", IS(labels[1], INT32_MIN)),
    GOOD(trainer_step, IS(labels[1], -100)), /* ignored unless told otherwise */
    IN_TRAINING(RNN_ERR_ARGUMENT, "target", WIDE(batch.target, batch.label_type), IS(wide[1], INT64_MIN)),
    IN_TRAINING(RNN_ERR_ARGUMENT, "target", WIDE(batch.target, batch.label_type),
                IS(wide[1], INT64_C(1) << 32)),
    IN_TRAINING(RNN_ERR_ARGUMENT, "weights", PLUS(batch.weights.data, 1)),
    WRONG_BYTES(IN_TRAINING, "weights", batch.weights.bytes),
    IN_TRAINING(RNN_ERR_NAN, "weights", IS(weights[2], NAN32)),
    IN_SENSOR_TRAINING(RNN_ERR_ARGUMENT, "target", IS(sensor_batch.target.data, 0)),
    IN_SENSOR_TRAINING(RNN_ERR_NAN, "target", IS(targets[5], NAN64)),
    WRONG_BYTES(IN_SENSOR_TRAINING, "target", sensor_batch.target.bytes),
    IN_SENSOR_TRAINING(RNN_ERR_NAN, "weights", IS(sensor_weights[2], NAN64)),
    WRONG_BYTES(IN_SENSOR_TRAINING, "weights", sensor_batch.weights.bytes),
    BAD(trainer_describe, RNN_ERR_ARGUMENT, "options", IS(options_out, 0)),
    BAD(trainer_describe, RNN_ERR_ARGUMENT, "options", PLUS(options_out, 4)),
    WRONG_NUMBER(SET_RATE, "learning_rate", learning_rate),
    SET_RATE(RNN_ERR_ARGUMENT, "learning_rate", IS(learning_rate, UINT64_C(0xBFF0000000000000))),
    BAD(trainer_model, RNN_ERR_ARGUMENT, "model", IS(model_out, 0)),
    WRONG_NUMBER(SET_PENALTIES, "omega", omega),
    WRONG_NUMBER(SET_PENALTIES, "orthogonality", orthogonality),
    WRONG_NUMBER(SET_PENALTIES, "activation_penalty", activation_penalty),
    WRONG_NUMBER(SET_PENALTIES, "temporal_activation_penalty", temporal_activation_penalty),
    SET_PENALTIES(RNN_ERR_ARGUMENT, "temporal_activation_penalty", IS_OF(trainer, thrifty_trainer)),

    /* 7. Files: the rest is in misuse_paths.c and misuse_contents.c */
    BAD(model_save, RNN_ERR_ARGUMENT, "path", IS(path, 0)),
    BAD(model_load, RNN_ERR_ARGUMENT, "path", IS(path, 0)),
    BAD(model_load, RNN_ERR_ARGUMENT, "model", IS(model_out, 0)),
    BAD(trainer_save, RNN_ERR_ARGUMENT, "path", IS(path, 0)),
    BAD(trainer_resume, RNN_ERR_ARGUMENT, "path", IS(path, 0)),
    BAD(trainer_resume, RNN_ERR_ARGUMENT, "trainer", IS(trainer_out, 0)),

    /* 8. Single layers */
    IN_LAYER(RNN_ERR_ARGUMENT, "layer", IS(layer_at, 0)),
    IN_LAYER(RNN_ERR_ARGUMENT, "layer", PLUS(layer_at, 1)),
    WRONG_DESCRIPTION(IN_LAYER, layer),
    IN_LAYER(RNN_ERR_ARGUMENT, "hidden", IS(layer.output_size, BELOW_2_31)),
    IN_LAYER(RNN_ERR_ARGUMENT, "hidden", IS(layer.output_size, MANY)),
    IN_LAYER(TOO_LARGE, "", IS(layer.kind, RNN_LINEAR), IS(layer.num_layers, 0),
             IS(layer.input_size, BELOW_2_31), IS(layer.output_size, BELOW_2_31)),
    IN_LAYER(TOO_LARGE, "", IS(layer.kind, RNN_EMBEDDING), IS(layer.num_layers, 0),
             IS(layer.input_size, BELOW_2_31), IS(layer.output_size, BELOW_2_31)),
    GOOD(layer_plan, GAP(layer.last_step)),
    IN_CALL(RNN_ERR_DTYPE, "dtype", IS(call.dtype, RNN_INT32)),
    WRONG_ENUM(IN_CALL, "dtype", call.dtype, 4),
    PLAN(RNN_ERR_DTYPE, "dtype", IS(dtype, RNN_INT64)),
    WRONG_ENUM(PLAN, "dtype", dtype, 4),
    BAD(layer_tensor, RNN_ERR_DTYPE, "dtype", IS(dtype, RNN_INT64)),
    INITIALIZE(RNN_ERR_DTYPE, "dtype", IS(dtype, RNN_INT64)),
    PLAN(RNN_ERR_ARGUMENT, "sizes", IS(sizes_out, 0)),
    PLAN(RNN_ERR_ARGUMENT, "sizes", PLUS(sizes_out, 4)),
    WRONG_SIDE(PLAN, "time_steps", time_steps),
    WRONG_SIDE(PLAN, "batch_size", batch_size),
    PLAN(TOO_LARGE, "", IS(layer.input_size, BELOW_2_31), IS(time_steps, BELOW_2_31 / B)),
    BAD(layer_tensor, RNN_ERR_ARGUMENT, "info", IS(tensor_out, 0)),
    BAD(layer_tensor, RNN_ERR_ARGUMENT, "index", IS(index, 8)),
    BAD(layer_tensor, RNN_ERR_ARGUMENT, "index", IS(index, SIZE_MAX)),
    INITIALIZE(RNN_ERR_ARGUMENT, "parameters", IS(parameters, 0)),
    INITIALIZE(RNN_ERR_ARGUMENT, "parameters", PLUS(parameters, 2)),
    WRONG_BYTES(INITIALIZE, "parameters", parameter_bytes),
    IN_CALL(RNN_ERR_ARGUMENT, "call", IS(call_at, 0)),
    IN_CALL(RNN_ERR_ARGUMENT, "call", PLUS(call_at, 1)),
    WRONG_SIDE(IN_CALL, "time_steps", call.time_steps),
    WRONG_SIDE(IN_CALL, "batch_size", call.batch_size),
    WRONG_FLAG(IN_CALL, "training", call.training),
    IN_CALL(RNN_ERR_ARGUMENT, "parameters", IS(call.parameters.data, 0)),
    IN_CALL(RNN_ERR_ARGUMENT, "parameters", PLUS(call.parameters.data, 1)),
    WRONG_BYTES(IN_CALL, "parameters", call.parameters.bytes),
    IN_CALL(RNN_ERR_ARGUMENT, "input", IS(call.input.data, 0)),
    WRONG_BYTES(IN_CALL, "input", call.input.bytes),
    IN_CALL(RNN_ERR_NAN, "input", IS(layer_input[2], NAN32)),
    WRONG_BYTES(IN_CALL, "lengths", call.lengths.bytes),
    IN_CALL(RNN_ERR_ARGUMENT, "lengths[2]", IS(lengths[2], T + 1)),
    IN_CALL(RNN_ERR_ARGUMENT, "lengths[0]", IS(lengths[0], INT64_MIN)),
    IN_CALL(RNN_ERR_ARGUMENT, "state", PLUS(call.state.data, 1)),
    WRONG_BYTES(IN_CALL, "state", call.state.bytes),
    BAD(layer_forward, RNN_ERR_NAN, "state", IS(layer_state[0], NAN32)),
    WRONG_BYTES(IN_CALL, "state_out", call.state_out.bytes),
    IN_CALL(RNN_ERR_ARGUMENT, "output", IS(call.output.data, 0)),
    WRONG_BYTES(IN_CALL, "output", call.output.bytes),
    IN_CALL(RNN_ERR_ARGUMENT, "reserve", IS(call.reserve.data, 0)),
    WRONG_BYTES(IN_CALL, "reserve", call.reserve.bytes),
    IN_CALL(RNN_ERR_ARGUMENT, "workspace", IS(call.workspace.data, 0)),
    WRONG_BYTES(IN_CALL, "workspace", call.workspace.bytes),
    BACKWARD(RNN_ERR_ARGUMENT, "grad_output", IS(call.grad_output.data, 0)),
    WRONG_BYTES(BACKWARD, "grad_output", call.grad_output.bytes),
    WRONG_BYTES(BACKWARD, "grad_state_out", call.grad_state_out.bytes),
    WRONG_BYTES(BACKWARD, "grad_input", call.grad_input.bytes),
    WRONG_BYTES(BACKWARD, "grad_state", call.grad_state.bytes),
    BACKWARD(RNN_ERR_ARGUMENT, "grad_parameters", IS(call.grad_parameters.data, 0)),
    BACKWARD(RNN_ERR_ARGUMENT, "grad_parameters", PLUS(call.grad_parameters.data, 1)),
    WRONG_BYTES(BACKWARD, "grad_parameters", call.grad_parameters.bytes),
    IN_TOKEN_CALL(RNN_ERR_DTYPE, "token_type", IS(token_call.token_type, RNN_FLOAT64)),
    WRONG_ENUM(IN_TOKEN_CALL, "token_type", token_call.token_type, 4),
    IN_TOKEN_CALL(RNN_ERR_SHAPE, "input", IS(token_call.token_type, RNN_INT64)),
    IN_TOKEN_CALL(RNN_ERR_ARGUMENT, "position 5", IS(tokens[5], TOKENS)),
    IN_TOKEN_CALL(RNN_ERR_ARGUMENT, "input", IS(tokens[1], INT32_MIN)),

};

const misuse_list argument_misuses = {misuses, sizeof misuses / sizeof *misuses};
