/*
 * misuse_options.c is the part of misuse that is about what a layer may be asked for beyond its sizes: every value that
 * means nothing, every option that is another layer's, and bytes that are nobody's.
 */
#include "misuse_macros.h"

#define CREATE_MODEL(...) BAD(model_create, __VA_ARGS__)
#define IN_LAYER(...)                                                                                        \
  BAD(layer_plan, __VA_ARGS__), BAD(layer_tensor, __VA_ARGS__), BAD(layer_initialize, __VA_ARGS__),          \
      BAD(layer_forward, __VA_ARGS__), BAD(layer_backward, __VA_ARGS__)

/* In [0, 1). */
#define WRONG_RATE(IN, named, field)                                                                         \
  WRONG_NUMBER(IN, named, field), IN(RNN_ERR_ARGUMENT, named, IS(field, ONE64)),                             \
      IN(RNN_ERR_ARGUMENT, named, IS(field, ABOVE_ONE64))

#define WRONG_FUNCTION(IN, layer, place)                                                                     \
  IN(RNN_ERR_ARGUMENT, "activations", IS(layer.has_activations, 1), IS(layer.activations[place], 6)),        \
      IN(RNN_ERR_ARGUMENT, "activations", IS(layer.has_activations, 1), IS(layer.activations[place], -1)),   \
      IN(RNN_ERR_ARGUMENT, "alpha", IS(layer.has_activations, 1), IS(layer.alpha[place], NAN64)),            \
      IN(RNN_ERR_ARGUMENT, "alpha", IS(layer.has_activations, 1), IS(layer.alpha[place], INF64)),            \
      IN(RNN_ERR_ARGUMENT, "alpha", IS(layer.has_activations, 1), IS(layer.alpha[place], MINUS_HALF64)),     \
      IN(RNN_ERR_ARGUMENT, "beta", IS(layer.has_activations, 1), IS(layer.beta[place], NAN64)),              \
      IN(RNN_ERR_ARGUMENT, "beta", IS(layer.has_activations, 1), IS(layer.beta[place], INF64))

/* Of an LSTM with more than one level. */
#define WRONG_OPTIONS(IN, layer)                                                                             \
  IN(RNN_ERR_ARGUMENT, "cell", IS(layer.kind, RNN_CELL)),                                                    \
      IN(RNN_ERR_ARGUMENT, "cell", IS(layer.kind, RNN_CELL), IS_OF(layer.cell, empty_text)),                 \
      IN(RNN_ERR_ARGUMENT, "cell", IS(layer.kind, RNN_CELL), IS_OF(layer.cell, unknown_name)),               \
      IN(RNN_ERR_ARGUMENT, "cell", IS(layer.kind, RNN_CELL), IS_OF(layer.cell, long_name)),                  \
      IN(RNN_ERR_ARGUMENT, "cell", IS(layer.kind, RNN_CELL), IS_OF(layer.cell, not_utf8)),                   \
      WRONG_ENUM(IN, "direction", layer.direction, 3), WRONG_FLAG(IN, "peepholes", layer.peepholes),         \
      IN(RNN_ERR_MODEL, "proj_size", IS(layer.proj_size, INT64_MIN)),                                        \
      IN(RNN_ERR_MODEL, "proj_size", IS(layer.proj_size, INT64_MAX)),                                        \
      IN(RNN_ERR_MODEL, "proj_size", IS(layer.proj_size, AT_2_31)),                                          \
      IN(RNN_ERR_MODEL, "proj_size", IS(layer.proj_size, BELOW_2_31)),                                       \
      IN(RNN_ERR_MODEL, "proj_size", IS_OF(layer.proj_size, layer.output_size)),                             \
      WRONG_FLAG(IN, "layer_norm", layer.layer_norm), WRONG_RATE(IN, "zoneout", layer.zoneout),              \
      WRONG_RATE(IN, "zoneout_cell", layer.zoneout_cell),                                                    \
      WRONG_RATE(IN, "input_dropout", layer.input_dropout),                                                  \
      WRONG_RATE(IN, "recurrent_dropout", layer.recurrent_dropout),                                          \
      WRONG_RATE(IN, "weight_drop", layer.weight_drop), WRONG_FLAG(IN, "residual", layer.residual),          \
      WRONG_FLAG(IN, "learn_state", layer.learn_state),                                                      \
      WRONG_FLAG(IN, "has_activations", layer.has_activations), WRONG_FUNCTION(IN, layer, 0),                \
      WRONG_FUNCTION(IN, layer, 1), WRONG_FUNCTION(IN, layer, 2), WRONG_FLAG(IN, "tied", layer.tied),        \
      WRONG_FLAG(IN, "skip", layer.skip), IN(RNN_ERR_MODEL, "tied", IS(layer.tied, 1)),                      \
      IN(RNN_ERR_MODEL, "skip", IS(layer.skip, 1)),                                                          \
      IN(RNN_ERR_MODEL, "peepholes", IS(layer.kind, RNN_GRU), IS(layer.peepholes, 1)),                       \
      IN(RNN_ERR_MODEL, "proj_size", IS(layer.kind, RNN_GRU), IS(layer.proj_size, 1)),                       \
      IN(RNN_ERR_MODEL, "zoneout_cell", IS(layer.kind, RNN_ELMAN), IS(layer.zoneout_cell, HALF64)),          \
      IN(RNN_ERR_MODEL, "residual", IS(layer.num_layers, 1), IS(layer.residual, 1)),                         \
      IN(RNN_ERR_MODEL, "options", IS(layer.kind, RNN_LINEAR), IS(layer.num_layers, 1),                      \
         IS(layer.learn_state, 1))

