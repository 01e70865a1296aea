/*
 * rnn_hpp.cpp proves bindings/cpp/rnn.hpp: it computes what the C calls compute, its objects move and free themselves
 * (valgrind looks on), errors arrive as exceptions with status and message, and what is for real time throws nothing.
 */
#include "adding.h"

#include <rnn.hpp>

#include <array>
#include <string>

namespace {

constexpr int T = 6, B = 2, TOKENS = 7;

/* Whether an object can be handed on and not copied. */
template <class Object>
constexpr bool moves_only =
    std::is_nothrow_move_constructible_v<Object> &&std::is_nothrow_move_assignable_v<Object> &&
    !std::is_copy_constructible_v<Object> && !std::is_copy_assignable_v<Object>;
static_assert(moves_only<rnn::Model> && moves_only<rnn::Trainer> && moves_only<rnn::Stream>);

using Lane = std::int64_t;
static_assert(noexcept(std::declval<rnn::Stream>().try_step(rnn_in(), rnn_out())));
static_assert(noexcept(std::declval<rnn::Stream>().try_process(1, rnn_in(), rnn_out())));
static_assert(noexcept(std::declval<rnn::Stream>().try_join(Lane())));
static_assert(noexcept(rnn::in(std::declval<std::array<float, 3> &>())));
static_assert(std::is_same_v<rnn::Element<float[2][3]>, float> &&
              std::is_same_v<rnn::Element<const std::vector<double>>, double>);

/* `act` throws an rnn::Error of this status, whose text has this part. */
template <class Act> void throws(rnn_status status, const char *part, Act act) {
  try {
    act();
    CHECK(!"an rnn::Error");
  } catch (const rnn::Error &error) {
    CHECK_STATUS(error.status(), status);
    CHECK_CONTAINS(error.what(), part);
  }
}

rnn::Model pedal() { return rnn::Model({rnn::gru(1, 8), rnn::linear(8, 1)}, RNN_FLOAT32, 5); }

std::vector<float> wave(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; i++)
    values[i] = static_cast<float>(i % 11) / 11 - 0.5F;
  return values;
}

template <class Number> void same(const std::vector<Number> &got, const std::vector<Number> &expected) {
  CHECK_INTEGER(got.size(), static_cast<long long>(expected.size()));
  CHECK_BYTES(got.data(), expected.data(), expected.size() * sizeof(Number));
}

// ---- Models ----

void forward_is_that_of_c() {
  const auto model = pedal();
  const auto x = wave(T * B);
  std::vector<float> expected(T * B);
  auto call = rnn::batch(T, B);
  call.input = rnn::in(x);
  call.output = rnn::out(expected);
  REQUIRE_OK(rnn_model_forward(model.handle(), &call));
  same(model.forward(x, T, B), expected);
}

void layers_are_as_described() {
  auto recurrent = rnn::lstm(4, 5, 2);
  recurrent.dropout = 0.25;
  const rnn::Model model({rnn::embedding(TOKENS, 4), recurrent, rnn::linear_last(5, 3)}, RNN_FLOAT64);
  CHECK_INTEGER(model.info().layer_count, 3);
  CHECK(model.info().token_input && model.info().last_step && model.layer(1).dropout == 0.25);
  CHECK_INTEGER(model.layer(1).num_layers, 2);
  const std::int64_t tokens[T][B] = {{1, 2}, {6, 0}};
  CHECK_INTEGER(model.forward<double>(tokens, T, B).size(), B * 3);
  CHECK_INTEGER(rnn::Model({rnn::elman(2, 3)}).info().output_size, 3);
}

void tensors_come_and_go() {
  auto model = pedal();
  std::array<float, 8> weight;
  weight.fill(0.5F);
  model.set("1.weight", weight);
  same(model.get<float>("1.weight"), std::vector<float>(8, 0.5F));
  CHECK_INTEGER(model.tensor("1.weight").shape[1], 8);
  CHECK_CONTAINS(model.tensor(0).name, "0.weight_ih_l0");
}

void files_keep_a_model(const std::string &path) {
  const auto model = pedal();
  model.save(path);
  const auto x = wave(T);
  same(rnn::Model::load(path).forward(x, T, 1), model.forward(x, T, 1));
}

