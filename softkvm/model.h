/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the CPU share. Private. */
#ifndef SOFTKVM_MODEL_H
#define SOFTKVM_MODEL_H

#include <string.h>

#include <salvage/insn.h>
#include <salvage/mmu.h>

#include "cpu.h"

#define PAGE_BYTES 4096u
#define PAGE_MASK  (~(uint64_t)(PAGE_BYTES - 1))

#define PSTATE_NZCV (UINT64_C(0xf) << 28)
#define PSTATE_IL   (UINT64_C(1) << 20)
#define PSTATE_D    (UINT64_C(1) << 9)
#define PSTATE_A    (UINT64_C(1) << 8)
#define PSTATE_DAIF (UINT64_C(0xf) << 6)
#define PSTATE_MODE UINT64_C(0x1f)

/* SCTLR_EL1 and MDSCR_EL1, beyond those of regs.h. */
#define SCTLR_SA   (1u << 3)
#define SCTLR_SA0  (1u << 4)
#define SCTLR_UMA  (1u << 9)
#define SCTLR_DZE  (1u << 14)
#define SCTLR_UCT  (1u << 15)
#define SCTLR_nTWI (1u << 16)
#define SCTLR_nTWE (1u << 18)
#define SCTLR_UCI  (1u << 26)
#define MDSCR_SS   (1u << 0)
#define MDSCR_KDE  (1u << 13)

/* Exception classes that only the CPU itself makes (DDI 0487, D24.2, ESR_EL1); the others are in syndrome.h. */
enum soft_class {
	EC_UNKNOWN = 0x00,
	EC_WFX = 0x01,
	EC_SIMD = 0x07,
	EC_ILLEGAL_STATE = 0x0e,
	EC_SVC = 0x15,
	EC_SYSTEM = 0x18,
	EC_PC_ALIGNMENT = 0x22,
	EC_SP_ALIGNMENT = 0x26,
	EC_STEP_LOWER = 0x32,
	EC_STEP = 0x33,
	EC_BRK = 0x3c,
};

/* What has become of an instruction. */
enum soft_step {
	SOFT_NEXT,       /* done; the PC moves on */
	SOFT_JUMPED,     /* done, and has set the PC */
	SOFT_TAKEN,      /* an exception was taken instead */
	SOFT_UNDEFINED,  /* an exception is to be taken: the word means nothing */
	SOFT_LEAVE,      /* soft_cpu_run returns caches->exit. The instruction has not been done. */
	SOFT_LEAVE_NEXT, /* likewise, but it has, and the PC moves on */
};

struct soft_op;
typedef enum soft_step (*soft_run)(struct soft_cpu *cpu, const struct soft_op *op);

/*
 * A decoded word. It depends on nothing but the word, so it can never be stale; where the word lies is not
 * asked either. PC-relative operands are offsets.
 */
struct soft_op {
	soft_run run; /* NULL: nothing is here yet */
	uint32_t word;
	uint8_t Rd, Rn, Rm, Ra; /* by their places; Rd is Rt, Ra is Rt2 of a pair */
	uint64_t imm;
	uint8_t shift; /* type of the shift; of loads and stores what memory.c needs */
	uint8_t amount;
	uint16_t row; /* in soft_rows, or SOFT_NO_ROW */
};

#define SOFT_NO_ROW 0xffff

/* A line of a64-integer.isa. */
struct soft_row {
	uint32_t mask, value, should, should_value;
	soft_run run;
	bool (*prepare)(uint32_t word, struct soft_op *op); /* false: UNDEFINED */
	const char *name, *feature;
};

extern const struct soft_row soft_rows[];
extern const size_t soft_row_count;

/* The decision tree, as src/insn/tables.h describes it. */
extern const uint16_t soft_tree[];
#define SOFT_TREE_ROW 0x8000

enum soft_kind { SOFT_READ, SOFT_WRITE, SOFT_FETCH, SOFT_KINDS };

/* What a translation depends on besides registers whose writes empty the cache. */
enum soft_regime { SOFT_EL0, SOFT_EL1, SOFT_EL1_PAN, SOFT_REGIMES };

/* A page that may be accessed in one way: tag is its address with the cache's epoch in the low bits. */
struct soft_mapping {
	uint64_t tag;
	uint8_t *host;
	uint64_t strict; /* bits of an address that must be zero in elements, if they matter for their size */
	uint64_t ipa;
	bool device;
};

#define SOFT_MAPPINGS 256
#define SOFT_OPS_BITS 12
/* Epochs leave the lowest two bits to the PC, which must not have them. */
#define SOFT_EPOCH 4

struct soft_caches {
	/* In use: of this exception level, or nothing where each access needs a closer look. */
	const struct soft_mapping *mappings[SOFT_KINDS];
	uint64_t epoch; /* a multiple of SOFT_EPOCH below PAGE_BYTES, not 0 */
	uint64_t fetch_tag;
	const uint8_t *fetch_host;
	uint64_t generation;
	/* Something is to be looked at before the next instruction: see cpu.c. */
	bool attention;
	bool stepped, stepped_exclusive; /* by software step: the last instruction; it was a load-exclusive */
	enum soft_exit exit;
	const struct soft_bus *bus;
	unsigned mmu_features, except_features;

	/* Of the last look-up that failed. */
	struct soft_page page;
	uint64_t page_ipa;
	bool page_walk;
	struct soft_mapping once; /* that is not kept */

