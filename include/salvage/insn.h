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
	X(PAIR, "pair")                 /* LDP, STP, LDPSW, non-temporal and unprivileged forms */       \
	X(ORDERED, "ordered")           /* LDAR, STLR, LDLAR, STLLR, LDAPR, LDAPUR, STLUR, LDIAPP, STILP */ \
	X(SIMD, "simd")                 /* SIMD&FP registers: one or a pair, any addressing mode */      \
	X(STRUCTURE, "structure")       /* LD1 to LD4, ST1 to ST4, LD1R to LD4R, LDAP1, STL1 */          \
	X(EXCLUSIVE, "exclusive")       /* LDXR, STXR, pairs, ordered and unprivileged forms */          \
	X(ATOMIC, "atomic")             /* LDADD and friends, SWP, CAS, CASP, 128-bit, floating-point */ \
	X(RCW, "rcw")                   /* read-check-write atomics */                                   \
	X(AUTHENTICATED, "authenticated") /* LDRAA, LDRAB */                                             \
	X(TAG, "tag")                   /* LDG, STG and friends, STGP */                                 \
	X(GCS, "gcs")                   /* the guarded control stack */                                  \
	X(LDST64B, "ldst64b")           /* LD64B, ST64B, ST64BV, ST64BV0 */                              \
	X(MOPS, "mops")                 /* CPY, CPYF, SET, SETG */                                       \
	X(CACHE, "cache")               /* cache maintenance by address */                               \
	X(ZERO, "zero")                 /* DC ZVA, GVA, GZVA */                                          \
	X(SVE, "sve")                   /* loads and stores of Z and P registers */                      \
	X(SME, "sme")                   /* of ZA and ZT0 */
/* clang-format on */

enum sv_class {
#define X(name, text) SV_CLASS_##name,
	SV_CLASSES(X)
#undef X
		SV_CLASS_COUNT
};

/* Returns the quoted name of the list above, never NULL. */
const char *sv_class_name(enum sv_class iclass);

/*
 * Why salvage does not perform an instruction that it decodes. The session refuses it under cause
 * unsupported, with the text as the reason (SV_REASON_REFUSED_name in abort.h).
 */
/* clang-format off */
#define SV_REFUSALS(X)                                                                                                \
	X(EXCLUSIVE, "exclusives on a device: the exit clears the monitor, so a store-exclusive could never succeed") \
	X(LSFE, "a floating-point atomic: no oracle runs it")                                                         \
	X(RCW, "a read-check-write atomic: its masks are not ours to read")                                           \
	X(AUTHENTICATED, "a pointer-authenticated load: only the CPU can check the pointer")                          \
	X(GCS, "the guarded control stack: no published text says what a device would see")                           \
	X(ACCDATA, "a 64-byte store whose first word is in ACCDATA_EL1, which KVM gives to nobody")                   \
	X(SETGO, "a setting of tags alone: no published text says what a device would see")                           \
	X(CACHE, "cache maintenance, which this version does not perform")                                            \
	X(GATHER, "an SVE gather or scatter: every lane has an address of its own")                                   \
	X(FAULTING, "an SVE first-fault or non-fault load: a fault is part of its result")                            \
	X(SME, "SME: this version does not read ZA")
/* clang-format on */

enum sv_refusal {
	SV_REFUSAL_NONE, /* performed */
#define X(name, text) SV_REFUSAL_##name,
	SV_REFUSALS(X)
#undef X
		SV_REFUSAL_COUNT
};

/* The text of the list above, "" for SV_REFUSAL_NONE, never NULL. */
const char *sv_refusal_text(enum sv_refusal refusal);

/* What an atomic does with memory and its operand. */
/* clang-format off */
#define SV_OPS(X) \
	X(NONE, "") X(CAS, "cas") X(SWP, "swp") X(ADD, "add") \
	X(CLR, "clr") X(EOR, "eor") X(SET, "set") X(SMAX, "smax") \
	X(SMIN, "smin") X(UMAX, "umax") X(UMIN, "umin") X(FADD, "fadd") \
	X(FMAX, "fmax") X(FMIN, "fmin") X(FMAXNM, "fmaxnm") X(FMINNM, "fminnm")
