/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session may make of an abort, said a second time and apart from src/: a walk of three levels, a
 * table of instructions, and the order in which things are found in the way. It sees guest memory only
 * through a reader, so that it can be asked what hardware would do now (the reader looks at memory), and
 * what a session must have done (the reader repeats what the session was given, and complains of anything
 * that it read twice, or was not asked for).
 */
#ifndef RACE_MODEL_H
#define RACE_MODEL_H

#include <salvage/abort.h>

/* Guest physical addresses. */
#define RACE_FLASH         0x00100000
#define RACE_DISTRIBUTOR   0x08000000
#define RACE_RECORDER      0x0a000000 /* takes any size, and atomics */
#define RACE_REGISTER_FILE 0x0a020000 /* takes 4 bytes, aligned */
#define RACE_HOLE          0x0b000000
#define RACE_RAM           0x40000000
#define RACE_RAM_SIZE      0x9000

/* Virtual ones: a page of code, two of data side by side. */
#define RACE_CODE 0x200000
#define RACE_DATA 0x403000
#define RACE_SLOT 0x40 /* where in its page the instruction is */

#define RACE_MAIR 0x00ff /* attribute 0: Normal; 1: Device-nGnRnE */

enum race_place { RACE_IS_HOLE, RACE_IS_RAM, RACE_IS_ROM, RACE_IS_WINDOW, RACE_IS_KERNEL };

enum race_place race_place(uint64_t ipa);

/* One instruction whose base is x0 and whose registers are 1, and 2 or 3. */
struct race_insn {
	uint32_t word;
	const char *text;
	enum { RACE_NO_ACCESS, RACE_LOAD, RACE_STORE, RACE_SWAP, RACE_ADD, RACE_CAS, RACE_EXCLUSIVE } what;
	uint8_t esize, count;
	int8_t first, writeback; /* the first byte, and how far the base moves */
	uint8_t Rt, Rt2;         /* of an atomic Rs and Rt: what is stored, where to */
	uint8_t extend;          /* a signed load: bytes of the register */
	bool described;          /* ISV=1 */
	bool simd, unpredictable;
};

extern const struct race_insn race_insns[];
extern const unsigned race_insn_count;

/* The entry of a word; NULL for one that accesses no memory by our table. */
const struct race_insn *race_find(uint32_t word);

/* Reads 4 or 8 bytes of memory. SV_OK or SV_FAULT. */
struct race_reader {
	enum sv_status (*read)(struct race_reader *reader, uint64_t ipa, unsigned size, uint64_t *value);
};

enum race_walk { RACE_MAPPED, RACE_DENIED, RACE_NO_TABLE, RACE_POISONED };

/* Where each byte of a footprint went. */
struct race_byte {
	enum race_walk walk;
	uint64_t ipa;
	bool device;
	enum race_place place;
};

#define RACE_BYTES 32

struct race_view {
	enum race_walk fetch;
	bool no_code;  /* the PC's page is no memory */
	bool poisoned; /* the opcode could not be read */
	uint32_t word; /* valid with all of the above false */
	const struct race_insn *insn;
	uint64_t va; /* of the first byte */
	unsigned length;
	struct race_byte bytes[RACE_BYTES];
	int first_fault; /* of the bytes, which one stage 1 denies first, for whatever reason; -1: none */
	bool misaligned; /* because of its alignment */
	bool no_table;   /* because a table is in no memory */
};

/*
 * Fetches, and translates the footprint with x0 as it is; with an abort (else NULL) only if its syndrome may
 * be that of the instruction.
 */
void race_look(struct race_reader *reader, uint64_t x0, const struct sv_abort *abort, struct race_view *view);

/* What a CPU that sees this would report. False: nothing that reaches userspace as an abort without ISV. */
bool race_abort(const struct race_view *view, uint64_t random, struct sv_abort *abort);

/* The bytes from one on that go out, or are copied from or to memory, as one. */
unsigned race_piece(const struct race_view *view, unsigned from);

bool race_is_atomic(const struct race_insn *insn);
bool race_writes(const struct race_insn *insn);

struct race_expected {
	enum sv_ending ending;
	enum sv_cause cause;
	enum sv_reason reason;
};

/* How a session that saw this must end. Retries are not limited here. */
struct race_expected race_expect(const struct race_view *view, const struct sv_abort *abort);

#endif
