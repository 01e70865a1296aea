/*
 * misuse_functions.c: the call of every function of rnn.h that takes arguments, from the arguments that misuse
 * changes.
 */
#include "misuse.h"

#define FUNCTION(name, call_expression)                                                                      \
  static rnn_status call_##name(arguments *a) { return call_expression; }                                    \
  const function name = {"rnn_" #name, call_##name};

/* A second way to call the function `of`. */
#define VARIANT(name, of, call_expression)                                                                   \
  static rnn_status call_##name(arguments *a) { return call_expression; }                                    \
  const function name = {"rnn_" #of, call_##name};

static rnn_status known(const char *name) {
  return strcmp(name, "unknown status") == 0 ? RNN_ERR_ARGUMENT : RNN_OK;
}

FUNCTION(set_num_threads, rnn_set_num_threads(a->threads))
FUNCTION(status_name, known(rnn_status_name((rnn_status)a->status_number)))
FUNCTION(model_create, rnn_model_create(a->layers_at, a->count, a->model_options_at, a->model_out))
FUNCTION(model_free, rnn_model_free(a->model))
FUNCTION(model_describe, rnn_model_describe(a->model, a->info_out))
FUNCTION(model_layer, rnn_model_layer(a->model, a->index, a->layer_out))
FUNCTION(model_tensor, rnn_model_tensor(a->model, a->index, a->tensor_out))
FUNCTION(model_find, rnn_model_find(a->model, a->name, a->tensor_out))
FUNCTION(model_state_tensor, rnn_model_state_tensor(a->model, a->state_index, a->rows, a->tensor_out))
FUNCTION(model_get, rnn_model_get(a->model, a->name, a->get_data, a->bytes))
FUNCTION(model_set, rnn_model_set(a->model, a->name, a->set_data, a->bytes))
FUNCTION(model_quantize, rnn_model_quantize(a->model, a->weight_format, a->model_out))
FUNCTION(model_forward, rnn_model_forward(a->model, a->batch_at))
VARIANT(sensor_forward, model_forward, rnn_model_forward(a->sensor_model, a->sensor_batch_at))
FUNCTION(trainer_create, rnn_trainer_create(a->model, a->trainer_options_at, a->trainer_out))
FUNCTION(trainer_free, rnn_trainer_free(a->trainer))
FUNCTION(trainer_step, rnn_trainer_step(a->trainer, a->batch_at, a->report_out))
VARIANT(sensor_trainer_step, trainer_step,
        rnn_trainer_step(a->sensor_trainer, a->sensor_batch_at, a->report_out))
FUNCTION(trainer_evaluate, rnn_trainer_evaluate(a->trainer, a->batch_at, a->report_out))
VARIANT(sensor_trainer_evaluate, trainer_evaluate,
        rnn_trainer_evaluate(a->sensor_trainer, a->sensor_batch_at, a->report_out))
FUNCTION(trainer_describe, rnn_trainer_describe(a->trainer, a->options_out))
FUNCTION(trainer_set_learning_rate, rnn_trainer_set_learning_rate(a->trainer, a->learning_rate))
FUNCTION(trainer_set_penalties,
         rnn_trainer_set_penalties(a->trainer, a->omega, a->orthogonality, a->activation_penalty,
                                   a->temporal_activation_penalty))
FUNCTION(trainer_report_metric, rnn_trainer_report_metric(a->patient_trainer, a->metric))
FUNCTION(trainer_average, rnn_trainer_average(a->patient_trainer, a->model_out))
FUNCTION(trainer_set_group, rnn_trainer_set_group(a->trainer, a->pattern, a->group_at))
FUNCTION(trainer_flow, rnn_trainer_flow(a->trainer, a->index, a->flow_out))
FUNCTION(trainer_flow_series,
         rnn_trainer_flow_series(a->trainer, a->index, a->series, a->gate, a->series_out, a->series_bytes))
FUNCTION(trainer_tensor_flow, rnn_trainer_tensor_flow(a->trainer, a->norms_out, a->norm_bytes))
FUNCTION(trainer_gradient, rnn_trainer_gradient(a->trainer, a->name, a->get_data, a->bytes))
FUNCTION(trainer_model, rnn_trainer_model(a->trainer, a->model_out))
FUNCTION(stream_create, rnn_stream_create(a->model, a->stream_options_at, a->stream_out))
FUNCTION(stream_free, rnn_stream_free(a->stream))
FUNCTION(stream_prepare, rnn_stream_prepare(a->stream))
FUNCTION(stream_describe, rnn_stream_describe(a->stream, a->stream_info_out))
FUNCTION(stream_step,
         rnn_stream_step(a->stream, a->step_input, a->step_input_bytes, a->step_output, a->step_output_bytes))
VARIANT(sensor_stream_step, stream_step,
        rnn_stream_step(a->sensor_stream, a->sensor_input, a->sensor_input_bytes, a->sensor_output,
                        a->sensor_output_bytes))
FUNCTION(stream_process, rnn_stream_process(a->stream, a->steps, a->block_input, a->block_input_bytes,
                                            a->block_output, a->block_output_bytes))
VARIANT(sensor_stream_process, stream_process,
        rnn_stream_process(a->sensor_stream, a->steps, a->sensor_block_input, a->sensor_block_input_bytes,
                           a->sensor_block_output, a->sensor_block_output_bytes))
FUNCTION(stream_reset, rnn_stream_reset(a->stream))
FUNCTION(stream_get_state, rnn_stream_get_state(a->stream, a->get_state, a->state_bytes))
FUNCTION(stream_set_state, rnn_stream_set_state(a->stream, a->state, a->state_bytes))
VARIANT(sensor_stream_set_state, stream_set_state,
        rnn_stream_set_state(a->sensor_stream, a->sensor_state, a->sensor_state_bytes))
FUNCTION(stream_export, rnn_stream_export(a->sparse_stream, a->lane, a->lane_state_out, a->lane_bytes))
FUNCTION(stream_import, rnn_stream_import(a->sparse_stream, a->lane, a->lane_state, a->lane_bytes))
VARIANT(sensor_stream_import, stream_import,
        rnn_stream_import(a->sensor_stream, a->lane, a->sensor_lane_state, a->sensor_lane_bytes))
FUNCTION(stream_copy, rnn_stream_copy(a->stream, a->lane, a->sparse_stream, a->to_lane))
FUNCTION(stream_leave, rnn_stream_leave(a->sparse_stream, a->lane))
FUNCTION(stream_swap_model, rnn_stream_swap_model(a->stream, a->model))
FUNCTION(model_save, rnn_model_save(a->model, a->path))
FUNCTION(model_load, rnn_model_load(a->path, a->model_out))
FUNCTION(trainer_save, rnn_trainer_save(a->trainer, a->path))
FUNCTION(trainer_resume, rnn_trainer_resume(a->path, a->trainer_out))
FUNCTION(layer_plan, rnn_layer_plan(a->layer_at, a->dtype, a->time_steps, a->batch_size, a->sizes_out))
FUNCTION(layer_tensor, rnn_layer_tensor(a->layer_at, a->dtype, a->index, a->tensor_out))
FUNCTION(layer_initialize, rnn_layer_initialize(a->layer_at, a->dtype, 1, a->parameters, a->parameter_bytes))
FUNCTION(layer_forward, rnn_layer_forward(a->layer_at, a->call_at))
FUNCTION(layer_backward, rnn_layer_backward(a->layer_at, a->call_at))
VARIANT(token_layer_forward, layer_forward, rnn_layer_forward(a->token_layer_at, a->token_call_at))
VARIANT(token_layer_backward, layer_backward, rnn_layer_backward(a->token_layer_at, a->token_call_at))
FUNCTION(model_spectrum, rnn_model_spectrum(a->model, a->recurrent_name, a->spectrum_gate, a->spectrum_out,
                                            a->eigenvalues, a->eigenvalue_bytes))
FUNCTION(model_jacobian,
         rnn_model_jacobian(a->model, a->moving_batch_at, a->from, a->to, a->jacobian, a->jacobian_bytes))
VARIANT(sensor_jacobian, model_jacobian,
        rnn_model_jacobian(a->sensor_model, a->sensor_batch_at, -1, 0, a->jacobian, a->sensor_jacobian_bytes))
FUNCTION(model_lyapunov, rnn_model_lyapunov(a->model, a->moving_batch_at, a->lyapunov_at))
VARIANT(sensor_lyapunov, model_lyapunov,
        rnn_model_lyapunov(a->sensor_model, a->sensor_batch_at, a->sensor_lyapunov_at))
FUNCTION(trainer_floss, rnn_trainer_floss(a->trainer, a->moving_batch_at, a->lyapunov_at, a->report_out))
VARIANT(sensor_floss, trainer_floss,
        rnn_trainer_floss(a->sensor_trainer, a->sensor_batch_at, a->sensor_lyapunov_at, a->report_out))
FUNCTION(trainer_class_weights,
         rnn_trainer_class_weights(a->ctc_trainer, a->class_weights_out, a->class_weight_bytes))
VARIANT(ctc_trainer_step, trainer_step, rnn_trainer_step(a->ctc_trainer, a->ctc_batch_at, a->report_out))
VARIANT(ctc_trainer_evaluate, trainer_evaluate,
        rnn_trainer_evaluate(a->ctc_trainer, a->ctc_batch_at, a->report_out))
FUNCTION(sample, rnn_sample(a->sampling_at, a->logits_at, a->logit_bytes, a->random_at, a->sampled_at,
                            a->sampled_bytes))
FUNCTION(ctc_decode, rnn_ctc_decode(a->decoding_at))