/* clang-format on */

enum sv_op {
#define X(name, text) SV_OP_##name,
	SV_OPS(X)
#undef X
};

/* "add", "swp" and so on, as events print it; "" for SV_OP_NONE, "?" for values out of range. */
const char *sv_op_name(enum sv_op op);

/*
 * What an atomic leaves in size bytes (1, 2, 4, 8; with CAS, SWP, CLR, EOR, SET also 16) that held old: both,
 * and the operands, are in memory order. True if updated has been filled and is to be written; false if a
 * compare-and-swap compared unequal, or for an op that this version does not compute. updated may be old.
 */
bool sv_atomic(enum sv_op op, unsigned size, bool big_endian, const uint8_t *operand, const uint8_t *compare,
	       const uint8_t *old, uint8_t *updated);

/* Which registers are transferred, and how elements lie in them. */
enum sv_form {
	SV_FORM_GENERAL, /* one element each to Rt, Rt2: general-purpose registers */
	SV_FORM_SIMD,    /* one element each to Rt, Rt2: SIMD&FP registers, the rest of which a load zeroes */
	/* All lanes of registers Rt, Rt+1, ... modulo 32; count of them dealt out in turn */
	SV_FORM_MULTIPLE,
	SV_FORM_LANE,      /* lane index of each of the registers; other lanes stay */
	SV_FORM_REPLICATE, /* one element for each of the registers, into all its lanes */
	SV_FORM_SVE,       /* Z registers: as many elements as the vector length and the predicate say */
	SV_FORM_PREDICATE, /* a P register */
	SV_FORM_SME,       /* ZA or ZT0 */
};

/* How the address is formed. */
enum sv_mode {
	SV_MODE_OFFSET,   /* Xn|SP + imm, imm may be 0 */
	SV_MODE_PRE,      /* Xn|SP + imm, written back */
	SV_MODE_POST,     /* Xn|SP, then Xn|SP + imm (or Xm) written back */
	SV_MODE_REGISTER, /* Xn|SP + extend(Rm) << amount */
	SV_MODE_LITERAL,  /* PC + imm */
};

/* Where an immediate sits and how it is scaled; the generator derives it from the fields a row draws. */
enum sv_imm {
	SV_IMM_NONE,
	SV_IMM_12,        /* imm12, unsigned, times the element size */
	SV_IMM_9,         /* imm9, signed, in bytes */
	SV_IMM_7,         /* imm7, signed, times the element size */
	SV_IMM_19,        /* imm19, signed, times 4 */
	SV_IMM_4,         /* imm4, signed, in bytes or times 16 or 32 */
	SV_IMM_5,         /* imm5, unsigned, times the element size */
	SV_IMM_6,         /* imm6, unsigned, times the element size */
	SV_IMM_10,        /* S:imm9, signed, times 8 */
	SV_IMM_FOOTPRINT, /* none drawn: the bytes accessed; negative if pre-indexed */
	SV_IMM_VL,        /* imm4, signed, times the registers: in units of the vector length */
	SV_IMM_9VL,       /* imm9h:imm9l, signed, in units of the vector length, or of the predicate length */
};

enum sv_row_flag {
	/*
	 * On a stage-2 data abort the CPU reports ISV=1 (DDI 0487, ISS encoding for an exception from a
	 * Data Abort).
	 */
	SV_ROW_ISV = 1 << 0,
	SV_ROW_LOAD = 1 << 1,    /* reads memory */
	SV_ROW_STORE = 1 << 2,   /* writes memory; with LOAD: an atomic, or a copy */
	SV_ROW_SIGNED = 1 << 3,  /* elements are sign-extended into the register */
	SV_ROW_SF = 1 << 4,      /* transfer registers are X; else W, and a load zeroes the upper half */
	SV_ROW_ACQUIRE = 1 << 5, /* acquire or acquirePC semantics */
	SV_ROW_RELEASE = 1 << 6,
	SV_ROW_UNPRIV = 1 << 7,  /* accesses as EL0 does, subject to PSTATE.UAO */
	SV_ROW_CM = 1 << 8,      /* cache maintenance: the syndrome says CM=1, and WnR=1 */
	SV_ROW_COUNTER = 1 << 9, /* the governing predicate is a counter, PN8 to PN15 */
};

