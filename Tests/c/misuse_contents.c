/*
 * misuse_contents.c is the part of misuse that is about files which are empty, truncated, damaged bit by bit, or
 * made to deceive a reader. Reading one gives RNN_ERR_FORMAT, and takes no memory for what it only claims.
 */
#include "misuse.h"

#include <unistd.h>

static const char *hostile_path;

static void refuse_model(const void *argument) {
  (void)argument;
  check_refusal(rnn_model_load(hostile_path, &valid.out.model), RNN_ERR_FORMAT, hostile_path);
}

static void refuse_run(const void *argument) {
  (void)argument;
  check_refusal(rnn_trainer_resume(hostile_path, &valid.out.trainer), RNN_ERR_FORMAT, hostile_path);
}

static void check_format_of(const void *data, size_t bytes, const char *text) {
  write_file(hostile_path, data, bytes);
  check_in_child("rnn_model_load", text, refuse_model, NULL);
  check_in_child("rnn_trainer_resume", text, refuse_run, NULL);
  CHECK(unlink(hostile_path) == 0);
}

/* The CRC-32 of zlib. */
static uint32_t checksum(const unsigned char *data, size_t bytes) {
  uint32_t value = 0xFFFFFFFF;
  for (size_t i = 0; i < bytes; i++) {
    value ^= data[i];
    for (int bit = 0; bit < 8; bit++)
      value = value & 1 ? value >> 1 ^ 0xEDB88320 : value >> 1;
  }
  return ~value;
}

/* The length of the header, the header, and zeros for data. In `text` ' stands for ", ` for \", and ######## for
 * the checksum of all this with zeros in its own place. */
static size_t put_header(unsigned char *file, const char *text, size_t data) {
  size_t bytes = 8, place = 0;
  for (; *text; text++) {
    if (*text == '`') file[bytes++] = '\\';
    if (*text == '#' && place == 0) place = bytes;
    file[bytes++] = *text == '`' || *text == '\'' ? '"' : *text == '#' ? '0' : (unsigned char)*text;
  }
  for (int i = 0; i < 8; i++)
    file[i] = (unsigned char)((bytes - 8) >> (8 * i));
  memset(file + bytes, 0, data);
  if (place > 0) {
    char digits[9];
    snprintf(digits, sizeof digits, "%08x", (unsigned)checksum(file, bytes + data));
    memcpy(file + place, digits, 8);
  }
  return bytes + data;
}

/* A model of one weight and one bias, and a trainer of it by SGD. */
#define LAYER "{`kind`:`Linear`,`input_size`:1,`output_size`:1}"
#define MODEL(layers) "'librnn':'{`format`:1,`dtype`:`float32`,`layers`:[" layers "]}'"
#define RUN                                                                                                  \
  "'trainer':'{`format`:1,`loss`:1,`reduction`:0,`ignore_index`:-100,`optimizer`:2,`nesterov`:false,"        \
  "`learning_rate`:0.1,`momentum`:0.0,`beta1`:0.9,`beta2`:0.999,`alpha`:0.99,`eps`:1e-08,"                   \
  "`weight_decay`:0.0,`clip_value`:0.0,`clip_norm`:0.001,`clip_scope`:0,`nonfinite`:0,`bptt`:0,`seed`:0,"    \
  "`updates`:2,`steps`:2,`clipped_steps`:1,`skipped_steps`:0}'"
#define WEIGHT "'0.weight':{'dtype':'F32','shape':[1,1],'data_offsets':[0,4]}"
#define BIAS "'0.bias':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}"
#define FILE_OF(metadata, tensors) "{'__metadata__':{" metadata ",'crc32':'########'}," tensors "}"
#define GIANT "{`kind`:`LSTM`,`input_size`:1,`output_size`:10000}"

