/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One stage-1 translation of a load, tables and registers in memory: time, and what it reads. Under KVM each
 * register is a call, though a session makes it once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/mmu.h>

#include "bench.h"

#define PAGES 8 /* of 64 KiB: tables, then a page to read */

#define TABLES     UINT64_C(0x40000000)
#define TABLE_SIZE 0x10000

#define DS  (UINT64_C(1) << 59)
#define PIE (UINT64_C(1) << 1)

struct memory {
	uint64_t regs[SV_REG_COUNT];
	unsigned gets, reads;
	uint64_t tables[PAGES][TABLE_SIZE / 8];
};

static const struct walk_case {
	const char *name;
	unsigned bits, tables; /* of the input address; passed on the way */
	uint64_t tcr, tcr2, sctlr;
} cases[] = {
	{"MMU off", 48, 0, 0, 0, 0},
	{"4 KiB, 39 bits, 2 MiB block", 39, 2, 0, 0, SV_SCTLR_M | SV_SCTLR_C},
	{"4 KiB, 39 bits", 39, 3, 0, 0, SV_SCTLR_M | SV_SCTLR_C},
	{"4 KiB, 48 bits", 48, 4, 0, 0, SV_SCTLR_M | SV_SCTLR_C},
	{"4 KiB, 48 bits, indirection", 48, 4, 0, PIE, SV_SCTLR_M | SV_SCTLR_C},
	{"4 KiB, 52 bits", 52, 5, DS, 0, SV_SCTLR_M | SV_SCTLR_C},
	{"64 KiB, 48 bits", 48, 3, 1 << 14, 0, SV_SCTLR_M | SV_SCTLR_C},
};

static enum sv_status get(void *opaque, enum sv_reg reg, uint64_t *value)
{
	struct memory *memory = opaque;

	memory->gets++;
	*value = memory->regs[reg];
	return SV_OK;
}

static const struct sv_regs_ops ops = {.get = get};

static enum sv_status read_descriptor(void *opaque, uint64_t ipa, uint64_t *value)
{
	struct memory *memory = opaque;

	memory->reads++;
	if (ipa - TABLES >= sizeof(memory->tables))
		return SV_TRANSLATION;
	*value = __atomic_load_n(&memory->tables[0][(ipa - TABLES) / 8], __ATOMIC_RELAXED);
	return SV_OK;
}

/* Every descriptor of a table is the same: addresses may be any. */
static void setup(struct memory *memory, const struct walk_case *walk)
{
	memset(memory, 0, sizeof(*memory));
	for (unsigned table = 0; table < walk->tables; table++) {
		bool last = table + 1 == walk->tables, block = last && walk->tables == 2;
		uint64_t next = block ? TABLES : TABLES + (table + 1) * TABLE_SIZE;

		for (size_t i = 0; i < TABLE_SIZE / 8; i++)
			memory->tables[table][i] = next | (last ? 0x400 : 0) | (block ? 1 : 3);
	}
	memory->regs[SV_TTBR0_EL1] = TABLES;
	memory->regs[SV_TCR_EL1] = (64 - walk->bits) | walk->tcr | UINT64_C(6) << 32;
	memory->regs[SV_TCR2_EL1] = walk->tcr2;
	memory->regs[SV_MAIR_EL1] = 0xff;
	memory->regs[SV_PIR_EL1] = 5;
}

int bench_translate(void)
{
	enum { ROUNDS = 21, WALKS = 100000, ADDRESSES = 256 };
	struct memory *memory = malloc(sizeof(*memory));
	uint64_t addresses[ADDRESSES], random = 1;
	const unsigned features = SV_MMU_LPA2_4K | SV_MMU_S1PIE | SV_MMU_PA_BITS(52);

	if (!memory)
		return bench_fail("translate", "out of memory");
	printf("%-30s %8s %13s %11s\n", "one load", "ns", "descriptors", "registers");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sv_context context = {.pstate = 5, .sctlr_el1 = cases[i].sctlr};
		struct sv_translation out;
		double ns[ROUNDS];

		setup(memory, &cases[i]);
		for (unsigned n = 0; n < ADDRESSES; n++)
			addresses[n] = bench_random(&random) >> (64 - cases[i].bits);
		if (sv_translate(&context, features, addresses[0], (struct sv_access_kind){0}, &ops,
				 read_descriptor, memory, &out)) {
			free(memory);
			return bench_fail("translate", cases[i].name);
		}
		printf("%-30s", cases[i].name);
		for (unsigned round = 0; round < ROUNDS; round++) {
			uint64_t start = bench_now();
			unsigned failed = 0;

			memory->gets = memory->reads = 0;
			for (unsigned n = 0; n < WALKS; n++)
				failed += sv_translate(&context, features, addresses[n % ADDRESSES],
						       (struct sv_access_kind){0}, &ops, read_descriptor,
						       memory, &out) != SV_OK;
			ns[round] = (double)(bench_now() - start) / WALKS;
			if (failed) {
				free(memory);
				return bench_fail("translate", cases[i].name);
			}
		}
		printf(" %8.1f %13u %11u\n", bench_median(ns, ROUNDS), memory->reads / WALKS,
		       memory->gets / WALKS);
	}
	free(memory);
	return 0;
}