static const misuse misuses[] = {
    WRONG_OPTIONS(CREATE_MODEL, layers[1]),
    WRONG_OPTIONS(IN_LAYER, layer),
    CREATE_MODEL(RNN_ERR_MODEL, "layer 2", IS(layers[1].direction, RNN_CONCATENATED)),
    CREATE_MODEL(RNN_ERR_MODEL, "layer 2", IS(layers[1].proj_size, 2)),
    CREATE_MODEL(RNN_ERR_MODEL, "tied", IS(layers[2].tied, 1)),
    CREATE_MODEL(RNN_ERR_MODEL, "skip", IS(layers[2].skip, 1)),
    CREATE_MODEL(RNN_ERR_MODEL, "options", IS(layers[0].residual, 1)),
    CREATE_MODEL(RNN_ERR_MODEL, "activations", IS(layers[0].has_activations, 1)),
    GOOD(model_create, IS(layers[1].residual, 1), IS(layers[1].learn_state, 1), IS(layers[1].cell, 1)),
    GOOD(model_create, IS(layers[1].direction, RNN_SUMMED), IS(layers[1].peepholes, 1),
         IS(layers[1].layer_norm, 1), IS(layers[1].zoneout, HALF64)),
    GOOD(model_create, IS(layers[1].activations[0], -1), IS(layers[1].alpha[1], NAN64)), /* not in force */
    BAD(layer_plan, RNN_ERR_MODEL, "tied", IS(layer.kind, RNN_LINEAR), IS(layer.num_layers, 1),
        IS(layer.tied, 1)),
    BAD(layer_plan, RNN_ERR_MODEL, "skip", IS(layer.kind, RNN_LINEAR), IS(layer.num_layers, 1),
        IS(layer.skip, 1)),
};

const misuse_list option_misuses = {misuses, sizeof misuses / sizeof *misuses};

/* ---- Bytes that are nobody's ---- */

/* Whatever they are, a description is refused or it is a layer. */
static void describe_wildly(const void *argument) {
  static const char *const cells[] = {"elman",   "gru",      "lstm", "gru_reset_before", "lstm_coupled",
                                      "min_gru", "min_lstm", "",     "\xFF\xFE"};
  const size_t first = offsetof(rnn_layer, dropout), rest = sizeof(rnn_layer) - first;
  uint64_t bits = 1;
  (void)argument;
  for (int round = 0; round < 20000; round++) {
    rnn_layer layer = valid.layer;
    rnn_layer_sizes sizes;
    rnn_model *model = NULL;
    RNN_INIT(sizes);
    for (int change = 0; change < 1 + round % 4; change++) {
      bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
      const size_t count = (bits >> 60) + 1 < 8 ? 8 : 4,
                   place = first + (bits >> 33) % (rest - count) / 4 * 4;
      const uint64_t small = (bits >> 20) % 8, mixed = bits ^ bits >> 29;
      memcpy((char *)&layer + place, round % 3 ? &small : &mixed, count);
    }
    layer.kind = (rnn_layer_kind)((bits >> 40) % 8);
    layer.cell = cells[(bits >> 44) % 9];
    const rnn_status planned = rnn_layer_plan(&layer, RNN_FLOAT32, 2, 2, &sizes);
    const rnn_status created = rnn_model_create(&layer, 1, NULL, &model);
    CHECK(planned == RNN_OK || *rnn_last_error() != 0);
    CHECK((created == RNN_OK) == (model != NULL));
    CHECK_STATUS(rnn_model_free(model), RNN_OK);
  }
}

void check_wild_layers(void) {
  check_in_child("rnn_model_create", "bytes that are nobody's", describe_wildly, NULL);
  check_in_child("rnn_layer_plan", "bytes that are nobody's", describe_wildly, NULL);
}