static const struct {
  const char *text, *header;
  size_t data;
} hostile[] = {
    {"no JSON", "hello", 0},
    {"an empty header", "", 0},
    {"a number for a header", "3", 0},
    {"an array for a header", "[]", 0},
    {"an object that does not end", "{'a':{", 0},
    {"a string that does not end", "{'a", 0},
    {"a comma too many", "{'__metadata__':{},}", 0},
    {"half a character", "{'\\ud800':1}", 0},
    {"an unknown escape", "{'\\x':1}", 0},
    {"no metadata", "{" WEIGHT "," BIAS "}", 8},
    {"metadata of another program", FILE_OF("'format':'pt'", WEIGHT "," BIAS), 8},
    {"metadata that is no object", "{'__metadata__':7," WEIGHT "," BIAS "}", 8},
    {"a description that is no JSON", FILE_OF("'librnn':'{{{'", WEIGHT "," BIAS), 8},
    {"a description that is no text", FILE_OF("'librnn':{}", WEIGHT "," BIAS), 8},
    {"an unknown format",
     FILE_OF("'librnn':'{`format`:3,`dtype`:`float32`,`layers`:[" LAYER "]}'", WEIGHT "," BIAS), 8},
    {"format -1", FILE_OF("'librnn':'{`format`:-1,`layers`:[" LAYER "]}'", WEIGHT "," BIAS), 8},
    {"an unknown dtype",
     FILE_OF("'librnn':'{`format`:1,`dtype`:`int8`,`layers`:[" LAYER "]}'", WEIGHT "," BIAS), 8},
    {"no layers", FILE_OF(MODEL(""), WEIGHT "," BIAS), 8},
    {"layers that are numbers", FILE_OF(MODEL("1,2"), WEIGHT "," BIAS), 8},
    {"a kind of layer that is none",
     FILE_OF(MODEL("{`kind`:`X`,`input_size`:1,`output_size`:1}"), WEIGHT "," BIAS), 8},
    {"a cell without a name",
     FILE_OF(MODEL("{`kind`:`Cell`,`input_size`:1,`output_size`:1}"), WEIGHT "," BIAS), 8},
    {"a cell that is none",
     FILE_OF(MODEL("{`kind`:`Cell`,`cell`:`x`,`input_size`:1,`output_size`:1}"), WEIGHT "," BIAS), 8},
    {"a cell whose name is a number",
     FILE_OF(MODEL("{`kind`:`Cell`,`cell`:1,`input_size`:1,`output_size`:1}"), WEIGHT "," BIAS), 8},
    {"functions that are no list",
     FILE_OF(MODEL("{`kind`:`Linear`,`input_size`:1,`output_size`:1,`activations`:7}"), WEIGHT "," BIAS), 8},
    {"a function that is none",
     FILE_OF(MODEL("{`kind`:`Linear`,`input_size`:1,`output_size`:1,`activations`:[[`x`,0,0],[`tanh`,0,0],"
                   "[`tanh`,0,0]]}"),
             WEIGHT "," BIAS),
     8},
    {"a projection of 2^63",
     FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:1,`proj_size`:9223372036854775808}"), WEIGHT),
     4},
    {"zoneout 1", FILE_OF(MODEL("{`kind`:`GRU`,`input_size`:1,`output_size`:1,`zoneout`:1}"), WEIGHT), 4},
    {"a direction that is none",
     FILE_OF(MODEL("{`kind`:`GRU`,`input_size`:1,`output_size`:1,`direction`:`up`}"), WEIGHT), 4},
    {"a head tied to nothing",
     FILE_OF(MODEL("{`kind`:`Linear`,`input_size`:1,`output_size`:1,`tied`:true}"), WEIGHT "," BIAS), 8},
    {"size 0", FILE_OF(MODEL("{`kind`:`Linear`,`input_size`:0,`output_size`:1}"), WEIGHT "," BIAS), 8},
    {"size -1", FILE_OF(MODEL("{`kind`:`GRU`,`input_size`:1,`output_size`:-1}"), WEIGHT "," BIAS), 8},
    {"a size of 2^63 - 1",
     FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:9223372036854775807}"), WEIGHT), 4},
    {"a size of 2^64",
     FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:18446744073709551616}"), WEIGHT), 4},
    {"a size of 1e9", FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:1e9}"), WEIGHT), 4},
    {"sizes whose product overflows",
     FILE_OF(MODEL("{`kind`:`Embedding`,`input_size`:2147483647,`output_size`:2147483647}"), WEIGHT), 4},
    {"num_layers 2^31",
     FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:1,`num_layers`:2147483648}"), WEIGHT), 4},
    {"dropout 2", FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:1,`dropout`:2}"), WEIGHT), 4},
    {"dropout 1e999",
     FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:1,`dropout`:1e999}"), WEIGHT), 4},
    {"layers that do not fit",
     FILE_OF(MODEL(LAYER ",{`kind`:`Linear`,`input_size`:2,`output_size`:1}"), WEIGHT), 4},
    {"gigabytes of weights that are not there", FILE_OF(MODEL(GIANT), WEIGHT), 4},
    {"no weight", FILE_OF(MODEL(LAYER), BIAS ",'x':{'dtype':'F32','shape':[],'data_offsets':[0,4]}"), 8},
    {"two weights",
     FILE_OF(MODEL(LAYER), WEIGHT ",'0.weight':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}"), 8},
    {"a weight of another shape",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}," BIAS), 8},
    {"a weight of another type",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'I32','shape':[1,1],'data_offsets':[0,4]}," BIAS), 8},
    {"a weight of an unknown type",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'Q9','shape':[1,1],'data_offsets':[0,4]}," BIAS), 8},
    {"a shape that overflows",
     FILE_OF(MODEL(LAYER),
             "'0.weight':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,4]}," BIAS),
     8},
    {"a shape below zero",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[-1,-1],'data_offsets':[0,4]}," BIAS), 8},
    {"a weight without a shape",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','data_offsets':[0,4]}," BIAS), 8},
    {"a weight that is a number", FILE_OF(MODEL(LAYER), "'0.weight':4," BIAS), 8},
    {"offsets beyond the file",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[1,1],'data_offsets':[8,12]}," BIAS), 8},
    {"offsets below zero",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[1,1],'data_offsets':[-4,0]}," BIAS), 8},
    {"offsets in reverse",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[1,1],'data_offsets':[4,0]}," BIAS), 8},
    {"one offset", FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[1,1],'data_offsets':[0]}," BIAS),
     8},
    {"tensors that overlap",
     FILE_OF(MODEL(LAYER), WEIGHT ",'0.bias':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}"), 8},
    {"data of no tensor", FILE_OF(MODEL(LAYER), WEIGHT "," BIAS), 12},
    {"too little data", FILE_OF(MODEL(LAYER), WEIGHT "," BIAS), 7},
    {"no checksum", "{'__metadata__':{" MODEL(LAYER) "}," WEIGHT "," BIAS "}", 8},
    {"another checksum", "{'__metadata__':{" MODEL(LAYER) ",'crc32':'00000000'}," WEIGHT "," BIAS "}", 8},
    {"a number for a checksum", "{'__metadata__':{" MODEL(LAYER) ",'crc32':5}," WEIGHT "," BIAS "}", 8},
    {"half a checksum", "{'__metadata__':{" MODEL(LAYER) ",'crc32':'0000'}," WEIGHT "," BIAS "}", 8},
};

