/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoding: an instruction word becomes a struct sv_insn, an instruction and its registers become a plan
 * (which bytes, in which elements), and a plan with its data becomes register writes.
 *
 * Everything here is pure: no state, no heap, no libc beyond memcpy and memset. Any thread may call anything.
 */
#ifndef SALVAGE_INSN_H
#define SALVAGE_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <salvage/regs.h>
#include <salvage/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum sv_isa { SV_A64, SV_A32, SV_T32 };

/*
 * Classes of instruction, the unit in which a policy switches emulation off (policy.h) and in which
 * benchmarks and the coverage table speak. The name in quotes is what policies, events and tables print.
 */
/* clang-format off */
#define SV_CLASSES(X)                                                                                    \
	X(SINGLE, "single")             /* one register, no writeback */                                 \
	X(LITERAL, "literal")           /* one register, PC-relative */                                  \
	X(UNPRIVILEGED, "unprivileged") /* LDTR and friends */                                           \
	X(WRITEBACK, "writeback")       /* one register, pre- or post-indexed */                         \
	X(PAIR, "pair")                 /* LDP, STP, LDPSW and non-temporal forms, writeback or not */   \
	X(ORDERED, "ordered")           /* LDAR, STLR, LDLAR, STLLR, LDAPR, LDAPUR, STLUR */
/* clang-format on */

enum sv_class {
#define X(name, text) SV_CLASS_##name,
	SV_CLASSES(X)
#undef X
		SV_CLASS_COUNT
};

/* Returns the quoted name of the list above, never NULL. */
const char *sv_class_name(enum sv_class iclass);

/* How the address is formed. */
enum sv_mode {
	SV_MODE_OFFSET,   /* Xn|SP + imm, imm may be 0 */
	SV_MODE_PRE,      /* Xn|SP + imm, written back */
	SV_MODE_POST,     /* Xn|SP, then Xn|SP + imm written back */
	SV_MODE_REGISTER, /* Xn|SP + extend(Rm) << amount */
	SV_MODE_LITERAL,  /* PC + imm */
};

/* Where an immediate sits and how it is scaled; the generator derives it from the fields a row draws. */
enum sv_imm {
	SV_IMM_NONE,
	SV_IMM_12, /* imm12, unsigned, times the element size */
	SV_IMM_9,  /* imm9, signed, in bytes */
	SV_IMM_7,  /* imm7, signed, times the element size */
	SV_IMM_19, /* imm19, signed, times 4 */
};

enum sv_row_flag {
	/*
	 * On a stage-2 data abort the CPU reports ISV=1 (DDI 0487, ISS encoding for an exception from a
	 * Data Abort).
	 */
	SV_ROW_ISV = 1 << 0,
	SV_ROW_LOAD = 1 << 1,    /* reads memory */
	SV_ROW_STORE = 1 << 2,   /* writes memory */
	SV_ROW_SIGNED = 1 << 3,  /* elements are sign-extended into the register */
	SV_ROW_SF = 1 << 4,      /* transfer registers are X; else W, and a load zeroes the upper half */
	SV_ROW_ACQUIRE = 1 << 5, /* acquire or acquirePC semantics */
	SV_ROW_RELEASE = 1 << 6,
	SV_ROW_UNPRIV = 1 << 7, /* accesses as EL0 does, subject to PSTATE.UAO */
};

/*
 * One encoding: a line of isa/a64.isa. Static, read-only, valid for ever. A word belongs to the row when
 * (word & mask) == value; no word belongs to two rows.
 */
struct sv_row {
	uint32_t mask, value;
	uint16_t flags;            /* enum sv_row_flag */
	uint8_t iclass;            /* enum sv_class */
	uint8_t mode;              /* enum sv_mode */
	uint8_t imm;               /* enum sv_imm */
	uint8_t esize;             /* bytes in one element: 1, 2, 4, 8 */
	uint8_t count;             /* elements, at consecutive addresses */
	uint8_t layout;            /* private: where the fields lie */
	uint16_t mnemonic, syntax; /* private: what sv_insn_format prints */
};

