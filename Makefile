# make            build everything below build/
# make test       every suite; prints "N passed, N failed"
# make check      every suite without the real agents
# make lint       layout, layers, clang-tidy, cppcheck
# make bench      measurements
# make run        the demo
# make MODE=asan  the same with AddressSanitizer and UBSan, below build/asan
# make V=1        show the commands
#
# A new file needs no line here: a folder's *.c are one archive, its *main.c are programs,
# tests/unit/<folder>_*.c and tests/fuzz/<folder>_*.c are linked with that folder's archive.

MODE ?= release
Q = $(if $(V),,@)
CC = gcc
CXX = g++
AR = ar
PREFIX ?= /usr/local

ifeq ($(MODE),asan)
B = build/asan
OPT = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
B = build
OPT = -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection
endif

DEPS = build/deps/node_modules
WARN = -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 \
	-Wswitch-enum -Wnull-dereference
CPPFLAGS = -D_GNU_SOURCE -I. -MMD -MP
CFLAGS = -std=c17 $(OPT) -fPIE $(WARN)
# toml++ asserts in noexcept functions too; there a throw ends the program as an assert would
CXXFLAGS = -std=c++17 $(OPT) -fPIE -Wall -Wextra -Werror -Wno-terminate
LDFLAGS = $(OPT) -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

FOLDERS = base policy shim gateway keeper sandbox mcp install
SRC = $(foreach d,$(FOLDERS),$(wildcard $d/*.c $d/*/*.c))
MAINS = $(filter %main.c,$(SRC))
# Folders of an archive of their own, so that helperd and sandbox need no jansson.
LIBNAMES = base json policy shim gateway keeper sandbox mcp install
obj = $(patsubst %.c,$B/obj/%.o,$(filter-out %main.c,$1))
libfile = $B/lib/lib$1.a

SRC_base = $(wildcard base/*.c)
SRC_json = $(wildcard base/json/*.c)
$(foreach d,$(filter-out base json,$(LIBNAMES)),$(eval SRC_$d = $(wildcard $d/*.c $d/*/*.c)))
TOML_OBJ = $B/obj/policy/toml.o

TS = $(DEPS)/tree-sitter/vendor/tree-sitter/lib
ifeq ($(wildcard $(TS)/src/lib.c)$(filter clean,$(MAKECMDGOALS)),)
$(error the tree-sitter sources are missing: run ./setup.sh deps)
endif
GRAMMAR_DIRS = tree-sitter-c tree-sitter-python tree-sitter-javascript \
	tree-sitter-typescript/typescript tree-sitter-typescript/tsx
GRAMMAR_SRC = $(wildcard $(foreach g,$(GRAMMAR_DIRS),$(DEPS)/$g/src/parser.c $(DEPS)/$g/src/scanner.c))
GRAMMAR_OBJ = $(patsubst $(DEPS)/%.c,$B/obj/deps/%.o,$(GRAMMAR_SRC)) $B/obj/deps/tree-sitter.o
GRAMMAR_LIB = $B/lib/libgrammars.a

# Which archives and libraries a program of the folder links, leaves last.
L_common = $(call libfile,policy) $(call libfile,base) -lcrypto -lstdc++
# Without shared libraries but libc: looking them up and relocating them would be half of what a
# launch and each hook cost.
L_shim = $(call libfile,shim) $(call libfile,gateway) $(call libfile,json) $(call libfile,policy) \
	$(call libfile,base) -Wl,-Bstatic -lcrypto -lstdc++ -ljansson -Wl,-Bdynamic -lm -static-libgcc \
	-Wl,--gc-sections
L_gateway = $(call libfile,gateway) $(call libfile,json) $(L_common) -levent -lcurl -lssl -lz -lbrotlidec -lzstd \
	-ljansson
L_keeper = $(call libfile,keeper) $(call libfile,json) $(L_common) -lgit2 -ljansson
L_sandbox = $(call libfile,sandbox) $(L_common) -lseccomp
L_mcp = $(call libfile,mcp) $(call libfile,keeper) $(call libfile,gateway) $(call libfile,json) $(L_common) $(GRAMMAR_LIB) -ljansson
L_install = $(call libfile,install) $(call libfile,gateway) $(call libfile,keeper) $(call libfile,json) $(L_common) -ljansson
L_policy = $(call libfile,json) $(L_common) -ljansson
L_base = $(call libfile,json) $(call libfile,base) -ljansson
libs_of = $(filter %.a,$(L_$1))