#define AND(more) "`skipped_steps`:0," more

/* What stands in RUN, as programs wrote it before there were more options, and what a hostile file has in its place. */
static const struct {
  const char *from, *to;
} hostile_runs[] = {
    {"`steps`:2", "`steps`:-1"},
    {"`steps`:2", "`steps`:1"},
    {"`steps`:2", "`steps`:9223372036854775807"},
    {"`updates`:2", "`updates`:-1"},
    {"`updates`:2", "`updates`:18446744073709551616"},
    {"`clipped_steps`:1", "`clipped_steps`:-1"},
    {"`clipped_steps`:1", "`clipped_steps`:9223372036854775807"},
    {"`skipped_steps`:0", "`skipped_steps`:9223372036854775807"},
    {",`skipped_steps`:0", ""},
    {"`skipped_steps`:0", AND("`rolled_back_steps`:-1")},
    {"`skipped_steps`:0", AND("`rolled_back_steps`:3")},
    {"`skipped_steps`:0", AND("`rolled_back_steps`:`0`")},
    {"`skipped_steps`:0", AND("`clip_quantile`:1.5")},
    {"`skipped_steps`:0", AND("`clip_quantile`:-1")},
    {"`skipped_steps`:0", AND("`clip_quantile`:0.5,`norms`:[1,-1]")},
    {"`skipped_steps`:0", AND("`clip_quantile`:0.5,`norms`:[1e999]")},
    {"`skipped_steps`:0", AND("`clip_quantile`:0.5,`norms`:[`1`]")},
    {"`skipped_steps`:0", AND("`norms`:[[]]")},
    {"`skipped_steps`:0", AND("`clip_window`:9")},
    {"`skipped_steps`:0", AND("`clip_window`:1048577")},
    {"`skipped_steps`:0", AND("`clip_window`:-9223372036854775808")},
    {"`skipped_steps`:0", AND("`clip_adaptive`:-1")},
    {"`skipped_steps`:0", AND("`clip_tensor_norm`:-1")},
    {"`skipped_steps`:0", AND("`clip_step_norm`:-1")},
    {"`skipped_steps`:0", AND("`clip_step_value`:1e999")},
    {"`skipped_steps`:0", AND("`omega`:-1")},
    {"`skipped_steps`:0", AND("`orthogonality`:-1")},
    {"`skipped_steps`:0", AND("`activation_penalty`:1e999")},
    {"`skipped_steps`:0", AND("`temporal_activation_penalty`:-1")},
    {"`skipped_steps`:0", AND("`temporal_activation_penalty`:1,`recompute`:true")},
    {"`skipped_steps`:0", AND("`rollback_factor`:0")},
    {"`skipped_steps`:0", AND("`rollback_factor`:1.5")},
    {"`skipped_steps`:0", AND("`label_smoothing`:1")},
    {"`skipped_steps`:0", AND("`label_smoothing`:-0.1")},
    {"`skipped_steps`:0", AND("`huber_delta`:0")},
    {"`skipped_steps`:0", AND("`huber_delta`:1e999")},
    {"`skipped_steps`:0", AND("`blank`:1")},
    {"`skipped_steps`:0", AND("`blank`:-1")},
    {"`skipped_steps`:0", AND("`blank`:0.5")},
    {"`skipped_steps`:0", AND("`blank`:1e300")},
    {"`skipped_steps`:0", AND("`zero_infinity`:1")},
    {"`skipped_steps`:0", AND("`class_weights`:1")},
    {"`skipped_steps`:0", AND("`class_weights`:[1,2]")},
    {"`skipped_steps`:0", AND("`class_weights`:[-1]")},
    {"`skipped_steps`:0", AND("`class_weights`:[`1`]")},
    {"`skipped_steps`:0", AND("`class_weights`:[1e999]")},
    {"`nonfinite`:0", "`nonfinite`:3"},
    {"`nonfinite`:0", "`nonfinite`:2,`last_good_updates`:1"}, /* but no such weights */
    {"`nonfinite`:0", "`nonfinite`:2,`last_good_updates`:-1"},
    {"`nonfinite`:0", "`nonfinite`:2,`last_good_updates`:3"},
    {"`skipped_steps`:0", AND("`omega`:`1`")},
    {"`skipped_steps`:0", AND("`schedule`:5")},
    {"`skipped_steps`:0", AND("`schedule`:1,`schedule_period`:0")},
    {"`skipped_steps`:0", AND("`schedule`:2,`schedule_period`:-9223372036854775808")},
    {"`skipped_steps`:0", AND("`schedule_warm_up`:-1")},
    {"`skipped_steps`:0", AND("`schedule_factor`:2")},
    {"`skipped_steps`:0", AND("`schedule_floor`:1e999")},
    {"`skipped_steps`:0", AND("`schedule_divisor`:0.5")},
    {"`skipped_steps`:0", AND("`schedule_final_divisor`:`1`")},
    {"`skipped_steps`:0", AND("`accumulate`:0")},
    {"`skipped_steps`:0", AND("`accumulate`:-9223372036854775808")},
    {"`skipped_steps`:0", AND("`accumulated_steps`:1")},
    {"`skipped_steps`:0", AND("`accumulate`:2,`accumulated_steps`:2")},
    {"`skipped_steps`:0", AND("`accumulate`:2,`accumulated_steps`:-1")},
    {"`skipped_steps`:0", AND("`accumulate`:2,`accumulated_steps`:1")}, /* but no such gradients */
    {"`skipped_steps`:0", AND("`ema_decay`:1")},
    {"`skipped_steps`:0", AND("`ema_decay`:-0.5")},
    {"`skipped_steps`:0", AND("`ema_decay`:0.5")}, /* but no average */
    {"`skipped_steps`:0", AND("`groups`:1")},
    {"`skipped_steps`:0", AND("`groups`:[1,0,0]")}, /* of one tensor of two */
    {"`skipped_steps`:0", AND("`groups`:[1,0,0,1,0]")},
    {"`skipped_steps`:0", AND("`groups`:[1,0,0,-1,0,0]")},
    {"`skipped_steps`:0", AND("`groups`:[1,0,0,1,0,4]")},
    {"`skipped_steps`:0", AND("`groups`:[1,0,0,1,0,0.5]")},
    {"`skipped_steps`:0", AND("`groups`:[1,0,0,1e300,0,0]")}, /* no float */
    {"`skipped_steps`:0", AND("`plateau_best`:1")},
    {"`skipped_steps`:0", AND("`plateau_best`:1e999,`plateau_worse`:0,`plateau_reductions`:0")},
    {"`skipped_steps`:0", AND("`plateau_best`:1,`plateau_worse`:-1,`plateau_reductions`:0")},
    {"`skipped_steps`:0", AND("`plateau_best`:1,`plateau_worse`:0,`plateau_reductions`:9223372036854775807")},
    {"`skipped_steps`:0", AND("`clip_window`:0.5")},
    {"`skipped_steps`:0", AND("`clip_quantile`:0.5,`norms`:1")},
    {"`clip_scope`:0", "`clip_scope`:1,`clip_tensor_norm`:1.0"},
    {"`format`:1,`loss`", "`format`:0,`loss`"},
    {"`loss`:1", "`loss`:5"},
    {"`loss`:1", "`loss`:4,`recompute`:true"},
    {"`optimizer`:2", "`optimizer`:4"},
    {"`optimizer`:2", "`optimizer`:0"},
    {"`clip_scope`:0", "`clip_scope`:-1"},
    {"`learning_rate`:0.1", "`learning_rate`:1e999"},
    {"`learning_rate`:0.1", "`learning_rate`:-0.1"},
    {"`learning_rate`:0.1", "`learning_rate`:0x10"},
    {"`eps`:1e-08", "`eps`:0"},
    {"`beta2`:0.999", "`beta2`:1"},
    {"`clip_norm`:0.001", "`clip_norm`:-1"},
    {"`nesterov`:false", "`nesterov`:true"},
    {"`bptt`:0", "`bptt`:-1"},
    {"`seed`:0", "`seed`:-1"},
    {"'trainer'", "'trainers'"},
};