/*
 * One encoding: a line of isa/a64.isa. Static, read-only, valid for ever. A word belongs to the row when
 * (word & mask) == value; no word belongs to two rows.
 */
struct sv_row {
	uint32_t mask, value;
	uint32_t flags : 12; /* enum sv_row_flag */
	uint32_t iclass : 6; /* enum sv_class */
	uint32_t mode : 3;   /* enum sv_mode */
	uint32_t imm : 4;    /* enum sv_imm */
	uint32_t form : 3;   /* enum sv_form */
	uint32_t op : 4;     /* enum sv_op */
	uint32_t esize : 7;  /* bytes in one element: 1 to 64; 0: by the word's size field */
	/*
	 * Elements at consecutive addresses; 0: as the vector length says. Of SV_FORM_MULTIPLE: registers
	 * that are dealt to in turn.
	 */
	uint32_t count : 6;
	uint32_t registers : 4;              /* transferred */
	uint32_t refusal : 5;                /* enum sv_refusal */
	uint32_t layout : 10;                /* private: where the fields lie */
	uint32_t mnemonic : 14, syntax : 14; /* private: what sv_insn_format prints */
	uint32_t width : 3; /* of SV_FORM_SVE: log2 of the bytes that an element has in the register */
};

/* The Arm ARM's encoding name, e.g. "LDP_64_ldstpair_post". row comes from sv_rows or sv_decode. */
const char *sv_row_name(const struct sv_row *row);

/* "" for the base architecture, else e.g. "FEAT_LRCPC2". */
const char *sv_row_feature(const struct sv_row *row);

/*
 * The WnR that a stage-2 abort of the row reports: 0, 1, or -1 where it may be either. An atomic reports a
 * fault that a read would have met too as a read, so 1 only where reading is permitted (DDI 0487, ESR_EL1,
 * ISS encoding for a Data Abort, WnR).
 */
int sv_row_wnr(const struct sv_row *row, bool permission_fault);

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
	uint8_t Rt;     /* and Rd of CPY and SET, Zt, Pt */
	uint8_t Rt2, Rn, Rm, Rs;
	uint8_t Pg; /* a predicate as counter PN8 is 0 */
	/* Extend type of SV_MODE_REGISTER: 2 UXTW, 3 LSL, 6 SXTW, 7 SXTX. SVE: 0 UXTW, 1 SXTW */
	uint8_t option;
	uint8_t amount; /* left shift of SV_MODE_REGISTER, 0..4 */
	uint8_t esize;  /* bytes in one element */
	/* Elements at consecutive addresses, 1..64; 0: as the vector length and the predicate say */
	uint8_t count;
	uint8_t lanes; /* in one register; 1 but for SV_FORM_MULTIPLE and SV_FORM_REPLICATE */
	uint8_t index; /* of the lane of SV_FORM_LANE */
	/* The word is CONSTRAINED UNPREDICTABLE (e.g. LDP with Rt == Rt2); salvage refuses it */
	bool unpredictable;
	int64_t imm; /* bytes */
};

/*
 * Decodes one word. SV_OK: *insn is complete. SV_NOT_MEMORY: no row matches, *insn is unchanged.
 * SV_UNSUPPORTED: no rows for this instruction set. Never reads beyond its arguments; any word is fine.
 */
enum sv_status sv_decode(enum sv_isa isa, uint32_t word, struct sv_insn *insn);

/*
 * The row a word belongs to, or NULL: sv_decode without the fields. Says nothing of words that are
 * UNDEFINED all the same.
 */
const struct sv_row *sv_classify(enum sv_isa isa, uint32_t word);

/*
 * Writes the disassembly in LLVM's syntax (a space after the mnemonic, where LLVM prints a tab),
 * NUL-terminated and cut at size; returns the length it would have had without the cut, excluding the NUL.
 * pc resolves PC-relative operands; with pc == 0 they print as offsets ("#8"), as LLVM does.
 */
#define SV_INSN_TEXT 96 /* every text fits, NUL included */
size_t sv_insn_format(const struct sv_insn *insn, uint64_t pc, char *buffer, size_t size);

