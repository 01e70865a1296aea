/*
 * rnn.hpp: rnn.h for C++17, in this header alone. Handles are objects that free themselves, statuses are exceptions,
 * buffers are whatever has std::data and std::size, or a pointer and a count. Structs are those of rnn.h.
 *
 *     rnn::Model model({rnn::gru(1, 8), rnn::linear(8, 1)});
 *     rnn::Stream stream(model);
 *     stream.prepare();
 *     std::vector<float> dry(64), wet(64);
 *     stream.process(64, dry, wet);
 *
 * Shapes, units, threads and errors are as rnn.h says. An object that was moved from has no handle: its functions
 * fail with RNN_ERR_HANDLE. What is named try_... returns its status and throws nothing, for a throw allocates; those
 * of Stream are for real-time threads.
 */
#ifndef RNN_HPP
#define RNN_HPP

#include <rnn.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace rnn {

// ---- Errors ----

/* What a call that failed had to say: what() is rnn_last_error(). */
class Error : public std::runtime_error {
public:
  explicit Error(rnn_status status, const std::string &message = rnn_last_error())
      : std::runtime_error(message), status_(status) {}
  rnn_status status() const noexcept { return status_; }

private:
  rnn_status status_;
};

inline void check(rnn_status status) {
  if (status != RNN_OK) throw Error(status);
}

// ---- What functions of rnn.h give ----

/* A struct of rnn.h, cleared, with its size recorded. */
template <class Struct> Struct cleared() noexcept {
  Struct value;
  RNN_INIT(value);
  return value;
}

/* A struct that a function of rnn.h fills in, whose last argument it is. */
template <class Struct, class Fill, class... Arguments> Struct filled(Fill fill, Arguments... arguments) {
  auto value = cleared<Struct>();
  check(fill(arguments..., &value));
  return value;
}

/* A handle that a function of rnn.h makes, whose last argument says where to put it. */
template <class Handle, class Make, class... Arguments> Handle *made(Make make, Arguments... arguments) {
  Handle *handle = nullptr;
  check(make(arguments..., &handle));
  return handle;
}

inline rnn_batch batch(std::int64_t time_steps, std::int64_t batch_size) noexcept {
  auto value = cleared<rnn_batch>();
  value.time_steps = time_steps;
  value.batch_size = batch_size;
  return value;
}

// ---- Buffers: they must live until the call returns ----

template <class Number> rnn_in in(const Number *data, std::size_t count) noexcept {
  return {data, count * sizeof *data};
}
template <class Number> rnn_out out(Number *data, std::size_t count) noexcept {
  return {data, count * sizeof *data};
}
template <class Buffer> rnn_in in(const Buffer &buffer) noexcept {
  return in(std::data(buffer), std::size(buffer));
}
template <class Buffer> rnn_out out(Buffer &buffer) noexcept {
  return out(std::data(buffer), std::size(buffer));
}
template <class Buffer> rnn_in in(const Buffer &&) = delete;

/* The numbers in a buffer, also of an array of arrays. */
template <class Buffer>
using Element = std::remove_cv_t<
    std::remove_all_extents_t<std::remove_pointer_t<decltype(std::data(std::declval<Buffer &>()))>>>;

/* How rnn.h calls their type. */
template <class Number> constexpr rnn_dtype dtype_of = Number::is_no_element_type_of_librnn;
template <> inline constexpr rnn_dtype dtype_of<float> = RNN_FLOAT32;
template <> inline constexpr rnn_dtype dtype_of<double> = RNN_FLOAT64;
template <> inline constexpr rnn_dtype dtype_of<std::int32_t> = RNN_INT32;
template <> inline constexpr rnn_dtype dtype_of<std::int64_t> = RNN_INT64;

// ---- Layers: further fields can be set before a model is made of them ----

inline rnn_layer layer(rnn_layer_kind kind, std::int64_t input_size, std::int64_t output_size,
                       std::int64_t num_layers = 0) noexcept {
  auto value = cleared<rnn_layer>();
  value.kind = kind;
  value.input_size = input_size;
  value.output_size = output_size;
  value.num_layers = num_layers;
  return value;
}
inline rnn_layer embedding(std::int64_t tokens, std::int64_t outputs) noexcept {
  return layer(RNN_EMBEDDING, tokens, outputs);
}
inline rnn_layer elman(std::int64_t inputs, std::int64_t units, std::int64_t num_layers = 1) noexcept {
  return layer(RNN_ELMAN, inputs, units, num_layers);
}
inline rnn_layer gru(std::int64_t inputs, std::int64_t units, std::int64_t num_layers = 1) noexcept {
  return layer(RNN_GRU, inputs, units, num_layers);
}
inline rnn_layer lstm(std::int64_t inputs, std::int64_t units, std::int64_t num_layers = 1) noexcept {
  return layer(RNN_LSTM, inputs, units, num_layers);
}
inline rnn_layer linear(std::int64_t inputs, std::int64_t outputs) noexcept {
  return layer(RNN_LINEAR, inputs, outputs);
}
/* A head that answers at the last step only. */
inline rnn_layer linear_last(std::int64_t inputs, std::int64_t outputs) noexcept {
  auto value = linear(inputs, outputs);
  value.last_step = 1;
  return value;
}

