# SPDX-License-Identifier: MIT
# libjr2. Every source under libjr2/*/ , src/ and tests/ is found by wildcard; objects live in a folder named after the
# flags, so that builds with different flags never mix.
#
#   make                    build/libjr2.so.0, build/libjr2.a and build/jr2
#   make test               builds and runs every tests/test_*.c; `make test TESTS="jr2w kernels"` picks some
#   make test-valgrind      the same under valgrind;  make test SAN=address,undefined  under the sanitizers
#   make test-neon          the kernel tests cross-compiled for aarch64 and run by qemu-aarch64
#   make bench              the kernel micro-benchmark
#   make time_network       build/time_network, which times one network (training/bench_ort.py runs it)
#   make install PREFIX=/usr/local DESTDIR=
#   make clean
# Variables: CC, CFLAGS, LDFLAGS, SAN=address,undefined, WITH_BLAS=openblas|none, V=1 (show commands), BUILD=folder (build)

VERSION := 0.1.0
SOVERSION := 0

CC ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif
AR ?= ar
PKG_CONFIG ?= pkg-config
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share/jr2
WITH_BLAS ?= openblas
SAN ?=
V ?= 0
TESTS ?=
# Instrumented kernels at -O3 take minutes to compile.
OPTIMIZE := $(if $(SAN),-O1,-O3)
CFLAGS ?= $(OPTIMIZE) -g
LDFLAGS ?=

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
BASE_CFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L $(WARN) -fvisibility=hidden -fPIC -fno-math-errno -pthread
CPPFLAGS_ALL := -Iinclude -Ilibjr2 -DJR2_VERSION_TEXT='"$(VERSION)"' $(CPPFLAGS)
LIBS := -lz -lm -pthread -ldl

ifeq ($(WITH_BLAS),openblas)
CPPFLAGS_ALL += -DJR2_WITH_OPENBLAS=1 $(shell $(PKG_CONFIG) --cflags openblas 2>/dev/null)
BLAS_LIBS := $(shell $(PKG_CONFIG) --libs openblas 2>/dev/null || echo -lopenblas)
else ifeq ($(WITH_BLAS),none)
BLAS_LIBS :=
else
$(error WITH_BLAS must be openblas or none, not "$(WITH_BLAS)")
endif
LIBS := $(BLAS_LIBS) $(LIBS)
CLI_LIBS ?= -ljpeg -lpng

ifneq ($(SAN),)
SAN_FLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
endif

ALL_CFLAGS := $(BASE_CFLAGS) $(CFLAGS) $(SAN_FLAGS)
ALL_LDFLAGS := $(LDFLAGS) $(SAN_FLAGS)
AVX2_FLAGS := $(OPTIMIZE) -mavx2 -mfma -mf16c
AVX512_FLAGS := $(OPTIMIZE) -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c
NEON_FLAGS := $(OPTIMIZE)

# Objects: $(BUILD)/obj/<compiler>-<blas>[-san...]-<checksum of all flags>
comma := ,
FLAGS_SUM := $(shell printf '%s' '$(CC) $(ALL_CFLAGS) $(CPPFLAGS_ALL) $(ALL_LDFLAGS) $(LIBS) $(AVX2_FLAGS) $(AVX512_FLAGS)' | cksum | cut -d' ' -f1)
OBJ := $(BUILD)/obj/$(notdir $(firstword $(CC)))-$(WITH_BLAS)$(if $(SAN),-$(subst $(comma),-,$(SAN)))-$(FLAGS_SUM)
ifeq ($(SAN),)
OUT ?= $(BUILD)
else
OUT ?= $(BUILD)/san-$(subst $(comma),-,$(SAN))
endif