/* The state a plan depends on besides general registers; the caller has read it already. */
struct sv_context {
	uint64_t pc, pstate, sctlr_el1;
};

/* The largest footprint of any row, in bytes: a block that DC ZVA zeroes. */
#define SV_PLAN_BYTES 2048

/* The most elements that a predicate governs: four vectors of 256 bytes. */
#define SV_PLAN_ELEMENTS 1024

/* The longest vector, in bytes, and its predicate. */
#define SV_VECTOR_BYTES    256
#define SV_PREDICATE_BYTES (SV_VECTOR_BYTES / 8)

/* The largest atomic, in bytes; and the largest single access, which is no atomic: LD64B, ST64B. */
#define SV_ATOMIC_BYTES 16
#define SV_ACCESS_BYTES 64

/* A memory copy or set proceeds in chunks of so many bytes at most (DESIGN.md, invariant 1). */
#define SV_CHUNK_BYTES 256

/*
 * What an instruction will do: count elements of esize bytes at va, va + esize, ... in ascending order
 * (our documented choice, DESIGN.md invariant 5), then the base register.
 *
 * A memory copy first reads count bytes from from on, then writes them from va on.
 */
struct sv_plan {
	uint64_t va; /* first byte, tag bits and all; arithmetic is modulo 2^64 */
	uint64_t from;
	uint16_t count;
	uint8_t esize;
	/*
	 * What va must be a multiple of on Device memory; if single or tags, and more than esize: on any
	 * memory; 0: Device memory faults always.
	 */
	uint8_t align;
	bool write;        /* the elements are stores */
	bool unprivileged; /* translate with EL0's permissions; of a copy: where it goes */
	bool from_unprivileged;
	bool acquire, release;
	bool big_endian;
	bool writeback;
	bool copy;           /* a memory copy */
	bool single;         /* all elements are one access, indivisible */
	bool unsized;        /* esize is 1, and accesses may have any size: the architecture names none */
	bool tags;           /* memory tags are written or read as well: done only where there are none */
	bool no_access;      /* translated and permitted like one, but nothing is accessed */
	bool predicated;     /* only elements with a bit in active are accessed */
	bool unfinished;     /* the registers move on, the PC does not: the CPU executes the rest */
	bool responds;       /* a store whose device answers: ST64BV */
	bool backward;       /* a copy that begins at its end */
	uint64_t base;       /* the base register's new value, if writeback */
	uint64_t remaining;  /* of a copy or set: bytes that are left, these included */
	uint64_t Xd, Xs, Xn; /* of a copy or set: its registers as they were */
	uint16_t vector;     /* bytes in a vector, if the instruction asks */
	uint8_t op;          /* of an atomic: what it does (enum sv_op) */
	/* If it responds: what the device answered, filled by the caller before sv_finish. */
	uint64_t response;
	/* An atomic's operands in memory order, filled by sv_plan_data. */
	uint8_t operand[SV_ATOMIC_BYTES], compare[SV_ATOMIC_BYTES];
	/* Of a predicated instruction: its predicate, and a bit for each element of the footprint. */
	uint8_t predicate[SV_PREDICATE_BYTES], active[SV_PLAN_ELEMENTS / 8];
	/*
	 * Memory order. Stores: filled by sv_plan_data. Loads and atomics: what was in memory, filled by the
	 * caller before sv_finish.
	 */
	uint8_t data[SV_PLAN_BYTES];
};

/* Whether element i is accessed. */
static inline bool sv_plan_active(const struct sv_plan *plan, unsigned i)
{
	return !plan->predicated || plan->active[i / 8] >> i % 8 & 1;
}

/*
 * Makes less of a copy or set: bytes of it, at least 1 and at most count, where it begins. The rest is the
 * CPU's to go on with.
 */
void sv_plan_shorten(struct sv_plan *plan, unsigned bytes);

/*
 * The address side of a plan: reads the base, index, size and predicate registers that the instruction names
 * and no other. SV_OK, SV_REGISTER from ops, SV_UNSUPPORTED: the row is one that salvage refuses
 * (row->refusal), or is SVE and ops have no vectors, or SV_NOT_MEMORY: with these registers the instruction
 * accesses nothing, or is UNDEFINED.
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