	struct soft_op ops[1 << SOFT_OPS_BITS];
	struct soft_mapping mapping[SOFT_REGIMES][SOFT_KINDS][SOFT_MAPPINGS];
	struct soft_mapping none[SOFT_MAPPINGS];
};

/* decode.c */
void soft_decode(uint32_t word, struct soft_op *op);
bool soft_feature(const char *name); /* "" is there */

/* exception.c: all take an exception to EL1 at the PC, and return SOFT_TAKEN. */
enum soft_step soft_take(struct soft_cpu *cpu, enum soft_class ec, uint32_t iss);
enum soft_step soft_take_address(struct soft_cpu *cpu, enum soft_class ec, uint64_t far);
enum soft_step soft_take_abort(struct soft_cpu *cpu, bool fetch, uint64_t esr, uint64_t va);
enum soft_step soft_take_serror(struct soft_cpu *cpu);
enum soft_step soft_return(struct soft_cpu *cpu);
uint64_t soft_branch_address(const struct soft_cpu *cpu, uint64_t va);
/* Whether software step is on here. */
bool soft_steps(const struct soft_cpu *cpu);

/* cpu.c: PSTATE or a register that decides about all instructions has changed. */
void soft_state_changed(struct soft_cpu *cpu);

/* memory.c */
struct soft_access {
	enum soft_kind kind;
	bool el0;                   /* with EL0's permissions */
	bool atomic;                /* a write that reads too */
	bool maintenance;           /* of the caches: CM, and WnR is 1 */
	bool misaligned;            /* for Device memory */
	const struct sv_insn *insn; /* data accesses; it says what the syndrome says */
};

/*
 * The mapping of the page around va, looked up if need be; valid until the next call. NULL: *step says what has
 * become of the instruction.
 */
const struct soft_mapping *soft_map(struct soft_cpu *cpu, uint64_t va, const struct soft_access *access,
				    enum soft_step *step);
void soft_forget(struct soft_cpu *cpu);
extern const struct sv_regs_ops soft_regs_ops; /* of a struct soft_cpu */
struct sv_context soft_context(const struct soft_cpu *cpu);
enum sv_status soft_translate(struct soft_cpu *cpu, uint64_t va, struct sv_access_kind kind,
			      struct sv_translation *out);

/* AT: PAR_EL1, or an abort of the walk. pan: PSTATE.PAN counts. */
enum soft_step soft_address_translate(struct soft_cpu *cpu, uint64_t va, bool write, bool el0, bool pan);

/* load-store.c: how a word that src/insn knows is executed. */
void soft_decode_access(const struct sv_insn *insn, struct soft_op *op);
enum soft_step soft_access_slowly(struct soft_cpu *cpu, const struct soft_op *op);

/* system.c */
enum soft_step soft_hint(struct soft_cpu *cpu, uint32_t word);
enum soft_step soft_msr_immediate(struct soft_cpu *cpu, uint32_t word);
enum soft_step soft_msr(struct soft_cpu *cpu, uint32_t word, uint64_t value);
enum soft_step soft_mrs(struct soft_cpu *cpu, uint32_t word);
enum soft_step soft_sys(struct soft_cpu *cpu, uint32_t word, uint64_t value);
enum soft_step soft_take_system(struct soft_cpu *cpu, uint32_t word); /* EC 0x18 */
bool soft_simd_enabled(struct soft_cpu *cpu); /* false: the exception has been taken */

static inline unsigned soft_el(const struct soft_cpu *cpu)
{
	return SV_PSTATE_EL(cpu->pstate);
}

/* The stack pointer in use. */
static inline uint64_t *soft_sp(struct soft_cpu *cpu)
{
	return &cpu->sp[soft_el(cpu) && cpu->pstate & SV_PSTATE_SP];
}

static inline uint64_t get_X(const struct soft_cpu *cpu, unsigned n)
{
	return cpu->x[n];
}

static inline uint64_t get_W(const struct soft_cpu *cpu, unsigned n)
{
	return (uint32_t)cpu->x[n];
}

static inline uint64_t get_X_SP(struct soft_cpu *cpu, unsigned n)
{
	return __builtin_expect(n == 31, 0) ? *soft_sp(cpu) : cpu->x[n];
}

static inline uint64_t get_W_SP(struct soft_cpu *cpu, unsigned n)
{
	return (uint32_t)get_X_SP(cpu, n);
}

/* What is written to XZR is overwritten, which is cheaper than asking. */
static inline void put_X(struct soft_cpu *cpu, unsigned n, uint64_t value)
{
	cpu->x[n] = value;
	cpu->x[31] = 0;
}

static inline void put_W(struct soft_cpu *cpu, unsigned n, uint64_t value)
{
	put_X(cpu, n, (uint32_t)value);
}

static inline void put_X_SP(struct soft_cpu *cpu, unsigned n, uint64_t value)
{
	if (__builtin_expect(n == 31, 0))
		*soft_sp(cpu) = value;
	else
		cpu->x[n] = value;
}

static inline void put_W_SP(struct soft_cpu *cpu, unsigned n, uint64_t value)
{
	put_X_SP(cpu, n, (uint32_t)value);
}

static inline enum soft_step soft_leave(struct soft_cpu *cpu, enum soft_exit exit, enum soft_step step)
{
	cpu->caches->exit = exit;
	return step;
}

#endif