// ---- Training ----

rnn_trainer_options adding_options() {
  auto options = rnn::cleared<rnn_trainer_options>();
  options.loss = RNN_MEAN_SQUARED;
  options.learning_rate = 1e-2;
  options.clip_norm = 1;
  return options;
}

void training_is_that_of_c(const std::string &path) {
  adding_batch data;
  uint64_t random = 7;
  adding_fill(&data, &random);
  const auto call = adding_call(&data);
  rnn::Model ours(adding_model(RNN_GRU, 4, 3)), theirs(adding_model(RNN_GRU, 4, 3));
  rnn::Trainer trainer(ours, adding_options());
  rnn_trainer *expected = adding_trainer(theirs.handle());
  rnn_step_report report;
  RNN_INIT(report);
  REQUIRE_OK(rnn_trainer_step(expected, &call, &report));
  REQUIRE_OK(rnn_trainer_free(expected));
  CHECK(trainer.step(call).loss == report.loss);
  same(ours.get<float>("0.weight_hh_l0"), theirs.get<float>("0.weight_hh_l0"));
  CHECK_INTEGER(trainer.gradient<float>("1.bias").size(), 1);
  trainer.save(path);
  CHECK(rnn::Trainer::resume(path).step(call).loss == trainer.step(call).loss);
}

void a_trainer_keeps_its_model() {
  auto model = pedal();
  rnn::Trainer trainer(model);
  trainer.set_learning_rate(0.5);
  CHECK(trainer.options().learning_rate == 0.5);
  const auto weight = model.get<float>("1.weight");
  { const auto gone = std::move(model); }
  same(trainer.model().get<float>("1.weight"), weight);
}

void a_report_survives_its_error() {
  auto options = adding_options();
  options.nonfinite = RNN_NONFINITE_FAIL;
  auto model = pedal();
  rnn::Trainer trainer(model, options);
  const std::vector<float> x(T), y(T, 3e38F);
  auto call = rnn::batch(T, 1);
  call.input = rnn::in(x);
  call.target = rnn::in(y);
  auto report = rnn::cleared<rnn_step_report>();
  CHECK_STATUS(trainer.try_step(call, report), RNN_ERR_NONFINITE);
  CHECK(report.skipped);
  CHECK(!(trainer.evaluate(call).loss < 1e38));
}

// ---- Streams ----

void streams_are_the_whole_sequence() {
  const auto model = pedal();
  const auto x = wave(T);
  const auto expected = model.forward(x, T, 1);
  rnn::Stream stream(model);
  stream.prepare();
  std::vector<float> y(T);
  stream.process(T, x, y);
  same(y, expected);
  stream.reset();
  for (std::size_t t = 0; t < T; t++)
    CHECK_STATUS(stream.try_step(rnn::in(&x[t], 1), rnn::out(&y[t], 1)), RNN_OK);
  same(y, expected);
  CHECK_STATUS(stream.try_reset(), RNN_OK);
  CHECK_STATUS(stream.try_process(T, rnn::in(x), rnn::out(y)), RNN_OK);
  same(y, expected);
}

void lanes_go_on_from_states() {
  const auto model = pedal();
  rnn::Stream stream(model, 2, 1), other(model);
  std::array<float, 2> x = {0.25F, 0.75F}, y = {};
  std::array<float, 1> alone = {0.25F};
  stream.step(x, y);
  other.join(0, stream.export_state());
  stream.copy(0, stream, 1);
  CHECK_INTEGER(stream.info().active_lanes, 2);
  x[1] = x[0];
  stream.step(x, y);
  other.step(alone, alone);
  CHECK(y[0] == y[1] && y[0] == alone[0]);
  stream.leave(1);
  CHECK_STATUS(stream.try_leave(1), RNN_ERR_ARGUMENT);
  stream.join(1);
  CHECK_INTEGER(stream.info().active_lanes, 2);
}

