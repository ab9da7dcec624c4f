# SPDX-License-Identifier: BSD-2-Clause
# A thin front to Meson: builds for this machine into build/, for arm64 (static, for the laboratory) into build/arm64/.

BUILD := build
ARM64 := $(BUILD)/arm64
SANITIZE := $(BUILD)/sanitize
THREADS := $(BUILD)/tsan
FUZZ := $(BUILD)/fuzz
MESON := meson
JOBS ?= $(shell nproc)
DEB_ARCHITECTURES ?= amd64 arm64
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: all native arm64 deps demo demo-sea check sweep bench oracle race race-lab fuzz vendor deb deb-check install format clean

all: native arm64

deps:
	@sh scripts/deps

$(BUILD)/build.ninja: | deps
	$(MESON) setup $(BUILD) $(MESONFLAGS)

native: $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j$(JOBS)

# On an arm64 machine the native command is the one that the laboratory runs too, but it has to be static.
$(ARM64)/build.ninja: lab/sysroot.py | $(BUILD)/build.ninja
	@python3 lab/sysroot.py --cross-file $(BUILD)/arm64.cross
	$(MESON) setup $(if $(wildcard $(ARM64)/meson-private),--wipe) $(ARM64) --cross-file $(BUILD)/arm64.cross $(MESONFLAGS)

arm64: $(ARM64)/build.ninja
	@ninja -C $(ARM64) -j$(JOBS)

$(SANITIZE)/build.ninja: | deps
	CC=clang $(MESON) setup $(SANITIZE) -Db_sanitize=address,undefined -Db_lundef=false $(MESONFLAGS)

demo: all
	@python3 demo/demo.py $(BUILD)/salvage

# A Linux guest and a page of it that goes bad, in the laboratory: some minutes.
demo-sea: all
	@python3 demo/demo-sea.py $(BUILD)/salvage lab

check: all $(SANITIZE)/build.ninja $(FUZZ)/build.ninja
	@python3 scripts/check.py $(BUILD) $(SANITIZE) $(FUZZ)

# The encoding oracle: all 2^32 words against LLVM, some minutes. Interrupted, it goes on where it was.
sweep:
	@sh scripts/deps sweep
	@[ -d $(BUILD) ] || $(MESON) setup $(BUILD) $(MESONFLAGS)
	@ninja -C $(BUILD) -t query tests/sweep/sweep >/dev/null 2>&1 || $(MESON) setup --reconfigure $(BUILD) >/dev/null
	@ninja -C $(BUILD) -j$(JOBS) tests/sweep/sweep
	@$(BUILD)/tests/sweep/sweep $(BUILD)/sweep.state $(JOBS)

bench: all
	@$(BUILD)/salvage bench

# The behaviour oracle in full, some minutes, softkvm's CPU, one, and its translations, some more (oracle/README.md).
oracle: native
	@$(BUILD)/oracle/oracle --guest=$(BUILD)/oracle/guest.elf --compared=$(BUILD)/oracle.compared $(ORACLE)
	@$(BUILD)/oracle/oracle --integer --guest=$(BUILD)/oracle/guest.elf $(INTEGER)
	@$(BUILD)/oracle/oracle --translate --guest=$(BUILD)/oracle/translate-guest.elf $(TRANSLATE)

# Aborts of a guest that rewrites its code and tables meanwhile: a million in process, some under ThreadSanitizer.
$(THREADS)/build.ninja: | deps
	CC=clang $(MESON) setup $(THREADS) -Db_sanitize=thread -Db_lundef=false $(MESONFLAGS)

race: native $(THREADS)/build.ninja
	@$(BUILD)/tests/test-race 1000000 $(SEED)
	@ninja -C $(THREADS) -j$(JOBS) tests/test-race
	@$(THREADS)/tests/test-race 100000 $(SEED)

# The same in the laboratory, with real vCPUs: hours on a busy machine. ROUNDS="2 5000" has less of it.
race-lab: all
	@python3 tests/guests/race.py $(BUILD)/salvage $(ARM64)/salvage $(BUILD)/tests/guests $(ROUNDS)

# All fuzz targets for a minute each, or TARGET="insn session" for SECONDS=n (fuzz/README.md).
$(FUZZ)/build.ninja: | deps
	@sh scripts/deps fuzz
	CC=clang $(MESON) setup $(FUZZ) -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false $(MESONFLAGS)

fuzz: $(FUZZ)/build.ninja
	@ninja -C $(FUZZ) -j$(JOBS)
	@python3 fuzz/run.py --seconds=$(or $(SECONDS),60) $(FUZZ) $(TARGET)

# The freestanding core as C files for another build: VENDOR=DIRECTORY (docs/howto/vendoring.md).
VENDOR := $(BUILD)/core
vendor:
	@python3 scripts/vendor.py $(VENDOR)

# Debian packages for amd64 and arm64 into build/deb; deb-check installs them in a clean root, and the arm64 one is run in the
# laboratory.
deb:
	@sh scripts/deps deb
	@sh scripts/deb $(BUILD)/deb $(DEB_ARCHITECTURES)

deb-check: deb
	@sh scripts/deb-check $(BUILD)/deb

install: all
	$(MESON) install -C $(BUILD) --no-rebuild

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(BUILD)