/* The Arm ARM's encoding name, e.g. "LDP_64_ldstpair_post". row comes from sv_rows or sv_decode. */
const char *sv_row_name(const struct sv_row *row);

/* "" for the base architecture, else e.g. "FEAT_LRCPC2". */
const char *sv_row_feature(const struct sv_row *row);

/* All rows of an instruction set in the order of its table; *count receives how many. NULL and 0 for a set
 * that this version has no rows for. */
const struct sv_row *sv_rows(enum sv_isa isa, size_t *count);

/*
 * Register fields hold the numbers as encoded; what 31 means (SP or zero register) is the instruction's
 * business.
 */
struct sv_insn {
	const struct sv_row *row;
	uint32_t word;
	uint8_t isa;    /* enum sv_isa */
	uint8_t length; /* bytes */
	uint8_t Rt, Rt2, Rn, Rm;
	uint8_t option; /* extend type of SV_MODE_REGISTER: 2 UXTW, 3 LSL, 6 SXTW, 7 SXTX */
	uint8_t amount; /* left shift of SV_MODE_REGISTER, 0..3 */
	bool unpredictable; /* the word is CONSTRAINED UNPREDICTABLE (e.g. LDP with Rt == Rt2); salvage refuses it */
	int64_t imm;        /* bytes */
};

/*
 * Decodes one word. SV_OK: *insn is complete. SV_NOT_MEMORY: no row matches, *insn is unchanged.
 * SV_UNSUPPORTED: no rows for this instruction set. Never reads beyond its arguments; any word is fine.
 */
enum sv_status sv_decode(enum sv_isa isa, uint32_t word, struct sv_insn *insn);

/*
 * Writes the disassembly in LLVM's syntax (a space after the mnemonic, where LLVM prints a tab),
 * NUL-terminated and cut at size; returns the length it would have had without the cut, excluding the NUL.
 * pc resolves PC-relative operands; with pc == 0 they print as offsets ("#8"), as LLVM does.
 */
size_t sv_insn_format(const struct sv_insn *insn, uint64_t pc, char *buffer, size_t size);

/* The largest footprint of any row, in bytes. */
#define SV_PLAN_BYTES 16

/*
 * What an instruction will do: count elements of esize bytes at va, va + esize, ... in ascending order
 * (our documented choice, DESIGN.md invariant 5), then the base register.
 */
struct sv_plan {
	uint64_t va; /* first byte, tag bits and all; arithmetic is modulo 2^64 */
	uint8_t esize, count;
	bool write;        /* the elements are stores */
	bool unprivileged; /* translate with EL0's permissions */
	bool acquire, release;
	bool big_endian;
	bool writeback;
	uint64_t base; /* the base register's new value, if writeback */
	uint8_t data
		[SV_PLAN_BYTES]; /* memory order. Stores: filled by sv_plan_data. Loads: filled by the caller before sv_finish. */
};

/* The state a plan depends on besides general registers; the caller has read it already. */
struct sv_context {
	uint64_t pc, pstate, sctlr_el1;
};

/*
 * The address side of a plan: reads the base and index registers that the instruction names and no other.
 * SV_OK, or SV_REGISTER from ops.
 */
enum sv_status sv_plan_address(const struct sv_insn *insn, const struct sv_context *context,
			       const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan);

/* The data side of a store's plan: reads the transfer registers into plan->data. Does nothing for loads. */
enum sv_status sv_plan_data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
			    struct sv_plan *plan);

/*
 * Registers as hardware leaves them: extends and writes the loaded elements, then the base. PC and PSTATE are
 * not touched; that is the commit of abort.h. SV_OK, or SV_REGISTER from ops.
 */
enum sv_status sv_finish(const struct sv_insn *insn, const struct sv_context *context,
			 const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
