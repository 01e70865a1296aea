# librnn: `make` builds it, `make demo` shows it, `make test` proves it. Each does its own set-up.

VERSION   := $(shell sed -n 's/^#define RNN_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' include/rnn.h | paste -sd.)
SOVERSION := $(firstword $(subst ., ,$(VERSION)))
PREFIX    ?= /usr/local
DESTDIR   ?=
CC        ?= cc
SWIFT     ?= swift
PYTHON    := .venv/bin/python
BUILD     := build
OBJECTS   := .build-embedded
SOURCES   := $(shell find Sources include -type f) Package.swift Makefile packaging/librnn.map
LIBRARY   := $(BUILD)/librnn.so

.DEFAULT_GOAL := all
.PHONY: all setup python demo pedal adapt forecast test test-swift test-c test-python lint format bench bench-stream install clean

all: $(LIBRARY) $(BUILD)/librnn.a $(BUILD)/rnn.pc

# ---- Set-up: installs what is missing and says so; nothing when all is there ----

setup:
	@scripts/setup-system.sh

$(PYTHON): bindings/python/pyproject.toml scripts/setup-python.sh
	@scripts/setup-python.sh
	@touch $@

python: $(PYTHON) all

# ---- The library: SwiftPM compiles, the linker makes the shared and the static form ----