void states_stay_in_place() {
  rnn::Stream stream(pedal());
  std::vector<std::byte> state(stream.info().state_bytes);
  CHECK_STATUS(stream.try_export_state(0, rnn::out(state)), RNN_OK);
  CHECK_STATUS(stream.try_join(0, rnn::in(state)), RNN_OK);
  CHECK_STATUS(stream.try_copy(0, stream, 0), RNN_OK);
  same(stream.export_state(), state);
}

void weights_are_handed_over() {
  auto model = pedal();
  rnn::Stream stream(model);
  model.set("1.bias", std::array<float, 1>{100});
  std::array<float, 1> value = {0.5F};
  stream.step(value, value);
  CHECK(value[0] < 50);
  stream.swap_model(model);
  stream.step(value, value);
  CHECK(value[0] > 50);
  CHECK_INTEGER(stream.info().swaps, 1);
}

// ---- Objects and errors ----

void moved_objects_have_no_handle() {
  auto first = pedal();
  rnn::Stream stream(first);
  auto second = std::move(first);
  CHECK(first.handle() == nullptr && second.handle() != nullptr);
  throws(RNN_ERR_HANDLE, "model", [&] { first.info(); });
  throws(RNN_ERR_HANDLE, "model", [&] { rnn::Stream none(first); });
  first = std::move(second);
  CHECK_INTEGER(first.info().input_size, 1);
  auto moved = std::move(stream);
  CHECK_STATUS(stream.try_reset(), RNN_ERR_HANDLE);
  CHECK_STATUS(moved.try_reset(), RNN_OK);
}

/* valgrind sees whether what was made so far is given back. */
void errors_in_making_are_thrown() {
  auto model = pedal();
  auto options = rnn::cleared<rnn_trainer_options>();
  options.learning_rate = -2;
  throws(RNN_ERR_IO, "/no/such/file", [] { rnn::Model::load("/no/such/file"); });
  throws(RNN_ERR_MODEL, "layer 1", [] { rnn::Model({rnn::gru(1, 8), rnn::linear(9, 1)}); });
  throws(RNN_ERR_ARGUMENT, "num_layers", [] { rnn::Model({rnn::gru(1, 8, 2000)}); });
  throws(RNN_ERR_IO, "/no/such/file", [] { rnn::Trainer::resume("/no/such/file"); });
  throws(RNN_ERR_ARGUMENT, "learning_rate", [&] { rnn::Trainer(model, options); });
  throws(RNN_ERR_ARGUMENT, "idle_lanes", [&] { rnn::Stream(model, 2, 3); });
}

void errors_are_thrown() {
  auto model = pedal();
  rnn::Stream stream(model);
  std::array<float, 2> two = {};
  throws(RNN_ERR_NAME, "none", [&] { model.get<float>("none"); });
  throws(RNN_ERR_DTYPE, "float", [&] { model.get<double>("1.weight"); });
  throws(RNN_ERR_DTYPE, "float", [&] { model.set("1.weight", std::array<double, 4>{}); });
  throws(RNN_ERR_SHAPE, "1.weight", [&] { model.set("1.weight", two); });
  throws(RNN_ERR_ARGUMENT, "time_steps", [&] { model.forward(two, -1, 1); });
  throws(RNN_ERR_SHAPE, "input", [&] { model.forward(two, 3, 1); });
  throws(RNN_ERR_SHAPE, "input", [&] { stream.step(two, two); });
  throws(RNN_ERR_FORMAT, "state", [&] { stream.join(0, std::vector<std::byte>(stream.info().state_bytes)); });
  throws(RNN_ERR_MODEL, "", [&] { stream.swap_model(rnn::Model({rnn::gru(1, 9)})); });
}

} // namespace

int main(int, char **words) {
  const std::string path = std::string(words[0]) + ".safetensors";
  forward_is_that_of_c();
  layers_are_as_described();
  tensors_come_and_go();
  files_keep_a_model(path);
  training_is_that_of_c(path);
  a_trainer_keeps_its_model();
  a_report_survives_its_error();
  streams_are_the_whole_sequence();
  lanes_go_on_from_states();
  states_stay_in_place();
  weights_are_handed_over();
  moved_objects_have_no_handle();
  errors_are_thrown();
  errors_in_making_are_thrown();
  std::remove(path.c_str());
  return check_finish("rnn.hpp");
}
