/*
 * touch_flow.c is the part of touch that reads all that an observed step saw: every layer, series, gate and tensor,
 * into buffers of the exact size that are not initialised.
 */
#include "touch_flow.h"

#include "check.h"

#include <math.h>

/* One series: [T] numbers, NaN only where there is nothing to measure. */
static void touch_series(rnn_trainer *trainer, size_t index, const rnn_flow *flow, rnn_flow_series series,
                         int32_t gate) {
  const size_t count = (size_t)flow->time_steps, bytes = count * sizeof(double);
  const int is_part = series == RNN_FLOW_GATE_LOW || series == RNN_FLOW_GATE_HIGH;
  const int may_be_unbounded = is_part && flow->gate_count == 1;
  double *values = malloc(bytes);
  size_t numbers = 0;
  if (!values) exit(EXIT_FAILURE);
  REQUIRE_OK(rnn_trainer_flow_series(trainer, index, series, gate, values, bytes));
  for (size_t t = 0; t < count; t++) {
    CHECK(!isinf(values[t]) && (series == RNN_FLOW_H_MEAN || !(values[t] < 0)));
    CHECK(!is_part || !(values[t] > 1));
    numbers += !isnan(values[t]);
  }
  CHECK(series == RNN_FLOW_GAIN ? numbers < count : numbers == count || (may_be_unbounded && !numbers));
  free(values);
}

static void touch_layer(rnn_trainer *trainer, size_t index, const rnn_model_info *info) {
  rnn_layer layer;
  rnn_flow flow;
  RNN_INIT(layer);
  RNN_INIT(flow);
  REQUIRE_OK(rnn_trainer_flow(trainer, index, &flow));
  CHECK(flow.layer < info->layer_count && flow.level >= 0);
  CHECK(flow.verdict <= RNN_DIVERGED && *flow.reason && memchr(flow.reason, 0, sizeof flow.reason));
  CHECK(!(flow.saturated_fraction < 0 || flow.saturated_fraction > 1));
  CHECK(flow.dead_fraction >= 0 && flow.dead_fraction <= 1);
  CHECK(!(flow.rate < 0) && !(flow.horizon < 0) && (flow.rate >= 1 || isnan(flow.rate) || flow.horizon > 0));
  CHECK(flow.has_cell == (flow.gate_count == 4));
  for (int series = RNN_FLOW_GRAD_H_MEAN; series <= RNN_FLOW_GATE_HIGH; series++) {
    const int has_gates = series >= RNN_FLOW_GATE_LOW;
    const int is_cell = series == RNN_FLOW_GRAD_C_MEAN || series == RNN_FLOW_GRAD_C_MAX;
    if (is_cell && !flow.has_cell) continue;
    for (int32_t gate = 0; gate < (has_gates ? flow.gate_count : 1); gate++)
      touch_series(trainer, index, &flow, (rnn_flow_series)series, gate);
  }
}

/* Of the last tensor, the head's bias, none is 0. */
static void touch_norms(rnn_trainer *trainer, size_t tensors) {
  const size_t count = 3 * tensors, bytes = count * sizeof(double);
  double *norms = malloc(bytes);
  if (!norms) exit(EXIT_FAILURE);
  REQUIRE_OK(rnn_trainer_tensor_flow(trainer, norms, bytes));
  for (size_t i = 0; i < count; i++)
    CHECK(isfinite(norms[i]) && (norms[i] > 0 || i + 3 < count));
  free(norms);
}

void touch_flow(rnn_trainer *trainer, const rnn_step_report *report, const rnn_model_info *info) {
  rnn_flow none;
  RNN_INIT(none);
  CHECK(report->flow_count > 0 && report->action == RNN_UPDATED);
  for (size_t i = 0; i < report->flow_count; i++)
    touch_layer(trainer, i, info);
  CHECK_STATUS(rnn_trainer_flow(trainer, report->flow_count, &none), RNN_ERR_ARGUMENT);
  touch_norms(trainer, info->tensor_count);
}

/* Those of the penalties that are on get another weight, and take it. */
void touch_penalties(rnn_trainer *trainer) {
  rnn_trainer_options before, after;
  RNN_INIT(before);
  RNN_INIT(after);
  REQUIRE_OK(rnn_trainer_describe(trainer, &before));
  REQUIRE_OK(rnn_trainer_set_penalties(trainer, before.omega / 2, before.orthogonality / 2,
                                       before.activation_penalty / 2,
                                       before.temporal_activation_penalty / 2));
  REQUIRE_OK(rnn_trainer_describe(trainer, &after));
  CHECK(after.omega == before.omega / 2 && after.orthogonality == before.orthogonality / 2);
  CHECK(after.activation_penalty == before.activation_penalty / 2);
  CHECK(after.temporal_activation_penalty == before.temporal_activation_penalty / 2);
  after.omega = before.omega, after.orthogonality = before.orthogonality;
  after.activation_penalty = before.activation_penalty;
  after.temporal_activation_penalty = before.temporal_activation_penalty;
  CHECK_BYTES(&after, &before, sizeof after);
}

/* A batch whose gradient is not finite: the origin, and back to the weights of before, or not. */
void touch_origin(rnn_trainer *trainer, const rnn_batch *batch, int rolls_back) {
  rnn_step_report report;
  RNN_INIT(report);
  REQUIRE_OK(rnn_trainer_step(trainer, batch, &report));
  CHECK(report.action == (rolls_back ? RNN_ROLLED_BACK : RNN_SKIPPED) && report.skipped == 1);
  CHECK_INTEGER(report.rolled_back_steps, rolls_back);
  CHECK_INTEGER(report.skipped_steps, !rolls_back);
  CHECK(report.origin != RNN_ORIGIN_NONE && *report.origin_tensor);
}