/* The file of which the hostile ones are variations is a good one. */
static void resume_good_file(const void *argument) {
  rnn_model *model = NULL;
  rnn_trainer *trainer = NULL;
  (void)argument;
  CHECK_STATUS(rnn_model_load(hostile_path, &model), RNN_OK);
  CHECK_STATUS(rnn_trainer_resume(hostile_path, &trainer), RNN_OK);
}

static void check_runs(unsigned char *file) {
  static const char good[] = FILE_OF(MODEL(LAYER) "," RUN, WEIGHT "," BIAS);
  write_file(hostile_path, file, put_header(file, good, 8));
  check_in_child("rnn_trainer_resume", "a good file", resume_good_file, NULL);
  for (size_t i = 0; i < sizeof hostile_runs / sizeof *hostile_runs; i++) {
    char text[sizeof good + 64];
    const char *from = hostile_runs[i].from, *place = strstr(good, from);
    if (!CHECK(place != NULL)) continue;
    snprintf(text, sizeof text, "%.*s%s%s", (int)(place - good), good, hostile_runs[i].to,
             place + strlen(from));
    write_file(hostile_path, file, put_header(file, text, 8));
    check_in_child("rnn_trainer_resume", hostile_runs[i].to, refuse_run, NULL);
  }
  CHECK(unlink(hostile_path) == 0);
}

