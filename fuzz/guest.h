/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest from an input: memory, tables, registers, the IPA space, the policy, and what goes wrong meanwhile.
 * Of whoever runs it (a session here, a whole KVM elsewhere) nothing is known.
 */
#ifndef FUZZ_GUEST_H
#define FUZZ_GUEST_H

#include <salvage/abort.h>

#include "fuzz.h"

/* Guest physical addresses. */
#define GUEST_FLASH         UINT64_C(0x00100000)
#define GUEST_DISTRIBUTOR   UINT64_C(0x08000000)
#define GUEST_RECORDER      UINT64_C(0x0a000000) /* takes any size, and atomics */
#define GUEST_REGISTER_FILE UINT64_C(0x0a020000) /* takes 4 bytes, aligned */
#define GUEST_HOLE          UINT64_C(0x0b000000)
#define GUEST_RAM           UINT64_C(0x40000000)
#define GUEST_PAGE          0x1000
#define GUEST_PAGES         12
#define GUEST_RAM_SIZE      (GUEST_PAGES * GUEST_PAGE)

/* With the guest's own tables: a page of code, four of data side by side. */
#define GUEST_CODE       UINT64_C(0x200000)
#define GUEST_DATA       UINT64_C(0x403000)
#define GUEST_DATA_PAGES 4
#define GUEST_SLOT       0x40 /* where in its page the instruction is */

#define GUEST_CHANGES 8
#define GUEST_REGIONS 12
#define GUEST_RULES   8

struct fuzz_guest {
	_Alignas(4096) uint8_t ram[GUEST_RAM_SIZE], flash[GUEST_PAGE];
	uint32_t poisoned; /* a bit for each page of RAM */

	/* Another vCPU: what it writes after so many reads of memory. */
	struct {
		unsigned after;
		uint64_t ipa, value;
		uint8_t size; /* 4 or 8; 0: the page of ipa goes bad */
	} changes[GUEST_CHANGES];
	unsigned change_count;

	uint64_t regs[SV_REG_COUNT];
	unsigned vector; /* bytes; 0: no SVE */
	unsigned mmu_features;
	unsigned cpu_flags;
	bool host_steps;
	bool no_simd, no_sve;

	unsigned broken_reg; /* reading or writing it fails; SV_REG_COUNT: none */
	bool cannot_inject;
	uint32_t refusals; /* bit n: the device refuses access n */
	unsigned rounds;   /* aborts in a row, 1 to 16 */

	bool has_abort; /* else it is the one that hardware would have */
	struct sv_abort abort;

	struct sv_space space;
	struct sv_region regions[GUEST_REGIONS];
	struct sv_policy policy;
	struct sv_rule rules[GUEST_RULES];
};

/* Fills all of *guest. */
void fuzz_guest_take(struct fuzz_guest *guest, struct fuzz_input *input);

/* What another vCPU does after so many reads. */
void fuzz_guest_change(struct fuzz_guest *guest, unsigned reads);

/* The memory behind an IPA, up to the end of what is there, or NULL. */
uint8_t *fuzz_guest_memory(struct fuzz_guest *guest, const struct sv_region *region, uint64_t ipa,
			   unsigned size);

#endif
