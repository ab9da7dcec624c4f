/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU for softkvm: EL1 and EL0 of an arm64 vCPU in AArch64 state, under a stage 2 that somebody else
 * answers for. It executes A64 integer instructions, moves between SIMD registers, and all loads and stores
 * that src/insn performs; anything else is UNDEFINED to the guest. No timer, no interrupts.
 *
 * Deterministic: the same state, memory and calls give the same result. One thread runs a CPU at a time;
 * several CPUs may run on several threads over the same memory, where naturally aligned accesses of up to
 * eight bytes are single-copy atomic, atomics are indivisible and exclusives fail if the memory changed.
 *
 * An instruction happens as a whole or not at all, also where hardware might have done part of it (the first
 * half of a pair, an element before the page that is missing): nothing has changed when soft_cpu_run
 * returns SOFT_ABORT.
 *
 * Code needs no cache maintenance: every instruction is fetched from memory as it is then. That is one of
 * the things that the architecture permits, and lets the host change code at any time.
 */
#ifndef SOFTKVM_CPU_H
#define SOFTKVM_CPU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <salvage/status.h>

#include "registers.h"

/* Why soft_cpu_run returned. */
enum soft_exit {
	SOFT_BUDGET, /* the instructions asked for were executed, or *kick was set */
	SOFT_ABORT,  /* stage 2 or an external abort: cpu->abort. The PC is at the instruction. */
	SOFT_HVC,    /* cpu->immediate; the PC is behind it */
	SOFT_SMC,    /* cpu->immediate; the PC is at it, as for a trapped SMC */
	SOFT_WFI,    /* the PC is behind it. The guest may be run on at any time. */
	SOFT_WFE,    /* likewise */
	SOFT_DEBUG,  /* cpu->host_step: one instruction, or one exception, was done */
};

/* What the CPU tells EL2 of an abort. */
struct soft_abort {
	/* ESR_EL2: EC 0x24 or 0x20, IL, and the ISS: ISV, SAS, SSE, SRT, SF, AR, FnV, EA, CM, S1PTW, WnR, FSC */
	uint64_t esr;
	uint64_t far;   /* FAR_EL2: the address as the guest formed it, tag and all; 0 with FnV */
	uint64_t hpfar; /* HPFAR_EL2; 0 if it is not valid */
	/*
	 * As the architecture has it: not for a permission fault that is not S1PTW, nor for an external abort,
	 * except as struct soft_page says.
	 */
	bool hpfar_valid;
	uint64_t
		ipa; /* of the byte, or of the descriptor, that could not be accessed: for tests and messages */
};

/* What a page is looked up for. */
struct soft_lookup {
	bool write;
	bool fetch;
	bool walk; /* a descriptor of stage 1 is read */
};

/* Stage 2's answer for the 4 KiB around an IPA. */
struct soft_page {
	uint8_t *host; /* its memory, if the look-up succeeded */
	/*
	 * Do not keep this answer: ask again for each access. For pages whose accesses fail one after the
	 * other as a test pleases.
	 */
	bool once;
	/* If the look-up failed. */
	uint8_t fsc; /* as in ESR_EL2: 0x04-0x07, 0x08-0x0b, 0x0c-0x0f, 0x10, 0x14-0x17, 0x18, 0x1c-0x1f, ... */
	bool fnv;    /* with fsc 0x10: no address is reported */
	bool ea;     /* ESR_EL2.EA */
	uint8_t set;      /* ESR_EL2.SET, of an external abort */
	bool hpfar_valid; /* of an external abort; of the others the architecture says */
};

/* What is behind the CPU. */
struct soft_bus {
	/*
	 * True and page->host for an ipa that can be accessed, else false and the fault. ipa is aligned to 4 KiB.
	 * Called on the thread of soft_cpu_run, on a miss of the CPU's own translation cache.
	 */
	bool (*page)(void *opaque, uint64_t ipa, struct soft_lookup lookup, struct soft_page *page);
	void *opaque;
	/*
	 * Add to it whenever an earlier answer of page no longer holds. The CPU reads it before each instruction
	 * and then forgets what it kept; cpu->seen tells when. Memory may be taken away when every CPU that is
	 * in soft_cpu_run has seen the new value. The CPU itself adds to it when the guest broadcasts a TLB
	 * invalidation; an instruction that another CPU has begun may still finish.
	 */
	_Atomic uint64_t *generation;
};

