/*
 * misuse_arguments.c: valid arguments for every function of rnn.h. The misuses are changes to these, so that
 * nothing but the change can be the reason for an error.
 */
#include "misuse.h"

static rnn_layer make_layer(rnn_layer_kind kind, int64_t inputs, int64_t outputs, int64_t depth) {
  rnn_layer layer;
  RNN_INIT(layer);
  layer.kind = kind;
  layer.input_size = inputs;
  layer.output_size = outputs;
  layer.num_layers = depth;
  return layer;
}

static void fill_structs(arguments *a) {
  a->layers[0] = make_layer(RNN_EMBEDDING, TOKENS, 4, 1);
  a->layers[1] = make_layer(RNN_LSTM, 4, 5, 2);
  a->layers[2] = make_layer(RNN_LINEAR, 5, TOKENS, 1);
  a->layer = make_layer(RNN_LSTM, FEATURES, 4, 2);
  a->token_layer = make_layer(RNN_EMBEDDING, TOKENS, 4, 1);
  RNN_INIT(a->model_options);
  RNN_INIT(a->trainer_options);
  RNN_INIT(a->group);
  a->group_at = &a->group;
  a->trainer_options.ema_decay = 0.5;
  a->trainer_options.nonfinite = RNN_NONFINITE_ROLL_BACK;
  a->trainer_options.accumulate = 2; /* for memory that may not be had */
  RNN_INIT(a->stream_options);
  a->stream_options.batch_size = B;
  a->layers_at = a->layers;
  a->layer_at = &a->layer;
  a->token_layer_at = &a->token_layer;
  a->model_options_at = &a->model_options;
  a->batch_at = &a->batch;
  a->sensor_batch_at = &a->sensor_batch;
  a->trainer_options_at = &a->trainer_options;
  a->stream_options_at = &a->stream_options;
  a->call_at = &a->call;
  a->token_call_at = &a->token_call;
}

static void fill_outputs(arguments *a) {
  memset(&a->out, 0xA5, sizeof a->out);
  a->out.info.struct_size = sizeof a->out.info;
  a->out.tensor.struct_size = sizeof a->out.tensor;
  a->out.layer.struct_size = sizeof a->out.layer;
  a->out.options.struct_size = sizeof a->out.options;
  a->out.report.struct_size = sizeof a->out.report;
  a->out.sizes.struct_size = sizeof a->out.sizes;
  a->out.flow.struct_size = sizeof a->out.flow;
  a->model_out = &a->out.model;
  a->trainer_out = &a->out.trainer;
  a->stream_out = &a->out.stream;
  a->info_out = &a->out.info;
  a->tensor_out = &a->out.tensor;
  a->layer_out = &a->out.layer;
  a->options_out = &a->out.options;
  a->report_out = &a->out.report;
  a->sizes_out = &a->out.sizes;
  a->flow_out = &a->out.flow;
  a->out.stream_info.struct_size = sizeof a->out.stream_info;
  a->stream_info_out = &a->out.stream_info;
  a->series_out = a->out.data;
  a->series_bytes = T * sizeof(double);
  a->norms_out = a->out.data;
  a->norm_bytes = 11 * 3 * sizeof(double); /* the tensors of the model */
}

static void fill_buffers(arguments *a) {
  for (int i = 0; i < T * B; i++) {
    a->tokens[i] = i % TOKENS;
    a->wide[i] = i % TOKENS;
    a->labels[i] = (i + 1) % TOKENS;
    a->weights[i] = 1;
    for (int j = 0; j < FEATURES; j++) {
      a->features[i * FEATURES + j] = 0.1 * (i - j);
      a->layer_input[i * FEATURES + j] = 0.1F * (float)(j - i);
    }
  }
  for (int row = 0; row < B; row++) {
    a->lengths[row] = row; /* 0, 1 and 2 steps */
    a->sensor_lengths[row] = row + 1;
    a->sensor_weights[row] = 0.5;
    a->step_tokens[row] = row;
  }
}

#define BUFFER(array)                                                                                        \
  { array, sizeof array }

