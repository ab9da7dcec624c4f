/* SPDX-License-Identifier: BSD-2-Clause */
/* A CPU of softkvm with some memory, for its tests. */
#ifndef BOARD_H
#define BOARD_H

#include <stdlib.h>

#include <salvage/except.h>
#include <salvage/syndrome.h>

#include "cpu.h"
#include "support/check.h"

#define RAM       UINT64_C(0x40000000)
#define PAGE      UINT64_C(0x1000)
#define PAGES     64
#define RAM_BYTES (PAGES * PAGE)

/* Where things are: code, the vectors, stage 1's tables, and data from there on. */
#define CODE    RAM
#define VECTORS (RAM + 0x2000)
#define TABLES  (RAM + 0x4000)
#define DATA    (RAM + 0x10000)
#define HOLE    UINT64_C(0x10000000)

#define EL1h        0x3c5
#define EL0t        0x3c0
#define NZCV(flags) ((uint64_t)(flags) << 28)

/* What stage 2 says of a page. */
struct answer {
	bool fault, read_only, once;
	struct soft_page page; /* of the fault */
};

struct board {
	struct soft_cpu *cpu;
	struct soft_bus bus;
	_Atomic uint64_t generation;
	struct answer answer[PAGES];
	unsigned asked; /* how often stage 2 was */
	uint8_t *ram;
};

static bool board_page(void *opaque, uint64_t ipa, struct soft_lookup lookup, struct soft_page *page)
{
	struct board *board = opaque;
	uint64_t offset = ipa - RAM;

	board->asked++;
	assert_int_equal(ipa % PAGE, 0);
	if (offset >= RAM_BYTES) {
		page->fsc = 0x07;
		return false;
	}
	const struct answer *answer = &board->answer[offset / PAGE];

	if (answer->fault) {
		*page = answer->page;
		return false;
	}
	if (answer->read_only && lookup.write) {
		page->fsc = 0x0f;
		return false;
	}
	page->host = board->ram + offset;
	page->once = answer->once;
	return true;
}

static inline int board_setup(void **state)
{
	struct board *board = calloc(1, sizeof(*board));

	board->cpu = soft_cpu_create();
	board->ram = aligned_alloc(PAGE, RAM_BYTES);
	memset(board->ram, 0, RAM_BYTES);
	board->bus = (struct soft_bus){board_page, board, &board->generation};
	board->cpu->pc = CODE;
	board->cpu->sysreg[SOFT_VBAR_EL1] = VECTORS;
	board->cpu->sysreg[SOFT_CPACR_EL1] = 3 << 20;
	*state = board;
	return 0;
}

static inline int board_teardown(void **state)
{
	struct board *board = *state;

	soft_cpu_destroy(board->cpu);
	free(board->ram);
	free(board);
	return 0;
}

/* Everything as after board_setup, but for memory. */
static inline void board_reset(struct board *board)
{
	soft_cpu_reset(board->cpu, 0);
	board->cpu->pc = CODE;
	board->cpu->sysreg[SOFT_VBAR_EL1] = VECTORS;
	board->cpu->sysreg[SOFT_CPACR_EL1] = 3 << 20;
	memset(board->answer, 0, sizeof(board->answer));
	atomic_fetch_add(&board->generation, 1);
}

static inline void *at(struct board *board, uint64_t ipa)
{
	return board->ram + (ipa - RAM);
}

static inline void put64(struct board *board, uint64_t ipa, uint64_t value)
{
	memcpy(at(board, ipa), &value, 8);
}

static inline uint64_t get64(struct board *board, uint64_t ipa)
{
	uint64_t value;

	memcpy(&value, at(board, ipa), 8);
	return value;
}

static inline void put_words(struct board *board, uint64_t ipa, const uint32_t *words, size_t count)
{
	memcpy(at(board, ipa), words, count * 4);
}

#define CODE_IS(board, ...)                                     \
	put_words(board, CODE, (const uint32_t[]){__VA_ARGS__}, \
		  sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Executes this word at the PC. */
static inline enum soft_exit step(struct board *board, uint32_t word)
{
	put_words(board, board->cpu->pc, &word, 1);
	return soft_cpu_run(board->cpu, &board->bus, 1);
}

/* Descriptors of stage 1. */
#define S1_AF     (UINT64_C(1) << 10)
#define S1_EL0    (UINT64_C(1) << 6)
#define S1_RO     (UINT64_C(1) << 7)
#define S1_DEVICE 0                  /* attribute 0 */
#define S1_NORMAL (UINT64_C(1) << 2) /* attribute 1 */
#define S1_PXN    (UINT64_C(1) << 53)
#define S1_UXN    (UINT64_C(1) << 54)

#define SCTLR_MMU_ON 0x30d0199d /* M, C, SA, SA0, I, and what is RES1 */

/* Maps a page of VA; level 3, 39 bits, tables at TABLES, one of each level. */
static inline void map_page(struct board *board, uint64_t va, uint64_t ipa, uint64_t attributes)
{
	put64(board, TABLES + (va >> 30 & 511) * 8, (TABLES + PAGE) | 3);
	put64(board, TABLES + PAGE + (va >> 21 & 511) * 8, (TABLES + 2 * PAGE) | 3);
	put64(board, TABLES + 2 * PAGE + (va >> 12 & 511) * 8, ipa | attributes | S1_AF | 3);
}

/* The MMU on, with the RAM at its own address for EL1, as Normal memory. */
static inline void mmu_on(struct board *board)
{
	struct soft_cpu *cpu = board->cpu;

	memset(at(board, TABLES), 0, 3 * PAGE);
	for (uint64_t at = 0; at < RAM_BYTES; at += PAGE)
		map_page(board, RAM + at, RAM + at, S1_NORMAL);
	cpu->sysreg[SOFT_TTBR0_EL1] = TABLES;
	cpu->sysreg[SOFT_TCR_EL1] =
		25 | UINT64_C(1) << 23 | UINT64_C(5) << 32; /* EPD1, 39 bits, 48-bit IPAs */
	cpu->sysreg[SOFT_MAIR_EL1] = 0xff04;
	cpu->sysreg[SOFT_SCTLR_EL1] = SCTLR_MMU_ON;
	soft_cpu_changed(cpu);
}

#endif