struct soft_caches;

/*
 * The guest's state may be read and written by whoever runs the CPU, between two runs. After a change of
 * sysreg other than by soft_cpu_set call soft_cpu_changed; the rest is looked at when a run begins.
 */
struct soft_cpu {
	uint64_t x[32]; /* x[31] is XZR: 0 whenever anybody looks */
	uint64_t sp[2]; /* SP_EL0, SP_EL1 */
	uint64_t pc;
	uint64_t pstate; /* in the layout of SPSR_EL1 */
	_Alignas(16) uint8_t v[32][16];
	uint64_t sysreg[SOFT_REG_COUNT]; /* by enum soft_reg; FPCR and FPSR too */

	/* A virtual SError that waits until PSTATE.A lets it through (HCR_EL2.VSE), with its ISS (VSESR_EL2). */
	bool serror_pending;
	uint64_t serror_iss;

	/*
	 * KVM_GUESTDBG_SINGLESTEP: each run executes one instruction, or takes one exception, and returns
	 * SOFT_DEBUG unless it has something else to return. The guest's own software step does not happen.
	 */
	bool host_step;

	/* Set by any thread: soft_cpu_run returns SOFT_BUDGET before its next instruction. It stays set. */
	_Atomic bool kick;
	_Atomic uint64_t seen; /* of the bus's generation */

	/* Of the last exit. */
	struct soft_abort abort;
	uint16_t immediate; /* imm16 of HVC and SMC */

	uint64_t retired; /* instructions executed since soft_cpu_create, exceptions taken included */

	/* Private. */
	struct soft_caches *caches;
	struct soft_exclusive {
		bool valid;
		uint8_t bytes;
		uint64_t ipa;
		uint8_t value[16];
	} exclusive;   /* the local monitor, and what was loaded */
	bool all_slow; /* tests: every load and store by plan and finish */
};

/* A CPU as after reset, in memory of its own, or NULL. soft_cpu_destroy takes NULL too. */
struct soft_cpu *soft_cpu_create(void);
void soft_cpu_destroy(struct soft_cpu *cpu);

/*
 * All of the guest's state as KVM has it after KVM_ARM_VCPU_INIT: zero, but for PSTATE (EL1h, DAIF masked) and
 * the system registers' reset values. mpidr is MPIDR_EL1 and VMPIDR_EL2.
 */
void soft_cpu_reset(struct soft_cpu *cpu, uint64_t mpidr);

/* Executes up to so many instructions. Takes no lock, allocates nothing. */
enum soft_exit soft_cpu_run(struct soft_cpu *cpu, const struct soft_bus *bus, uint64_t instructions);

/* What was translated and kept is forgotten: after writing translation registers from outside. */
void soft_cpu_changed(struct soft_cpu *cpu);

/*
 * Translates as AT does, at the guest's own exception level or for EL0: true and the IPA, or false. Descriptors
 * are read through the bus; a fault there is a plain false.
 */
bool soft_cpu_translate(struct soft_cpu *cpu, const struct soft_bus *bus, uint64_t va, bool write, bool el0,
			uint64_t *ipa);

/*
 * Takes an exception to EL1 (except.h), as soft_cpu_run does itself for the guest's own: PSTATE, PC and the
 * registers of the exception. SV_OK, or as sv_exception_take. SErrors: serror_pending is the usual way.
 */
struct sv_injection;
enum sv_status soft_cpu_inject(struct soft_cpu *cpu, const struct sv_injection *injection);

/*
 * System registers by the encoding that MRS, MSR and KVM's ONE_REG use: op0:op1:CRn:CRm:op2, 2+3+4+4+3 bits.
 * The host's view, with no permissions but the register's own: ID registers cannot be set to anything
 * else than they are (false). False too if there is no such register.
 */
bool soft_cpu_get(const struct soft_cpu *cpu, uint16_t encoding, uint64_t *value);
bool soft_cpu_set(struct soft_cpu *cpu, uint16_t encoding, uint64_t value);

/* All system registers there are, in the order of enum soft_reg. */
struct soft_reg_info {
	const char *name;
	uint16_t encoding;
	uint8_t access;    /* enum soft_rights */
	uint64_t writable; /* bits that a write changes; the others keep their reset value */
	uint64_t reset;
};
extern const struct soft_reg_info soft_regs[SOFT_REG_COUNT];

#endif