static void fill_batches(arguments *a) {
  RNN_INIT(a->batch);
  a->batch.time_steps = T;
  a->batch.batch_size = B;
  a->sensor_batch = a->batch;
  a->batch.input = (rnn_in)BUFFER(a->tokens);
  a->batch.lengths = (rnn_in)BUFFER(a->lengths);
  a->batch.state = (rnn_in)BUFFER(a->initial_state);
  a->batch.state_out = (rnn_out){a->out.state, sizeof a->initial_state};
  a->batch.output = (rnn_out){a->out.data, T * B * TOKENS * sizeof(float)};
  a->batch.target = (rnn_in)BUFFER(a->labels);
  a->batch.weights = (rnn_in)BUFFER(a->weights);
  a->sensor_batch.input = (rnn_in)BUFFER(a->features);
  a->sensor_batch.lengths = (rnn_in)BUFFER(a->sensor_lengths);
  a->sensor_batch.state = (rnn_in)BUFFER(a->initial_sensor_state);
  a->sensor_batch.state_out = (rnn_out){a->out.state, sizeof a->initial_sensor_state};
  a->sensor_batch.output = (rnn_out){a->out.data, sizeof a->targets};
  a->sensor_batch.target = (rnn_in)BUFFER(a->targets);
  a->sensor_batch.weights = (rnn_in)BUFFER(a->sensor_weights);
}

static void fill_dynamics(arguments *a) {
  outputs *out = &a->out;
  for (int row = 0; row < B; row++)
    a->moving_lengths[row] = row + 2;
  a->moving_batch = a->batch;
  a->moving_batch.lengths = (rnn_in)BUFFER(a->moving_lengths);
  a->moving_batch_at = &a->moving_batch;
  RNN_INIT(a->lyapunov);
  a->lyapunov.count = 3;
  a->lyapunov.exponents = (rnn_out)BUFFER(out->exponents);
  a->lyapunov.errors = (rnn_out)BUFFER(out->exponent_errors);
  a->lyapunov.dimension = (rnn_out)BUFFER(out->dimension);
  a->lyapunov.entropy = (rnn_out)BUFFER(out->entropy);
  a->sensor_lyapunov = a->lyapunov;
  a->lyapunov.warm_up = 1;
  a->lyapunov_at = &a->lyapunov;
  a->sensor_lyapunov_at = &a->sensor_lyapunov;
  out->spectrum.struct_size = sizeof out->spectrum;
  a->spectrum_out = &out->spectrum;
  a->recurrent_name = "1.weight_hh_l1";
  a->spectrum_gate = 3;
  a->to = 1;
  a->eigenvalues = out->eigenvalues;
  a->eigenvalue_bytes = sizeof out->eigenvalues;
  a->jacobian = out->jacobian;
  a->jacobian_bytes = sizeof out->jacobian;
  a->sensor_jacobian_bytes = B * 5 * 5 * sizeof(double);
}

/* Labels of two letters at most, and logits to draw and to read labels from. */
static void fill_decoding(arguments *a) {
  outputs *out = &a->out;
  for (int i = 0; i < B * 2; i++)
    a->spelling[i] = 1 + i % (TOKENS - 1);
  for (int i = 0; i < T * B * TOKENS; i++)
    a->ctc_logits[i] = (float)(i % 7);
  for (int i = 0; i < TOKENS; i++)
    a->class_weights[i] = 0.5 * i;
  memcpy(a->logits, a->ctc_logits, sizeof a->logits);
  a->spelling_lengths[0] = 1;
  a->spelling_lengths[2] = 2;
  a->ctc_batch = a->moving_batch;
  a->ctc_batch.target = (rnn_in)BUFFER(a->spelling);
  a->ctc_batch.target_lengths = (rnn_in)BUFFER(a->spelling_lengths);
  a->ctc_batch.weights = (rnn_in){NULL, 0};
  a->ctc_batch_at = &a->ctc_batch;
  RNN_INIT(a->sampling);
  a->sampling.batch_size = B;
  a->sampling.top_k = 4;
  a->sampling.top_p = 0.75;
  a->sampling_at = &a->sampling;
  a->logits_at = a->logits;
  a->logit_bytes = sizeof a->logits;
  a->random_at = out->random;
  a->sampled_at = out->sampled;
  a->sampled_bytes = sizeof out->sampled;
  a->class_weights_at = a->class_weights;
  a->class_weights_out = out->class_weights;
  a->class_weight_bytes = sizeof out->class_weights;
  RNN_INIT(a->decoding);
  a->decoding.time_steps = T;
  a->decoding.batch_size = B;
  a->decoding.classes = TOKENS;
  a->decoding.beam_width = 5;
  a->decoding.logits = (rnn_in)BUFFER(a->ctc_logits);
  a->decoding.lengths = (rnn_in)BUFFER(a->lengths);
  a->decoding.labels = (rnn_out)BUFFER(out->decoded);
  a->decoding.label_lengths = (rnn_out)BUFFER(out->decoded_lengths);
  a->decoding.log_probabilities = (rnn_out)BUFFER(out->log_probabilities);
  a->decoding_at = &a->decoding;
}