// ---- Objects ----

/* Owns a handle: moves, does not copy, frees once. */
template <class Handle, rnn_status (*free)(Handle *)> class Owner {
public:
  /* For the functions of rnn.h that have no word here. */
  Handle *handle() const noexcept { return handle_.get(); }

protected:
  explicit Owner(Handle *handle) noexcept : handle_(handle) {}

private:
  struct Free {
    void operator()(Handle *handle) const noexcept { free(handle); }
  };
  std::unique_ptr<Handle, Free> handle_;
};

class Model : public Owner<rnn_model, rnn_model_free> {
public:
  explicit Model(const std::vector<rnn_layer> &layers, rnn_dtype dtype = RNN_FLOAT32, std::uint64_t seed = 0)
      : Owner(create(layers, dtype, seed)) {}
  /* Takes over a handle. */
  explicit Model(rnn_model *handle) noexcept : Owner(handle) {}

  static Model load(const std::string &path) { return Model(made<rnn_model>(rnn_model_load, path.c_str())); }
  void save(const std::string &path) const { check(rnn_model_save(handle(), path.c_str())); }

  rnn_model_info info() const { return filled<rnn_model_info>(rnn_model_describe, handle()); }
  rnn_layer layer(std::size_t index) const { return filled<rnn_layer>(rnn_model_layer, handle(), index); }
  rnn_tensor_info tensor(std::size_t index) const {
    return filled<rnn_tensor_info>(rnn_model_tensor, handle(), index);
  }
  rnn_tensor_info tensor(const std::string &name) const {
    return filled<rnn_tensor_info>(rnn_model_find, handle(), name.c_str());
  }

  /* How many numbers a tensor has. Sizes in bytes would let twice as many floats pass for doubles. */
  template <class Number> std::size_t count(const std::string &name) const {
    expect_type<Number>(name);
    return tensor(name).bytes / sizeof(Number);
  }
  template <class Number> std::vector<Number> get(const std::string &name) const {
    std::vector<Number> values(count<Number>(name));
    check(rnn_model_get(handle(), name.c_str(), values.data(), out(values).bytes));
    return values;
  }
  template <class Buffer> void set(const std::string &name, const Buffer &values) {
    expect_type<Element<const Buffer>>(name);
    check(rnn_model_set(handle(), name.c_str(), std::data(values), in(values).bytes));
  }

  /* Whatever a batch can say. */
  void forward(const rnn_batch &call) const { check(rnn_model_forward(handle(), &call)); }

  /* From the zero state: x [T, B, I], or tokens [T, B], to [T, B, O], or [B, O] with a last-step head. */
  template <class Number = float, class Buffer>
  std::vector<Number> forward(const Buffer &x, std::int64_t time_steps, std::int64_t batch_size) const {
    expect_type<Number>("output");
    const auto about = info();
    const auto rows = about.last_step ? batch_size : time_steps * batch_size;
    std::vector<Number> y(static_cast<std::size_t>(rows > 0 ? rows * about.output_size : 0));
    auto call = batch(time_steps, batch_size);
    call.input = in(x);
    call.output = out(y);
    if (about.token_input) call.token_type = dtype_of<Element<const Buffer>>;
    forward(call);
    return y;
  }

private:
  static rnn_model *create(const std::vector<rnn_layer> &layers, rnn_dtype dtype, std::uint64_t seed) {
    auto options = cleared<rnn_model_options>();
    options.dtype = dtype;
    options.seed = seed;
    return made<rnn_model>(rnn_model_create, layers.data(), layers.size(), &options);
  }
  template <class Number> void expect_type(const std::string &what) const {
    const bool wide = info().dtype == RNN_FLOAT64;
    if (dtype_of<Number> != (wide ? RNN_FLOAT64 : RNN_FLOAT32))
      throw Error(RNN_ERR_DTYPE, what + ": expected numbers of type " + (wide ? "double" : "float"));
  }
};

class Trainer : public Owner<rnn_trainer, rnn_trainer_free> {
public:
  explicit Trainer(Model &model, const rnn_trainer_options &options = cleared<rnn_trainer_options>())
      : Owner(made<rnn_trainer>(rnn_trainer_create, model.handle(), &options)) {}

  static Trainer resume(const std::string &path) {
    return Trainer(made<rnn_trainer>(rnn_trainer_resume, path.c_str()));
  }
  void save(const std::string &path) const { check(rnn_trainer_save(handle(), path.c_str())); }