LIB_SRC := $(sort $(wildcard libjr2/*/*.c))
ifneq ($(filter x86_64 amd64 i%86,$(ARCH)),)
LIB_SRC := $(filter-out %_neon.c,$(LIB_SRC))
else ifneq ($(filter aarch64 arm64,$(ARCH)),)
LIB_SRC := $(filter-out %_avx2.c %_avx512.c,$(LIB_SRC))
else
LIB_SRC := $(filter-out %_avx2.c %_avx512.c %_neon.c,$(LIB_SRC))
endif
CLI_SRC := $(sort $(wildcard src/*.c))
TEST_SRC := $(sort $(wildcard tests/test_*.c))
TEST_HELPERS := $(sort $(filter-out $(TEST_SRC),$(wildcard tests/*.c)))

LIB_OBJ := $(LIB_SRC:%.c=$(OBJ)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(OBJ)/%.o)
TEST_HELPER_OBJ := $(TEST_HELPERS:%.c=$(OBJ)/%.o)
TEST_NAMES := $(if $(TESTS),$(TESTS),$(TEST_SRC:tests/test_%.c=%))
TEST_BIN := $(TEST_NAMES:%=$(OBJ)/tests/test_%)

PRODUCTS := $(OUT)/libjr2.so.$(SOVERSION) $(OUT)/libjr2.so $(OUT)/libjr2.a $(if $(CLI_SRC),$(OUT)/jr2)

.PHONY: all test test-valgrind test-neon bench time_network install uninstall clean objects FORCE
.DELETE_ON_ERROR:
.SECONDARY:
all: $(PRODUCTS)
objects: $(LIB_OBJ)

$(OBJ)/%_avx2.o: %_avx2.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS_ALL) $(ALL_CFLAGS) $(AVX2_FLAGS) -MMD -MP -c $< -o $@

$(OBJ)/%_avx512.o: %_avx512.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS_ALL) $(ALL_CFLAGS) $(AVX512_FLAGS) -MMD -MP -c $< -o $@

$(OBJ)/%_neon.o: %_neon.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS_ALL) $(ALL_CFLAGS) $(NEON_FLAGS) -MMD -MP -c $< -o $@

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS_ALL) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# Where the weights are looked for last, after the folders beside the library.
$(OBJ)/libjr2/core/search.o: CPPFLAGS_ALL += -DJR2_DATADIR='"$(DATADIR)"'

$(OBJ)/libjr2.a: $(LIB_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIB_OBJ)

$(OBJ)/libjr2.so.$(SOVERSION): $(LIB_OBJ) libjr2/libjr2.map
	$(say) LINK $@
	$(Q)$(CC) -shared -Wl,-soname,libjr2.so.$(SOVERSION) -Wl,--version-script,libjr2/libjr2.map $(if $(SAN),,-Wl,-z,defs) \
	    $(ALL_LDFLAGS) $(LIB_OBJ) -o $@ $(LIBS)

# The program links the static library: it then runs from build/ without a library path.
$(OBJ)/jr2: $(CLI_OBJ) $(OBJ)/libjr2.a
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) $(CLI_OBJ) $(OBJ)/libjr2.a -o $@ $(CLI_LIBS) $(LIBS)

$(OBJ)/time_network: $(OBJ)/training/time_network.o $(OBJ)/libjr2.a
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) $< $(OBJ)/libjr2.a -o $@ $(LIBS)
time_network: $(OUT)/time_network

# What lies in build/ is a copy of what the present flags built.
$(OUT)/%: $(OBJ)/% FORCE
	@mkdir -p $(@D)
	@cmp -s $< $@ || { cp -f $< $@.tmp && mv -f $@.tmp $@; }
$(OUT)/libjr2.so: $(OUT)/libjr2.so.$(SOVERSION)
	@ln -sf libjr2.so.$(SOVERSION) $@
FORCE:

CHECK_LIBS = $(shell $(PKG_CONFIG) --libs check 2>/dev/null || echo -lcheck -lsubunit -lrt)
$(OBJ)/tests/test_%: $(OBJ)/tests/test_%.o $(TEST_HELPER_OBJ) $(OBJ)/libjr2.a
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) $< $(TEST_HELPER_OBJ) $(OBJ)/libjr2.a -o $@ $(CHECK_LIBS) $(CLI_LIBS) $(LIBS)

ifneq ($(findstring address,$(SAN)),)
TEST_ENV := CK_FORK=no
endif
# Tests run from the root of the tree, each its own program; the exit code is that of the worst.
define run_tests
	@failed=0; for t in $(TEST_NAMES); do \
	    log=$(OBJ)/tests/$$t.log; start=$$(date +%s); \
	    if $(1) $(OBJ)/tests/test_$$t >$$log 2>&1; then printf '  ok      %s (%ss)\n' $$t $$(( $$(date +%s) - start )); \
	    else printf '  FAILED  %s\n' $$t; cat $$log; failed=1; fi; done; exit $$failed
endef

# The scripts tests/test_*.sh check the tree and the program; they are skipped where TESTS picks some programs.
TEST_SCRIPTS := $(if $(TESTS),,$(sort $(wildcard tests/test_*.sh)))

test: $(TEST_BIN) $(PRODUCTS) $(if $(TEST_SCRIPTS),$(OUT)/time_network)
	$(call run_tests,env CK_DEFAULT_TIMEOUT=300 JR2_BUILD=$(OUT) $(TEST_ENV))
	@failed=0; for t in $(TEST_SCRIPTS); do log=$(OBJ)/$$t.log; mkdir -p $(OBJ)/tests; \
	    if env JR2_BUILD=$(OUT) CC="$(CC)" WITH_BLAS="$(WITH_BLAS)" sh $$t >$$log 2>&1; then printf '  ok      %s\n' $$t; \
	    else printf '  FAILED  %s\n' $$t; cat $$log; failed=1; fi; done; exit $$failed

# valgrind knows no AVX-512: JR2_CPU masks it.
test-valgrind: $(TEST_BIN) $(PRODUCTS)
	$(call run_tests,env CK_FORK=no JR2_CPU=avx2 JR2_SMALL_TESTS=1 JR2_BUILD=$(OUT) valgrind -q --fair-sched=try --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite)

# The kernel tests for another processor: no library but libc, and no Check, so the bare cross compiler is enough.
NEON_CC ?= aarch64-linux-gnu-gcc
NEON_RUN ?= qemu-aarch64
NEON_SRC := $(wildcard libjr2/kernels/*_c.c libjr2/kernels/*_neon.c) libjr2/kernels/kernels.c libjr2/kernels/pack.c \
    libjr2/base/cpu.c libjr2/tensor/gemm.c tests/test_kernels.c
test-neon:
	@mkdir -p $(BUILD)/neon
	$(say) CC "the kernel tests for aarch64"
	$(Q)$(NEON_CC) $(BASE_CFLAGS) -O3 -static -DJR2_NO_CHECK -Iinclude -Ilibjr2 $(NEON_SRC) -o $(BUILD)/neon/test_kernels -lm
	$(Q)$(NEON_RUN) $(BUILD)/neon/test_kernels

bench: $(OBJ)/tests/test_kernels
	$(Q)$(OBJ)/tests/test_kernels --bench

install: all
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/jr2 $(DESTDIR)$(BINDIR) $(DESTDIR)$(DATADIR)
	install -m 755 $(OUT)/libjr2.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libjr2.so.$(VERSION)
	ln -sf libjr2.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libjr2.so.$(SOVERSION)
	ln -sf libjr2.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libjr2.so
	install -m 644 $(OUT)/libjr2.a $(DESTDIR)$(LIBDIR)/libjr2.a
	install -m 644 $(wildcard include/jr2/*.h) $(DESTDIR)$(INCLUDEDIR)/jr2/
	$(if $(CLI_SRC),install -m 755 $(OUT)/jr2 $(DESTDIR)$(BINDIR)/jr2)
	$(if $(wildcard weights/*.jr2w),install -m 644 $(wildcard weights/*.jr2w) $(DESTDIR)$(DATADIR)/)
	$(if $(wildcard pkgconfig/libjr2.pc.in),sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' \
	    -e 's|@DATADIR@|$(DATADIR)|g' -e 's|@VERSION@|$(VERSION)|g' \
	    -e 's|@LIBS_PRIVATE@|$(LIBS)|g' \
	    pkgconfig/libjr2.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/libjr2.pc)

uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/libjr2.so* $(DESTDIR)$(LIBDIR)/libjr2.a $(DESTDIR)$(LIBDIR)/pkgconfig/libjr2.pc $(DESTDIR)$(BINDIR)/jr2
	rm -rf $(DESTDIR)$(INCLUDEDIR)/jr2 $(DESTDIR)$(DATADIR)

clean:
	rm -rf $(BUILD)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(OBJ)/training/time_network.d $(TEST_HELPER_OBJ:.o=.d) $(TEST_BIN:=.d)