static void fill_call(arguments *a, const rnn_layer *layer, rnn_layer_call *call, rnn_in input) {
  rnn_layer_sizes sizes;
  RNN_INIT(sizes);
  RNN_INIT(*call);
  REQUIRE_OK(rnn_layer_plan(layer, RNN_FLOAT32, T, B, &sizes));
  call->time_steps = T;
  call->batch_size = B;
  call->input = input;
  call->parameters = (rnn_in){a->layer_parameters, sizes.parameter_bytes};
  call->lengths = (rnn_in)BUFFER(a->lengths);
  call->state = (rnn_in){a->layer_state, sizes.state_bytes};
  call->output = (rnn_out){a->out.data, sizes.output_bytes};
  call->state_out = (rnn_out){a->out.state, sizes.state_bytes};
  call->reserve = (rnn_out){a->out.reserve, sizes.reserve_bytes};
  call->workspace = (rnn_out){a->workspace, sizes.workspace_bytes};
  call->grad_output = (rnn_in){a->grad_output, sizes.output_bytes};
  call->grad_state_out = (rnn_in){a->grad_state_out, sizes.state_bytes};
  call->grad_state = (rnn_out){a->out.grad_state, sizes.state_bytes};
  call->grad_parameters = (rnn_out){a->out.grad_parameters, sizes.parameter_bytes};
  if (sizes.input_bytes > 0) call->grad_input = (rnn_out){a->out.grad_input, sizes.input_bytes};
  a->parameter_bytes = sizes.parameter_bytes;
  CHECK(sizes.reserve_bytes <= sizeof a->out.reserve && sizes.workspace_bytes <= sizeof a->workspace);
  CHECK(sizes.parameter_bytes <= sizeof a->layer_parameters && sizes.state_bytes <= sizeof a->layer_state);
  CHECK(sizes.output_bytes <= sizeof a->grad_output && sizes.input_bytes <= sizeof a->out.grad_input);
}

static void fill_values(arguments *a, const char *directory) {
  static char path[256], long_name[5000], text[] = "not a handle, nor its odd neighbour";
  snprintf(path, sizeof path, "%s/run.safetensors", directory);
  memset(long_name, 'x', sizeof long_name - 1);
  a->threads = 1;
  a->count = 3;
  a->rows = a->time_steps = a->batch_size = B;
  a->learning_rate = a->metric = 0.1;
  a->weight_format = RNN_WEIGHTS_INT8;
  a->omega = a->orthogonality = a->activation_penalty = a->temporal_activation_penalty = 0.5;
  a->wide_at = a->wide;
  a->name = "0.weight";
  a->pattern = "0.*";
  a->path = path;
  a->empty_text = "";
  a->unknown_name = "0.weighty";
  a->state_name = "1.h";
  a->long_name = long_name;
  a->not_utf8 = "\xFF\xC0\x80\xED\xA0\x80\xF8";
  a->get_data = a->step_output = a->sensor_output = a->out.data;
  a->parameters = a->out.grad_parameters;
  a->get_state = a->out.state;
  a->set_data = a->weight;
  a->bytes = sizeof a->weight;
  a->state = a->step_state;
  a->state_bytes = sizeof a->step_state;
  a->sensor_state = a->step_sensor_state;
  a->sensor_state_bytes = sizeof a->step_sensor_state;
  a->step_input = a->step_tokens;
  a->step_input_bytes = sizeof a->step_tokens;
  a->step_output_bytes = B * TOKENS * sizeof(float);
  a->sensor_input = a->step_features;
  a->sensor_input_bytes = sizeof a->step_features;
  a->sensor_output_bytes = B * OUTPUTS * sizeof(double);
  a->in_text = text + 1;
}