# Embedded Swift: no runtime library is linked, nor Unicode tables, which `==` of strings would need.
$(BUILD)/objects.a: $(SOURCES) | setup
	@echo "== compiling librnn $(VERSION) (Embedded Swift, release) =="
	@rm -f $(OBJECTS)/release/librnn.a # an archive keeps the objects of files that are gone
	@for header in include/rnn.h Sources/*/include/*.h; do \
	  find Sources -name '*.swift' ! -newer $$header -exec touch {} +; done # SwiftPM does not see what changes there
	LIBRNN_EMBEDDED=1 $(SWIFT) build -c release --product rnn --scratch-path $(OBJECTS)
	@mkdir -p $(BUILD)
	@objcopy --remove-section=.swift_modhash $(OBJECTS)/release/librnn.a $@ # 3 KB that nobody reads

# The linker of the Swift toolchain, which folds functions of the same code into one: generics leave many.
$(LIBRARY): $(BUILD)/objects.a
	@$(CC) -shared -B"$$(dirname "$$(readlink -f "$$(command -v swiftc)")")" -fuse-ld=lld -Wl,--icf=all \
	  -o $(BUILD)/librnn.so.$(VERSION) -Wl,--whole-archive $< -Wl,--no-whole-archive \
	  -Wl,-soname,librnn.so.$(SOVERSION) -Wl,--version-script=packaging/librnn.map \
	  -Wl,--gc-sections -Wl,-z,defs -Wl,-z,relro,-z,now -s -lopenblas -lm -lpthread
	@ln -sf librnn.so.$(VERSION) $(BUILD)/librnn.so.$(SOVERSION)
	@ln -sf librnn.so.$(VERSION) $@
	@echo "== built $@ ($$(stat -L -c %s $@) bytes) =="

# One object in which only rnn_* is visible.
$(BUILD)/librnn.a: $(BUILD)/objects.a
	@ld -r -o $(BUILD)/rnn.o --whole-archive $<
	@objcopy --strip-debug --wildcard --keep-global-symbol='rnn_*' $(BUILD)/rnn.o
	@rm -f $@ && ar rcs $@ $(BUILD)/rnn.o && rm $(BUILD)/rnn.o

$(BUILD)/%: packaging/%.in Makefile include/rnn.h
	@mkdir -p $(BUILD)
	@sed -e 's|@PREFIX@|$(PREFIX)|g; s|@VERSION@|$(VERSION)|g; s|@SOVERSION@|$(SOVERSION)|g' $< > $@

install: all $(BUILD)/rnn-config.cmake $(BUILD)/rnn-config-version.cmake
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/lib/cmake/rnn
	install -m 644 include/rnn.h bindings/cpp/rnn.hpp $(DESTDIR)$(PREFIX)/include/
	install -m 755 $(BUILD)/librnn.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/
	ln -sf librnn.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/librnn.so.$(SOVERSION)
	ln -sf librnn.so.$(SOVERSION) $(DESTDIR)$(PREFIX)/lib/librnn.so
	install -m 644 $(BUILD)/librnn.a $(DESTDIR)$(PREFIX)/lib/
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' packaging/rnn.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/rnn.pc
	install -m 644 $(BUILD)/rnn-config.cmake $(BUILD)/rnn-config-version.cmake $(DESTDIR)$(PREFIX)/lib/cmake/rnn/

# ---- The main job: a character model of real text. TEXT=path for another text ----

demo: python $(BUILD)/examples/continue
	$(PYTHON) Examples/python/charlm.py $(if $(TEXT),--text "$(TEXT)")

# ---- Streaming: DATA=folder of the pedal's files and of the series; SERIES=path SEASON=steps for another one ----

DATA   ?= ../shared/data
SERIES ?= $(DATA)/series/monthly-sunspots.csv
SEASON ?= 132
PEDAL  := $(BUILD)/pedal

pedal: $(PEDAL)/model.safetensors $(BUILD)/examples/pedal
	cd $(PEDAL) && ../examples/pedal model.safetensors dry.wav wet.wav recorded.wav

adapt: $(PEDAL)/model.safetensors $(BUILD)/examples/adapt
	cd $(PEDAL) && ../examples/adapt dry.wav recorded.wav adapted.wav adapted.safetensors

forecast: python
	$(PYTHON) Examples/python/forecast.py "$(SERIES)" --season $(SEASON)

# A model of a pedal and what the pedal made of a guitar.
$(PEDAL)/model.safetensors: Examples/python/pedal_data.py | python
	$(PYTHON) $< $(DATA)/models/klon/centaur_50.json $(DATA)/audio/klon_centaur_pairs.npz $(@D)

$(BUILD)/examples/pedal $(BUILD)/examples/adapt: Examples/c/audio.c Examples/c/audio.h

$(BUILD)/examples/%: Examples/c/%.c $(LIBRARY)
	@mkdir -p $(@D)
	@$(CC) -std=c11 -O2 -Wall -Wextra -pedantic -Werror -Iinclude $(filter %.c,$^) -o $@ \
	  -L$(BUILD) -lrnn -lm -lpthread -Wl,-rpath,'$$ORIGIN/..'

# ---- Tests: both builds of the one source ----

test: test-swift test-c test-python

test-swift: | setup
	@echo "== Swift tests (ordinary build, assertions on) =="
	$(SWIFT) test --scratch-path .build-tests

test-c: all
	@echo "== C and C++ tests (shipped library) =="
	@$(MAKE) --no-print-directory -C Tests/c

# Those of pictures and pages take long and depend on no kernel.
NUMBERS := $(filter-out %_plot.py %_report.py %_diagnose.py %_tensorboard.py %_adding_a_cell.py, \
  $(wildcard Tests/python/test_*.py))

test-python: python $(BUILD)/examples/pedal $(BUILD)/examples/adapt
	@echo "== Python tests (shipped library) =="
	$(PYTHON) -m pytest -q Tests/python
	@for level in baseline avx2; do echo "== the same, but for pictures, with kernels for $$level =="; \
	  LIBRNN_INSTRUCTION_SET=$$level $(PYTHON) -m pytest -q $(NUMBERS) || exit 1; done

C_FILES := $(wildcard include/*.h Sources/*/*.h Sources/*/include/*.h bindings/cpp/*.hpp Tests/c/*.[ch] \
  Tests/c/*.cpp Examples/c/*.[ch] Benchmarks/*.c Benchmarks/stream/*.[ch])

lint: $(PYTHON) | setup
	@echo "== lint =="
	$(SWIFT) format lint --strict --recursive --parallel Sources Tests Package.swift
	$(PYTHON) -m ruff check bindings Tests Examples Benchmarks
	$(PYTHON) -m ruff format --check bindings Tests Examples Benchmarks
	clang-format --dry-run -Werror $(C_FILES)

format: $(PYTHON) | setup
	$(SWIFT) format --in-place --recursive --parallel Sources Tests Package.swift
	$(PYTHON) -m ruff check --fix -q bindings Tests Examples Benchmarks
	$(PYTHON) -m ruff format bindings Tests Examples Benchmarks
	clang-format -i $(C_FILES)

bench: python
	Benchmarks/run.sh

bench-stream: python
	Benchmarks/stream/run.sh

clean:
	rm -rf $(BUILD) .build .build-embedded .build-tests