static void check_header_lengths(unsigned char *file) {
  static const uint64_t lengths[] = {0, 1, 9, 100000001, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 7};
  for (size_t bytes = 0; bytes < 8; bytes++)
    check_format_of("\0\0\0\0\0\0\0\0", bytes, "less than a length");
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    memcpy(file, &lengths[i], 8);
    memcpy(file + 8, "{}      ", 8);
    check_format_of(file, 16, "a wrong length of the header");
  }
}

static void check_nesting(unsigned char *file) {
  static char deep[200000];
  for (int objects = 0; objects < 2; objects++) {
    for (size_t i = 0; i + 5 < sizeof deep; i += 5)
      memcpy(deep + i, objects ? "{'a':" : "[[[[[", 5);
    check_format_of(file, put_header(file, deep, 0), "deep nesting");
  }
}

/* Of a file that the library wrote, every shorter one and every one with a bit turned is refused. */
static void refuse_damage(const void *argument) {
  static unsigned char good[65536], damaged[65536];
  const size_t bytes = read_file(argument, good, sizeof good);
  CHECK(bytes > 1000 && bytes < sizeof good);
  alarm(60);
  for (size_t length = 0; length < bytes; length++) {
    write_file(hostile_path, good, length);
    if (!CHECK(rnn_trainer_resume(hostile_path, &valid.out.trainer) == RNN_ERR_FORMAT)) {
      fprintf(stderr, "  of the first %zu bytes of %zu\n", length, bytes);
    }
  }
  for (size_t place = 0; place < bytes; place++) {
    memcpy(damaged, good, bytes);
    damaged[place] ^= (unsigned char)(1u << place % 8);
    write_file(hostile_path, damaged, bytes);
    if (!CHECK(rnn_trainer_resume(hostile_path, &valid.out.trainer) == RNN_ERR_FORMAT)) {
      fprintf(stderr, "  of a file with bit %zu of byte %zu, '%c', turned\n", place % 8, place, good[place]);
    }
  }
}

/* A megabyte of header that describes millions of layers, and no weight. */
static void check_tower(unsigned char *file) {
  static const char layer[] = "{`kind`:`LSTM`,`input_size`:1,`output_size`:1,`num_layers`:1024},";
  static char text[1024 * sizeof layer + 128];
  char *end =
      text + sprintf(text, "%s", "{'__metadata__':{'crc32':'########','librnn':'{`format`:1,`layers`:[");
  for (int i = 0; i < 1000; i++)
    end += sprintf(end, "%s", layer);
  sprintf(end, "%s", LAYER "]}'}}");
  check_format_of(file, put_header(file, text, 0), "millions of layers that are not there");
}

void check_contents(const char *directory) {
  unsigned char *file = check_allocate(1 << 20);
  hostile_path = in_directory(directory, "hostile");
  check_header_lengths(file);
  check_nesting(file);
  check_tower(file);
  for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
    check_format_of(file, put_header(file, hostile[i].header, hostile[i].data), hostile[i].text);
  }
  check_runs(file);
  check_in_child("rnn_trainer_resume", "damage", refuse_damage, valid.path);
  CHECK(unlink(hostile_path) == 0);
  free(file);
}