/* Blocks of T steps, and the state of lane 1. */
static void fill_streaming(arguments *a) {
  a->steps = T;
  a->lane = a->to_lane = 1;
  a->block_input = a->tokens;
  a->block_input_bytes = sizeof a->tokens;
  a->sensor_block_input = a->features;
  a->sensor_block_input_bytes = sizeof a->features;
  a->block_output = a->sensor_block_output = a->out.data;
  a->block_output_bytes = T * B * TOKENS * sizeof(float);
  a->sensor_block_output_bytes = T * B * OUTPUTS * sizeof(double);
  a->lane_state_out = a->out.lane_bytes;
  a->lane_state = &a->lane_of_model;
  a->lane_bytes = sizeof a->lane_of_model;
  a->sensor_lane_state = &a->lane_of_sensor;
  a->sensor_lane_bytes = sizeof a->lane_of_sensor;
}

/* A step, after which no state is zero. */
static void step_once(arguments *a) {
  double output[B * TOKENS];
  REQUIRE_OK(rnn_stream_step(a->stream, a->step_input, a->step_input_bytes, output, a->step_output_bytes));
  REQUIRE_OK(
      rnn_stream_step(a->sparse_stream, a->step_input, a->step_input_bytes, output, a->step_output_bytes));
  REQUIRE_OK(rnn_stream_step(a->sensor_stream, a->sensor_input, a->sensor_input_bytes, output,
                             a->sensor_output_bytes));
}

/* All streams, and states to import. */
static void open_streams(arguments *a) {
  rnn_model_options options = a->model_options;
  rnn_stream_options sparse = a->stream_options;
  rnn_layer other[3] = {a->layers[0], a->layers[1], a->layers[2]};
  sparse.idle_lanes = 1;
  other[1].kind = RNN_GRU;
  options.dtype = RNN_FLOAT64;
  REQUIRE_OK(rnn_model_create(a->layers, 3, &options, &a->double_model));
  REQUIRE_OK(rnn_model_create(other, 3, NULL, &a->other_model));
  REQUIRE_OK(rnn_model_quantize(a->model, RNN_WEIGHTS_INT8, &a->small_model));
  REQUIRE_OK(rnn_stream_create(a->model, &a->stream_options, &a->stream));
  REQUIRE_OK(rnn_stream_create(a->model, &sparse, &a->sparse_stream));
  REQUIRE_OK(rnn_stream_create(a->sensor_model, &a->stream_options, &a->sensor_stream));
  REQUIRE_OK(rnn_stream_create(a->double_model, &a->stream_options, &a->double_stream));
  REQUIRE_OK(rnn_stream_create(a->other_model, &a->stream_options, &a->other_stream));
  step_once(a);
  REQUIRE_OK(rnn_stream_export(a->sparse_stream, 0, &a->lane_of_model, sizeof a->lane_of_model));
  REQUIRE_OK(rnn_stream_export(a->sensor_stream, 0, &a->lane_of_sensor, sizeof a->lane_of_sensor));
}

