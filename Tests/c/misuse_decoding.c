/*
 * misuse_decoding.c: one line for each misuse of the options of losses, of the targets of CTC, and of the functions that
 * make tokens and labels of logits, section 11 of rnn.h.
 */
#include "misuse_macros.h"

#define CREATE_TRAINER(...) BAD(trainer_create, __VA_ARGS__)
#define CLASS_WEIGHTS(...) BAD(trainer_class_weights, __VA_ARGS__)
#define IN_CTC(...) BAD(ctc_trainer_step, __VA_ARGS__), BAD(ctc_trainer_evaluate, __VA_ARGS__)
#define SAMPLE(...) BAD(sample, __VA_ARGS__)
#define DECODE(...) BAD(ctc_decode, __VA_ARGS__)

#define WEIGHTED                                                                                             \
  IS_OF(trainer_options.class_weights.data, class_weights_at),                                               \
      IS(trainer_options.class_weights.bytes, TOKENS * sizeof(double))
#define GREEDY IS(sampling.temperature, UINT64_C(0xBFF0000000000000))
#define PLUS_INF32 0x7F800000
#define MINUS_INF32 0xFF800000

static const misuse misuses[] = {
    /* Options */
    WRONG_NUMBER(CREATE_TRAINER, "label_smoothing", trainer_options.label_smoothing),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "label_smoothing", IS(trainer_options.label_smoothing, ONE64)),
    WRONG_NUMBER(CREATE_TRAINER, "huber_delta", trainer_options.huber_delta),
    WRONG_FLAG(CREATE_TRAINER, "zero_infinity", trainer_options.zero_infinity),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "blank", IS(trainer_options.blank, -1)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "blank", IS(trainer_options.blank, TOKENS)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "blank", IS(trainer_options.blank, INT64_MIN)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "blank", IS(trainer_options.blank, INT64_MAX)),
    GOOD(trainer_create, WEIGHTED),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "class_weights", WEIGHTED, IS(class_weights[TOKENS - 1], NAN64)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "class_weights", WEIGHTED, IS(class_weights[0], MINUS_HALF64)),
    CREATE_TRAINER(RNN_ERR_SHAPE, "class_weights", WEIGHTED, PLUS(trainer_options.class_weights.bytes, 8)),
    CREATE_TRAINER(RNN_ERR_SHAPE, "class_weights", WEIGHTED, IS(trainer_options.class_weights.bytes, 0)),
    CREATE_TRAINER(RNN_ERR_SHAPE, "class_weights", WEIGHTED,
                   PLUS(trainer_options.class_weights.bytes, UINT64_C(1) << 62)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "class_weights", WEIGHTED, PLUS(trainer_options.class_weights.data, 4)),
    GOOD(trainer_create, IS(trainer_options.loss, RNN_CTC), IS(trainer_options.blank, TOKENS - 1)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "loss", IS(trainer_options.loss, RNN_CTC), IS(trainer_options.bptt, 2)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "loss", IS(trainer_options.loss, RNN_CTC),
                   IS(trainer_options.recompute, 1)),
    CREATE_TRAINER(RNN_ERR_ARGUMENT, "last-step", IS(trainer_options.loss, RNN_CTC),
                   IS_OF(model, sensor_model)),
    CLASS_WEIGHTS(RNN_ERR_ARGUMENT, "weights", IS(class_weights_out, 0)),
    WRONG_BYTES(CLASS_WEIGHTS, "weights", class_weight_bytes),
    GOOD(trainer_class_weights, IS_OF(ctc_trainer, trainer), IS(class_weight_bytes, 0),
         IS(class_weights_out, 0)),

    /* Targets of CTC */
    IN_CTC(RNN_ERR_ARGUMENT, "target", IS(ctc_batch.target.data, 0)),
    IN_CTC(RNN_ERR_ARGUMENT, "target", PLUS(ctc_batch.target.data, 2)),
    IN_CTC(RNN_ERR_SHAPE, "target", PLUS(ctc_batch.target.bytes, 1)),
    IN_CTC(RNN_ERR_SHAPE, "target", PLUS(ctc_batch.target.bytes, -4)),
    IN_CTC(RNN_ERR_SHAPE, "target", IS(ctc_batch.target.bytes, 4)),
    IN_CTC(RNN_ERR_SHAPE, "target", IS(ctc_batch.target.bytes, SIZE_MAX)),
    IN_CTC(RNN_ERR_ARGUMENT, "target_lengths[0]", IS(ctc_batch.target.bytes, 0)),
    GOOD(ctc_trainer_step, IS(ctc_batch.target.bytes, 0), IS(ctc_batch.target.data, 0),
         IS(ctc_batch.target_lengths.data, 0)),
    GOOD(ctc_trainer_step, IS(ctc_batch.target_lengths.data, 0), IS(lengths[1], 4)),
    IN_CTC(RNN_ERR_ARGUMENT, "[0, 0]", IS(spelling[0], 0)),
    IN_CTC(RNN_ERR_ARGUMENT, "[2, 1]", IS(spelling[5], TOKENS)),
    IN_CTC(RNN_ERR_ARGUMENT, "target", IS(spelling[0], INT32_MIN)),
    IN_CTC(RNN_ERR_ARGUMENT, "target", IS(spelling[0], -100)),
    GOOD(ctc_trainer_step, IS(spelling[1], INT32_MAX), IS(spelling[2], 0)), /* beyond target_lengths */
    IN_CTC(RNN_ERR_ARGUMENT, "target_lengths[2]", IS(spelling_lengths[2], 3)),
    IN_CTC(RNN_ERR_ARGUMENT, "target_lengths[1]", IS(spelling_lengths[1], -1)),
    IN_CTC(RNN_ERR_ARGUMENT, "target_lengths[1]", IS(spelling_lengths[1], INT64_MIN)),
    IN_CTC(RNN_ERR_ARGUMENT, "target_lengths[1]", IS(spelling_lengths[1], INT64_MAX)),
    IN_CTC(RNN_ERR_ARGUMENT, "target_lengths", PLUS(ctc_batch.target_lengths.data, 4)),
    WRONG_BYTES(IN_CTC, "target_lengths", ctc_batch.target_lengths.bytes),
    IN_CTC(RNN_ERR_ARGUMENT, "weights", IS_OF(ctc_batch.weights.data, class_weights_at)),
    BAD(trainer_step, RNN_ERR_ARGUMENT, "target_lengths", IS_OF(batch.target_lengths.data, class_weights_at)),

    /* Tokens */
    SAMPLE(RNN_ERR_ARGUMENT, "sampling", PLUS(sampling_at, 4)),
    SAMPLE(RNN_ERR_DTYPE, "dtype", IS(sampling.dtype, RNN_INT32)),
    WRONG_ENUM(SAMPLE, "dtype", sampling.dtype, 4),
    SAMPLE(RNN_ERR_DTYPE, "token_type", IS(sampling.token_type, RNN_FLOAT64)),
    WRONG_ENUM(SAMPLE, "token_type", sampling.token_type, 4),
    SAMPLE(RNN_ERR_SHAPE, "tokens", IS(sampling.token_type, RNN_INT64)),
    SAMPLE(RNN_ERR_ARGUMENT, "batch_size", IS(sampling.batch_size, -1)),
    SAMPLE(RNN_ERR_ARGUMENT, "batch_size", IS(sampling.batch_size, INT64_MIN)),
    SAMPLE(RNN_ERR_ARGUMENT, "batch_size", IS(sampling.batch_size, INT64_MAX)),
    SAMPLE(RNN_ERR_SHAPE, "logits", IS(sampling.batch_size, BELOW_2_31)),
    SAMPLE(RNN_ERR_SHAPE, "tokens", IS(sampling.batch_size, 0)),
    WRONG_NUMBER(SAMPLE, "temperature", sampling.temperature),
    SAMPLE(RNN_ERR_ARGUMENT, "top_k", IS(sampling.top_k, -1)),
    SAMPLE(RNN_ERR_ARGUMENT, "top_k", IS(sampling.top_k, INT64_MIN)),
    SAMPLE(RNN_ERR_ARGUMENT, "top_k", IS(sampling.top_k, INT64_MAX)),
    WRONG_NUMBER(SAMPLE, "top_p", sampling.top_p),
    SAMPLE(RNN_ERR_ARGUMENT, "top_p", IS(sampling.top_p, ABOVE_ONE64)),
    GOOD(sample, IS(sampling.top_p, ONE64), IS(sampling.top_k, BELOW_2_31)),
    GOOD(sample, IS(sampling.top_p, 1)), /* too small to be normal: 0 */
    SAMPLE(RNN_ERR_ARGUMENT, "logits", IS(logits_at, 0)),
    SAMPLE(RNN_ERR_ARGUMENT, "logits", PLUS(logits_at, 2)),
    WRONG_BYTES(SAMPLE, "logits", logit_bytes),
    SAMPLE(RNN_ERR_NAN, "row 2", IS(logits[13], NAN32)),
    SAMPLE(RNN_ERR_ARGUMENT, "row 0", IS(logits[0], PLUS_INF32)),
    SAMPLE(RNN_ERR_NAN, "row 0", IS(logits[0], PLUS_INF32), IS(logits[5], NAN32)),
    GOOD(sample, IS(logits[0], MINUS_INF32)),
    SAMPLE(RNN_ERR_ARGUMENT, "random", IS(random_at, 0)),
    GOOD(sample, IS(random_at, 0), GREEDY),
    SAMPLE(RNN_ERR_ARGUMENT, "tokens", IS(sampled_at, 0)),
    SAMPLE(RNN_ERR_ARGUMENT, "tokens", PLUS(sampled_at, 1)),
    WRONG_BYTES(SAMPLE, "tokens", sampled_bytes),
    GOOD(sample, IS(sampling_at, 0), IS(sampled_bytes, 4)),

    /* Labels */
    DECODE(RNN_ERR_ARGUMENT, "decoding", IS(decoding_at, 0)),
    DECODE(RNN_ERR_ARGUMENT, "decoding", PLUS(decoding_at, 4)),
    DECODE(RNN_ERR_DTYPE, "dtype", IS(decoding.dtype, RNN_INT64)),
    WRONG_ENUM(DECODE, "dtype", decoding.dtype, 4),
    WRONG_SIDE(DECODE, "time_steps", decoding.time_steps),
    WRONG_SIDE(DECODE, "batch_size", decoding.batch_size),
    DECODE(RNN_ERR_ARGUMENT, "classes", IS(decoding.classes, 0)),
    DECODE(RNN_ERR_ARGUMENT, "classes", IS(decoding.classes, -1)),
    DECODE(RNN_ERR_ARGUMENT, "classes", IS(decoding.classes, INT64_MAX)),
    DECODE(RNN_ERR_SHAPE, "logits", IS(decoding.classes, BELOW_2_31)),
    DECODE(RNN_ERR_ARGUMENT, "blank", IS(decoding.blank, -1)),
    DECODE(RNN_ERR_ARGUMENT, "blank", IS(decoding.blank, TOKENS)),
    DECODE(RNN_ERR_ARGUMENT, "blank", IS(decoding.blank, INT64_MIN)),
    DECODE(RNN_ERR_ARGUMENT, "beam_width", IS(decoding.beam_width, -1)),
    DECODE(RNN_ERR_ARGUMENT, "beam_width", IS(decoding.beam_width, (1 << 20) + 1)),
    DECODE(RNN_ERR_ARGUMENT, "beam_width", IS(decoding.beam_width, INT64_MAX)),
    GOOD(ctc_decode, IS(decoding.beam_width, 0), IS(decoding.blank, TOKENS - 1)),
    GOOD(ctc_decode, IS(decoding.log_probabilities.data, 0), IS(decoding.lengths.data, 0)),
    DECODE(RNN_ERR_ARGUMENT, "logits", IS(decoding.logits.data, 0)),
    DECODE(RNN_ERR_ARGUMENT, "logits", PLUS(decoding.logits.data, 1)),
    WRONG_BYTES(DECODE, "logits", decoding.logits.bytes),
    WRONG_BYTES(DECODE, "lengths", decoding.lengths.bytes),
    DECODE(RNN_ERR_ARGUMENT, "lengths[2]", IS(lengths[2], T + 1)),
    DECODE(RNN_ERR_ARGUMENT, "lengths[2]", IS(lengths[2], -1)),
    DECODE(RNN_ERR_NAN, "row 5", IS(ctc_logits[5 * TOKENS], NAN32)),
    GOOD(ctc_decode, IS(ctc_logits[0], NAN32)), /* padding */
    DECODE(RNN_ERR_ARGUMENT, "labels", IS(decoding.labels.data, 0)),
    DECODE(RNN_ERR_ARGUMENT, "labels", PLUS(decoding.labels.data, 4)),
    WRONG_BYTES(DECODE, "labels", decoding.labels.bytes),
    DECODE(RNN_ERR_ARGUMENT, "label_lengths", IS(decoding.label_lengths.data, 0)),
    WRONG_BYTES(DECODE, "label_lengths", decoding.label_lengths.bytes),
    WRONG_BYTES(DECODE, "log_probabilities", decoding.log_probabilities.bytes),
};

const misuse_list decoding_misuses = {misuses, sizeof misuses / sizeof *misuses};
