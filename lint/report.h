/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the plugin and the command share: one piece of memory that the command makes, QEMU's process fills,
 * and the command reads when QEMU is gone, however it went. Every table is bounded; what does not fit is
 * counted.
 *
 * The functions are called with a lock held by whoever fills the report; the command reads without one, and
 * sees an entry whole or not at all.
 */
#ifndef LINT_REPORT_H
#define LINT_REPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LINT_MAGIC 0x746e696c76610001ull /* changes with the layout */
/* Environment variable: the version of QEMU's interface, where the plugin cannot tell it by itself. */
#define LINT_VERSION "SALVAGE_LINT_VERSION"

#define LINT_REGIONS  256
#define LINT_NAME     64
#define LINT_FINDINGS 4096
#define LINT_INSNS    (1u << 22)
#define LINT_BUCKETS  (1u << 20)

enum lint_state {
	LINT_WAITING,      /* the plugin has not been asked in */
	LINT_WATCHING,     /* it has */
	LINT_OTHER_TARGET, /* QEMU emulates another architecture */
	LINT_USER_MODE,    /* QEMU emulates a program, not a machine */
};

/* Exception levels seen: bit n for ELn; none if QEMU does not tell. */
#define LINT_LEVELS 4

/* One instruction at one place, and one region of QEMU's memory map that it accessed. */
struct lint_finding {
	uint64_t pc;
	uint32_t word, region; /* region: index into names */
	uint64_t first, last;  /* lowest and highest physical address at which an access began */
	uint64_t loads, stores;
	uint32_t levels;
};

/* An instruction that accesses memory, as it was when QEMU translated it. */
struct lint_insn {
	uint64_t pc;
	uint32_t word;
	uint32_t next; /* index + 1 of the next in its bucket, which is older; 0: none */
};

struct lint_report {
	uint64_t magic;
	_Atomic uint32_t state; /* enum lint_state */
	int version_min, version_cur;
	char target[32];
	bool has_levels;
	_Atomic uint64_t blocks;    /* translated */
	_Atomic uint64_t aarch32;   /* blocks that were AArch32 code, and were not looked at */
	_Atomic uint64_t unwatched; /* instructions: the table was full */
	_Atomic uint64_t dropped;   /* accesses: there were too many findings or regions */
	_Atomic uint32_t region_count, finding_count, insn_count;
	char names[LINT_REGIONS][LINT_NAME]; /* printable ASCII */
	struct lint_finding findings[LINT_FINDINGS];
	uint16_t finding_index[LINT_FINDINGS * 2]; /* hash table: index + 1 */
	_Atomic uint32_t buckets[LINT_BUCKETS];
	struct lint_insn insns[LINT_INSNS];
};

/* Makes zeroed memory a report. */
void lint_report_init(struct lint_report *report);

/* The entry of an instruction, made if there is none. NULL if the table is full, which is counted. */
const struct lint_insn *lint_insn_add(struct lint_report *report, uint64_t pc, uint32_t word);

/* The latest word translated at pc. False if none is known. */
bool lint_insn_find(const struct lint_report *report, uint64_t pc, uint32_t *word);

/* Forgets all instructions; nobody may hold one. Findings stay. */
void lint_insn_forget(struct lint_report *report);

/*
 * Adds one access. name is of the region, of any length and content. levels has at most one bit. False if a
 * table was full, which is counted.
 */
bool lint_finding_add(struct lint_report *report, const struct lint_insn *insn, const char *name,
		      uint64_t address, bool store, uint32_t levels);

#endif