  rnn_step_report step(const rnn_batch &batch) {
    return filled<rnn_step_report>(rnn_trainer_step, handle(), &batch);
  }
  rnn_step_report evaluate(const rnn_batch &batch) {
    return filled<rnn_step_report>(rnn_trainer_evaluate, handle(), &batch);
  }
  /* With RNN_ERR_NONFINITE, too, the report is filled in. It is one of cleared<rnn_step_report>(). */
  rnn_status try_step(const rnn_batch &batch, rnn_step_report &report) noexcept {
    return rnn_trainer_step(handle(), &batch, &report);
  }

  rnn_trainer_options options() const { return filled<rnn_trainer_options>(rnn_trainer_describe, handle()); }
  void set_learning_rate(double rate) { check(rnn_trainer_set_learning_rate(handle(), rate)); }
  /* A handle of its own to the model that is trained. */
  Model model() const { return Model(made<rnn_model>(rnn_trainer_model, handle())); }

  template <class Number> std::vector<Number> gradient(const std::string &name) const {
    std::vector<Number> values(model().count<Number>(name));
    check(rnn_trainer_gradient(handle(), name.c_str(), values.data(), out(values).bytes));
    return values;
  }

private:
  explicit Trainer(rnn_trainer *handle) noexcept : Owner(handle) {}
};

/* Lanes, blocks and handing over of weights: section 6 of rnn.h. */
class Stream : public Owner<rnn_stream, rnn_stream_free> {
public:
  explicit Stream(const Model &model, std::int64_t lanes = 1, std::int64_t idle_lanes = 0,
                  rnn_dtype token_type = RNN_INT32)
      : Owner(create(model, lanes, idle_lanes, token_type)) {}

  rnn_stream_info info() const { return filled<rnn_stream_info>(rnn_stream_describe, handle()); }
  void prepare() { check(rnn_stream_prepare(handle())); }
  /* From any thread, beside the one that streams. */
  void swap_model(const Model &model) { check(rnn_stream_swap_model(handle(), model.handle())); }

  // For real-time threads: stream.try_process(64, rnn::in(dry, 64), rnn::out(wet, 64)).

  rnn_status try_step(rnn_in x, rnn_out y) noexcept RNN_NONBLOCKING {
    return rnn_stream_step(handle(), x.data, x.bytes, y.data, y.bytes);
  }
  rnn_status try_process(std::int64_t steps, rnn_in x, rnn_out y) noexcept RNN_NONBLOCKING {
    return rnn_stream_process(handle(), steps, x.data, x.bytes, y.data, y.bytes);
  }
  rnn_status try_reset() noexcept RNN_NONBLOCKING { return rnn_stream_reset(handle()); }
  rnn_status try_export_state(std::int64_t lane, rnn_out state) const noexcept RNN_NONBLOCKING {
    return rnn_stream_export(handle(), lane, state.data, state.bytes);
  }
  /* A lane begins, or goes on, from an exported state; from zeros without one. */
  rnn_status try_join(std::int64_t lane, rnn_in state = {nullptr, 0}) noexcept RNN_NONBLOCKING {
    return rnn_stream_import(handle(), lane, state.data, state.bytes);
  }
  rnn_status try_leave(std::int64_t lane) noexcept RNN_NONBLOCKING {
    return rnn_stream_leave(handle(), lane);
  }
  rnn_status try_copy(std::int64_t lane, Stream &to, std::int64_t to_lane) const noexcept RNN_NONBLOCKING {
    return rnn_stream_copy(handle(), lane, to.handle(), to_lane);
  }

  // The same for everybody else.

  template <class In, class Out> void step(const In &x, Out &y) { check(try_step(in(x), out(y))); }
  template <class In, class Out> void process(std::int64_t steps, const In &x, Out &y) {
    check(try_process(steps, in(x), out(y)));
  }
  void reset() { check(try_reset()); }
  std::vector<std::byte> export_state(std::int64_t lane = 0) const {
    std::vector<std::byte> state(info().state_bytes);
    check(try_export_state(lane, out(state)));
    return state;
  }
  void join(std::int64_t lane) { check(try_join(lane)); }
  void join(std::int64_t lane, const std::vector<std::byte> &state) { check(try_join(lane, in(state))); }
  void leave(std::int64_t lane) { check(try_leave(lane)); }
  void copy(std::int64_t lane, Stream &to, std::int64_t to_lane) const { check(try_copy(lane, to, to_lane)); }

private:
  static rnn_stream *create(const Model &model, std::int64_t lanes, std::int64_t idle_lanes,
                            rnn_dtype token_type) {
    auto options = cleared<rnn_stream_options>();
    options.batch_size = lanes;
    options.idle_lanes = idle_lanes;
    options.token_type = token_type;
    return made<rnn_stream>(rnn_stream_create, model.handle(), &options);
  }
};

} // namespace rnn

#endif
