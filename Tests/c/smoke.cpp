/*
 * smoke.cpp proves that rnn.h is C++17 without a warning under -Wall -Wextra -pedantic, that its functions
 * link from C++, and that handles fit into std::unique_ptr: a GRU trains for some steps and its loss falls.
 */
#include "adding.h"

#include <array>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace {

struct Closing {
  void operator()(rnn_model *model) const { CHECK_STATUS(rnn_model_free(model), RNN_OK); }
  void operator()(rnn_trainer *trainer) const { CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK); }
  void operator()(rnn_stream *stream) const { CHECK_STATUS(rnn_stream_free(stream), RNN_OK); }
};

template <class Handle> using Owned = std::unique_ptr<Handle, Closing>;

static_assert(std::is_standard_layout_v<rnn_layer> && std::is_trivially_copyable_v<rnn_layer>);
static_assert(std::is_standard_layout_v<rnn_batch> && std::is_trivially_copyable_v<rnn_batch>);
static_assert(RNN_OK == 0 && RNN_ERR_FORMAT == 410, "status values are pinned");

/* Mean loss of `steps` training steps. */
double train(rnn_trainer *trainer, uint64_t *random, int steps) {
  auto data = std::make_unique<adding_batch>();
  double sum = 0;
  for (int step = 0; step < steps; step++) {
    adding_fill(data.get(), random);
    const rnn_batch batch = adding_call(data.get());
    rnn_step_report report;
    RNN_INIT(report);
    REQUIRE_OK(rnn_trainer_step(trainer, &batch, &report));
    sum += report.loss;
  }
  return sum / steps;
}

void loss_falls(rnn_trainer *trainer) {
  uint64_t random = 7;
  const double first = train(trainer, &random, 30);
  train(trainer, &random, 300);
  const double last = train(trainer, &random, 30);
  CHECK_AT_MOST(last, 0.8 * first);
}

/* The trainer and the stream outlive the handle of the model they were made from. */
void handles_keep_the_model(Owned<rnn_model> model, rnn_trainer *trainer) {
  rnn_stream *opened = nullptr;
  REQUIRE_OK(rnn_stream_create(model.get(), nullptr, &opened));
  const Owned<rnn_stream> stream(opened);
  model.reset();
  const std::array<float, 2> input = {0.5F, 1.0F};
  std::array<float, 1> output = {};
  CHECK_STATUS(rnn_stream_step(stream.get(), input.data(), sizeof input, output.data(), sizeof output),
               RNN_OK);
  rnn_model *again = nullptr;
  REQUIRE_OK(rnn_trainer_model(trainer, &again));
  const Owned<rnn_model> reopened(again);
  std::vector<float> weight(32);
  CHECK_STATUS(rnn_model_get(reopened.get(), "1.weight", weight.data(), weight.size() * sizeof(float)),
               RNN_OK);
}

void errors_are_told() {
  rnn_model *model = nullptr;
  CHECK_STATUS(rnn_model_load("/no/such/file", &model), RNN_ERR_IO);
  CHECK(model == nullptr);
  CHECK_CONTAINS(rnn_last_error(), "/no/such/file");
  CHECK(rnn_status_name(RNN_ERR_IO) == std::string("RNN_ERR_IO"));
}

} // namespace

int main() {
  CHECK(rnn_version() == RNN_VERSION);
  Owned<rnn_model> model(adding_model(RNN_GRU, 32, 3));
  const Owned<rnn_trainer> trainer(adding_trainer(model.get()));
  loss_falls(trainer.get());
  handles_keep_the_model(std::move(model), trainer.get());
  errors_are_told();
  return check_finish("smoke (C++)");
}