PROGRAM_pando-shim = shim/main.c
PROGRAM_pando-hook = shim/hook_main.c
PROGRAM_pando-gateway = gateway/main.c
PROGRAM_pando-keeper = keeper/main.c
PROGRAM_pando-sandbox = sandbox/main.c
PROGRAM_pando-mcp = mcp/main.c
LIBEXEC = pando-shim pando-hook pando-gateway pando-keeper pando-sandbox pando-mcp
PROGRAMS = $(foreach p,$(LIBEXEC),$(if $(wildcard $(PROGRAM_$p)),$B/libexec/pando-ai/$p)) \
	$(if $(wildcard install/main.c),$B/bin/pando-ai)
SHARE = $(patsubst tests/provider/%.py,$B/share/pando-ai/%.py,$(wildcard tests/provider/*.py)) \
	$(if $(wildcard policy.example.toml),$B/share/pando-ai/policy.example.toml) \
	$B/share/pando-ai/decision-log.schema.json

UNIT = $(patsubst tests/unit/%.c,$B/tests/unit/%,$(wildcard tests/unit/*.c))
FUZZ = $(patsubst tests/fuzz/%.c,$B/tests/fuzz/%,$(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
BENCH = $(patsubst tests/bench/%.c,$B/tests/bench/%,$(wildcard tests/bench/*.c))
WIRE = load mock

.PHONY: all test unit lint bench run clean install fuzz check
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAMS) $(SHARE)

$B/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC    $<'
	$Q$(CC) $(CPPFLAGS) -isystem $(TS)/include $(CFLAGS) -c $< -o $@

$(TOML_OBJ): policy/toml.cc
	@mkdir -p $(@D)
	@echo '  CXX   $<'
	$Q$(CXX) $(CPPFLAGS) $(CXXFLAGS) -ffunction-sections -fdata-sections -c $< -o $@

# Foreign code: its own warnings are not ours to mend, and sanitizers would only slow it.
$B/obj/deps/%.o: $(DEPS)/%.c
	@mkdir -p $(@D)
	@echo '  CC    $<'
	$Q$(CC) -std=c11 -O2 -fPIE -w -I$(<D) -c $< -o $@
$B/obj/deps/tree-sitter.o: $(TS)/src/lib.c
	@mkdir -p $(@D)
	@echo '  CC    $<'
	$Q$(CC) -std=c11 -O2 -fPIE -w -D_GNU_SOURCE -I$(TS)/include -I$(TS)/src -c $< -o $@
$(GRAMMAR_LIB): $(GRAMMAR_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	@echo '  AR    $@'
	$Q$(AR) rcs $@ $^

define archive
$(call libfile,$1): $(call obj,$(SRC_$1)) $(if $(filter policy,$1),$(TOML_OBJ))
	@mkdir -p $$(@D)
	@rm -f $$@
	@echo '  AR    $$@'
	$Q$(AR) rcs $$@ $$^
endef
$(foreach l,$(LIBNAMES),$(eval $(call archive,$l)))

define program
$B/libexec/pando-ai/$1: $B/obj/$(PROGRAM_$1:.c=.o) $(call libs_of,$(firstword $(subst /, ,$(PROGRAM_$1))))
	@mkdir -p $$(@D)
	@echo '  LINK  $$@'
	$Q$(CC) $(LDFLAGS) $$< $(L_$(firstword $(subst /, ,$(PROGRAM_$1)))) -o $$@
endef
$(foreach p,$(LIBEXEC),$(eval $(call program,$p)))

$B/bin/pando-ai: $B/obj/install/main.o $(call libs_of,install)
	@mkdir -p $(@D)
	@echo '  LINK  $@'
	$Q$(CC) $(LDFLAGS) $< $(L_install) -o $@

$B/share/pando-ai/%.py: tests/provider/%.py
	@mkdir -p $(@D)
	cp $< $@
$B/share/pando-ai/policy.example.toml: policy.example.toml
	@mkdir -p $(@D)
	cp $< $@
$B/share/pando-ai/%.json: man/%.json
	@mkdir -p $(@D)
	cp $< $@

# tests/unit/gateway_sse.c links with the archives of gateway.
define test_program
$B/tests/$1/$2: $B/obj/tests/$1/$2.o $(if $(filter fuzz,$1),$B/obj/tests/fuzz/replay.o) $(call libs_of,$(firstword $(subst _, ,$2)))
	@mkdir -p $$(@D)
	@echo '  LINK  $$@'
	$Q$(CC) $(LDFLAGS) $$(filter %.o,$$^) $(L_$(firstword $(subst _, ,$2))) -o $$@
endef
$(foreach t,$(UNIT:$B/tests/unit/%=%),$(eval $(call test_program,unit,$t)))
$(foreach t,$(FUZZ:$B/tests/fuzz/%=%),$(eval $(call test_program,fuzz,$t)))
$(foreach t,$(BENCH:$B/tests/bench/%=%),$(eval $(call test_program,bench,$t)))

# The load generator and the provider that tests/bench/wire.py puts on both sides of a gateway.
WIRE_SRC = $(filter-out $(WIRE:%=tests/bench/wire/%.c),$(wildcard tests/bench/wire/*.c))
$(WIRE:%=$B/tests/bench/wire/%): $B/tests/bench/wire/%: $B/obj/tests/bench/wire/%.o $(WIRE_SRC:%.c=$B/obj/%.o) $(call libfile,base)
	@mkdir -p $(@D)
	@echo '  LINK  $@'
	$Q$(CC) $(LDFLAGS) $^ -o $@

unit: $(UNIT) $(FUZZ) $(WIRE:%=$B/tests/bench/wire/%)

test: all unit
	tests/run.py --build $B

# all but the real agents
check: all unit
	tests/run.py --build $B --only unit/,fuzz/,cli/

lint:
	tests/lint/lint.sh

bench: all $(BENCH) $(WIRE:%=$B/tests/bench/wire/%)
	tests/bench/bench.py --build $B
	tests/bench/wire.py --build $B

run: all
	$B/bin/pando-ai demo

# Coverage-guided, for as long as you like: make fuzz T=gateway_jscan
fuzz: $(call libs_of,$(firstword $(subst _, ,$(T))))
	@mkdir -p $B/fuzz/$(T) tests/fuzz/corpus/$(T)
	clang -g -O1 -std=c17 -D_GNU_SOURCE -I. -isystem $(TS)/include -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		tests/fuzz/$(T).c $(filter-out %main.c,$(SRC_$(firstword $(subst _, ,$(T))))) \
		$(L_$(firstword $(subst _, ,$(T)))) -o $B/fuzz/$(T)/fuzz
	$B/fuzz/$(T)/fuzz -max_total_time=$${SECONDS_TO_RUN:-60} -artifact_prefix=$B/fuzz/ \
		$B/fuzz/$(T) tests/fuzz/corpus/$(T)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/pando-ai $(DESTDIR)$(PREFIX)/share/pando-ai
	install -m 755 $B/bin/pando-ai $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(addprefix $B/libexec/pando-ai/,$(LIBEXEC)) $(DESTDIR)$(PREFIX)/libexec/pando-ai/
	install -m 644 $(SHARE) $(DESTDIR)$(PREFIX)/share/pando-ai/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 644 share/completions/pando-ai.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/pando-ai
	install -m 644 share/completions/_pando-ai $(DESTDIR)$(PREFIX)/share/zsh/site-functions/
	install -m 644 share/completions/pando-ai.fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/user
	install -m 644 share/systemd/pando-gateway.socket $(DESTDIR)$(PREFIX)/lib/systemd/user/
	sed 's,@LIBEXEC@,$(PREFIX)/libexec/pando-ai,' share/systemd/pando-gateway.service.in \
		>$(DESTDIR)$(PREFIX)/lib/systemd/user/pando-gateway.service

clean:
	rm -rf build/asan $B/obj $B/lib $B/bin $B/libexec $B/share $B/tests $B/fuzz

-include $(shell find $B/obj -name '*.d' 2>/dev/null)