static void open_handles(arguments *a) {
  rnn_layer sensor[2] = {make_layer(RNN_GRU, FEATURES, 5, 1), make_layer(RNN_LINEAR, 5, OUTPUTS, 1)};
  rnn_model_options options;
  rnn_trainer_options training;
  RNN_INIT(options);
  RNN_INIT(training);
  options.dtype = RNN_FLOAT64;
  training.loss = RNN_MEAN_SQUARED;
  sensor[1].last_step = 1;
  REQUIRE_OK(rnn_model_create(a->layers, 3, NULL, &a->model));
  REQUIRE_OK(rnn_trainer_create(a->model, NULL, &a->trainer));
  training.recompute = 1;
  REQUIRE_OK(rnn_trainer_create(a->model, NULL, &a->fresh_trainer));
  REQUIRE_OK(rnn_trainer_create(a->model, &training, &a->thrifty_trainer));
  training.schedule = RNN_SCHEDULE_PLATEAU;
  training.ema_decay = 0.5;
  REQUIRE_OK(rnn_trainer_create(a->model, &training, &a->patient_trainer));
  training.schedule = RNN_SCHEDULE_NONE;
  training.ema_decay = 0;
  training.recompute = 0;
  training.loss = RNN_CTC;
  training.class_weights = (rnn_in)BUFFER(a->class_weights);
  REQUIRE_OK(rnn_trainer_create(a->model, &training, &a->ctc_trainer));
  training.loss = RNN_MEAN_SQUARED;
  training.class_weights = (rnn_in){NULL, 0};
  REQUIRE_OK(rnn_model_create(sensor, 2, &options, &a->sensor_model));
  REQUIRE_OK(rnn_trainer_create(a->sensor_model, &training, &a->sensor_trainer));
  open_streams(a);
  REQUIRE_OK(rnn_model_create(a->layers, 3, NULL, (rnn_model **)&a->closed_model));
  REQUIRE_OK(rnn_trainer_create(a->model, NULL, (rnn_trainer **)&a->closed_trainer));
  REQUIRE_OK(rnn_stream_create(a->model, NULL, (rnn_stream **)&a->closed_stream));
  CHECK_STATUS(rnn_model_free((rnn_model *)a->closed_model), RNN_OK);
  CHECK_STATUS(rnn_trainer_free((rnn_trainer *)a->closed_trainer), RNN_OK);
  CHECK_STATUS(rnn_stream_free((rnn_stream *)a->closed_stream), RNN_OK);
}

static void observe(rnn_trainer *trainer, rnn_batch batch) {
  rnn_step_report report;
  RNN_INIT(report);
  batch.observe = 1;
  REQUIRE_OK(rnn_trainer_step(trainer, &batch, &report));
  CHECK(report.flow_count > 0);
}

void fill_arguments(arguments *a, const char *directory) {
  memset(a, 0, sizeof *a);
  fill_structs(a);
  fill_outputs(a);
  fill_buffers(a);
  fill_batches(a);
  fill_dynamics(a);
  fill_decoding(a);
  fill_values(a, directory);
  fill_streaming(a);
  fill_call(a, &a->token_layer, &a->token_call, (rnn_in)BUFFER(a->tokens));
  fill_call(a, &a->layer, &a->call, (rnn_in)BUFFER(a->layer_input));
  open_handles(a);
  observe(a->trainer, a->batch);
  observe(a->sensor_trainer, a->sensor_batch);
  a->on_heap = check_allocate(64);
  REQUIRE_OK(rnn_trainer_save(a->trainer, a->path));
  REQUIRE_OK(rnn_layer_forward(a->layer_at, a->call_at));
}

void free_arguments(arguments *a) {
  CHECK_STATUS(rnn_model_free(a->model), RNN_OK);
  CHECK_STATUS(rnn_trainer_free(a->trainer), RNN_OK);
  CHECK_STATUS(rnn_trainer_free(a->fresh_trainer), RNN_OK);
  CHECK_STATUS(rnn_trainer_free(a->thrifty_trainer), RNN_OK);
  CHECK_STATUS(rnn_trainer_free(a->patient_trainer), RNN_OK);
  CHECK_STATUS(rnn_trainer_free(a->ctc_trainer), RNN_OK);
  CHECK_STATUS(rnn_stream_free(a->stream), RNN_OK);
  CHECK_STATUS(rnn_model_free(a->sensor_model), RNN_OK);
  CHECK_STATUS(rnn_trainer_free(a->sensor_trainer), RNN_OK);
  CHECK_STATUS(rnn_stream_free(a->sensor_stream), RNN_OK);
  CHECK_STATUS(rnn_stream_free(a->sparse_stream), RNN_OK);
  CHECK_STATUS(rnn_model_free(a->double_model), RNN_OK);
  CHECK_STATUS(rnn_model_free(a->other_model), RNN_OK);
  CHECK_STATUS(rnn_model_free(a->small_model), RNN_OK);
  CHECK_STATUS(rnn_stream_free(a->double_stream), RNN_OK);
  CHECK_STATUS(rnn_stream_free(a->other_stream), RNN_OK);
  free(a->on_heap);
}
